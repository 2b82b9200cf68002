"""The base of the event classes: that of the extension if it is in use, else the one below.

The extension stores the payload and the numbers in a compact form, and makes objects of them when they are read.
"""

from __future__ import annotations

from respstream._engine import BACKEND, native

__all__ = ["Record"]

TYPE_CHECKING = False
if TYPE_CHECKING or BACKEND == "python":

    class Record:
        """The attributes that every event has; `Event` describes them."""

        __slots__ = ("_named", "offset", "raw", "sequence_number", "stream_id")

else:
    Record = native().Record
