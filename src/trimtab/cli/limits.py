"""`trimtab limits`: what a project, key, user or model may use, and how much of it is left."""

from typing import Any

import click

from trimtab.cli.base import (
    api_command,
    expect_option,
    local_time,
    money,
    print_json,
    print_table,
    project_option,
    seen_option,
)
from trimtab.core.errors import Forbidden, InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.limit_types import Limit

WINDOWS = ("minute", "hour", "day", "week", "month")
DIMENSIONS = ("key", "app", "feature", "user", "model", "provider")


@click.group()
def command() -> None:
    """Limits and budgets: exact across workers, hard or soft."""


@command.command("list")
@project_option
@api_command
def list_limits(*, project: str, client: Client, as_json: bool) -> None:
    """Show a project's limits and how they stand. HELD is what of LEFT is reserved or at hand in workers.

    \b
    Example:
      trimtab limits list
    """
    limits = client.limits(project)
    if as_json:
        print_json(limits)
        return
    print_table(
        ("NAME", "OF", "BOUND", "USED", "HELD", "LEFT", "RESETS", "USED UP AT THIS PACE", "MODE"),
        [row for limit in limits for row in _rows(limit)],
        empty="No limits yet. Add one with: trimtab limits set monthly --money 50 --window month",
    )


def _rows(limit: Limit) -> list[tuple[object, ...]]:
    def amount(text: str) -> str | None:
        return money(text) if limit.measure == "money" else text

    window = "at once" if limit.window == "none" else f"per {limit.window.replace('_', ' ')}"
    unit = {"money": "", "concurrency": "calls "}.get(limit.measure, f"{limit.measure} ")
    bound = f"{amount(limit.bound)} {unit}{window}"
    if not limit.standings:
        return [(limit.name, _of(limit, {}), bound, None, None, None, None, None, limit.mode)]
    return [
        (
            limit.name,
            _of(limit, one.values),
            bound,
            amount(one.used),
            amount(one.held),
            amount(one.remaining),
            None if one.resets is None else local_time(one.resets),
            None if one.exhausted is None else local_time(one.exhausted),
            limit.mode,
        )
        for one in limit.standings
    ]


def _of(limit: Limit, values: dict[str, str]) -> str:
    """What it is about: its scope, and the value that this count is of."""
    parts = [f"{name}={'|'.join(listed)}" for name, listed in limit.scope.items() if listed]
    parts += [f"{name}={values.get(name) or '(none)' if values else 'each'}" for name in limit.per]
    return " ".join(parts) or "the project"


@command.command("set")
@click.argument("name")
@click.option("--money", "dollars", metavar="USD", help="At most so many US dollars in each window.")
@click.option("--requests", type=click.IntRange(min=0), help="At most so many requests in each window.")
@click.option("--tokens", type=click.IntRange(min=0), help="At most so many tokens in each window.")
@click.option("--concurrency", type=click.IntRange(min=0), help="At most so many calls at once.")
@click.option("--window", help="minute, hour, day, week, month, or rolling_minute to rolling_month.")
@click.option("--timezone", default="UTC", show_default=True, help="Whose midnight begins days, weeks and months.")
@click.option("--scope", multiple=True, metavar="DIMENSION=VALUE", help="Only these calls; repeat for more values.")
@click.option("--per", multiple=True, type=click.Choice(DIMENSIONS), help="Count each value for itself; repeatable.")
@click.option("--soft", is_flag=True, help="Only tell when it is reached, refuse nothing.")
@click.option("--headers", is_flag=True, help="Tell what is left on every answer.")
@click.option(
    "--unknown-price",
    metavar="RULE",
    help="Of money, for a call of which no price is known: refuse (the default), ignore, or the US dollars it counts.",
)
@expect_option
@project_option
@api_command
def set_limit(name: str, *, expect: int | None, project: str, client: Client, as_json: bool, **options: Any) -> None:
    """Add the limit NAME, or replace it. With another bound its count goes on.

    \b
    Examples:
      trimtab limits set monthly --money 50 --window month --timezone Europe/Berlin
      trimtab limits set fair --requests 60 --window rolling_minute --per user
      trimtab limits set mobile --tokens 2000000 --window day --scope key=mobile-app
      trimtab limits set slots --concurrency 20 --scope provider=openai
      trimtab limits set trial --money 5 --window day --unknown-price 0.01
    """
    body = body_of(**options)
    known = {limit.name: limit for limit in client.limits(project)}
    if name in known or expect:
        expected = (known[name].revision or None) if expect is None else expect
        made = client.change_limit(project, name, body, expected_revision=expected)
    else:
        made = client.create_limit(project, name, body)
    if as_json:
        print_json(made)
    else:
        click.echo(f"The limit {made.name} is in force: {_rows(made)[0][2]}, of {_of(made, {})}.")
    told = _refused(made, client, project)
    if told:
        click.echo(told, err=True)


def _refused(limit: Limit, client: Client, project: str) -> str:
    """What the limit stops from now on, whatever is left of it: models without a known price. Nobody means that who
    sets a budget for the first time, and the calls that tell of it are those of users."""
    if (limit.measure, limit.mode, limit.unknown_price) != ("money", "hard", "refuse"):
        return ""
    try:
        models = client.models(project)
    except Forbidden:  # who may set limits and not look at models is told nothing of them
        return ""
    met = [m for m in models if _meets(limit, "model", m.name) and _meets(limit, "provider", m.provider)]
    names = [m.name for m in met if not m.price.known]
    if not names:
        return ""
    some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    them = "it" if len(names) == 1 else "them"
    return (
        f"Mind: no price is known of {some}, so this limit refuses calls of {them} now.\n"
        f"  -> trimtab models change {names[0]} --price INPUT OUTPUT, or this limit with --unknown-price ignore"
    )


def _meets(limit: Limit, dimension: str, value: str) -> bool:
    return value in (limit.scope.get(dimension) or [value])


def body_of(**options: Any) -> dict[str, Any]:
    """The API's body from the command's options. Raises `InvalidRequest` unless just one measure is given."""
    measures = {"money": "dollars", "requests": "requests", "tokens": "tokens", "concurrency": "concurrency"}
    given = [measure for measure, option in measures.items() if options[option] is not None]
    if len(given) != 1:
        raise InvalidRequest(
            "A limit counts one thing.", fix="Give one of --money, --requests, --tokens, --concurrency."
        )
    scope: dict[str, list[str]] = {}
    for part in options["scope"]:
        dimension, equals, value = part.partition("=")
        if dimension not in DIMENSIONS or not equals or not value:
            raise InvalidRequest(
                f"{part!r} is no scope.", fix=f"Write for example key=mobile-app; dimensions: {', '.join(DIMENSIONS)}."
            )
        scope.setdefault(dimension, []).append(value)
    body: dict[str, Any] = {
        "measure": given[0],
        "bound": str(options[measures[given[0]]]),
        "timezone": options["timezone"],
        "scope": scope,
        "per": list(options["per"]),
        "mode": "soft" if options["soft"] else "hard",
        "headers": options["headers"],
    }
    body |= {"window": options["window"]} if options["window"] else {}
    return body | _unknown_price(options["unknown_price"])


def _unknown_price(given: str | None) -> dict[str, str]:
    """What the API calls it: a rule, or the rule ``amount`` with how much."""
    if given is None:
        return {}
    return (
        {"unknown_price": given}
        if given in ("refuse", "ignore")
        else {"unknown_price": "amount", "unknown_amount": given}
    )


@command.command()
@click.argument("name")
@seen_option
@project_option
@api_command
def remove(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Remove a limit. What it counted stays until its window ends.

    \b
    Example:
      trimtab limits remove fair
    """
    client.delete_limit(project, name, expected_revision=expect)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"Removed the limit {name}.")


@command.command()
@project_option
@api_command
def events(*, project: str, client: Client, as_json: bool) -> None:
    """List what happened to limits, newest first: soft ones reached, hard ones used up, overdrafts, and calls that
    alone are larger than a whole limit.

    \b
    Example:
      trimtab limits events
    """
    found = client.limit_events(project)
    if as_json:
        print_json(found)
        return
    rows = [
        (local_time(e.at), e.limit, " ".join(f"{k}={v}" for k, v in e.values.items()), e.kind, e.used, e.bound)
        for e in found
    ]
    print_table(("AT", "LIMIT", "OF", "WHAT", "USED", "BOUND"), rows, empty="Nothing happened to any limit yet.")
