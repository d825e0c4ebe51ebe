"""`trimtab suites`: what releases are judged by."""

from pathlib import Path
from typing import Any, cast

import click
import msgspec

from trimtab.cli.base import (
    api_command,
    expect_option,
    local_time,
    print_json,
    print_table,
    project_option,
    seen_option,
)
from trimtab.sdk.client import Client
from trimtab.sdk.experiment_types import Suite


@click.group()
def command() -> None:
    """Suites: cases, scorers, and what an outcome needs. 'trimtab eval' runs one."""


@command.command("list")
@click.option("--archived", is_flag=True, help="Those that were put away.")
@project_option
@api_command
def list_suites(*, archived: bool, project: str, client: Client, as_json: bool) -> None:
    """List suites.

    \b
    Example:
      trimtab suites list
    """
    found = list(client.suites.list(project, archived=archived))
    if as_json:
        print_json(found)
        return
    rows = [(each.name, each.spec.get("dataset"), _scorers(each), local_time(each.updated)) for each in found]
    empty = "None: trimtab eval FILE brings one here, or trimtab suites put NAME FILE"
    print_table(("NAME", "DATASET", "SCORERS", "CHANGED"), rows, empty=empty)


def _scorers(suite: Suite) -> list[str]:
    return [str(each.get("name") or each.get("scorer")) for each in suite.spec.get("scorers", [])]


@command.command()
@click.argument("name")
@project_option
@api_command
def show(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show a suite as its file would be.

    \b
    Example:
      trimtab suites show support
    """
    found = client.suites.get(project, name)
    if as_json:
        print_json(found)
    else:
        import yaml

        click.echo(yaml.safe_dump(found.spec, sort_keys=False, allow_unicode=True), nl=False)


@command.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@expect_option
@project_option
@api_command
def put(name: str, file: Path, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Make a suite, or change it to what FILE says.

    \b
    Example:
      trimtab suites put support suites/support.yaml
    """
    from trimtab.cli.evaluating import read_suite, upload

    read = read_suite(file)
    if read.data is not None:
        upload(client, project, read.spec.dataset, read.data)
    spec = cast("dict[str, Any]", msgspec.to_builtins(read.spec))
    made = client.suites.put(project, name, spec, expected_revision=expect)
    print_json(made) if as_json else click.echo(f"{made.name} is at revision {made.revision}.")


def _placer(word: str, about: str, *, archived: bool) -> None:
    @click.argument("name")
    @seen_option
    @project_option
    @api_command
    def run(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
        made = client.suites.archive(project, name, archived=archived, expected_revision=expect)
        print_json(made) if as_json else click.echo(f"{made.name}: {word}d.")

    run.__doc__ = f"{about}\n\n\b\nExample:\n  trimtab suites {word} support\n"
    command.command(word)(run)


_placer("archive", "Put a suite away; its experiments stay.", archived=True)
_placer("restore", "Take a suite out of the archive.", archived=False)
