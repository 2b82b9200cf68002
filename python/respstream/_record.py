"""What an event keeps by itself, as the base of the event classes: the extension's where that is in use, else this one.

The extension's keeps payload and numbers in a compact form, and makes objects of them when they are read.
"""

from __future__ import annotations

from respstream._choice import BACKEND, load

__all__ = ["Record"]

TYPE_CHECKING = False
if TYPE_CHECKING or BACKEND == "python":

    class Record:
        """The attributes are those of `Event`, which describes them."""

        __slots__ = ("_named", "offset", "raw", "sequence_number", "stream_id")

else:
    Record = load("rust").Record
