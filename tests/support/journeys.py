"""The journeys of docs/index.md in an installed package: a program that an interpreter of another environment runs.

It imports nothing of the repository. Its argument is a JSON file with the blocks of the page; it prints what each of them
printed, as JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support import doc_examples
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "index.md"

PROGRAM = """
import contextlib, io, json, os, subprocess, sys

blocks, url = json.load(open(sys.argv[1], encoding="utf-8"))
names, printed = {"__name__": "__main__"}, []
for language, code in blocks:
    if language == "python":
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code.replace("https://api.openai.com/v1", url), "page", "exec"), names)
        printed.append(out.getvalue())
    else:
        done = subprocess.run(["bash", "-o", "pipefail", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        printed.append(f"{done.returncode}\\n{done.stdout.decode()}")
import respstream
assert not respstream.__file__.startswith(os.getcwd())
print(json.dumps({"backend": respstream.BACKEND, "file": respstream.__file__, "printed": printed}))
"""

SDK = """
from openai import OpenAI
from respstream.integrations.openai import accelerate

client = accelerate(OpenAI(base_url={url!r}, api_key="none"))
with client.responses.create(model="gpt-5-nano", input="Hello", stream=True) as stream:
    for event in stream:
        if event.type == "response.output_text.delta":
            print(event.delta, end="")
print(type(stream).__module__.split(".")[0])
"""


def blocks() -> list[tuple[str, str, str]]:
    """Language, code and expected output of the page's examples: a block per command, without the installation."""
    found: list[tuple[str, str, str]] = []
    for block in doc_examples.blocks(PAGE):
        if block.language == "python":
            found.append(("python", block.code, block.printed or ""))
        elif block.language == "console":
            for part in block.code.split("$ ")[1:]:
                command, _, shown = part.partition("\n")
                if not command.startswith("pip "):
                    found.append(("console", command.replace("curl -N …", "respstream sample hello_world.sse"), shown))
    return found


def compare(expected: list[tuple[str, str, str]], printed: list[Any]) -> None:
    """Raises AssertionError if an output differs from that of the page, or if a command fails."""
    for (language, code, shown), found in zip(expected, printed, strict=True):
        status, _, text = found.partition("\n") if language == "console" else ("0", "", found)
        assert status == "0", f"{code}\n{text}"
        if "hello_world" in code and language == "console":
            shown = "Hello, World!…"  # another answer than that of the page's server
        if shown:
            doc_examples.compare(shown, text)


def files(folder: Path) -> list[str]:
    """The files that the journeys leave in their folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
