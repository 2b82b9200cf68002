"""The man page and the completion scripts that the wheels install are those of the command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from respstream.cli.app import COMMANDS
from tests.support.cli_runner import Shell
from tests.support.paths import ROOT

DATA = ROOT / "python" / "respstream.data" / "data"
MAN = "share/man/man1/respstream.1"
SCRIPTS = {
    "bash": "share/bash-completion/completions/respstream",
    "zsh": "share/zsh/site-functions/_respstream",
    "fish": "share/fish/vendor_completions.d/respstream.fish",
}


def test_files_are_up_to_date(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tools" / "generate_cli_files.py"), str(tmp_path)]
    subprocess.run(command, check=True, env=Shell("python").env())
    written = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    committed = {str(path.relative_to(DATA)): path.read_bytes() for path in DATA.rglob("*") if path.is_file()}
    assert written == committed, "run tools/generate_cli_files.py"
    assert written.keys() == {MAN, *SCRIPTS.values()}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_scripts_are_those_of_the_command(shell: str) -> None:
    assert Shell("rust").run("completion", shell).stdout.rstrip("\n") == (DATA / SCRIPTS[shell]).read_text().rstrip(
        "\n"
    )


def test_man_page_has_all_commands_and_options() -> None:
    page = (DATA / MAN).read_text("ascii")
    for name in COMMANDS:
        assert f'.SS "respstream {name}' in page
    for option in ("\\-\\-where EXPR", "\\-\\-group\\-by KEY", "\\-\\-prices FILE", "\\-\\-select CODE"):
        assert f".B {option}" in page
    assert page.count(".TP") > 100


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_completion_in_bash(tmp_path: Path) -> None:
    """The script completes commands, in a real shell. It runs the command that it finds on the path."""
    command = tmp_path / "respstream"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m respstream "$@"\n')
    command.chmod(0o755)
    script = f"""source {DATA / SCRIPTS["bash"]}
COMP_WORDS=(respstream st) COMP_CWORD=1
_respstream_completion respstream
echo "${{COMPREPLY[@]}}"
"""
    env = Shell("rust").env()
    env["PATH"] = f"{tmp_path}{os.pathsep}{env['PATH']}"
    done = subprocess.run(["bash", "--norc", "-c", script], env=env, capture_output=True, check=True, encoding="utf-8")
    assert done.stdout.split() == ["stats"]
