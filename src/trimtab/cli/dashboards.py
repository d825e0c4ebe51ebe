"""`trimtab dashboards`: list, show, write to a file and read from one."""

from pathlib import Path

import click
import msgspec

from trimtab.cli.base import api_command, print_json, print_table, project_option, seen_option
from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.sdk.client import Client
from trimtab.sdk.search_types import Dashboard


@click.group()
def command() -> None:
    """Dashboards: made in the console, kept in git as files."""


@command.command("list")
@project_option
@api_command
def list_dashboards(*, project: str, client: Client, as_json: bool) -> None:
    """List dashboards: your own, and those shared in the project.

    \b
    Example:
      trimtab dashboards list
    """
    found = client.boards.dashboards(project)
    if as_json:
        print_json(found)
        return
    rows = [(each.name, len(each.tiles), each.about or None, _seen_by(each), each.id) for each in found]
    print_table(("NAME", "TILES", "ABOUT", "SEEN BY", "ID"), rows, empty="There are none.")


def _seen_by(each: Dashboard) -> str:
    return "built in" if each.source == "built_in" else "project" if each.shared else "you"


def _named(client: Client, project: str, name: str) -> Dashboard:
    found = [each for each in client.boards.dashboards(project) if name in (each.name, each.id)]
    if not found:
        raise NotFound(f"There is no dashboard {name!r}.", fix="'trimtab dashboards list' shows what there is.")
    return found[0]


@command.command()
@click.argument("name")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="The file. [default: -]")
@project_option
@api_command
def export(name: str, *, out: Path | None, project: str, client: Client, as_json: bool) -> None:
    """Write a dashboard, by its NAME or id, as JSON.

    \b
    Example:
      trimtab dashboards export Overview --out overview.json
    """
    file = client.boards.export_dashboard(project, _named(client, project, name).id)
    text = msgspec.json.format(msgspec.json.encode(file), indent=2)
    if out is None:
        click.echo(text.decode())
        return
    out.write_bytes(text + b"\n")
    if as_json:
        print_json({"written": str(out)})
    else:
        click.echo(f"Written to {out}.")


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--own", is_flag=True, help="For you alone, not for the project.")
@click.option("--replace", is_flag=True, help="Change the one of that name, if there is one.")
@project_option
@api_command
def import_(file: Path, *, own: bool, replace: bool, project: str, client: Client, as_json: bool) -> None:
    """Make a dashboard from a FILE that export wrote.

    \b
    Example:
      trimtab dashboards import overview.json --replace
    """
    try:
        read = msgspec.json.decode(file.read_bytes(), type=dict[str, object])
    except msgspec.DecodeError as error:
        fix = "Take what 'trimtab dashboards export' wrote."
        raise InvalidRequest(f"{file} is not a dashboard: {error}.", fix=fix) from error
    made = client.boards.import_dashboard(project, read, shared=not own, replace=replace)
    if as_json:
        print_json(made)
    else:
        click.echo(f"{made.name!r} is there, with {len(made.tiles)} tiles ({made.id}).")


@command.command()
@click.argument("name")
@seen_option
@project_option
@api_command
def remove(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Remove a dashboard, by its NAME or id. The built-in one is then as it was at first.

    \b
    Example:
      trimtab dashboards remove Money
    """
    found = _named(client, project, name)
    client.boards.remove_dashboard(project, found.id, expected_revision=expect)
    if as_json:
        print_json({"removed": found.id})
    else:
        click.echo(f"Removed {found.name!r}.")
