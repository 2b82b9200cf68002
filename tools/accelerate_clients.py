"""A pytest plugin (`-p accelerate_clients`, with this folder on the path): accelerates every client of the openai SDK.

`make test-peers` runs the SDK's own tests with and without it.
"""

from __future__ import annotations

from respstream.integrations.openai import accelerate

accelerate()
