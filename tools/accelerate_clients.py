"""A pytest plugin (`-p accelerate_clients`, with this folder on the path): accelerates every client of an SDK.

`make test-peers` runs the SDKs' own tests with and without it. ACCELERATE names the SDK.
"""

from __future__ import annotations

import importlib
import os

importlib.import_module(f"respstream.integrations.{os.environ['ACCELERATE']}").accelerate()
