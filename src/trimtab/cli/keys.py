"""`trimtab keys`: virtual keys of a project."""

import time
from collections.abc import Sequence
from typing import TypedDict, Unpack

import click

from trimtab.cli.base import Span, api_command, local_time, print_json, print_table, project_option
from trimtab.core.errors import Conflict, NotFound
from trimtab.sdk.client import Client
from trimtab.sdk.types import Key, KeyScope

LEAST_OF_SECRET = 6
"""Characters of a secret that are enough to look for it; fewer are a slip of the hand."""


class Bounds(TypedDict):
    """What a key may do less than its role."""

    permissions: tuple[str, ...]
    models: tuple[str, ...]
    environments: tuple[str, ...]
    owner: str | None
    priority: str | None
    replaces: str | None


@click.group()
def command() -> None:
    """Create, list and revoke a project's keys."""


@command.command("list")
@click.option("--query", "-q", "q", default="", help="Words in the name, how the secret starts, or a whole id.")
@click.option(
    "--state",
    type=click.Choice(["active", "expired", "revoked", "ended"]),
    default=None,
    help="Only these; ended: expired or revoked. [default: all]",
)
@click.option("--owner", default=None, help="Only those of this member or service account, by its id.")
@project_option
@api_command
def list_keys(*, q: str, state: str | None, owner: str | None, project: str, client: Client, as_json: bool) -> None:
    """List a project's keys, newest first. Secrets are never shown again.

    \b
    Examples:
      trimtab keys list --project support
      trimtab keys list -q nightly --state active
    """
    keys = client.keys(project, q=q, state=state, owner=owner)
    if as_json:
        print_json(keys)
        return
    rows = [
        (
            k.id,
            k.name,
            k.prefix,
            k.role,
            k.state,
            local_time(k.created),
            k.expires and local_time(k.expires),
            k.last_used and local_time(k.last_used),
        )
        for k in keys
    ]
    print_table(
        ("ID", "NAME", "STARTS WITH", "ROLE", "STATE", "CREATED", "EXPIRES", "LAST USED"),
        rows,
        empty="No key fits."
        if q or state or owner
        else "This project has no keys. Make one with: trimtab keys create NAME",
    )


@command.command()
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["client", "read_only", "reviewer", "editor", "viewer", "developer", "operator", "auditor"]),
    default="client",
    show_default=True,
    help="client calls models; read_only reads the API; reviewer reads traces and works review "
    "queues; editor also changes prompts, releases and rollouts.",
)
@click.option("--expires", type=Span(), default=None, help="End after this long, e.g. 30d. [default: never]")
@click.option(
    "--environment",
    "environments",
    multiple=True,
    help="An environment in which it may call apps; can be given several times. [default: all]",
)
@click.option("--permission", "permissions", multiple=True, help="Bind it to a permission of its role; several times.")
@click.option(
    "--model", "models", multiple=True, help="A name it may call, such as support or 'openai/*'; several times."
)
@click.option("--owner", default=None, help="The service account it belongs to, and does no more than.")
@click.option(
    "--priority",
    type=click.Choice(["high", "normal", "low"]),
    default=None,
    help="The highest that its calls may ask for; low for batch jobs, say. [default: high, no bound]",
)
@click.option(
    "--replaces",
    default=None,
    help="The key whose place it takes (as KEY of revoke): limits go on with both as one. Say its bounds anew.",
)
@project_option
@api_command
def create(
    name: str,
    *,
    role: str,
    expires: int | None,
    project: str,
    client: Client,
    as_json: bool,
    **bounds: Unpack[Bounds],
) -> None:
    """Create a key. Its secret is printed on standard output, this once.

    \b
    Examples:
      trimtab keys create my-app
      export OPENAI_API_KEY=$(trimtab keys create ci --expires 1d)
      trimtab keys create shop --environment production --model support
      trimtab keys create ci --role editor --permission prompt:read --permission prompt:write
      trimtab keys create nightly --priority low
      trimtab keys create my-app --replaces my-app
    """
    ends = None if expires is None else int(time.time() * 1000) + expires
    scope: KeyScope = {}
    if bounds["permissions"]:
        scope["permissions"] = list(bounds["permissions"])
    if bounds["models"]:
        scope["models"] = list(bounds["models"])
    if bounds["owner"] is not None:
        scope["owner"] = bounds["owner"]
    if bounds["priority"] is not None:
        scope["priority"] = bounds["priority"]
    if (former := bounds["replaces"]) is not None:
        scope["replaces"] = former if former.startswith("key_") else meant(former, client.keys(project)).id
    environments = bounds["environments"] or None
    issued = client.create_key(project, name, role=role, expires=ends, environments=environments, **scope)
    if as_json:
        print_json(issued)
        return
    click.echo(issued.secret)
    click.echo(f"Key {issued.key.id} ({role}) of project {project}: keep it now, it is not shown again.", err=True)


@command.command()
@click.argument("key")
@project_option
@api_command
def revoke(key: str, *, project: str, client: Client, as_json: bool) -> None:
    """Revoke KEY: when this returns, no worker accepts it.

    KEY is its id, its name where one key in force has it, or what its secret begins with.

    \b
    Examples:
      trimtab keys revoke key_0199aabb
      trimtab keys revoke my-app
      trimtab keys revoke tt_hPpTSr
    """
    key_id = key if key.startswith("key_") else meant(key, client.keys(project)).id
    client.revoke_key(project, key_id)
    if as_json:
        print_json({"revoked": key_id})
        return
    click.echo(f"Revoked {key_id}.")
    click.echo(f"What it was used for: trimtab traces list -q key:{key_id} --last 30d", err=True)


def meant(given: str, keys: Sequence[Key]) -> Key:
    """The one key in force with this name or this secret; who found a secret that leaked knows neither id nor name.
    Raises `NotFound` where there is none, `Conflict` where there are several."""
    secret = given.startswith("tt_") and len(given) >= LEAST_OF_SECRET
    active = [key for key in keys if key.state == "active"]
    found = [key for key in active if key.name == given or (secret and _begins(given, key.prefix))]
    if not found:
        told = "begins so" if given.startswith("tt_") else f"is called {given[:80]!r}"
        raise NotFound(f"No key in force {told}.", fix="See `trimtab keys list`, or name another --project.")
    if len(found) > 1:
        ids = ", ".join(key.id for key in found)
        raise Conflict(f"Several keys in force could be meant: {ids}.", fix="Give the id of one.")
    return found[0]


def _begins(given: str, prefix: str) -> bool:
    return given.startswith(prefix) or prefix.startswith(given)
