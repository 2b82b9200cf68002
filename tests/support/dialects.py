"""Unusual streams of servers, proxies and logs: the results of respstream and of the openai SDK.

The SDK's results are in `data/dialects.json`, made by `python -m tests.support.dialects`; a test compares them where the SDK
installed is of the same major version. `python -m tests.support.doc_tables` prints the table into the docs.
"""

from __future__ import annotations

import json
import warnings
from typing import Any, NamedTuple

from tests.support.doc_tables import markdown
from tests.support.fold_cases import ev, fn, msg, think, txt
from tests.support.paths import DATA

RECORD = DATA / "dialects.json"
Json = dict[str, Any]


class Dialect(NamedTuple):
    """A stream and its results: events, output text, status, diagnostic codes, error code, arguments of the tool calls, and other
    members of the response by path. `wrapped`: the events are inside rows.
    """

    name: str
    body: bytes
    events: int
    text: str | None
    status: str | None
    codes: list[str]
    error: str | None = None
    calls: tuple[str, ...] = ()
    more: tuple[tuple[str, Any], ...] = ()
    wrapped: bool = False


def response(status: str, output: Any = (), **members: Any) -> Json:
    """A response object that the SDK accepts too."""
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1700000000,
        "model": "m",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    return {**whole, "status": status, "output": list(output) if output is not None else None, **members}  # fmt: skip


def full(text: str, ident: str = "msg_1") -> Json:
    """The finished message."""
    part = txt(text, annotations=[], logprobs=[])
    return msg(part, id=ident, role="assistant", status="completed")


def stream(text: str = "Hi there", *, output: Any = "whole", kind: str = "completed") -> list[Json]:
    """The events of a common stream; `output` is that of the terminal event."""
    item = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
    at: Json = {"item_id": "msg_1", "o": 0, "c": 0}
    halves = [text[: len(text) // 2], text[len(text) // 2 :]]
    events = [
        ev("created", response=response("in_progress")),
        ev("output_item.added", o=0, item=item),
        ev("content_part.added", **at, part=txt("", annotations=[], logprobs=[])),
        *(ev("output_text.delta", **at, delta=half, logprobs=[]) for half in halves),
        ev("output_text.done", **at, text=text, logprobs=[]),
        ev("content_part.done", **at, part=txt(text, annotations=[], logprobs=[])),
        ev("output_item.done", o=0, item=full(text)),
        ev(kind, response=response(kind, [full(text)] if output == "whole" else output)),
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def sse(events: list[Json], newline: str = "\n", *, named: bool = True) -> bytes:
    """Events as SSE blocks."""
    blocks = []
    for event in events:
        lines = [f"event: {event['type']}"] if named else []
        blocks.append(newline.join([*lines, f"data: {json.dumps(event)}", "", ""]))
    return "".join(blocks).encode()


def without(events: list[Json], *kinds: str) -> list[Json]:
    """The events without those types, renumbered."""
    kept = [event for event in events if event["type"].removeprefix("response.") not in kinds]
    return [{**event, "sequence_number": number} for number, event in enumerate(kept)]


def rotated(events: list[Json]) -> list[Json]:
    """The events, each with a different item id."""
    text = json.dumps(events)
    for number in range(text.count('"msg_1"')):
        text = text.replace('"msg_1"', f'"msg_x{number}"', 1)
    rotated_events: list[Json] = json.loads(text)
    return rotated_events


def inserted(events: list[Json], at: int, *more: Json) -> list[Json]:
    """The events with more events inserted, renumbered."""
    return [{**event, "sequence_number": number} for number, event in enumerate([*events[:at], *more, *events[at:]])]


def tool(ident: str, arguments: Any = "", **members: Any) -> Json:
    """A function call whose id and call id end in `ident`."""
    return {**fn(arguments, id=f"fc_{ident}", status="completed"), "call_id": f"call_{ident}", **members}


def added(item: Json, **members: Any) -> Json:
    """The event that adds an item."""
    return ev("output_item.added", item=item, **members)


def done(item: Json, **members: Any) -> Json:
    """The event that finishes an item."""
    return ev("output_item.done", item=item, **members)


def part(delta: Any, **members: Any) -> Json:
    """A delta of arguments."""
    return ev("function_call_arguments.delta", delta=delta, **members)


def whole(*events: Json, output: Any = (), **members: Any) -> bytes:
    """A stream of these events, between those of the response."""
    started, ended = (
        ev("created", response=response("in_progress")),
        ev("completed", response=response(OK, output, **members)),
    )
    return sse([{**event, "sequence_number": number} for number, event in enumerate([started, *events, ended])])


def changed(kind: str, **members: Any) -> bytes:
    """The common stream with an empty terminal output and with other members of an event."""
    short = f"response.{kind}"
    return sse([{**event, **members} if event["type"] == short else event for event in stream(output=[])])


OK = "completed"
HI = "Hi there"
S = stream()
WHOLE = sse(S)
FLAT = ev("error", code="rate_limit_exceeded", message="Slow down", param=None, n=2)
NESTED = ev("error", error={"type": "server_error", "code": "oops", "message": "Boom", "param": None}, n=2)
BODY = b'{"error":{"message":"Wrong key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}'
FAILED = ev("failed", n=2, response=response("failed", error={"code": "server_error", "message": "Boom"}))
REALTIME = b"".join(
    json.dumps({"event_id": f"e{number}", **event}).encode() + b"\n"
    for number, event in enumerate[Json]([
        {"type": "response.created", "response": {"object": "realtime.response", "id": "resp_1", "output": []}},
        {"type": "response.output_text.delta", "response_id": "resp_1", "output_index": 0, "delta": "Hi"},
        {"type": "response.done", "response": {"object": "realtime.response", "id": "resp_1", "output": []}},
    ])
)  # fmt: skip
INCOMPLETE = response("incomplete", [full("Hi there")], incomplete_details={"reason": "max_output_tokens"})
A, B = tool("a", '{"x":1}'), tool("b", '{"y":2}')
AB = ('{"x":1}', '{"y":2}')
MSG = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
NO_ID = {key: value for key, value in MSG.items() if key != "id"}
ROWS = b"".join(
    json.dumps({"time": 1700000000 + number, "line": line}).encode() + b"\n"
    for number, line in enumerate(WHOLE.decode().split("\n"))
)
PAIRS = (
    json.dumps({"request_id": "1", "sse_events": [{"event": event["type"], "data": event} for event in S]}).encode()
    + b"\n"
)
BATCH = (
    json.dumps(
        {"custom_id": "1", "response": {"status_code": 200, "body": response(OK, [full(HI)])}, "error": None}
    ).encode()
    + b"\n"
)


def say(text: str, **members: Any) -> Json:
    """A delta of the text of a message."""
    return ev("output_text.delta", delta=text, logprobs=[], **members)


DIALECTS = [
    Dialect("common stream", WHOLE, 9, HI, OK, []),
    Dialect("no `event` lines", sse(S, named=False), 9, HI, OK, []),
    Dialect("CRLF line ends", sse(S, "\r\n"), 9, HI, OK, []),
    Dialect("CR line ends", sse(S, "\r"), 9, HI, OK, []),
    Dialect("byte order mark", b"\xef\xbb\xbf" + WHOLE, 9, HI, OK, []),
    Dialect("no space after the colon", WHOLE.replace(b"data: ", b"data:").replace(b"event: ", b"event:"), 9, HI, OK, []),
    Dialect("`data` line before `event` line", b"".join(b"\n".join(reversed(block.split(b"\n"))) + b"\n\n" for block in WHOLE.split(b"\n\n") if block), 9, HI, OK, []),
    Dialect("no blank line at the end", WHOLE[:-1], 9, HI, OK, ["unfinished_block"]),
    Dialect("no line end at the end", WHOLE[:-2], 9, HI, OK, ["unfinished_block"]),
    Dialect("no blank lines", WHOLE.replace(b"\n\n", b"\n"), 9, HI, OK, ["missing_blank_line", "unfinished_block"]),
    Dialect("JSON Lines instead of SSE", b"".join(json.dumps(event).encode() + b"\n" for event in S), 9, HI, OK, []),
    Dialect("`[DONE]` at the end", WHOLE + b"data: [DONE]\n\n", 9, HI, OK, []),
    Dialect("comments between events", WHOLE.replace(b"\n\n", b"\n\n: ping\n\n"), 9, HI, OK, []),
    Dialect("block with only a `retry` line", b"retry: 3000\n\n" + WHOLE, 9, HI, OK, []),
    Dialect("`id` lines", WHOLE.replace(b"event:", b"id: 1\nevent:"), 9, HI, OK, []),
    Dialect("JSON in several `data` lines", sse(S[:1]) + b"".join(b"data: " + line + b"\n" for line in json.dumps(S[-1], indent=1).encode().split(b"\n")) + b"\n", 2, HI, OK, ["sequence_gap"]),
    Dialect("different types in the event line and the JSON", WHOLE.replace(b"event: response.output_text.done", b"event: response.other"), 9, HI, OK, ["type_mismatch"]),
    Dialect("type only in the event line", WHOLE.replace(b'"type": "response.output_text.done", ', b""), 9, HI, OK, []),
    Dialect("empty terminal output", sse(stream(output=[])), 9, HI, OK, ["output_recovered"]),
    Dialect("terminal output is null", sse(stream(output=None)), 9, HI, OK, ["output_recovered"]),
    Dialect("terminal output without the message", sse([*S[:1], ev("output_item.done", n=1, o=0, item=think(id="rs_1")), ev("output_item.done", n=2, o=1, item=full(HI)),
            ev("completed", n=3, response=response(OK, [think(id="rs_1")]))]), 4, HI, OK, ["output_recovered"]),
    Dialect("incomplete response", sse([*S[:-1], {**S[-1], "type": "response.incomplete", "response": INCOMPLETE}]), 9, HI, "incomplete", []),
    Dialect("failed response", sse([*S[:2], FAILED]), 3, "", "failed", ["output_recovered"], "server_error"),
    Dialect("cancelled response", sse([*S[:-1], {**S[-1], "type": "response.cancelled", "response": response("cancelled", [full(HI)])}]), 9, HI, "cancelled", []),
    Dialect("error event, flat", sse([*S[:2], FLAT]), 3, "", "in_progress", ["no_terminal"], "rate_limit_exceeded"),
    Dialect("error event, nested", sse([*S[:2], NESTED]), 3, "", "in_progress", ["no_terminal"], "oops"),
    Dialect("error event, nested, then a failed response", sse([*S[:2], NESTED, {**FAILED, "sequence_number": 3}]), 4, "", "failed", ["output_recovered"], "server_error"),
    Dialect("error event, a string", sse([*S[:2], ev("error", error="Boom", code="oops", n=2)]), 3, "", "in_progress", ["no_terminal"], "oops"),
    Dialect("failed response, its error a string", sse([*S[:2], {**FAILED, "response": response("failed", error="Boom")}]), 3, "", "failed", ["output_recovered"], more=(("error.message", "Boom"),)),
    Dialect("`response.error`", sse([*S[:2], ev("error", error={"code": "oops", "message": "Boom"}, n=2)]).replace(b'"type": "error"', b'"type": "response.error"').replace(b"event: error", b"event: response.error"),
            3, "", "in_progress", ["no_terminal"], "oops"),
    Dialect("error body inside an open response", sse(S[:2]) + BODY + b"\n", 2, "", "in_progress", ["error_body", "no_terminal"], "invalid_api_key"),
    Dialect("`detail` inside an open response", sse(S[:2]) + b'{"detail":"Boom"}\n', 2, "", "in_progress", ["error_body", "no_terminal"]),
    Dialect("truncated between events", sse(S[:4]), 4, "Hi t", "in_progress", ["no_terminal"]),
    Dialect("truncated inside an event", WHOLE[: len(sse(S[:4])) + 60], 4, "Hi t", "in_progress", ["unfinished_block", "bad_json", "no_terminal"]),
    Dialect("item is null", sse([S[0], ev("output_item.added", n=1, o=0, item=None), *S[2:]]), 9, HI, OK, ["bad_field"]),
    Dialect("no `content_part.added`", sse(without(S, "content_part.added")), 8, HI, OK, []),
    Dialect("no `output_item.added`", sse(without(S, "output_item.added")), 8, HI, OK, []),
    Dialect("only deltas and the terminal event", sse(without(S, "output_item.added", "content_part.added", "content_part.done", "output_text.done", "output_item.done")), 4, HI, OK, []),
    Dialect("resumed stream without `response.created`", sse(S[3:]), 6, HI, OK, ["no_created"]),
    Dialect("resumed stream that begins with `response.in_progress`", sse([ev("in_progress", n=4, response=response("in_progress")), *({**e, "sequence_number": 5 + i} for i, e in enumerate(S[1:]))]), 9, HI, OK, []),
    Dialect("item ids that change", sse(rotated(S)), 9, HI, OK, ["item_id_changed"]),
    Dialect("item ids that change, no `output_index`", sse([{k: v for k, v in event.items() if k != "output_index"} for event in rotated(S)]), 9, HI, OK, ["item_id_changed"]),
    Dialect("two calls at one `output_index`", whole(added(tool("a"), o=0), added(tool("b"), o=0), part('{"x":1}', o=0, item_id="fc_a"), part('{"y":2}', o=0, item_id="fc_b")),
            6, "", OK, ["index_reused", "output_recovered"], calls=AB),
    Dialect("two calls at one `output_index`, one after the other, no ids in deltas", whole(added(tool("a"), o=0), part('{"x":1}', o=0), done(A, o=0), added(tool("b"), o=0), part('{"y":2}', o=0), done(B, o=0)),
            8, "", OK, ["index_reused", "output_recovered"], calls=AB),
    Dialect("two messages at one `output_index`, no ids", whole(added(NO_ID, o=0), say("Hi ", o=0, c=0), done({**full("Hi "), "id": None}, o=0), added(NO_ID, o=0), say("there", o=0, c=0), done({**full("there"), "id": None}, o=0)),
            8, HI, OK, ["index_reused", "output_recovered"]),
    Dialect("message and call at one `output_index`, interleaved, no ids in deltas", whole(added(MSG, o=0), added(tool("a"), o=0), say("Hi", o=0, c=0), part('{"x"', o=0), say(" there", o=0, c=0), part(":1}", o=0)),
            8, HI, OK, ["index_reused", "output_recovered"], calls=AB[:1]),
    Dialect("two calls, interleaved, no `output_index`", whole(added(tool("a")), added(tool("b")), part('{"x"', item_id="fc_a"), part('{"y"', item_id="fc_b"), part(":1}", item_id="fc_a"), part(":2}", item_id="fc_b")),
            8, "", OK, ["output_recovered"], calls=AB),
    Dialect("message and call, interleaved, no `output_index` and no ids", whole(added(NO_ID), added({k: v for k, v in tool("a").items() if k[-2:] != "id"}), say("Hi", c=0), part('{"x"'), say(" there", c=0), part(":1}")),
            8, HI, OK, ["output_recovered"], calls=AB[:1]),
    Dialect("empty text at its end", changed("output_text.done", text=""), 9, HI, OK, ["value_recovered", "output_recovered"]),
    Dialect("empty part at its end", changed("content_part.done", part=txt("", annotations=[], logprobs=[])), 9, HI, OK, ["value_recovered", "output_recovered"]),
    Dialect("empty content list at its end", changed("output_item.done", item={**full(HI), "content": []}), 9, HI, OK, ["value_recovered", "output_recovered"]),
    Dialect("empty arguments at their end", whole(added(tool("a"), o=0), part('{"x":1}', o=0), ev("function_call_arguments.done", o=0, item_id="fc_a", name="f", arguments="")),
            5, "", OK, ["value_recovered", "output_recovered"], calls=AB[:1]),
    Dialect("empty input at its end", whole(added({"type": "custom_tool_call", "id": "ct_1", "call_id": "c", "name": "f", "input": ""}, o=0), ev("custom_tool_call_input.delta", o=0, item_id="ct_1", delta="ls"),
            ev("custom_tool_call_input.done", o=0, item_id="ct_1", input="")), 5, "", OK, ["value_recovered", "output_recovered"], calls=("ls",)),
    Dialect("empty arguments in the terminal output", whole(done(A, o=0), output=[tool("a")]), 3, "", OK, ["value_recovered"], calls=AB[:1]),
    Dialect("empty message in the terminal output", sse(stream(output=[{**full(""), "content": []}])), 9, HI, OK, ["value_recovered"]),
    Dialect("delta behind its finished item", sse(inserted(S, 8, say("!", o=0, c=0, item_id="msg_1"))), 10, HI, OK, ["late_delta"]),
    Dialect("empty message in place of a call in the terminal output", whole(done(A, o=0), output=[{**full(""), "content": []}]), 3, "", OK, ["output_differs", "output_recovered"], calls=AB[:1]),
    Dialect("terminal output without one of two calls", whole(done(A, o=0), done(B, o=1), output=[B]), 4, "", OK, ["output_differs", "output_recovered"], calls=AB[::-1]),
    Dialect("terminal output in another order", whole(done(A, o=0), done(full(HI), o=1), output=[full(HI), A]), 4, HI, OK, [], calls=AB[:1]),
    Dialect("terminal output in another order and with other ids", whole(done(full("there"), o=0), done(full("Hi ", "msg_2"), o=1), output=[full("Hi ", "msg_x"), full("there", "msg_y")]), 4, HI, OK, []),
    Dialect("arguments are an object", whole(done({**A, "arguments": {"x": 1}}, o=0), output=[]), 3, "", OK, ["loose_value", "output_recovered"], calls=AB[:1]),
    Dialect("delta is an object with `text`", sse([{**event, "delta": {"type": "text", "text": event["delta"]}} if "delta" in event else event for event in S]), 9, HI, OK, ["loose_value"]),
    Dialect("indexes are strings", sse([{**event, "output_index": "0"} if "output_index" in event else event for event in S]), 9, HI, OK, ["loose_value"]),
    Dialect("lifecycle events that are the response itself", sse([{**event.pop("response"), **event} if "response" in event else event for event in stream()]), 9, HI, OK, ["loose_value"],
            more=(("id", "resp_1"), ("model", "m"))),
    Dialect("`usage` with the names of Chat Completions", whole(usage={"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}), 2, "", OK, [], more=(("usage.input_tokens", 3), ("usage.output_tokens", 4))),
    Dialect("`usage` without `input_tokens` and details", whole(usage={"output_tokens": 4}), 2, "", OK, [], more=(("usage.input_tokens", None), ("usage.input_tokens_details", None))),
    Dialect("no sequence numbers", sse([{k: v for k, v in event.items() if k != "sequence_number"} for event in S]), 9, HI, OK, []),
    Dialect("keepalive inside the stream", sse(inserted(S, 4, {"type": "keepalive"})), 10, HI, OK, []),
    Dialect("unknown event inside the stream", sse(inserted(S, 4, {"type": "response.brand_new", "x": [1]})), 10, HI, OK, ["unknown_event"]),
    Dialect("unknown event after the terminal event", sse([*S, {"type": "response.brand_new", "sequence_number": 9}]), 10, HI, OK, ["unknown_event", "after_terminal"]),
    Dialect("rate limits after the terminal event", sse([*S, {"type": "response.rate_limits.updated", "sequence_number": 9}]), 10, HI, OK, []),
    Dialect("repeated event", sse([*S[:4], S[3], *S[4:]]), 10, HI, OK, ["sequence_repeat"]),
    Dialect("no `output_index`", sse([{k: v for k, v in event.items() if k != "output_index"} for event in S]), 9, HI, OK, []),
    Dialect("truncated tool call arguments", sse([S[0], ev("output_item.added", n=1, o=0, item=fn("", id="fc_1")), ev("function_call_arguments.delta", n=2, o=0, item_id="fc_1", delta='{"a'),
            ev("incomplete", n=3, response=response("incomplete", [fn('{"a', id="fc_1")]))]), 4, "", "incomplete", []),
    Dialect("malformed JSON in one event", WHOLE.replace(b'"delta": "Hi t"', b'"delta": "Hi t'), 8, HI, OK, ["bad_json", "sequence_gap", "text_mismatch"]),
    Dialect("NaN in one event", WHOLE.replace(b'"logprobs": []', b'"logprobs": NaN', 2), 7, HI, OK, ["bad_json", "bad_json", "sequence_gap", "text_mismatch"]),
    Dialect("invalid UTF-8", WHOLE.replace(b'"delta": "Hi t"', b'"delta": "Hi t\xff"'), 9, HI, OK, ["bad_utf8", "text_mismatch"]),
    Dialect("lone surrogate", WHOLE.replace(b'"delta": "Hi t"', b'"delta": "Hi t\\ud83d"'), 9, HI, OK, ["bad_utf8", "text_mismatch"]),
    Dialect("surrogate pair split over two deltas", sse(stream("\U0001f600")).replace(b'"delta": ""', b'"delta": "\\ud83d"').replace(b'"delta": "\\ud83d\\ude00"', b'"delta": "\\ude00"'), 9, "\U0001f600", OK, ["bad_utf8", "bad_utf8"]),
    Dialect("error body instead of a stream", BODY, 0, None, None, ["error_body"]),
    Dialect("error body in a `data` line", b"data: " + BODY + b"\n\n", 0, None, None, ["error_body"]),
    Dialect("HTML page", b"<!DOCTYPE html>\n<html>\n<body>502 Bad Gateway</body>\n</html>\n", 0, None, None, ["stray_text", "no_responses"]),
    Dialect("CSV table", b"id,text\n1,Hi\n", 0, None, None, ["stray_text", "no_responses"]),
    Dialect("empty body", b"", 0, None, None, []),
    Dialect("webhook", b'{"object":"event","id":"evt_1","type":"response.completed","data":{"id":"resp_1"}}\n', 1, None, None, ["foreign_stream"]),
    Dialect("Realtime events", REALTIME, 3, None, None, ["foreign_stream"]),
    Dialect("Assistants stream", b'event: thread.run.created\ndata: {"id":"run_1","object":"thread.run"}\n\nevent: done\ndata: [DONE]\n\n', 1, None, None, ["foreign_stream"]),
    Dialect("line prefix before each line", b"".join(b"api-1  | " + line + b"\n" for line in WHOLE.split(b"\n")), 0, None, None, ["stray_text", "no_responses"]),
    Dialect("stream in the messages of the systemd journal", ROWS.replace(b'"line"', b'"MESSAGE"').replace(b'"time"', b'"__REALTIME_TIMESTAMP"'), 9, HI, OK, [], wrapped=True),
    Dialect("row per line of a stream", ROWS, 9, HI, OK, [], wrapped=True),
    Dialect("row with a list of events and their names", PAIRS, 9, HI, OK, [], wrapped=True),
    Dialect("row with a whole response (Batch API)", BATCH, 0, HI, OK, []),
    Dialect("UTF-16", WHOLE.decode().encode("utf-16"), 0, None, None, ["stray_text", "no_responses"]),
    Dialect("progress of `curl -v`", b"< \n{ [5 bytes data]\n" + WHOLE, 9, HI, OK, ["stray_text"]),
    Dialect("response that was not streamed", json.dumps(response(OK, [full(HI)])).encode(), 0, HI, OK, []),
    Dialect("JSON array of events", json.dumps(S).encode(), 9, HI, OK, []),
]  # fmt: skip


def sdk_answer(body: bytes) -> dict[str, str]:
    """The openai SDK's result for a body: by `create(stream=True)` and by `stream()`."""
    import openai

    major = int(openai.__version__.split(".", maxsplit=1)[0])
    http = __import__("httpx2" if major >= 3 else "httpx")

    def answer(_request: Any) -> Any:
        return http.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    transport = http.MockTransport(answer)
    with (
        warnings.catch_warnings(action="ignore"),
        openai.OpenAI(api_key="none", max_retries=0, http_client=http.Client(transport=transport)) as client,
    ):
        return {"create": _outcome(lambda: _created(client)), "stream": _outcome(lambda: _streamed(client))}


def _outcome(run: Any) -> str:
    try:
        outcome: str = run()
    except Exception as error:
        return type(error).__name__
    return outcome


def _created(client: Any) -> str:
    """The number of events and the text of the deltas, as a program that prints them shows it."""
    count, texts, done = 0, [], False
    with client.responses.create(model="m", input="x", stream=True) as events:
        try:
            for event in events:
                count += 1
                done = done or event.type in ("response.completed", "response.incomplete", "response.failed")
                if event.type == "response.output_text.delta":
                    texts.append(event.delta)
        except Exception as error:
            return f"{count} events, {''.join(texts)!a}, then {type(error).__name__}"
    return f"{count} events, {''.join(texts)!a}" + ("" if done else ", no end")


def _streamed(client: Any) -> str:
    """The text of the final response."""
    with client.responses.stream(model="m", input="x") as events:
        final = events.get_final_response()
    return f"{final.status}, {final.output_text!a}"


def ours(row: Dialect) -> str:
    """The result of respstream, as text."""
    if row.text is None:
        made = f"{row.events} events, no response"
    else:
        made = f"{row.events} events; {row.status}, {row.text!a}"
        made += f", error `{row.error}`" if row.error else ""
        made += ", arguments " + " and ".join(f"`{call}`" for call in row.calls) if row.calls else ""
        made += "".join(f", {path} {value}" for path, value in row.more)
    return made + ("; " + ", ".join(f"`{code}`" for code in row.codes) if row.codes else "")


def recorded() -> Json:
    """The recorded results of the SDK, and its version."""
    found: Json = json.loads(RECORD.read_text("utf-8"))
    return found


def dialects_table() -> str:
    """The table of docs/dialects.md."""
    answers = recorded()["answers"]
    rows = [(row.name, answers[row.name]["create"], answers[row.name]["stream"], ours(row)) for row in DIALECTS]
    return markdown(["stream", "SDK, `create(stream=True)`", "SDK, `stream()`", "respstream"], rows)


if __name__ == "__main__":
    import openai

    made = {row.name: sdk_answer(row.body) for row in DIALECTS}
    RECORD.write_text(json.dumps({"sdk": openai.__version__, "answers": made}, indent=1) + "\n", "utf-8")
