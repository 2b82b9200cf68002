"""A stream found in a HAR file or a VCR cassette, and which exchanges contain one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from respstream._pure.protocols.any_api import serves
from respstream._pure.records.detect import looks_like_sse

Span: TypeAlias = tuple[int, int, int]
"""Offset, end and 1-based line of a record in its file."""

Report: TypeAlias = Callable[[str, str, Span], None]
"""Takes the field, the expected value and the span of a record that cannot be read."""


class Record(NamedTuple):
    """A stream in a file: its bytes, its times and its span.

    `times`: when the stream was requested and when the record was written, in seconds since the epoch or None. `ends`: the
    stream ends after this record.
    """

    data: bytes
    times: tuple[float | None, float | None]
    span: Span
    ends: bool


def is_relevant(url: Any, mime: Any, body: bytes) -> bool:
    """Whether an HTTP exchange contains a stream: most exchanges that a browser exports do not."""
    if (isinstance(url, str) and serves(url)) or (isinstance(mime, str) and mime.startswith("text/event-stream")):
        return True
    return looks_like_sse(body)
