"""Cuts a JSON text into tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from respstream._pure.json.types import SPACE

_TOKEN = re.compile(
    rb"""[ \t\n\r]*+(?:
        (?P<mark>[{}\[\],:])
      | (?P<string>"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")
      | (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?)
      | (?P<word>true|false|null)
    )""",
    re.VERBOSE,
)


def tokens(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yields `(kind, text)` of each token. The kind of a mark is the mark itself; text that is not a token has the kind `bad`."""
    position = 0
    while match := _TOKEN.match(raw, position):
        kind = match.lastgroup or ""
        token = match[kind]
        yield (token.decode() if kind == "mark" else kind), token
        position = match.end()
    if rest := raw[position:].strip(SPACE):
        yield "bad", rest
