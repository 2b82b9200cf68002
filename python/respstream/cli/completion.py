"""`respstream completion`: the script that completes commands and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

EXAMPLES = """\b
Examples:
  respstream completion bash
  respstream completion fish
"""
ABOUT = """Prints the completion script of a shell, which goes into its start-up file:

\b
  bash   eval "$(respstream completion bash)"     in ~/.bashrc
  zsh    eval "$(respstream completion zsh)"      in ~/.zshrc, after compinit
  fish   respstream completion fish > ~/.config/fish/completions/respstream.fish
"""


@click.command(help=ABOUT, epilog=EXAMPLES, short_help="Completion for bash, zsh or fish.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Prints the script."""
    found = get_completion_class(shell)
    if found is None:  # pragma: no cover (click has all three)
        raise click.UsageError(f"no completion for {shell}")
    made = found(ctx.find_root().command, {}, "respstream", "_RESPSTREAM_COMPLETE")
    # The source alone: click would run the shell to learn its version.
    click.echo(made.source_template % made.source_vars())
