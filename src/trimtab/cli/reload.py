"""`trimtab reload`: the config file, read again now."""

import click

from trimtab.cli.base import api_command, print_json
from trimtab.sdk.client import Client


@click.command()
@api_command
def command(*, client: Client, as_json: bool) -> None:
    """Make the server read its config file again, on every worker. It also does so by itself when the file changes.

    Calls under way are not touched. A file with mistakes is refused with all of them; the one before stays in force.

    \b
    Example:
      trimtab reload
    """
    told = client.reload()
    if as_json:
        print_json(told)
    elif not told.config_file:
        click.echo("The server has no config file.")
    else:
        click.echo(f"{told.config_file} is in force{'' if told.changed else ', as it was'}.")
