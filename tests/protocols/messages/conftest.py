"""The backends that read Messages."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.support.backends import MESSAGES_BACKENDS, load


@pytest.fixture(scope="session", params=MESSAGES_BACKENDS)
def backend(request: pytest.FixtureRequest) -> ModuleType:
    """The backend module, each in turn."""
    return load(request.param)
