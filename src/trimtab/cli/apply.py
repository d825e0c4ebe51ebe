"""`trimtab apply`: make the server as a folder says."""

import sys
from pathlib import Path
from typing import Any

import click

from trimtab.cli import folder_text as text
from trimtab.cli.base import api_command, print_json
from trimtab.cli.folder_files import (
    WAITS,
    direct_option,
    folder_argument,
    project_of,
    project_option,
    read_files,
    to_option,
)
from trimtab.sdk.client import Client
from trimtab.sdk.folder_types import FolderPlan


@click.command()
@folder_argument
@to_option
@direct_option
@click.option("--message", "-m", default="", help="Why: the message of versions and releases, the note of promotions.")
@click.option("--plan", "digest", default="", metavar="HASH", help="Only if it is still what this plan showed.")
@click.option("--yes", "-y", is_flag=True, help="Do not show the plan and ask.")
@project_option
@api_command
def command(
    folder: Path,
    *,
    to: str,
    direct: bool,
    message: str,
    project: str | None,
    client: Client,
    as_json: bool,
    **agreed: Any,
) -> None:
    """Make the server as a folder says: all of it in one transaction, or nothing.

    A release is made of every app whose content changed; with --to it goes to that environment, if its protection lets
    it through: by a canary where another release runs (--direct: at once), at once where none does.

    Ends with 5 where all was applied and a promotion waits, for example for an approval. Without --plan or --yes the
    plan is shown first, and a person asked.

    \b
    Examples:
      trimtab apply --to staging -m "Refuse politely"
      trimtab apply --plan 3f9a1c2b7d4e -m "Refuse politely"
    """
    files = read_files(folder)
    slug = project_of(files, project)
    digest: str = agreed["digest"]
    if not (agreed["yes"] or digest):
        digest = _asked(client, slug, files, to, direct=direct)
    done = client.folders.apply(slug, files, to=to, direct=direct, message=message, plan=digest)
    if as_json:
        print_json(done)
    elif done.clean:
        click.echo("Nothing to do: the server is as the folder says.")
    else:
        click.echo("\n".join(text.terminal(done)))
        click.echo(f"\nApplied: {text.counted(done)}.")
    if any(each.lacking for each in done.promotions):
        sys.exit(WAITS)


def _asked(client: Client, project: str, files: dict[str, str], to: str, *, direct: bool) -> str:
    """The hash of the plan that a person agreed to, or that changes nothing."""
    plan: FolderPlan = client.folders.plan(project, files, to=to, direct=direct)
    if plan.mistakes:
        click.echo("\n".join(text.mistake_lines(plan.mistakes)), err=True)
        sys.exit(1)
    if plan.clean:  # then at most the folder's own notes are written
        return plan.hash
    click.echo("\n".join(text.terminal(plan)), err=True)
    if not sys.stdin.isatty():
        raise click.UsageError(
            "There is nobody to ask. Apply what was looked at with --plan HASH, or say --yes.\n"
            f"  -> trimtab apply --plan {plan.hash[: text.SHORT]}"
        )
    if not click.confirm(f"\nPlan {plan.hash[: text.SHORT]}: {text.counted(plan)}. Apply it?", err=True):
        raise click.Abort
    return plan.hash
