"""`trimtab identity-providers`: what people may sign in with."""

from typing import Any

import click

from trimtab.cli.base import api_command, expect_option, print_json, print_table, seen_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.people import IdentityProvider


@click.group()
def command() -> None:
    """OpenID Connect providers (docs/oidc.md)."""


@command.command("list")
@api_command
def list_providers(*, client: Client, as_json: bool) -> None:
    """List identity providers.

    \b
    Example:
      trimtab identity-providers list
    """
    found = client.people.providers()
    if as_json:
        print_json(found)
        return
    rows = [(p.name, p.issuer, p.client_id, p.domains, len(p.roles), "on" if p.enabled else "off") for p in found]
    columns = ("NAME", "ISSUER", "CLIENT", "DOMAINS", "ROLES", "STATE")
    print_table(columns, rows, empty="None yet. Add one with: trimtab identity-providers add NAME --issuer URL ...")


@command.command()
@click.argument("name")
@click.option("--issuer", required=True, help="The provider's issuer, exactly as it says it.")
@click.option("--client-id", required=True, help="As the provider gave it.")
@click.option("--client-secret", envvar="TRIMTAB_OIDC_CLIENT_SECRET", help="[env: TRIMTAB_OIDC_CLIENT_SECRET]")
@click.option("--label", default="", help="What the button says.")
@click.option(
    "--domain", "domains", multiple=True, help="An e-mail domain that may sign in; several times. [default: all]"
)
@click.option("--groups-claim", default="groups", show_default=True, help="Where the groups stand.")
@click.option("--role", "roles", multiple=True, metavar="GROUP=ROLE[@PLACE]", help="What a group means; several times.")
@click.option("--invited-only", is_flag=True, help="Only members that were added before.")
@api_command
def add(*, client: Client, as_json: bool, roles: tuple[str, ...], domains: tuple[str, ...], **terms: Any) -> None:
    """Let people sign in with a provider. PLACE is organisation:SLUG or project:SLUG; without it, the whole server. The
    group * is everybody.

    \b
    Example:
      trimtab identity-providers add google --issuer https://accounts.google.com --client-id ID \\
        --domain example.com --role '*=viewer@organisation:default' --role 'ops@example.com=admin'
    """
    body = {**terms, "domains": list(domains), "roles": [_role(each) for each in roles]}
    made = client.people.create_provider(body)
    if as_json:
        print_json(made)
    else:
        click.echo(f"People may sign in with {made.name}. Register this redirect URI with it:\n  {made.redirect_uri}")


def _role(text: str) -> dict[str, str]:
    """``staff=viewer@project:shop`` in the API's words. A group may hold ``=`` and ``@``; roles and slugs do not."""
    group, _, rest = text.rpartition("=")
    role, _, place = rest.partition("@")
    kind, _, slug = place.partition(":")
    if not group or not role or (place and (kind not in ("organisation", "project") or not slug)):
        raise InvalidRequest(
            f"{text!r} says not what a group means.", fix="Write GROUP=ROLE, or GROUP=ROLE@project:SLUG.", param="role"
        )
    return {"group": group, "role": role, **({kind: slug} if place else {})}


@command.command()
@click.argument("name")
@api_command
def check(name: str, *, client: Client, as_json: bool) -> None:
    """Let the server ask a provider what it is, and say what is wrong.

    \b
    Example:
      trimtab identity-providers check google
    """
    found = client.people.check_provider(name)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{name} answers: {found['keys']} keys, {found['authorization_endpoint']}")


_keep_sessions = click.option(
    "--keep-sessions", is_flag=True, help="Let the sessions that began with it go on until they end by themselves."
)


@command.command()
@click.argument("name")
@api_command
def on(name: str, *, client: Client, as_json: bool) -> None:
    """Let people sign in with a provider again.

    \b
    Example:
      trimtab identity-providers on google
    """
    _switched(client.people.change_provider(name, {"enabled": True}), as_json=as_json)


@command.command()
@click.argument("name")
@_keep_sessions
@expect_option
@api_command
def off(name: str, *, keep_sessions: bool, expect: int | None, client: Client, as_json: bool) -> None:
    """Let nobody sign in with a provider; the sessions that began with it end. It stays as it is, to be switched on.

    \b
    Example:
      trimtab identity-providers off google
    """
    changes = {"enabled": False, "end_sessions": not keep_sessions, "expected_revision": expect}
    _switched(client.people.change_provider(name, changes), as_json=as_json)


def _switched(made: IdentityProvider, *, as_json: bool) -> None:
    if as_json:
        print_json(made)
    else:
        click.echo(f"People {'may sign in' if made.enabled else 'no longer sign in'} with {made.name}.")


@command.command()
@click.argument("name")
@_keep_sessions
@seen_option
@api_command
def remove(name: str, *, expect: int | None, keep_sessions: bool, client: Client, as_json: bool) -> None:
    """Let nobody sign in with a provider any more; the sessions that began with it end. Members stay.

    \b
    Example:
      trimtab identity-providers remove google
    """
    client.people.remove_provider(name, end_sessions=not keep_sessions, expected_revision=expect)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"Removed {name}.")
