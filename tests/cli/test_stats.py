"""The command line: `stats`, its tables, JSON and histograms. Real processes, over both backends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benches import shapes
from respstream.cli.statistics import Statistics
from respstream.cli.stats_report import bins
from tests.support import chat_streams
from tests.support.cli_runner import BACKENDS, SEVEN, TRANSCRIPTS, Shell, completed, created, delta, sse


@pytest.fixture(params=BACKENDS)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


def ended(status: str, model: str = "m", **more: Any) -> bytes:
    kind = {"completed": "response.completed", "failed": "response.failed"}.get(status, "response.incomplete")
    return sse(
        created(), {"type": kind, "response": {"id": "resp_1", "status": status, "model": model, "output": [], **more}}
    )


USAGE = {
    "input_tokens": 100, "input_tokens_details": {"cached_tokens": 25},
    "output_tokens": 10, "output_tokens_details": {"reasoning_tokens": 4}, "total_tokens": 110,
}  # fmt: skip
CALLS = [{"type": "function_call", "name": name, "arguments": "{}"} for name in ("f", "f", "g")]
LOG = b"".join([
    ended("completed", usage=USAGE, output=CALLS),
    ended("failed", "n", error={"code": "rate_limit_exceeded", "message": "no"}),
    ended("incomplete", incomplete_details={"reason": "max_output_tokens"}, usage={**USAGE, "output_tokens": 30}),
])  # fmt: skip


def test_statistics_as_json(shell: Shell) -> None:
    done = shell.run("stats", "-", "--format", "json", data=LOG)
    told = json.loads(done.stdout)
    assert (done.returncode, told["files"], told["bytes"], told["responses"]) == (0, 1, len(LOG), 3)
    assert list(told["models"]) == ["m", "n"]
    model = told["models"]["m"]
    assert model["status"] == {"completed": 1, "incomplete": 1}
    assert model["output_tokens"] == {
        "count": 2, "sum": 40, "mean": 20.0, "min": 10, "p50": 20, "p95": 29, "p99": 29.8, "max": 30,
    }  # fmt: skip
    assert (model["cached_share"], model["reasoning_share"]) == (0.25, 0.2)
    assert model["incomplete_reasons"] == {"max_output_tokens": 1}
    assert model["tool_calls"] == {"f": 2, "g": 1}
    assert told["models"]["n"]["errors"] == {"rate_limit_exceeded": 1}
    assert told["models"]["n"]["input_tokens"] is None
    assert told["all"]["responses"] == 3
    assert told["latency_missing"] == "the input has no times; recordings and rows with --time have them"


TABLES = """\
responses by status
model       responses  completed  incomplete  failed
m                   2          1           1       –
n                   1          –           –       1
all models          3          1           1       1

tokens of a response
model               sum  mean  p50  p95  p99  max
m           input   200   100  100  100  100  100
            output   40    20   20   29   30   30
all models  input   200   100  100  100  100  100
            output   40    20   20   29   30   30

shares
model       cached, of input  reasoning, of output
m                      25.0%                 20.0%
n                          –                     –
all models             25.0%                 20.0%

incomplete reasons
model                     count
m      max_output_tokens      1

errors by code
model                       count
n      rate_limit_exceeded      1

tool calls by name
model     count
m      f      2
       g      1

no latency: the input has no times; recordings and rows with --time have them
"""


def test_statistics_as_tables(shell: Shell, tmp_path: Path) -> None:
    done = shell.run("stats", "-", data=LOG, COLUMNS="80")
    assert (done.returncode, done.stdout) == (0, TABLES)
    assert done.stderr == f"respstream: 3 responses of 1 file, {len(LOG) / 1000:.1f} kB\n"
    path = tmp_path / "log.sse"
    path.write_bytes(LOG)
    assert shell.run("stats", str(path), "--threads", "2", COLUMNS="80").stdout == TABLES
    assert shell.run("stats", "-").stdout == "no responses\n"


@pytest.mark.parametrize("columns", [80, 160])
def test_tables_and_histograms_fit_terminal(shell: Shell, columns: int) -> None:
    shown, status = shell.on_terminal(["stats", TRANSCRIPTS, "--plot"], columns)
    assert status == 0
    assert "\x1b[1m" in shown
    plain, _ = shell.on_terminal(["stats", TRANSCRIPTS, "--plot"], columns, NO_COLOR="1")
    assert "\x1b" not in plain
    body = plain.partition("respstream: ")[0].splitlines()
    assert max(map(len, body)) <= columns
    bars = [line for line in body if "█" in line]
    assert bars
    assert max(map(len, bars)) == columns
    assert "output tokens: 11 responses" in body


def test_latency_of_recording(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    tokens = {"usage": {"output_tokens": 5}}
    events = [(1.0, "response.created", {}), (1.5, "response.output_text.delta", {"delta": "a", "output_index": 0, "content_index": 0}),
              (3.5, "response.completed", {})]  # fmt: skip
    rows = []
    for time, kind, more in events:
        data = {**more} if more else {"response": {"id": "r", "model": "m", "output": [], "status": kind[9:], **tokens}}
        rows.append({"event": kind, "data": data, "timestamp": 1_800_000_000 + time})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = json.loads(shell.run("stats", str(path), "--format", "json").stdout)["models"]["m"]["latency"]
    assert told["time_to_first_token"]["p50"] == pytest.approx(0.5)
    assert told["duration"]["max"] == pytest.approx(2.5)
    assert told["output_tokens_per_second"]["mean"] == pytest.approx(2.0)
    shown = shell.run("stats", str(path), "--plot").stdout
    assert re.search(r"(?m)time to first token +[0-9.]+ (m?)s ", shown)
    assert "no latency" not in shown
    with path.open("ab") as file:
        file.write(LOG)
    mixed = shell.run("stats", str(path)).stdout
    assert "\nlatency, of the 1 of 4 responses that have times\n" in mixed


def test_reason_for_missing_latency(shell: Shell) -> None:
    row = json.dumps({"ts": 1_800_000_000, "body": LOG.decode()}).encode()
    assert shell.run("stats", data=row).stdout.endswith(
        "\nno latency: the input has one time per response, but none for its events\n"
    )


def test_pauses_of_recording(shell: Shell, tmp_path: Path) -> None:
    """One second before the first delta, then pauses of 0.1 s and one of 0.5 s."""
    times = [0.0, 1.0, 1.1, 1.2, 1.7, 1.8, 1.8]
    events = [created(), *(delta("x") for _ in times[2:]), completed()]
    rows = [{"ts": 1_800_000_000 + time, "event": event} for time, event in zip(times, events, strict=True)]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = json.loads(shell.run("stats", str(path), "--format", "json").stdout)["all"]["latency"]
    p50 = {name: figure and round(figure["p50"], 3) for name, figure in told.items()}
    assert p50 == {
        "duration": 1.8, "time_to_first_token": 1.0, "inter_token_mean": 0.2, "inter_token_p50": 0.1,
        "inter_token_p95": 0.44, "inter_token_p99": 0.488, "longest_stall": 0.5, "output_tokens_per_second": None,
    }  # fmt: skip
    shown = shell.run("stats", str(path), "--threads", "2").stdout
    assert re.search(r"(?m)^ +longest stall +500 ms +500 ms ", shown)


def test_exit_status(shell: Shell) -> None:
    assert shell.run("stats", SEVEN).returncode == 0
    assert shell.run("stats", SEVEN, "--strict").returncode == 1
    assert shell.run("stats", "nowhere").returncode == 2


def test_statistics_of_generated_log(tmp_path: Path) -> None:
    log = shapes.mixed(7, 400_000)
    path = tmp_path / "log.sse"
    path.write_bytes(log.data)
    told = json.loads(Shell("rust").run("stats", str(path), "--format", "json").stdout)["all"]
    assert told["responses"] == len(log.responses)
    assert told["output_tokens"]["sum"] == sum(response["output_tokens"] for response in log.responses)
    assert sum(told["tool_calls"].values()) == sum(len(r["tool_calls"]) for r in log.responses)


@pytest.mark.parametrize(
    ("values", "edges"),
    [
        ([], []),
        ([3.0], [2.7, 3.3]),
        ([0.0, 0.0], None),
        ([1.0, 24.0], [0, 26]),
        ([1.0, 5000.0], [1, 8192]),
        ([0.0, 5000.0], [0, 8192]),
        ([0.001, 0.002], None),
    ],
)
def test_histogram_bins_cover_all_values(values: list[float], edges: list[float] | None) -> None:
    found = bins(values)
    assert found == sorted(found)
    assert len(found) <= 15
    if values:
        assert found[0] <= min(values)
        assert found[-1] > max(values)
    if edges:
        assert found[0] <= edges[0] or found[0] == pytest.approx(edges[0], abs=0.5)


def test_statistics_of_empty_input() -> None:
    statistics = Statistics()
    assert statistics.models() == []
    assert statistics.latency_missing == "there are no responses"


def test_models_of_several_apis(shell: Shell, tmp_path: Path) -> None:
    """A name includes the API if there are several."""
    chat = tmp_path / "chat.sse"
    chat.write_bytes(chat_streams.sse([chat_streams.chunk("Hi", finish="stop")]))
    alone = json.loads(shell.run("stats", str(chat), "--format", "json").stdout)
    assert {name: model["api"] for name, model in alone["models"].items()} == {"m": "chat"}
    both = json.loads(shell.run("stats", str(chat), "-", "--format", "json", data=LOG).stdout)
    assert {name: model["api"] for name, model in both["models"].items()} == {
        "m (responses)": "responses",
        "n (responses)": "responses",
        "m (chat)": "chat",
    }
    assert list(json.loads(shell.run("stats", "--api", "chat", str(chat), "--format", "json").stdout)["models"]) == [
        "m"
    ]
