"""The anthropic SDK's Bedrock clients over HTTP: messages in Amazon's binary framing, which botocore reads."""

from __future__ import annotations

import asyncio
import base64
import json
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from anthropic.lib.bedrock import AnthropicBedrock, AsyncAnthropicBedrock

from respstream.integrations import _streams
from respstream.integrations._plans import difference, plans
from respstream.integrations.anthropic import accelerate, restore
from respstream.integrations.anthropic._sdk import load
from tests.integrations.test_anthropic import ALL, ASKED, compare, create, helper
from tests.support.anthropic_server import serving
from tests.support.messages_streams import HI, Json

MORE = [*ALL, {"type": "surprise"}, {"completion": 1}, {"neither": 1}]
METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3}}


def frame(payload: bytes, **headers: str) -> bytes:
    """One message of the framing `application/vnd.amazon.eventstream`: sizes and their checksum, headers, payload, checksum."""
    packed = b"".join(
        bytes([len(name) + 1]) + b":" + name.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
        for name, value in ((name.replace("_", "-"), value) for name, value in headers.items())
    )
    sizes = (len(packed) + len(payload) + 16).to_bytes(4, "big") + len(packed).to_bytes(4, "big")
    message = sizes + zlib.crc32(sizes).to_bytes(4, "big") + packed + payload
    return message + zlib.crc32(message).to_bytes(4, "big")


def event(value: Json) -> bytes:
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(value).encode()).decode(), "p": "abc"}).encode()
    return frame(payload, event_type="chunk", content_type="application/json", message_type="event")


def body(events: list[Json]) -> bytes:
    return b"".join(map(event, events))


THROTTLED = frame(
    b'{"message":"slow down"}',
    exception_type="throttlingException",
    content_type="application/json",
    message_type="exception",
)


def client(url: str) -> Any:
    return AnthropicBedrock(api_key="k", aws_region="us-east-1", base_url=url, max_retries=0)


@pytest.mark.parametrize("how", [create, helper], ids=lambda how: how.__name__)
@pytest.mark.parametrize("size", [1, 100, 100_000])
def test_equal_over_http(how: Any, size: int) -> None:
    with serving(body(HI if size == 1 else MORE), size) as url, client(url) as theirs, client(url) as ours:
        assert len(compare(theirs, accelerate(ours), how)) >= len(HI)


def test_events_are_built_natively() -> None:
    with serving(body(MORE)) as url, client(url) as ours:
        accelerate(ours)
        stream = ours.messages.create(**ASKED, stream=True)
        assert len(list(stream)) == len(MORE) - 2  # what is neither a message's event nor a completion is left out
        assert isinstance(_streams._decoder(stream, plans(load())), _streams._Messages)
        restore(ours)
        assert not hasattr(ours.messages.create(**ASKED, stream=True), "respstream_faithful")


BAD = {
    "an exception": body(HI[:3]) + THROTTLED,
    "only an exception": THROTTLED,
    "an unknown event": body(HI[:3]) + frame(b"{}", event_type="other", message_type="event") + body(HI[3:]),
    "a wrong checksum": body(HI[:3]) + event(HI[3])[:-1] + b"\0" + body(HI[4:]),
    "cut": body(HI)[:-30],
    "metrics": body([*HI[:-1], {**HI[-1], **METRICS}]),
    "no JSON": body(HI[:2]) + frame(b'{"bytes":"eHl6"}', event_type="chunk", message_type="event") + body(HI[2:]),
    "nothing": b"",
}


@pytest.mark.parametrize("how", [create, helper], ids=lambda how: how.__name__)
@pytest.mark.parametrize("name", BAD)
def test_equal_for_unusual_messages(how: Any, name: str) -> None:
    with serving(BAD[name]) as url, client(url) as theirs, client(url) as ours:
        compare(theirs, accelerate(ours), how)


def test_equal_async() -> None:
    def make(url: str) -> Any:
        return AsyncAnthropicBedrock(api_key="k", aws_region="us-east-1", base_url=url, max_retries=0)

    async def created(client: Any) -> AsyncIterator[Any]:
        async for found in await client.messages.create(**ASKED, stream=True):
            yield found

    async def helped(client: Any) -> AsyncIterator[Any]:
        async with client.messages.stream(**ASKED) as events:
            async for found in events:
                yield found
            yield await events.get_final_message()

    async def main(url: str) -> Iterator[tuple[list[Any], list[Any]]]:
        found = []
        async with make(url) as theirs, make(url) as ours:
            accelerate(ours)
            for how in (created, helped):
                for _ in range(3):
                    found.append(([one async for one in how(theirs)], [one async for one in how(ours)]))
        return iter(found)

    with serving(body(MORE)) as url:
        for wanted, given in asyncio.run(main(url)):
            assert len(wanted) > len(ALL) - 1
            assert difference(wanted, given) is None
