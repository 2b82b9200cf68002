"""Compares what the functions of the package return for a file: events, responses, deltas, rows, and an accumulator's responses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import respstream
from respstream import StreamError
from respstream.tables.scan import response_row
from tests.support import readings
from tests.support.backends import NAMES, bound


def _partial_arguments(response: Any) -> list[str]:
    found = []
    for call in response.tool_calls:
        try:
            found.append(repr(call.partial_arguments()))
        except ValueError as error:
            found.append(str(error))
    return found


def _events(path: Path, options: dict[str, Any]) -> tuple[Any, ...]:
    """The events, and the responses that an accumulator makes of them."""
    stream = respstream.events(path, **options)
    accumulator = respstream.Accumulator()
    events, error = [], None
    try:
        for event in stream:
            accumulator.add(event)
            events.append(readings.plain_event(event))
    except StreamError as raised:
        error = readings.plain_error(raised)
    accumulated = [readings.plain_response(response) for response in accumulator.responses]
    arguments = [_partial_arguments(response) for response in accumulator.responses]
    diagnostics = [[one.to_dict() for one in found] for found in (stream.diagnostics, accumulator.diagnostics)]
    return events, error, accumulated, arguments, diagnostics


def _responses(path: Path, options: dict[str, Any]) -> tuple[Any, ...]:
    """The responses, and their rows."""
    found, error = [], None
    try:
        for response in respstream.responses(path, **options):
            row = response_row(response, "a", whole=True)
            found.append((readings.plain_response(response), row, _partial_arguments(response)))
    except StreamError as raised:
        error = readings.plain_error(raised)
    return found, error


def _deltas(path: Path, options: dict[str, Any]) -> tuple[Any, ...]:
    found, error = [], None
    try:
        found += [repr(delta) for delta in respstream.deltas(path, **options)]
    except StreamError as raised:
        error = readings.plain_error(raised)
    return found, error


VIEWS: dict[str, Callable[[Path, dict[str, Any]], tuple[Any, ...]]] = {
    "events": _events,
    "responses": _responses,
    "deltas": _deltas,
}


def difference(path: Path, options: dict[str, Any]) -> str:
    """What differs between the backends, "" for nothing."""
    for view, read in VIEWS.items():
        found = []
        for name in NAMES:
            with bound(name):
                found.append(read(path, options))
        for first, second in zip(*found, strict=True):
            if first != second:
                return f"{view}:\n  rust   {first!r}\n  python {second!r}"
    return ""
