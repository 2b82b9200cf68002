"""The version of the package, for `respstream --version`, which needs no extra."""

from __future__ import annotations


def version() -> str:
    """The version and the backend, as `respstream --version` prints them."""
    from importlib import metadata

    from respstream._engine import BACKEND

    try:
        number = metadata.version("respstream")
    except metadata.PackageNotFoundError:  # run from a source tree
        number = "(not installed)"
    return f"respstream {number}, backend {BACKEND}"
