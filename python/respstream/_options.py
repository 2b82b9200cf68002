"""The values of the options of what reads streams, for type checkers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    Api: TypeAlias = Literal["auto", "responses", "chat", "messages"]
    Form: TypeAlias = Literal["auto", "sse", "jsonl", "rows"]
    FileForm: TypeAlias = Literal["auto", "sse", "jsonl", "rows", "har", "vcr"]
    OnEof: TypeAlias = Literal["flush", "discard"]
    TableName: TypeAlias = Literal["responses", "events", "items", "diagnostics"]
