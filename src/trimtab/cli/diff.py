"""`trimtab diff`: a folder and the server, line by line."""

import sys
from pathlib import Path

import click

from trimtab.cli import folder_text as text
from trimtab.cli.base import FAILED, api_command, print_json
from trimtab.cli.folder_files import (
    CHANGES,
    exit_code_option,
    folder_argument,
    project_of,
    project_option,
    read_files,
)  # fmt: skip
from trimtab.sdk.client import Client


@click.command()
@folder_argument
@exit_code_option
@project_option
@api_command
def command(folder: Path, *, exit_code: bool, project: str | None, client: Client, as_json: bool) -> None:
    """Show line by line how the server differs from a folder.

    \b
    Example:
      trimtab diff deploy/trimtab
    """
    files = read_files(folder)
    plan = client.folders.plan(project_of(files, project), files, texts=True)
    if as_json:
        print_json(plan.changes)
    else:
        for change in plan.changes:
            click.echo("\n".join(text.diff_lines(change)))
        if not plan.changes and not plan.mistakes:
            click.echo("No difference.")
    if plan.mistakes:
        click.echo("\n".join(text.mistake_lines(plan.mistakes)), err=True)
        sys.exit(FAILED)
    if exit_code and plan.changes:
        sys.exit(CHANGES)
