"""The openai SDK's result for a Chat Completions stream: the completion that its own accumulator makes of the chunks."""

from __future__ import annotations

import re
import warnings
from typing import Any, NamedTuple

Json = dict[str, Any]


def sdk_completion(body: bytes) -> Json | str:
    """The final completion of `chat.completions.stream()` as a dict, or the name of the exception that it raises.

    Members that only the SDK has (`parsed`, `parsed_arguments`) are left out.
    """
    import openai

    http = __import__("httpx2" if int(openai.__version__.split(".", maxsplit=1)[0]) >= 3 else "httpx")

    def answer(_request: Any) -> Any:
        return http.Response(200, headers={"content-type": "text/event-stream"}, content=body)

    transport = http.MockTransport(answer)
    with (
        warnings.catch_warnings(action="ignore"),
        openai.OpenAI(api_key="none", max_retries=0, http_client=http.Client(transport=transport)) as client,
    ):
        try:
            with client.chat.completions.stream(model="m", messages=[{"role": "user", "content": "x"}]) as events:
                completion: Json = events.get_final_completion().to_dict()
        except Exception as error:
            return type(error).__name__
    return without_parsed(completion)


def without_parsed(completion: Json) -> Json:
    """A completion without the members that the SDK adds."""
    for choice in completion.get("choices", []):
        message = choice.get("message", {})
        message.pop("parsed", None)
        for call in message.get("tool_calls") or ():
            call.get("function", {}).pop("parsed_arguments", None)
    return completion


class Difference(NamedTuple):
    """A member whose values differ. `documented`: the reason in docs/dialects.md, "" if it is none of those."""

    path: str
    sdk: Any
    ours: Any
    documented: str


MISSING = "(missing)"
DECLARED = {"id", "choices", "created", "model", "object", "service_tier", "usage"}


def differences(sdk: Any, ours: Any, path: str = "") -> list[Difference]:
    """The members in which the SDK's completion and ours differ."""
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
    """The reason why a value differs, if it is a fault of the SDK's accumulator that docs/dialects.md lists."""
    place = re.sub(r"\[\d+\]", "[]", path)
    if place in (
        ".choices[].message.role",
        ".choices[].message.tool_calls[].id",
        ".choices[].message.tool_calls[].function.name",
    ):
        repeats = isinstance(sdk, str) and isinstance(ours, str) and ours and sdk == ours * (len(sdk) // len(ours))
        return "repeated strings are appended" if repeats else ""
    if place.startswith(".choices[].message.tool_calls[].") and sdk is None and ours == MISSING:
        return "missing members are null"
    if place.startswith(".choices[].message."):
        if isinstance(sdk, int) and isinstance(ours, int):
            return "numbers are added"
        return "thinking is lost" if place == ".choices[].message.reasoning_content" and sdk == MISSING else ""
    if place.startswith(".choices[].logprobs.") and isinstance(sdk, list) and isinstance(ours, list):
        first = len(sdk) - len(ours)
        return "those of the first chunk count twice" if sdk[first:] == ours and sdk[:first] == ours[:first] else ""
    if place == ".system_fingerprint":
        return "a chunk without the member sets it to null" if sdk is None else ""
    if place.startswith(".choices[].") or place.split(".")[1].split("[")[0] not in DECLARED:
        return "only the first chunk counts"
    return ""
