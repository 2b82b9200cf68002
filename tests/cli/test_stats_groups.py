"""The command line: `stats` by other keys, its order, CSV, and the cost of responses. Real processes, over both backends."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from respstream.cli.prices import Tokens, tokens_of
from tests.support import chat_streams, messages_streams
from tests.support.cli_runner import BACKENDS, Shell, completed, created, sse


@pytest.fixture(params=BACKENDS)
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    with Shell(request.param) as shell:
        yield shell


def response(model: str, tokens: int, **more: Any) -> bytes:
    usage = {"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 400}, "output_tokens": tokens}
    return sse(created(), {"type": "response.completed", "response": {"id": "resp_1", "status": "completed", "model": model,
                                                                      "output": [], "usage": usage, **more}})  # fmt: skip


DAY = 86_400
LOG = b"".join([
    response("a-1", 10, created_at=20 * DAY),
    response("a-2", 30, created_at=20 * DAY + 3600),
    response("b", 20, created_at=21 * DAY, service_tier="flex"),
    response("=b", 5),
])  # fmt: skip
PRICES = """
currency = "EUR"
[[price]]
model = "b"
service_tier = "flex"
input = 1
output = 2
[[price]]
model = "a-*"
input = 2
cached_input = 0.5
output = 10.0
"""


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_groups_of_other_keys(shell: Shell) -> None:
    shown = table(shell.run("stats", "--group-by", "day", "--format", "csv", data=LOG).stdout)
    assert [(row["day"], row["responses"], row["output_tokens"]) for row in shown] == [
        ("1970-01-21", "2", "40"), ("1970-01-22", "1", "20"), ("", "1", "5"),
    ]  # fmt: skip
    told = json.loads(shell.run("stats", "--group-by", "hour,service_tier", "--format", "json", data=LOG).stdout)
    assert "models" not in told
    assert [(group["hour"], group["service_tier"]) for group in told["groups"]] == [
        ("1970-01-21T00", None), ("1970-01-21T01", None), ("1970-01-22T00", "flex"), (None, None),
    ]  # fmt: skip
    assert told["all"]["responses"] == 4
    lines = shell.run("stats", "--group-by", "status,service_tier", data=LOG).stdout.splitlines()
    assert lines[1].split() == ["status,", "service_tier", "responses", "completed"]
    assert [line.split() for line in lines[2:5]] == [
        ["completed,", "(none)", "3", "3"], ["completed,", "flex", "1", "1"], ["all", "4", "4"],
    ]  # fmt: skip


def test_order_and_first_groups(shell: Shell, tmp_path: Path) -> None:
    def models(*options: str) -> list[str]:
        done = shell.run("stats", "--format", "csv", *options, data=LOG)
        return [row["model"] for row in table(done.stdout)]

    assert models() == ["=b", "a-1", "a-2", "b"]
    assert models("--sort", "output_tokens") == ["a-2", "b", "a-1", "=b"]
    assert models("--sort", "model", "--top", "2") == ["=b", "a-1"]
    assert models("--sort", "duration_p50") == ["=b", "a-1", "a-2", "b"]
    assert models("--csv-safe", "--top", "1") == ["'=b"]
    shown = shell.run("stats", "--top", "3", data=LOG).stdout
    assert shown.startswith("3 of 4 groups\n")
    assert "all models          4" in shown


def test_costs(shell: Shell, tmp_path: Path) -> None:
    """600 fresh, 400 cached and the output tokens of each response, at the prices of its first entry."""
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    done = shell.run("stats", "--prices", str(prices), "--format", "csv", "--sort", "cost", data=LOG)
    assert done.stderr == f"respstream: {prices} has no price for =b (1 response); their cost is not in the totals\n"
    rows = table(done.stdout)
    assert [(row["model"], row["cost"], row["without_price"]) for row in rows] == [
        ("a-2", "0.0017", "0"), ("a-1", "0.0015", "0"), ("b", "0.00104", "0"), ("=b", "", "1"),
    ]  # fmt: skip
    assert {row["currency"] for row in rows} == {"EUR"}
    told = json.loads(shell.run("stats", "--prices", str(prices), "--format", "json", data=LOG).stdout)
    assert told["models"]["a-1"]["cost"]["total"] == 0.0015
    assert told["models"]["=b"]["cost"]["total"] is None
    assert told["all"]["cost"] == {
        "currency": "EUR", "total": 0.00424, "responses": 3, "without_price": 1, "without_usage": 0,
    }  # fmt: skip
    shown = shell.run("stats", "--prices", str(prices), data=LOG).stdout
    section = shown.partition("cost, EUR\n")[2].splitlines()
    assert section[1].split() == ["=b", "–", "–", "1", "–"]
    assert section[5].split() == ["all", "models", "0.004240", "0.001413", "1", "–"]


def test_responses_without_token_counts_have_no_cost(shell: Shell, tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text('[[price]]\nmodel = "*"\ninput = 1\noutput = 1\n')
    log = response("m", 7) + sse(created(), completed())
    (row, other) = table(shell.run("stats", "--prices", str(prices), "--format", "csv", data=log).stdout)
    assert (row["model"], row["cost"], row["without_usage"]) == ("", "", "1")
    assert (other["model"], other["cost"], other["currency"], other["without_usage"]) == ("m", "0.001007", "USD", "0")


def test_cached_tokens_of_each_api(shell: Shell, tmp_path: Path) -> None:
    """Cached tokens are a part of the input in Chat Completions, and beside it in Messages."""
    prices = tmp_path / "prices.toml"
    prices.write_text('[[price]]\nmodel = "*"\ninput = 1\ncached_input = 0.1\ncache_write = 2\noutput = 10\n')
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110,
             "prompt_tokens_details": {"cached_tokens": 60}}  # fmt: skip
    chat = chat_streams.sse([chat_streams.chunk("Hi", finish="stop") | {"usage": usage}])
    told = json.loads(shell.run("stats", "--prices", str(prices), "--format", "json", data=chat).stdout)
    assert Decimal(str(told["all"]["cost"]["total"])) == Decimal("0.000146")
    counts = {"input_tokens": 40, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 5, "output_tokens": 1}
    events = [
        messages_streams.start(usage=counts),
        messages_streams.end(usage={"output_tokens": 10}),
        messages_streams.STOP,
    ]
    message = messages_streams.sse(events)
    told = json.loads(shell.run("stats", "--prices", str(prices), "--format", "json", data=message).stdout)
    assert Decimal(str(told["all"]["cost"]["total"])) == Decimal("0.000156")


@pytest.mark.parametrize(
    ("row", "tokens"),
    [
        (("responses", 10, 4, 3, 13), (6, 4, 0, 3)),
        (("responses", 10, None, 3, None), (10, 0, 0, 3)),
        (("chat", 10, 12, 3, 13), (0, 10, 0, 3)),
        (("messages", 10, 4, 3, 20), (10, 4, 3, 3)),
        (("messages", 10, None, 3, None), (10, 0, 0, 3)),
        (("messages", None, 4, 3, 20), None),
    ],
)
def test_tokens_by_price(row: tuple[Any, ...], tokens: tuple[int, ...] | None) -> None:
    names = ("api", "input_tokens", "cached_tokens", "output_tokens", "total_tokens")
    assert tokens_of(dict(zip(names, row, strict=True))) == (tokens and Tokens(*tokens))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there are no prices; write a table [[price]] for each model"),
        ("price = 3", "there are no prices; write a table [[price]] for each model"),
        ("currency = 3\n[[price]]", "currency is no text"),
        ('[[price]]\nmodel = "m"\ninput = 1', "price 1: output is missing"),
        ('[[price]]\nmodel = "m"\ninput = 1\noutput = -1', "price 1: output is no price: -1"),
        ('[[price]]\nmodel = "m"\ninput = nan\noutput = 1', "price 1: input is no price: NaN"),
        ('[[price]]\nmodel = "m"\ninput = "1"\noutput = 1', "price 1: input is no number"),
        ('[[price]]\nmodel = "m"\ninput = true\noutput = 1', "price 1: input is no number"),
        ('[[price]]\nmodel = 5\ninput = 1\noutput = 1', "price 1: model is no text"),
        ('[[price]]\nmodel = "m"\ninputs = 1\noutput = 1', "price 1: no member 'inputs'; did you mean 'input'?"),
        ('[[price]', "is no TOML file: "),
    ],
)  # fmt: skip
def test_errors_of_prices(text: str, message: str, tmp_path: Path) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text(text)
    done = Shell("rust").run("stats", "--prices", str(prices), data=LOG)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_errors_of_options(tmp_path: Path) -> None:
    shell = Shell("rust")
    for options, message in [
        (["--group-by", "modell"], "no key 'modell'; did you mean 'model'?"),
        (["--sort", "output_token"], "--sort: no figure 'output_token'; did you mean 'output_tokens'?"),
        (["--sort", "source"], "--sort: no figure 'source'"),
        (["--sort", "cost"], "--sort cost needs --prices FILE."),
        (["--csv-safe"], "--csv-safe is for csv, not table."),
        (["--prices", str(tmp_path / "none")], "No such file or directory"),
    ]:
        done = shell.run("stats", *options, data=LOG)
        assert (done.returncode, done.stdout) == (2, ""), options
        assert message in done.stderr


def test_long_names_of_files_keep_their_end(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    for name in ("a.sse", "b.sse"):
        (folder / name).write_bytes(LOG)
    shown = shell.run("stats", str(folder), "--group-by", "source", COLUMNS="60").stdout.splitlines()
    assert [line.split()[0][-9:] for line in shown[2:4]] == ["ong/a.sse", "ong/b.sse"]
    assert all(line.startswith("…") for line in shown[2:4])
