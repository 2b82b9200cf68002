"""The events that a server of the Responses API sends for a finished response."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

Members = dict[str, Any]
Split = Callable[[str], list[str]]

_ENDS = {"incomplete": "response.incomplete", "failed": "response.failed", "cancelled": "response.cancelled"}
_CALLS = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "mcp_call": ("arguments", "response.mcp_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}
_PARTS = {
    "output_text": ("text", "response.output_text"),
    "refusal": ("refusal", "response.refusal"),
    "reasoning_text": ("text", "response.reasoning_text"),
}


def events_of(response: Members, split: Split) -> Iterator[Members]:
    """The events of a response, numbered; `split` cuts a text into deltas."""
    numbers = count()
    for event in _events(response, split):
        yield event | {"sequence_number": next(numbers)}


def _events(response: Members, split: Split) -> Iterator[Members]:
    begun = response | {"status": "in_progress", "output": []}
    for name in ("usage", "completed_at", "error", "incomplete_details"):
        if name in begun:
            begun[name] = None
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    output = response.get("output")
    for index, item in enumerate(output if isinstance(output, list) else []):
        if isinstance(item, dict):
            yield from _item(index, item, split)
    yield {"type": _ENDS.get(str(response.get("status")), "response.completed"), "response": response}


def _item(index: int, item: Members, split: Split) -> Iterator[Members]:
    begun = dict(item)
    if "status" in item:
        begun["status"] = "in_progress"
    member, _ = _CALLS.get(str(item.get("type")), ("", ""))
    for name, empty in (("content", []), ("summary", []), (member, "")):
        if isinstance(item.get(name), list | str):
            begun[name] = empty
    yield {"type": "response.output_item.added", "output_index": index, "item": begun}
    place = {"item_id": item.get("id"), "output_index": index}
    yield from _summary(place, item, split)
    for number, part in enumerate(item["content"] if isinstance(item.get("content"), list) else []):
        if isinstance(part, dict):
            yield from _part(place | {"content_index": number}, part, split)
    yield from _arguments(place, item, split)
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _part(place: Members, part: Members, split: Split) -> Iterator[Members]:
    member, prefix = _PARTS.get(str(part.get("type")), ("", ""))
    text = part.get(member)
    begun = (
        part | ({member: ""} if isinstance(text, str) else {}) | ({"annotations": []} if "annotations" in part else {})
    )
    yield place | {"type": "response.content_part.added", "part": begun}
    if isinstance(text, str):
        yield from _text(place, prefix, member, text, split)
    annotations = part.get("annotations")
    for number, annotation in enumerate(annotations if isinstance(annotations, list) else []):
        kind = "response.output_text.annotation.added"
        yield place | {"type": kind, "annotation_index": number, "annotation": annotation}
    yield place | {"type": "response.content_part.done", "part": part}


def _summary(place: Members, item: Members, split: Split) -> Iterator[Members]:
    summary = item.get("summary")
    for number, part in enumerate(summary if isinstance(summary, list) else []):
        if not (isinstance(part, dict) and isinstance(part.get("text"), str)):
            continue
        at = place | {"summary_index": number}
        prefix = "response.reasoning_summary"
        yield at | {"type": f"{prefix}_part.added", "part": part | {"text": ""}}
        yield from _text(at, f"{prefix}_text", "text", part["text"], split)
        yield at | {"type": f"{prefix}_part.done", "part": part}


def _arguments(place: Members, item: Members, split: Split) -> Iterator[Members]:
    member, prefix = _CALLS.get(str(item.get("type")), ("", ""))
    text = item.get(member)
    if isinstance(text, str):
        yield from _text(place, prefix, member, text, split)


def _text(place: Members, prefix: str, member: str, text: str, split: Split) -> Iterator[Members]:
    for piece in split(text):
        yield place | {"type": f"{prefix}.delta", "delta": piece}
    yield place | {"type": f"{prefix}.done", member: text}
