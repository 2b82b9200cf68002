"""Loads the backends under test."""

from __future__ import annotations

from types import ModuleType

from respstream import _backend

MESSAGES_BACKENDS: tuple[str, ...] = ("python",)
"""The backends that read Anthropic Messages. Add "rust" when the Rust core does; then remove this switch."""


def load(name: str) -> ModuleType:
    """Return the backend of that name. A missing extension is an error, never a skip."""
    return _backend.load(name)


def reads_messages(backend: ModuleType) -> bool:
    """Whether a backend reads Anthropic Messages."""
    return any(backend is load(name) for name in MESSAGES_BACKENDS)
