"""Arguments that are one of many names: a wrong one is answered with the nearest."""

from __future__ import annotations

from typing import Any

import click

from respstream._suggest import suggestion


class OneOf(click.Choice):  # type: ignore[type-arg, unused-ignore] # generic since click 8.2
    """A choice of names. `noun`: what a name is, for messages."""

    def __init__(self, noun: str, names: list[str]) -> None:
        super().__init__(names)
        self._noun = noun

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name. Fails with the nearest one, if there is one, else with all."""
        known = [str(name) for name in self.choices]
        if isinstance(value, str) and value not in known and (near := suggestion(value, known)):
            self.fail(f"no {self._noun} {value!r}{near}", param, ctx)
        return super().convert(value, param, ctx)
