"""`python -m respstream.integrations.openai verify FILE…`: both ways of reading, compared on recorded streams."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from respstream.integrations import _verify
from respstream.integrations.openai._verify import refused, verify


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each stream and a summary. Returns 0, or 1 where a stream differs or cannot be read."""
    return _verify.main("respstream.integrations.openai", verify, refused, arguments)


if __name__ == "__main__":
    sys.exit(main())
