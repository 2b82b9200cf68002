"""The chunks that a server of Chat Completions sends for a finished completion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Members = dict[str, Any]
Split = Callable[[str], list[str]]

_STREAMED = ("content", "refusal", "reasoning_content", "reasoning")


def events_of(completion: Members, split: Split) -> Iterator[Members]:
    """The chunks of a completion; `split` cuts a text into deltas."""
    choices = completion.get("choices")
    base = {name: value for name, value in completion.items() if name not in ("choices", "usage")}
    base["object"] = "chat.completion.chunk"
    for number, choice in enumerate(choices if isinstance(choices, list) else []):
        if isinstance(choice, dict):
            for part in _choice(choice, split):
                yield base | {"choices": [{"index": choice.get("index", number), **part}]}
    if "usage" in completion:
        yield base | {"choices": [], "usage": completion["usage"]}


def _choice(choice: Members, split: Split) -> Iterator[Members]:
    message = choice.get("message")
    members = dict(message) if isinstance(message, dict) else {}
    calls = members.pop("tool_calls", None)
    texts = {name: members.pop(name) for name in _STREAMED if isinstance(members.get(name), str)}
    ends = {"finish_reason": None} if "finish_reason" in choice else {}
    yield {"delta": members, **ends}
    for name, text in texts.items():
        for piece in split(text) or [""]:
            yield {"delta": {name: piece}, **ends}
    for index, call in enumerate(calls if isinstance(calls, list) else []):
        if isinstance(call, dict):
            for delta in _call(index, call, split):
                yield {"delta": {"tool_calls": [delta]}, **ends}
    rest = {name: value for name, value in choice.items() if name not in ("index", "message")}
    yield {"delta": {}, **rest}


def _call(index: int, call: Members, split: Split) -> Iterator[Members]:
    if "type" not in call:  # of a server that sends calls whole, without their index
        yield call
        return
    member = "custom" if isinstance(call.get("custom"), dict) else "function"
    name = "input" if member == "custom" else "arguments"
    function = call.get(member)
    text = function.get(name) if isinstance(function, dict) else None
    begun = call | ({member: function | {name: ""}} if isinstance(function, dict) and isinstance(text, str) else {})
    yield {"index": index, **begun}
    for piece in split(text) if isinstance(text, str) else []:
        yield {"index": index, member: {name: piece}}
