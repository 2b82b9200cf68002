"""A pytest plugin for continuous integration (`-p tests.support.no_skips`): a skipped test fails the run.

Two kinds of skips are allowed: tests of recordings, or with Chromium, if the variable that their reason names is not set, and
tests of the engines in `RESPSTREAM_SKIP_ENGINES`.
"""

from __future__ import annotations

import os
import re

import pytest

RECORDED = re.compile(r"\bRESPSTREAM_(RECORDED(_OTHER)?|CHROMIUM)\b")
SKIP_ENGINES = "RESPSTREAM_SKIP_ENGINES"
_skipped: list[str] = []


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    # pytest reports expected failures as skipped too; `xfail_strict` checks those.
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = _reason(report)
    named = RECORDED.search(reason)
    if named is not None and not os.environ.get(named[0]):
        return
    if SKIP_ENGINES in reason and os.environ.get(SKIP_ENGINES):
        return
    _skipped.append(f"{report.nodeid}: {reason}")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _note(report)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if _skipped and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped:
        terminalreporter.section("unexpected skips", red=True)
        for line in _skipped:
            terminalreporter.line(line)
