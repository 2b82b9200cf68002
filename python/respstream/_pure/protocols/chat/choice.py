"""One choice of a completion while it is assembled."""

from __future__ import annotations

from respstream._pure.assemble import Text, freeze
from respstream._pure.json import Number, clean_text
from respstream._pure.protocols.chat.catalogue import DECLARED
from respstream._pure.protocols.chat.tool_calls import CALLS_PER_INDEX, TEXTS, Calls, text_place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

DECLARED_FROM = 2
"""The number of chunks of a choice from which on its message has all members that the SDK declares, as the SDK's has."""
CallFacts: TypeAlias = "tuple[str, str | None, str | None]"  # type, id and name


class Choice:
    """One choice. `members`: those of the choice except for its message; `message`: those of the message.

    `text`, `reasoning`: the texts of the content and of the reasoning, in any form.
    """

    __slots__ = ("calls", "chunks", "index", "members", "message", "reasoning", "streamed", "text")

    def __init__(self, index: int) -> None:
        self.index = index
        self.members: dict[str, Any] = {}
        self.message: dict[str, Any] = {}
        self.text = Text(None)
        self.reasoning = Text(None)
        self.calls = Calls()
        self.chunks = 0
        self.streamed = False  # a chunk had a part of its output

    @property
    def finish_reason(self) -> str | None:
        """Why the choice ended, None until then."""
        reason = self.members.get("finish_reason")
        return clean_text(reason) if type(reason) is str and reason else None

    @property
    def refusal(self) -> str | None:
        """The text of the refusal, None if there is none."""
        return _text(self.message.get("refusal")) or None

    def value(self) -> dict[str, Any]:
        """The choice as plain values; numbers keep their text."""
        message: dict[str, Any] = freeze(self.message)
        if self.chunks >= DECLARED_FROM:
            _declare(message)
        return {"index": Number(self.index), **freeze(self.members), "message": message}

    # -- tool calls ------------------------------------------------------------------------------------------------

    def call_nodes(self) -> list[tuple[dict[str, Any], str]]:
        """The trees of the calls in order, each with the type that a call has which names none."""
        nodes = [(self.calls.tree[key], "function") for key in sorted(self.calls.tree)]
        legacy = self.message.get("function_call")
        return [*nodes, ({"function": legacy}, "function")] if type(legacy) is dict else nodes

    def facts_of(self, key: int) -> tuple[int, str | None, str | None]:
        """Index, id and name of the call with that key."""
        known = self.calls.names.get(key)
        if known is None:
            _, *names = facts_of(self.calls.tree[key], "function")
            known = self.calls.names[key] = names[0], names[1]
        return key // CALLS_PER_INDEX, *known


def _declare(message: dict[str, Any]) -> None:
    """Adds the missing members that the SDK declares, as null, to a message and to the objects in it."""
    _add(message, "message")
    for name in ("audio", "function_call"):
        _add(message[name], name)


def _add(value: Any, kind: str) -> None:
    if type(value) is dict:
        for name in DECLARED[kind]:
            value.setdefault(name)


def facts_of(node: dict[str, Any], kind: str) -> CallFacts:
    """Type, id and name of the call with that tree; `kind`: its type if it names none."""
    inner, _ = text_place(node)
    found = _text(node.get("type")) or next((name for name in TEXTS if type(node.get(name)) is dict), kind)
    return found, _text(node.get("id")), _text(inner.get("name"))


def _text(node: Any) -> str | None:
    """The text of a node, None if it is not a text."""
    if isinstance(node, Text):
        return node.join()
    return clean_text(node) if type(node) is str else None
