"""The figures of how long responses took: in the table, of a response, and the same in both."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from respstream import _backend, tables
from respstream._pure.protocols.latency import figures
from respstream.latency import FIGURES
from tests.support.paths import TRANSCRIPTS

SSE = (TRANSCRIPTS / "conversation.sse").read_bytes()
BLOCKS = [block + b"\n\n" for block in SSE.split(b"\n\n")[:-1]]
START = 1_763_705_153


def rows(times: list[float]) -> bytes:
    """The sample as rows of one event each, that came at these times."""
    pairs = zip(BLOCKS, times, strict=False)
    return b"".join(json.dumps({"ts": START + time, "chunk": block.decode()}).encode() + b"\n" for block, time in pairs)


def columns(api: Any, data: bytes) -> list[dict[str, Any]]:
    return [
        {name: row[name] for name in FIGURES}
        for response in api.responses(data)
        if (row := tables.response_row(response, "x"))
    ]


@pytest.mark.parametrize("seed", range(8))
def test_columns_match_response_latency(api: Any, seed: int) -> None:
    rng = random.Random(seed)
    times = sorted(round(rng.uniform(0, 3), rng.choice([0, 3, 9])) for _ in BLOCKS)
    (response,) = api.responses(rows(times))
    assert columns(api, rows(times)) == [response.latency.to_dict()]
    reported = response.latency
    assert reported.duration == pytest.approx(times[-1] - times[0], abs=1e-6)
    deltas = [time for time, block in zip(times, BLOCKS, strict=False) if b".delta" in block.partition(b"\n")[0]]
    assert reported.time_to_first_token == pytest.approx(deltas[0] - times[0], abs=1e-6)
    pauses = [later - earlier for earlier, later in pairwise(deltas)]
    assert reported.longest_stall == pytest.approx(max(pauses), abs=1e-6)
    assert reported.inter_token_mean == pytest.approx(sum(pauses) / len(pauses), abs=1e-6)
    assert reported.inter_token_p50 == pytest.approx(sorted(pauses)[len(pauses) // 2], abs=0.5)


def test_columns_are_null_without_times(api: Any) -> None:
    assert columns(api, SSE) == [dict.fromkeys(FIGURES)]
    whole = json.dumps({"ts": START, "body": SSE.decode()}).encode()
    assert columns(api, whole) == [dict.fromkeys(FIGURES)]


def test_first_event_before_request(api: Any) -> None:
    """The clock went back between the two: the event's time is clamped to that of the request."""
    lines = [{"t": START * 10**9, "lane": "a", "begin": True}]
    lines += [{"t": (START - 5) * 10**9 + n, "lane": "a", "chunk": block.decode()} for n, block in enumerate(BLOCKS)]
    stream = api.responses(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
    (response,) = stream
    assert "time_reversed" in {diagnostic.code for diagnostic in stream.diagnostics}
    assert (response.latency.duration, response.latency.longest_stall) == (0.0, 0.0)


def test_null_token_counts(api: Any) -> None:
    for odd in ("-5", "1" + "0" * 400, "1.5", '"7"', "null"):
        data = rows([float(n) for n in range(len(BLOCKS))]).replace(b'\\"output_tokens\\":', b'\\"output_tokens\\":%b,\\"x\\":' % odd.encode().replace(b'"', b'\\"'))  # fmt: skip
        (row,) = columns(api, data)
        assert row["output_tokens_per_second"] is None
        assert row["duration"] == len(BLOCKS) - 1


def test_token_rate() -> None:
    assert figures(0.0, 1.0, 4.0, [1.0, 2.0, 3.0], 9).output_tokens_per_second == 4.0
    assert figures(0.0, 1.0, 4.0, [1.0], 8).output_tokens_per_second == 2.0
    assert figures(0.0, None, 4.0, [], 8).output_tokens_per_second == 2.0
    assert figures(0.0, 1.0, 4.0, [1.0, 2.0], 1).output_tokens_per_second is None


def test_latency_columns_of_scan(backend: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(rows([n / 8 for n in range(len(BLOCKS))]))
    (tmp_path / "b.sse").write_bytes(SSE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_backend, "engine", backend)
        table = tables.scan(tmp_path, columns=["duration", "time_to_first_token", "longest_stall"]).to_arrow()
    assert table.to_pylist() == [
        {"duration": (len(BLOCKS) - 1) / 8, "time_to_first_token": 0.5, "longest_stall": 0.125},
        {"duration": None, "time_to_first_token": None, "longest_stall": None},
    ]
    assert {str(field.type) for field in table.schema} == {"double"}
