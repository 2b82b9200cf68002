"""`respstream replay`: a recording, served as the API would."""

from __future__ import annotations

import click

from respstream.cli.inputs import Reading, reads
from respstream.cli.output import Stop, plural

EXAMPLES = """\b
Examples:
  respstream replay recording.jsonl --port 8080
  respstream replay recording.jsonl --speed max
"""


def _speed(_: click.Context, __: click.Parameter, value: str) -> float | None:
    if value == "max":
        return None
    try:
        speed = float(value.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1e6:
        raise click.BadParameter(f"{value!r} is neither max nor a factor such as 1x")
    return speed


@click.command(epilog=EXAMPLES, short_help="Serves recorded responses over local HTTP.")
@click.option("--speed", callback=_speed, default="1x", show_default=True, help="A factor, or max: without pauses.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="By default a free one.")
@reads
def command(reading: Reading, speed: float | None, port: int) -> None:
    """Answers requests to http://127.0.0.1:PORT/v1/responses with the responses of PATH, one after the other.

    Streams come as server-sent events, with the recorded pauses where there are times; point any client's base URL at it.
    Ctrl-C ends it.
    """
    from respstream.recordings.replay import serve, takes

    recorded = [take for one in reading for take in takes(reading.chunks(one), **reading.options)]
    try:
        server = serve(recorded, speed=speed, port=port)
    except ValueError as error:
        raise Stop(str(error)) from None
    except OSError as error:
        raise Stop(f"cannot serve on port {port}: {error.strerror or error}") from None
    click.echo(f"serving {plural(len(recorded), 'response')} on http://127.0.0.1:{server.server_port}/v1")
    with server:
        server.serve_forever()
