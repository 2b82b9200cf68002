"""An agent that shows the arguments of a tool call while the model writes them, and can refuse the call early.

    pip install respstream httpx
    OPENAI_API_KEY=sk-… python agent.py "Write a haiku about rain to haiku.txt"

The model has one tool, `write_file`. The text of the file is printed as it arrives. If the path is outside of the current folder, the
program closes the stream at once and informs the model, so no tokens are spent on a file that will not be written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import respstream
from respstream.types import ResponseFunctionCallArgumentsDeltaEvent, ResponseTextDeltaEvent

try:
    import httpx
except ImportError:
    sys.exit("this example needs httpx: pip install httpx")

TURNS = 10
MODEL = os.environ.get("MODEL", "gpt-5-nano")
TOOLS = [
    {
        "type": "function",
        "name": "write_file",
        "description": "Writes a text file in the current folder.",
        "strict": True,
        "parameters": {
            "type": "object",
            # The path comes first, so that it is known first.
            "properties": {"path": {"type": "string"}, "text": {"type": "string"}},
            "required": ["path", "text"],
            "additionalProperties": False,
        },
    }
]


def is_allowed(path: str) -> bool:
    """Whether a file may be written: only inside of the current folder."""
    return Path(path).resolve().is_relative_to(Path.cwd())


class RefusedError(Exception):
    """The model is writing a call that will be refused."""


class Watch:
    """Prints the calls of one response as they arrive."""

    def __init__(self) -> None:
        self._shown: dict[str | None, int] = {}

    def look(self, call: respstream.ToolCall) -> None:
        """Prints the new part of a call. Raises RefusedError if the call is not allowed."""
        arguments = call.partial_arguments() or {}
        # A member followed by another one is complete; the last one may still grow.
        if "text" in arguments:
            if not is_allowed(arguments["path"]):
                raise RefusedError(f"{arguments['path']} lies outside of the folder")
            shown = self._shown.get(call.call_id, 0)
            if not shown:
                print(f"\n--- {arguments['path']}")
            print(arguments["text"][shown:], end="", flush=True)
            self._shown[call.call_id] = len(arguments["text"])


def answer(client: httpx.Client, conversation: list[Any]) -> respstream.Response:
    """Runs one turn of the model and prints it as it arrives. Raises RefusedError if a call is not allowed."""
    body = {"model": MODEL, "input": conversation, "tools": TOOLS, "stream": True}
    watch = Watch()
    with (
        client.stream("POST", "responses", json=body) as stream,
        respstream.events(stream.iter_bytes()) as events,
    ):
        for event in events:
            match event:
                case ResponseTextDeltaEvent():
                    print(event.delta, end="", flush=True)
                case ResponseFunctionCallArgumentsDeltaEvent():
                    assert events.response is not None
                    watch.look(events.response.tool_calls[-1])
                case _:
                    pass
        response = events.response
    if response is None or not response.complete:
        raise RuntimeError(f"the stream broke off: {[diagnostic.message for diagnostic in events.diagnostics]}")
    return response


def use(call: respstream.ToolCall) -> dict[str, Any]:
    """Executes a call; returns its result for the model."""
    arguments = call.parsed_arguments()
    if is_allowed(arguments["path"]):
        Path(arguments["path"]).write_text(arguments["text"], "utf-8")
        result = f"wrote {len(arguments['text'])} characters"
    else:
        result = "refused: outside of the folder"
    return {"type": "function_call_output", "call_id": call.call_id, "output": result}


def main(task: str) -> int:
    """Runs the agent until it calls no tool; the exit status is 1 if it needs too many turns."""
    if "OPENAI_API_KEY" not in os.environ:
        sys.exit(
            "set OPENAI_API_KEY to your key; for a server without keys, to any value, and OPENAI_BASE_URL to its URL"
        )
    conversation: list[Any] = [{"role": "user", "content": task}]
    base_url = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
    headers = {"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=60) as client:
        for _ in range(TURNS):
            try:
                response = answer(client, conversation)
            except RefusedError as refused:
                print(f"\n[stopped: {refused}]")
                conversation.append({"role": "user", "content": f"I stopped you: {refused}. Choose another path."})
                continue
            conversation += json.loads(response.to_json())["output"]
            calls = [call for call in response.tool_calls if call.name == "write_file"]
            if not calls:
                print()
                return 0
            conversation += [use(call) for call in calls]
    return 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="An agent with one tool, which writes files in the current folder.")
    parser.add_argument("task", nargs="+", help="what the agent shall do")
    sys.exit(main(" ".join(parser.parse_args().task)))
