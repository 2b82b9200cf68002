"""Streams of one response with the faults of gateways, as functions of a `random.Random`.

Indexes that collide or are missing, final values that are empty or missing, deltas behind a finished item, terminal outputs that
are empty, shorter, or in another order. Each delta is a text that occurs nowhere else, so that a test can look for it.
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

from tests.support.wellformed_streams import Json, chance, interleave

KINDS = {
    "message": ("output_text", "text"),
    "reasoning": ("reasoning_text", "text"),
    "function_call": ("function_call_arguments", "arguments"),
    "custom_tool_call": ("custom_tool_call_input", "input"),
    "mcp_call": ("mcp_call_arguments", "arguments"),
}
PARTS = {"message": "output_text", "reasoning": "reasoning_text"}


class Delta(NamedTuple):
    """A delta: its text, the names of its item, and the output index if the event has one."""

    text: str
    names: tuple[str, ...]
    position: int | None


class Faulty(NamedTuple):
    """The events of a stream, and its deltas."""

    events: list[Json]
    deltas: list[Delta]


class _Style(NamedTuple):
    """What the events of a server have in common."""

    indexes: str
    item_ids: bool
    call_ids: bool
    faults: int
    loose: int


def stream(rng: Random) -> Faulty:
    """A stream of one response."""
    style = _Style(
        rng.choice(["proper", "proper", "same", "missing", "random", "string"]),
        chance(rng, 60),
        chance(rng, 70),
        rng.choice([0, 5, 25]),
        rng.choice([0, 0, 20]),
    )
    deltas: list[Delta] = []
    made = [_item(rng, number, style, deltas) for number in range(rng.randint(0, 3))]
    rows = [events for events, _ in made]
    middle = interleave(rng, rows) if chance(rng, 40) else [event for row in rows for event in row]
    base = {"id": "resp_1", "object": "response", "model": "m", "output": []}
    events: list[Json] = [{"type": "response.created", "response": {**base, "status": "in_progress"}}, *middle]
    if chance(rng, 92):
        output = _output(rng, [item for _, item in made], style)
        response: Json = {**base, "status": "completed"}
        del response["output"]
        if output is not None or chance(rng, 50):
            response["output"] = output
        nested = not chance(rng, style.loose)
        events.append({"type": "response.completed", **({"response": response} if nested else response)})
    return Faulty(events, deltas)


def source(rng: Random) -> bytes:
    """A stream as JSON lines."""
    import json

    return b"".join(json.dumps(event).encode() + b"\n" for event in stream(rng).events)


def _item(rng: Random, number: int, style: _Style, deltas: list[Delta]) -> tuple[list[Json], Json]:
    """The events of an item, some of them wrong or missing, and its right final value."""
    kind = rng.choice([*KINDS])
    stem, member = KINDS[kind]
    shell: Json = {"type": kind}
    if style.item_ids or chance(rng, 50):
        shell["id"] = f"item_{number}"
    if kind in ("function_call", "custom_tool_call"):
        shell |= {"name": "f"} | ({"call_id": f"call_{number}"} if style.call_ids else {})
    index = {"same": 0, "missing": None, "random": rng.randint(0, 1)}.get(style.indexes, number)
    at: Json = {} if index is None else {"output_index": str(index) if style.indexes == "string" else index}
    named = {"item_id": shell["id"]} if style.item_ids and "id" in shell else {}
    part = {} if kind not in PARTS else {"content_index": 0}
    names = tuple(str(shell[name]) for name in ("id", "call_id") if name in shell)

    texts = [f"<{len(deltas) + number}>" for number in range(rng.randint(0, 3))]
    deltas += [Delta(text, names, index) for text in texts]
    text = "".join(texts)
    events: list[Json] = []
    if chance(rng, 85):
        events.append({"type": "response.output_item.added", **at, "item": _whole(shell, "", empty=True)})
    if part and chance(rng, 60):
        value = _part(kind, "")
        events.append({"type": "response.content_part.added", **at, **named, **part, "part": value})
    for one in texts:
        delta: Any = {"type": "text", "text": one} if chance(rng, style.loose) and part else one
        events.append({"type": f"response.{stem}.delta", **at, **named, **part, "delta": delta})

    def final() -> str:
        """The text, or at times nothing or another one."""
        if not chance(rng, style.faults):
            return text
        return rng.choice(["", "", "", "other"])

    if chance(rng, 75):
        events.append({"type": f"response.{stem}.done", **at, **named, **part, member: final()})
    if part and chance(rng, 60):
        value = _part(kind, final())
        events.append({"type": "response.content_part.done", **at, **named, **part, "part": value})
    if chance(rng, 75):
        item = _whole(shell, final(), empty=chance(rng, style.faults))
        events.append({"type": "response.output_item.done", **at, "item": item})
    if events and chance(
        rng, style.faults
    ):  # an event at a wrong place: late deltas, an item that is added late or twice
        again = rng.randint(0, len(events) - 1)
        event = events[again] if chance(rng, 30) else events.pop(again)
        events.insert(rng.randint(0, len(events)), event)
    return events, _whole(shell, text, empty=False)


def _part(kind: str, text: str) -> Json:
    return {"type": PARTS[kind], "text": text}


def _whole(shell: Json, text: str, *, empty: bool) -> Json:
    """An item with its text; with `empty` an empty text may be an empty list."""
    kind = shell["type"]
    if kind in PARTS:
        return {**shell, "content": [] if empty and not text else [_part(kind, text)]}
    return {**shell, KINDS[kind][1]: text}


def _output(rng: Random, items: list[Json], style: _Style) -> list[Json] | None:
    """The terminal output: right, or at times empty, missing, shorter, in another order, with emptied or other items."""
    output = list(items)
    if not chance(rng, 2 * style.faults):
        return output if chance(rng, 80) else []
    kind = rng.randint(0, 5)
    if kind == 0:
        return None
    if kind == 1 and output:
        output.pop(rng.randint(0, len(output) - 1))
    elif kind == 2:
        rng.shuffle(output)
    elif kind == 3:
        output = [_whole(item, "", empty=True) for item in output]
    elif kind == 4:
        output = [{"id": "item_x", "type": "message", "content": []}, *output[1:]]
    elif output:
        output[-1] = _whole(output[-1], "other", empty=False)
    return output
