"""A row of the table: one log, several contenders that must give the same answer, one peer that ratios refer to."""

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
"""The log of contenders that read some MB a second."""
FAST = 200_000_000
"""The log of contenders that read some hundred."""
LARGE = 1_000_000_000

Contender = Callable[[Any], Any]
Size = Literal["short", "usual", "full"]


def events_answer(log: Log) -> EventsAnswer:
    """What every contender of an events row must return."""
    return log.events, log.delta_chars


def fold_answer(log: Log) -> FoldAnswer:
    """What every contender of a fold row must return."""
    return [
        (row["id"], row["status"], row["output_text"], row["output_tokens"], row["tool_calls"]) for row in log.responses
    ]


def whole(log: Log) -> bytes:
    """The log as it is."""
    return log.data


def blocks(log: Log) -> list[bytes]:
    """The SSE blocks of the log one by one, as a live stream brings them."""
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
)
"""Logs that are all of one kind: what their row is called, the shape, and the options of its generator."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a row's input holds: bytes, responses and events. All zero where the row reads no log."""

    size: int
    responses: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row.

    `contenders` maps a name to a function from the prepared input to an answer; `reference` names the one that ratios refer to.
    `answer` is the expected answer of them all, but for those that `answers` names. `full_bytes` is the size under `--full`.
    `cpu`: the process's CPU time is measured. `over`: the name of a contender whose time is taken off every other one's.
    `apart`: those that work in processes of their own, whose memory is not seen. `whole_process`: memory is told as that of the
    whole process, not as what a run adds. `only_full`: measured under `--full` alone. `make` takes the place of the shape's generator: from bytes to an input.
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
        """The input: a few responses only, of the usual size, or of full size."""
        sizes = {"short": SHORT_BYTES, "usual": self.size_bytes, "full": self.full_bytes or self.size_bytes}
        if self.make:
            return self.make(sizes[size])
        options = dict(self.options)
        if size == "short" and self.shape == "image":
            options["image_chars"] = SHORT_IMAGE_CHARS
        return shapes.SHAPES[self.shape](shapes.SEED, sizes[size], **options)

    def expected(self, name: str, log: Any) -> Any:
        """The answer that this contender must give."""
        return self.answers.get(name, self.answer)(log)


def facts(log: Any) -> Facts:
    """What an input holds."""
    return Facts(len(log.data), len(log.responses), log.events) if isinstance(log, Log) else log.facts


def suite(rows: Sequence[Row]) -> Any:
    """The rows as a test of pytest-benchmark, one contender after the other."""
    cases = [pytest.param((row, name), id=f"{row.name}-{name}") for row in rows for name in row.contenders]

    @pytest.mark.parametrize("contender", cases)
    def test(benchmark: BenchmarkFixture, contender: tuple[Row, str]) -> None:
        row, name = contender
        benchmark.group = row.name
        log = row.log("short" if benchmark.disabled else "usual")
        assert benchmark(row.contenders[name], row.prepare(log)) == row.expected(name, log)

    return test
