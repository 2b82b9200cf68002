"""Runs the examples of a page: `python -m tests.support.doc_examples docs/tables.md README.md` reports failures.

- `python` blocks of a page share their names; those of the notebook page may use top-level `await`. A `text` block directly after one is its output.
- `console` blocks are commands (`$ …`) with optional output. `…` matches any text; on a line of its own, any lines.
- `pycon` blocks are doctests.
- A comment before a block skips it: `<!-- run by tests/test_x.py -->`, or `<!-- not run: why -->`.

They run in an empty folder, with a server in the place of the API: `tests.support.doc_environment`. `curl`, `make` and `pip` are stubs: the real ones need a
network or minutes.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import doctest
import inspect
import io
import os
import re
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.paths import ROOT

LANGUAGES = {"python", "pycon", "console", "text", "json", "toml", "yaml"}
"""The allowed languages of fenced blocks; examples in the first three are run."""
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
SKIPPED = re.compile(r"<!-- (run by|not run:) ([^\n]*?) -->\s*\Z")
SECONDS = 120


class Block(NamedTuple):
    """A fenced block: language, text, first line, expected output, and the test that runs it instead."""

    language: str
    code: str
    line: int
    printed: str | None
    skipped: tuple[str, str] | None


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page, without Sphinx directives (`{…}`)."""
    text = path.read_text("utf-8")
    found: list[Block] = []
    end = 0
    for match in FENCE.finditer(text):
        language, body = match["info"].strip(), inspect.cleandoc("\n" + match["body"]) + "\n"
        if not language.startswith("{"):
            between = text[end : match.start()]
            if language == "text" and found and found[-1].language == "python" and not between.strip():
                found[-1] = found[-1]._replace(printed=body)
            else:
                comment = SKIPPED.search(between)
                line = text.count("\n", 0, match.start()) + 2
                found.append(Block(language, body, line, None, (comment[1], comment[2]) if comment else None))
        end = match.end()
    return found


class Page:
    """Runs the examples of one page in its prepared environment."""

    def __init__(self, path: Path, names: dict[str, Any], env: dict[str, str], port: int) -> None:
        self._path, self._given, self._env, self._port = path, names, env, str(port)
        self._names: dict[str, Any] = {}
        self._served: list[subprocess.Popen[bytes]] = []

    def run(self) -> Iterator[str]:
        """Runs the blocks; yields failures."""
        try:
            for block in blocks(self._path):
                if block.skipped is None and block.language in ("python", "console", "pycon"):
                    code = local(block.code, self._env["OPENAI_BASE_URL"]).replace("8080", self._port)  # a free port
                    try:
                        getattr(self, f"_{block.language}")(block._replace(code=code))
                    except Exception:
                        yield f"{self._path.name}:{block.line}: {traceback.format_exc(limit=-3)}"
        finally:
            for process in self._served:
                process.terminate()
                process.wait()

    def _python(self, block: Block) -> None:
        printed = io.StringIO()
        self._names.update(self._given)
        lines = "\n" * (block.line - 1)  # so that tracebacks show the line numbers of the page
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if self._path.name == "notebook.md" else 0
        code = compile(lines + block.code, str(self._path), "exec", flags=flags)
        with contextlib.redirect_stdout(printed):
            if code.co_flags & inspect.CO_COROUTINE:
                asyncio.run(eval(code, self._names))
            else:
                exec(code, self._names)
        if block.printed is not None:
            compare(block.printed, printed.getvalue())

    def _pycon(self, block: Block) -> None:
        reported: list[str] = []
        test = doctest.DocTestParser().get_doctest(block.code, dict(self._given), self._path.name, None, block.line)
        doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=reported.append)
        assert not reported, "".join(reported)

    def _console(self, block: Block) -> None:
        for part in re.split(r"^\$ ", block.code, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            while command.endswith("\\"):
                more, _, shown = shown.partition("\n")
                command += "\n" + more
            self._command(command, shown.strip("\n"))

    def _command(self, command: str, shown: str) -> None:
        if re.match(r"respstream replay .*--port", command):
            self._served.append(serve(command, self._env, int(self._port)))
            return
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
            encoding="utf-8",
        )
        allowed = (0, 1) if command.startswith("respstream check") else (0,)  # 1: problems found
        assert done.returncode in allowed, f"$ {command}\n{done.stdout}exit status {done.returncode}"
        if shown:
            compare(shown, done.stdout)


def local(code: str, base_url: str) -> str:
    """The code of an example with the test's server in the place of the API."""
    code = code.replace("wss://api.openai.com/v1", f"ws{base_url.removeprefix('http')}")
    return code.replace("https://api.openai.com/v1", base_url)


def compare(shown: str, printed: str) -> None:
    """Raises AssertionError if the output differs from that of the page."""
    lines = [re.escape(line.rstrip()).replace("…", ".*") for line in shown.rstrip().split("\n")]
    pattern = "\n".join("(?:.*\n)*?.*" if line == ".*" else line for line in lines)
    found = "\n".join(line.rstrip() for line in printed.rstrip().split("\n"))
    assert re.fullmatch(pattern, found), f"the page shows\n{shown}\nbut the output is\n{printed}"


def serve(command: str, env: dict[str, str], port: int) -> subprocess.Popen[bytes]:
    """Starts a server and waits until it listens."""
    import socket
    import time

    words = ["bash", "-c", f"exec {command}"]
    process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(300):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return process
        assert process.poll() is None, f"$ {command}\nended at once"
        time.sleep(0.1)
    raise AssertionError(f"$ {command}\ndoes not listen")


def main(paths: list[str]) -> int:
    """Runs pages; reports failures and the number of examples."""
    from tests.support import doc_environment

    failures: list[str] = []
    count = 0
    for path in map(Path, paths):
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.chdir(folder),
            doc_environment.of(path, Path(folder)) as given,
        ):
            failures += Page(path if path.is_absolute() else ROOT / path, *given).run()
        count += len(blocks(ROOT / path))
    print(*failures, f"{count} blocks, {len(failures)} failed", sep="\n")
    return int(bool(failures))


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "220")
    sys.exit(main(sys.argv[1:]))
