"""Hostile chunks: results that are read in between and at the end take linear time. tests/laws counts the work of reading."""

from __future__ import annotations

import json
import time
from types import ModuleType

import pytest

from tests.support import work_counter
from tests.support.attacks_chat import CHAT


@pytest.mark.parametrize("name", CHAT)
def test_full_attack(backend: ModuleType, name: str) -> None:
    """Work that is not counted would take minutes."""
    body = CHAT[name].make(10_000 if not work_counter.is_python(backend) else 3_000)
    decoder = backend.Decoder()
    before = time.process_time()
    for start in range(0, len(body), 65536):
        decoder.feed(body[start : start + 65536])
        if decoder.response is not None:
            assert decoder.response.tool_calls is not None
    decoder.finish()
    for response in decoder.responses[:100]:
        assert json.loads(response.to_json())
    assert time.process_time() - before < 30
