"""Locking for objects of the fallback that threads may share, with the behaviour of the compiled ones."""

from __future__ import annotations

from _thread import RLock  # importing `threading` costs as much as importing this package
from functools import wraps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Concatenate, ParamSpec, TypeVar

    P = ParamSpec("P")
    S = TypeVar("S")
    T = TypeVar("T")

__all__ = ["RLock", "locked"]


def locked(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Decorates a method to hold `self._lock`, an RLock, while it runs.

    A thread that already holds the lock, for example in a finalizer that runs during a call, gets RuntimeError, because the
    object is in an intermediate state.
    """

    @wraps(method)
    def guarded(self: S, /, *args: P.args, **options: P.kwargs) -> T:
        lock: Any = self._lock  # type: ignore[attr-defined]
        if lock._is_owned():
            raise RuntimeError("the decoder was called from within its own feed()")
        with lock:
            return method(self, *args, **options)

    return guarded
