"""The group of commands. It imports a command when it is called, and maps interruptions to exit statuses."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from typing import Any

import click

from respstream._suggest import suggestion

COMMANDS = (
    "responses",
    "events",
    "items",
    "text",
    "stats",
    "report",
    "check",
    "record",
    "replay",
    "schema",
    "sample",
    "completion",
)
EXAMPLE = "\b\nExample:\n  respstream responses logs/ -o responses.parquet\n"
FAILED, INTERRUPTED, PIPE_BROKEN = 1, 130, 141


class Commands(click.Group):
    """The commands. Each is the attribute `command` of the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command, None if the name is unknown."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"respstream.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name. Raises UsageError that names the nearest command."""
        name = args[0] if args else ""
        if name in COMMANDS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        near = suggestion(name, COMMANDS) or f"; the commands are {', '.join(COMMANDS)}"
        raise click.UsageError(f"no command {name!r}{near}", ctx)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Interruptions are handled here, because click's `main` would report them in its own way."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except KeyboardInterrupt:
            progress = ctx.meta.get("respstream.progress")
            click.echo(f"respstream: interrupted{progress() if progress else ''}", err=True)
            exit_with(INTERRUPTED)
        except BrokenPipeError:
            exit_with(PIPE_BROKEN)
        except OSError as error:  # from writing: errors of reading are handled by `InputReader`
            click.echo(f"respstream: cannot write: {error.strerror or error}", err=True)
            exit_with(FAILED)


def exit_with(status: int) -> None:
    """Exit with the status. If stdout cannot be flushed, redirect it, so that the interpreter does not fail on exit."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise click.exceptions.Exit(status)


def _version(ctx: click.Context, _: click.Parameter, requested: bool) -> None:
    if not requested or ctx.resilient_parsing:
        return
    from respstream.cli.version import version

    click.echo(version())
    ctx.exit()


@click.group(cls=Commands, name="respstream", epilog=EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
def app() -> None:
    """Read live and logged streams of OpenAI Responses, Chat Completions and Anthropic Messages.

    Inputs are files, folders, quoted globs, URLs, or `-` for stdin, plain or compressed with gzip or zstd.
    """


def run() -> None:
    """Run the group with the arguments of the process, and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:  # pipes and files are UTF-8 in every locale
                stream.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    try:
        app(prog_name="respstream")
    except SystemExit as error:
        _exit_during_scan(error.code if isinstance(error.code, int) else FAILED)
        raise


def _exit_during_scan(status: int) -> None:
    """Exit immediately if a scan is unfinished: at a normal exit, its threads would block or crash the interpreter."""
    scan_source = sys.modules.get("respstream.cli.scan_source")
    if scan_source is not None and scan_source.UNFINISHED:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
