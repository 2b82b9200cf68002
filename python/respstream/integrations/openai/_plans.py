"""The native plans for the events of the openai SDK."""

from __future__ import annotations

from respstream.integrations import _plans
from respstream.integrations._plans import Plans, difference
from respstream.integrations.openai._sdk import Sdk, load

__all__ = ["Plans", "difference", "plans"]


def plans(sdk: Sdk | None = None) -> Plans:
    """The plans for the events of an SDK, by default those of its stable API. Raises as `load` does."""
    return _plans.plans(sdk or load())
