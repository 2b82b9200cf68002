"""Reads streams of OpenAI Responses, Chat Completions and Anthropic Messages, live or recorded, and assembles their responses.

Bytes in; typed events, whole responses and tables out. The hot path is Rust; a pure-Python fallback returns identical
results where no compiled wheel is available. `BACKEND` is the one in use.
"""

from __future__ import annotations

from respstream import sse, types
from respstream._backend import BACKEND
from respstream.accumulator import Accumulator
from respstream.decoder import Decoder
from respstream.diagnostics import Diagnostic
from respstream.errors import RespstreamError, StreamError
from respstream.protocols.event import Event, UnknownEvent
from respstream.protocols.payload import Payload
from respstream.protocols.response import Response, ResponseError, ToolCall
from respstream.stream import aevents, aresponses, events, responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from respstream import latency, partial
    from respstream.delta_stream import Delta, adeltas, deltas
    from respstream.protocols.encode import encode
    from respstream.recordings.recorder import Recorder, arecord, record
    from respstream.samples import sample
    from respstream.tables.scan import Scan, Summary, scan, schema
    from respstream.tables.splits import Split, plan, read_split

    __version__: str
    """The version of the installed package."""
else:
    _ON_DEMAND = {
        "encode": "protocols.encode",
        "sample": "samples",
        **dict.fromkeys(("Delta", "adeltas", "deltas"), "delta_stream"),
        **dict.fromkeys(("Recorder", "arecord", "record"), "recordings.recorder"),
        **dict.fromkeys(("Scan", "Summary", "scan", "schema"), "tables.scan"),
        **dict.fromkeys(("Split", "plan", "read_split"), "tables.splits"),
    }
    """Names whose modules are imported when they are used: readers of live streams need none of them."""
    _MODULES = ("latency", "partial")

    def __getattr__(name: str) -> object:
        # The version, too, is looked up on demand: reading the metadata costs several times the import of the package.
        if name == "__version__":
            from importlib.metadata import version

            return version(__name__)
        if name in _ON_DEMAND:
            from importlib import import_module

            value = globals()[name] = getattr(import_module(f"{__name__}.{_ON_DEMAND[name]}"), name)
            return value
        if name in _MODULES:
            return __import__(f"{__name__}.{name}", fromlist=("",))
        if name[:1] == "_":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from respstream._suggest import suggestion

        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{suggestion(name, __all__)}")

    def __dir__() -> list[str]:
        return [*__all__, "__version__"]


__all__ = [
    "BACKEND",
    "Accumulator",
    "Decoder",
    "Delta",
    "Diagnostic",
    "Event",
    "Payload",
    "Recorder",
    "Response",
    "ResponseError",
    "RespstreamError",
    "Scan",
    "Split",
    "StreamError",
    "Summary",
    "ToolCall",
    "UnknownEvent",
    "adeltas",
    "aevents",
    "arecord",
    "aresponses",
    "deltas",
    "encode",
    "events",
    "latency",
    "partial",
    "plan",
    "read_split",
    "record",
    "responses",
    "sample",
    "scan",
    "schema",
    "sse",
    "types",
]
