"""Problems of a source, with their position, severity and message. docs/diagnostics.md lists the codes."""

from __future__ import annotations

from respstream._codes import DIAGNOSTICS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

__all__ = ["Diagnostic"]


class Diagnostic:
    """One problem of a source, as a value.

    `offset`, `length`: its span in bytes of the uncompressed source. `line`: the 1-based line of its first byte.
    `sequence_number`: that of its event, or None. `response_id`: the id of its response, or None. `detail`: the values in
    the message.
    """

    __slots__ = ("code", "detail", "length", "line", "offset", "response_id", "sequence_number")

    def __init__(
        self,
        code: str,
        offset: int,
        length: int,
        line: int,
        sequence_number: int | None = None,
        response_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> None:
        self.code = code
        self.offset = offset
        self.length = length
        self.line = line
        self.sequence_number = sequence_number
        self.response_id = response_id
        self.detail = detail

    @property
    def severity(self) -> Literal["error", "warning", "info"]:
        """The severity: "error" (data was lost), "warning" (data may be lost) or "info" (nothing was lost)."""
        return DIAGNOSTICS[self.code][0]  # type: ignore[return-value]

    @property
    def message(self) -> str:
        """The message, one line of English."""
        return message(self.code, self.detail)

    def to_dict(self) -> dict[str, Any]:
        """All attributes as a dict, including message and severity."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "offset": self.offset,
            "length": self.length,
            "line": self.line,
            "sequence_number": self.sequence_number,
            "response_id": self.response_id,
            "detail": self.detail,
        }

    def _key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Diagnostic):
            return NotImplemented
        return self._key() == other._key()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Diagnostic({self.code!r}, offset={self.offset}, line={self.line}, message={self.message!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        order = (self.code, self.offset, self.length, self.line, self.sequence_number, self.response_id, self.detail)
        return Diagnostic, order


EXPLANATIONS = ("no_responses", "foreign_stream", "error_body")
"""The codes that say why a source has no response."""
UNUSED_EVENTS = "0 responses; the source has only events that belong to no response"
"""The message about a source that has events, but no response. It is not a diagnostic: a live stream may begin like that."""


def message(code: str, detail: dict[str, Any] | None) -> str:
    """The message of a diagnostic: the template of its code, filled with its detail."""
    template = DIAGNOSTICS[code][1]
    if not detail:
        return template
    if code == "error_body":
        named = detail["code"] or detail["type"]
        text = detail["message"] or ""
        return (
            template.format(code=named, message=text)
            if named
            else template.replace("{code}: ", "").format(message=text)
        )
    return template.format(**detail)
