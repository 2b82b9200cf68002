"""The documentation: every example runs unchanged over both backends, and generated tables are up to date."""

from __future__ import annotations

import ast
import builtins
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import respstream
import respstream.recordings.recorder
from tests.support import doc_examples, doc_tables
from tests.support.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RUN = {"python", "console", "pycon"}
RUST_ONLY = {"dropin.md"}
"""The fallback leaves the SDK as it is, and says so."""
CASES = [
    pytest.param(page, backend, id=f"{page.stem}-{backend}")
    for page in PAGES
    for backend in ("rust", "python")
    if backend == "rust" or page.name not in RUST_ONLY
    if any(block.language in RUN and block.skipped is None for block in doc_examples.blocks(page))
]
EACH = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def run(page: Path, backend: str) -> tuple[int, str]:
    """The exit status of a page's examples, and their output."""
    env = {**os.environ, "RESPSTREAM_BACKEND": backend, "PYTHONPATH": f"{ROOT / 'python'}{os.pathsep}{ROOT}"}
    env |= {"COLUMNS": "220", "PYTHONUTF8": "1"}
    words = [sys.executable, "-W", "error::ResourceWarning", "-m", "tests.support.doc_examples", str(page)]
    done = subprocess.run(words, env=env, capture_output=True, check=False, encoding="utf-8", timeout=240)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("page", "backend"), CASES)
def test_examples_run(page: Path, backend: str) -> None:
    status, reported = run(page, backend)
    assert status == 0, reported


@EACH
def test_examples_need_no_repository(page: Path) -> None:
    """They read what the package contains; except the targets of make."""
    code = "".join(block.code for block in doc_examples.blocks(page) if block.language in RUN)
    commands = [line for line in code.splitlines() if not line.startswith("$ make ")]
    assert [line for line in commands if "tests/data" in line] == []


CONTINUED = {"apis.md": {"chat"}}
"""Names that a page says its examples share."""


@EACH
def test_examples_define_their_names(page: Path) -> None:
    """Each can be copied alone, except for the cells of a notebook."""
    for block in doc_examples.blocks(page):
        if block.language == "python" and block.skipped is None and page.name != "notebook.md":
            assert undefined(block.code) <= CONTINUED.get(page.name, set()), f"{page.name}:{block.line}"


def undefined(code: str) -> set[str]:
    """The names that a program reads and neither imports nor assigns."""
    bound, used = set(dir(builtins)), set[str]()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.alias(name=name, asname=other):
                bound.add((other or name).partition(".")[0])
            case ast.Name(id=name):
                (used if isinstance(node.ctx, ast.Load) else bound).add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.MatchAs(name=str(name)):
                bound.add(name)
            case ast.arg(arg=name):
                bound.add(name)
            case _:
                pass
    return used - bound


def test_undefined_names_are_found() -> None:
    assert undefined("import a.b\nfrom c import d as e\nx = [y for y in a]\nprint(e, x, lambda z: z)") == set()
    assert undefined("def f(a):\n    return a + b\nf(chunks)") == {"b", "chunks"}


@EACH
def test_every_block_has_language(page: Path) -> None:
    """A block without a language, or in an unknown one, would not be tested."""
    assert [block for block in doc_examples.blocks(page) if block.language not in doc_examples.LANGUAGES] == []


@EACH
def test_excluded_blocks_are_run_elsewhere(page: Path) -> None:
    for block in doc_examples.blocks(page):
        if block.skipped is not None and block.skipped[0] == "run by":
            assert page.name in (ROOT / block.skipped[1]).read_text("utf-8"), block.skipped


def test_event_table_is_up_to_date() -> None:
    """`python -m tests.support.doc_tables` writes the table."""
    assert doc_tables.page_table("events.md", "events") == doc_tables.with_markers("events", doc_tables.events_table())


def test_api_reference_has_every_public_name() -> None:
    page = (ROOT / "docs" / "api.md").read_text("utf-8")
    documented = set(re.findall(r"(?:autofunction|autoclass|autoexception|py:data):: (?:[\w.]*\.)?(\w+)", page))
    documented |= set(respstream.recordings.recorder.__all__)  # `automodule`
    assert set(respstream.__all__) - documented == {"latency", "partial", "sse", "types"}, (
        "modules have sections, or pages"
    )


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_have_targets(page: str) -> None:
    """Those of the site are checked when it is built."""
    targets = re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text("utf-8"))
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


WRONG = {
    "python": "```python\nprint(1)\n```\n\n```text\n2\n```\n",
    "raises": "```python\nraise KeyError\n```\n",
    "later": "```python\nx = 1\n```\n\n```python\nprint(x)\n```\n\n```text\n2\n```\n",
    "await": "```python\nimport asyncio\nawait asyncio.sleep(0)\nprint(1)\n```\n\n```text\n2\n```\n",
    "console": "```console\n$ echo 1\n2\n```\n",
    "status": "```console\n$ false\n```\n",
    "continued": "```console\n$ echo 1 \\\n  2\n1\n```\n",
    "pycon": "```pycon\n>>> 1\n2\n\n```\n",
    "extra": "```console\n$ pip install 'respstream[cli,nothing]'\n```\n",
    "target": "```console\n$ make nothing\n```\n",
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_example_fails(name: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(WRONG[name])
    status, reported = run(page, "rust")
    assert status == 1, reported
    assert "page.md:" in reported


def test_correct_examples_pass(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    right = [
        WRONG["python"].replace("print(1)", "print(2)"),
        "```console\n$ printf '1\\n2\\n3\\n'\n1\n…\n$ echo long line\nlong …\n```\n",
        "<!-- not run: it fails -->\n```python\nraise KeyError\n```\n",
    ]
    page.write_text("\n".join(right))
    assert run(page, "rust") == (0, "3 blocks, 0 failed\n")


def test_signatures_of_the_api_reference_have_types() -> None:
    """Those that are written by hand; the others come from the annotations."""
    signatures = re.findall(
        r"^\.\. (?:autoclass|py:class|py:function):: [\w.]+\((.+)\)$",
        (ROOT / "docs" / "api.md").read_text("utf-8"),
        re.M,
    )
    assert len(signatures) >= 2
    for signature in signatures:
        code = ast.parse(f"def f({signature}): ...").body[0]
        assert isinstance(code, ast.FunctionDef)
        assert all(one.annotation for one in [*code.args.args, *code.args.kwonlyargs]), signature
