"""Writes `types.py` and `_catalogue.py` of the package from the catalogue.

    python tools/generate_types.py [FOLDER]

Reads `rust/core/catalogue.toml`; writes both files into FOLDER (default: `python/respstream`). The output is the same
for the same catalogue, and stands as `ruff format` leaves it.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
CATALOGUE: Final = ROOT / "rust" / "core" / "catalogue.toml"
PACKAGE: Final = ROOT / "python" / "respstream"
WIDTH: Final = 120
GROUPS: Final = {
    "delta": "A piece of something: text, arguments, code, audio.",
    "done": "The whole of what deltas carried in pieces, or a finished part or item.",
    "terminal": "The end of a response.",
    "tool_call": "What a tool call is made of and how it fares.",
    "reasoning": "Reasoning text and its summary.",
    "lifecycle": "A snapshot of the whole response.",
}
OTHER_NAMES: Final = ("CLASSES", "Event", "Payload", "ResponseStreamEvent", "UnknownEvent")
EAGER: Final = {"str", "int"}

Row = dict[str, Any]

TYPES_HEAD: Final = '''\
"""The event classes: names and attributes are those of `openai.types.responses`.

Generated from rust/core/catalogue.toml by tools/generate_types.py; change them there.
"""

# ruff: noqa: RUF023 (the slots stand in the order of the wire)
# `type` is a read-only property of Event to type checkers, and a class attribute of each class:
# pyright: reportIncompatibleMethodOverride=false
from __future__ import annotations

from respstream.base import Event, Payload, UnknownEvent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias
'''

TABLE_HEAD: Final = '''\
"""The event table and the diagnostics, for the Python twin.

Generated from rust/core/catalogue.toml by tools/generate_types.py; change them there. The catalogue's own comments tell
what the fields of an entry mean.
"""

# fmt: off
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple

    class Entry(NamedTuple):
        """What one type of event does to the folded response; "" and () where there is nothing to tell."""

        type: str
        op: str
        phase: str
        target: tuple[tuple[str, str | None], ...]
        value: str
        item: str
        part: str
        begins: bool
        status: str
        extend: str
        eager: tuple[str, ...]

else:

    class Entry:  # a named tuple would import `collections`
        __slots__ = _fields = tuple("type op phase target value item part begins status extend eager".split())

        def __init__(self, *values: object) -> None:
            for name, value in zip(self._fields, values, strict=True):
                setattr(self, name, value)
'''


def camel(name: str) -> str:
    """`tool_call` -> `ToolCall`."""
    return "".join(word.capitalize() for word in name.split("_"))


def steps(target: str) -> tuple[tuple[str, str | None], ...]:
    """A target path as pairs of a member and the field that holds the index into it.

    `content[content_index].text` -> `(("content", "content_index"), ("text", None))`. Raises ValueError for other text.
    """
    matches = [re.fullmatch(r"(\w+)(?:\[(\w+)\])?", step) for step in target.split(".")] if target else []
    if None in matches:
        raise ValueError(f"not a target path: {target!r}")
    return tuple((match[1], match[2]) for match in matches if match)


def eager(event: Row) -> tuple[str, ...]:
    """The names of the fields that the engines fill at once: strings and integers that are not marked `lazy`."""
    fields = [field for field in event.get("fields", []) if not field.get("lazy", False)]
    return tuple(field["name"] for field in fields if field["type"].removesuffix(" | None") in EAGER)


def literal(value: object) -> str:
    """Python source of a string, tuple, bool or None, with double quotes."""
    if isinstance(value, tuple):
        return f"({', '.join(literal(element) for element in value)}{',' if len(value) == 1 else ''})"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)


def spread(head: str, elements: list[str], brackets: str, indent: str = "") -> str:
    """`head` and a bracketed list: on one line if it fits, else one element a line."""
    begin, end = brackets[0], brackets[1]
    comma = "," if len(elements) == 1 and begin == "(" else ""
    line = f"{indent}{head}{begin}{', '.join(elements)}{comma}{end}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{indent}{head}{begin}", *(f"{indent}    {element}," for element in elements), f"{indent}{end}"])


def event_class(event: Row) -> str:
    """The source of one event class."""
    fields = event.get("fields", [])
    extras = [literal(field["name"]) for field in fields if not field.get("declared", True)]
    name = literal(event["type"])
    lines = [f"class {event['class']}(Event):", f'    """{event["doc"]}"""', ""]
    lines.append(spread("__slots__ = ", [literal(field["name"]) for field in fields], "()", "    "))
    if extras:
        lines.append(spread("_extras = ", extras, "()", "    "))
    lines += ["", f"    type: Literal[{name}] = {name}"]
    lines += [f"    {field['name']}: {field['type']}" for field in fields]
    return "\n".join(lines)


def union(name: str, classes: list[str], doc: str) -> str:
    """The source of a union of classes, for annotations and `isinstance` alike."""
    joined = " | ".join(classes)
    if len(joined) + 4 > WIDTH:
        joined = "\n    | ".join(classes)
    return f'{name}: TypeAlias = (\n    {joined}\n)\n"""{doc}"""'


def types_source(events: list[Row]) -> str:
    """The source of `respstream.types`."""
    classes = [event["class"] for event in events]
    aliases = [
        union(f"{camel(name)}Event", [event["class"] for event in events if name in event.get("groups", [])], doc)
        for name, doc in GROUPS.items()
    ]
    # mypy narrows by `event.type == "…"` only if the class whose type is any str stands neither first nor last.
    everything = [*classes[:-1], "UnknownEvent", classes[-1]]
    aliases.append(union("ResponseStreamEvent", everything, "Any event of a stream."))
    names = [*classes, *(f"{camel(name)}Event" for name in GROUPS), *OTHER_NAMES]
    exported = sorted(names, key=lambda name: (not name.isupper(), name))  # constants first, as ruff wants it
    table = [f"{literal(event['type'])}: {event['class']}" for event in events]
    parts = [
        TYPES_HEAD,
        spread("__all__ = ", [literal(name) for name in exported], "[]"),
        *(f"\n\n{event_class(event)}" for event in events),
        "\n",
        *aliases,
        "",
        spread("CLASSES: dict[str, type[Event]] = ", table, "{}"),
        '"""The class of each type, in the order of the catalogue."""',
    ]
    return "\n".join(parts) + "\n"


def entry(event: Row) -> str:
    """The source of one entry of the event table, in lines that fit."""
    fold = event["fold"]
    text = [event["type"], fold["op"], fold.get("phase", ""), steps(fold.get("target", ""))]
    making = [fold.get(name, "") for name in ("value", "item", "part")]
    rest = [fold.get("begins", True), fold.get("status", ""), fold.get("extend", ""), eager(event)]
    pieces = [piece for value in [*text, *making, *rest] for piece in tokens(value)]
    return fill("    Entry(", pieces, "),")


def diagnostic(kind: Row) -> str:
    """The source of one row of the diagnostics, in lines that fit."""
    return fill(f"    {literal(kind['code'])}: (", [literal(kind["severity"]), literal(kind["template"])], "),")


def tokens(value: object) -> list[str]:
    """The literal of a value in the pieces between which a line may break."""
    if not isinstance(value, tuple) or len(value) < 2:
        return [literal(value)]
    first, *middle, last = [literal(element) for element in value]
    return [f"({first}", *middle, f"{last})"]


def fill(head: str, pieces: list[str], tail: str) -> str:
    """`head`, the pieces with commas between them and `tail` in as few lines as fit, further ones indented."""
    lines, start = [head], head
    for piece in [*(f"{piece}," for piece in pieces[:-1]), pieces[-1] + tail]:
        space = "" if lines[-1] == start else " "
        if len(lines[-1] + space + piece) > WIDTH:
            start, space = " " * 8, ""
            lines.append(start)
        lines[-1] += space + piece
    return "\n".join(lines)


def table_source(catalogue: Row) -> str:
    """The source of `respstream._catalogue`."""
    parts = [
        TABLE_HEAD,
        f"VERSION = {catalogue['version']}",
        "",
        "_ENTRIES = (",
        *(entry(event) for event in catalogue["event"]),
        ")",
        "",
        "EVENTS: dict[str, Entry] = {entry.type: entry for entry in _ENTRIES}",
        '"""The entry of each known type, in the order of the catalogue."""',
        "",
        "DIAGNOSTICS: dict[str, tuple[str, str]] = {",
        *(diagnostic(kind) for kind in catalogue["diagnostic"]),
        "}",
        '"""The severity and the message template of each code; the detail of a diagnostic fills the template."""',
    ]
    return "\n".join(parts) + "\n"


def generate(folder: Path) -> None:
    """Write both files into `folder`."""
    with CATALOGUE.open("rb") as file:
        catalogue = tomllib.load(file)
    (folder / "types.py").write_text(types_source(catalogue["event"]), encoding="utf-8", newline="\n")
    (folder / "_catalogue.py").write_text(table_source(catalogue), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE)
