"""Comparing streamed texts with final ones."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def report_mismatch(reported: set[str], path: str, report: Callable[[str], object]) -> None:
    """Calls `report(path)` for a text that differs from the streamed one, once per path; `reported` stores the paths."""
    if path not in reported:
        reported.add(path)
        report(path)


def differing(streamed: dict[str, str], final: dict[str, str]) -> Iterator[str]:
    """The paths of the texts that are not empty and differ in the final value."""
    return (path for path, text in streamed.items() if text and final.get(path) != text)
