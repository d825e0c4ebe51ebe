"""`trimtab tools`: which tool fails, how slow it is, how often it is misused."""

import time

import click

from trimtab.cli.base import Span, api_command, print_json, print_table, project_option
from trimtab.sdk.client import Client


@click.command()
@click.option("--query", "-q", default="", help="A search: tools in the traces that fit it.")
@click.option("--last", type=Span(), default="24h", show_default=True, help="How far back.")
@project_option
@api_command
def command(*, query: str, last: int, project: str, client: Client, as_json: bool) -> None:
    """Tools, those with the most trouble first. ASKED counts the calls that models wrote; MISUSED those of them whose
    arguments were no JSON object or broke the tool's schema, or that named a tool that was not on offer.

    \b
    Example:
      trimtab tools --last 7d -q agent:researcher
    """
    found = client.seen.tools(project, q=query, start=int(time.time() * 1000) - last)
    if as_json:
        print_json(found)
        return
    print_table(
        ("TOOL", "ASKED", "MISUSED", "RUNS", "FAILED", "P50", "P95", "TROUBLE", "EXAMPLE"),
        [
            (
                row.tool, row.asked, row.unreadable + row.invalid + row.unknown or None, row.runs, row.failed or None,
                _ms(row.p50), _ms(row.p95), (row.last_error or row.problem)[:60] or None, row.example or None,
            )
            for row in found.items
        ],
        empty="No tools were used. Look further back with --last.",
    )  # fmt: skip


def _ms(value: float | None) -> str | None:
    return None if value is None else f"{value:.1f} ms"
