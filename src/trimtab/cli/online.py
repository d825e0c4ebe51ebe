"""`trimtab online`: rules that score live answers, and suites on schedule."""

from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.cli.base import (
    api_command,
    local_time,
    money,
    old_name,
    print_json,
    print_table,
    project_option,
    seen_option,
)
from trimtab.cli.spec_files import read_spec
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.online_types import OnlineRule


@click.group()
def command() -> None:
    """Score a share of live answers by rules; run suites on schedule."""


@command.command("list")
@project_option
@api_command
def list_rules(*, project: str, client: Client, as_json: bool) -> None:
    """List rules, with what they did today.

    \b
    Example:
      trimtab online list
    """
    found = list(client.online.list(project))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.name,
            each.kind,
            _about(each),
            _state(each),
            each.scored,
            each.unscored,
            each.passed_over,
            money(each.spent),
        )
        for each in found
    ]
    columns = ("RULE", "KIND", "OF", "STATE", "SCORED", "COULD NOT", "PASSED OVER", "SPENT")
    print_table(columns, rows, empty="None: trimtab online put NAME FILE")


def _about(rule: OnlineRule) -> str:
    spec = rule.spec
    if rule.kind == "schedule":
        return f"{spec['suite']} on {spec['subject']} every {spec.get('every_hours', 24):g} h"
    scorers = ", ".join(each.get("name") or each["scorer"] for each in spec["scorers"])
    return f"{100 * spec.get('share', 0.05):g} % of {spec.get('app') or 'all answers'}: {scorers}"


def _state(rule: OnlineRule) -> str:
    if rule.paused:
        return "paused"
    if rule.trouble:
        return f"waits: {rule.trouble}"[:60]
    return f"next {local_time(rule.next)}" if rule.next is not None else "on"


@command.command()
@click.argument("name")
@project_option
@api_command
def show(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Print a rule as a file that can be put.

    \b
    Example:
      trimtab online show helpful > helpful.yaml
    """
    found = client.online.get(project, name)
    if as_json:
        print_json(found)
        return
    click.echo(msgspec.yaml.encode(found.spec).decode(), nl=False)
    if found.trouble:
        click.echo(f"It does not go on: {found.trouble}", err=True)


@command.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--paused", is_flag=True, help="Keep it, and let it do nothing.")
@click.option("--expect", type=int, default=None, help="The revision it was made from; 0: it is to be new.")
@project_option
@api_command
def put(
    name: str, file: Path, *, paused: bool, expect: int | None, project: str, client: Client, as_json: bool
) -> None:
    """Make or change a rule from a YAML or JSON file.

    \b
    Example:
      trimtab online put helpful helpful.yaml
    """
    made = client.online.put(project, name, _spec(file), paused=paused, expected_revision=expect)
    if as_json:
        print_json(made)
        return
    click.echo(f"{made.name} is {'kept, paused' if made.paused else 'in force'} (revision {made.revision}).")


def _spec(file: Path) -> dict[str, Any]:
    body = read_spec(file)
    if body is None:
        raise InvalidRequest(f"{file} is no rule.", fix="It says 'kind: online' or 'kind: schedule', and more.")
    return body


def _paused(client: Client, project: str, name: str, *, paused: bool) -> OnlineRule:
    found = client.online.get(project, name)
    return client.online.put(project, name, found.spec, paused=paused, expected_revision=found.revision)


@command.command()
@click.argument("name")
@project_option
@api_command
def pause(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Let a rule do nothing until it is resumed.

    \b
    Example:
      trimtab online pause helpful
    """
    made = _paused(client, project, name, paused=True)
    print_json(made) if as_json else click.echo(f"{name} is paused.")


@command.command()
@click.argument("name")
@project_option
@api_command
def resume(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Let a rule go on, with what comes from now on.

    \b
    Example:
      trimtab online resume helpful
    """
    made = _paused(client, project, name, paused=False)
    print_json(made) if as_json else click.echo(f"{name} goes on.")


@command.command()
@click.argument("name")
@seen_option
@project_option
@api_command
def remove(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Remove a rule; the scores that it wrote stay.

    \b
    Example:
      trimtab online remove helpful
    """
    client.online.delete(project, name, expected_revision=expect)
    print_json({"removed": name}) if as_json else click.echo(f"{name} is removed; its scores stay.")


old_name(command, "delete", remove)
