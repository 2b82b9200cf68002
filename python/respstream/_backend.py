"""The engine that is in use, once it is loaded."""

from __future__ import annotations

from respstream._choice import BACKEND, CHOICES, choose, load

__all__ = ["BACKEND", "CHOICES", "choose", "engine", "load"]

engine = load(BACKEND)
