"""`trimtab roles`: the built-in roles, and those an organisation makes of permissions for itself."""

import click

from trimtab.cli.base import api_command, expect_option, print_json, print_table, seen_option
from trimtab.sdk.client import Client

organisation_option = click.option("--organisation", default="default", show_default=True, help="Whose roles.")


@click.group()
def command() -> None:
    """Named sets of permissions."""


@command.command("list")
@organisation_option
@click.option("--permissions", is_flag=True, help="List all permissions there are instead.")
@api_command
def list_roles(*, organisation: str, permissions: bool, client: Client, as_json: bool) -> None:
    """List roles and what they hold.

    \b
    Examples:
      trimtab roles list
      trimtab roles list --permissions
    """
    found = client.people.roles(organisation=organisation)
    if as_json:
        print_json(found)
    elif permissions:
        for name in found.permissions:
            click.echo(f"{name}{'  (instance only)' if name in found.instance_only else ''}")
    else:
        rows = [
            (
                role.name,
                "built in" if role.built_in else "own",
                "" if role.for_members else "keys only",
                role.about or ", ".join(role.permissions),
            )
            for role in found.items
        ]
        print_table(("NAME", "KIND", "FOR", "WHAT"), rows, empty="There are no roles.")


@command.command("set")
@click.argument("name")
@click.argument("permissions", nargs=-1, required=True)
@click.option("--about", default="", help="What it is for.")
@expect_option
@organisation_option
@api_command
def set_role(
    name: str,
    permissions: tuple[str, ...],
    *,
    about: str,
    expect: int | None,
    organisation: str,
    client: Client,
    as_json: bool,
) -> None:
    """Make a role of permissions, or change what one holds.

    \b
    Example:
      trimtab roles set prompt-writer project:read prompt:read prompt:write --about "Edits prompts, releases nothing"
    """
    known = {role.name: role.revision for role in client.people.roles(organisation=organisation).items}
    if name in known or expect:
        expected = (known[name] or None) if expect is None else expect
        made = client.people.change_role(organisation, name, permissions, about, expected_revision=expected)
    else:
        made = client.people.create_role(organisation, name, permissions, about)
    if as_json:
        print_json(made)
    else:
        click.echo(f"The role {made.name} holds {', '.join(made.permissions)}.")


@command.command()
@click.argument("name")
@seen_option
@organisation_option
@api_command
def remove(name: str, *, expect: int | None, organisation: str, client: Client, as_json: bool) -> None:
    """Take a role away that nobody has.

    \b
    Example:
      trimtab roles remove prompt-writer
    """
    client.people.remove_role(organisation, name, expected_revision=expect)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"Removed {name}.")
