"""Loads the backends under test."""

from __future__ import annotations

from types import ModuleType

from respstream import _backend


def load(name: str) -> ModuleType:
    """Return the backend of that name. A missing extension is an error, never a skip."""
    return _backend.load(name)
