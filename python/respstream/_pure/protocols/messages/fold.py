"""Applies one event to one message.

Most events are deltas of texts, which need no exact numbers: only the others are parsed again.
"""

from __future__ import annotations

from respstream._pure.assemble import Text, append
from respstream._pure.json import Number, clean_text, parse_exact
from respstream._pure.protocols.messages import ERROR, STOP
from respstream._pure.protocols.messages.catalogue import DECLARED, DELTAS
from respstream._pure.protocols.messages.content import ARGUMENTS, Block
from respstream._pure.protocols.messages.delta import apply_delta, take_text
from respstream._pure.protocols.messages.events import INDEX
from respstream._pure.protocols.messages.inputs import parse_input
from respstream._pure.protocols.messages.merge import Context
from respstream._pure.protocols.messages.response import Folded
from respstream._pure.protocols.protocol import NonStreamed, ParsedEvent, Report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

FALLBACK = "fallback"
"""The type of a block that names the model of the blocks behind it, which is that of the message."""
REASON = "stop_reason"
_RESERVED = frozenset(("type", "content", "usage", "delta", "message", "index"))
"""Names that a message_delta or message_stop never adds to the message."""


def apply(folded: Folded, parsed: ParsedEvent, report: Report) -> None:
    """Applies an event to its message; `report(code, detail)` takes diagnostics."""
    folded.pieces = []
    entry = parsed.entry
    if entry is None or parsed.indexes is None:
        return
    operation = _OPERATIONS.get(entry.op)
    if operation is not None:
        operation(Context(report, folded), parsed)


def apply_whole(folded: Folded, found: NonStreamed) -> None:
    """Sets a message to one that was not streamed."""
    context = Context(lambda code, detail: found.issues.append((code, detail)), folded)
    _start(context, parse_exact(found.raw), "content")
    for block in folded.content.ordered():
        block.stopped = True
    folded.set_whole(found.raw)
    folded.pieces = []


def clean_names(value: Any) -> Any:
    """The value with the names of its members cleaned, at any depth."""
    if type(value) is dict:
        return {clean_text(name): clean_names(member) for name, member in value.items()}
    return [clean_names(element) for element in value] if type(value) is list else value


def _exact(parsed: ParsedEvent) -> dict[str, Any]:
    """The members of an event, numbers as text. Texts are not cleaned, because a character may go on in the next one."""
    exact: dict[str, Any] = parse_exact(parsed.raw)
    cleaned: dict[str, Any] = clean_names(exact) if parsed.invalid_utf8 else exact
    return cleaned


# -- the message ---------------------------------------------------------------------------------------------------


def _message_start(context: Context, parsed: ParsedEvent) -> None:
    message = _exact(parsed).get("message")
    if type(message) is dict:
        _start(context, message, "message.content")
    else:
        context.bad("message", "an object")


def _start(context: Context, message: dict[str, Any], path: str) -> None:
    """Sets the members of the message; the blocks of its content begin."""
    folded = context.folded
    content = message.get("content")
    folded.members = {name: value for name, value in message.items() if name != "usage" or type(value) is dict}
    if type(content) is list:
        for index, value in enumerate(content):
            if type(value) is dict:
                _add(context, index, value)
            else:
                context.bad(f"{path}[{index}]", "an object")
    elif content is not None:
        context.bad(path, "a list")
    if type(message.get("usage")) not in (dict, type(None)):
        context.bad(path.replace("content", "usage"), "an object")


def _message_delta(context: Context, parsed: ParsedEvent) -> None:
    exact, members = _exact(parsed), context.folded.members
    delta, usage = exact.get("delta"), exact.get("usage")
    _add_members(members, exact)
    if type(delta) is dict:
        _set_delta(context, delta)
    elif delta is not None:
        context.bad("delta", "an object")
    for name in DECLARED:
        members.setdefault(name)
    if type(usage) is dict:
        known = members.setdefault("usage", {})
        if type(known) is not dict:
            known = members["usage"] = {}
        known |= {name: value for name, value in usage.items() if value is not None}
    elif usage is not None:
        context.bad("usage", "an object")


def _set_delta(context: Context, delta: dict[str, Any]) -> None:
    """Sets the members of the message to those of a delta that are not null."""
    reason = delta.get(REASON)
    if reason is not None and type(reason) is not str:
        context.bad(f"delta.{REASON}", "a string")
        delta = {name: value for name, value in delta.items() if name != REASON}
    _add_members(context.folded.members, delta)


def _add_members(members: dict[str, Any], given: dict[str, Any]) -> None:
    """Sets members of the message to those of an event that are not null, except for those with rules of their own."""
    for name, value in given.items():
        if value is not None and name not in _RESERVED:
            members[name] = value


def _message_stop(context: Context, parsed: ParsedEvent) -> None:
    folded = context.folded
    if len(parsed.members) > 1:
        _add_members(folded.members, _exact(parsed))
    for block in folded.content.ordered():
        if not block.stopped:
            _end_block(context, block)
    for block in folded.content.unchecked.values():
        _check_input(context, block)
    folded.terminal, folded.ended = STOP, True


def _error(context: Context, parsed: ParsedEvent) -> None:
    folded = context.folded
    members = parsed.members
    error = members.get(ERROR)
    if type(error) is str:
        error = {"message": error}
    elif type(error) is not dict:
        error = {name: value for name, value in members.items() if name != "type"}
    if "request_id" not in error and members.get("request_id") is not None:
        error = {**error, "request_id": members["request_id"]}
    folded.set_error(error)
    folded.terminal, folded.ended = ERROR, True


# -- blocks --------------------------------------------------------------------------------------------------------


def _block_start(context: Context, parsed: ParsedEvent) -> None:
    value = _exact(parsed).get("content_block")
    if type(value) is not dict:
        context.bad("content_block", "an object")
        return
    index = _index(context, parsed)
    _add(context, index, value)


def _index(context: Context, parsed: ParsedEvent) -> int | None:
    """The index of an event, None if it has none."""
    if parsed.loose:
        context.loose(INDEX, "a string of digits", "a number")
    index = None if parsed.indexes is None else parsed.indexes.get(INDEX)
    if index is None:
        context.loose(INDEX, "missing", "that of the latest block, or the next one")
    return index


def _add(context: Context, index: int | None, value: dict[str, Any]) -> None:
    folded = context.folded
    kind = value.get("type")
    known = clean_text(kind) if type(kind) is str and kind else None
    block, taken = folded.content.add(index, value, known)
    if kind is not None and known is None:
        context.bad("content_block.type", "a string")
    if taken:
        context.report("index_reused", {"output_index": block.index, "what": (known or "block")[:200]})
    folded.call_changes += 1
    if known == FALLBACK:
        to = value.get("to")
        model = to.get("model") if type(to) is dict else None
        if type(model) is str and not isinstance(model, Number):
            folded.members["model"] = model
    take_text(context, block)


def _block_delta(context: Context, parsed: ParsedEvent) -> None:
    delta = parsed.members.get("delta")
    if parsed.invalid_utf8 or not _is_text(delta):
        delta = _exact(parsed).get("delta")
    if type(delta) is not dict:
        context.bad("delta", "an object")
    elif not _continues(context.folded, parsed, delta):
        apply_delta(context, _index(context, parsed), delta)


def _is_text(delta: Any) -> bool:
    """Whether the values of a delta are strings, so that its exact numbers do not matter."""
    return type(delta) is dict and all(type(value) is str for value in delta.values())


def _continues(folded: Folded, parsed: ParsedEvent, delta: dict[str, Any]) -> bool:
    """Appends the text of a delta to the text that its block has already, as nearly all do; returns False for others."""
    block: Block | None = folded.content.latest
    if block is None or parsed.loose or block.stopped or parsed.indexes != {INDEX: block.index}:
        return False
    name, kind = delta.get("type"), block.kind
    rule = DELTAS.get(name) if type(name) is str else None
    if rule is None or rule.op != "append" or block.type not in rule.blocks or kind.text != rule.target:
        return False
    text, grown = delta.get(rule.member), block.members.get(rule.target)
    if type(text) is not str or not isinstance(grown, Text):
        return False
    append(grown, text)
    if text:
        folded.take(kind.kind, text, block)
    return True


def _block_stop(context: Context, parsed: ParsedEvent) -> None:
    block = context.folded.content.at(_index(context, parsed))
    if block is not None and not block.stopped:
        _end_block(context, block)


def _end_block(context: Context, block: Block) -> None:
    """Ends a block: its input is complete."""
    block.stopped = True
    if block.kind.kind == ARGUMENTS:
        context.folded.call_changes += 1
        if not block.taken and type(text := block.argument()) is str:
            block.taken = True
            context.folded.take(ARGUMENTS, text, block)
    if not block.checked and block.key in context.folded.content.unchecked:
        block.checked = True
        del context.folded.content.unchecked[block.key]
        _check_input(context, block)


def _check_input(context: Context, block: Block) -> None:
    if block.reported or block.input is None:
        return
    valid, _ = parse_input(block.input.join())
    if not valid:
        block.reported = True
        context.report("bad_input", {INDEX: block.index})


_OPERATIONS: dict[str, Callable[[Context, ParsedEvent], None]] = {
    "message_start": _message_start,
    "message_delta": _message_delta,
    "message_stop": _message_stop,
    "block_start": _block_start,
    "block_delta": _block_delta,
    "block_stop": _block_stop,
    "error": _error,
}
OPERATIONS = frozenset((*_OPERATIONS, "quiet"))
"""The operations of events."""
