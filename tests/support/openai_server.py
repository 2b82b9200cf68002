"""A local server of the Responses API: streams by name, with a chosen chunking and encoding, and server failures."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["STREAMS", "Handler", "blocks", "chat", "running", "serve"]

TEXT_FORMAT = '{"city":"Zürich","degrees":21}'


def blocks(data: bytes) -> list[bytes]:
    """The stream split after each blank line."""
    parts = data.split(b"\n\n")
    return [part + b"\n\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def sse(events: list[dict[str, Any]]) -> bytes:
    return b"".join(f"event: {e['type']}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n".encode() for e in events)


def _response(status: str, output: list[Any], **more: Any) -> dict[str, Any]:
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": True}
    usage = {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5, "total_tokens": 8}
    return {
        "id": "resp_1", "object": "response", "created_at": 1741476542, "status": status, "error": None,
        "incomplete_details": None, "instructions": None, "max_output_tokens": None, "model": "gpt-x", "output": output,
        "parallel_tool_calls": True, "previous_response_id": None, "reasoning": {"effort": "low", "summary": None},
        "store": True, "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [tool],
        "top_p": 1.0, "truncation": "disabled", "user": None, "metadata": {"k": "v"}, "billing": {"payer": "x"},
        "usage": {**usage, "output_tokens_details": {"reasoning_tokens": 0}} if output else None, **more,
    }  # fmt: skip


def chat(text: str = TEXT_FORMAT, *, end: str = "completed", keep_output: bool = True) -> list[dict[str, Any]]:
    """The events of one response: a message whose pieces are a few characters long, and a function call beside it."""
    part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    item = {"id": "msg_0123456789abcdef", "type": "message", "status": "in_progress", "role": "assistant"}
    call = {"id": "fc_0123456789abcdef01", "type": "function_call", "call_id": "call_1", "name": "weather"}
    at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    calls = {"item_id": call["id"], "output_index": 1}
    arguments = '{"city":"Bern"}'
    done = [
        {**item, "status": "completed", "content": [{**part, "text": text}]},
        {**call, "status": "completed", "arguments": arguments},
    ]
    begun = _response("in_progress", [])
    ended = _response(end, done if keep_output else [])
    if end == "incomplete":
        ended["incomplete_details"] = {"reason": "max_output_tokens"}
    pieces = [text[i : i + 3] for i in range(0, len(text), 3)]
    words = [arguments[i : i + 4] for i in range(0, len(arguments), 4)]
    deltas = [{"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []} for piece in pieces]
    more = [{"type": "response.function_call_arguments.delta", **calls, "delta": word} for word in words]
    # Deltas of both items alternate, as servers may send them.
    mixed = [delta for pair in zip(deltas, more, strict=False) for delta in pair]
    mixed += deltas[len(more) :] + more[len(deltas) :]
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}},
        {"type": "response.content_part.added", **at, "part": part},
        {"type": "response.output_item.added", "output_index": 1, "item": {**call, "status": "x", "arguments": ""}},
        *({**delta, "obfuscation": "o" * (number % 5)} if number % 3 else delta for number, delta in enumerate(mixed)),
        {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": {**part, "text": text}},
        {"type": "response.output_item.done", "output_index": 0, "item": done[0]},
        {"type": "response.function_call_arguments.done", **calls, "arguments": arguments, "name": "weather"},
        {"type": "response.output_item.done", "output_index": 1, "item": done[1]},
        {"type": f"response.{end}", "response": ended},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


_CHAT = sse(chat())
_DELTA = (
    b'data: {"type":"response.output_text.delta","delta":"x","item_id":"i","output_index":0,"content_index":0,'
    b'"sequence_number":%d,"logprobs":[]}'
)


def _after_chat(data: bytes) -> bytes:
    """An unusual block between ordinary ones."""
    head = blocks(_CHAT)
    return b"".join(head[:9]) + data + b"".join(head[9:])


STREAMS: dict[str, bytes] = {
    "chat": _CHAT,
    "done": _CHAT + b"data: [DONE]\n\n",
    "incomplete": sse(chat(end="incomplete")),
    "failed": sse(chat(end="failed")),
    "no_output": sse(chat(keep_output=False)),
    "cut_short": b"".join(blocks(_CHAT)[:12]),
    "no_blank_line": _CHAT[:-2],
    "crlf": _CHAT.replace(b"\n", b"\r\n"),
    "cr": _CHAT.replace(b"\n", b"\r"),
    "bom": b"\xef\xbb\xbf" + _CHAT,
    "comments": _after_chat(b": keepalive\n\n: a\n" + _DELTA % 90 + b"\n: b\n\n"),
    "several_data_lines": _after_chat((_DELTA % 91).replace(b',"delta"', b',\ndata: "delta"') + b"\n\n"),
    "ids": _after_chat(b"id: 7\n" + _DELTA % 92 + b"\n\n"),
    "retry": _after_chat(b"retry: 100\n\n"),
    "event_only": _after_chat(b"event: ping\n\n"),
    "unknown_field": _after_chat(b"odd: 1\n" + _DELTA % 93 + b"\n\n"),
    "invalid_utf8": _after_chat((_DELTA % 94).replace(b'"x"', b'"\xff"') + b"\n\n"),
    "bad_json": _after_chat(b'data: {"type":\n\n'),
    "nan": _after_chat((_DELTA % 95).replace(b"[]", b"NaN") + b"\n\n"),
    "lone_surrogate": _after_chat((_DELTA % 96).replace(b'"x"', b'"\\ud800"') + b"\n\n"),
    "no_object": _after_chat(b"data: [1]\n\ndata: null\n\ndata: 7\n\n"),
    "no_type": _after_chat(b'data: {"delta":"x"}\n\n'),
    "unknown_type": _after_chat(b'data: {"type":"response.new.thing","delta":"x","sequence_number":9}\n\n'),
    "twice": _after_chat((_DELTA % 97).replace(b"[]", b'[],"delta":"y","more":1,"more":2') + b"\n\n"),
    "thread": _after_chat(b"event: thread.created\n" + _DELTA % 98 + b"\n\n"),
    "api_error": _after_chat(b'data: {"error":{"message":"overloaded","code":"server_error"}}\n\n'),
    "error_event": _after_chat(b'data: {"type":"error","code":"x","message":"m","param":null,"sequence_number":3}\n\n'),
    "wrong_kinds": _after_chat((_DELTA % 99).replace(b'"x"', b"7").replace(b'"i"', b'["i"]') + b"\n\n"),
    "coerced": _after_chat((_DELTA % 99).replace(b'"output_index":0', b'"output_index":"0"') + b"\n\n"),
    "empty": b"",
}


class Handler(BaseHTTPRequestHandler):
    """Responds by model name, `STREAM/MANNER`: the name of the stream, and how it is sent."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, dict[str, Any]]] = []  # noqa: RUF012 - the latest requests

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        type(self).asked.append((self.path, body))
        name, _, manner = body["model"].partition("/")
        with suppress(ConnectionError):
            self.answer(STREAMS.get(name, _CHAT), manner or "each")

    def do_GET(self) -> None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        type(self).asked.append((self.path, query))
        after = int(query.get("starting_after", -1))
        kept = [block for number, block in enumerate(blocks(_CHAT)) if number > after]
        self.answer(b"".join(kept), "each")

    def begin(self, status: int = 200, content_type: str = "text/event-stream", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "X-Request-Id": "req_7", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def send(self, pieces: list[bytes], *, end: bool = True) -> None:
        for piece in pieces:
            if piece:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
        if end:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def answer(self, data: bytes, manner: str) -> None:
        kind, _, number = manner.partition("-")
        if kind == "status":
            error = {"error": {"message": "no", "type": "t", "code": "c", "param": None}}
            body = json.dumps(error).encode()
            self.begin(int(number), "application/json", Content_Length=str(len(body)))
            self.wfile.write(body)
            return
        if kind == "gzip":
            self.begin(Transfer_Encoding="chunked", Content_Encoding="gzip")
            packed = gzip.compress(data)
            self.send([packed[i : i + 50] for i in range(0, len(packed), 50)])
            return
        self.begin(Transfer_Encoding="chunked")
        if kind == "broken":
            self.send(blocks(data)[: int(number)], end=False)
        elif kind == "slow":
            self.send(blocks(data)[:6], end=False)
            time.sleep(float(number))
        elif kind == "cut":
            step = int(number)
            self.send([data[i : i + step] for i in range(0, len(data), step)])
        else:
            self.send([data] if kind == "whole" else blocks(data))


def serve() -> AbstractContextManager[str]:
    """Runs a server in the context; yields its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    return running(server)


@contextmanager
def running(server: ThreadingHTTPServer) -> Generator[str]:
    """Runs a server in a thread in the context; yields its base URL."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
