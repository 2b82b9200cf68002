"""The bases of the event classes and of payloads: those of the extension if it is in use, else the ones below.

The extension stores payloads and numbers in a compact form, and makes objects of them when they are read.
"""

from __future__ import annotations

from respstream._engine import BACKEND, native

__all__ = ["Fragment", "Record"]

TYPE_CHECKING = False
if TYPE_CHECKING or BACKEND == "python":

    class Record:
        """The attributes that every event has; `Event` describes them."""

        __slots__ = ("_named", "offset", "raw", "sequence_number", "stream_id")

    class Fragment:
        """The attributes that every payload has; `Payload` describes them."""

        __slots__ = ("_data", "_member", "_raw", "_seen", "_spans")

else:
    Record = native().Record
    Fragment = native().Fragment
