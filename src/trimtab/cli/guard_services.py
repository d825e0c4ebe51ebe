"""`trimtab guards services` and `service`: programs that guards of the kinds `http` and `presidio` ask."""

import os
from typing import TypedDict, Unpack

import click

from trimtab.cli.base import api_command, expect_option, print_json, print_table, project_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client


class Given(TypedDict):
    """What may be said of a service."""

    header: str
    secret_env: str | None
    no_secret: bool
    drop: bool
    expect: int | None


@click.command()
@project_option
@api_command
def services(*, project: str, client: Client, as_json: bool) -> None:
    """List the programs that guards ask.

    \b
    Example:
      trimtab guards services
    """
    found = client.guards.services(project)
    if as_json:
        print_json(list(found))
        return
    rows = [(each.name, each.url, each.header if each.secret_hint else None, each.problem or None) for each in found]
    print_table(("NAME", "URL", "SENDS", "PROBLEM"), rows, empty="None: trimtab guards service NAME URL")


@click.command()
@click.argument("name")
@click.argument("at", metavar="[URL]", required=False)
@click.option("--header", default="authorization", show_default=True, help="The header its secret is sent in.")
@click.option("--secret-env", default=None, metavar="VARIABLE", help="The variable with the whole value of the header.")
@click.option("--no-secret", is_flag=True, help="Forget its secret.")
@click.option("--drop", is_flag=True, help="Remove it: guards that ask it cannot tell from then on.")
@expect_option
@project_option
@api_command
def service(name: str, at: str | None, *, project: str, client: Client, as_json: bool, **given: Unpack[Given]) -> None:
    """Set a program that guards ask. Its secret is read from a variable, so that it stays out of the shell's history.

    \b
    Example:
      trimtab guards service moderation https://guards.example.com/look --secret-env MODERATION_AUTHORIZATION
    """
    if given["drop"]:
        client.guards.drop_service(project, name, expected_revision=given["expect"])
        if not as_json:
            click.echo("removed")
        return
    if at is None:
        raise InvalidRequest("Where is it?", fix="Give its URL, or --drop.")
    made = client.guards.put_service(
        project, name, at, header=given["header"], secret=_secret(given), expected_revision=given["expect"]
    )
    if as_json:
        print_json(made)
    else:
        click.echo(f"{made.name} is at {made.url}" + (f", sent {made.header}" if made.secret_hint else ""))


def _secret(given: Given) -> str | None:
    """Empty to forget it, None to leave it. Raises `InvalidRequest`."""
    variable = given["secret_env"]
    if variable is None:
        return "" if given["no_secret"] else None
    if given["no_secret"]:
        raise InvalidRequest("A secret is given, and none is wanted.", fix="Give --secret-env or --no-secret.")
    if not (secret := os.environ.get(variable, "")):
        raise InvalidRequest(f"The variable {variable} is not set.", fix=f"Export {variable} first.")
    return secret
