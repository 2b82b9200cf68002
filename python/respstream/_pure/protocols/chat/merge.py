"""Merges members of chunks into the folded completion, by the rules of the catalogue.

Values are those of `parse_exact`: numbers keep their text. Without a rule, the last value that is not null counts, objects are
merged member by member, lists whose elements have an `index` are merged by it, and other lists are extended.
"""

from __future__ import annotations

from respstream._pure.assemble import SparseList, Text, append
from respstream._pure.json import Number, clean, dumps
from respstream._pure.protocols.chat.catalogue import RULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from respstream._pure.protocols.chat.catalogue import Rule
    from respstream._pure.protocols.protocol import Report

    Merge: TypeAlias = Callable[["Context", dict[str, Any], str, Any, Rule], None]

INDEX_LIMIT = 65_535
"""The largest index of a choice, of a tool call or of an element of an indexed list."""
INDEX_DIGITS = 5
BAD_INDEX = -1
_MISSING: Any = object()


class Name(Text):
    """The name of a tool. `size`: its number of characters."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        super().__init__(None)
        self.size = 0

    def add(self, text: str) -> None:
        """Appends a text."""
        self.deltas.append(text)
        self.size += len(text)

    def equals(self, text: str) -> bool:
        """Whether it is equal to a text, in time linear in that text."""
        if self.size != len(text):
            return False
        self.join()
        return "".join(self.deltas) == text


class Context:
    """What the merged members belong to, and where problems are reported.

    `whole`: the members are those of a completion that was not streamed. `path`: the path of the object whose members are
    merged, for messages. `report(code, detail)` takes diagnostics. `reported`: the names of the members that were reported as
    loose.
    """

    __slots__ = ("_reported", "path", "report", "whole")

    def __init__(self, report: Report, reported: set[str], *, whole: bool = False) -> None:
        self.report, self._reported, self.whole = report, reported, whole
        self.path = ""

    def report_loose(self, name: str, got: str, read: str) -> None:
        """Reports a value of another kind whose meaning is clear, once for each member name of a response."""
        if name not in self._reported:
            self._reported.add(name)
            self.report("loose_value", {"field": self.place(name), "got": got, "read": read})

    def bad(self, name: str, expected: str) -> None:
        """Reports a member that has the wrong kind; it has no effect."""
        self.report("bad_field", {"field": self.place(name), "expected": expected})

    def place(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name


def merge(context: Context, target: dict[str, Any], value: dict[str, Any], scope: str) -> None:
    """Merges the members of an object into `target`."""
    rules = RULES.get(scope, {})
    for name, member in value.items():
        rule = rules.get(name)
        if rule is None:
            _last(context, target, name, member)
        elif rule.op in MERGES:
            MERGES[rule.op](context, target, name, member, rule)


def merge_inside(context: Context, target: dict[str, Any], name: str, member: dict[str, Any], scope: str) -> None:
    """Merges an object into the member `name` of `target`, which is created if it is no object."""
    inner = target.get(name)
    if type(inner) is not dict:
        inner = target[name] = {}
    path, context.path = context.path, context.place(name)
    merge(context, inner, member, scope)
    context.path = path


# -- operations ----------------------------------------------------------------------------------------------------


def text_in(target: dict[str, Any], name: str) -> Text:
    """The growing text in a member; a string there becomes one."""
    text = target.get(name)
    if not isinstance(text, Text):
        text = target[name] = Text(text)
    return text


def _append(context: Context, target: dict[str, Any], name: str, member: Any, _: Rule) -> None:
    if type(member) is str:
        append(text_in(target, name), member)
    elif member is None:
        target.setdefault(name)
    else:
        context.bad(name, "a string")


def _arguments(context: Context, target: dict[str, Any], name: str, member: Any, rule: Rule) -> None:
    if type(member) is dict:
        context.report_loose(name, "an object", "JSON text")
        member = json_text(member)
    _append(context, target, name, member, rule)


def json_text(value: Any) -> str:
    """The JSON text of a value without white space; numbers keep their text."""
    return dumps(clean(value))


def _name(context: Context, target: dict[str, Any], name: str, member: Any, rule: Rule) -> None:
    """Appends to the name of a tool. Servers that repeat the whole name with every piece do not change it."""
    if type(member) is not str:
        _append(context, target, name, member, rule)
        return
    text = target.get(name)
    if not isinstance(text, Name):
        text = target[name] = Name()
    if not text.equals(member):
        text.add(member)


def _first(context: Context, target: dict[str, Any], name: str, member: Any, _: Rule) -> None:
    if is_empty(target.get(name)) and (member is not None or name not in target):
        target[name] = member


def _filled(context: Context, target: dict[str, Any], name: str, member: Any, _: Rule) -> None:
    if type(member) is not str and member is not None:
        context.bad(name, "a string")
    elif member or target.get(name) is None:
        target[name] = member


def _replace(context: Context, target: dict[str, Any], name: str, member: Any, _: Rule) -> None:
    if member is not None or name not in target:
        target[name] = member


def _extend(context: Context, target: dict[str, Any], name: str, member: Any, _: Rule) -> None:
    if type(member) is list:
        before = target.get(name)
        if type(before) is list:
            before += member
        else:
            target[name] = [*member]  # the event keeps its own list
    elif member is None:
        target.setdefault(name)
    else:
        context.bad(name, "a list")


def _object(context: Context, target: dict[str, Any], name: str, member: Any, rule: Rule) -> None:
    if type(member) is dict:
        merge_inside(context, target, name, member, rule.into)
    elif member is None:
        target.setdefault(name)
    else:
        context.bad(name, "an object")


def _details(context: Context, target: dict[str, Any], name: str, member: Any, rule: Rule) -> None:
    if type(member) is list:
        merge_list(context, target, name, member, rule.into)
    elif member is None:
        target.setdefault(name)
    else:
        context.bad(name, "a list")


MERGES: dict[str, Merge] = {
    "append": _append,
    "arguments": _arguments,
    "name": _name,
    "first": _first,
    "filled": _filled,
    "replace": _replace,
    "extend": _extend,
    "object": _object,
    "details": _details,
}
"""The operations of this module; `delta` has those of messages."""


def is_empty(value: Any) -> bool:
    """Whether a value is null, an empty string or 0."""
    return value is None or (value in ("0", "-0") if isinstance(value, Number) else type(value) is str and not value)


# -- members without a rule ----------------------------------------------------------------------------------------


def _last(context: Context, target: dict[str, Any], name: str, member: Any) -> None:
    if member is None:
        target.setdefault(name)
    elif type(member) is dict:
        merge_inside(context, target, name, member, "")
    elif type(member) is list:
        merge_list(context, target, name, member, "")
    else:
        target[name] = member


def merge_list(context: Context, target: dict[str, Any], name: str, member: list[Any], scope: str) -> None:
    """Merges a list into the member `name`: by the `index` of its elements, else it extends the list there."""
    path, context.path = context.path, context.place(name)
    before = target.get(name)
    if type(before) is list and before:
        before += [_own(context, element, scope) for element in member]
    elif isinstance(before, SparseList) or (member and all(index_of(element) is not None for element in member)):
        if not isinstance(before, SparseList):
            before = target[name] = SparseList(None)
        for element in member:
            _merge_element(context, before, element, scope)
    else:
        target[name] = [_own(context, element, scope) for element in member]
    context.path = path


def _merge_element(context: Context, elements: SparseList, element: Any, scope: str) -> None:
    index = index_of(element)
    if index is None:
        index = min(elements.top + 1, INDEX_LIMIT)
    before = elements.get(index)
    if type(before) is dict and type(element) is dict:
        merge(context, before, element, scope)
    else:
        elements[index] = _own(context, element, scope)


def _own(context: Context, element: Any, scope: str) -> Any:
    """A new element of a list."""
    if type(element) is not dict:
        return element
    own: dict[str, Any] = {}
    merge(context, own, element, scope)
    return own


def index_of(element: Any) -> int | None:
    """The `index` of an object, None if it has no valid one."""
    value = element.get("index") if type(element) is dict else None
    return _digits("0" if value == "-0" else str(value)) if isinstance(value, Number) or type(value) is int else None


def _digits(text: str) -> int | None:
    """The index that a text of digits is, None if it is too large or no index."""
    if not (text.isascii() and text.isdigit() and len(text) <= INDEX_DIGITS):
        return None
    return int(text) if int(text) <= INDEX_LIMIT else None


def read_index(context: Context, element: dict[str, Any]) -> int | None:
    """The `index` of a choice or tool call, None if it is missing; `BAD_INDEX`, which is reported, if it is not valid."""
    value = element.get("index")
    if value is None:
        return None
    is_minus_zero = isinstance(value, Number) and value == "-0"
    index = _digits("0" if is_minus_zero else str(value)) if isinstance(value, str) or type(value) is int else None
    if index is None:
        context.bad("index", f"an integer from 0 to {INDEX_LIMIT}")
        return BAD_INDEX
    if type(value) is str:
        context.report_loose("index", "a string of digits", "a number")
    return index
