"""Event objects of both backends as Python objects: missing attributes, subclasses, finalizers and reused memory."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

BLOCK = b'data: {"type":"response.output_text.delta","delta":"a","item_id":"i"}\n\n'
MISSING = """
from respstream._record import Record
class Own(Record):
    pass
for cls in (Record, Own):
    for name in ("foo", "_absent", "raw"):
        try:
            getattr(cls(), name)
        except AttributeError as error:
            print(name in str(error))
"""


@pytest.mark.parametrize("backend", ["rust", "python"])
def test_missing_attribute_of_the_base_class(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, which a recursion without end would end."""
    monkeypatch.setenv("RESPSTREAM_BACKEND", backend)
    done = subprocess.run([sys.executable, "-c", MISSING], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (0, "True\n" * 6), done.stderr


def test_finalizer_runs_for_each_object(backend: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in memory that another object had before, and for a class that gets its finalizer late."""
    decoder = backend.Decoder()
    for _ in range(3):
        decoder.feed(BLOCK * 50)
    cls = type(decoder.feed(BLOCK)[0])
    count = 0

    def finalize(_: object) -> None:
        nonlocal count
        count += 1

    monkeypatch.setattr(cls, "__del__", finalize, raising=False)
    for _ in range(4):
        decoder.feed(BLOCK * 50)
    assert count == 200
    monkeypatch.undo()
    decoder.feed(BLOCK * 50)
    assert count == 200
