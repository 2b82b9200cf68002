"""Records the streams of a client of the openai SDK."""

from __future__ import annotations

import os
from typing import Any

from respstream.integrations._record import record_client
from respstream.integrations.openai._record_websocket import record_websockets
from respstream.recordings.recorder import Recorder

__all__ = ["record"]

_ENDPOINTS = ("/responses/", "/chat/completions/")


def record(client: Any, path: str | os.PathLike[str], *, sync: bool = False) -> Recorder:
    """Appends to a file what a client of the openai SDK gets from the Responses API and from Chat Completions, with times: a
    lane for each request.

    The messages of its WebSockets (`client.responses.connect()`) are recorded in both directions, with a lane for each
    connection and `stream_id`.

    `client`: `OpenAI`, `AsyncOpenAI`, or an httpx client. `sync`: fsync at the end of each stream. Gives the recorder;
    closing it, as a context manager too, leaves the client as it was. Rows are those of `respstream.Recorder`; chunks are
    the bytes behind a content encoding. A recording that fails, as on a full disk, warns (RuntimeWarning) and ends, and
    the client goes on. Raises TypeError for what is no client, OSError where the file cannot be opened.
    """
    recorder = record_client(client, path, _ENDPOINTS, sync=sync)
    recorder.undo = record_websockets(client, recorder)
    return recorder
