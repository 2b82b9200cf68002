"""Streams of one response with the faults of gateways, as functions of a `random.Random`.

Indexes that collide, are missing or are strings, ids that change with every event, final values that are empty, null or missing at
every level, deltas behind a finished item, values of looser types, errors, and terminal outputs that are empty, shorter, or in
another order. Each delta has a text that occurs nowhere else, also not in streams of other numbers, so that a test can look for it.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, NamedTuple

from tests.support.wellformed_streams import Json, chance, interleave


class Kind(NamedTuple):
    """How a text of an item arrives.

    `item`: the type of the item. `stem`: of the event types. `member`: the member of the done event and of the part. `holder`: the
    member of the item that contains the text. `number`: the member of an event that numbers the parts of the item. `part`, `added`:
    the type of a part, and the stem of its events.
    """

    item: str
    stem: str
    member: str
    holder: str
    number: str = ""
    part: str = ""
    added: str = ""


KINDS = (
    Kind("message", "output_text", "text", "content", "content_index", "output_text", "content_part"),
    Kind("message", "refusal", "refusal", "content", "content_index", "refusal", "content_part"),
    Kind("reasoning", "reasoning_text", "text", "content", "content_index", "reasoning_text", "content_part"),
    Kind("reasoning", "reasoning", "text", "content", "content_index", "reasoning_text", "reasoning_part"),
    Kind("reasoning", "reasoning_summary_text", "text", "summary", "summary_index", "summary_text", "reasoning_summary_part"),
    Kind("function_call", "function_call_arguments", "arguments", "arguments"),
    Kind("custom_tool_call", "custom_tool_call_input", "input", "input"),
    Kind("mcp_call", "mcp_call_arguments", "arguments", "arguments"),
    Kind("code_interpreter_call", "code_interpreter_call_code", "code", "code"),
    Kind("apply_patch_call", "apply_patch_call_operation_diff", "diff", "operation"),
    Kind("shell_call", "shell_call_command", "command", "action", "command_index"),
    Kind("shell_call_output", "shell_call_output_content", "stdout", "output", "command_index"),
    Kind("shell_call_output", "shell_call_output_content", "stderr", "output", "command_index"),
)  # fmt: skip
CALLS = ("function_call", "custom_tool_call", "mcp_call")
ERRORS: list[Json] = [
    {"type": "error", "code": "oops", "message": "Boom", "param": None},
    {"type": "error", "error": {"code": 502, "message": "Boom"}},
    {"type": "error", "error": "Boom"},
    {"type": "response.error", "error": {"type": "server_error", "message": "Boom"}},
    {"error": {"code": "oops", "message": "Boom"}},
    {"detail": "Boom"},
]
"""Errors inside a stream; the last two are bodies, no events."""
PRINTED = ("message", "message", "reasoning", *CALLS)
NOT_PRINTED = ("code_interpreter_call", "apply_patch_call", "shell_call", "shell_call_output")


class Delta(NamedTuple):
    """A delta: its text, the names of its item, the output index if the event has one, and the member that contains the text."""

    text: str
    names: tuple[str, ...]
    position: int | None
    holder: str


class Faulty(NamedTuple):
    """The events of a stream, and its deltas. `regular`: all events have the right values, at the right place, and
    tell their item.
    """

    events: list[Json]
    deltas: list[Delta]
    regular: bool


class Style(NamedTuple):
    """What the events of a server have in common. `faults`, `loose`: percentages."""

    indexes: str
    ids: str
    call_ids: bool
    faults: int
    loose: int


def stream(rng: Random, number: int = 0) -> Faulty:
    """A stream of one response."""
    style = Style(
        rng.choice(["proper", "proper", "same", "missing", "random", "string", "some"]),
        rng.choice(["none", "items", "events", "events", "changing"]),
        chance(rng, 70),
        rng.choice([0, 5, 25]),
        rng.choice([0, 0, 20]),
    )
    items = [_Item(rng, f"{number}.{position}", position, style) for position in range(rng.randint(0, 3))]
    rows = [item.events() for item in items]
    middle = interleave(rng, rows) if chance(rng, 40) else [event for row in rows for event in row]
    created = {"status": "in_progress", "output": []}
    events = [_lifecycle(rng, "created", created, style), *middle]
    if chance(rng, style.faults):
        events.insert(rng.randint(1, len(events)), rng.choice(ERRORS))
    if chance(rng, 92):
        name = "completed" if chance(rng, 80) else rng.choice(["incomplete", "failed", "cancelled", "done"])
        events.append(_lifecycle(rng, name, _terminal(rng, items, style), style))
    told = style.indexes in ("proper", "string") or (style.indexes != "some" and style.ids == "events")
    regular = style.faults == 0 and told
    return Faulty(events, [delta for item in items for delta in item.deltas()], regular)


def lines(events: list[Json]) -> bytes:
    """Events as JSON lines."""
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def _lifecycle(rng: Random, status: str, response: Json, style: Style) -> Json:
    """A lifecycle event, whose response may be the event itself."""
    response = {"id": "resp_1", "object": "response", "model": "m", **response}
    members = response if chance(rng, style.loose) else {"response": response}
    return {"type": f"response.{status}", **members}


# -- items -------------------------------------------------------------------------------------------------------------


class _Item:
    """An item of a stream: its events, and its final value."""

    def __init__(self, rng: Random, name: str, position: int, style: Style) -> None:
        self._rng, self._name, self._style = rng, name, style
        self.index = {"same": 0, "missing": None, "random": rng.randint(0, 1)}.get(style.indexes, position)
        self._kind = rng.choice(PRINTED if chance(rng, 70) else NOT_PRINTED)
        self._has_id = style.ids != "none" or chance(rng, 50)
        self._names: list[str] = []
        self._deltas: list[tuple[str, int | None, str]] = []
        self.shell: Json = {"type": self._kind}
        if self._kind in CALLS:
            self.shell["name"] = f"f{name}"
        if "call" in self._kind and style.call_ids and chance(rng, 90):
            self._names.append(f"call_{name}")
            self.shell["call_id"] = f"call_{name}"
        holder = rng.choice(["content", "summary"])  # of reasoning, which has one or the other
        kinds = [one for one in KINDS if one.item == self._kind and (one.holder == holder or one.item != "reasoning")]
        self._parts = [self._part(rng.choice(kinds), number) for number in range(self._count(kinds[0]))]

    def _count(self, kind: Kind) -> int:
        """The number of parts."""
        return self._rng.choice([0, 1, 1, 1, 2]) if kind.number else 1

    def _part(self, kind: Kind, number: int) -> tuple[Kind, list[str]]:
        """A kind, and the texts of its deltas."""
        texts = [f"<{self._name}.{number}.{delta}>" for delta in range(self._rng.choice([0, 1, 1, 2, 3]))]
        if texts and kind.item in CALLS and chance(self._rng, 30):
            texts[0], texts[-1] = '{"a":"' + texts[0], texts[-1] + '"}'
        return kind, texts

    def deltas(self) -> list[Delta]:
        """The deltas of the events so far."""
        return [Delta(text, tuple(self._names), position, holder) for text, position, holder in self._deltas]

    def events(self) -> list[Json]:
        """The events, some of them wrong, missing or at a wrong place."""
        rng, faults = self._rng, self._style.faults
        events = []
        if chance(rng, 85):
            empty = rng.choice([self.shell, _whole(self.shell, [(kind, "") for kind, _ in self._parts])])
            events.append(self._event("output_item.added", item=self._identified(empty)))
        rows = [self._part_events(kind, number, texts) for number, (kind, texts) in enumerate(self._parts)]
        events += interleave(rng, rows) if chance(rng, faults) else [event for row in rows for event in row]
        if chance(rng, 75):
            events.append(self._event("output_item.done", item=self.final(faults)))
        for _ in range(rng.choice([1, 1, 2])):
            if events and chance(rng, faults):  # deltas behind their item, an item that is added late or twice
                again = rng.randint(0, len(events) - 1)
                event = events[again] if chance(rng, 30) else events.pop(again)
                events.insert(rng.randint(0, len(events)), event)
        return events

    def final(self, faults: int) -> Json:
        """The final value of the item; in that percentage of cases a wrong one."""
        rng = self._rng
        value = self._identified(_whole(self.shell, [(kind, "".join(texts)) for kind, texts in self._parts]))
        if chance(rng, faults):
            value = self.wrong(value)
        for kind in ("arguments", "input"):
            if str(value.get(kind)).startswith("{") and chance(rng, self._style.loose):
                value[kind] = json.loads(value[kind])
        return value

    def wrong(self, value: Json) -> Json:
        """The value with its texts emptied or changed, or without them or a part of them."""
        rng = self._rng
        fault = rng.choice(["emptied", "emptied", "changed", "null", "missing", "shorter"])
        if fault in ("emptied", "changed"):
            text = "" if fault == "emptied" else f"<other.{self._name}>"
            return self._identified(_whole(self.shell, [(kind, text) for kind, _ in self._parts]))
        for holder in {kind.holder for kind, _ in self._parts} & {*value}:
            if fault == "missing":
                del value[holder]
            else:
                value[holder] = None if fault == "null" else _shorter(value[holder])
        return value

    def _part_events(self, kind: Kind, number: int, texts: list[str]) -> list[Json]:
        """The events of one part."""
        rng, style = self._rng, self._style
        if chance(rng, style.faults):
            number = 0
        at = {kind.number: number} if kind.number and not chance(rng, style.faults) else {}
        events = []
        if kind.added and chance(rng, 60):
            events.append(self._event(f"{kind.added}.added", **at, part={"type": kind.part, kind.member: ""}))
        if kind.holder == "action" and chance(rng, 60):
            events.append(self._event(f"{kind.stem}.added", **at, command=""))
        for text in texts:
            event = self._event(f"{kind.stem}.delta", **at, delta=self._delta(kind, text))
            position = self.index if "output_index" in event else None
            self._deltas.append((text.strip('{"a:}'), position, kind.holder))
            events.append(event)
        if chance(rng, 75):
            events.append(self._event(f"{kind.stem}.done", **at, **self._done(kind, "".join(texts))))
        if kind.added and chance(rng, 60):
            part: Json = {"type": kind.part, kind.member: "".join(texts)}
            if chance(rng, style.faults):
                part |= {kind.member: rng.choice(["", "", None, f"<other.{self._name}>"])}
            events.append(self._event(f"{kind.added}.done", **at, part=part))
        return events

    def _delta(self, kind: Kind, text: str) -> Any:
        """The value of a delta event."""
        if kind.holder == "output":
            return {"stdout": "", "stderr": "", kind.member: text} if chance(self._rng, 70) else {kind.member: text}
        return {"type": "text", "text": text} if chance(self._rng, self._style.loose) else text

    def _done(self, kind: Kind, text: str) -> Json:
        """The value of a done event; at times an empty or a different one, or none."""
        rng = self._rng
        value: Any = text
        if chance(rng, self._style.faults):
            value = rng.choice(["", "", None, f"<other.{self._name}>"])
        if kind.holder == "output":
            return {"output": [{kind.member: value}] if value != "" else rng.choice([[], [{}], [{kind.member: ""}]])}
        if kind.item in CALLS and str(value).startswith("{") and chance(rng, self._style.loose):
            value = json.loads(value)
        return {kind.member: value} if value is not None or chance(rng, 50) else {}

    def _event(self, name: str, **members: Any) -> Json:
        event: Json = {"type": f"response.{name}"}
        if self.index is not None and not (self._style.indexes == "some" and chance(self._rng, 30)):
            event["output_index"] = str(self.index) if self._style.indexes == "string" else self.index
        if self._style.ids in ("events", "changing") and "item" not in members:
            event["item_id"] = self._id()
        return event | members

    def _identified(self, value: Json) -> Json:
        """The item with its id, if it has one."""
        return {**value, "id": self._id()} if self._has_id else dict(value)

    def _id(self) -> str:
        ident = f"item_{self._name}"
        if self._style.ids == "changing":
            ident += f"_{len(self._names)}"
        if ident not in self._names:
            self._names.append(ident)
        return ident


def _whole(shell: Json, parts: list[tuple[Kind, str]]) -> Json:
    """An item with its texts."""
    value: Json = dict(shell)
    for kind, text in parts:
        if kind.part:
            value.setdefault(kind.holder, []).append({"type": kind.part, kind.member: text})
        elif kind.holder == "action":
            value.setdefault("action", {"commands": []})["commands"].append(text)
        elif kind.holder == "output":
            value.setdefault("output", []).append({"stdout": "", "stderr": "", kind.member: text})
        elif kind.holder == "operation":
            value["operation"] = {"type": "update_file", "path": "a", "diff": text}
        else:
            value[kind.holder] = text
    return value


def _shorter(value: Any) -> Any:
    """A list without its last element, or an object or a text without content."""
    return value[:-1] if isinstance(value, list) else type(value)()


# -- the terminal response ---------------------------------------------------------------------------------------------


def _terminal(rng: Random, items: list[_Item], style: Style) -> Json:
    """The members of the terminal response: its output is right, or at times empty, missing, shorter or otherwise wrong."""
    response: Json = {"status": "completed"}
    output: list[Json] | None = [item.final(0) for item in items]
    if chance(rng, style.faults):
        output = _wrong_output(rng, items, style)
    elif chance(rng, 20):
        output = []
    if output is not None or chance(rng, 50):
        response["output"] = output
    return response


def _wrong_output(rng: Random, items: list[_Item], style: Style) -> list[Any] | None:
    """A terminal output with one or two faults."""
    output: list[Any] = [item.final(style.faults) for item in items]
    extra = [{"id": "item_x", "type": "message", "content": []}, {"id": "item_y", "type": "web_search_call"}, None, {}]
    faults = ["null", "shorter", "reordered", "wrong", "replaced", "longer", "twice"]
    for fault in rng.sample(faults, rng.choice([1, 1, 2])):
        at = rng.randint(0, len(output))
        if fault == "null":
            return None
        if fault == "shorter":
            del output[at : at + 1]
        elif fault == "reordered":
            rng.shuffle(output)
        elif fault == "wrong":
            output = [item.wrong(item.final(0)) for item in items]
        elif fault == "replaced":
            output[at : at + 1] = [rng.choice(extra)]
        elif fault == "longer":
            output.insert(at, rng.choice(extra))
        else:
            output += output[at : at + 1]
    return output
