"""`trimtab users`: end users."""

import time
from itertools import islice

import click

from trimtab.cli.base import Span, api_command, local_time, money, print_json, print_table, project_option
from trimtab.cli.sessions import SORTS
from trimtab.sdk.client import Client


@click.group()
def command() -> None:
    """Look at end users: what they cost, who has trouble."""


@command.command("list")
@click.option("--query", "-q", default="", help="A search: users with a call that fits it.")
@click.option("--last", type=Span(), default="24h", show_default=True, help="How far back.")
@click.option("--sort", type=click.Choice(SORTS), default="last", show_default=True, help="The largest come first.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@project_option
@api_command
def list_users(*, query: str, last: int, sort: str, limit: int, project: str, client: Client, as_json: bool) -> None:
    """List end users with what they came to.

    \b
    Example:
      trimtab users list --sort cost --last 7d
    """
    found = client.seen.users(project, q=query, sort=sort, start=int(time.time() * 1000) - last)
    rows = list(islice(found, limit))
    if as_json:
        print_json(rows)
        return
    print_table(
        ("LAST", "USER", "SESSIONS", "CALLS", "ERRORS", "TOKENS", "COST", "P95"),
        [
            (
                local_time(row.last), row.user, row.sessions, row.calls, row.errors or None, row.tokens,
                money(row.cost), None if row.p95 is None else f"{row.p95:.0f} ms",
            )
            for row in rows
        ],
        empty="No users match. Widen --last; calls name theirs in the header trimtab-user.",
    )  # fmt: skip
