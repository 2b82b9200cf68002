"""Loads the backend in use."""

from __future__ import annotations

from respstream._engine import BACKEND, CHOICES, choose, native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["BACKEND", "CHOICES", "choose", "engine", "load"]


def load(backend: str) -> ModuleType:
    """The module of a backend ("rust" or "python"). Raises ImportError if the extension is not installed."""
    if backend == "python":
        from respstream import _fallback

        return _fallback
    return native()


engine = load(BACKEND)
