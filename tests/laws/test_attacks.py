"""Hostile input: twice the input costs twice the work, in both backends and however it is cut.

Work is counted (`tests.support.work_counter`). The compiled core reads each attack in full; the fallback, whose counting is
slow, a fraction of it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support import doc_tables, work_counter
from tests.support.attack import MIB
from tests.support.attacks import ATTACKS, HUGE_ATTACKS, Cost
from tests.support.paths import ROOT

# What counts the work is compiled first, and all attacks are measured in one process.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def counter() -> Path:
    return work_counter.build_counter()


@pytest.mark.parametrize("name", ATTACKS)
def test_work_is_linear_in_input_size(backend: ModuleType, counter: Path, name: str) -> None:
    attack = ATTACKS[name]

    def count(size: int) -> tuple[int, int]:
        data = attack.make(size)
        if work_counter.is_python(backend):
            return work_counter.python_work(data, attack.chunk, attack.every), len(data)
        return work_counter.rust_work(counter, data, attack.chunk, attack.every), len(data)

    full = attack.size // attack.share if work_counter.is_python(backend) else attack.size
    (small, half), (large, size) = count(full // 2), count(full)
    # By the byte: numbers that count up make the larger one a little more than twice as long.
    assert large / size <= 1.1 * small / half + 1, (small, half, large, size)
    assert large <= 40 * size + 1000, (large, size)


@cache
def costs(backend: str) -> dict[str, Cost]:
    """The cost of each attack, measured in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.attacks", "--json"],
        cwd=ROOT,
        env=os.environ | {"RESPSTREAM_BACKEND": backend, "PYTHONPATH": str(ROOT / "python")},
        stdout=subprocess.PIPE,
        check=True,
    )
    return {name: Cost(**cost) for name, cost in json.loads(done.stdout).items()}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="asks Linux for the peak")
@pytest.mark.parametrize("backend", ["rust", "python"])
@pytest.mark.parametrize("name", [*ATTACKS, *HUGE_ATTACKS])
def test_memory_is_bounded_and_attack_is_diagnosed(backend: str, name: str) -> None:
    """Nothing raises, the attack is diagnosed, and uncounted work would exceed the time limit."""
    cost = costs(backend)[name]
    one = ATTACKS.get(name) or HUGE_ATTACKS[name]
    assert cost.memory <= 16 * MIB + one.memory_factor * cost.size, cost
    limits = {"limit_exceeded"} if backend == "python" else set[str]()  # its share of the lanes is not that many
    assert set(cost.counts) | limits == set(one.codes.split()) | limits, cost


def test_messages_share_long_last_event_id(backend: ModuleType) -> None:
    """An id applies to all later messages; a copy per message would take quadratic memory."""
    decoder = backend.SseDecoder()
    messages = decoder.feed(b"id: %s\n\n" % (b"i" * MIB) + b"data: x\n\n" * 10_000)
    messages += decoder.feed(b"data: x\n\n")
    assert {id(message.id) for message in messages} == {id(messages[0].id)}
    assert len(messages[0].id) == MIB


def test_work_counter_detects_quadratic_work(counter: Path) -> None:
    """Both backends look at each byte at least once."""
    data = b'data: {"type":"x"}\n\n' * 100
    assert len(data) <= work_counter.rust_work(counter, data, 64) <= 40 * len(data)
    assert len(data) <= work_counter.python_work(data, 64) <= 40 * len(data)


def test_security_page_lists_every_attack() -> None:
    """`make attacks-full` writes the tables; names and diagnostics are compared."""
    for name, known in (("attacks", ATTACKS), ("huge", HUGE_ATTACKS)):
        rows = [
            line.split(" | ")
            for line in doc_tables.page_table("security.md", name).splitlines()
            if line.startswith("| ")
        ]
        reported = {row[0].removeprefix("| "): set(re.findall("`([a-z_0-9]+)`", row[-1])) for row in rows[1:]}
        assert reported == {name: set(one.codes.split()) for name, one in known.items()}


@pytest.mark.parametrize("data", [b"interactions: " + b"[" * MIB, b"interactions:\n- " + b"{a: " * 100_000])
def test_deeply_nested_cassette(api: Any, data: bytes, tmp_path: Path) -> None:
    """YAML is composed by recursion, which in C ends the process."""
    (tmp_path / "cassette.yaml").write_bytes(data)
    stream = api.responses(tmp_path / "cassette.yaml", form="vcr")
    assert list(stream) == []
    assert [diagnostic.code for diagnostic in stream.diagnostics] == ["bad_field", "no_responses"]


def test_cassette_with_recursive_aliases(api: Any, tmp_path: Path) -> None:
    """Ten to the ninth strings, by reference."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    lines += ["interactions:", "- request: {method: POST, uri: 'https://api.openai.com/v1/responses'}"]
    lines += ["  response: {body: {string: *a9}}", ""]
    (tmp_path / "cassette.yaml").write_text("\n".join(lines))
    stream = api.responses(tmp_path / "cassette.yaml", form="vcr")
    assert list(stream) == []
    assert [diagnostic.code for diagnostic in stream.diagnostics] == ["bad_field", "no_responses"]
