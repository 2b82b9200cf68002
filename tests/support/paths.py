"""Paths of the repository that tests read."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
TRANSCRIPTS = DATA / "transcripts"
DOCS = ROOT / "docs"
RECORDED = "RESPSTREAM_RECORDED"
"""Environment variable: a folder of recorded streams that are not part of the repository."""
RECORDED_OTHER = "RESPSTREAM_RECORDED_OTHER"
"""The same for streams of other APIs, in the folders `chat` and `messages`."""
EXHAUSTIVE = bool(os.environ.get("RESPSTREAM_EXHAUSTIVE"))
"""Whether tests that sample their cases run all of them (`make exhaustive`)."""
