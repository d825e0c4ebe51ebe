"""`trimtab providers`: where calls go."""

import os
from typing import TypedDict, Unpack

import click

from trimtab.cli.base import api_command, expect_option, print_json, print_table, project_option, seen_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client


class Given(TypedDict):
    """What may be said of a new provider."""

    kind: str
    dialect: str | None
    base_url: str | None
    key_env: tuple[str, ...]
    options: tuple[str, ...]
    headers: tuple[str, ...]


class GivenAnew(TypedDict):
    """What may be said anew of a provider, beside where it is."""

    key_env: tuple[str, ...]
    no_key: bool
    options: tuple[str, ...]
    headers: tuple[str, ...]
    no_headers: bool


@click.group()
def command() -> None:
    """Declare, list, change and remove the providers of a project."""


@command.command("list")
@project_option
@api_command
def list_providers(*, project: str, client: Client, as_json: bool) -> None:
    """List a project's providers and how they fare.

    \b
    Example:
      trimtab providers list
    """
    providers = client.providers(project)
    if as_json:
        print_json(providers)
        return
    rows = [
        (
            p.name,
            p.kind,
            p.dialect,
            p.base_url,
            p.key_hint and f"...{p.key_hint}",
            p.source,
            p.health,
            p.last_error,
        )
        for p in providers
    ]
    print_table(
        ("NAME", "KIND", "DIALECT", "BASE URL", "KEY", "FROM", "HEALTH", "LAST ERROR"),
        rows,
        empty="No providers yet. Add one with: trimtab providers add openai --kind openai --key-env OPENAI_API_KEY",
    )


@command.command()
@click.argument("name")
@click.option("--kind", default="custom", show_default=True, help="openai, anthropic, local, custom, ...")
@click.option("--dialect", default=None, help="openai_chat or anthropic_messages. [default: the kind's]")
@click.option("--base-url", default=None, help="Where it is. [default: the kind's]")
@click.option(
    "--key-env",
    multiple=True,
    metavar="VARIABLE",
    help="The environment variable that holds its key; again for each of several, used in turn.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Of its kind, e.g. region=...; VALUE may be env:NAME.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME=VALUE",
    help="A header that it is sent besides; VALUE may be env:NAME.",
)
@project_option
@api_command
def add(name: str, *, project: str, client: Client, as_json: bool, **given: Unpack[Given]) -> None:
    """Declare a provider. Its key is read from a variable, so that it stays out of the shell's history.

    \b
    Examples:
      trimtab providers add openai --kind openai --key-env OPENAI_API_KEY
      trimtab providers add openai --kind openai --key-env OPENAI_KEY_1 --key-env OPENAI_KEY_2
      trimtab providers add lab --base-url http://127.0.0.1:8000/v1
      trimtab providers add bedrock --kind bedrock --option region=eu-west-1 --key-env BEDROCK_KEY
    """
    options, headers = (dict(_pair(text) for text in given[what]) for what in ("options", "headers"))
    keys = [_variable(name) for name in given["key_env"]]
    made = client.create_provider(
        project,
        name,
        kind=given["kind"],
        dialect=given["dialect"],
        base_url=given["base_url"],
        api_keys=keys,
        options=options,
        headers=headers,
    )
    if as_json:
        print_json(made)
    else:
        click.echo(f"Added provider {made.name} ({made.dialect} at {made.base_url or 'this machine'}).")


@command.command()
@click.argument("name")
@click.option("--base-url", default=None, help="Where it is now.")
@click.option(
    "--key-env",
    multiple=True,
    metavar="VARIABLE",
    help="The environment variable that holds its new key; again for each of several. They replace all there were.",
)
@click.option("--no-key", is_flag=True, help="Take its keys away.")
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="Of its kind; VALUE may be env:NAME. Those given replace all there were.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME=VALUE",
    help="Sent besides; VALUE may be env:NAME. Those given replace all there were.",
)
@click.option("--no-headers", is_flag=True, help="Take its headers away.")
@expect_option
@project_option
@api_command
def change(
    name: str,
    *,
    base_url: str | None,
    expect: int | None,
    project: str,
    client: Client,
    as_json: bool,
    **given: Unpack[GivenAnew],
) -> None:
    """Change a provider, its key for example; what is not given stays. No call under way is lost. Secrets that are kept
    go to no other address than they were given for: --base-url elsewhere needs --key-env (or --no-key) beside it.

    \b
    Examples:
      trimtab providers change openai --key-env NEW_OPENAI_KEY
      trimtab providers change lab --base-url http://127.0.0.1:9000/v1 --key-env LAB_KEY
    """
    if given["key_env"] and given["no_key"]:
        raise InvalidRequest("A key is given, and none is wanted.", fix="Give --key-env or --no-key.", param="no-key")
    if given["headers"] and given["no_headers"]:
        raise InvalidRequest(
            "Headers are given, and none are wanted.", fix="Give --header or --no-headers.", param="no-headers"
        )
    changes: dict[str, object] = {}
    if base_url is not None:
        changes["base_url"] = base_url
    if given["key_env"] or given["no_key"]:
        changes["api_keys"] = [_variable(variable) for variable in given["key_env"]]
    if given["options"]:
        changes["options"] = dict(_pair(text) for text in given["options"])
    if given["headers"] or given["no_headers"]:
        changes["headers"] = dict(_pair(text) for text in given["headers"])
    if not changes:
        raise InvalidRequest(
            "Nothing is to be changed.",
            fix="Give --base-url, --key-env, --no-key, --header, --no-headers or --option.",
            param="change",
        )
    if expect is not None:
        changes["expected_revision"] = expect
    changed = client.change_provider(project, name, **changes)
    if as_json:
        print_json(changed)
    else:
        click.echo(f"Changed provider {changed.name} ({changed.dialect} at {changed.base_url or 'this machine'}).")


@command.command()
@click.argument("name")
@seen_option
@project_option
@api_command
def remove(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Remove a provider that no model uses any more. Its traces stay.

    \b
    Example:
      trimtab providers remove lab
    """
    client.delete_provider(project, name, expected_revision=expect)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"Removed provider {name}.")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise InvalidRequest(f"{text[:80]!r} is not NAME=VALUE.", fix="Write e.g. region=eu-west-1.", param="option")
    return name, _variable(value.removeprefix("env:")) if value.startswith("env:") else value


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise InvalidRequest(f"The variable {name} is not set.", fix=f"export {name}=...", param=name)
    return value
