"""The values of options and of results that have a fixed set of them, for type checkers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Api: TypeAlias = Literal["auto", "responses", "chat", "messages"]
    Form: TypeAlias = Literal["auto", "sse", "jsonl", "rows"]
    FileForm: TypeAlias = Literal["auto", "sse", "jsonl", "rows", "har", "vcr"]
    OnEof: TypeAlias = Literal["flush", "discard"]
    TableName: TypeAlias = Literal["responses", "events", "items", "diagnostics"]
    ApiName: TypeAlias = Literal["responses", "chat", "messages"]
    DeltaKind: TypeAlias = Literal["text", "reasoning", "refusal", "tool_arguments"]
    # Those that the openai SDK declares. Compare `str(response.status)` with a word that a server made up.
    Status: TypeAlias = Literal["completed", "incomplete", "failed", "cancelled", "queued", "in_progress"]
