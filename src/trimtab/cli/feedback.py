"""`trimtab feedback`: what users think of answers, and how many of them say."""

import time
from typing import Any, cast

import click

from trimtab.cli.base import Span, api_command, print_json, print_table, project_option
from trimtab.sdk.client import Client
from trimtab.sdk.said import Said

GROUPS = ("app", "release", "environment", "feature", "model", "variant", "key")


@click.group()
def command() -> None:
    """Feedback: what users think of the answers they got."""


@command.command()
@click.argument("answer", required=False)
@click.option("--response-id", default=None, help="The 'id' in the answer's body, where no other is known.")
@click.option("--thumbs", type=click.Choice(("up", "down")), default=None, help="Good or not.")
@click.option("--rating", type=float, default=None, help="A number on the scale.")
@click.option("--scale", type=float, nargs=2, default=None, help="The scale's ends. [default: 1 5]")
@click.option("--correction", default=None, help="What the answer should have been.")
@click.option("--comment", default=None, help="In the user's words.")
@click.option("--outcome", default=None, help="What came of it, in a word: ticket_reopened.")
@click.option("--good/--bad", default=None, help="Whether that outcome is good news.")
@click.option("--user", default=None, help="Who says it.")
@click.option("--idempotency-key", default=None, help="The same again is the same feedback.")
@project_option
@api_command
def add(*, answer: str | None, project: str, client: Client, as_json: bool, **given: Any) -> None:
    """Say what a user thinks of an answer, named by the id of its request (req_...) or trace.

    \b
    Examples:
      trimtab feedback add req_0199c1e0a7b27d3f9d0a1b2c3d4e5f60 --thumbs down --comment "wrong order"
      trimtab feedback add --response-id chatcmpl-7 --outcome ticket_reopened --bad
    """
    said = cast("Said", {name: value for name, value in given.items() if value is not None})
    ids = client.feedback(answer, project=project, **said)
    if as_json:
        print_json({"ids": ids})
    else:
        click.echo(f"Taken: {', '.join(ids)}.")


@command.command()
@click.option("--query", "-q", default="", help="Which answers: a search as of traces.")
@click.option("--by", "group_by", type=click.Choice(GROUPS), default="app", show_default=True, help="Told apart by.")
@click.option("--last", type=Span(), default="30d", show_default=True, help="How far back.")
@project_option
@api_command
def summary(*, query: str, group_by: str, last: int, project: str, client: Client, as_json: bool) -> None:
    """How many users say something, what it comes to, and what that is worth.

    \b
    Example:
      trimtab feedback summary --by release -q app:support
    """
    start = int(time.time() * 1000) - last
    found = client.feedback_summary(project, q=query, start=start, group_by=group_by)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["group"] or "(none)", each["answers"], _share(each["rate"], 100, 1), each["rated"], each["people"],
            _share(each["mean"], 1, 2),
        )
        for each in found["groups"]
    ]  # fmt: skip
    titles = (group_by.upper(), "ANSWERS", "SAID SOMETHING, %", "RATED", "BY USERS", "MEAN, 0 TO 1")
    print_table(titles, rows, empty="No answers in this time.")
    click.echo(found["says"])


def _share(share: dict[str, Any], times: int, digits: int) -> str | None:
    if share["value"] is None:
        return None
    value, low, high = (f"{times * share[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"
