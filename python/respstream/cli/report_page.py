"""The page that `respstream report` writes: one HTML file without scripts, which reads nothing else."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from respstream._codes import DIAGNOSTICS
from respstream._html import escaped, table
from respstream._units import duration
from respstream.cli.output import one_line, plural, size
from respstream.cli.report_charts import histogram, over_time, period, window
from respstream.cli.report_data import ReportData
from respstream.cli.statistics import ModelStatistics
from respstream.tables.writers import rfc3339

_PLACE = re.compile(r"\{\w+\}")
MAX_TEXT, MAX_LINKS, MAX_MODELS, MAX_NAMES, MAX_PATHS = 300, 12, 30, 50, 10
STATUS_CLASSES = {"completed": "ok", "incomplete": "warn", "failed": "bad", "cancelled": "s4", "in_progress": "cut",
                  "queued": "s0", "(none)": "s3"}  # fmt: skip
TOKENS = {"input_tokens": "Input tokens", "output_tokens": "Output tokens"}
TIMES = {
    "time_to_first_token": "Time to first token",
    "inter_token_mean": "Mean pause between tokens",
    "longest_stall": "Longest stall",
    "duration": "Duration",
}

STYLE = """
:root { color-scheme: light dark; --bg: #fff; --fg: #1b1f24; --dim: #5b6570; --line: #d8dee4; --soft: #f4f6f8;
  --s0: #2f6fb7; --s1: #d9822b; --s2: #3a9a6d; --s3: #8a63c4; --s4: #c2497a; --s5: #6e7b87;
  --ok: #257a4b; --warn: #8f6200; --bad: #c9372c; --cut: #5f6b76; }
@media (prefers-color-scheme: dark) { :root { --bg: #14181d; --fg: #e4e8ec; --dim: #9aa5b0; --line: #333b44; --soft: #1d232a;
  --s0: #6aa5e8; --s1: #eea052; --s2: #5fbf92; --s3: #b294e6; --s4: #e57ba4; --s5: #98a4b0;
  --ok: #5fbf86; --warn: #e0ab45; --bad: #ee6a5f; --cut: #98a4b0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; background: var(--bg); color: var(--fg);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: .5rem 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } p { margin: .25rem 0; }
a { color: var(--s0); } .dim, figure p, .most, .axis { color: var(--dim); }
.facts, .charts { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 9rem), 1fr)); }
.facts { margin-top: 1rem; } .charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
.facts div { background: var(--soft); border-radius: .5rem; padding: .6rem .8rem; } .facts b { display: block; font-size: 1.3rem; }
figure { margin: 0; padding: .8rem; border: 1px solid var(--line); border-radius: .5rem; min-width: 0; }
figcaption { font-weight: 600; } figure p { font-size: .85rem; }
.plot { position: relative; margin: .5rem 0; } .most { position: absolute; top: 0; left: 0; font-size: .75rem; }
svg { display: block; width: 100%; height: 9rem; padding-top: 1.1rem; border-bottom: 1px solid var(--line); }
.area { fill: transparent; } g:hover .area { fill: var(--soft); }
.axis { display: flex; justify-content: space-between; gap: .5rem; font-size: .75rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; margin: 0; padding: 0; font-size: .85rem; }
.key { display: inline-block; width: .7rem; height: .7rem; border-radius: 2px; margin-right: .35rem; }
.s0 { fill: var(--s0); background: var(--s0); } .s1 { fill: var(--s1); background: var(--s1); }
.s2 { fill: var(--s2); background: var(--s2); } .s3 { fill: var(--s3); background: var(--s3); }
.s4 { fill: var(--s4); background: var(--s4); } .s5 { fill: var(--s5); background: var(--s5); }
.ok { fill: var(--ok); background: var(--ok); } .warn { fill: var(--warn); background: var(--warn); }
.bad { fill: var(--bad); background: var(--bad); } .cut { fill: var(--cut); background: var(--cut); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td:not(.n) { min-width: 7.5rem; } td.i { min-width: 2rem; } section > .scroll { margin-top: .8rem; }
th { overflow-wrap: normal; font-size: .85rem; color: var(--dim); font-weight: 600; }
.n { text-align: right; } td.n { white-space: nowrap; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; margin: .6rem 0; }
article:target { outline: 2px solid var(--s0); }
article pre { white-space: pre-wrap; margin: .4rem 0 0; font: .85rem/1.4 ui-monospace, monospace; }
.badge { display: inline-block; color: #fff; border-radius: 1rem; padding: 0 .6rem; font-size: .8rem; }
@media (prefers-color-scheme: dark) { .badge { color: #14181d; } }
@media (max-width: 40rem) { table { font-size: .85rem; } th, td { padding: .3rem .4rem; } td:not(.n) { min-width: 6.5rem; } }
"""


class Facts:
    """What the input was: files, bytes, and the number of diagnostics by code."""

    def __init__(self, paths: Sequence[str], files: int, count: int, codes: dict[str, int]) -> None:
        self.paths, self.files, self.bytes, self.codes = paths, files, count, codes


def page(data: ReportData, facts: Facts) -> str:
    """The whole page."""
    listed = _Listed(data)
    models = data.statistics.models()
    sections = [
        _facts(data, facts),
        _over_time(data),
        _section("Models", _models(models)),
        _charts(
            "Tokens of a response",
            data,
            TOKENS,
            lambda value: f"{value:,.0f}" if value == int(value) else f"{value:,.1f}",
        ),
        _latency(data, models),
        _section("Tool calls", _counts(["tool"], models, "tools")),
        _section("Errors", _counts(["error"], models, "errors") + listed.links(lambda row: row["error_code"])),
        _section("Incomplete responses", _counts(["reason"], models, "reasons")),
        _section("Diagnostics", _diagnostics(facts, listed)),
        _section("Slowest responses", listed.table(data.slowest)),
        _section("Largest responses", listed.table(data.largest)),
        _section("Listed responses", listed.articles()),
    ]
    title = f"respstream: {plural(data.statistics.all.responses, 'response')}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{STYLE}</style></head><body><h1>{escaped(title)}</h1>"
        f'<p class="dim">{escaped(_paths(facts.paths))}</p>{"".join(filter(None, sections))}</body></html>\n'
    )


def _paths(paths: Sequence[str]) -> str:
    """The arguments of the command."""
    more = [f"{len(paths) - MAX_PATHS:,} more"] if len(paths) > MAX_PATHS else []
    return one_line(", ".join([*paths[:MAX_PATHS], *more]))


def _section(title: str, content: str) -> str:
    return f"<section><h2>{escaped(title)}</h2>{content}</section>" if content else ""


def _facts(data: ReportData, facts: Facts) -> str:
    whole = data.statistics.all
    found = {
        "responses": f"{whole.responses:,}",
        "completed": f"{whole.statuses['completed'] / whole.responses:.1%}" if whole.responses else "–",
        "failed": f"{whole.statuses['failed']:,}",
        "input tokens": f"{sum(whole.samples['input_tokens'].values):,.0f}",
        "output tokens": f"{sum(whole.samples['output_tokens'].values):,.0f}",
        "files": f"{facts.files:,}",
        "bytes": size(facts.bytes),
    }
    boxes = "".join(f"<div><b>{escaped(value)}</b>{escaped(name)}</div>" for name, value in found.items())
    return f'<div class="facts">{boxes}</div>'


def _over_time(data: ReportData) -> str:
    if not data.times:
        return _section(
            "Responses over time", "<p>The responses have no times.</p>" if data.statistics.all.responses else ""
        )
    first, last = window(data.times)
    shown = [found for found in zip(data.times, data.kinds, strict=True) if first <= found[0] <= last]
    times = [time for time, _ in shown]
    statuses, models = zip(*(kind for _, kind in shown), strict=True)
    charts = over_time("By status", times, statuses, STATUS_CLASSES) + over_time("By model", times, models, {})
    return _section("Responses over time, UTC", f'<div class="charts">{charts}</div>{_outside(data.times, len(times))}')


def _outside(times: Sequence[float], shown: int) -> str:
    """How many responses the charts leave out because of their times."""
    left = len(times) - shown
    if not left:
        return ""
    first, last = (period(time, 86400) for time in (min(times), max(times)))
    return (
        f'<p class="dim">Not shown: {plural(left, "response")} far from the others. All times: {first} to {last}.</p>'
    )


def _models(models: list[tuple[str, ModelStatistics]]) -> str:
    rows = []
    for name, model in models[:MAX_MODELS]:
        other = model.responses - model.statuses["completed"]
        tokens = (sum(model.samples[one].values) for one in TOKENS)
        rows.append(
            [name, f"{model.responses:,}", f"{other:,}" if other else None, *(f"{count:,.0f}" for count in tokens)]
        )
    if len(models) > MAX_MODELS:
        rows.append([f"{len(models) - MAX_MODELS} more models", "", "", "", ""])
    return table(["model", "responses", "not completed", "input tokens", "output tokens"], rows) if rows else ""


def _charts(title: str, data: ReportData, names: dict[str, str], text: Callable[[float], str]) -> str:
    charts = ""
    for name, label in names.items():
        sample = data.statistics.all.samples[name]
        found = sample.to_dict()
        if found is not None:
            note = " · ".join(f"{key} {text(found[key])}" for key in ("p50", "p95", "p99", "max"))
            charts += histogram(label, sample.values, text, f"{plural(len(sample.values), 'response')}: {note}")
    return _section(title, f'<div class="charts">{charts}</div>' if charts else "")


def _latency(data: ReportData, models: list[tuple[str, ModelStatistics]]) -> str:
    if data.statistics.latency_missing is not None:
        return _section("Latency", f"<p>No latency: {escaped(data.statistics.latency_missing)}.</p>")
    rows = []
    for name, model in [found for found in models if found[1].samples["duration"].values][:MAX_MODELS]:
        found = {figure: model.samples[figure].to_dict() or {} for figure in (*TIMES, "output_tokens_per_second")}
        cells = [_time(found[figure].get(part)) for figure in TIMES for part in ("p50", "p95")]
        rate = found["output_tokens_per_second"].get("p50")
        rows.append([name, *cells, None if rate is None else f"{rate:.1f}"])
    header = [f"{label.lower()}, {part}" for label in TIMES.values() for part in ("p50", "p95")]
    return _charts("Latency", data, TIMES, duration) + table(["model", *header, "tokens per second, p50"], rows)


def _time(value: float | None) -> str | None:
    return None if value is None else duration(value)


def _counts(header: list[str], models: list[tuple[str, ModelStatistics]], attribute: str) -> str:
    rows = [(model, name, count) for model, found in models for name, count in getattr(found, attribute).items()]
    rows.sort(key=lambda row: (-row[2], row[:2]))
    if not rows:
        return ""
    return table([*header, "model", "responses" if attribute != "tools" else "calls"],
                 [[name, model, f"{count:,}"] for model, name, count in rows[:MAX_NAMES]], left=2)  # fmt: skip


OUTSIDE = '<p class="dim">In no listed response; <code>respstream check</code> prints the lines.</p>'


def _diagnostics(facts: Facts, listed: _Listed) -> str:
    if not facts.codes:
        return "<p>None.</p>"
    order = {code: number for number, code in enumerate(DIAGNOSTICS)}
    rows = ""
    for code, count in sorted(facts.codes.items(), key=lambda found: order[found[0]]):
        severity, message = DIAGNOSTICS[code][:2]
        links = listed.links(functools.partial(_has_code, code)) or OUTSIDE
        rows += (f"<tr><td>{escaped(code)}</td><td>{escaped(severity)}</td><td class='n'>{count:,}</td>"
                 f"<td>{escaped(_PLACE.sub('…', message))}{links}</td></tr>")  # fmt: skip
    head = "<tr><th>code</th><th>severity</th><th class='n'>count</th><th>meaning, and responses with it</th></tr>"
    return f'<div class="scroll"><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>'


def _has_code(code: str, row: dict[str, Any]) -> bool:
    return code in row["diagnostics"]


class _Listed:
    """The responses that are listed at the end, each once, with a number that links refer to."""

    def __init__(self, data: ReportData) -> None:
        self._unlisted = data.unlisted
        self._rows: dict[tuple[str, int], dict[str, Any]] = {}
        for row in (*data.slowest, *data.largest, *data.problems):
            self._rows.setdefault(_key(row), row)
        self._numbers = {key: number for number, key in enumerate(self._rows, 1)}

    def links(self, wanted: Callable[[dict[str, Any]], Any]) -> str:
        """Links to the listed responses that are wanted."""
        numbers = [self._numbers[key] for key, row in self._rows.items() if wanted(row)]
        if not numbers:
            return ""
        shown = " ".join(f'<a href="#r{number}">{number}</a>' for number in numbers[:MAX_LINKS])
        more = f" and {len(numbers) - MAX_LINKS} more" if len(numbers) > MAX_LINKS else ""
        return f'<p class="dim">Responses {shown}{more}</p>'

    def table(self, rows: Iterable[dict[str, Any]]) -> str:
        """A table of responses, with links."""
        lines = ""
        for row in rows:
            number = self._numbers[_key(row)]
            cells = [row["model"], row["status"]]
            numbers = [
                _time(row["duration"]),
                _time(row["time_to_first_token"]),
                _count(row["input_tokens"]),
                _count(row["output_tokens"]),
            ]
            lines += f'<tr><td class="i"><a href="#r{number}">{number}</a></td>' + "".join(
                f"<td>{escaped(cell)}</td>" for cell in cells
            )
            lines += "".join(f'<td class="n">{escaped(cell)}</td>' for cell in numbers) + "</tr>"
        names = ["duration", "time to first token", "input tokens", "output tokens"]
        head = "<th></th><th>model</th><th>status</th>" + "".join(f'<th class="n">{name}</th>' for name in names)
        return (
            f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>'
            if lines
            else ""
        )

    def articles(self) -> str:
        """The responses themselves."""
        found = "".join(_article(self._numbers[key], row) for key, row in self._rows.items())
        more = f"<p>{self._unlisted:,} more responses with problems are not listed.</p>" if self._unlisted else ""
        return found + more


def _key(row: dict[str, Any]) -> tuple[str, int]:
    return row["source"], row["byte_start"]


def _count(value: int | None) -> str | None:
    return None if value is None else f"{value:,}"


def _article(number: int, row: dict[str, Any]) -> str:
    status = row["status"] or "(no status)"
    badge = f'<span class="badge {STATUS_CLASSES.get(status, "cut")}">{escaped(status)}</span>'
    time = row["started_at"] or row["created_at"]
    facts = [
        row["response_id"], row["model"], None if time is None else rfc3339(time),
        row["duration"] is not None and duration(row["duration"]),
        row["total_tokens"] is not None and f"{row['total_tokens']:,} tokens",
        row["incomplete_reason"], f"{one_line(row['source'])}, bytes {row['byte_start']:,} to {row['byte_end']:,}",
    ]  # fmt: skip
    error = ": ".join(filter(None, (row["error_code"], row["error_message"])))
    codes = ", ".join(dict.fromkeys(row["diagnostics"]))
    text = row["output_text"] or ""
    lines = [
        f"<p><b>{number}</b> {badge} {escaped(' · '.join(str(fact) for fact in facts if fact))}</p>",
        f"<p>Error {escaped(error)}</p>" if error else "",
        f"<p>Diagnostics: {escaped(codes)}</p>" if codes else "",
        f"<pre>{escaped(text[:MAX_TEXT] + '…' * (len(text) > MAX_TEXT))}</pre>" if text else "",
    ]
    return f'<article id="r{number}">{"".join(lines)}</article>'
