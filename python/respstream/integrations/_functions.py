"""Copies of the SDK's functions that validate and construct values, with caches of their own.

The SDK keeps an adapter of pydantic for each annotation that it validated, and programs may count or clear those. Proofs and natively
built events also validate annotations that the SDK would not. The code of the copies is that of the SDK; only the caches differ.
"""

from __future__ import annotations

import functools
import inspect
import types
import weakref
from typing import Any, NamedTuple

__all__ = ["Functions", "with_own_caches"]


_CACHED = type(functools.cache(len))


class Functions(NamedTuple):
    """Functions of the SDK's module of models, with its arguments."""

    validate_type: Any
    construct_type: Any


@functools.cache
def with_own_caches(validate_type: Any, construct_type: Any, model: Any) -> Functions:
    """The copies of the SDK's functions. `model`: the base class of its models.

    The SDK's own functions where someone has replaced one, or a release has no such functions.
    """
    construct = getattr(getattr(model, "construct", None), "__func__", None)
    names = getattr(construct_type, "__globals__", {})
    if not all(_is_of(names, function) for function in (validate_type, construct_type, construct)):
        return Functions(validate_type, construct_type)
    own = _copies(names)
    own["construct_type"] = _construct_type(model, construct, own)
    return Functions(own["validate_type"], own["construct_type"])


def _is_of(names: dict[str, Any], function: Any) -> bool:
    """Whether a function is of the module with these names, and wraps no other one."""
    return inspect.isfunction(function) and function.__globals__ is names and not hasattr(function, "__wrapped__")


def _construct_type(model: type[Any], construct: Any, own: dict[str, Any]) -> Any:
    """The copy of `construct_type`. It constructs objects by the copy of the models' method, which the SDK's would not call."""
    copy, construct_model = own["construct_type"], _rebound(construct, own)

    def construct_type(*, value: object, type_: Any, metadata: Any = None) -> Any:
        is_common = isinstance(value, dict) and isinstance(type_, type) and issubclass(type_, model)
        if is_common and getattr(getattr(type_, "construct", None), "__func__", None) is construct:
            return construct_model(type_, **value)  # type: ignore[arg-type]
        return copy(value=value, type_=type_, metadata=metadata)

    return construct_type


def _copies(names: dict[str, Any]) -> dict[str, Any]:
    """The names of a module. Its functions use each other's copies, and caches that are empty."""
    own = dict(names)
    made: dict[int, Any] = {}  # a cache may have several names
    for name, value in names.items():  # no isinstance(), which would load the SDK's proxies of packages
        if type(value) is _CACHED:
            own[name] = made.get(id(value)) or made.setdefault(id(value), _emptied(value, names, own))
        elif type(value) is weakref.WeakKeyDictionary:
            own[name] = weakref.WeakKeyDictionary[Any, Any]()
        elif type(value) is types.FunctionType and value.__globals__ is names:
            own[name] = _rebound(value, own)
    return own


def _emptied(cached: Any, names: dict[str, Any], own: dict[str, Any]) -> Any:
    """The copy of a function with a cache, which may call itself, with an empty cache."""
    function = cached.__wrapped__
    if inspect.isfunction(function):
        globals_ = own if function.__globals__ is names else dict(function.__globals__)
        function = _rebound(function, globals_)
    copy: Any = functools.lru_cache(**cached.cache_parameters())(function)
    if inspect.isfunction(function):
        function.__globals__[function.__name__] = copy
    return copy


def _rebound(function: types.FunctionType, names: dict[str, Any]) -> types.FunctionType:
    """A function that looks up its global names elsewhere."""
    copy = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy
