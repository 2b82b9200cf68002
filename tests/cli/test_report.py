"""`respstream report`: what is on the page, and how Chromium shows it; and the objects in notebooks."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import respstream
from respstream.cli.report_charts import window
from respstream.cli.report_page import STATUS_CLASSES, STYLE
from tests.support.cli_runner import BACKENDS, Shell, completed, created, delta, message, sse
from tests.support.paths import TRANSCRIPTS

CHROMIUM = os.environ.get("RESPSTREAM_CHROMIUM")
ATTACK = "<script>alert(1)</script>&\"'"
PROBE = """<script>document.title = [document.documentElement.scrollWidth, innerWidth,
getComputedStyle(document.body).backgroundColor, document.querySelectorAll("svg rect:not(.area)").length].join(" ")</script>"""


class Page(HTMLParser):
    """The ids, links and elements of a page, whose elements must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "rect"):
            self.open.append(tag)
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "src"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag != "rect":
            assert self.open.pop() == tag


def failing() -> bytes:
    error = {"code": "server_error", "message": ATTACK}
    failed = {"type": "response.failed", "response": {"id": "r2", "status": "failed", "error": error, "model": ATTACK}}
    call = {"type": "function_call", "call_id": "c", "name": ATTACK, "arguments": "{}"}
    return sse(created(), delta(ATTACK), completed(message(ATTACK), call), created(), failed, created(), delta("cut"))


@pytest.fixture(scope="module", params=BACKENDS)
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    (folder / "failing.sse").write_bytes(failing())
    with Shell(request.param) as shell:
        names = [str(respstream.sample("recording.jsonl")), str(TRANSCRIPTS), str(folder)]
        done = shell.run("report", *names, "-o", str(folder / "report.html"))
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith("respstream: 17 responses of 7 files, written to ")
    return (folder / "report.html").read_text("utf-8")


def test_page_is_whole_and_loads_nothing(report: str) -> None:
    page = Page(report)
    assert not {"script", "link", "img", "iframe", "object"} & page.tags
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    assert "url(" not in report
    assert "@import" not in report
    assert ATTACK not in report
    assert html.escape(ATTACK) in report


def test_page_has_each_section(report: str) -> None:
    titles = re.findall("<h2>([^<]*)</h2>", report)
    assert titles == [
        "Responses over time, UTC", "Models", "Tokens of a response", "Latency", "Tool calls", "Errors",
        "Incomplete responses", "Diagnostics", "Slowest responses", "Largest responses", "Listed responses",
    ]  # fmt: skip
    figures = re.findall("<figcaption>([^<]*)</figcaption>", report)
    assert figures == [
        "By status", "By model", "Input tokens", "Output tokens", "Time to first token", "Mean pause between tokens",
        "Longest stall", "Duration",
    ]  # fmt: skip
    assert "<b>17</b>responses" in report
    assert "3 responses: p50 424 ms" in report
    (row,) = re.findall(r"<td>server_error</td><td>[^<]*</td><td class=\"n\">1</td>", report)
    assert row
    number = re.search(r'<td>no_terminal</td>.*?<a href="#r(\d+)">', report)
    assert number is not None
    article = report[report.index(f'<article id="r{number[1]}">') :].split("</article>", maxsplit=1)[0]
    assert "in_progress" in article
    assert "Diagnostics: no_terminal" in article


def test_axis_of_time_leaves_out_a_few() -> None:
    week = [1_772_000_000.0 + 6000 * number for number in range(100)]
    whole = week[0], week[-1]
    assert window(week) == whole
    assert window([0.0, 1.0, *week, 1.0]) == whole  # placeholders
    assert window([0.0, 1.0]) == (0.0, 1.0)
    assert window([*week, 4e9])[1] < 1_773_000_000
    assert window([*week[:20], 1.9e9]) == (week[0], 1.9e9)  # no share of so few


def test_page_names_its_arguments_and_what_it_leaves_out(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(5):
        (logs / f"{number}.sse").write_bytes(sse(created(), completed(message("x"))))
    chunk = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": []}
    (tmp_path / "old.jsonl").write_text(json.dumps(chunk) + "\n")
    with Shell("rust") as shell:
        page = shell.run(
            "report", "logs", str(respstream.sample("hello_world.sse")), "old.jsonl", "-o", "-", cwd=tmp_path
        ).stdout
        assert f'<p class="dim">logs, {respstream.sample("hello_world.sse")}, old.jsonl</p>' in page
        found = re.search("Not shown: 1 response far from the others. All times: 1970-01-01 to (2[0-9-]+).</p>", page)
        assert found is not None
        many = shell.run("report", *[f"logs/{number % 5}.sse" for number in range(12)], "-o", "-", cwd=tmp_path).stdout
        assert "logs/4.sse, 2 more</p>" in many


def test_texts_have_contrast() -> None:
    """At least 4.5 to 1, as WCAG's level AA asks for, on the page and on its boxes; white on badges, dark in dark mode."""
    schemes = STYLE.split("prefers-color-scheme: dark", maxsplit=1)
    for scheme, badge in zip(schemes, ("#fff", "#14181d"), strict=True):
        colours = dict(re.findall(r"--(\w+): (#\w+)", scheme))
        for name in ("fg", "dim", "s0"):
            assert min(contrast(colours[name], colours[under]) for under in ("bg", "soft")) > 4.5, (badge, name)
        for name in {
            STATUS_CLASSES[status] for status in ("completed", "incomplete", "failed", "in_progress", "queued")
        }:
            assert contrast(badge, colours[name]) > 4.5, (badge, name)
            assert contrast(colours[name], colours["bg"]) > 3  # bars


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_redacted_page_has_no_texts(tmp_path: Path) -> None:
    (tmp_path / "a.sse").write_bytes(failing())
    with Shell("rust") as shell:
        done = shell.run("report", "a.sse", "--redact", "-o", "-", cwd=tmp_path)
        assert "<pre>" not in done.stdout
        assert "server_error" in done.stdout
        assert "server_error: " not in done.stdout
        (tmp_path / "empty.sse").write_bytes(b"")
        done = shell.run("report", "empty.sse", "-o", "-", cwd=tmp_path)
        assert (done.returncode, "<b>0</b>responses" in done.stdout) == (0, True)
        assert shell.run("report", "a.sse", "-o", "a.sse", cwd=tmp_path).returncode == 2


@pytest.mark.skipif(CHROMIUM is None, reason="needs RESPSTREAM_CHROMIUM (make test-browser)")
@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True), (390, False)])
def test_chromium_shows_the_page(report: str, tmp_path: Path, width: int, dark: bool) -> None:
    path = tmp_path / "report.html"
    path.write_text(report.replace("</body>", PROBE + "</body>"), "utf-8")
    words = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
        f"--window-size={width},900", f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        f"--screenshot={tmp_path / 'page.png'}", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, check=True, encoding="utf-8", timeout=60)
    title = re.search("<title>([^<]*)</title>", done.stdout)
    assert title is not None
    shown, inner, *colour, bars = title[1].split()
    assert int(shown) <= int(inner)  # the page is never wider than the screen: tables scroll by themselves
    assert " ".join(colour) == ("rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")
    assert int(bars) > 20


def test_objects_in_notebooks() -> None:
    scan: Any = respstream.scan(TRANSCRIPTS, columns=["model", "status"])
    assert re.fullmatch(
        r"<p>Scan\(.*5 files\)</p><table><tr><th>columns of responses</th><td>model, status</td></tr></table>",
        scan._repr_html_(),
    )
    scan.to_arrow()
    assert "<tr><th>responses</th><td>completed: 10, incomplete: 1</td></tr>" in scan.summary._repr_html_()
    response: Any = respstream.Response.from_dict(
        {"object": "response", "id": ATTACK, "status": "completed", "output": []}
    )
    assert response._repr_html_() == (
        f"<table><tr><th>id</th><td>{html.escape(ATTACK)}</td></tr><tr><th>api</th><td>responses</td></tr>"
        "<tr><th>status</th><td>completed</td></tr><tr><th>finish_reason</th><td>completed</td></tr>"
        "<tr><th>output_text</th><td>–</td></tr></table>"
    )
    assert json.dumps(response.to_dict())
