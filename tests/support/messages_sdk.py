"""The anthropic SDK's result for a Messages stream: the message that its own accumulator makes of the events."""

from __future__ import annotations

import re
import warnings
from typing import Any, NamedTuple

Json = dict[str, Any]


def sdk_message(body: bytes, *, beta: bool = False) -> Json | str:
    """The final message of `messages.stream()` as a dict, or the name of the exception that it raises."""
    import anthropic
    import httpx2

    def answer(_request: Any) -> Any:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    client = anthropic.Anthropic(
        api_key="none", max_retries=0, http_client=httpx2.Client(transport=httpx2.MockTransport(answer))
    )
    resource: Any = client.beta.messages if beta else client.messages
    with warnings.catch_warnings(action="ignore"), client:
        try:
            with resource.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]) as events:
                message: Json = events.get_final_message().to_dict()
        except Exception as error:
            return type(error).__name__
    return message


class Difference(NamedTuple):
    """A member whose values differ. `documented`: the reason in docs/dialects.md, "" if it is none of those."""

    path: str
    sdk: Any
    ours: Any
    documented: str


MISSING = "(missing)"
COPIED = {
    "output_tokens", "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "server_tool_use",
    "output_tokens_details",
}  # fmt: skip
"""The members of `usage` that the SDK copies from a message_delta."""
STREAMED = {
    "id",
    "type",
    "role",
    "model",
    "content",
    "usage",
    "stop_reason",
    "stop_sequence",
    "stop_details",
    "container",
}


def differences(sdk: Any, ours: Any, path: str = "") -> list[Difference]:
    """The members in which the SDK's message and ours differ."""
    if isinstance(sdk, dict) and isinstance(ours, dict):
        names = [*sdk, *(name for name in ours if name not in sdk)]
        pairs = [(f"{path}.{name}", sdk.get(name, MISSING), ours.get(name, MISSING)) for name in names]
    elif isinstance(sdk, list) and isinstance(ours, list) and len(sdk) == len(ours):
        pairs = [(f"{path}[{number}]", one, other) for number, (one, other) in enumerate(zip(sdk, ours, strict=True))]
    else:
        same = type(sdk) is type(ours) and sdk == ours
        return [] if same else [Difference(path, sdk, ours, documented(path, sdk, ours))]
    return [found for name, one, other in pairs for found in differences(one, other, name)]


def documented(path: str, sdk: Any, ours: Any) -> str:
    """The reason why a value differs, if it is a member that the SDK's accumulator drops, as docs/dialects.md lists."""
    place = re.sub(r"\[\d+\]", "[]", path).split(".")[1:]
    if place[0] == "usage" and len(place) > 1 and place[1] not in COPIED and ours not in (MISSING, None):
        return "usage members beyond the six that the SDK copies"
    if len(place) == 1 and place[0] not in STREAMED and sdk == MISSING:
        return "members of a message_delta beside delta and usage"
    return ""
