"""The one place where what a library raises while it reads foreign bytes becomes a diagnostic of the file."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from respstream.errors import StreamError
from respstream.recordings.record import Report, Span


@contextmanager
def reported(report: Report, field: str, expected: str, span: Span) -> Generator[None, None, None]:
    """Reports the exceptions of the block, except that a package is missing and that `report` itself ends the run."""
    try:
        yield
    except (ImportError, StreamError):
        raise
    except Exception:  # PyYAML lets KeyError, OverflowError and others out, by what the file contains
        report(field, expected, span)
