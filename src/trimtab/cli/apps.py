"""`trimtab apps`: what clients call by name, and the drafts of its next releases."""

import json
from pathlib import Path
from typing import Any, cast

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option, seen_option
from trimtab.cli.route_files import read_value
from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.sdk.client import Client
from trimtab.sdk.release_types import AppDetail


@click.group()
def command() -> None:
    """Apps: what clients call by name, and what its next release would be."""


@command.command("list")
@click.option("--archived", is_flag=True, help="Those put away.")
@project_option
@api_command
def list_apps(*, archived: bool, project: str, client: Client, as_json: bool) -> None:
    """List apps.

    \b
    Example:
      trimtab apps list
    """
    found = list(client.apps.list(project, archived=archived))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.name,
            f"r{each.newest}" if each.newest else None,
            each.spec.get("prompt"),
            _route(each.spec.get("route", "")),
            local_time(each.updated),
        )
        for each in found
    ]
    print_table(
        ("NAME", "NEWEST", "PROMPT", "ROUTE", "CHANGED"), rows, empty="None: trimtab apps set NAME --route MODEL"
    )


def _route(route: Any) -> str | None:
    return (route or None) if isinstance(route, str) else f"a tree ({route.get('node')})"


@command.command()
@click.argument("name")
@project_option
@api_command
def show(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show an app's draft, and whether a release can be made of it.

    \b
    Example:
      trimtab apps show support
    """
    found = client.apps.get(project, name)
    if as_json:
        print_json(found)
        return
    state = " (archived)" if found.archived is not None else ""
    newest = f"newest release r{found.newest}" if found.newest else "no release yet"
    click.echo(f"{found.name}{state}: draft at revision {found.revision}, {newest}")
    click.echo(json.dumps(found.spec, indent=2, ensure_ascii=False))
    _tell(found)


def _tell(found: AppDetail) -> None:
    if found.running_trouble:
        click.echo(f"Its calls are in trouble. {found.running_trouble}")
    if found.trouble:
        click.echo(f"No release can be made of it now. {found.trouble}")
    elif not found.newest:
        click.echo(f'It has no release yet: trimtab release create {found.name} -m "..."')
    elif found.differs:
        click.echo(f"It differs from the newest release: trimtab release diff {found.name}")


@command.command("set")
@click.argument("name")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="The whole draft, as YAML or JSON; the other options change it.")  # fmt: skip
@click.option("--prompt", default=None, help="NAME, NAME@3 or NAME@label.")
@click.option("--route", default=None, help="A model's or a route's name, or provider/model-id.")
@click.option("--description", default=None, help="What it does, in a sentence.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter, e.g. temperature=0.2.")
@click.option(
    "--var", "-v", "variables", multiple=True, metavar="NAME=VALUE", help="A value that a variable always has."
)
@click.option("--policy", "rules", multiple=True, metavar="NAME=VALUE", help="A business rule.")
@click.option("--guard", "guards", multiple=True, metavar="GUARD",
              help="NAME, or NAME@2; again for each. They take the place of those it has.")  # fmt: skip
@click.option("--knowledge", multiple=True, metavar="CORPUS",
              help="NAME, NAME@2, or NAME@follow (the newest at each call); again for each. They take the place of "
              "those it has; more is said in a file.")  # fmt: skip
@click.option("--unset", multiple=True, metavar="FIELD", help="Take out, e.g. prompt or parameters.temperature.")
@click.option("--expect", type=int, default=None, help="The revision that it is made from; 0: it is to be new.")
@project_option
@api_command
def set_app(name: str, *, project: str, client: Client, as_json: bool, **given: Any) -> None:
    """Make an app, or change its draft. Nothing that runs is changed: a release is made by `trimtab release create`.

    A VALUE is JSON where it can be read so, else text.

    \b
    Example:
      trimtab apps set support --prompt support --route fast --param temperature=0.2
      trimtab apps set support --guard pii@2 --guard tone
      trimtab apps set support --knowledge handbook --knowledge law@3
    """
    spec, revision = _draft(client, project, name, given["file"])
    for field in ("prompt", "route", "description"):
        if given[field] is not None:
            spec[field] = given[field]
    for field, pairs in (("parameters", "params"), ("variables", "variables"), ("policy", "rules")):
        for text in given[pairs]:
            key, value = _pair(text)
            spec.setdefault(field, {})[key] = value
    if given["guards"]:
        spec["guards"] = list(given["guards"])
    if given["knowledge"]:
        spec["knowledge"] = [_corpus(text) for text in given["knowledge"]]
    for field in given["unset"]:
        _take_out(spec, field)
    expected = revision if given["expect"] is None else given["expect"]
    found = client.apps.put(project, name, spec, expected_revision=expected)
    if as_json:
        print_json(found)
        return
    click.echo(f"The draft of {found.name} is at revision {found.revision}.")
    _tell(found)


def _draft(client: Client, project: str, name: str, file: Path | None) -> tuple[dict[str, Any], int | None]:
    """What is changed, and the revision it is from: None where a file replaces whatever there is."""
    if file is not None:
        value = read_value(file)
        if not isinstance(value, dict):
            raise InvalidRequest(f"{file} holds no app.", fix="Give e.g. prompt: support and route: fast.")
        spec = cast("dict[str, Any]", value)
        if spec.pop("name", name) != name:
            raise InvalidRequest(f"{file} names another app than {name!r}.", fix="Set it under its own name.")
        return spec, None
    try:
        found = client.apps.get(project, name)
    except NotFound:
        return {}, 0
    return dict(found.spec), found.revision


def _corpus(text: str) -> Any:
    """``handbook``, ``handbook@2`` or ``handbook@follow`` as a draft has it. Raises `InvalidRequest`."""
    name, at, which = text.partition("@")
    if not at:
        return name
    if which == "follow":
        return {"corpus": name, "follow": True}
    if which.isascii() and which.isdecimal():
        return {"corpus": name, "version": int(which)}
    raise InvalidRequest(f"{text!r} names no version of a corpus.", fix=f"Write {name}, {name}@2 or {name}@follow.")


def _pair(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise InvalidRequest(f"{text!r} gives no value.", fix="Write NAME=VALUE.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _take_out(spec: dict[str, Any], field: str) -> None:
    top, dot, name = field.partition(".")
    inner = spec.get(top)
    if dot and isinstance(inner, dict) and name in inner:
        del inner[name]
    elif not dot and top in spec:
        del spec[top]
    else:
        raise InvalidRequest(
            f"The draft has no {field!r} to take out.", fix="'trimtab apps show NAME' prints what it has."
        )


@command.command()
@click.argument("name")
@click.option("--restore", is_flag=True, help="Take it out of the archive again.")
@seen_option
@project_option
@api_command
def archive(name: str, *, expect: int | None, restore: bool, project: str, client: Client, as_json: bool) -> None:
    """Put an app away: it answers no calls any more, and keeps its name, its draft and its releases.

    \b
    Example:
      trimtab apps archive old-helper
    """
    found = client.apps.archive(project, name, restore=restore, expected_revision=expect)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{name} is {'in use' if restore else 'archived'}.")
