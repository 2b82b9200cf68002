"""One thread at a time: the guard of the objects in Python that threads may share, as the compiled ones have it."""

from __future__ import annotations

from _thread import RLock  # `threading` costs as much as all of the package
from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Concatenate, ParamSpec, TypeVar

    P = ParamSpec("P")
    S = TypeVar("S")
    T = TypeVar("T")

__all__ = ["RLock", "alone"]


def alone(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """A method that one thread at a time runs, of all that are so marked; others wait. It needs `self._lock`, an RLock.

    A thread that is inside already, as a finalizer may be that runs meanwhile, gets RuntimeError: the object is between
    two states.
    """

    @wraps(method)
    def guarded(self: S, /, *args: P.args, **options: P.kwargs) -> T:
        lock: Any = self._lock  # type: ignore[attr-defined]
        if lock._is_owned():
            raise RuntimeError("the decoder is used from inside its own feed()")
        with lock:
            return method(self, *args, **options)

    return guarded
