"""`trimtab costs`: what calls cost, by any dimension, and what of it was wasted."""

import time
from decimal import Decimal
from typing import Any

import click

from trimtab.cli.base import Span, api_command, local_time, money, print_json, print_table, project_option
from trimtab.core.errors import Forbidden, InvalidRequest
from trimtab.ledger.moments import moment
from trimtab.sdk.client import Client
from trimtab.sdk.cost_types import Attempt, CostGroup, CostReport, Energy

DIMENSIONS = (
    "model", "asked", "name", "provider", "feature", "segment", "user", "session", "key", "app", "release",
    "environment", "prompt", "tag", "outcome", "price", "tier", "day",
)  # fmt: skip


class Since(click.ParamType[int]):
    """A length of time back from now (``7d``) or a date (``2026-01-31``); its value is Unix milliseconds."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value)
        if text[-1:].isalpha() and text[:-1].isdigit():
            return int(time.time() * 1000) - Span().convert(text, param, ctx)
        try:
            return moment(text)
        except InvalidRequest as error:
            self.fail(f"{error.message} {error.fix} Or a length of time such as 7d.", param, ctx)


since_option = click.option(
    "--since", "--last", "since", type=Since(), default="30d", show_default=True, help="From: 7d, or a date."
)
until_option = click.option("--until", type=Since(), default=None, help="Until: a date. [default: now]")
filter_option = click.option(
    "-q", "--filter", "--query", "q", default="", help="E.g. 'feature:chat -outcome:answer cost:>0.01'."
)


@click.group()
def command() -> None:
    """What calls cost: by feature, user, key, model, prompt, day; the most expensive; the waste."""


@command.command()
@click.argument("dimension", type=click.Choice(DIMENSIONS), default="model")
@since_option
@until_option
@filter_option
@click.option("--limit", type=click.IntRange(1, 1000), default=None, help="How many groups. [default: 20; of CSV 1000]")
@click.option("--energy", is_flag=True, help="Estimate electricity and carbon too.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@project_option
@api_command
def by(*, dimension: str, project: str, client: Client, as_json: bool, **asked: Any) -> None:
    """Costs by DIMENSION (model, feature, user, key, day, ...), beside those of the period before.

    \b
    Examples:
      trimtab costs by feature --since 7d
      trimtab costs by user -q 'feature:chat model:gpt-4o*' --csv
    """
    where: dict[str, Any] = {"q": asked["q"], "start": asked["since"], "end": asked["until"], "group_by": dimension}
    if asked["as_csv"]:
        click.echo(client.costs.csv(project, **where, limit=asked["limit"] or 1000), nl=False)
        return
    energy = bool(asked["energy"])
    report = client.costs.report(project, **where, limit=asked["limit"] or 20, energy=energy)
    if as_json:
        print_json(report)
        return
    names = _key_names(client, project) if dimension == "key" else {}
    columns = [dimension.upper(), "CALLS", "TOKENS", "COST", "BEFORE", "UNPRICED", "ESTIMATED"]
    print_table(
        (*columns, "ENERGY") if energy else columns,
        [_row(group, report, names.get(group.group, ""), energy=energy) for group in report.groups],
        empty="No calls in this time. Make some, or look further back with --since.",
    )
    if report.groups:
        _foot(report)


def _key_names(client: Client, project: str) -> dict[str, str]:
    """Names by id: who asks which key costs most does not know them by their ids."""
    try:
        return {key.id: key.name for key in client.keys(project)}
    except Forbidden:  # who may see costs and no keys sees ids
        return {}


def _row(group: CostGroup, report: CostReport, name: str, *, energy: bool) -> tuple[object, ...]:
    totals = group.totals
    row = (
        f"{name} ({group.group})" if name else group.label or group.group or "-",
        totals.calls,
        totals.tokens.total,
        _shown(totals.cost, report),
        _shown(group.previous_cost, report),
        totals.unpriced or None,
        totals.estimated or None,
    )
    return (*row, _energy(group.energy)) if energy else row


def _shown(amount: str, report: CostReport) -> str:
    """In the project's currency, with six places at most."""
    value = (Decimal(amount) * Decimal(report.rate)).quantize(Decimal("0.000001"))
    text = f"{value:f}".rstrip("0").rstrip(".") if value else "0"
    return f"${text}" if report.currency == "USD" else text


def _foot(report: CostReport) -> None:
    currency = "" if report.currency == "USD" else f" {report.currency}"
    total, before = _shown(report.totals.cost, report), _shown(report.previous.cost, report)
    more = f"; {report.more} more groups cost {_shown(report.rest, report)}" if report.more else ""
    click.echo(f"\nTotal {total}{currency}, before {before}{currency}{more}")
    if report.totals.unpriced:
        click.echo(f"{report.totals.unpriced} attempts have no known price: the total is a lower bound.")
    if report.totals.estimated:
        share = _shown(report.totals.estimated_cost, report)
        click.echo(f"{report.totals.estimated} attempts are estimates ({share}).")


def _energy(energy: Energy | None) -> str | None:
    return None if energy is None else f"{energy.wh_low:g} to {energy.wh_high:g} Wh"


@command.command()
@since_option
@until_option
@filter_option
@project_option
@api_command
def waste(*, since: int, until: int | None, q: str, project: str, client: Client, as_json: bool) -> None:
    """What was paid and need not have been: retries, failures, cancelled calls, repeats, oversized context.

    \b
    Example:
      trimtab costs waste --since 7d
    """
    found = client.costs.waste(project, q=q, start=since, end=until)
    if as_json:
        print_json(found)
        return
    rows = [(line.kind, line.count, money(line.cost), line.unpriced or None, line.about) for line in found.lines]
    print_table(("KIND", "COUNT", "COST", "UNPRICED", "WHAT"), rows, empty="")
    click.echo(f"\n${found.total} of ${found.cost} ({found.share:.1%}).")
    for line in found.lines[:1]:
        if line.cost != "0":
            click.echo(line.fix)


@command.command()
@since_option
@until_option
@filter_option
@click.option("--limit", type=click.IntRange(1, 500), default=10, show_default=True, help="How many of each.")
@project_option
@api_command
def top(*, since: int, until: int | None, q: str, limit: int, project: str, client: Client, as_json: bool) -> None:
    """The most expensive calls and prompts.

    \b
    Example:
      trimtab costs top -q feature:chat
    """
    found = client.costs.top(project, q=q, start=since, end=until, limit=limit)
    if as_json:
        print_json(found)
        return
    print_table(_ATTEMPT, [_attempt(each) for each in found.calls], empty="No calls with a cost in this time.")
    if found.prompts:
        click.echo("")
        rows = [
            (each.prompt, each.preview, each.totals.calls, money(each.totals.cost), money(each.mean_cost))
            for each in found.prompts
        ]
        print_table(("PROMPT", "BEGINS", "CALLS", "COST", "PER CALL"), rows, empty="")


_ATTEMPT = ("AT", "REQUEST", "MODEL", "OUTCOME", "TOKENS", "COST", "PRICE")


def _attempt(each: Attempt) -> tuple[object, ...]:
    tokens = f"~{each.tokens.total}" if each.tokens.estimated else str(each.tokens.total)
    return (
        local_time(each.at), each.request_id, f"{each.provider}/{each.model}", each.outcome, tokens, money(each.cost),
        each.price or None,
    )  # fmt: skip


@command.command()
@click.argument("request", default="")
@since_option
@until_option
@filter_option
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many.")
@project_option
@api_command
def attempts(
    *,
    request: str,
    since: int,
    until: int | None,
    q: str,
    limit: int,
    project: str,
    client: Client,
    as_json: bool,
) -> None:
    """Rows of the ledger, newest first; of one call with its REQUEST id. PRICE is the row of the price book that made
    the cost; ~ marks an estimate.

    \b
    Examples:
      trimtab costs attempts req_0199...
      trimtab costs attempts -q outcome:crash
    """
    q = f"{q} request:{request}".strip() if request else q
    found = client.costs.attempts(project, q=q, start=since, end=until, limit=limit)
    if as_json:
        print_json(found)
        return
    print_table(_ATTEMPT, [_attempt(each) for each in found], empty="No attempts in this time.")
    for each in found if request else []:
        if each.booked_price != each.price:
            click.echo(f"Booked at ${each.booked_cost} by {each.booked_price}; re-priced since.")
        if each.told_cost is not None:
            counted = "do not know it" if each.counted_cost is None else f"make it ${each.counted_cost}"
            click.echo(f"{each.provider} said that it takes ${each.told_cost}; our own prices {counted}.")
