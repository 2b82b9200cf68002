"""Shared by the integrations with SDKs whose clients open streams of a class that the request names (openai, anthropic).

A client that reads its streams natively has a mark in its `__dict__`. Hooks in the classes of the SDK look for the mark, and
do nothing for other clients. They are below all public methods, where no other library sets its wrappers: the methods of a
client, on its class or on the instance, stay as others set them, in any order. A copy of a client, also one by `copy.copy`,
has the mark of the original.
"""

from __future__ import annotations

import functools
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Literal, TypeVar, get_args

from respstream import _backend
from respstream.integrations._sdk import Sdk, UnsupportedError

__all__ = ["Acceleration", "Integration", "Transport", "derived"]

AnySdk = TypeVar("AnySdk", bound=Sdk)

_MARK = "_respstream"
_PROCESS = "_process_response"
# The methods that return another client.
_COPIES = ("copy", "with_options")
Transport = Literal["native"]
_MAX_WRAPPERS = 100  # of one function; others may make a loop of them


class _Mark:
    """The options of one call of `accelerate`; shared by all clients that it applies to."""

    def __init__(self, faithful: bool, transport: str | None) -> None:
        self.faithful, self.transport = faithful, transport
        self.active = True
        self.clients: weakref.WeakSet[Any] = weakref.WeakSet()
        """Those that got the transport."""


class _Hooks:
    """Functions in the place of methods. Each passes its call on, and is taken away only where nobody has replaced it."""

    def __init__(self) -> None:
        self._functions: weakref.WeakSet[Any] = weakref.WeakSet()
        self._classes: weakref.WeakSet[type[Any]] = weakref.WeakSet()

    def method(self, cls: type[Any], name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Hooks a method in the class itself, unless a hook is there already. `make`: the hook for a function of `self`."""
        current = cls.__dict__.get(name)
        if callable(current) and hasattr(type(current), "__get__") and not self.among(current):
            setattr(cls, name, self._hook(current, make(_unbound(current))))
            self._classes.add(cls)

    def attribute(self, owner: Any, name: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Hooks a function in the `__dict__` of an instance, likewise."""
        current = owner.__dict__.get(name)
        if callable(current) and not self.among(current):
            owner.__dict__[name] = self._hook(current, make(current))

    def _hook(self, current: Any, function: Callable[..., Any]) -> Any:
        hook = functools.wraps(current)(function)
        self._functions.add(hook)
        return hook

    def among(self, function: Any) -> bool:
        """Whether the function is a hook, or wraps one."""
        for _ in range(_MAX_WRAPPERS):
            if function is None or self.is_hook(function):
                break
            function = getattr(function, "__wrapped__", None)
        return self.is_hook(function)

    def is_hook(self, value: Any) -> bool:
        """Whether the value itself is a hook. Wrappers may be equal to what they wrap, but not of its type."""
        return type(value) is types.FunctionType and value in self._functions

    def remove(self, owner: Any) -> None:
        """Puts back what the hooks of an instance replaced."""
        for name in _COPIES:
            hook: Any = owner.__dict__.get(name)
            if self.is_hook(hook):
                owner.__dict__[name] = hook.__wrapped__

    def remove_method(self, cls: type[Any], name: str) -> None:
        """Puts back what a hook of a class replaced."""
        hook: Any = cls.__dict__.get(name)
        if self.is_hook(hook):
            setattr(cls, name, hook.__wrapped__)

    def remove_methods(self) -> None:
        """Puts back what all hooks of classes replaced."""
        for cls in list(self._classes):
            for name in list(cls.__dict__):
                self.remove_method(cls, name)
        self._classes.clear()


def _unbound(method: Any) -> Callable[..., Any]:
    """A function of `self` and the arguments, for what a class has under a name: a function, or another descriptor."""
    if type(method) is types.FunctionType:
        return method
    return lambda self, *args, **kwargs: method.__get__(self, type(self))(*args, **kwargs)


class Acceleration:
    """The clients of one SDK whose streams are read natively.

    `clients`: the synchronous and the asynchronous client class. `native`: the class of stream, or the same one, for the
    class that a request names, whether it is asynchronous, and `faithful`. `opened`: returns what to do with a new object of a
    class, for the imported classes of the SDK that read or open streams. It gets the object and `faithful`, or None if the
    constructor got no client, or one that is not accelerated.
    """

    def __init__(
        self,
        clients: tuple[type[Any], type[Any]],
        native: Callable[[Any, bool, bool], Any],
        opened: Callable[[], Mapping[type[Any], Callable[[Any, bool | None], None]]],
    ) -> None:
        self._clients = clients
        self._native = native
        self._opened = opened
        self._hooks = _Hooks()
        self._lock = threading.Lock()
        self._marks: weakref.WeakSet[_Mark] = weakref.WeakSet()
        # The marks of `everywhere`; new clients get the last one.
        self._global: list[_Mark] = []

    def accelerate(self, client: Any, faithful: bool, transport: str | None) -> None:
        """Makes a client read its streams natively, whatever it did before."""
        if transport is None:
            _leave_transport(client)
        elif not self._is_async(client):
            raise TypeError(f"transport={transport!r} requires an asynchronous client, not {type(client).__name__}")
        self._install(client, self._mark(faithful, transport))

    def everywhere(self, faithful: bool, transport: str | None) -> None:
        """Makes all clients do so that are made from now on."""
        with self._lock:
            last = self._global[-1] if self._global else None
            if last is None or (last.faithful, last.transport) != (faithful, transport):
                self._global.append(self._mark(faithful, transport))
            self._hook_streams()
            for cls in self._clients:
                self._hooks.method(cls, "__init__", self._init)

    def follow_imports(self) -> None:
        """Takes note of classes that were imported after a client was accelerated."""
        with self._lock:
            if any(mark.active for mark in self._marks):
                self._hook_streams()

    def restore(self, client: Any) -> None:
        """Leaves the streams of a client to the SDK again."""
        with self._lock:
            self._hooks.remove(client)
            _leave_transport(client)
            client.__dict__.pop(_MARK, None)
            self._clean()

    def restore_all(self) -> None:
        """Undoes `everywhere`, for the clients made meanwhile too."""
        with self._lock:
            for mark in self._global:
                mark.active = False
                for client in list(mark.clients):
                    if client.__dict__.get(_MARK) is mark:
                        _leave_transport(client)
            self._global.clear()
            for cls in self._clients:
                self._hooks.remove_method(cls, "__init__")
            self._clean()

    def _mark(self, faithful: bool, transport: str | None) -> _Mark:
        mark = _Mark(faithful, transport)
        self._marks.add(mark)
        return mark

    def _clean(self) -> None:
        """Takes the hooks away after the last client."""
        if not any(mark.active for mark in self._marks):
            self._hooks.remove_methods()

    def _install(self, client: Any, mark: _Mark) -> None:
        with self._lock:
            self._hook_streams()
            for name in _COPIES:
                for cls in type(client).__mro__:
                    self._hooks.method(cls, name, self._copy)
                self._hooks.attribute(client, name, functools.partial(self._own_copy, client))
            if mark.transport is not None and self._is_async(client):
                _http().install(client)
                mark.clients.add(client)
            client.__dict__[_MARK] = mark

    def _is_async(self, client: Any) -> bool:
        return isinstance(client, self._clients[1])

    def _hook_streams(self) -> None:
        for cls, make in zip(self._clients, (self._process, self._aprocess), strict=True):
            self._hooks.method(_definer(cls, _PROCESS), _PROCESS, make)
        for cls, opened in self._opened().items():
            self._hooks.method(cls, "__init__", functools.partial(_followed, opened))

    def _init(self, init: Callable[..., None]) -> Callable[..., None]:
        def __init__(client: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            init(client, *args, **kwargs)
            if self._global:
                self._install(client, self._global[-1])

        return __init__

    def _copy(self, copy: Callable[..., Any]) -> Callable[..., Any]:
        return lambda client, *args, **kwargs: self._inherit(client, copy(client, *args, **kwargs))

    def _own_copy(self, client: Any, copy: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: self._inherit(client, copy(*args, **kwargs))

    def _inherit(self, client: Any, made: Any) -> Any:
        mark = _active(client)
        if mark is not None and isinstance(made, self._clients):
            self._install(made, mark)
        return made

    def _process(self, process: Callable[..., Any]) -> Callable[..., Any]:
        def _process_response(client: Any, **kwargs: Any) -> Any:
            return process(client, **self._swapped(client, kwargs, False))

        return _process_response

    def _aprocess(self, process: Callable[..., Any]) -> Callable[..., Any]:
        async def _process_response(client: Any, **kwargs: Any) -> Any:
            return await process(client, **self._swapped(client, kwargs, True))

        return _process_response

    def _swapped(self, client: Any, kwargs: dict[str, Any], asynchronous: bool) -> dict[str, Any]:
        mark = _active(client)
        wanted = kwargs.get("stream_cls")
        if mark is None or wanted is None:
            return kwargs
        return {**kwargs, "stream_cls": self._native(wanted, asynchronous, mark.faithful)}


class Integration(Generic[AnySdk]):
    """What `accelerate` and `restore` of one SDK do.

    `name`: of the SDK, for messages. `load`: the SDK, or raises as `look_up` does. `native`, `opened`: as those of
    `Acceleration`, with the SDK before the other arguments.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], AnySdk],
        native: Callable[[AnySdk, Any, bool, bool], Any],
        opened: Callable[[AnySdk], Mapping[type[Any], Callable[[Any, bool | None], None]]],
    ) -> None:
        self._name = name
        self._load = load
        self._native = native
        self._opened = opened
        # By the classes of clients, in which hooks are set only once; and the SDK that was loaded last.
        self._made: dict[Any, Acceleration] = {}
        self._loaded: dict[Any, AnySdk] = {}
        self._lock = threading.Lock()

    def accelerate(self, client: Any, faithful: bool, transport: str | None = None) -> Any:
        """Makes a client, or with None all that are made from now on, read streams natively; returns the client.

        With `transport`, asynchronous ones also send their requests for streams over it.
        """
        if transport not in (None, *get_args(Transport)):
            raise ValueError(f'transport must be None or "native", not {transport!r}')
        sdk = self._supported()
        if sdk is None:
            return client
        if transport is not None:
            _http().import_parser()
        if client is None:
            self.of(sdk).everywhere(faithful, transport)
            return None
        if not isinstance(client, sdk.clients):
            name = type(client).__name__
            raise TypeError(f"accelerate() requires a client of the {self._name} SDK, not {name}")
        self.of(sdk).accelerate(client, faithful, transport)
        return client

    def restore(self, client: Any) -> None:
        """Undoes `accelerate(client)`."""
        for acceleration in self._made.values():
            if client is None:
                acceleration.restore_all()
            else:
                acceleration.restore(client)

    def of(self, sdk: AnySdk) -> Acceleration:
        """The clients of the SDK, the same for all threads."""
        clients = sdk.clients
        with self._lock:
            if clients not in self._made:
                self._loaded.setdefault(clients, sdk)
                self._made[clients] = Acceleration(
                    clients,
                    lambda *given: self._native(self._loaded[clients], *given),
                    lambda: self._opened(self._loaded[clients]),
                )
            return self._made[clients]

    def _supported(self) -> AnySdk | None:
        if not hasattr(_backend.engine, "SdkPlan"):
            _warn(self._name, "the compiled extension is not installed")
            return None
        try:
            sdk = self._load()
        except UnsupportedError as error:
            _warn(self._name, str(error))
            return None
        except ModuleNotFoundError as error:
            if error.name != self._name:
                raise
            raise ImportError(f"accelerate() needs the {self._name} SDK: pip install {self._name}") from None
        self._loaded[sdk.clients] = sdk
        return sdk


@functools.cache
def _warn(name: str, reason: str) -> None:
    # Shown for the caller of `accelerate`, which calls the method.
    warnings.warn(f"respstream leaves the {name} SDK as it is: {reason}", RuntimeWarning, 5)


def _active(client: Any) -> _Mark | None:
    mark: _Mark | None = getattr(client, "__dict__", {}).get(_MARK)
    return mark if mark is not None and mark.active else None


def _leave_transport(client: Any) -> None:
    """Takes the transport out of a client, if it got one."""
    mark: _Mark | None = client.__dict__.get(_MARK)
    if mark is not None and client in mark.clients:
        _http().uninstall(client)


def _http() -> Any:
    from respstream.integrations import http

    return http


def _followed(opened: Callable[[Any, bool | None], None], init: Callable[..., None]) -> Callable[..., None]:
    def __init__(made: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        init(made, *args, **kwargs)
        mark = _active(kwargs["client"]) if "client" in kwargs else None
        opened(made, None if mark is None else mark.faithful)

    return __init__


def _definer(cls: type[Any], name: str) -> type[Any]:
    """The class, among the bases, that has a method."""
    return next(base for base in cls.__mro__ if name in base.__dict__)


def _between(cls: type[Any], base: type[Any]) -> Iterator[type[Any]]:
    """The classes of `cls.__mro__` before `base`."""
    return iter(cls.__mro__[: cls.__mro__.index(base)])


def derived(theirs: type[Any], ours: type[Any], base: type[Any], own: frozenset[str]) -> type[Any]:
    """A class of stream like `theirs`, whose `super()` reaches `ours`; `theirs` itself if that is not possible.

    Others derive a class from the SDK's stream class `base` to see its events pass by; `ours` is derived from it too. `own`:
    methods of `base` that `ours` calls past `theirs`, and that `theirs` must not have.
    """
    if any(own & cls.__dict__.keys() for cls in _between(theirs, base)):
        return theirs
    names = {name: getattr(theirs, name) for name in ("__module__", "__qualname__", "__doc__")}
    metaclass: Any = type(theirs)
    try:
        made: type[Any] = metaclass(theirs.__name__, (theirs, ours), names)
        return made
    except TypeError:  # a metaclass or a layout that does not allow it
        return theirs
