"""The recorded streams of the folder that `RESPSTREAM_RECORDED` names, repeated with other ids, as one log.

Real servers' events in their real proportions: most streams are short, so that lifecycle, item and part events dominate. Left out
are streams that the hand-written loops of `peers` do not read as the standard says (no terminal event, other line ends, several
lines of data); their expected results are those of the pure-Python fallback.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any

from benches import peers
from benches.shapes import Log

VARIABLE = "RESPSTREAM_RECORDED"

# The random part of an id; the digits and letters are exchanged in each repetition.
_ID = re.compile(rb"(?<=_)[0-9A-Za-z]{16,}(?=\")")
_ALPHABET = b"0123456789abcdefghijklmnopqrstuvwxyz"


def folder() -> Path | None:
    """The folder, if there is one."""
    value = os.environ.get(VARIABLE)
    return Path(value) if value else None


def log(size_bytes: int) -> Log:
    """All streams, as often as it takes to reach the size."""
    streams = _streams()
    pieces: list[bytes] = []
    repeats = max(1, -(-size_bytes // sum(len(data) for data, _ in streams)))
    for number in range(repeats):
        pieces += [_with_other_ids(data, number) for data, _ in streams]
    responses = [_renamed(row, number) for number in range(repeats) for _, rows in streams for row in rows]
    return Log(
        data=b"".join(pieces),
        responses=responses,
        events=sum(row["events"] for row in responses),
        deltas=sum(row["deltas"] for row in responses),
        delta_chars=sum(row["delta_chars"] for row in responses),
    )


@functools.cache
def _streams() -> list[tuple[bytes, list[dict[str, Any]]]]:
    """The streams that all contenders read, with the expected rows of their responses."""
    found = folder()
    files = [] if found is None else sorted(path for path in found.rglob("*.sse") if path.is_file())
    return [(data, rows) for data in map(Path.read_bytes, files) if (rows := _expected(data)) is not None]


def _expected(data: bytes) -> list[dict[str, Any]] | None:
    """The rows of a stream by the fallback; None if the loops by hand get others."""
    from respstream._fallback import Decoder

    if not data.endswith(b"\n\n"):
        return None
    decoder = Decoder()
    events: list[Any] = decoder.feed(data) + decoder.finish()
    deltas = [event.delta for event in events if isinstance(getattr(event, "delta", None), str)]
    rows = list(map(_row, decoder.responses))
    try:
        by_hand = peers.fold_json(data), peers.split_json(data)
    except (KeyError, TypeError, ValueError):
        return None
    answer = [(row["id"], row["status"], row["output_text"], row["output_tokens"], row["tool_calls"]) for row in rows]
    if len(rows) != 1 or by_hand != (answer, (len(events), sum(map(len, deltas)))):
        return None
    return [{**rows[0], "events": len(events), "deltas": len(deltas), "delta_chars": sum(map(len, deltas))}]


def _row(response: Any) -> dict[str, Any]:
    usage = response.usage
    return {
        "id": response.id,
        "status": response.status,
        "output_text": response.output_text,
        "output_tokens": None if usage is None else usage.output_tokens,
        "tool_calls": [(call.type, call.call_id, call.name, call.arguments) for call in response.tool_calls],
    }


def _with_other_ids(data: bytes, number: int) -> bytes:
    table = _table(number)
    return _ID.sub(lambda found: found[0].translate(table), data)


def _renamed(row: dict[str, Any], number: int) -> dict[str, Any]:
    def renamed(value: Any) -> Any:
        return _with_other_ids(f'{value}"'.encode(), number)[:-1].decode() if isinstance(value, str) else value

    calls = [(kind, renamed(call_id), name, arguments) for kind, call_id, name, arguments in row["tool_calls"]]
    return {**row, "id": renamed(row["id"]), "tool_calls": calls}


def _table(number: int) -> bytes:
    turn = number % len(_ALPHABET)
    return bytes.maketrans(_ALPHABET, _ALPHABET[turn:] + _ALPHABET[:turn])
