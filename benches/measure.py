"""Measuring one row: every contender once in a process of its own, for its memory, and then all in turn, for their times.

A contender that raises, answers wrongly, crashes or takes too long in its first run is told as failed and not asked again; it
ends no other one's run. Only what every POSIX system has is used, and Linux's files in /proc where they are there.
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


class Failed(Exception):  # noqa: N818 - it is no error of this module's
    """What went wrong in a contender's run."""


@dataclass(frozen=True)
class Plan:
    """How a row is measured: its input's size; rounds at the least and at the most, and seconds after which there is no further one.

    `memory`: every contender has a first run in a process of its own, which may take `limit` seconds.
    """

    size: Size = "usual"
    rounds: int = 7
    min_rounds: int = 3
    max_seconds: float = 8
    memory: bool = True
    limit: float = 120


@dataclass(slots=True)
class Measured:
    """One contender: seconds of each round; bytes that a run added at its peak, and those of the process then; or what went wrong."""

    name: str
    seconds: list[float] = field(default_factory=list)
    added: int | None = None
    whole: int | None = None
    failure: str | None = None

    @property
    def median(self) -> float:
        """Of the rounds. Raises StatisticsError where there are none."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Result:
    """A row that was measured."""

    name: str
    facts: Facts
    contenders: Sequence[Measured]


def measure(row: Row, plan: Plan) -> Result:
    """Measure a row in a process of its own, so that nothing of it stays. What ends that process fails all its contenders."""
    try:
        return isolated(lambda: _measure(row, plan))
    except Failed as failed:
        return Result(row.name, Facts(0, 0, 0), [Measured(name, failure=str(failed)) for name in row.contenders])


def _measure(row: Row, plan: Plan) -> Result:
    log = row.log(plan.size)
    given = row.prepare(log)
    found = {name: Measured(name) for name in row.contenders}
    short = row.log("short")
    warm = row.prepare(short), short
    for name in row.contenders if plan.memory else ():
        try:
            trial = partial(_trial, row, name, given, log, warm[0])
            found[name].added, found[name].whole = isolated(trial, plan.limit)
        except Failed as failed:
            found[name].failure = str(failed)
    _rounds(row, plan, (given, log), warm, found)
    return Result(row.name, facts(log), list(found.values()))


def _rounds(row: Row, plan: Plan, full: tuple[Any, Any], warm: tuple[Any, Any], found: dict[str, Measured]) -> None:
    """All contenders in turn, each round begun by another one; once on a short log before, so that imports are done."""
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
                took = timed(row, name, *(warm if number < 0 else full))
            except Exception as error:
                found[name].failure = _told(error)
                continue
            if number >= 0:
                found[name].seconds.append(took)


def timed(row: Row, name: str, given: Any, log: Any) -> float:
    """Seconds of one run. Raises ValueError on a wrong answer."""
    contender = row.contenders[name]
    clock = time.process_time if row.cpu else time.perf_counter
    gc.collect()
    gc.freeze()  # the log and the other contenders' modules must not cost this one
    try:
        start = clock()
        answer = contender(given)
        took = clock() - start
    finally:
        gc.unfreeze()
    if answer != row.expected(name, log):
        raise ValueError("wrong answer")
    return took


def _trial(row: Row, name: str, given: Any, log: Any, warm: Any) -> tuple[int | None, int | None]:
    """One run, after one on a short log: bytes that it added at its peak to what the process held, and all at the peak."""
    with contextlib.suppress(Exception):  # the run that counts will tell
        row.contenders[name](warm)
    gc.collect()
    _give_back()
    held = _start_of_peak()
    timed(row, name, given, log)
    peak = _peak()
    return (None, None) if name in row.apart else (max(peak - held, 0), peak)


def isolated(work: Callable[[], T], limit: float | None = None) -> T:
    """What `work` returns in a forked process. Raises Failed with what it raised, how it ended, or that the time was up."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, work))
    process.start()
    sender.close()
    try:
        if not receiver.poll(limit):
            raise Failed(f"took more than {limit:.0f} s")
        value, failure = receiver.recv()
    except EOFError:
        process.join()
        raise Failed(_ending(process.exitcode)) from None
    finally:
        receiver.close()
        process.kill()
        process.join()
    if failure is not None:
        raise Failed(failure)
    return value  # type: ignore[no-any-return]


def _send(sender: Connection, work: Callable[[], Any]) -> None:
    try:
        sender.send((work(), None))
    except Exception as error:
        sender.send((None, _told(error)))
    sender.close()


def _told(error: Exception) -> str:
    text = re.sub(r"(?<![\w.])/(?:[\w.-]+/)+", "", str(error))  # no folder of a machine belongs into the table
    return f"{type(error).__name__}: {text}".replace("\n", " ")[:200]


def _ending(status: int | None) -> str:
    return f"ended by {signal.Signals(-status).name}" if status is not None and status < 0 else f"ended with {status}"


# Memory


def _give_back() -> None:
    """Hands free memory back to the system where the C library can, so that a run cannot fill it unseen."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _start_of_peak() -> int:
    """The bytes that are resident now; the peak counts from here where Linux lets it."""
    try:
        _CLEAR.write_text("5", encoding="ascii")
    except OSError:
        return _peak()
    return _resident("VmRSS")


def _peak() -> int:
    """The most bytes that were resident. Not `ru_maxrss` where /proc is there: that counts what stood before a fork, and is never reset."""
    if _STATUS.exists():
        return _resident("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _resident(name: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise Failed(f"no {name} in {_STATUS}")
