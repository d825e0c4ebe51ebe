"""`trimtab plan`: what applying a folder would change."""

import sys
from pathlib import Path
from typing import Any

import click

from trimtab.cli import folder_text as text
from trimtab.cli.base import FAILED, api_command, print_json
from trimtab.cli.folder_files import (
    CHANGES,
    direct_option,
    exit_code_option,
    folder_argument,
    project_of,
    project_option,
    read_files,
    to_option,
)  # fmt: skip
from trimtab.sdk.client import Client


@click.command()
@folder_argument
@to_option
@direct_option
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown, for a pull request.")
@exit_code_option
@project_option
@api_command
def command(
    folder: Path, *, to: str, direct: bool, project: str | None, client: Client, as_json: bool, **how: Any
) -> None:
    """Show what applying a folder would change on the server, and what it would cost; change nothing.

    Ends with 0, also where there is something to do; with --exit-code with 2 where there is. With 1 where the files
    have mistakes: all of them are told, each with its place.

    \b
    Examples:
      trimtab plan
      trimtab plan deploy/trimtab --to staging
      trimtab plan --to staging --markdown > plan.md
    """
    files = read_files(folder)
    plan = client.folders.plan(project_of(files, project), files, to=to, direct=direct)
    if as_json:
        print_json(plan)
    elif how["as_markdown"]:
        click.echo("\n".join(text.markdown(plan)))
    elif plan.clean and not plan.mistakes:
        click.echo("Nothing to do: the server is as the folder says.")
    elif not plan.mistakes:
        click.echo("\n".join(text.terminal(plan)))
        to_it = f" --to {to}{' --direct' if direct else ''}" if to else ""
        click.echo(f"\nPlan {plan.hash[: text.SHORT]}: {text.counted(plan)}.")
        click.echo(f"  -> trimtab apply {folder}{to_it} --plan {plan.hash[: text.SHORT]} -m 'why'")
    if plan.mistakes:
        if not as_json:
            click.echo("\n".join(text.mistake_lines(plan.mistakes)), err=True)
        sys.exit(FAILED)
    if how["exit_code"] and not plan.clean:
        sys.exit(CHANGES)
