"""Reads the streams of several APIs: decides for each payload which API it belongs to.

An event, and a response, belong to the protocol of one API, which alone reads and applies them. A payload belongs to the
protocol that claims it by its members. One that none claims (`error`, `ping`, an error body, an unknown type) belongs to
the API of the open response in its lane, else to one that it suggests, as some errors do, else to that of the last claimed
payload of the source, else to the first API. So one log, one file or one lane may mix APIs.
"""

from __future__ import annotations

from respstream._pure.json import BadJson, LimitExceeded, decode
from respstream._pure.protocols.chat.protocol import CHAT
from respstream._pure.protocols.messages.protocol import MESSAGES
from respstream._pure.protocols.responses.protocol import RESPONSES
from respstream._pure.records import StreamSignature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    from respstream._pure.frames import Frame
    from respstream._pure.protocols.protocol import NonStreamed, NotAnEvent, ParsedEvent, Protocol

    Current: TypeAlias = Callable[[], Protocol | None]


class AnyApi:
    """The protocols that a decoder reads; the first is that of payloads that none claims."""

    def __init__(self, *protocols: Protocol) -> None:
        self.protocols = protocols
        self.signature = StreamSignature.merged([protocol.signature for protocol in protocols])
        """How the streams are recognised in records."""

    def reader(self, current: Current) -> AnyReader:
        """A reader for a new source. `current`: the protocol of the open response in the lane of the next payload."""
        return AnyReader(self.protocols, current)


def serves(path: str) -> bool:
    """Whether the path of a URL is that of an API. `path`: it may have a query."""
    return path.partition("?")[0].rstrip("/").endswith(tuple(protocol.url_path for protocol in PROTOCOLS))


class AnyReader:
    """Classifies the payloads of one source, by the reader of the API that each belongs to."""

    def __init__(self, protocols: tuple[Protocol, ...], current: Current) -> None:
        self._current = current
        self._readers = [(protocol, protocol.reader()) for protocol in protocols]
        self._reads = {protocol: reader.read for protocol, reader in self._readers}
        self._by_type = {
            kind: (protocol, reader.read_typed) for protocol, reader in self._readers for kind in protocol.types
        }
        self._last = protocols[0]

    def read(self, frame: Frame) -> ParsedEvent | NonStreamed | NotAnEvent:
        """Parses one payload; an event and a response have their `protocol`."""
        decoded = frame.decoded
        if decoded is None:
            try:
                decoded = frame.decoded = decode(frame.data)
            except (BadJson, LimitExceeded):
                return self._unclaimed(frame)
        members, invalid_utf8 = decoded
        if members.__class__ is dict:
            kind: Any = members.get("type")
            typed = self._by_type.get(kind) if kind.__class__ is str else None
            if typed is not None:
                self._last, read_typed = typed
                event = read_typed(frame, members, kind, invalid_utf8)
                event.protocol = self._last
                return event
            protocol = self._claimed(members, frame.name)
            if protocol is not None:
                self._last = protocol
                return self._read(protocol, frame)
            return self._read(self._current() or self._suggested(members) or self._last, frame)
        return self._unclaimed(frame)

    def _claimed(self, members: dict[str, Any], name: bytes | None) -> Protocol | None:
        """The protocol that claims a payload by its members, or else by the name of its event line."""
        for line in (None,) if name is None else (None, name):
            for protocol, _ in self._readers:
                if protocol.claims(members, line):
                    return protocol
        return None

    def _suggested(self, members: dict[str, Any]) -> Protocol | None:
        """The protocol that a payload suggests which none claims."""
        return next((protocol for protocol, _ in self._readers if protocol.suggests(members)), None)

    def _unclaimed(self, frame: Frame) -> ParsedEvent | NonStreamed | NotAnEvent:
        return self._read(self._current() or self._last, frame)

    def _read(self, protocol: Protocol, frame: Frame) -> ParsedEvent | NonStreamed | NotAnEvent:
        found = self._reads[protocol](frame)
        found.protocol = protocol
        return found


PROTOCOLS = (RESPONSES, CHAT, MESSAGES)
"""The protocols of all APIs."""
APIS: dict[str, AnyApi] = {"auto": AnyApi(*PROTOCOLS), **{protocol.api: AnyApi(protocol) for protocol in PROTOCOLS}}
"""The values of the option `api`."""


def api_named(name: Any) -> AnyApi:
    """The protocols for a value of the option `api`. Raises ValueError for another value, TypeError if it is no str."""
    if not isinstance(name, str):
        raise TypeError(f"api must be a str, not {name!r}")
    if name not in APIS:
        raise ValueError(f"api must be one of {', '.join(APIS)}, not {name!r}")
    return APIS[name]
