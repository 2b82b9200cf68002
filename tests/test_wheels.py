"""Both wheels, each in a clean environment without dependencies: one version, one set of answers, the right backend."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
TRANSCRIPTS = ROOT / "tests" / "data" / "transcripts"
PURE_TAG = "py3-none-any"
PROBE = """
import importlib.metadata, json, pathlib, sys
import respstream
answers = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    if path.suffix in (".sse", ".jsonl"):
        folded = respstream.responses(path)
        answers[path.name] = [[r.status, r.output_text, r.usage and r.usage.output_tokens] for r in folded]
version = importlib.metadata.version("respstream")
print(json.dumps({"backend": respstream.BACKEND, "version": version, "file": respstream.__file__, "answers": answers}))
"""
ANSWERS = {
    "conversation.sse": [["completed", "I'm sorry, but I can't assist with that.", 11]],
    "hello_assist.sse": [["completed", "Hello! How can I assist you today?", 10]],
    "hello_world.sse": [["completed", "Hello, World!", 5]],
    "incomplete.jsonl": [["incomplete", "Hello,", 0]],
    "log_of_seven.sse": [
        ["completed", "Hey! I'm an AI developed by OpenAI. How can I help you today?", 18],
        ["completed", "Hello, I am GPT.", 7],
        ["completed", "Hello, I am GPT.", 7],
        ["completed", "Sure, sounds great!", 6],
        ["completed", "Sorry, I can't assist with that.", 9],
        ["completed", "¡Feliz Navidad!", 6],
        ["completed", "¡Feliz Navidad!", 6],
    ],
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*command: str | Path) -> str:
    # Neither this environment's packages nor a backend that was chosen for the suite may reach the command.
    hidden = ("PYTHONPATH", "RESPSTREAM_BACKEND")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    words = [str(part) for part in command]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The platform wheel ("rust") and the pure one ("python"), built as `make wheels` does."""
    out = tmp_path_factory.mktemp("wheels")
    run(sys.executable, "-m", "maturin", "build", "--release", "--locked", "-i", sys.executable, "--out", out)
    (platform,) = out.glob("*.whl")
    pure = Path(run(sys.executable, "tools/pure_wheel.py", platform).strip())
    return {"rust": platform, "python": pure}


@pytest.fixture(scope="module", params=["rust", "python"])
def installed(request: pytest.FixtureRequest, wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the installed wheel says of itself: (backend that is expected, the probe's findings)."""
    home = tmp_path_factory.mktemp(f"venv-{request.param}")
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    offline = ["--no-index", "--no-deps", "--quiet"]
    run(sys.executable, "-m", "pip", "--python", python, "install", *offline, wheels[request.param])
    found = json.loads(run(python, "-I", "-X", "utf8", "-c", PROBE, TRANSCRIPTS))
    assert Path(found["file"]).is_relative_to(home), "another installation of the package was imported"
    return request.param, found


def workspace_version() -> str:
    with (ROOT / "Cargo.toml").open("rb") as file:
        version = tomllib.load(file)["workspace"]["package"]["version"]
    assert isinstance(version, str)
    return version


def test_backend_is_the_wheels_own(installed: tuple[str, dict[str, Any]]) -> None:
    backend, found = installed
    assert found["backend"] == backend


def test_version_is_the_workspaces(installed: tuple[str, dict[str, Any]]) -> None:
    assert installed[1]["version"] == workspace_version()


def test_transcripts_give_their_answers(installed: tuple[str, dict[str, Any]]) -> None:
    assert installed[1]["answers"] == ANSWERS


def test_names_and_tags(wheels: dict[str, Path]) -> None:
    version = workspace_version()
    assert wheels["python"].name == f"respstream-{version}-{PURE_TAG}.whl"
    # One wheel for all versions from 3.11 on; a free-threaded interpreter before 3.15 has no stable ABI.
    tag = "cp311-abi3" if sys.abiflags != "t" else f"cp3{sys.version_info.minor}-cp3{sys.version_info.minor}t"
    assert wheels["rust"].name.startswith(f"respstream-{version}-{tag}-")
    info = f"respstream-{version}.dist-info"
    with zipfile.ZipFile(wheels["python"]) as wheel:
        lines = wheel.read(f"{info}/WHEEL").decode().splitlines()
    assert [line for line in lines if line.startswith(("Tag:", "Root-Is-Purelib:"))] == [
        "Root-Is-Purelib: true",
        f"Tag: {PURE_TAG}",
    ]


def test_wheels_differ_by_the_extension_alone(wheels: dict[str, Path]) -> None:
    contents = {}
    for kind, path in wheels.items():
        with zipfile.ZipFile(path) as wheel:
            contents[kind] = {name: wheel.read(name) for name in wheel.namelist() if name.startswith("respstream/")}
    extra = contents["rust"].keys() - contents["python"].keys()
    assert len(extra) == 1
    assert re.fullmatch(r"respstream/_native\..+", extra.pop())
    assert contents["python"].items() <= contents["rust"].items()
    assert "respstream/py.typed" in contents["python"]
    assert not [name for name in contents["python"] if "__pycache__" in name]


@pytest.mark.parametrize("kind", ["rust", "python"])
def test_record_lists_every_member(wheels: dict[str, Path], kind: str) -> None:
    with zipfile.ZipFile(wheels[kind]) as wheel:
        (record,) = (name for name in wheel.namelist() if name.endswith(".dist-info/RECORD"))
        rows = {row[0]: row[1:] for row in csv.reader(io.StringIO(wheel.read(record).decode()))}
        assert sorted(rows) == sorted(name for name in wheel.namelist() if not name.endswith("/"))
        assert rows.pop(record) == ["", ""]
        for name, (digest, size) in rows.items():
            data = wheel.read(name)
            sha = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert (digest, size) == (f"sha256={sha}", str(len(data))), name


def test_the_pure_wheel_is_the_same_every_time(wheels: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copy(wheels["rust"], tmp_path)
    again = Path(run(sys.executable, "tools/pure_wheel.py", copy).strip())
    assert again.read_bytes() == wheels["python"].read_bytes()


def test_a_pure_wheel_is_refused(wheels: dict[str, Path]) -> None:
    with pytest.raises(AssertionError, match="holds no extension"):
        run(sys.executable, "tools/pure_wheel.py", wheels["python"])
