"""The samples that come with the package, and what works without the extras."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import respstream
from respstream.cli.version import version
from respstream.samples import NAMES
from tests.support.backends import load
from tests.support.cli_runner import Shell
from tests.support.paths import ROOT, TRANSCRIPTS


def test_samples_are_the_files_of_the_folder() -> None:
    assert {path.name for path in respstream.sample().iterdir() if path.suffix in (".sse", ".jsonl")} == set(NAMES)
    for name in NAMES:
        assert respstream.sample(name).stat().st_size < 50_000
        if (TRANSCRIPTS / name).exists():
            assert respstream.sample(name).read_bytes() == (TRANSCRIPTS / name).read_bytes()
    with pytest.raises(ValueError, match=r"no sample 'caht.sse'; did you mean 'chat.sse'\?"):
        respstream.sample("caht.sse")


@pytest.mark.parametrize("name", ["rust", "python"])
def test_samples_have_all_apis_and_times(name: str) -> None:
    found: list[respstream.Response] = []
    for sample in NAMES:
        decoder = load(name).Decoder()
        found += [*decoder.fold(respstream.sample(sample).read_bytes()), *decoder.fold_end()]
    assert {response.api for response in found} == {"responses", "chat", "messages"}
    assert all(response.complete for response in found)
    assert sum(response.latency.time_to_first_token is not None for response in found) == 3
    assert {call.name for response in found for call in response.tool_calls} == {"weather"}


def test_command(tmp_path: Path) -> None:
    with Shell("rust") as shell:
        assert [line.split()[0] for line in shell.run("sample").stdout.splitlines()] == list(NAMES)
        done = shell.run("text", data=shell.run("sample", "hello_world.sse").stdout.encode())
        assert done.stdout == "Hello, World!\n"
        assert shell.run("sample", "--copy", str(tmp_path / "a" / "b")).returncode == 0
        assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == sorted(NAMES)
        assert (
            shell.run("sample", "--copy", "/dev/null/x").stderr
            == "respstream: cannot write /dev/null/x: Not a directory\n"
        )


def test_version_needs_no_extra() -> None:
    code = (
        "import sys; sys.modules['click'] = None; sys.argv[1:] = ['--version']; from respstream.cli import main; main()"
    )
    hidden = "import importlib.util as u; find = u.find_spec; u.find_spec = lambda name: None if name == 'click' else find(name);"
    words = [sys.executable, "-c", hidden + code]
    done = subprocess.run(words, env={"PYTHONPATH": str(ROOT / "python")}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, version() + "\n")
    done = subprocess.run([*words[:2], hidden + code.replace("--version", "text")], env={"PYTHONPATH": str(ROOT / "python")},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2,
        "respstream: the command line needs click: pip install 'respstream[cli]'\n",
    )
