"""Applies one chunk to one completion: the members of the chunk, then its choices.

Most chunks repeat the members of the one before and have one text each. Only the others are parsed with exact numbers.
"""

from __future__ import annotations

import re

from respstream._pure.assemble import Text, append
from respstream._pure.json import clean_text, parse_exact
from respstream._pure.protocols.chat.catalogue import RULES
from respstream._pure.protocols.chat.choice import Choice
from respstream._pure.protocols.chat.context import DROPPED, choices_of, clean_names, envelope, is_plain, merge_chunk
from respstream._pure.protocols.chat.delta import apply_delta, is_streamed
from respstream._pure.protocols.chat.merge import BAD_INDEX, Context, merge, read_index, text_in
from respstream._pure.protocols.chat.response import Cursor, Folded
from respstream._pure.protocols.protocol import NonStreamed, ParsedEvent, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_GROWING = ("text", "refusal", "reasoning")  # kinds of texts in one string
_MINUS_ZERO = re.compile(rb"-0[,\]}\s]")
"""A number that equals 0, but stays as it is in the JSON of the response. Names of models and dates do not match."""


def apply(folded: Folded, parsed: ParsedEvent, report: Report) -> None:
    """Applies a chunk to its completion; `report(code, detail)` takes diagnostics. Other events have no effect."""
    folded.pieces = []
    if parsed.entry is None or parsed.entry.op != "chunk":
        return
    members, exact = parsed.members, None
    if parsed.invalid_utf8:
        members = clean_names(members)
    choices = choices_of(members)
    folded.chunks += 1
    is_exact = _MINUS_ZERO.search(parsed.raw) is not None
    if not is_exact and _continues(folded, members, choices):
        return
    context = Context(report, folded.loose)
    if type(members.get("choices")) not in (list, type(None)):
        context.bad("choices", "a list")
    rest = envelope(members)
    repeats = rest if is_plain(rest) and not is_exact else None
    if repeats is None or repeats != folded.rest:
        exact = _exact(parsed.raw, parsed.invalid_utf8)
        _merge_rest(context, folded, exact)
        folded.rest = repeats
    for position, value in enumerate(choices):
        if is_exact or not _is_plain(value):
            exact = _exact(parsed.raw, parsed.invalid_utf8) if exact is None else exact
            value = exact["choices"][position]
        context.path = f"choices[{position}]"
        if type(value) is dict:
            _choice(context, folded, position, value)
        else:
            context.path = "choices"
            report("bad_field", {"field": f"choices[{position}]", "expected": "an object"})
    folded.check_finished()
    folded.cursor = None if folded.rest is None else cursor_of(folded, choices)


def _continues(folded: Folded, members: dict[str, Any], choices: list[Any]) -> bool:
    """Appends the text of a chunk that repeats the previous one otherwise, as nearly all do; returns False for others."""
    cursor, rest = folded.cursor, folded.rest
    if cursor is None or rest is None or len(choices) != 1 or type(choices[0]) is not dict:
        return False
    name, choice, shape, texts = cursor
    value = choices[0]
    if len(value) != len(shape) or len(members) != len(rest) + sum(name in members for name in DROPPED):
        return False
    delta = value.get("delta")
    text = delta.get(name) if type(delta) is dict and len(delta) == 1 else None
    if type(text) is not str:
        return False
    for key, member in shape.items():
        if key != "delta" and (key not in value or value[key] != member or type(value[key]) is not type(member)):
            return False
    for key, member in rest.items():
        if key not in members or members[key] != member or type(members[key]) is not type(member):
            return False
    choice.chunks += 1
    for each in texts:
        append(each, text)
    if text:
        choice.streamed = True
        folded.pieces.append((RULES["delta"][name].kind, text, choice.index, None, None, None))
    return True


def cursor_of(folded: Folded, choices: list[Any]) -> Cursor | None:
    """What the next chunk may continue: a chunk of one choice, with one text and nothing else that changes the completion."""
    if len(choices) != 1 or type(choices[0]) is not dict:
        return None
    value: dict[str, Any] = choices[0]
    delta, index = value.get("delta"), value.get("index")
    if type(delta) is not dict or len(delta) != 1 or type(index) is not int:
        return None
    others = (member for name, member in value.items() if name not in ("delta", "index"))
    if any(member is not None and (type(member) is not str or member) for member in others):
        return None
    ((name, text),) = delta.items()
    choice: Choice | None = folded.choices.get(index)
    rule = RULES["delta"].get(name)
    if type(text) is not str or choice is None or rule is None or rule.kind not in _GROWING:
        return None
    member = choice.message.get(name)
    if not isinstance(member, Text):
        return None
    texts = {"text": (member,), "refusal": (member,), "reasoning": (member, choice.reasoning)}[rule.kind]
    return name, choice, value, texts


def _exact(raw: bytes, invalid_utf8: bool) -> Any:
    """The members of a payload, numbers as text. Texts are not cleaned, because a character may go on in the next one."""
    exact = parse_exact(raw)
    return clean_names(exact) if invalid_utf8 else exact


def apply_whole(folded: Folded, found: NonStreamed) -> None:
    """Sets a completion to one that was not streamed."""
    exact = parse_exact(found.raw)
    context = Context(lambda code, detail: found.issues.append((code, detail)), folded.loose, whole=True)
    _merge_rest(context, folded, exact)
    for position, value in enumerate(choices_of(exact)):
        context.path = f"choices[{position}]"
        if type(value) is dict:
            _choice(context, folded, position, value)
    folded.set_whole(found.raw)
    folded.pieces = []


def _merge_rest(context: Context, folded: Folded, exact: dict[str, Any]) -> None:
    before, got = folded.id, exact.get("id")
    if type(got) is str and got and before is not None and clean_text(got) != before and not folded.id_changed:
        folded.id_changed = True
        context.report("response_id_changed", {"previous": before[:200], "got": clean_text(got)[:200]})
    if got is not None and type(got) is not str:
        context.bad("id", "a string")
        del exact["id"]
    merge_chunk(context, folded.members, exact)


def _is_plain(value: Any) -> bool:
    """Whether a value has strings, nulls and indexes only, so that its exact numbers do not matter."""
    if value is None or type(value) is str:
        return True
    if type(value) is dict:
        return all(_is_plain(inner) or (name == "index" and type(inner) is int) for name, inner in value.items())
    return type(value) is list and all(map(_is_plain, value))


def _choice(context: Context, folded: Folded, position: int, value: dict[str, Any]) -> None:
    index = read_index(context, value)
    if index == BAD_INDEX:
        return
    if index is None:
        context.report_loose("index", "missing", "the position in the list")
        index = position
    choice = folded.choice(index)
    choice.chunks += 1
    had_finished = choice.finish_reason is not None
    _message(context, folded, choice, value)
    if "delta" not in value and "message" not in value and type(value.get("text")) is str:
        append(text_in(choice.members, "text"), value["text"])  # a completion of the API before chats
        value = {name: member for name, member in value.items() if name != "text"}
    merge(context, choice.members, value, "choice")
    folded.unfinished -= not had_finished and choice.finish_reason is not None


def _message(context: Context, folded: Folded, choice: Choice, value: dict[str, Any]) -> None:
    """Applies the delta of a choice. A message counts only if no delta came: elsewhere it repeats what was streamed."""
    delta = value.get("delta")
    if delta is None and type(value.get("message")) is dict and not choice.streamed:
        delta = value["message"]
    if type(delta) is not dict:
        if delta is not None:
            context.bad("delta", "an object")
        return
    choice.streamed = choice.streamed or is_streamed(delta)
    pieces, of_choice = folded.pieces, choice.index
    path, context.path = context.path, context.place("delta")
    apply_delta(
        context,
        choice,
        delta,
        lambda kind, text, index, call_id, name: pieces.append((kind, text, of_choice, index, call_id, name)),
    )
    context.path = path
