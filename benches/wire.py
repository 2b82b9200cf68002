"""Serialization of events: key order, framing, dialect. Standard library only.

An `EventWriter` converts the events of one response to text. Deltas, nearly all bytes of a log, are formatted from one template
per item, so that 200 MB take seconds; other events use `json.dumps`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring, encode_basestring_ascii  # type: ignore[attr-defined,unused-ignore]
from typing import Any, Literal, TypedDict

from benches import vocabulary

KeyOrder = Literal["wire", "alphabetical", "type_last"]
Form = Literal["sse", "jsonl"]
KEY_ORDERS: tuple[KeyOrder, ...] = ("wire", "alphabetical", "type_last")
FORMS: tuple[Form, ...] = ("sse", "jsonl")

_OBFUSCATED_WIDTH = 16  # api.openai.com pads a delta and its obfuscation to a multiple of 16 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The dialect of a stream.

    `key_order`: "wire" is `type, sequence_number, item_id, …, delta`; "alphabetical" is `type` and then the alphabet, with nested objects
    in the order of the schema; "type_last" is the alphabet throughout, with `type` last. `spaces` puts one behind each colon and comma, as
    Python's `json.dumps` does. The other options omit parts that some servers omit.
    """

    key_order: KeyOrder = "wire"
    form: Form = "sse"
    sequence_numbers: bool = True
    event_lines: bool = True
    blank_lines: bool = True
    newline: str = "\n"
    obfuscation: bool = True
    spaces: bool = False


class WireOptions(TypedDict, total=False):
    """The options of `Wire`, for functions that pass them on."""

    key_order: KeyOrder
    form: Form
    sequence_numbers: bool
    event_lines: bool
    blank_lines: bool
    newline: str
    obfuscation: bool
    spaces: bool


class EventWriter:
    """Writes the events of one response, numbered from 0; counts events, deltas and characters of deltas."""

    def __init__(self, wire: Wire, rng: random.Random, *, escape_non_ascii: bool = False) -> None:
        self.wire = wire
        self.rng = rng
        self.escape_non_ascii = escape_non_ascii
        self.events = 0
        self.deltas = 0
        self.delta_chars = 0
        self._parts: list[str] = []

    def encoded(self) -> bytes:
        """Everything written so far, as UTF-8."""
        return "".join(self._parts).encode()

    def discard(self) -> None:
        """Free the text; keep the counts."""
        self._parts.clear()

    def event(self, event_type: str, **members: Any) -> None:
        """Write one event; `members` are given in the order of the "wire" dialect, without `type` and `sequence_number`."""
        encoded = {name: self._dumps(value) for name, value in members.items()}
        if self.wire.sequence_numbers:
            encoded = {"sequence_number": str(self.events), **encoded}
        self._parts.append(self._frame(event_type, self._object(event_type, encoded)))
        self.events += 1

    def text_deltas(
        self, event_type: str, pieces: Sequence[str], *, logprobs: Sequence[Any] | None = None, **members: Any
    ) -> None:
        """Write one delta event per piece, with the given index members; `logprobs` has one list per piece."""
        encode = self._encode_string()
        columns: dict[str, Iterable[Any]] = {"delta": map(encode, pieces)}
        if logprobs is not None:
            columns["logprobs"] = map(self._dumps, logprobs)
        if self.wire.obfuscation:
            columns["obfuscation"] = self._obfuscation(pieces)
        template, order = self._delta_template(event_type, members, tuple(columns))
        if self.wire.sequence_numbers:
            columns["sequence_number"] = range(self.events, self.events + len(pieces))
        rows = zip(*(columns[name] for name in order), strict=True)
        self._parts += [template % row for row in rows]
        self.events += len(pieces)
        self.deltas += len(pieces)
        self.delta_chars += sum(map(len, pieces))

    def _delta_template(
        self, event_type: str, members: dict[str, Any], columns: tuple[str, ...]
    ) -> tuple[str, list[str]]:
        """A %-template of the framed event, and the names of its placeholders in order."""
        placeholders = {"sequence_number": "\0sequence_number\0"} if self.wire.sequence_numbers else {}
        fixed = {name: self._dumps(value) for name, value in members.items()}
        encoded = {**placeholders, **fixed, **{name: f"\0{name}\0" for name in columns}}
        pieces = self._frame(event_type, self._object(event_type, encoded)).split("\0")
        template = "%s".join(piece.replace("%", "%%") for piece in pieces[::2])
        return template, pieces[1::2]

    def _obfuscation(self, pieces: Sequence[str]) -> list[str]:
        noise = vocabulary.NOISE
        starts = self.rng.choices(range(len(noise) - _OBFUSCATED_WIDTH), k=len(pieces))
        return [
            f'"{noise[start : start + _OBFUSCATED_WIDTH - len(piece) % _OBFUSCATED_WIDTH]}"'
            for start, piece in zip(starts, pieces, strict=True)
        ]

    def _object(self, event_type: str, encoded: dict[str, str]) -> str:
        """A JSON object of serialized members, in the dialect's key order."""
        names = list(encoded) if self.wire.key_order == "wire" else sorted(encoded)
        comma, colon = self._separators()
        members = [f'"{name}"{colon}{encoded[name]}' for name in names]
        members.insert(len(members) if self.wire.key_order == "type_last" else 0, f'"type"{colon}"{event_type}"')
        return "{" + comma.join(members) + "}"

    def _separators(self) -> tuple[str, str]:
        return (", ", ": ") if self.wire.spaces else (",", ":")

    def _frame(self, event_type: str, payload: str) -> str:
        newline = self.wire.newline
        if self.wire.form == "jsonl":
            return payload + newline
        name = f"event: {event_type}{newline}" if self.wire.event_lines else ""
        return f"{name}data: {payload}{newline}{newline if self.wire.blank_lines else ''}"

    def _dumps(self, value: Any) -> str:
        text = json.dumps(
            value,
            ensure_ascii=self.escape_non_ascii,
            separators=self._separators(),
            sort_keys=self.wire.key_order == "type_last",
        )
        return _escape_slashes(text) if self.escape_non_ascii else text

    def _encode_string(self) -> Callable[[str], str]:
        if not self.escape_non_ascii:
            return encode_basestring  # type: ignore[no-any-return,unused-ignore]
        return lambda text: _escape_slashes(encode_basestring_ascii(text))


def _escape_slashes(text: str) -> str:
    """Escape slashes, as PHP does by default when it escapes non-ASCII text."""
    return text.replace("/", "\\/")
