"""Objects inside events, with classes of their own.

Every program that reads events of such an API imports this module, so it imports nothing from the standard library at run time.
"""

from __future__ import annotations

from respstream._record import Fragment
from respstream.protocols.payload import Payload, clip, wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from respstream.protocols.view import PartView as Base  # reports a misspelt member
else:
    Base = Payload

__all__ = ["Part"]

_CONTAINERS = (dict, list)


class Part(Base):
    """An object inside an event: a Payload whose members are also those of the SDK's class.

    A member that the class declares is None if it is missing.
    """

    __slots__: tuple[str, ...] = ()

    def _missing(self, name: str) -> Any:
        if name in self.__class__.__slots__:
            return None
        return super()._missing(name)

    if not TYPE_CHECKING:

        def _absent(self, name: str) -> Any:
            if name not in self.__class__.__slots__:
                return super()._absent(name)
            data = self._data
            if data is None:
                value = super()._absent(name)
            else:
                value = data.get(name)
                if type(value) in _CONTAINERS:
                    value = wrap(value, name, self._parts.get(name))
            setattr(self, name, value)
            return value

        if Fragment.__getattribute__ is object.__getattribute__:
            __getattr__ = _absent

    def __reduce__(self) -> tuple[Any, ...]:
        source = self._raw if self._data is None else self.to_dict()
        return type(self), (source,), None if self._member is None else (None, {"_member": self._member})

    def _described(self, *, inside: bool = False) -> str:
        text = super()._described(inside=inside)
        return type(self).__name__ + text[text.index("(") :]

    def __repr__(self) -> str:
        shown = [f"{name}={clip(repr(value))}" for name, value in self.items() if value is not None]
        return f"{type(self).__name__}({', '.join(shown)})"
