"""`trimtab secret-key`: the key that the instance's secrets are sealed with, and how it is changed."""

import click

from trimtab.cli.base import api_command, print_json
from trimtab.sdk.client import Client
from trimtab.sdk.kept import SecretKeys


@click.group()
def command() -> None:
    """The key that opens stored secrets and data keys (docs/encryption.md)."""


@command.command()
@api_command
def show(*, client: Client, as_json: bool) -> None:
    """Show the ids of the keys, and how many secrets are not under the newest.

    \b
    Example:
      trimtab secret-key show
    """
    _print(client.kept.secret_keys(), as_json=as_json)


@command.command()
@click.option("--forget-old", is_flag=True, help="Then take the old keys out of the key file.")
@api_command
def rotate(*, client: Client, as_json: bool, forget_old: bool) -> None:
    """Make a new key and seal every secret with it, while calls go on. Where TRIMTAB_SECRET_KEY is set, put the new key
    before the old one there first ("new,old"), and restart the workers one by one.

    \b
    Example:
      trimtab secret-key rotate
    """
    _print(client.kept.rotate_secret_key(forget_old=forget_old), as_json=as_json)


def _print(found: SecretKeys, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    where = "TRIMTAB_SECRET_KEY" if found.from_environment else "the file secret.key"
    click.echo(f"Keys of {where}, newest first: {', '.join(found.keys)}")
    click.echo(f"Secrets that are not sealed with the newest: {found.behind}")
