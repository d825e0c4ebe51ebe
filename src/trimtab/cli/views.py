"""`trimtab views`: searches that are kept."""

from typing import Any

import click

from trimtab.cli.base import api_command, print_json, print_table, project_option, seen_option
from trimtab.core.errors import NotFound
from trimtab.sdk.client import Client


@click.group()
def command() -> None:
    """Saved views: searches with their columns and order, for you or for the project."""


@command.command("list")
@project_option
@api_command
def list_views(*, project: str, client: Client, as_json: bool) -> None:
    """List saved views: your own, and those shared in the project.

    \b
    Example:
      trimtab views list
    """
    found = client.boards.views(project)
    if as_json:
        print_json(found)
        return
    rows = [(view.name, view.page, view.q or None, "project" if view.shared else "you", view.id) for view in found]
    print_table(("NAME", "PAGE", "SEARCH", "SEEN BY", "ID"), rows, empty="None yet: trimtab views save NAME -q ...")


@command.command()
@click.argument("name")
@click.option("--query", "-q", "q", default="", help="The search.")
@click.option("--last", default="", help="How far back, e.g. 24h.")
@click.option("--columns", default="", help="Columns, e.g. started,model,cost.")
@click.option("--sort", default="", help="A column; with '-' before it from the largest.")
@click.option("--shared", is_flag=True, help="Show it to the whole project.")
@project_option
@api_command
def save(name: str, *, columns: str, project: str, client: Client, as_json: bool, **view: Any) -> None:
    """Keep a search under a NAME.

    \b
    Example:
      trimtab views save "Slow and dear" -q 'duration:>5s cost:>0.01' --shared
    """
    kept = {**view, "name": name, "columns": [each for each in columns.split(",") if each]}
    made = client.boards.save_view(project, kept)
    if as_json:
        print_json(made)
    else:
        click.echo(f"Saved {made.name!r} ({made.id}).")


@command.command()
@click.argument("name")
@seen_option
@project_option
@api_command
def remove(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Remove a saved view, by its NAME or id.

    \b
    Example:
      trimtab views remove "Slow and dear"
    """
    found = [view for view in client.boards.views(project) if name in (view.name, view.id)]
    if not found:
        raise NotFound(f"There is no saved view {name!r}.", fix="'trimtab views list' shows what there is.")
    client.boards.remove_view(project, found[0].id, expected_revision=expect)
    if as_json:
        print_json({"removed": found[0].id})
    else:
        click.echo(f"Removed {found[0].name!r}.")
