"""Server-sent events by the WHATWG standard: `lines` and `decoder`.

It re-exports nothing, because `respstream` imports `lines` under both backends and must stay light.
"""
