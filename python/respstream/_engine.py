"""Chooses the backend: the compiled extension if it is installed, else the pure-Python fallback.

The environment variable RESPSTREAM_BACKEND=auto|rust|python overrides the choice. Under `auto` a missing extension is
ignored; an extension that is installed but does not load is always an error.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

CHOICES = ("auto", "rust", "python")


def native() -> ModuleType:
    """The compiled extension. Raises ImportError if it is not installed or does not load."""
    # The builtin, because importing the package `importlib` costs as much as importing this package.
    module: ModuleType = __import__(f"{__package__}._native", fromlist=("Decoder",))
    return module


def choose(wanted: str) -> str:
    """The backend for a choice: "rust" or "python". Raises ValueError if the choice is not one of `CHOICES`."""
    if wanted not in CHOICES:
        raise ValueError(f"RESPSTREAM_BACKEND must be one of {', '.join(CHOICES)}, not {wanted!r}")
    if wanted != "auto":
        return wanted
    try:
        native()
    except ModuleNotFoundError as error:
        if error.name != f"{__package__}._native":
            raise
        return "python"
    return "rust"


BACKEND = choose(os.environ.get("RESPSTREAM_BACKEND") or "auto")
"""The name of the backend in use: "rust" or "python"."""
