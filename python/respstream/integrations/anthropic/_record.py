"""Records the streams of a client of the anthropic SDK."""

from __future__ import annotations

import os
from typing import Any

from respstream.integrations._record import record_client
from respstream.recordings.recorder import Recorder

__all__ = ["record"]

_ENDPOINTS = ("/messages/", ":streamRawPredict/")
"""The ends of the paths of the API, and of Vertex. Bedrock's streams are binary, and are not recorded."""


def record(client: Any, path: str | os.PathLike[str], *, sync: bool = False) -> Recorder:
    """Appends to a file what a client of the anthropic SDK gets from the Messages API, with times: a lane for each request.

    `client`: one of the SDK, or of httpx. `sync`: fsync at the end of each stream. Gives the recorder; closing it, as a
    context manager too, leaves the client as it was. Rows are those of `respstream.Recorder`; chunks are the bytes behind a
    content encoding. A recording that fails, as on a full disk, warns (RuntimeWarning) and ends, and the client goes on.
    Raises TypeError for what is no client, OSError where the file cannot be opened.
    """
    return record_client(client, path, _ENDPOINTS, sync=sync)
