"""What type checkers know of JSON objects whose members are declared. At run time these objects are Payloads."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, KeysView, Mapping
    from typing import Any, ClassVar

    class View:
        """A Payload whose members are declared: others are errors to type checkers. They can be read by key."""

        def __getitem__(self, key: str) -> Any: ...
        def __contains__(self, key: object) -> bool: ...
        def __iter__(self) -> Iterator[str]: ...
        def __len__(self) -> int: ...
        def get(self, key: str, default: Any = None) -> Any:
            """The member of that name, or `default` if it is missing."""

        def keys(self) -> KeysView[str]:
            """The names of the members, in the order of the JSON."""
            ...

        def values(self) -> list[Any]:
            """The members, all decoded."""
            ...

        def items(self) -> list[tuple[str, Any]]:
            """Pairs of name and member, all decoded."""
            ...

        def to_dict(self) -> dict[str, Any]:
            """The members as a new dict."""
            ...

        def model_dump(self) -> dict[str, Any]:
            """As `to_dict`."""
            ...

    class PartView(View):
        """A View of a class of its own, which can be made of a JSON object."""

        _data: dict[str, Any] | None
        _member: str | None
        _parts: ClassVar[Mapping[str, Any]]
        _raw: bytes

        def __init__(self, source: bytes | dict[str, Any]) -> None: ...
        def _missing(self, name: str) -> Any: ...
        def _described(self, *, inside: bool = False) -> str: ...
