"""What the suite shares: each engine in turn, the public API over it, recordings, and how hard hypothesis looks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

import respstream
from respstream import _backend

RECORDED = "RESPSTREAM_RECORDED"
TRANSCRIPTS = Path(__file__).parent / "data" / "transcripts"

settings.register_profile(
    "ci", deadline=None, max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
settings.register_profile("long", deadline=None, max_examples=3000, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "ci")

# Where the package holds what belongs to an engine: (module, attribute, name in the engine).
BOUND = [
    ("respstream", "Decoder", "Decoder"),
    ("respstream.decoder", "Decoder", "Decoder"),
    ("respstream.sse", "Decoder", "SseDecoder"),
]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Tests of engines want an environment of their own, and run where they are named (`make test-engines`)."""
    engines = Path(__file__).parent / "engines"
    named = any(
        engines in (path := Path(argument.partition("::")[0]).resolve()).parents or path == engines
        for argument in config.args
    )
    return True if collection_path == engines and not named else None


def load(name: str) -> ModuleType:
    """The engine of that name. A missing extension is an error, never a skip."""
    return _backend.load(name)


@pytest.fixture(scope="session", params=["rust", "python"])
def engine(request: pytest.FixtureRequest) -> ModuleType:
    """The engine module, each in turn."""
    return load(request.param)


@pytest.fixture(scope="session")
def engines() -> tuple[ModuleType, ModuleType]:
    """Both engines: the compiled one and its reference."""
    return load("rust"), load("python")


@pytest.fixture
def api(engine: ModuleType) -> Iterator[Any]:
    """The package `respstream`, bound to the engine for one test; others see it as it was imported."""
    with pytest.MonkeyPatch.context() as patch:
        backend = "python" if engine.__name__ == "respstream._fallback" else "rust"
        patch.setattr(_backend, "engine", engine)
        patch.setattr(_backend, "BACKEND", backend)
        patch.setattr(respstream, "BACKEND", backend)
        for module, attribute, name in BOUND:
            __import__(module)
            patch.setattr(sys.modules[module], attribute, getattr(engine, name), raising=False)
        yield respstream


@pytest.fixture(scope="session")
def recorded() -> list[Path]:
    """Recorded streams of other projects, where the environment names a folder of them."""
    folder = os.environ.get(RECORDED)
    if not folder:
        pytest.skip(f"{RECORDED} names no folder of recorded streams")
    found = sorted(path for path in Path(folder).rglob("*") if path.suffix in {".sse", ".jsonl"})
    assert found, f"{RECORDED} names a folder without streams"
    return found
