"""A row of the table: one log, several contenders that must return the same result, and the peer for the ratios."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pytest

from benches import shapes
from benches.peers import EventsAnswer, FoldAnswer
from benches.shapes import Log

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SHORT_BYTES = 20_000
SHORT_IMAGE_CHARS = 20_000
SLOW = 10_000_000
"""Bytes of the log for contenders that read a few MB/s."""
FAST = 200_000_000
"""Bytes of the log for contenders that read hundreds of MB/s."""
LARGE = 1_000_000_000

Contender = Callable[[Any], Any]
Size = Literal["short", "usual", "full"]


def events_answer(log: Log) -> EventsAnswer:
    """The expected result of an events row."""
    return log.events, log.delta_chars


def fold_answer(log: Log) -> FoldAnswer:
    """The expected result of a fold row."""
    return [
        (row["id"], row["status"], row["output_text"], row["output_tokens"], row["tool_calls"]) for row in log.responses
    ]


def whole(log: Log) -> bytes:
    """The whole log."""
    return log.data


def blocks(log: Log) -> list[bytes]:
    """The SSE blocks of the log, one per chunk as in a live stream."""
    return [block + b"\n\n" for block in log.data.split(b"\n\n")[:-1]]


SINGLE_SHAPES: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("chat, keys in alphabetical order", "chat", {"key_order": "alphabetical"}),
    ("chat, type last", "chat", {"key_order": "type_last"}),
    ("tools", "tools", {}),
    ("reasoning", "reasoning", {}),
    ("refusals", "refusals", {}),
    ("long instructions and tools", "long_lifecycle", {}),
    ("Unicode and escapes", "unicode_escapes", {}),
    ("no obfuscation", "chat", {"obfuscation": False}),
    ("logprobs", "logprobs", {}),
    ("image of 8 MiB", "image", {}),
    ("short responses", "short", {}),
    ("Azure", "azure", {}),
    ("tool calls in small pieces", "small_pieces", {}),
    ("CJK", "cjk", {}),
    ("CJK, escaped", "cjk", {"escaped": True}),
    ("mixed, alphabetical with spaces", "mixed", {"key_order": "alphabetical", "spaces": True}),
)
"""Logs of a single shape: the name of the row, the shape, and the options of its generator."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The size of a row's input in bytes, responses and events. All zero if the row reads no log."""

    size: int
    responses: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row.

    `contenders`: functions from the prepared input to a result, by name. `reference`: the contender for the ratios.
    `answer`: the expected result of all contenders except those in `answers`. `full_bytes`: the size with `--full`.
    `cpu`: measure the CPU time of the process. `over`: a contender whose time is subtracted from the others'.
    `apart`: contenders that start processes, whose memory is not measured. `whole_process`: report the memory of the whole
    process, not the increase of a run. `only_full`: measured only with `--full`. `make`: replaces the generator of the shape;
    from a size in bytes to an input.
    """

    name: str
    contenders: Mapping[str, Contender]
    reference: str
    answer: Callable[[Any], Any]
    shape: str = "chat"
    size_bytes: int = 0
    full_bytes: int = 0
    prepare: Callable[[Any], Any] = whole
    answers: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    make: Callable[[int], Any] | None = None
    cpu: bool = False
    over: str | None = None
    apart: frozenset[str] = frozenset()
    whole_process: bool = False
    only_full: bool = False

    def log(self, size: Size = "usual") -> Any:
        """The input in short, usual or full size."""
        sizes = {"short": SHORT_BYTES, "usual": self.size_bytes, "full": self.full_bytes or self.size_bytes}
        if self.make:
            return self.make(sizes[size])
        options = dict(self.options)
        if size == "short" and self.shape == "image":
            options["image_chars"] = SHORT_IMAGE_CHARS
        return shapes.SHAPES[self.shape](shapes.SEED, sizes[size], **options)

    def expected(self, name: str, log: Any) -> Any:
        """The expected result of a contender."""
        return self.answers.get(name, self.answer)(log)


def facts(log: Any) -> Facts:
    """The size of an input."""
    return Facts(len(log.data), len(log.responses), log.events) if isinstance(log, Log) else log.facts


def suite(rows: Sequence[Row]) -> Any:
    """A parametrized pytest-benchmark test of the rows."""
    cases = [pytest.param((row, name), id=f"{row.name}-{name}") for row in rows for name in row.contenders]

    @pytest.mark.parametrize("contender", cases)
    def test(benchmark: BenchmarkFixture, contender: tuple[Row, str]) -> None:
        row, name = contender
        benchmark.group = row.name
        log = row.log("short" if benchmark.disabled else "usual")
        assert benchmark(row.contenders[name], row.prepare(log)) == row.expected(name, log)

    return test
