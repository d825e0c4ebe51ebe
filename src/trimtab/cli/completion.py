"""`trimtab completion SHELL`: the script a shell reads to complete our commands."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the completion script for a shell.

    \b
    Examples:
      trimtab completion bash > ~/.local/share/bash-completion/completions/trimtab
      trimtab completion zsh > "${fpath[1]}/_trimtab"
      trimtab completion fish > ~/.config/fish/completions/trimtab.fish
    """
    from trimtab.cli.main import command as root

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(found(root, {}, "trimtab", "_TRIMTAB_COMPLETE").source())
