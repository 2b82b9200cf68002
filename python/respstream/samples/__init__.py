"""Small recorded streams that come with the package, for first steps and tests: `respstream.sample()`."""

from __future__ import annotations

from pathlib import Path

from respstream._suggest import suggestion

__all__ = ["NAMES", "sample"]

NAMES = {
    "hello_world.sse": "one response of the Responses API, whose file ends one newline early",
    "log_of_seven.sse": "a log of the Responses API: an error body, then seven responses",
    "tool_call.sse": "one response of the Responses API: a text, then a tool call",
    "chat.sse": "two responses of Chat Completions, with a tool call",
    "messages.sse": "one response of Anthropic Messages, with thinking and a tool call",
    "recording.jsonl": "a recording with times, for latencies: three responses of two models",
}
"""The files, and what is in them."""

_FOLDER = Path(__file__).parent


def sample(name: str | None = None) -> Path:
    """The path of a sample stream, or without a name of the folder with all of them.

    `name`: "hello_world.sse", "log_of_seven.sse", "tool_call.sse", "chat.sse", "messages.sse" or "recording.jsonl". Raises ValueError for
    other names.
    """
    if name is None:
        return _FOLDER
    if name not in NAMES:
        near = suggestion(name, NAMES) or f"; the samples are {', '.join(NAMES)}"
        raise ValueError(f"no sample {name!r}{near}")
    return _FOLDER / name
