"""``sendgate completion``: the script that a shell evaluates."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from . import say
from .app import app, output


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@output
@say.told
def completion(shell: str) -> None:
    """Prints the script that completes words in a shell.

    \b
    Examples:
      eval "$(sendgate completion bash)"     # in ~/.bashrc
      eval "$(sendgate completion zsh)"      # in ~/.zshrc
      sendgate completion fish | source      # in ~/.config/fish/config.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    script = found(app, {}, "sendgate", "_SENDGATE_COMPLETE").source()
    say.result({"shell": shell, "script": script}, lambda: click.echo(script))
