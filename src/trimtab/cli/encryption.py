"""`trimtab encryption`: a project's content encrypted at rest, its keys, and their end."""

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.kept import Encryption


@click.group()
def command() -> None:
    """Content encrypted at rest, with keys of the project's own (docs/encryption.md)."""


@command.command()
@project_option
@api_command
def show(*, project: str, client: Client, as_json: bool) -> None:
    """Show whether content is encrypted, and the keys.

    \b
    Example:
      trimtab encryption show
    """
    _print(client.kept.encryption(project), as_json=as_json)


@command.command()
@project_option
@api_command
def on(*, project: str, client: Client, as_json: bool) -> None:
    """Encrypt content: what is new, and what lies in the catalog. Texts of earlier traces stay as they are.

    \b
    Example:
      trimtab encryption on
    """
    _print(client.kept.set_encryption(project, enabled=True), as_json=as_json)


@command.command()
@project_option
@api_command
def off(*, project: str, client: Client, as_json: bool) -> None:
    """Encrypt nothing more. What is encrypted stays so, and can be read as before.

    \b
    Example:
      trimtab encryption off
    """
    _print(client.kept.set_encryption(project, enabled=False), as_json=as_json)


@command.command()
@project_option
@api_command
def rotate(*, project: str, client: Client, as_json: bool) -> None:
    """Encrypt what is new with a new key; the old one still opens. Calls go on.

    \b
    Example:
      trimtab encryption rotate
    """
    _print(client.kept.rotate_data_key(project), as_json=as_json)


@command.command()
@click.argument("key")
@click.option("--confirm", default=None, help="What is asked otherwise: 'destroy KEY of PROJECT'.")
@project_option
@api_command
def destroy(key: str, confirm: str | None, *, project: str, client: Client, as_json: bool) -> None:
    """Destroy a KEY (an id, or all), and with it everything that was encrypted with it, for ever.

    \b
    Example:
      trimtab encryption destroy 4be1a0c2d3f45566
    """
    meant = f"destroy {key} of {project}"
    if confirm is None:
        if as_json:
            raise InvalidRequest("With --json nothing can be asked.", fix=f"Say --confirm '{meant}' too.")
        confirm = click.prompt(
            f"Nothing brings it back, no backup either. To go on, type: {meant}\n", prompt_suffix="> "
        )
    _print(client.kept.destroy_data_key(project, key, confirm), as_json=as_json)


def _print(found: Encryption, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    click.echo(f"Encryption is {'on' if found.enabled else 'off'}.")
    if found.catalog is not None:
        state = "is encrypted" if found.catalog.state == "done" else "is being encrypted"
        click.echo(f"What lay in the catalog before {state}: {found.catalog.rows:,} rows.")
    if found.traces_since is not None:
        click.echo(f"Texts of traces from before {local_time(found.traces_since)} lie in the clear.")
    rows = [
        (key.id, key.state, local_time(key.created), "" if key.destroyed is None else local_time(key.destroyed))
        for key in found.keys
    ]
    print_table(("KEY", "STATE", "MADE", "DESTROYED"), rows, empty="There is no key.")
