"""`trimtab directory`: let an identity provider keep an organisation's people and groups (SCIM)."""

from typing import Any

import click

from trimtab.cli.base import Span, api_command, expect_option, local_time, print_json, print_table, seen_option
from trimtab.core.clock import SystemClock
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.directories import Directory

_organisation = click.option("--organisation", default="default", show_default=True, help="Whose people.")


@click.group()
def command() -> None:
    """People and groups that an identity provider keeps here, by SCIM 2.0 (docs/scim.md)."""


@command.command()
@_organisation
@api_command
def show(*, organisation: str, client: Client, as_json: bool) -> None:
    """What the provider may do, and what its groups mean.

    \b
    Example:
      trimtab directory show
    """
    _tell(client.directories.get(organisation), as_json=as_json)


@command.command("set")
@_organisation
@click.option("--role", "roles", multiple=True, metavar="GROUP=ROLE[@PLACE]", help="What a group means; several times.")
@click.option(
    "--on-delete",
    type=click.Choice(("deactivate", "remove")),
    default="deactivate",
    show_default=True,
    help="Lock out who is deleted, or end what they are here.",
)
@click.option("--everywhere", is_flag=True, help="Its people are those of the whole server.")
@click.option("--label", default="", help="What the provider is called.")
@expect_option
@api_command
def set_directory(
    *,
    organisation: str,
    roles: tuple[str, ...],
    on_delete: str,
    everywhere: bool,
    label: str,
    expect: int | None,
    client: Client,
    as_json: bool,
) -> None:
    """Make the directory, or change all of its terms. PLACE is project:SLUG, or instance; without it, the organisation.
    The group * is everybody whom the provider lets in.

    \b
    Example:
      trimtab directory set --role 'ML team=developer@project:shop' --role 'Trimtab admins=admin' --role '*=viewer'
    """
    made = client.directories.put(
        organisation,
        roles=[_role(each) for each in roles],
        on_delete=on_delete,
        everywhere=everywhere,
        label=label,
        expected_revision=expect,
    )
    _tell(made, as_json=as_json)


def _role(text: str) -> dict[str, Any]:
    """``ML team=developer@project:shop`` in the API's words. A group may hold ``=`` and ``@``; roles do not."""
    group, _, rest = text.rpartition("=")
    role, _, place = rest.partition("@")
    kind, _, slug = place.partition(":")
    fits = place in ("", "instance") or (kind == "project" and slug)
    if not group or not role or not fits:
        raise InvalidRequest(
            f"{text!r} says not what a group means.", fix="Write GROUP=ROLE, or GROUP=ROLE@project:SLUG.", param="role"
        )
    meaning: dict[str, Any] = {"group": group, "role": role}
    if place == "instance":
        meaning["instance"] = True
    elif place:
        meaning["project"] = slug
    return meaning


def _tell(found: Directory, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    click.echo(f"Directory of {found.organisation}{f' ({found.label})' if found.label else ''}: {found.url}")
    click.echo(f"  people: {found.people}, let in: {found.active}; groups: {found.groups}")
    click.echo(f"  deleted people: {'locked out' if found.on_delete == 'deactivate' else 'no members any more'}")
    if found.everywhere:
        click.echo("  its people are those of the whole server")
    rows = [
        (each["group"], each["role"], f"project:{each['project']}" if "project" in each else _place(each, found))
        for each in found.roles
    ]
    print_table(("GROUP", "ROLE", "WHERE"), rows, empty="  Its groups mean nothing yet: trimtab directory set --role")


def _place(meaning: dict[str, Any], found: Directory) -> str:
    return "instance" if meaning.get("instance") else f"organisation:{found.organisation}"


@command.command()
@_organisation
@click.argument("names", nargs=-1, metavar="[DOMAIN]...")
@click.option("--any", "any_domain", is_flag=True, help="Forget them: any but those of other organisations.")
@expect_option
@api_command
def domains(
    *,
    organisation: str,
    names: tuple[str, ...],
    any_domain: bool,
    expect: int | None,
    client: Client,
    as_json: bool,
) -> None:
    """Show the domains of e-mail that are the organisation's own, or say which they are (for administrators of the
    whole server). Its directory gives people no address of others.

    \b
    Example:
      trimtab directory domains acme.com acme.org --organisation acme
    """
    if names and any_domain:
        raise InvalidRequest("Domains and --any say different things.", fix="Leave one of them out.", param="any")
    if names or any_domain:
        found = client.directories.set_domains(organisation, names, expected_revision=expect)
    else:
        found = client.directories.domains(organisation)
    if as_json:
        print_json(found)
        return
    if not found.domains:
        click.echo(f"{organisation} has no domains of its own: its directory may name any but those of others.")
        return
    click.echo(f"Domains of {organisation}: {', '.join(found.domains)}")
    if found.outside:
        click.echo(f"  {found.outside} of the people let in have another address: they keep it until it is changed")


@command.command()
@_organisation
@api_command
def groups(*, organisation: str, client: Client, as_json: bool) -> None:
    """List the groups that the provider has sent so far.

    \b
    Example:
      trimtab directory groups
    """
    found = client.directories.groups(organisation)
    if as_json:
        print_json(found)
        return
    rows = [(each.name, each.members, each.external_id, local_time(each.updated)) for each in found]
    print_table(("GROUP", "PEOPLE", "EXTERNAL ID", "CHANGED"), rows, empty="The provider has sent no group yet.")


@command.command()
@_organisation
@seen_option
@api_command
def remove(*, expect: int | None, organisation: str, client: Client, as_json: bool) -> None:
    """End the directory and its tokens. People stay what they are now, those that are not let in, too.

    \b
    Example:
      trimtab directory remove --organisation acme
    """
    client.directories.remove(organisation, expected_revision=expect)
    if as_json:
        print_json({"removed": organisation})
    else:
        click.echo(f"{organisation} has no directory any more.")


@command.group()
def tokens() -> None:
    """What the provider shows: opens /scim/v2 and nothing else."""


@tokens.command("list")
@_organisation
@api_command
def list_tokens(*, organisation: str, client: Client, as_json: bool) -> None:
    """List a directory's tokens.

    \b
    Example:
      trimtab directory tokens list
    """
    found = client.directories.tokens(organisation)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.id,
            each.name,
            each.prefix + "...",
            local_time(each.created),
            each.expires and local_time(each.expires),
            each.seen and local_time(each.seen),
        )
        for each in found
    ]
    columns = ("ID", "NAME", "BEGINS", "MADE", "EXPIRES", "SHOWN LAST")
    print_table(columns, rows, empty="None yet. Make one with: trimtab directory tokens create NAME")


@tokens.command()
@click.argument("name")
@_organisation
@click.option("--expires", type=Span(), default=None, help="End after this long, e.g. 90d. [default: never]")
@api_command
def create(name: str, *, organisation: str, expires: int | None, client: Client, as_json: bool) -> None:
    """Make a token. Its secret is shown this once.

    \b
    Example:
      trimtab directory tokens create okta
    """
    ends = None if expires is None else SystemClock().now_ns() // 1_000_000 + expires
    made = client.directories.create_token(organisation, name, ends)
    if as_json:
        print_json(made)
    else:
        click.echo(f"Base URL  {made.url}\nToken     {made.secret}\nThe token is shown this once.")


@tokens.command()
@click.argument("token")
@_organisation
@api_command
def end(token: str, *, organisation: str, client: Client, as_json: bool) -> None:
    """End a token: it opens nothing any more.

    \b
    Example:
      trimtab directory tokens end stk_0199aabb
    """
    client.directories.end_token(organisation, token)
    if as_json:
        print_json({"ended": token})
    else:
        click.echo(f"Ended {token}.")
