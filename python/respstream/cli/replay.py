"""`respstream replay`: serves a recording over local HTTP and WebSocket."""

from __future__ import annotations

import click

from respstream.cli.inputs import InputReader, input_options
from respstream.cli.output import UsageStop, plural

EXAMPLES = """\b
Examples:
  respstream replay recording.jsonl --port 8080
  respstream replay recording.jsonl --speed max
  respstream replay --from-responses responses.jsonl
"""


def _speed(_: click.Context, __: click.Parameter, value: str) -> float | None:
    if value == "max":
        return None
    try:
        speed = float(value.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1e6:
        raise click.BadParameter(f"{value!r} is not max or a factor such as 1x")
    return speed


@click.command(epilog=EXAMPLES, short_help="Serve recorded responses over local HTTP.")
@click.option(
    "--speed",
    callback=_speed,
    default="1x",
    show_default=True,
    help="Factor of the recorded speed, or max (no pauses).",
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port (default: a free one).")
@click.option(
    "--from-responses",
    is_flag=True,
    help="Stream finished responses too: PATH has response objects as `to_dict` or the API returns them.",
)
@input_options
def command(reader: InputReader, speed: float | None, port: int, from_responses: bool) -> None:
    """Answer requests to http://127.0.0.1:PORT/v1/responses with the responses of PATH, one after the other.

    Streams are sent as server-sent events, or as messages of a WebSocket, with the recorded pauses if PATH has times. Set the
    base URL of any client to http://127.0.0.1:PORT/v1. Ctrl-C stops the server.
    """
    from respstream.recordings.replay import encoded, serve, takes

    recorded = [take for source in reader for take in takes(reader.chunks(source), **reader.options)]
    if from_responses:
        recorded = [encoded(take) for take in recorded]
    try:
        server = serve(recorded, speed=speed, port=port)
    except ValueError as error:
        raise UsageStop(str(error)) from None
    except OSError as error:
        raise UsageStop(f"cannot serve on port {port}: {error.strerror or error}") from None
    click.echo(f"serving {plural(len(recorded), 'response')} on http://127.0.0.1:{server.server_port}/v1")
    with server:
        server.serve_forever()
