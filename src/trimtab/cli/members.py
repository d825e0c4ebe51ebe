"""`trimtab members`: who belongs to a project, an organisation, or the whole instance."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option
from trimtab.core.errors import NotFound
from trimtab.core.known import did_you_mean
from trimtab.sdk.client import Client
from trimtab.sdk.people import Member, place

P = ParamSpec("P")
R = TypeVar("R")


@click.group()
def command() -> None:
    """People and service accounts, and the role of each."""


def _placed(function: Callable[P, R]) -> Callable[P, R]:
    """The options that say where: the project, unless another place is named."""
    function = click.option("--organisation", default=None, help="An organisation, in place of the project.")(function)
    return click.option("--instance", is_flag=True, help="The whole server, in place of the project.")(function)


def _where(project: str, organisation: str | None, *, instance: bool) -> tuple[str, ...]:
    return place() if instance else place(project, organisation)


def _member(client: Client, where: tuple[str, ...], who: str) -> str:
    """The id of a member there by their e-mail address; what is no address is an id. Raises `NotFound`."""
    if "@" not in who:
        return who
    found = {each.email.lower(): each.id for each in client.people.members(where) if each.email}
    if who.lower() not in found:
        raise NotFound(f"{who[:200]} is no member here.", fix=did_you_mean(who.lower(), found, "member"))
    return found[who.lower()]


@command.command("list")
@_placed
@project_option
@api_command
def list_members(*, project: str, organisation: str | None, instance: bool, client: Client, as_json: bool) -> None:
    """List members.

    \b
    Examples:
      trimtab members list --project support
      trimtab members list --organisation default
    """
    found = client.people.members(_where(project, organisation, instance=instance))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            m.id,
            m.name,
            m.email,
            m.kind,
            m.role,
            m.source,
            m.seen and local_time(m.seen),
            "disabled" if m.disabled else "",
        )
        for m in found
    ]
    columns = ("ID", "NAME", "E-MAIL", "KIND", "ROLE", "FROM", "LAST SIGNED IN", "STATE")
    print_table(columns, rows, empty="Nobody is a member here. Add one with: trimtab members add ada@example.com")


@command.command()
@click.argument("who")
@click.option("--role", default="viewer", show_default=True, help="A built-in role or one of the organisation's own.")
@click.option("--name", default="", help="What to call somebody who is not known here yet.")
@_placed
@project_option
@api_command
def add(
    who: str,
    *,
    role: str,
    name: str,
    project: str,
    organisation: str | None,
    instance: bool,
    client: Client,
    as_json: bool,
) -> None:
    """Make somebody a member, by e-mail address, or by id where they are known here.

    \b
    Examples:
      trimtab members add ada@example.com --role developer
      trimtab members add grace@example.com --role auditor --organisation default
    """
    by: dict[str, Any] = {"email": who} if "@" in who else {"person": who}
    made = client.people.add(_where(project, organisation, instance=instance), role, name=name, **by)
    _tell(made, f"{made.name} is a member now, as {made.role}.", as_json=as_json)


@command.command("set")
@click.argument("member")
@click.argument("role")
@click.option("--expect-role", help="What they are to have been so far: refused where somebody changed it meanwhile.")
@_placed
@project_option
@api_command
def set_role(
    member: str,
    role: str,
    *,
    expect_role: str | None,
    project: str,
    organisation: str | None,
    instance: bool,
    client: Client,
    as_json: bool,
) -> None:
    """Give a member another role. MEMBER is an e-mail address, or an id of `trimtab members list`.

    \b
    Examples:
      trimtab members set ada@example.com operator
      trimtab members set svc_0199aabb operator
    """
    where = _where(project, organisation, instance=instance)
    made = client.people.change(where, _member(client, where, member), role, expected_role=expect_role)
    _tell(made, f"{made.name} is {made.role} now.", as_json=as_json)


@command.command()
@click.argument("member")
@click.option("--anyway", is_flag=True, help="Also what an identity provider's groups give, until its next change.")
@_placed
@project_option
@api_command
def remove(
    member: str, *, anyway: bool, project: str, organisation: str | None, instance: bool, client: Client, as_json: bool
) -> None:
    """End a membership, of an e-mail address or an id of `trimtab members list`: when this returns, no worker lets them
    in by it. Keys they own there end too. What a directory gives (FROM scim:...) comes back with the provider's next
    change of their groups: end it there.

    \b
    Example:
      trimtab members remove ada@example.com
    """
    where = _where(project, organisation, instance=instance)
    its_id = _member(client, where, member)
    client.people.remove(where, its_id, anyway=anyway)
    if as_json:
        print_json({"removed": its_id})
    else:
        click.echo(f"Removed {member}.")


@command.command("add-service")
@click.argument("name")
@click.option("--role", default="viewer", show_default=True, help="What its keys may do at most.")
@project_option
@api_command
def add_service(name: str, *, role: str, project: str, client: Client, as_json: bool) -> None:
    """Make a service account: a member that is no person and owns keys.

    \b
    Example:
      trimtab members add-service nightly --role operator
      trimtab keys create nightly --role operator --owner svc_0199aabb
    """
    made = client.people.add_service(project, name, role)
    _tell(
        made,
        f"Service account {made.id} ({made.role}). Its keys: trimtab keys create NAME --owner {made.id}",
        as_json=as_json,
    )


def _tell(made: Member, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(made)
    else:
        click.echo(text)
