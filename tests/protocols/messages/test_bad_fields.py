"""Members of the wrong kind: each is reported with its path, and has no effect."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from tests.support import readings
from tests.support.messages_streams import STOP, block, delta, end, part, sse, start, stop, text, tool

INDEX = "index is not an integer from 0 to 65535"


@pytest.mark.parametrize(
    ("events", "messages"),
    [
        ([{"type": "message_start", "message": 5}], ["message is not an object"]),
        ([start(content=5)], ["message.content is not a list"]),
        ([start(content=[5, {"type": "text", "text": "Hi"}])], ["message.content[0] is not an object"]),
        ([start(usage=[])], ["message.usage is not an object"]),
        ([start(), text("Hi"), text("x", -1), text("x", 65536), text("x", 1.5), text("x", "x"), stop([])], [INDEX] * 5),
        (
            [start(), {"type": "content_block_start", "index": 0, "content_block": []}],
            ["content_block is not an object"],
        ),
        ([start(), block(0, 5)], ["content_block.type is not a string"]),
        ([start(), {"type": "content_block_delta", "index": 0}], ["delta is not an object"]),
        ([start(), delta(0, 5, text="x")], ["delta.type is not a string"]),
        ([start(), {"type": "content_block_delta", "index": 0, "delta": {}}], ["delta.type is not a string"]),
        ([start(), block(0, "text", text=5), text(5), text("Hi")], ["delta.text is not a string"]),
        ([start(), tool(0), part({}), part(None)], ["delta.partial_json is not a string"]),
        (
            [start(), block(0, "thinking"), delta(0, "signature_delta", signature=5)],
            ["delta.signature is not a string"],
        ),
        ([start(), end(5), end(["x"])], ["delta.stop_reason is not a string"] * 2),
        ([start(), end("end_turn", 5)], ["usage is not an object"]),
        ([start(), {"type": "message_delta", "delta": 5}], ["delta is not an object"]),
    ],
)
def test_bad_field(backend: ModuleType, events: list[Any], messages: list[str]) -> None:
    body = sse([*events, STOP])
    decoder = backend.Decoder(api="messages")
    decoder.feed(body)
    decoder.finish()
    (response,) = decoder.responses
    assert [found.message for found in decoder.diagnostics if found.code == "bad_field"] == messages
    assert response.output_text == ("Hi" if b"Hi" in body else "")
    assert readings.read(backend, body, readings.every_byte(body)) == readings.read(backend, body)
