"""Chooses the engine: the compiled one where it is installed, else the pure-Python twin.

RESPSTREAM_BACKEND=auto|rust|python overrides. A missing extension is forgiven under `auto`; one that is there but does
not load never is.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType

CHOICES = ("auto", "rust", "python")


def load(backend: str) -> ModuleType:
    """The engine of that name ("rust" or "python"). Raises ImportError where the extension is not installed."""
    if backend == "python":
        return importlib.import_module("._pure", __package__)
    return importlib.import_module("._native", __package__)


def choose(wanted: str) -> str:
    """The backend for a choice. Raises ValueError for one that is none of `CHOICES`."""
    if wanted not in CHOICES:
        raise ValueError(f"RESPSTREAM_BACKEND must be one of {', '.join(CHOICES)}, not {wanted!r}")
    if wanted != "auto":
        return wanted
    return "rust" if importlib.util.find_spec("._native", __package__) is not None else "python"


BACKEND = choose(os.environ.get("RESPSTREAM_BACKEND") or "auto")
engine = load(BACKEND)
