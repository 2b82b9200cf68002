"""Prints the output of a model token by token, and the token counts at the end.

    pip install respstream httpx
    OPENAI_API_KEY=sk-… python live_tokens.py "Why is the sky blue?" --model gpt-5-nano

OPENAI_BASE_URL selects another server. If the connection breaks, the stream is resumed at that point.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator

import respstream
from respstream.types import ResponseRefusalDeltaEvent, ResponseTextDeltaEvent

try:
    import httpx
except ImportError:
    sys.exit("this example needs httpx: pip install httpx")

TRIES = 3


def chunks(client: httpx.Client, decoder: respstream.Decoder, body: dict[str, object]) -> Iterator[bytes]:
    """Yields the bytes of the stream, over as many connections as needed."""
    tries = 0
    while True:
        response = decoder.response
        try:
            if response is None or response.id is None:
                asked = client.stream("POST", "responses", json=body)
            else:
                after = {"stream": "true", "starting_after": str(decoder.last_sequence_number)}
                asked = client.stream("GET", f"responses/{response.id}", params=after)
            with asked as answer:
                if answer.is_error:
                    answer.read()
                    sys.exit(f"{answer.status_code}: {answer.text}")
                yield from answer.iter_bytes()
            return
        except httpx.TransportError as error:
            tries += 1
            if tries == TRIES:
                raise
            print(f"[{error}; trying again]", file=sys.stderr)
            yield b"\n\n"  # ends the torn event


def main() -> int:
    """Sends one prompt and prints the output; the exit status is 1 unless the response is complete."""
    parser = argparse.ArgumentParser(description="Prints the output of a model token by token.")
    parser.add_argument("prompt", help="what to ask")
    parser.add_argument("--model", default="gpt-5-nano", help="the model (default: %(default)s)")
    arguments = parser.parse_args()
    if "OPENAI_API_KEY" not in os.environ:
        sys.exit(
            "set OPENAI_API_KEY to your key; for a server without keys, to any value, and OPENAI_BASE_URL to its URL"
        )
    client = httpx.Client(
        base_url=os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1"),
        headers={"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"},
        timeout=60,
    )
    # Only stored responses can be resumed.
    body: dict[str, object] = {"model": arguments.model, "input": arguments.prompt, "stream": True, "store": True}
    decoder = respstream.Decoder()
    with client:
        for chunk in chunks(client, decoder, body):
            for event in decoder.feed(chunk):
                if isinstance(event, ResponseTextDeltaEvent | ResponseRefusalDeltaEvent):
                    print(event.delta, end="", flush=True)
    decoder.finish()
    print()
    response = decoder.response
    if response is None or not response.complete or response.error is not None:
        print(f"[broken off: {response and response.error}]", file=sys.stderr)
        return 1
    if response.usage is not None:
        print(f"[{response.status}, {response.usage.output_tokens} tokens]", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
