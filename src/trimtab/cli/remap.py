"""`trimtab remap`: foreign spans read again by the mappers of today."""

import time

import click

from trimtab.cli.base import Span, api_command, print_json, project_option
from trimtab.sdk.client import Client


@click.command()
@click.option("--since", type=Span(), default="30d", show_default=True, help="How far back.")
@click.option("--everything", is_flag=True, help="Also what the mappers of today have read.")
@click.option("--cursor", help="Go on where an interrupted run stopped.")
@project_option
@api_command
def command(*, since: int, everything: bool, cursor: str | None, project: str, client: Client, as_json: bool) -> None:
    """Read foreign traces again, where an older mapper read them.

    Spans that other tools sent are kept as they came. After an update that reads a convention better, this has the rows
    of older traces made anew from them, in the background. Running it twice ends the same; when it is interrupted,
    the last cursor it printed goes on from there.

    \b
    Examples:
      trimtab remap --since 7d
      trimtab remap --since 90d --everything
    """
    end = int(time.time() * 1000)
    total = 0
    while True:
        page = client.remap(project, end - since, end=end, everything=everything, cursor=cursor)
        total += page.traces
        cursor = page.cursor
        if cursor is None:
            break
        click.echo(f"{total} traces; go on with --cursor {cursor}", err=True)
    if as_json:
        print_json({"traces": total})
    else:
        click.echo(f"{total} traces are being read again.")
