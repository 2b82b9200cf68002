"""Whole responses, event by event, as api.openai.com streams them: lifecycle, items, parts, deltas, done events, terminal event.

The terminal event carries exactly the streamed items. The expected results are collected while writing, not parsed from the
JSON. Standard library only.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from benches import vocabulary
from benches.wire import EventWriter, Wire

Json = dict[str, Any]


class ResponseWriter:
    """Writes one response: items first to last, then `close`. `expected` is the expected result of a fold.

    `more`: members of a server of its own in the `response` of lifecycle events.
    """

    def __init__(
        self,
        rng: random.Random,
        wire: Wire,
        *,
        escape_non_ascii: bool = False,
        instructions: str | None = None,
        tools: Sequence[Json] = (),
        top_logprobs: int = 0,
        more: Json | None = None,
    ) -> None:
        self.rng = rng
        self.out = EventWriter(wire, rng, escape_non_ascii=escape_non_ascii)
        self._id_prefix = f"{rng.getrandbits(64):016x}00{rng.getrandbits(24):06x}"
        self._created_at = rng.randint(1_741_000_000, 1_787_000_000)
        self._settings = {"instructions": instructions, "tools": list(tools), "top_logprobs": top_logprobs}
        self._more = more or {}
        self._model = rng.choice(("gpt-4o-mini-2024-07-18", "gpt-5-nano-2025-08-07", "gpt-5.1-codex-max"))
        self._items: list[Json] = []
        self.expected: Json = {
            "id": self._new_id("resp"),
            "status": "in_progress",
            "output_text": "",
            "refusal": None,
            "reasoning_text": "",
            "reasoning_summary": "",
            "tool_calls": [],
        }
        self.out.event("response.created", response=self._response())
        self.out.event("response.in_progress", response=self._response())

    def close(self, status: str = "completed", incomplete_reason: str | None = None) -> None:
        """Write the terminal event and complete `expected`."""
        self.expected["status"] = status
        self.expected["input_tokens"] = self.rng.randint(8, 40_000)
        self.expected["output_tokens"] = self.out.deltas + self.rng.randint(1, 20)
        self.out.event(f"response.{status}", response=self._response(incomplete_reason))
        self.expected["events"] = self.out.events
        self.expected["deltas"] = self.out.deltas

    def message(
        self, pieces: Sequence[str], *, logprobs: Sequence[list[Json]] | None = None, status: str = "completed"
    ) -> None:
        """A message of one text part; `logprobs` has one list for each piece."""
        text = "".join(pieces)
        all_logprobs = [entry for entries in logprobs or () for entry in entries]
        item = self._add(
            {"id": self._new_id("msg"), "type": "message", "status": "in_progress", "content": [], "role": "assistant"}
        )
        where = self._place(item, content_index=0)
        part = {"type": "output_text", "annotations": [], "logprobs": all_logprobs, "text": text}
        self.out.event("response.content_part.added", **where, part={**part, "logprobs": [], "text": ""})
        columns = [[]] * len(pieces) if logprobs is None else logprobs
        self.out.text_deltas("response.output_text.delta", pieces, logprobs=columns, **where)
        self.out.event("response.output_text.done", **where, text=text, logprobs=all_logprobs)
        self.out.event("response.content_part.done", **where, part=part)
        self._finish({**item, "status": status, "content": [part]})
        self.expected["output_text"] += text

    def refusal(self, pieces: Sequence[str]) -> None:
        """A message of one refusal part."""
        text = "".join(pieces)
        item = self._add(
            {"id": self._new_id("msg"), "type": "message", "status": "in_progress", "content": [], "role": "assistant"}
        )
        where = self._place(item, content_index=0)
        part = {"type": "refusal", "refusal": text}
        self.out.event("response.content_part.added", **where, part={**part, "refusal": ""})
        self.out.text_deltas("response.refusal.delta", pieces, **where)
        self.out.event("response.refusal.done", **where, refusal=text)
        self.out.event("response.content_part.done", **where, part=part)
        self._finish({**item, "status": "completed", "content": [part]})
        self.expected["refusal"] = text

    def reasoning_summary(self, parts: Sequence[Sequence[str]]) -> None:
        """A reasoning item with encrypted content and a summary of several parts, each a list of deltas."""
        item = self._add(
            {"id": self._new_id("rs"), "type": "reasoning", "encrypted_content": self._encrypted(600), "summary": []}
        )
        summary = [{"type": "summary_text", "text": "".join(pieces)} for pieces in parts]
        for index, (pieces, part) in enumerate(zip(parts, summary, strict=True)):
            where = self._place(item, summary_index=index)
            self.out.event("response.reasoning_summary_part.added", **where, part={**part, "text": ""})
            self.out.text_deltas("response.reasoning_summary_text.delta", pieces, **where)
            self.out.event("response.reasoning_summary_text.done", **where, text=part["text"])
            self.out.event("response.reasoning_summary_part.done", **where, part=part)
        self._finish({**item, "encrypted_content": self._encrypted(3000), "summary": summary})
        self.expected["reasoning_summary"] = "\n\n".join(part["text"] for part in summary)

    def reasoning_text(self, pieces: Sequence[str]) -> None:
        """A reasoning item with plain text, as servers of open-weight models send it."""
        text = "".join(pieces)
        item = self._add(
            {"id": self._new_id("rs"), "type": "reasoning", "status": "in_progress", "summary": [], "content": []}
        )
        where = self._place(item, content_index=0)
        part = {"type": "reasoning_text", "text": text}
        self.out.event("response.content_part.added", **where, part={**part, "text": ""})
        self.out.text_deltas("response.reasoning_text.delta", pieces, **where)
        self.out.event("response.reasoning_text.done", **where, text=text)
        self.out.event("response.content_part.done", **where, part=part)
        self._finish({**item, "status": "completed", "content": [part]})
        self.expected["reasoning_text"] = text

    def function_call(self, name: str, arguments: str, *, small: bool = False) -> None:
        """A `function_call` item; `small`: its arguments come in pieces of one to three characters."""
        call_id = self._new_call_id()
        item = self._add({**self._call("fc", "function_call"), "arguments": "", "call_id": call_id, "name": name})
        pieces = vocabulary.cut_small(self.rng, arguments) if small else None
        self._call_text(item, "response.function_call_arguments", "arguments", arguments, pieces)
        self._finish({**item, "status": "completed", "arguments": arguments})
        self.expected["tool_calls"].append(("function_call", call_id, name, arguments))

    def custom_call(self, name: str, text: str) -> None:
        """A `custom_tool_call` item; its input is free text."""
        call_id = self._new_call_id()
        item = self._add({**self._call("ctc", "custom_tool_call"), "call_id": call_id, "input": "", "name": name})
        self._call_text(item, "response.custom_tool_call_input", "input", text)
        self._finish({**item, "status": "completed", "input": text})
        self.expected["tool_calls"].append(("custom_tool_call", call_id, name, text))

    def mcp_call(self, name: str, arguments: str, output: str) -> None:
        """An `mcp_call` item, which has no `call_id` on the wire."""
        call = {
            "approval_request_id": None,
            "arguments": "",
            "error": None,
            "name": name,
            "output": None,
            "server_label": "files",
        }
        item = self._add({**self._call("mcp", "mcp_call"), **call})
        self.out.event("response.mcp_call.in_progress", **self._place(item))
        self._call_text(item, "response.mcp_call_arguments", "arguments", arguments)
        self.out.event("response.mcp_call.completed", **self._place(item))
        self._finish({**item, "status": "completed", "arguments": arguments, "output": output})
        self.expected["tool_calls"].append(("mcp_call", None, name, arguments))

    def image(self, partial_images: Sequence[str], result: str) -> None:
        """An `image_generation_call` item; images are base64 text."""
        item = self._add(self._call("ig", "image_generation_call"))
        where = self._place(item)
        look = {"background": "opaque", "output_format": "png", "quality": "high", "size": "1536x1024"}
        self.out.event("response.image_generation_call.in_progress", **where)
        self.out.event("response.image_generation_call.generating", **where)
        for index, image in enumerate(partial_images):
            event = {**where, **look, "partial_image_index": index, "partial_image_b64": image}
            self.out.event("response.image_generation_call.partial_image", **event)
        self.out.event("response.image_generation_call.completed", **where)
        self._finish(
            {**item, "status": "completed", **look, "result": result, "revised_prompt": "A lighthouse at dusk."}
        )

    def _call(self, prefix: str, item_type: str) -> Json:
        return {"id": self._new_id(prefix), "type": item_type, "status": "in_progress"}

    def _call_text(
        self, item: Json, event_prefix: str, member: str, text: str, pieces: list[str] | None = None
    ) -> None:
        """The deltas of a call's text and their done event."""
        self.out.text_deltas(f"{event_prefix}.delta", pieces or vocabulary.cut(text), **self._place(item))
        self.out.event(f"{event_prefix}.done", **self._place(item), **{member: text})

    def _add(self, item: Json) -> Json:
        self.out.event("response.output_item.added", output_index=len(self._items), item=item)
        return item

    def _finish(self, item: Json) -> None:
        self.out.event("response.output_item.done", output_index=len(self._items), item=item)
        self._items.append(item)

    def _place(self, item: Json, **index: int) -> Json:
        return {"item_id": item["id"], "output_index": len(self._items), **index}

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}_{self._id_prefix}{self.rng.getrandbits(104):026x}"

    def _new_call_id(self) -> str:
        start = self.rng.randrange(len(vocabulary.NOISE) - 24)
        return "call_" + vocabulary.NOISE[start : start + 24]

    def _encrypted(self, chars: int) -> str:
        return "gAAAAA" + vocabulary.base64_text(self.rng, chars, urlsafe=True)

    def _usage(self) -> Json | None:
        if "input_tokens" not in self.expected:
            return None
        tokens_in, tokens_out = self.expected["input_tokens"], self.expected["output_tokens"]
        return {
            "input_tokens": tokens_in,
            "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": tokens_in // 2},
            "output_tokens": tokens_out,
            "output_tokens_details": {"reasoning_tokens": tokens_out // 4},
            "total_tokens": tokens_in + tokens_out,
        }

    def _response(self, incomplete_reason: str | None = None) -> Json:
        """The `response` member of a lifecycle event, with the keys and key order of early 2026."""
        usage = self._usage()
        status = self.expected["status"]
        return {
            "id": self.expected["id"],
            "object": "response",
            "created_at": self._created_at,
            "status": status,
            "background": False,
            "completed_at": self._created_at + 3 if status == "completed" else None,
            "error": None,
            "frequency_penalty": 0.0,
            "incomplete_details": {"reason": incomplete_reason} if incomplete_reason else None,
            "instructions": self._settings["instructions"],
            "max_output_tokens": None,
            "max_tool_calls": None,
            "model": self._model,
            "output": self._items,
            "parallel_tool_calls": True,
            "presence_penalty": 0.0,
            "previous_response_id": None,
            "prompt_cache_key": None,
            "prompt_cache_retention": None,
            "reasoning": {"effort": "medium", "summary": "detailed"},
            "safety_identifier": None,
            "service_tier": "default" if usage else "auto",
            "store": True,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": "auto",
            "tools": self._settings["tools"],
            "top_logprobs": self._settings["top_logprobs"],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": usage,
            "user": None,
            "metadata": {},
            **self._more,
        }
