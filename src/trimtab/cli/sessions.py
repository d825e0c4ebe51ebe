"""`trimtab sessions`: calls that belong together."""

import time
from itertools import islice

import click

from trimtab.cli.base import Span, api_command, local_time, money, print_json, print_table, project_option
from trimtab.sdk.client import Client

SORTS = ("last", "calls", "errors", "cost", "tokens")


@click.group()
def command() -> None:
    """Look at sessions: calls that belong together."""


@command.command("list")
@click.option("--query", "-q", default="", help="A search: sessions with a call that fits it.")
@click.option("--last", type=Span(), default="24h", show_default=True, help="How far back.")
@click.option("--sort", type=click.Choice(SORTS), default="last", show_default=True, help="The largest come first.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@project_option
@api_command
def list_sessions(*, query: str, last: int, sort: str, limit: int, project: str, client: Client, as_json: bool) -> None:
    """List sessions with what they came to.

    \b
    Example:
      trimtab sessions list -q status:error --sort cost
    """
    found = client.seen.sessions(project, q=query, sort=sort, start=int(time.time() * 1000) - last)
    rows = list(islice(found, limit))
    if as_json:
        print_json(rows)
        return
    print_table(
        ("LAST", "SESSION", "USER", "CALLS", "ERRORS", "TOKENS", "COST", "ASKED FIRST"),
        [
            (
                local_time(row.ended), row.session, row.user or None, row.calls, row.errors or None, row.tokens,
                money(row.cost), row.asked[:60] or None,
            )
            for row in rows
        ],
        empty="No sessions match. Widen --last; calls name theirs in the header trimtab-session.",
    )  # fmt: skip


@command.command()
@click.argument("session")
@project_option
@api_command
def show(session: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show one session turn by turn, oldest first.

    \b
    Example:
      trimtab sessions show s-1
    """
    found = client.seen.session(project, session)
    turns, cursor = list(found.turns), found.cursor
    while cursor is not None:
        page = client.seen.session(project, session, cursor=cursor)
        turns, cursor = turns + page.turns, page.cursor
    if as_json:
        print_json({"summary": found.summary, "turns": turns})
        return
    row = found.summary
    cost = money(row.cost) or "unknown"
    click.echo(f"Session {row.session}: {row.calls} calls, {row.errors} failed, {row.tokens} tokens, {cost}\n")
    print_table(
        ("STARTED", "TRACE", "STATUS", "MODEL", "TOOK", "COST", "ASKED", "ANSWERED"),
        [
            (
                local_time(turn.started), turn.trace_id, turn.status, turn.model_used or turn.model or None,
                f"{turn.duration:.0f} ms", money(turn.cost), turn.input_preview[:50] or None,
                (turn.error_message or turn.output_preview)[:50] or None,
            )
            for turn in turns
        ],
        empty="It has no turns.",
    )  # fmt: skip
