"""Applies the delta of one choice: its texts, its reasoning and its tool calls."""

from __future__ import annotations

from respstream._pure.assemble import append
from respstream._pure.protocols.chat.catalogue import RULES
from respstream._pure.protocols.chat.choice import Choice
from respstream._pure.protocols.chat.merge import MERGES, Context, json_text, merge, text_in
from respstream._pure.protocols.chat.parts import read_parts
from respstream._pure.protocols.chat.tool_calls import TEXTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from respstream._pure.protocols.chat.catalogue import Rule

    Take: TypeAlias = "Callable[[str, str, int | None, str | None, str | None], object]"

_RULES = RULES["delta"]
STREAMED = frozenset((*(name for name, rule in _RULES.items() if rule.kind or rule.into), "audio"))
"""The members of a delta that carry a part of the output."""
THINKING_MEMBER = "reasoning_content"
"""The member of the message with the text of parts that are thinking."""
PARTS_MEMBER = "content_parts"
"""The member of the message with the parts that are neither text nor thinking."""


def is_streamed(delta: Any) -> bool:
    """Whether a delta has a part of the output: not only the role, empty strings and nulls."""
    return type(delta) is dict and any(value and name in STREAMED for name, value in delta.items())


def apply_delta(context: Context, choice: Choice, delta: dict[str, Any], take: Take) -> None:
    """Merges a delta into the message of its choice.

    `take(kind, text, index, call_id, name)` is called for each text that the delta adds to the output.
    """
    message = choice.message
    reasoning: list[str] = []
    for name, member in delta.items():
        rule = _RULES.get(name)
        if rule is None:
            merge(context, message, {name: member}, "delta")
        elif rule.op == "content":
            _content(context, choice, name, member, reasoning, take)
        elif rule.op == "calls":
            _calls(context, choice, name, member, take)
        else:
            MERGES[rule.op](context, message, name, member, rule)
            if rule.kind == "reasoning":
                reasoning.append(_reasoning(member, rule))
            elif rule.kind and type(member) is str and member:
                take(rule.kind, member, None, None, None)
            elif rule.into == "function" and (text := _call_text(member, "function")):
                take("tool_arguments", text, None, None, None)
    for number, text in enumerate(reasoning):
        if text and text not in reasoning[:number]:  # two spellings of the same
            append(choice.reasoning, text)
            take("reasoning", text, None, None, None)


def _reasoning(member: Any, rule: Rule) -> str:
    """The reasoning in a string, or in a list of details; a value of another kind has none."""
    if rule.op == "append":
        return member if type(member) is str else ""
    details = [part for part in member if type(part) is dict] if type(member) is list else []
    texts = [part[name] for part in details for name in ("text", "summary") if type(part.get(name)) is str]
    return "".join(texts)


def _content(
    context: Context, choice: Choice, name: str, member: Any, reasoning: list[str], take: Take
) -> None:  # fmt: skip
    if member is None:
        choice.message.setdefault(name)
        return
    text = member
    if type(member) is dict:
        context.report_loose(name, "an object", "a list of parts")
        member = [member]
    if type(member) is list:
        text = _parts(context, choice, name, member, reasoning)
    elif type(member) is not str:
        context.bad(name, "a string or a list of parts")
        return
    choice.message[name] = choice.text
    append(choice.text, text)
    if text:
        take("text", text, None, None, None)


def _parts(context: Context, choice: Choice, name: str, member: list[Any], reasoning: list[str]) -> str:
    """Takes the parts of a list except for its texts, which it returns."""
    found = read_parts(member)
    for position in found.bad:
        context.bad(f"{name}[{position}]", "a part")
    if found.thinking:
        thinking = "".join(found.thinking)
        reasoning.append(thinking)
        append(text_in(choice.message, THINKING_MEMBER), thinking)
    if found.others:
        merge(context, choice.message, {PARTS_MEMBER: found.others}, "delta")
    return "".join(found.text)


def _calls(context: Context, choice: Choice, name: str, member: Any, take: Take) -> None:
    if type(member) is not list:
        if member is None:
            choice.message.setdefault(name)
        else:
            context.bad(name, "a list")
        return
    if not choice.calls.tree:
        choice.message[name] = choice.calls.tree
    path = context.path
    for position, piece in enumerate(member):
        if type(piece) is not dict:
            context.path = path
            context.bad(f"{name}[{position}]", "an object")
            continue
        context.path = f"{path}.{name}[{position}]"
        key = choice.calls.add(context, piece)
        if key is None:
            continue
        for inside in TEXTS:
            text = _call_text(piece.get(inside), inside)
            if text:
                take("tool_arguments", text, *choice.facts_of(key))
    context.path = path


def _call_text(inner: Any, inside: str) -> str:
    """The text in a piece of a call, "" if there is none."""
    text = inner.get(TEXTS[inside]) if type(inner) is dict else None
    if type(text) is dict:
        text = json_text(text)
    return text if type(text) is str else ""
