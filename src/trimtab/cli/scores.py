"""`trimtab scores`: judgements of traces, spans and sessions."""

import time
from itertools import islice
from typing import Any

import click

from trimtab.cli.base import Span, api_command, local_time, print_json, print_table, project_option
from trimtab.sdk.client import Client

SOURCES = ("human", "user", "code", "llm", "detector", "guard")


@click.group()
def command() -> None:
    """Scores: what people, code, models and detectors think of answers."""


@command.command("list")
@click.option("--query", "-q", default="", help="A search: name:helpful value:<0.5 source:human.")
@click.option("--invalid", is_flag=True, help="Also those taken back or superseded.")
@click.option("--last", type=Span(), default="30d", show_default=True, help="How far back.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@project_option
@api_command
def list_scores(
    *, query: str, invalid: bool, last: int, limit: int, project: str, client: Client, as_json: bool
) -> None:
    """List scores, newest first.

    \b
    Examples:
      trimtab scores list -q 'name:helpful value:<0.5' --last 24h
      trimtab scores list -q trace:0199c1e0a7b27d3f9d0a1b2c3d4e5f60 --json
    """
    start = int(time.time() * 1000) - last
    found = list(islice(client.scores.list(project, q=query, start=start, invalid=invalid), limit))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            local_time(one.at),
            one.name,
            one.value,
            one.label or None,
            one.source,
            one.trace_id or one.session,
            one.span_id or None,
            one.author or None,
            one.id if one.valid else f"{one.id} (invalid)",
        )
        for one in found
    ]
    print_table(
        ("AT", "NAME", "VALUE", "LABEL", "SOURCE", "OF", "SPAN", "BY", "ID"),
        rows,
        empty="No scores match. Add one with: trimtab scores add helpful 1 --trace TRACE",
    )


@command.command()
@click.argument("name")
@click.argument("value", type=float, required=False)
@click.option("--label", default="", help="A word instead of a number, or beside it.")
@click.option("--trace", "trace_id", default="", help="The trace it is of.")
@click.option("--span", "span_id", default="", help="The span of that trace.")
@click.option("--session", default="", help="The session it is of.")
@click.option("--source", type=click.Choice(SOURCES), default="human", show_default=True, help="Who says so.")
@click.option("--explanation", default="", help="Why.")
@click.option("--supersedes", default="", help="The id of the score that this one corrects.")
@click.option("--idempotency-key", default="", help="The same key again writes the same score.")
@project_option
@api_command
def add(*, value: float | None, project: str, client: Client, as_json: bool, **given: Any) -> None:
    """Score a trace, a span or a session.

    \b
    Examples:
      trimtab scores add helpful 1 --trace 0199c1e0a7b27d3f9d0a1b2c3d4e5f60
      trimtab scores add tone --label rude --session s-17 --explanation "called them names"
    """
    score = {name: text for name, text in given.items() if text}
    (made,) = client.scores.write(project, score if value is None else {**score, "value": value})
    if as_json:
        print_json({"id": made})
    else:
        click.echo(f"Written as {made}. It is to be seen within about a second.")


@command.command()
@click.argument("score_id")
@project_option
@api_command
def invalidate(*, score_id: str, project: str, client: Client, as_json: bool) -> None:
    """Take a score back: it stays on record, and counts nowhere.

    \b
    Example:
      trimtab scores invalidate score_0199c1e0a7b27d3f9d0a1b2c3d4e5f60
    """
    client.scores.invalidate(project, score_id)
    if as_json:
        print_json({"id": score_id, "valid": False})
    else:
        click.echo(f"{score_id} is no longer valid.")
