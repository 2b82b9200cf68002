"""The released files, each in a clean environment without a compiler: one version, one set of results, the right backend.

`RESPSTREAM_DIST` names a folder that `make wheels` filled. Without it wheels are built for this machine alone, which takes less time.
"""

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
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

import respstream
from respstream.recordings.replay import serve, takes
from respstream.samples import NAMES
from tests.support import journeys, openai_server
from tests.support.paths import ROOT, TRANSCRIPTS

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
SHARED = {
    "share/man/man1/respstream.1",
    "share/bash-completion/completions/respstream",
    "share/fish/vendor_completions.d/respstream.fish",
    "share/zsh/site-functions/_respstream",
}
"""What the wheels install beside the package."""
QUICK = {"LTO": "off", "CODEGEN_UNITS": "16", "OPT_LEVEL": "0"}
"""What makes a build fast, and the extension slow."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def run(*command: str | Path, path: str | None = None) -> str:
    """The output of a command. Its PATH is that of this process unless given."""
    done = ended(*command, path=path)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ended(*command: str | Path, path: str | None = None) -> subprocess.CompletedProcess[str]:
    # Neither this environment's packages nor a backend that was chosen for the suite may reach the command.
    hidden = ("PYTHONPATH", "RESPSTREAM_BACKEND", "VIRTUAL_ENV")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    if path is not None:
        env["PATH"] = path
    words = [str(part) for part in command]
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, check=False, encoding="utf-8")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the released files."""
    if os.environ.get("RESPSTREAM_DIST"):
        return ROOT / os.environ["RESPSTREAM_DIST"]
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "maturin", "sdist", "--out", out)
    run(sys.executable, "-m", "maturin", "build", "--release", "--locked", "-i", sys.executable, "--out", out)
    run(sys.executable, "tools/pure_wheel.py", *out.glob("*.whl"))
    return out


@pytest.fixture(scope="module")
def wheels(dist: Path) -> dict[str, Path]:
    """The platform wheel ("rust") and the pure one ("python")."""
    found = {"python" if PURE_TAG in path.name else "rust": path for path in dist.glob("*.whl")}
    assert found.keys() == {"rust", "python"}
    return found


def clean(home: Path) -> Path:
    """The interpreter of a new environment without packages."""
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(python: Path, *what: str | Path) -> str:
    """Installs with nothing but the environment's own programs on the path: no compiler, no cargo."""
    return run(sys.executable, "-m", "pip", "--python", python, "install", *what, path=str(python.parent))


def probe(python: Path) -> dict[str, Any]:
    """The backend, version and results that an installed package reports."""
    found: dict[str, Any] = json.loads(run(python, "-I", "-X", "utf8", "-c", PROBE, TRANSCRIPTS))
    assert Path(found["file"]).is_relative_to(python.parent.parent), "another installation was imported"
    return found


@pytest.fixture(scope="module", params=["rust", "python"])
def installed(request: pytest.FixtureRequest, wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A wheel, installed: (backend that is expected, the probe's findings)."""
    python = clean(tmp_path_factory.mktemp(f"venv-{request.param}"))
    install(python, "--no-index", "--no-deps", "--quiet", wheels[request.param])
    return request.param, probe(python)


def workspace_version() -> str:
    with (ROOT / "Cargo.toml").open("rb") as file:
        version = tomllib.load(file)["workspace"]["package"]["version"]
    assert isinstance(version, str)
    return version


def test_wheel_uses_own_backend(installed: tuple[str, dict[str, Any]]) -> None:
    backend, found = installed
    assert found["backend"] == backend


def test_version_matches_workspace(installed: tuple[str, dict[str, Any]]) -> None:
    assert installed[1]["version"] == workspace_version()


def test_transcripts_give_expected_answers(installed: tuple[str, dict[str, Any]]) -> None:
    assert installed[1]["answers"] == ANSWERS


def test_pip_prefers_binary_wheel(dist: Path, tmp_path: Path) -> None:
    """From an index that has all three: the wheel of the platform, not the pure one, and not the sources."""
    python = clean(tmp_path)
    install(python, "--no-index", "--find-links", dist, "--quiet", "respstream")
    assert probe(python)["backend"] == "rust"


@pytest.mark.parametrize("other", ["win_arm64", "manylinux2014_s390x", "macosx_10_9_universal"])
def test_pip_falls_back_to_pure_wheel(dist: Path, tmp_path: Path, other: str) -> None:
    """On a platform without a binary wheel; nothing is compiled there."""
    wanted = ["--platform", other, "--only-binary", ":all:", "--dest", str(tmp_path)]
    run(sys.executable, "-m", "pip", "download", "--no-index", "--find-links", dist, "--quiet", *wanted, "respstream")
    assert [PURE_TAG in path.name for path in tmp_path.iterdir()] == [True]


def test_cli_warns_once_about_pure_python(wheels: dict[str, Path], tmp_path: Path) -> None:
    """On input that is large enough to wonder; and with the extension, or with a choice, never."""
    python = clean(tmp_path / "venv")
    install(python, "--quiet", "--find-links", wheels["python"].parent, f"{wheels['python']}[cli]")
    large = tmp_path / "large.sse"
    hello = (TRANSCRIPTS / "hello_assist.sse").read_bytes()
    large.write_bytes(b": " + bytes(64 << 20).replace(b"\0", b"-") + b"\n\n" + hello)
    command = (python, "-I", "-m", "respstream", "stats", large, large)
    note = "compiled backend is not installed"
    assert ended(*command).stderr.count(note) == 1
    assert note not in ended(*command[:-2], TRANSCRIPTS / "hello_assist.sse").stderr
    install(python, "--quiet", "--no-deps", "--force-reinstall", wheels["rust"])
    done = ended(*command)
    assert done.returncode == 0
    assert note not in done.stderr


@pytest.mark.parametrize("kind", ["rust", "python"])
def test_journeys_of_first_page(wheels: dict[str, Path], tmp_path: Path, kind: str) -> None:
    """What docs/index.md shows, from an empty folder, with the wheel and what it says to install."""
    python = clean(tmp_path / "venv")
    install(python, "--quiet", f"{wheels[kind]}[cli,arrow]", "openai==3.57.0", "httpx")
    folder = tmp_path / "empty"
    folder.mkdir()
    scripts = python.parent
    given = tmp_path / "blocks.json"
    program = tmp_path / "program.py"
    program.write_text(journeys.PROGRAM)
    expected = journeys.blocks()
    stream = respstream.sample("hello_world.sse").read_bytes() + b"\n"
    env = {
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "220",
        "PYTHONUTF8": "1",
        "HOME": str(tmp_path),
    }
    with openai_server.running(serve(takes([stream]), speed=None)) as url:
        sdk = ("python", journeys.SDK.format(url=url), "Hello, World!respstream\n")
        httpx = [at for at, (_, code, _) in enumerate(expected) if "httpx.stream" in code]
        assert len(httpx) == 1
        expected[httpx[0]] = ("python", expected[httpx[0]][1], "Hello, World!\n")
        if kind == "rust":
            expected.append(sdk)
        given.write_text(json.dumps([[(language, code) for language, code, _ in expected], url]))
        words = [str(python), "-I", str(program), str(given)]
        done = subprocess.run(words, cwd=folder, env=env, capture_output=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["backend"] == kind
    assert Path(found["file"]).is_relative_to(tmp_path / "venv")
    journeys.compare(expected, found["printed"])
    assert journeys.files(folder) == [*(f"logs/{name}" for name in sorted(NAMES)), "responses.parquet"]


@pytest.mark.parametrize("kind", ["rust", "python"])
def test_man_page_and_completions_are_installed(wheels: dict[str, Path], tmp_path: Path, kind: str) -> None:
    python = clean(tmp_path)
    install(python, "--no-index", "--no-deps", "--quiet", wheels[kind])
    for name in SHARED:
        assert (tmp_path / name).read_bytes() == (ROOT / "python" / "respstream.data" / "data" / name).read_bytes()


def test_sdist_builds_offline(dist: Path, tmp_path: Path) -> None:
    """Unpacked far from the repository, by cargo and in an environment that pip makes for the build."""
    (archive,) = dist.glob("*.tar.gz")
    python = clean(tmp_path / "venv")
    quick = {f"CARGO_PROFILE_RELEASE_{name}": value for name, value in QUICK.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**quick, "CARGO_TARGET_DIR": str(tmp_path / "target")}.items():
            patch.setenv(name, value)
        run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-binary", "respstream", archive)
    found = probe(python)
    assert (found["backend"], found["answers"]) == ("rust", ANSWERS)


def test_sdist_contents(dist: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = [name.partition("/")[2] for name in file.getnames()]
    tops = {name.split("/")[0] for name in names}
    needed = {
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "LICENSE-THIRD-PARTY",
        "PKG-INFO",
        "README.md",
        "pyproject.toml",
        "python",
        "rust",
    }
    assert tops == needed
    others = [name for name in names if not name.startswith("python/respstream/samples/")]
    assert not [name for name in others if re.search(r"\.(so|pyd|sse|jsonl)$|fuzz/|__pycache__", name)]


@pytest.mark.parametrize("kind", ["rust", "python"])
def test_wheel_contents(wheels: dict[str, Path], kind: str) -> None:
    with zipfile.ZipFile(wheels[kind]) as wheel:
        names = set(wheel.namelist())
    assert {"respstream/py.typed", "respstream/_native.pyi"} <= names
    assert {name.partition(".data/data/")[2] for name in names} >= SHARED
    licences = {name.rpartition("/")[2] for name in names if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "LICENSE-THIRD-PARTY"}
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"respstream"}
    samples = {name for name in names if name.startswith("respstream/samples/")}
    assert {"respstream/samples/hello_world.sse", "respstream/samples/recording.jsonl"} < samples
    others = names - samples
    assert not [name for name in others if re.search(r"test|bench|transcript|\.sse|\.jsonl|\.rs$|\.toml$", name)]


def test_wheel_names_and_tags(wheels: dict[str, Path]) -> None:
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


def test_wheels_differ_only_by_extension(wheels: dict[str, Path]) -> None:
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


def test_pure_wheel_is_reproducible(wheels: dict[str, Path], tmp_path: Path) -> None:
    copy = shutil.copy(wheels["rust"], tmp_path)
    again = Path(run(sys.executable, "tools/pure_wheel.py", copy).strip())
    assert again.read_bytes() == wheels["python"].read_bytes()


def test_pure_wheel_is_rejected(wheels: dict[str, Path]) -> None:
    with pytest.raises(AssertionError, match="contains no extension"):
        run(sys.executable, "tools/pure_wheel.py", wheels["python"])
