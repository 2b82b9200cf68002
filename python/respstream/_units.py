"""Figures with their units, for people."""

from __future__ import annotations

__all__ = ["duration"]


def duration(seconds: float) -> str:
    """A time with about three digits: `412 ms`, `1.23 s`, `75.0 s`."""
    if not seconds:
        return "0 s"
    value, unit = (seconds * 1000, "ms") if abs(seconds) < 0.9995 else (seconds, "s")
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:,.{digits}f} {unit}"
