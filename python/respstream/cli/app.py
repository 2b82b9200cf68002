"""The group of commands: it loads a command when it is called, and turns what ends a run early into exit statuses."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from typing import Any

import click

COMMANDS = ("responses", "events", "items", "text", "stats", "check", "record", "replay", "completion")
FAILED, INTERRUPTED, PIPE_BROKEN = 1, 130, 141


class Commands(click.Group):
    """The commands by name: each is the attribute `command` of the module of that name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"respstream.cli.{cmd_name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command. Here and not in `main`, because click would report these two in its own way."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except KeyboardInterrupt:
            done = ctx.meta.get("respstream.done")
            click.echo(f"respstream: interrupted{done() if done else ''}", err=True)
            leave(INTERRUPTED)
        except BrokenPipeError:
            leave(PIPE_BROKEN)
        except OSError as error:  # of the output: what is read tells its own
            click.echo(f"respstream: cannot write: {error.strerror or error}", err=True)
            leave(FAILED)


def leave(status: int) -> None:
    """Ends the run. What stdout still holds may have nobody to read it, so the interpreter must not flush it there."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(status)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib import metadata

    from respstream._engine import BACKEND

    try:
        number = metadata.version("respstream")
    except metadata.PackageNotFoundError:  # run from a source tree
        number = "(not installed)"
    click.echo(f"respstream {number}, backend {BACKEND}")
    ctx.exit()


@click.group(cls=Commands, name="respstream", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
def app() -> None:
    """Reads streams of the OpenAI Responses API, live or logged.

    What reads takes files, folders, globs, URLs, or `-` for stdin; gzip and zstd are read as they are.
    """


def run() -> None:
    """Runs the group with the arguments of the process, and exits."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:  # what a pipe or a file gets is UTF-8 everywhere
                stream.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    try:
        app(prog_name="respstream")
    except SystemExit as ending:
        _end_now(ending.code if isinstance(ending.code, int) else FAILED)
        raise


def _end_now(status: int) -> None:
    """Ends the process at once where a scan was left, whose threads read on: the interpreter would wait for them, or pull
    their feet away.
    """
    scanned = sys.modules.get("respstream.cli.scanned")
    if scanned is not None and scanned.LEFT:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
