"""The public objects of each API: event classes, responses, tool calls."""
