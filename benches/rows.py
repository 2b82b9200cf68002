"""A row of the table: one log, several contenders that must give the same answer, one peer that ratios refer to."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benches import shapes
from benches.peers import EventsAnswer, FoldAnswer
from benches.shapes import Log

SEED = 1
SHORT_BYTES = 20_000
SHORT_IMAGE_CHARS = 20_000

Contender = Callable[[Any], Any]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row.

    `contenders` maps a name to a function from the prepared input to an answer; `reference` names the one that ratios refer to;
    `goals` maps names of ours to the ratio that they should reach. With `cpu`, the process's CPU time is measured.
    """

    name: str
    shape: str
    size_bytes: int
    contenders: Mapping[str, Contender]
    reference: str
    answer: Callable[[Log], Any]
    prepare: Callable[[Log], Any] = whole
    goals: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    cpu: bool = False

    def log(self, *, short: bool = False) -> Log:
        """The input: of full size, or (`short`) of a few responses only."""
        options = dict(self.options)
        if short and self.shape == "image":
            options["image_chars"] = SHORT_IMAGE_CHARS
        return _log(self.shape, SHORT_BYTES if short else self.size_bytes, tuple(options.items()))


@functools.lru_cache(maxsize=2)
def _log(shape: str, size_bytes: int, options: tuple[tuple[str, Any], ...]) -> Log:
    return shapes.SHAPES[shape](SEED, size_bytes, **dict(options))
