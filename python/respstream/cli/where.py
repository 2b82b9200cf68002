"""`--where EXPR`: conditions on the columns of a table, with SQL's notation and its logic of null.

    expression  condition, not expression, expression and expression, expression or expression, (expression)
    condition   column = value, also != <> < <= > >=
                column [not] in (value, …), column [not] like 'pattern%', column [not] contains 'text'
                column is [not] null
    value       a number, or a text in single quotes, in which '' is a quote

Rows are kept if the expression is true: a comparison with null is neither true nor false.
"""

from __future__ import annotations

import importlib
import operator
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from respstream._suggest import suggestion
from respstream.tables import COLUMNS

_TOKEN = re.compile(r"\s*(?:(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<text>'(?:[^']|'')*')"
                    r"|(?P<name>\w+)|(?P<sign><=|>=|<>|!=|==|[=<>(),]))")  # fmt: skip
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "==": operator.eq, "!=": operator.ne, "<>": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_KERNELS = {
    operator.eq: "equal", operator.ne: "not_equal", operator.lt: "less", operator.le: "less_equal",
    operator.gt: "greater", operator.ge: "greater_equal",
}  # fmt: skip
_MAX_DEPTH = 100

Truth = bool | None


class Condition(NamedTuple):
    """A condition on one column. `test`: the function of a value that is not null; `compared`: of `=` and others, the value."""

    column: str
    test: Callable[[Any], bool]
    operator: Any = None
    compared: Any = None

    def of_row(self, row: dict[str, Any]) -> Truth:
        """Whether the row fulfils the condition; None for null."""
        value = row[self.column]
        return None if value is None else self.test(value)

    def of_batch(self, batch: Any) -> Any:
        """The same of each row of a pyarrow batch, as a boolean array."""
        import pyarrow as pa

        array = batch.column(batch.schema.get_field_index(self.column))
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        # Arrow does not compare integers over 2**53 with fractions; Python does, exactly.
        if self.operator is None or (isinstance(self.compared, float) and pa.types.is_integer(array.type)):
            found = (None if value is None else self.test(value) for value in array.to_pylist())
            return pa.array(found, pa.bool_())
        return getattr(_compute(), _KERNELS[self.operator])(array, pa.scalar(self.compared, array.type))


class IsNull(NamedTuple):
    """`column is null`."""

    column: str

    def of_row(self, row: dict[str, Any]) -> Truth:
        """Whether the value is null."""
        return row[self.column] is None

    def of_batch(self, batch: Any) -> Any:
        """The same of each row of a batch."""
        return batch.column(batch.schema.get_field_index(self.column)).is_null()


class Not(NamedTuple):
    """`not expression`."""

    inner: Any

    def of_row(self, row: dict[str, Any]) -> Truth:
        """The opposite; None remains None."""
        found = self.inner.of_row(row)
        return None if found is None else not found

    def of_batch(self, batch: Any) -> Any:
        """The same of each row of a batch."""
        return _compute().invert(self.inner.of_batch(batch))


class Joined(NamedTuple):
    """Expressions joined by `and`, or by `or`: then `decisive` is True."""

    parts: tuple[Any, ...]
    decisive: bool

    def of_row(self, row: dict[str, Any]) -> Truth:
        """`decisive` if one part is, else None if one part is, else the opposite."""
        found = [part.of_row(row) for part in self.parts]
        if self.decisive in found:
            return self.decisive
        return None if None in found else not self.decisive

    def of_batch(self, batch: Any) -> Any:
        """The same of each row of a batch."""
        join = _compute().or_kleene if self.decisive else _compute().and_kleene
        first, *rest = (part.of_batch(batch) for part in self.parts)
        for one in rest:
            first = join(first, one)
        return first


class Where(NamedTuple):
    """A parsed expression. `columns`: those that it needs."""

    expression: Any
    columns: tuple[str, ...]

    def matches(self, row: dict[str, Any]) -> bool:
        """Whether to keep the row, which has the `columns`."""
        return self.expression.of_row(row) is True

    def batch(self, batch: Any) -> Any:
        """The rows of a pyarrow batch to keep."""
        return batch.filter(self.expression.of_batch(batch))


def parse(text: str, table: str) -> Where:
    """Parse an expression on the columns of a table. Raises ValueError with the reason."""
    parser = _Parser(text, dict(COLUMNS[table]))
    expression = parser.expression(0)
    if parser.kind:
        raise ValueError(f"unexpected {parser.token!r}{parser.place()}")
    return Where(expression, tuple(dict.fromkeys(parser.used)))


class _Parser:
    """Reads an expression from its tokens; `kind` and `token` are the next one, "" at the end."""

    def __init__(self, text: str, columns: dict[str, str]) -> None:
        self._columns = columns
        self.used: list[str] = []
        self._tokens = _tokens(text)
        self.kind = self.token = ""
        self._at = 0
        self._advance()

    def _advance(self) -> str:
        token = self.token
        self.kind, self.token, self._at = next(self._tokens, ("", "", -1))
        return token

    def place(self) -> str:
        """Where the next token is, for messages."""
        return f" at character {self._at + 1}" if self._at >= 0 else " at the end"

    def _word(self, *words: str) -> str:
        """Take the next token if it is one of these keywords or signs; returns it, or ""."""
        found = self.token.lower() if self.kind == "name" else self.token if self.kind == "sign" else ""
        if found not in words:
            return ""
        self._advance()
        return found

    def _require(self, word: str) -> None:
        if not self._word(word):
            raise ValueError(f"expected {word!r}{self.place()}")

    def expression(self, depth: int) -> Any:
        """Parts joined by `or`, each of which are parts joined by `and`."""
        if depth > _MAX_DEPTH:
            raise ValueError("too many parentheses")
        parts = [self._all(depth)]
        while self._word("or"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Joined(tuple(parts), decisive=True)

    def _all(self, depth: int) -> Any:
        parts = [self._one(depth)]
        while self._word("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Joined(tuple(parts), decisive=False)

    def _one(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise ValueError("too many parentheses")
        if self._word("not"):
            return Not(self._one(depth + 1))
        if self._word("("):
            inner = self.expression(depth + 1)
            self._require(")")
            return inner
        return self._condition()

    def _condition(self) -> Any:
        if self.kind != "name":
            raise ValueError(f"expected a column{self.place()}")
        place = self.place()
        written = self._advance()
        name = written.lower()  # SQL does not distinguish the case of names
        if name not in self._columns:
            near = suggestion(name, self._columns) or f"; the columns are {', '.join(self._columns)}"
            raise ValueError(f"no column {written!r}{place}{near}")
        self.used.append(name)
        kind = self._columns[name].removesuffix("!")
        if self._word("is"):
            negated = self._word("not")
            self._require("null")
            return Not(IsNull(name)) if negated else IsNull(name)
        sign = self._word(*_COMPARISONS)
        if sign:
            return self._comparison(name, kind, sign)
        negated = self._word("not")
        test = self._test(name, kind)
        return Not(Condition(name, test)) if negated else Condition(name, test)

    def _comparison(self, name: str, kind: str, sign: str) -> Condition:
        if "<" in kind:
            raise ValueError(f"{name} is a list: use `contains`{' or `is null`' if kind == 'list<str>' else ''}")
        value, compare = self._value(name, kind), _COMPARISONS[sign]
        return Condition(name, lambda found: compare(found, value), compare, value)

    def _test(self, name: str, kind: str) -> Callable[[Any], bool]:
        """The test of `in`, `like` and `contains`."""
        word = self._word("in", "like", "contains")
        is_text = kind in ("str", "dict")
        if word == "in" and "<" not in kind:
            return self._in(name, kind)
        if word == "like" and is_text:
            pattern = self._value(name, "str")
            parts = (".*" if one == "%" else "." if one == "_" else re.escape(one) for one in pattern)
            matched = re.compile("".join(parts), re.DOTALL).fullmatch
            return lambda found: matched(found) is not None
        if word == "contains" and (is_text or kind == "list<str>"):
            part = self._value(name, "str")
            return lambda found: part in found
        if word:
            raise ValueError(f"{name} has no `{word}`: it is no text{self.place()}")
        raise ValueError(f"expected a comparison, in, like, contains or is{self.place()}")

    def _in(self, name: str, kind: str) -> Callable[[Any], bool]:
        self._require("(")
        values = {self._value(name, kind)}
        while self._word(","):
            values.add(self._value(name, kind))
        self._require(")")
        return lambda found: found in values

    def _value(self, name: str, kind: str) -> Any:
        """The next token as a value for a column of a type."""
        place, token, wanted = self.place(), self.token, "number" if kind in ("int", "real") else "text"
        if self.kind != wanted:
            shown = "a number" if wanted == "number" else "a time in quotes" if kind == "ts" else "a text in quotes"
            hint = f"; use `{name} is null`" if token.lower() == "null" else ""
            raise ValueError(f"{name} is compared with {shown}, not {token or 'nothing'!r}{place}{hint}")
        self._advance()
        if wanted == "number":
            return float(token) if kind == "real" or not token.lstrip("-").isdigit() else _int(token, place)
        text = token[1:-1].replace("''", "'")
        return _time(text, place) if kind == "ts" else text


def _tokens(text: str) -> Iterator[tuple[str, str, int]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            hint = "; texts are in single quotes" if text[start] in "\"'" else ""
            raise ValueError(f"unexpected {text[start]!r} at character {start + 1}{hint}")
        yield found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)
        at = found.end()


def _int(token: str, place: str) -> int:
    if len(token) > 20 or not -(2**63) <= int(token) < 2**63:
        raise ValueError(f"{token[:24]} is too large{place}")
    return int(token)


def _time(text: str, place: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time such as '2026-03-01' or '2026-03-01T12:00:00Z'{place}") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _compute() -> Any:
    return importlib.import_module("pyarrow.compute")  # its functions have no type stubs
