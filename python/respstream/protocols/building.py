"""Makes events and responses of dicts, for tests and for programs that send streams. It is the same with both backends."""

from __future__ import annotations

import json
from typing import Any

from respstream._pure.decoder import Decoder
from respstream._pure.protocols.any_api import api_named
from respstream.protocols.response import Response
from respstream.protocols.snapshot import Snapshot

__all__ = ["response_of"]


def response_of(members: dict[str, Any]) -> Response:
    """The response of an API's final object. Raises ValueError for a dict that is none."""
    decoder = Decoder(api_named("auto"))
    decoder.message(_json(members), lambda *_: None)
    decoder.finish()
    if not decoder.ended:
        raise ValueError(
            "the dict is not the final object of an API: its member 'object' must be 'response' or 'chat.completion'"
        )
    folded: Any = decoder.ended[0]
    state: Any = Snapshot(folded)
    return Response(state)


def _json(members: dict[str, Any]) -> bytes:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(
        "utf-8", "surrogatepass"
    )
