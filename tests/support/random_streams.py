"""Random sources: unusual events and framing, delta runs, noise, damage; for valid streams see `tests.support.wellformed_streams`.

Everything is a function of a `random.Random`, so that hypothesis can draw (and shrink) it and a loop can run it at full
speed. Streams are small: a few items, texts of a few pieces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any

from respstream._pure.protocols.responses.catalogue import EVENTS
from tests.support import faulty_streams
from tests.support.wellformed_streams import Json, chance, lanes, script

# -- unusual events --------------------------------------------------------------------------------------------------

TYPES = [*EVENTS, "response.output_text.delta", "response.brand_new", "message_start", "x"]
INDEXES = ["output_index", "content_index", "summary_index", "command_index", "annotation_index"]
UNUSUAL: list[Any] = [None, -1, 65535, 65536, 1.0, "0", True, [], {}, 2**63, 1e3]
STRINGS = ["", "a", "b\ud83d", "\ude00c", "\udead", "z" * 30, "\x00", "\U0001f600", "\u0130", "[DONE]"]


def arbitrary_value(rng: Random, depth: int = 0) -> Any:
    """Any JSON value."""
    kind = rng.randint(0, 7 if depth < 3 else 5)
    if kind <= 1:
        return rng.choice(STRINGS)
    if kind <= 3:
        return rng.choice([None, True, False, 0, 1, -1, 1.5, 1e22, 2**63, -(2**63) - 1, 10**25])
    if kind <= 5:
        return rng.choice(["text", "output_text", "refusal", "message", "reasoning", "completed", "call_1"])
    if kind == 6:
        return [arbitrary_value(rng, depth + 1) for _ in range(rng.randint(0, 3))]
    return {rng.choice(MEMBERS): arbitrary_value(rng, depth + 1) for _ in range(rng.randint(0, 4))}


MEMBERS = "type id status content summary text refusal arguments input code call_id name output error role action commands operation diff stdout stderr \ud800".split()


def arbitrary_part(rng: Random) -> Any:
    if chance(rng, 15):
        return arbitrary_value(rng)
    kind = rng.choice(["output_text", "refusal", "reasoning_text", "summary_text", "other"])
    return {"type": kind, rng.choice(["text", "refusal"]): rng.choice(STRINGS)}


def arbitrary_item(rng: Random) -> Any:
    if chance(rng, 15):
        return arbitrary_value(rng)
    kind = rng.choice(["message", "reasoning", "function_call", "custom_tool_call", "mcp_call", "shell_call", "other"])
    item: Json = {"id": f"i{rng.randint(0, 2)}", "type": kind}
    if chance(rng, 50):
        item["content"] = [arbitrary_part(rng) for _ in range(rng.randint(0, 2))]
    if chance(rng, 30):
        item["summary"] = [arbitrary_part(rng) for _ in range(rng.randint(0, 2))]
    for name in ("arguments", "input", "code", "call_id", "name", "status", "action", "operation", "output"):
        if chance(rng, 25):
            item[name] = rng.choice([*STRINGS[:4], arbitrary_value(rng)])
    return item


def arbitrary_response(rng: Random) -> Any:
    if chance(rng, 10):
        return arbitrary_value(rng)
    response: Json = {"id": rng.choice(["r1", "r1", "r2"]), "status": rng.choice(["in_progress", "completed", 1])}
    if chance(rng, 70):
        response["output"] = [arbitrary_item(rng) for _ in range(rng.randint(0, 3))]
    for name in ("error", "usage", "output", "metadata", "incomplete_details"):
        if chance(rng, 15):
            response[name] = arbitrary_value(rng)
    return response


def arbitrary_event(rng: Random) -> Json:
    """An event of a known type whose members have nearly the right type, or a wrong one."""
    event: Json = {}
    kind = rng.choice(TYPES)
    if chance(rng, 95):
        event["type"] = kind if chance(rng, 97) else arbitrary_value(rng)
    entry = EVENTS.get(kind)
    for name in INDEXES:
        if chance(rng, 45):
            event[name] = rng.choice([0, 0, 1, 2, 7]) if chance(rng, 92) else rng.choice(UNUSUAL)
    if entry is not None and entry.value and chance(rng, 92):
        event[entry.value] = value_for(rng, entry.op, entry.value)
    if chance(rng, 30):
        event["logprobs"] = [{"token": "t", "logprob": -0.10}] if chance(rng, 80) else arbitrary_value(rng)
    if chance(rng, 40):
        event["sequence_number"] = rng.randint(0, 5) if chance(rng, 90) else arbitrary_value(rng)
    if chance(rng, 15):
        event["stream_id"] = rng.choice(["a", "b", "", "\ud800"]) if chance(rng, 90) else arbitrary_value(rng)
    if chance(rng, 40):
        event["item_id"] = rng.choice(["i0", "i1", arbitrary_value(rng)])
    for _ in range(rng.randint(0, 1)):
        event[rng.choice([*MEMBERS, "object", "response", "item", "delta", "code", "message"])] = arbitrary_value(rng)
    return event


def value_for(rng: Random, op: str, name: str) -> Any:
    """A value for the member of an event that the operation takes."""
    if chance(rng, 7):
        return arbitrary_value(rng)
    makers = {"response": arbitrary_response, "item": arbitrary_item, "part": arbitrary_part}
    if op in makers:
        return makers[op](rng)
    if op == "members":
        output = {"stdout": rng.choice(STRINGS), "stderr": rng.choice(STRINGS)}
        return output if name == "delta" else [output]
    return arbitrary_value(rng) if op == "put" else rng.choice(STRINGS)


def arbitrary_events(rng: Random, most: int = 14) -> list[Json]:
    """Unusual events, some of them twice."""
    events = [arbitrary_event(rng) for _ in range(rng.randint(0, most))]
    if events and chance(rng, 30):
        again = rng.randint(0, len(events) - 1)
        events.insert(again, events[again])
    return events


# -- on the wire -----------------------------------------------------------------------------------------------------


def dumps(rng: Random, value: Any) -> bytes:
    """JSON in one of the ways that servers write it."""
    separators = rng.choice([(",", ":"), (", ", ": "), (" ,", " : ")])
    ascii_only = chance(rng, 30)
    text = json.dumps(value, separators=separators, ensure_ascii=ascii_only, sort_keys=chance(rng, 20))
    return padded(rng, text.encode("utf-8", "surrogatepass"))  # lone surrogates become invalid UTF-8


def padded(rng: Random, text: bytes) -> bytes:
    """The object with the white space before its last bracket by which Anthropic hides the size of deltas, or without."""
    if not text.endswith(b"}") or chance(rng, 70):
        return text
    return text[:-1] + b" " * rng.randrange(20) + (b"" if chance(rng, 95) else rng.choice([b"\t", b"\n", b"\r"])) + b"}"


STRAY = [
    b"# a comment of a log", b": keep-alive", b"<html><body>502</body></html>", b"retry: 3000", b"id: 7", b"event: x", b"data:",
    b"data", b"nonsense", b"[DONE]", b"data: [DONE]", b"[INFO] ready", b"[", b"]", b"{", b"}", b'{"a":', b"[{}", b"  ", b"null", b"12",
    b'{"error": {"code": "x", "message": "m", "type": "t", "param": null}}', b'{"error": {"message": "m"', b'{"error": "m"}',
    b'{"object":"response","id":"r9","status":"completed","output":[]}', b'{"object":"chat.completion.chunk"}',
    b'{"type":"message_start"}', b'{"type":"keepalive","sequence_number":3}', b'{"type":"a","type":"response.done"}', b"data: 1",
    b'data: {"x":1}', b"data: \xff\xfe", b'{"type":"response.\xff"}', b"\xef\xbb\xbf", b"foo: bar", b"[" * 300 + b"]" * 300,
    b'{"type":"big","n":' + b"9" * 4400 + b"}", b'{"type":"deep","n":' + b"[" * 300 + b"]" * 300 + b"}",
]  # fmt: skip


def framed(rng: Random, events: Iterable[Any]) -> bytes:
    """The events as bytes, in one format or a mix, with the extra lines of servers, logs and proxies."""
    form = rng.choice(["sse", "sse", "jsonl", "mixed", "array", "bare"])
    newline = rng.choice([b"\n", b"\n", b"\r\n", b"\r"])
    stray = rng.choice([0, 0, 15])
    if form == "array":
        space = rng.choice([b"", b" ", newline])
        return b"[" + space + (b"," + space).join(dumps(rng, event) for event in events) + space + b"]" + newline
    out = [b"\xef\xbb\xbf"] if chance(rng, 10) else []
    for event in events:
        if chance(rng, stray):
            out += [rng.choice(STRAY), newline * rng.choice([1, 2])]
        out.append(_frame(rng, event, form, newline))
    if chance(rng, 20):
        out += [b"data: [DONE]", newline, newline]
    data = b"".join(out)
    return data.rstrip(b"\r\n") if chance(rng, 20) else data


def _frame(rng: Random, event: Any, form: str, newline: bytes) -> bytes:
    payload = dumps(rng, event)
    if form == "jsonl" or (form == "mixed" and chance(rng, 40)):
        return payload + newline
    colon = rng.choice([b": ", b": ", b":"])
    data = newline.join(b"data" + colon + line for line in _lines(rng, event, payload))
    kind = event.get("type", "x") if isinstance(event, dict) else "x"
    name = str(kind).encode("utf-8", "replace")
    name = name if chance(rng, 97) else b"other"
    fields = [data] if form == "bare" else [b"event" + colon + name, data]
    if chance(rng, 5):
        fields.reverse()
    if chance(rng, 5):
        fields.insert(rng.randint(0, len(fields)), rng.choice(STRAY[:8]))
    blank = b"" if form == "bare" and chance(rng, 50) else newline
    return newline.join(fields) + newline + blank


def _lines(rng: Random, event: Json, payload: bytes) -> list[bytes]:
    if chance(rng, 5):
        return json.dumps(event, indent=1).encode().split(b"\n")
    return [payload]


# -- runs ------------------------------------------------------------------------------------------------------------

TOKENS = [
    b"0",
    b"1",
    b"9",
    b"10",
    b"-1",
    b"65536",
    b"1.0",
    b"null",
    b"true",
    b"[]",
    b'""',
    b'"a"',
    b'"\\n"',
    b'"\xff"',
    b'"\\ud83d"',
    b'"b c"',
]


def _repeated_event(rng: Random) -> Json:
    if chance(rng, 50):
        return arbitrary_event(rng)
    kind = rng.choice(["output_text", "function_call_arguments", "reasoning_summary_text", "refusal"])
    return {
        "type": f"response.{kind}.delta",
        "sequence_number": 4,
        "item_id": "i",
        "output_index": 0,
        "content_index": 0,
        "delta": "a",
        "logprobs": [],
    }


def run(rng: Random, event: Json) -> list[bytes]:
    """Payloads similar to that of an event, like deltas: a reader that predicts the next must notice differences."""
    payload = dumps(rng, event)
    found = [payload]
    for number in range(rng.randint(1, 6)):
        if chance(rng, 25):
            found.append(damaged(rng, payload).translate(None, b"\r\n"))
        elif chance(rng, 40):
            found.append(re.sub(rb'"sequence_number": ?\d+', b'"sequence_number":%d' % (5 + number), payload))
        else:
            values = [match.span(1) for match in re.finditer(rb': ?("[^"]*"|[\w.]+|\[\])', payload)]
            start, end = rng.choice(values or [(0, 0)])
            found.append(payload[:start] + rng.choice(TOKENS) + payload[end:])
    return found


def runs(rng: Random, event: Callable[[], Json] | None = None) -> bytes:
    """Runs as server-sent events or JSON lines. `event` makes the events that they repeat."""
    make = event or partial(_repeated_event, rng)
    lines = [payload for _ in range(rng.randint(1, 3)) for payload in run(rng, make())]
    if chance(rng, 30):
        rng.shuffle(lines)
    before, after = rng.choice(
        [
            (b"", b"\n"),
            (b"data: ", b"\n\n"),
            (b"event: response.output_text.delta\ndata: ", b"\n\n"),
            (b"data: ", b"\r\n\r\n"),
        ]
    )
    return b"".join(before + line + after for line in lines)


# -- noise -----------------------------------------------------------------------------------------------------------

FRAGMENTS = [
    b"data:", b"data: ", b"event: ", b"id:", b"retry: 1", b":", b" ", b"\n", b"\n\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b",",
    b'"', b"\\", b'"type":"response.created"', b'"type":', b'{"type":"x"}', b'{"type":"response.output_text.delta","delta":"a"}', b"[DONE]",
    b"\xff", b"\xf0\x9f", b"\x00", b"null", b'{"error":{"code":"c"}}', b'{"error":', b'{"object":"response"}', b"event: response.done\n", b"<p>",
    b"a", b"1", b'\\ud83d', b"\t",
]  # fmt: skip


def noise(rng: Random) -> bytes:
    """Fragments of all grammars in any order."""
    return b"".join(rng.choice(FRAGMENTS) for _ in range(rng.randint(0, 40)))


def damaged(rng: Random, data: bytes) -> bytes:
    """The data with some bytes removed, inserted, duplicated or changed."""
    for _ in range(rng.randint(1, 3)):
        at, size = rng.randint(0, len(data)), rng.choice([1, 1, 3, 40])
        kind = rng.randint(0, 4)
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = data[:at] + data[at + size :]
        elif kind == 2:
            data = data[:at] + rng.choice(FRAGMENTS) + data[at:]
        elif kind == 3:
            data = data[: at + size] + data[at:]
        else:
            data = data[:at] + rng.choice(FRAGMENTS) + data[at + size :]
    return data


def source(rng: Random) -> bytes:
    """A source of any kind: streams, also with the faults of gateways, lanes, unusual events, noise; intact or damaged."""
    kind = rng.randint(0, 9)
    if kind <= 1:
        made = [script(rng, f"resp_{number}") for number in range(rng.randint(1, 2))]
        data = framed(rng, [event for one in made for event in (*one.events, one.terminal)])
    elif kind == 2:
        data = framed(rng, lanes(rng)[0])
    elif kind == 3:
        data = framed(rng, faulty_streams.stream(rng).events)
    elif kind <= 5:
        data = framed(rng, arbitrary_events(rng))
    elif kind <= 7:
        data = runs(rng)
    else:
        data = noise(rng)
    return damaged(rng, data) if chance(rng, 35) else data


# -- long ones -------------------------------------------------------------------------------------------------------

GROWING = [name for name, entry in EVENTS.items() if entry.op == "text" and entry.value == "delta"]
TEXTS_OF_DELTAS = ["a", " the", "", "\\n", "\\u00e9", "\u00e9", "\\ud83d", "\\ude00", '{\\"', "z" * 40]


def long(rng: Random, size: int) -> bytes:
    """A source of at least that size: hundreds of deltas that differ only in a number and a text, with occasional exceptions."""
    frame = rng.choice([b"%s\n", b"%s\n", b"data: %s\n\n", b"data: %s\r\n\r\n", b"event: x\ndata: %s\n\n"])
    data, number, turns = b"", rng.randint(0, 1000), 0
    event, order = "", [False]
    while len(data) < size:
        turns -= 1
        if turns < 0:
            turns = rng.choice([3, 20, 200])
            members = [f'"type":"{rng.choice(GROWING)}"', f'"output_index":{rng.choice([0, 0, 1, 9])}']
            others = ['"item_id":"i"', '"content_index":0', '"sequence_number":%d', '"delta":"%s"']
            members += others[: rng.randint(1, 4)]
            members += ['"delta":"%s"'] * ('"delta":"%s"' not in members)
            rng.shuffle(members)
            order = ["%d" in member for member in members if "%" in member]
            event = "{" + rng.choice([",", ", "]).join(members) + "}"
        number += 1 if chance(rng, 97) else rng.randint(-3, 3)
        values = tuple(number if is_number else rng.choice(TEXTS_OF_DELTAS) for is_number in order)
        text = (event % values).encode("utf-8", "surrogatepass")
        data += frame % (text if chance(rng, 98) else damaged(rng, text))
        if chance(rng, 1):
            data += source(rng)
    return data


def similar(rng: Random, size: int, make: Callable[[], Json], others: Callable[[], list[Any]]) -> bytes:
    """A source of at least that size: runs of events that differ only in their texts, with others between them.

    `make` returns an event with `%s` for each text; `others` some events that end or change a run.
    """
    frame = rng.choice([b"%s\n", b"data: %s\n\n", b"data: %s\n\n", b"data: %s\r\n\r\n", b"event: x\ndata: %s\n\n"])
    parts: list[bytes] = []
    written = turns = count = 0
    template = ""
    is_padded = chance(rng, 30)
    while written < size:
        turns -= 1
        if turns < 0:
            turns = rng.choice([3, 20, 200])
            template = json.dumps(make(), separators=rng.choice([(",", ":"), (", ", ": ")]))
            count = template.count("%s")
        texts = tuple(rng.choice(TEXTS_OF_DELTAS) for _ in range(count))
        text = (template % texts).encode("utf-8", "surrogatepass")
        text = padded(rng, text) if is_padded else text
        parts.append(frame % (text if chance(rng, 98) else damaged(rng, text)))
        if chance(rng, 2):
            parts += [frame % json.dumps(one).encode() for one in others()]
        if chance(rng, 1):
            parts.append(frame % b"[DONE]" if chance(rng, 50) else runs(rng))
        written += len(parts[-1])
    return b"".join(parts)
