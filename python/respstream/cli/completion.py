"""`respstream completion`: prints the completion script of a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

EXAMPLES = """\b
Examples:
  respstream completion bash
  respstream completion fish
"""
ABOUT = """Print the completion script for a shell. Add it to the start-up file of the shell:

\b
  bash   eval "$(respstream completion bash)"     in ~/.bashrc
  zsh    eval "$(respstream completion zsh)"      in ~/.zshrc, after compinit
  fish   respstream completion fish > ~/.config/fish/completions/respstream.fish
"""


@click.command(help=ABOUT, epilog=EXAMPLES, short_help="Print the completion script for bash, zsh or fish.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script."""
    found = get_completion_class(shell)
    if found is None:  # pragma: no cover (click has all three)
        raise click.UsageError(f"no completion for {shell}")
    made = found(ctx.find_root().command, {}, "respstream", "_RESPSTREAM_COMPLETE")
    # Formatted here, because click's `source` method starts the shell to find its version.
    click.echo(made.source_template % made.source_vars())
