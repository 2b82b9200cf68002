"""Measures one row: the memory of each contender in a separate process, then the times of all in turn.

A contender that raises, returns a wrong result, crashes or takes too long in its first run is reported as failed and skipped
afterwards; the others continue. Requires a POSIX system; uses /proc where available.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import re
import resource
import signal
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from benches.rows import Facts, Row, Size, facts

T = TypeVar("T")

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


class Failed(Exception):  # noqa: N818 - not an error of this module
    """The failure of a contender's run; the message is shown in the table."""


@dataclass(frozen=True)
class Plan:
    """How a row is measured: input size, minimum and maximum rounds, and seconds after which no further round starts.

    `memory`: each contender has a first run in a separate process, limited to `limit` seconds.
    """

    size: Size = "usual"
    rounds: int = 7
    min_rounds: int = 3
    max_seconds: float = 8
    memory: bool = True
    limit: float = 120


@dataclass(slots=True)
class Measured:
    """One contender: the seconds of each round, or its failure.

    `added`: bytes that a run added to the process at its peak. `whole`: bytes of the process at that peak.
    """

    name: str
    seconds: list[float] = field(default_factory=list)
    added: int | None = None
    whole: int | None = None
    failure: str | None = None

    @property
    def median(self) -> float:
        """Median seconds of the rounds. Raises StatisticsError if there are none."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Result:
    """The measurements of a row."""

    name: str
    facts: Facts
    contenders: Sequence[Measured]


def measure(row: Row, plan: Plan) -> Result:
    """Measure a row in a separate process, which frees all its memory. A crash of that process fails all contenders."""
    try:
        return isolated(lambda: _measure(row, plan))
    except Failed as failed:
        return Result(row.name, Facts(0, 0, 0), [Measured(name, failure=str(failed)) for name in row.contenders])


def _measure(row: Row, plan: Plan) -> Result:
    log = row.log(plan.size)
    prepared = row.prepare(log)
    found = {name: Measured(name) for name in row.contenders}
    short = row.log("short")
    warm = row.prepare(short), short
    for name in row.contenders if plan.memory else ():
        try:
            trial = partial(_trial, row, name, prepared, log, warm[0])
            found[name].added, found[name].whole = isolated(trial, plan.limit)
        except Failed as failed:
            found[name].failure = str(failed)
    _rounds(row, plan, (prepared, log), warm, found)
    return Result(row.name, facts(log), list(found.values()))


def _rounds(row: Row, plan: Plan, full: tuple[Any, Any], warm: tuple[Any, Any], found: dict[str, Measured]) -> None:
    """Run all contenders in turn, each round starting with a different one, after a warm-up on a short log that does the imports."""
    names = list(row.contenders)
    started = time.perf_counter()
    for number in range(-1, plan.rounds):
        if number >= plan.min_rounds and time.perf_counter() - started > plan.max_seconds:
            break
        first = max(number, 0) % len(names)
        for name in names[first:] + names[:first]:
            if found[name].failure:
                continue
            try:
                seconds = timed(row, name, *(warm if number < 0 else full))
            except Exception as error:
                found[name].failure = _error_text(error)
                continue
            if number >= 0:
                found[name].seconds.append(seconds)


def timed(row: Row, name: str, prepared: Any, log: Any) -> float:
    """Seconds of one run. Raises ValueError if the result is wrong."""
    contender = row.contenders[name]
    clock = time.process_time if row.cpu else time.perf_counter
    gc.collect()
    gc.freeze()  # the collector must not traverse the log and the other contenders' objects
    try:
        start = clock()
        result = contender(prepared)
        seconds = clock() - start
    finally:
        gc.unfreeze()
    if result != row.expected(name, log):
        raise ValueError("wrong result")
    return seconds


def _trial(row: Row, name: str, prepared: Any, log: Any, warm: Any) -> tuple[int | None, int | None]:
    """One run after a warm-up: bytes that it added to the process at its peak, and the bytes of the process then."""
    with contextlib.suppress(Exception):  # the measured run reports failures
        row.contenders[name](warm)
    gc.collect()
    _trim_heap()
    before = _reset_peak()
    timed(row, name, prepared, log)
    peak = _peak()
    return (None, None) if name in row.apart else (max(peak - before, 0), peak)


def isolated(work: Callable[[], T], limit: float | None = None) -> T:
    """The result of `work` in a forked process. Raises Failed if it raises, if the process dies, or after `limit` seconds."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_result, args=(sender, work))
    process.start()
    sender.close()
    try:
        if not receiver.poll(limit):
            raise Failed(f"took more than {limit:.0f} s")
        value, failure = receiver.recv()
    except EOFError:
        process.join()
        raise Failed(_exit_text(process.exitcode)) from None
    finally:
        receiver.close()
        process.kill()
        process.join()
    if failure is not None:
        raise Failed(failure)
    return value  # type: ignore[no-any-return]


def _send_result(sender: Connection, work: Callable[[], Any]) -> None:
    try:
        sender.send((work(), None))
    except Exception as error:
        sender.send((None, _error_text(error)))
    sender.close()


def _error_text(error: Exception) -> str:
    text = re.sub(r"(?<![\w.])/(?:[\w.-]+/)+", "", str(error))  # no local paths in the table
    return f"{type(error).__name__}: {text}".replace("\n", " ")[:200]


def _exit_text(status: int | None) -> str:
    return f"ended by {signal.Signals(-status).name}" if status is not None and status < 0 else f"ended with {status}"


# Memory


def _trim_heap() -> None:
    """Returns free memory to the system if the C library can, so that a run cannot reuse it unnoticed."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _reset_peak() -> int:
    """The resident bytes now. Resets the peak where Linux allows it."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return _peak()
    return _resident("VmRSS")


def _peak() -> int:
    """Peak resident bytes. Prefers /proc to `ru_maxrss`, which includes the parent's memory before the fork and cannot be reset."""
    if _STATUS.exists():
        return _resident("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _resident(name: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise Failed(f"no {name} in {_STATUS}")
