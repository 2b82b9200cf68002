"""Loads the backends under test, and binds the package to one of them."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

import respstream
from respstream import _backend

NAMES = ("rust", "python")
# Attributes of the package that belong to a backend: (module, attribute, name in the backend).
_BOUND = [
    ("respstream", "Decoder", "Decoder"),
    ("respstream.decoder", "Decoder", "Decoder"),
    ("respstream.sse", "Decoder", "SseDecoder"),
]


def load(name: str) -> ModuleType:
    """Return the backend of that name. A missing extension is an error, never a skip."""
    return _backend.load(name)


@contextmanager
def bound(name: str) -> Generator[Any]:
    """The package `respstream`, bound to a backend."""
    backend = load(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_backend, "engine", backend)
        patch.setattr(_backend, "BACKEND", name)
        patch.setattr(respstream, "BACKEND", name)
        for module, attribute, member in _BOUND:
            __import__(module)
            patch.setattr(sys.modules[module], attribute, getattr(backend, member), raising=False)
        yield respstream
