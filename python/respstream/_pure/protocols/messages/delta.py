"""Applies the deltas of blocks: which block each is about, and what it changes there."""

from __future__ import annotations

from respstream._pure.assemble import Text, append
from respstream._pure.json import clean_text
from respstream._pure.protocols.messages.catalogue import BLOCKS, DELTAS, DeltaRule
from respstream._pure.protocols.messages.content import ARGUMENTS, Block
from respstream._pure.protocols.messages.merge import Context, extend, merge, text_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Apply: TypeAlias = "Callable[[Context, Block, DeltaRule, dict[str, Any]], None]"

SUFFIX = "_delta"
"""The end of the types of deltas; the rest names the type of a block that is made for an unknown one."""


def apply_delta(context: Context, index: int | None, delta: dict[str, Any]) -> None:
    """Applies a delta to its block, which is made if there is none that it fits."""
    kind = _type_of(context, delta)
    if kind is None:
        return
    rule = DELTAS.get(kind)
    block = _block_of(context, index, kind, rule)
    if block.stopped:
        context.report("delta_after_stop", {"type": kind[:200], "index": block.index})
    if rule is None:
        _merge_unknown(context, block, delta)
    else:
        _OPERATIONS[rule.op](context, block, rule, delta)


def _type_of(context: Context, delta: dict[str, Any]) -> str | None:
    """The type of a delta. One without a type is of that whose member it has."""
    kind = delta.get("type")
    if type(kind) is str and kind:
        return clean_text(kind)
    found = next((rule.type for rule in DELTAS.values() if rule.member and rule.member in delta), None)
    if kind is not None or found is None:
        context.bad("delta.type", "a string")
        return None
    context.loose("delta.type", "missing", found)
    return found


def _block_of(context: Context, index: int | None, kind: str, rule: DeltaRule | None) -> Block:
    content = context.folded.content
    block = content.at(index) if rule is None else content.fitting(index, rule.blocks)
    if block is None:
        made = kind.removesuffix(SUFFIX) if rule is None else rule.blocks[0]
        shown = index if index is not None else content.latest.index if content.latest is not None else 0
        context.report("no_block_start", {"type": kind[:200], "index": shown})
        block, _ = content.add(shown, {"type": made}, made)
        context.folded.call_changes += 1
    elif block.type is None and rule is not None:
        content.set_type(block, rule.blocks[0])
        context.folded.call_changes += 1
        take_text(context, block)
    return block


def take_text(context: Context, block: Block) -> None:
    """Takes the text that a block has from its start."""
    kind = block.kind
    if kind.text and kind.kind and (text := block.text()):
        context.folded.take(kind.kind, text, block)


# -- operations ----------------------------------------------------------------------------------------------------


def _append(context: Context, block: Block, rule: DeltaRule, delta: dict[str, Any]) -> None:
    text = _string(context, delta, rule.member)
    if text is None:
        return
    append(text_in(block.members, rule.target), text)
    if text and block.kind.text == rule.target and block.kind.kind:
        context.folded.take(block.kind.kind, text, block)


def _input(context: Context, block: Block, rule: DeltaRule, delta: dict[str, Any]) -> None:
    text = _string(context, delta, rule.member)
    if text is None:
        return
    if block.input is None:
        block.input = Text(None)
    append(block.input, text)
    if text:
        context.folded.content.unchecked[block.key] = block
        block.taken = True
        if block.kind.kind == ARGUMENTS:
            context.folded.take(ARGUMENTS, text, block)


def _set(context: Context, block: Block, rule: DeltaRule, delta: dict[str, Any]) -> None:
    for name in rule.members:
        value = delta.get(name)
        if type(value) is str:
            block.members[name] = value
        elif value is None:
            block.members.setdefault(name)
        else:
            context.bad(f"delta.{name}", "a string")


def _extend(context: Context, block: Block, rule: DeltaRule, delta: dict[str, Any]) -> None:
    value = delta.get(rule.member)
    if value is not None:
        extend(block.members, rule.target, [value])


def _merge_unknown(context: Context, block: Block, delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if name == "type":
            continue
        merge(block.members, name, value)
        if type(value) is str and value and name == block.kind.text and block.kind.kind:
            context.folded.take(block.kind.kind, value, block)
    block.names = None
    if block.type in BLOCKS and BLOCKS[block.type].kind == ARGUMENTS:
        context.folded.call_changes += 1


def _string(context: Context, delta: dict[str, Any], name: str) -> str | None:
    value = delta.get(name)
    if type(value) is str:
        return value
    if value is not None:
        context.bad(f"delta.{name}", "a string")
    return None


_OPERATIONS: dict[str, Apply] = {"append": _append, "input": _input, "set": _set, "extend": _extend}
OPERATIONS = frozenset(_OPERATIONS)
"""The operations of deltas."""
