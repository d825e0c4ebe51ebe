"""`trimtab judges`: model judges that a team wrote, as files and on the server."""

import json
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option, seen_version_option
from trimtab.cli.spec_files import read_spec
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.judge_types import Judge


@click.group()
def command() -> None:
    """Judges: your own criteria put to a model, in versions."""


@command.command("list")
@click.option("--archived", is_flag=True, help="Those put away.")
@project_option
@api_command
def list_judges(*, archived: bool, project: str, client: Client, as_json: bool) -> None:
    """List judges.

    \b
    Example:
      trimtab judges list
    """
    _print(list(client.judges.list(project, archived=archived)), as_json=as_json)


@command.command()
@click.argument("name")
@project_option
@api_command
def versions(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """List a judge's versions, newest first.

    \b
    Example:
      trimtab judges versions tone
    """
    _print(list(client.judges.versions(project, name)), as_json=as_json)


def _print(found: list[Judge], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [
        (each.pinned, each.kind, each.options.get("model"), each.author, each.message or None, local_time(each.created))
        for each in found
    ]
    print_table(("JUDGE", "KIND", "MODEL", "BY", "WHY", "MADE"), rows, empty="None: trimtab judges push NAME FILE")


@command.command()
@click.argument("name")
@click.option("--version", type=int, default=None, help="That version; the newest if left out.")
@project_option
@api_command
def show(name: str, *, version: int | None, project: str, client: Client, as_json: bool) -> None:
    """Print a judge as a file that can be pushed.

    \b
    Example:
      trimtab judges show tone > tone.yaml
    """
    found = client.judges.get(project, name, version)
    if as_json:
        print_json(found)
        return
    click.echo(msgspec.yaml.encode({"kind": found.kind, "options": found.options}).decode(), nl=False)


@command.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--message", "-m", default="", help="Why, in a sentence.")
@click.option("--expect", type=int, default=None, help="The version it was made from; 0: it is to be new.")
@project_option
@api_command
def push(
    name: str, file: Path, *, message: str, expect: int | None, project: str, client: Client, as_json: bool
) -> None:
    """Add a version of a judge from a YAML or JSON file with `kind` and `options`; what has not changed makes none.

    \b
    Example:
      trimtab judges push tone tone.yaml -m "Ask for a friendly tone"
    """
    kind, options = _read(file)
    made = client.judges.push(project, name, kind, options, message=message, expected_version=expect)
    if as_json:
        print_json(made)
    else:
        word = "is now" if made.created else "has not changed: it is"
        click.echo(f"{name} {word} version {made.judge.version}; use it in suites as {made.judge.scorer}")


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    given = read_spec(file) or {}
    kind, options = given.get("kind"), given.get("options")
    if not isinstance(kind, str) or not isinstance(options, dict) or given.keys() - {"kind", "options"}:
        raise InvalidRequest(
            f"{file} is no judge: it must have `kind` and `options`, and nothing else.",
            fix="For example: kind: rubric, options: {model: ..., criteria: ...}.",
        )
    return kind, cast("dict[str, Any]", options)


@command.command()
@click.argument("name")
@click.option("--before", type=int, default=None, help="The one before the newest if left out.")
@click.option("--after", type=int, default=None, help="The newest if left out.")
@project_option
@api_command
def diff(name: str, *, before: int | None, after: int | None, project: str, client: Client, as_json: bool) -> None:
    """Show what changed between two versions.

    \b
    Example:
      trimtab judges diff tone --before 1 --after 3
    """
    found = client.judges.diff(project, name, before, after)
    if as_json:
        print_json(found)
        return
    click.echo(f"{name}: version {found.before} to {found.after}")
    for change in found.changes:
        if change.lines:
            click.echo(f"{change.field}:")
            for line in change.lines:
                click.echo(f"  {line[0]} {line[1:]}")
        else:
            click.echo(f"{change.field}: {json.dumps(change.before)} -> {json.dumps(change.after)}")


@command.command()
@click.argument("name")
@click.option("--restore", is_flag=True, help="Take it out of the archive.")
@seen_version_option
@project_option
@api_command
def archive(name: str, *, expect: int | None, restore: bool, project: str, client: Client, as_json: bool) -> None:
    """Put a judge away; suites that name it go on.

    \b
    Example:
      trimtab judges archive tone
    """
    found = client.judges.archive(project, name, archived=not restore, expected_version=expect)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{name} is {'in use again' if restore else 'archived'}")
