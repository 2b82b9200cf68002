"""Counts the depth of a JSON text before a recursive parser reads it."""

from __future__ import annotations

import re
from itertools import accumulate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

DEPTH_LIMIT: Final = 256
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"{}[]"))
_STEPS: Final = {0x7B: 1, 0x5B: 1, 0x7D: -1, 0x5D: -1}


def is_deep(raw: bytes) -> bool:
    """Whether a recursive parser would go deeper than `DEPTH_LIMIT` in a text, valid or not.

    Where `sys.setrecursionlimit` was raised, its recursion overflows the stack.
    """
    if raw.count(b"{") + raw.count(b"[") <= DEPTH_LIMIT:
        return False
    brackets = _STRING.sub(b"", raw).translate(None, _NOT_BRACKETS)
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > DEPTH_LIMIT
