"""Shared fixtures: each backend, the public API bound to it, recordings, and the hypothesis profiles."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.backends import bound, load
from tests.support.paths import RECORDED

settings.register_profile(
    "ci", deadline=None, max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
settings.register_profile("long", deadline=None, max_examples=3000, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "ci")

APART = [Path(__file__).parent / "integrations" / name for name in ("engines", "wrappers")]


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Some folders need other packages; they run only when named (`make test-engines`, `make test-wrappers`)."""
    if collection_path not in APART:
        return None
    arguments = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(collection_path in (path, *path.parents) for path in arguments) else True


def pytest_collection_finish() -> None:
    """Objects of imported modules are not looked at again when a test collects garbage: a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", params=["rust", "python"])
def backend(request: pytest.FixtureRequest) -> ModuleType:
    """The backend module, each in turn."""
    return load(request.param)


@pytest.fixture(scope="session")
def backends() -> tuple[ModuleType, ModuleType]:
    """Both backends: the compiled one and its reference."""
    return load("rust"), load("python")


@pytest.fixture
def api(backend: ModuleType) -> Iterator[Any]:
    """The package `respstream`, bound to the backend for the duration of one test."""
    with bound("rust" if backend is load("rust") else "python") as package:
        yield package


@pytest.fixture(scope="session")
def recorded() -> list[Path]:
    """Recorded streams of other projects, where the environment names a folder of them."""
    folder = os.environ.get(RECORDED)
    if not folder:
        pytest.skip(f"{RECORDED} names no folder of recorded streams")
    found = sorted(path for path in Path(folder).rglob("*") if path.suffix in {".sse", ".jsonl"})
    assert found, f"{RECORDED} names a folder without streams"
    return found
