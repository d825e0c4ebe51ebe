"""`trimtab drift`: what is not as its folder left it."""

import sys

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table
from trimtab.cli.base import project_option as usual_project
from trimtab.cli.folder_files import CHANGES, exit_code_option
from trimtab.sdk.client import Client


@click.command()
@click.option("--folder", default="", help="Only what belongs to the folder of this name. [default: all]")
@exit_code_option
@usual_project
@api_command
def command(*, folder: str, exit_code: bool, project: str, client: Client, as_json: bool) -> None:
    """List what was changed on the server since a folder was applied to it.

    \b
    Example:
      trimtab drift --exit-code
    """
    found = client.folders.drift(project, folder)
    if as_json:
        print_json(found)
    else:
        rows = [
            (each.kind, each.name, each.what, each.folder, local_time(each.applied), each.author)
            for each in found.drifted
        ]  # fmt: skip
        empty = f"No drift: {found.managed} things are as their folders left them."
        print_table(("KIND", "NAME", "IS", "FOLDER", "APPLIED", "BY"), rows, empty=empty)
    if exit_code and found.drifted:
        sys.exit(CHANGES)
