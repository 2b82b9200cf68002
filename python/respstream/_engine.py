"""Which engine it is to be: the compiled one where it is installed, else the pure-Python twin.

RESPSTREAM_BACKEND=auto|rust|python overrides. A missing extension is forgiven under `auto`; one that is there but does
not load never is.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

CHOICES = ("auto", "rust", "python")


def load(backend: str) -> ModuleType:
    """The engine of that name ("rust" or "python"). Raises ImportError where the extension is not installed."""
    name = "_pure" if backend == "python" else "_native"
    # The builtin, because the package `importlib` costs as much as all of ours.
    module: ModuleType = __import__(f"{__package__}.{name}", fromlist=("Decoder",))
    return module


def choose(wanted: str) -> str:
    """The backend for a choice. Raises ValueError for one that is none of `CHOICES`."""
    if wanted not in CHOICES:
        raise ValueError(f"RESPSTREAM_BACKEND must be one of {', '.join(CHOICES)}, not {wanted!r}")
    if wanted != "auto":
        return wanted
    try:
        load("rust")
    except ModuleNotFoundError as error:
        if error.name != f"{__package__}._native":
            raise
        return "python"
    return "rust"


BACKEND = choose(os.environ.get("RESPSTREAM_BACKEND") or "auto")
