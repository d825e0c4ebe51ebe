"""`trimtab release`: drafts frozen, compared and shown."""

import json
from typing import Any

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option
from trimtab.cli.prompts import print_lines
from trimtab.cli.release_moves import COMMANDS
from trimtab.sdk.client import Client
from trimtab.sdk.release_types import Release, ReleaseDiff, Tried


@click.group()
def command() -> None:
    """Releases: what an app does, frozen, numbered and compared.

    A release is named 12 or r12, latest, or by the environment that it runs in.
    """


@command.command("list")
@click.argument("app")
@project_option
@api_command
def list_releases(app: str, *, project: str, client: Client, as_json: bool) -> None:
    """List an app's releases, newest first, and what each changed.

    \b
    Example:
      trimtab release list support
    """
    found = list(client.releases.list(project, app))
    if as_json:
        print_json(found)
        return
    rows = [
        (each.ref, _where(each), local_time(each.created), each.author_name, each.message or None, _first(each))
        for each in found
    ]
    titles = ("RELEASE", "WHERE", "WHEN", "AUTHOR", "MESSAGE", "CHANGED")
    print_table(titles, rows, empty=f"None: trimtab release create {app}")


def _where(release: Release) -> str | None:
    """Where it runs, and from where it was taken back and does not run again."""
    back = [f"rolled back from {each.environment}" for each in _taken_back(release)]
    return ", ".join((*release.runs_in, *back)) or None


def _taken_back(release: Release) -> list[Tried]:
    """Of each environment where it does not run, its last rollout, where that was rolled back."""
    last = {each.environment: each for each in reversed(release.tried)}
    return [
        each for environment, each in last.items() if environment not in release.runs_in and each.state == "rolled_back"
    ]


def _first(release: Release) -> str | None:
    more = len(release.changes) - 1
    return f"{release.changes[0]}{f' (and {more} more)' if more > 0 else ''}" if release.changes else None


@command.command()
@click.argument("app")
@click.argument("release", default="latest")
@project_option
@api_command
def show(app: str, release: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show a release: who made it, why, what it changed, and all that it holds.

    \b
    Example:
      trimtab release show support production
    """
    found = client.releases.get(project, app, release)
    if as_json:
        print_json(found)
        return
    made_from = f", made from r{found.parent}" if found.parent else ""
    click.echo(f"{found.app} {found.ref}{made_from}, by {found.author_name}, {local_time(found.created)}")
    click.echo(found.hash)
    edited = f"Its draft or prompts were edited by {', '.join(found.editors)} too." if found.editors else ""
    runs = f"Runs in {', '.join(found.runs_in)}." if found.runs_in else ""
    for line in filter(None, (found.message, edited, runs, *map(_back, _taken_back(found)))):
        click.echo(line)
    for words in found.changes:
        click.echo(f"  {words}")
    click.echo(json.dumps(found.content, indent=2, ensure_ascii=False))


def _back(each: Tried) -> str:
    when = local_time(each.started if each.ended is None else each.ended)
    return f"Rolled back from {each.environment} on {when}: {each.reason or 'no reason was given'} ({each.rollout})"


@command.command()
@click.argument("app")
@click.argument("before", default="")
@click.argument("after", default="draft")
@project_option
@api_command
def diff(app: str, before: str, after: str, *, project: str, client: Client, as_json: bool) -> None:
    """What changed from BEFORE to AFTER; by default, what the next release would change. AFTER may be draft.

    \b
    Example:
      trimtab release diff support production latest
    """
    found = client.releases.diff(project, app, before, after)
    if as_json:
        print_json(found)
    else:
        _print_diff(found)


def _print_diff(found: ReleaseDiff) -> None:
    click.echo(f"{found.app}: {found.before or 'nothing'} -> {found.after}")
    if not found.changes:
        click.echo("No difference.")
    for change in found.changes:
        click.echo(f"  {change.words}")
    for prompt in found.prompts:
        for message in prompt.messages:
            click.echo(f"  {prompt.name}, {message.words}")
            print_lines(message)


@command.command()
@click.argument("app")
@click.option("--message", "-m", default="", help="Why, in a sentence.")
@click.option("--expect", type=int, default=None, help="The newest release as you saw it, by number; 0 for none.")
@click.option("--dry-run", is_flag=True, help="Only say what it would be.")
@project_option
@api_command
def create(
    app: str, *, message: str, expect: int | None, dry_run: bool, project: str, client: Client, as_json: bool
) -> None:
    """Freeze an app's draft into a release. Where nothing changed none is made. It runs nowhere yet.

    \b
    Example:
      trimtab release create support -m "Answer more briefly"
    """
    more: dict[str, Any] = {"expected_newest": expect, "dry_run": dry_run}
    found = client.release(app, message, project=project, **more)
    if as_json:
        print_json(found)
        return
    release = found.release
    made = "would be made" if dry_run else "is made"
    click.echo(f"{release.app} {release.ref} {made if found.created else 'has that content already'}.")
    if found.created:
        for words in release.changes:
            click.echo(f"  {words}")


for _each in COMMANDS:
    command.add_command(_each)
