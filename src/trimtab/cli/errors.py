"""`trimtab errors`: what fails, by cause."""

import time

import click

from trimtab.cli.base import Span, api_command, local_time, print_json, print_table, project_option
from trimtab.sdk.client import Client


@click.command()
@click.option("--query", "-q", default="", help="A search: failures in the traces that fit it.")
@click.option("--last", type=Span(), default="24h", show_default=True, help="How far back.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many causes at most.")
@project_option
@api_command
def command(*, query: str, last: int, limit: int, project: str, client: Client, as_json: bool) -> None:
    """Failures by cause, the most frequent first. HEALED counts traces that a retry or a fallback saved.

    \b
    Example:
      trimtab errors -q model:fast --last 7d
    """
    found = client.seen.errors(project, q=query, limit=limit, start=int(time.time() * 1000) - last)
    if as_json:
        print_json(found)
        return
    print_table(
        ("SPANS", "TRACES", "HEALED", "LAST", "CODE", "BY", "SAYS", "NEWEST TRACE"),
        [
            (
                row.spans, row.traces, row.traces - row.failed or None, local_time(row.last), row.code or None,
                row.providers or row.source or None, row.pattern[:80],
                row.examples[0].trace_id if row.examples else None,
            )
            for row in found.items
        ],
        empty="Nothing failed. Look further back with --last.",
    )  # fmt: skip
    if found.more:
        click.echo(f"\n{found.more} more causes; --limit shows more.")
