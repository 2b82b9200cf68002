"""Well-formed streams of one response and their expected output, as functions of a `random.Random`.

The final items are generated first, then events that build them, independently of the fold.
"""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

Json = dict[str, Any]

WORDS = [
    "Hello",
    " world",
    "",
    "!",
    "\n",
    " \u00fc\u00df",
    "\U0001f600",
    '"quoted"',
    "\\",
    "\u2028",
    "{",
    "data: x",
    "\x7f",
    " a b",
]


class Script(NamedTuple):
    """A well-formed stream: its events without the terminal one, the terminal one, and the output it carries."""

    events: list[Json]
    terminal: Json
    output: list[Json]


def chance(rng: Random, percent: int) -> bool:
    """True in that percentage of cases; smaller draws are the simple case, so that shrinking finds it."""
    return rng.randint(0, 99) >= 100 - percent


def pieces(rng: Random, most: int = 4) -> list[str]:
    return [rng.choice(WORDS) for _ in range(rng.randint(0, most))]


# -- items -----------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """A part of an item: its final value, the field that grows, the prefix of its event types and its index member."""

    value: Json
    field: str
    stem: str
    at: Json


def _part_events(rng: Random, part: Part, added: str, sure: bool) -> list[Json]:
    """Events that build a part; with `sure` they must suffice, else a later event replaces it."""
    text = part.value[part.field]
    events: list[Json] = []
    done = chance(rng, 60)
    grown = {**part.value, part.field: ""}
    if sure or chance(rng, 70):
        if "annotations" in grown:
            grown["annotations"] = []
        events.append({"type": f"response.{added}.added", **part.at, "part": grown})
    for number, note in enumerate(part.value.get("annotations", ())):
        at = {**part.at, "annotation_index": number}
        if sure or chance(rng, 70):
            events.append({"type": "response.output_text.annotation.added", **at, "annotation": note})
    value_done = chance(rng, 60)
    if chance(rng, 80) or not (done or value_done):
        events += [{"type": f"response.{part.stem}.delta", **part.at, "delta": piece} for piece in _cut(rng, text)]
    if value_done:
        events.append({"type": f"response.{part.stem}.done", **part.at, part.field: text})
    if done:
        events.append({"type": f"response.{added}.done", **part.at, "part": part.value})
    return events


def _cut(rng: Random, text: str) -> list[str]:
    cuts = sorted(rng.randint(0, len(text)) for _ in range(rng.randint(0, 3)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def _parts(
    rng: Random, item: Json, final: Json, key: str, parts: list[tuple[Json, str, str]], added: str
) -> list[Json]:
    """Adds the parts to the final item; returns the events that build them."""
    stride, first = rng.choice([(1, 0), (1, 0), (2, 1)])
    index = "summary_index" if key == "summary" else "content_index"
    final[key] = [value for value, _, _ in parts]
    item[key] = []
    events: list[Json] = []
    for number, (value, field, stem) in enumerate(parts):
        part = Part(value, field, stem, {index: number * stride + first})
        events += _part_events(rng, part, added, sure=True)
    return events


def message(rng: Random, final: Json) -> tuple[Json, list[Json]]:
    final |= {"type": "message", "role": "assistant"}
    parts: list[tuple[Json, str, str]] = []
    for _ in range(rng.randint(0, 2)):
        if chance(rng, 30):
            parts.append(({"type": "refusal", "refusal": "".join(pieces(rng))}, "refusal", "refusal"))
        else:
            notes = [{"type": "url_citation", "url": f"u{n}"} for n in range(rng.choice([0, 0, 2]))]
            text = {"type": "output_text", "annotations": notes, "text": "".join(pieces(rng))}
            parts.append((text, "text", "output_text"))
    item = dict(final)
    return item, _parts(rng, item, final, "content", parts, "content_part")


def reasoning(rng: Random, final: Json) -> tuple[Json, list[Json]]:
    final |= {"type": "reasoning"}
    item = dict(final)
    kind = rng.choice(["summary", "content", "old"])
    if kind == "summary":
        added, stem, value = "reasoning_summary_part", "reasoning_summary_text", "summary_text"
    elif kind == "content":
        added, stem, value = "content_part", "reasoning_text", "reasoning_text"
    else:
        added, stem, value = "reasoning_part", "reasoning", "reasoning_text"
    texts = ["".join(pieces(rng)) for _ in range(rng.randint(0, 2))]
    parts = [({"type": value, "text": text}, "text", stem) for text in texts]
    key = "summary" if kind == "summary" else "content"
    return item, _parts(rng, item, final, key, parts, added)


VALUES = {
    "function_call": ("arguments", "function_call_arguments"),
    "custom_tool_call": ("input", "custom_tool_call_input"),
    "mcp_call": ("arguments", "mcp_call_arguments"),
    "code_interpreter_call": ("code", "code_interpreter_call_code"),
}


def call(rng: Random, final: Json) -> tuple[Json, list[Json]]:
    kind = rng.choice(sorted(VALUES))
    field, stem = VALUES[kind]
    final |= {"type": kind, "call_id": f"call_{rng.randint(0, 99)}", "name": "f", field: "".join(pieces(rng))}
    item = {**final, field: rng.choice(["", None]) if kind == "code_interpreter_call" and final[field] else ""}
    events = [{"type": f"response.{stem}.delta", "delta": piece} for piece in _cut(rng, final[field])]
    if chance(rng, 50):
        events.append({"type": f"response.{stem}.done", field: final[field]})
    return item, events


def shell(rng: Random, final: Json) -> tuple[Json, list[Json]]:
    commands = ["".join(pieces(rng)) for _ in range(rng.randint(0, 2))]
    final |= {"type": "shell_call", "action": {"commands": commands, "timeout_ms": None}}
    events: list[Json] = []
    for number, command in enumerate(commands):
        at, stem = {"command_index": number}, "response.shell_call_command"
        events.append({"type": f"{stem}.added", **at, "command": ""})
        events += [{"type": f"{stem}.delta", **at, "delta": piece} for piece in _cut(rng, command)]
        if chance(rng, 50):
            events.append({"type": f"{stem}.done", **at, "command": command})
    return {**final, "action": {"commands": [], "timeout_ms": None}}, events


def shell_output(rng: Random, final: Json) -> tuple[Json, list[Json]]:
    stem = "response.shell_call_output_content"
    outputs: list[Json] = []
    events: list[Json] = []
    for number in range(rng.randint(0, 2)):
        output: Json = {"stdout": "".join(pieces(rng)), "stderr": "".join(pieces(rng))}
        at = {"command_index": number}
        out, err = _cut(rng, output["stdout"]), _cut(rng, output["stderr"])
        events += [{"type": f"{stem}.delta", **at, "delta": {"stdout": piece, "stderr": ""}} for piece in out]
        events += [{"type": f"{stem}.delta", **at, "delta": {"stderr": piece}} for piece in err]
        if chance(rng, 50):
            output = {**output, "outcome": {"type": "exit", "exit_code": 0}}
            events.append({"type": f"{stem}.done", **at, "output": [output]})
        outputs.append(output)
    final |= {"type": "shell_call_output", "output": outputs}
    return {**final, "output": []}, events


def patch(rng: Random, final: Json) -> tuple[Json, list[Json]]:
    diff = "".join(pieces(rng))
    final |= {"type": "apply_patch_call", "operation": {"type": "update_file", "path": "a.py", "diff": diff}}
    stem = "response.apply_patch_call_operation_diff"
    events = [{"type": f"{stem}.delta", "delta": piece} for piece in _cut(rng, diff)]
    if chance(rng, 50):
        events.append({"type": f"{stem}.done", "diff": diff})
    return {**final, "operation": {**final["operation"], "diff": ""}}, events


def search(rng: Random, final: Json) -> tuple[Json, list[Json]]:
    kind = rng.choice(["web_search_call", "file_search_call", "image_generation_call"])
    final |= {"type": kind, "status": "completed"}
    middle = "generating" if kind.startswith("image") else "searching"
    events: list[Json] = [{"type": f"response.{kind}.{status}"} for status in ("in_progress", middle, "completed")]
    if kind.startswith("image"):
        partial = {"type": f"response.{kind}.partial_image", "partial_image_index": 0, "partial_image_b64": "AAAA"}
        events.insert(2, partial)
    return {**final, "status": "in_progress"}, events


MAKERS = [message, message, reasoning, call, call, shell, shell_output, patch, search]


def item_events(rng: Random, index: int) -> tuple[list[Json], Json]:
    """The events of one item, in order, and the final item."""
    final: Json = {"id": f"item_{rng.randint(0, 9)}", "status": "completed"}
    item, inner = rng.choice(MAKERS)(rng, final)
    done = chance(rng, 70)
    if done:
        item["status"] = "in_progress"
        if chance(rng, 20):  # streamed parts are cut short: the final item completes them
            inner = []
        if chance(rng, 30):
            final["extra"] = {"n": 1.5e-7, "big": 12345678901234567890}
    events: list[Json] = [{"type": "response.output_item.added", "item": item}, *inner]
    if done:
        if chance(rng, 10):
            events = events[1:]
        events.append({"type": "response.output_item.done", "item": final})
    for event in events:
        event["output_index"] = index
        if "item" not in event and chance(rng, 70):
            event["item_id"] = final["id"]
    return events, final


def script(rng: Random, ident: str = "resp_1") -> Script:
    """A well-formed stream of one response."""
    stride, first = rng.choice([(1, 0), (1, 0), (3, 2)])
    count = rng.randint(0, 3)
    made = [item_events(rng, number * stride + first) for number in range(count)]
    output = [final for _, final in made]
    base = {"id": ident, "object": "response", "model": "m", "output": [], "metadata": {"k": "v"}}
    events: list[Json] = [{"type": "response.created", "response": {**base, "status": "in_progress"}}]
    if chance(rng, 50):
        events.append({"type": "response.in_progress", "response": {**base, "status": "in_progress"}})
    events += (
        interleave(rng, [found for found, _ in made])
        if chance(rng, 40)
        else [event for found, _ in made for event in found]
    )
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    response = {**base, "status": "completed", "output": output, "usage": usage}
    terminal: Json = {"type": "response.completed", "response": response}
    if chance(rng, 70):
        for number, event in enumerate([*events, terminal]):
            event["sequence_number"] = number
    return Script(events, terminal, output)


def interleave(rng: Random, rows: list[list[Json]]) -> list[Json]:
    """The rows merged at random, each in its own order."""
    rows = [list(row) for row in rows if row]
    found = []
    while rows:
        row = rng.choice(rows)
        found.append(row.pop(0))
        rows = [row for row in rows if row]
    return found


def lanes(rng: Random) -> tuple[list[Json], dict[str, Script]]:
    """Two or three interleaved responses, separated by `stream_id`; and each alone."""
    alone = {name: script(rng, f"resp_{name}") for name in ("a", "b", "c")[: rng.randint(2, 3)]}
    rows = [[{**event, "stream_id": name} for event in (*one.events, one.terminal)] for name, one in alone.items()]
    return interleave(rng, rows), alone
