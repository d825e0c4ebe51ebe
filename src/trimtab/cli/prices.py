"""`trimtab prices`: what a team pays, from when until when; which row prices a model; past calls at today's prices."""

import csv
import io
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.cli.base import (
    FAILED,
    api_command,
    expect_option,
    local_time,
    money,
    print_json,
    print_table,
    project_option,
    seen_option,
)
from trimtab.cli.costs import Since
from trimtab.core.errors import InvalidRequest
from trimtab.ledger.moments import moment
from trimtab.ledger.overrides import Rates
from trimtab.sdk.client import Client
from trimtab.sdk.cost_types import DatedPrice, Repricing

POLL_S = 0.5
RATES = Rates.__struct_fields__
_KINDS = {
    "input": "tokens of input",
    "output": "tokens of output",
    "cache_read": "tokens read from the provider's cache",
    "cache_write": "tokens written to it",
    "cache_write_1h": "tokens written to it for an hour",
    "reasoning": "tokens of hidden reasoning",
    "audio_input": "tokens of audio in",
    "audio_output": "tokens of audio out",
    "image_input": "tokens of pictures in",
    "image_output": "tokens of pictures out",
    "cache_audio": "tokens of audio read from the provider's cache",
    "cache_image": "tokens of pictures read from it",
}


@click.group()
def command() -> None:
    """Your own dated prices beside the packaged price book, and re-pricing of past calls."""


@command.command("list")
@project_option
@api_command
def list_prices(*, project: str, client: Client, as_json: bool) -> None:
    """List the project's own dated prices. Rates are US dollars per million tokens.

    \b
    Example:
      trimtab prices list
    """
    prices = client.costs.prices(project)
    if as_json:
        print_json(prices)
        return
    print_table(
        ("ID", "PROVIDER", "MODEL", "TIER", "FROM", "TO", "RATES", "STATE", "NOTE"),
        [_row(price) for price in prices],
        empty="No prices of your own: the packaged book is in force. Set one with: "
        "trimtab prices set gpt-4o-mini --input 0.12 --output 0.48 --from 2026-01-01",
    )


_PRICED = {
    "in_force": "Calls from now on are priced by it.",
    "planned": "Calls are priced by it from then on.",
    "ended": "It has ended, so no call from now on is priced by it.",
}


def _moment(ms: int) -> str:
    """The day, UTC; with the time where a price does not change at midnight."""
    text = datetime.fromtimestamp(ms / 1000, tz=UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    return text.removesuffix("T00:00:00") + ("Z" if not text.endswith("T00:00:00") else "")


def _row(price: DatedPrice) -> tuple[object, ...]:
    begins = None if price.valid_from is None else _moment(price.valid_from)
    ends = None if price.valid_to is None else _moment(price.valid_to)
    rates = ", ".join(f"{name} {rate}" for name, rate in price.rates.items())
    tier = price.tier or None
    return price.id, price.provider, price.model, tier, begins, ends, rates, price.state, price.note or None


def _rate_options(function: Any) -> Any:
    for name in reversed(RATES):
        piece = name.startswith("per_")
        words = f"US dollars {name.replace('_', ' ')}." if piece else f"US dollars per million {_KINDS[name]}."
        function = click.option(f"--{name.replace('_', '-')}", name, default=None, metavar="USD", help=words)(function)
    return function


@command.command("set")
@click.argument("model")
@click.option("--provider", default="*", show_default=True, help="A provider's name, or a pattern.")
@click.option("--tier", default="", help="A service tier (flex, fast+us), or a pattern. [default: standard]")
@click.option("--from", "begins", default=None, help="The first moment it holds, e.g. 2026-01-01. [default: always]")
@click.option("--to", "ends", default=None, help="The first moment it no longer holds. [default: never]")
@click.option("--note", default="", help="Why, for people.")
@_rate_options
@project_option
@api_command
def set_price(
    *,
    model: str,
    provider: str,
    begins: str | None,
    ends: str | None,
    note: str,
    project: str,
    client: Client,
    as_json: bool,
    **more: str | None,
) -> None:
    """Say what MODEL (the provider's id, or a pattern such as 'gpt-4o*') costs you. Tokens per million; --per-request,
    --per-image, --per-search and --per-file-search by the piece.

    \b
    Examples:
      trimtab prices set gpt-4o-mini --provider openai --input 0.12 --output 0.48 --from 2026-01-01
      trimtab prices set 'lab-*' --input 0.05 --output 0.05
      trimtab prices set 'gpt-5*' --provider openai --tier priority --input 2.50 --output 20
    """
    tier = more.pop("tier") or ""
    given = {name: rate for name, rate in more.items() if rate is not None}
    row = _new(model=model, provider=provider, begins=begins, ends=ends, note=note, rates=given, tier=tier)
    (made,) = client.costs.add_prices(project, [row])
    if as_json:
        print_json(made)
    else:
        of_tier = f" in the tier {made.tier}" if made.tier else ""
        click.echo(f"Set {made.id} for {made.provider}/{made.model}{of_tier} ({made.state.replace('_', ' ')}).")
        click.echo(f"{_PRICED[made.state]} For past ones: trimtab prices reprice --since ... --dry-run")


def _new(
    *, model: str, provider: str, begins: str | None, ends: str | None, note: str, rates: dict[str, str], tier: str
) -> dict[str, object]:
    return {
        "model": model,
        "provider": provider,
        "tier": tier,
        "rates": rates,
        "valid_from": moment(begins, "from") if begins else None,
        "valid_to": moment(ends, "to") if ends else None,
        "note": note,
    }


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@project_option
@api_command
def import_prices(file: Path, *, project: str, client: Client, as_json: bool) -> None:
    """Add the prices of FILE: a CSV with the columns model, provider, tier, from, to, note and any of the rates
    (input, output, cache_read, ...), or a JSON list of the same. All are taken, or none.

    \b
    Example:
      trimtab prices import contract.csv
    """
    rows = read_prices(file.read_text(encoding="utf-8-sig"), file.name)
    added = client.costs.add_prices(project, rows)
    if as_json:
        print_json(added)
    else:
        click.echo(f"Added {len(added)} prices.")


def read_prices(text: str, name: str) -> list[dict[str, object]]:
    """Rows of a price file. Raises `InvalidRequest` with the row that is wrong."""
    try:
        found: list[dict[str, Any]] = (
            msgspec.json.decode(text, type=list[dict[str, Any]])
            if text.lstrip()[:1] in "[{"
            else list(csv.DictReader(io.StringIO(text)))
        )
    except (msgspec.DecodeError, csv.Error) as error:
        raise InvalidRequest(f"{name} cannot be read: {error}.", fix="Give a CSV, or a JSON list.") from None
    rows: list[dict[str, object]] = []
    for number, row in enumerate(found, start=1):
        values = {key: str(value).strip() for key, value in row.items() if value not in (None, "")}
        unknown = values.keys() - {"model", "provider", "tier", "from", "to", "note", *RATES}
        if unknown or "model" not in values:
            what = f"there is no column {sorted(unknown)[0]!r}" if unknown else "it names no model"
            raise InvalidRequest(
                f"Row {number} of {name}: {what}.",
                fix=f"Columns: model, provider, tier, from, to, note, {', '.join(RATES)}.",
            )
        rates = {key: value for key, value in values.items() if key in RATES}
        rows.append(
            _new(
                model=values["model"],
                provider=values.get("provider", "*"),
                tier=values.get("tier", ""),
                begins=values.get("from"),
                ends=values.get("to"),
                note=values.get("note", ""),
                rates=rates,
            )
        )
    if not rows:
        raise InvalidRequest(f"{name} holds no prices.", fix="Write one row per price.")
    return rows


@command.command()
@click.argument("model")
@click.option("--at", "at", default=None, help="Another moment, e.g. 2026-01-01. [default: now]")
@click.option("--tier", default="", help="A service tier, e.g. flex. [default: standard]")
@project_option
@api_command
def show(model: str, *, at: str | None, tier: str, project: str, client: Client, as_json: bool) -> None:
    """Which row prices MODEL (a model's name here, or provider/model-id), and what it says.

    \b
    Example:
      trimtab prices show fast --at 2026-01-31 --tier flex
    """
    price = client.price(project, model, at=None if at is None else moment(at, "at"), tier=tier)
    if as_json:
        print_json(price)
        return
    print_table(
        ("MODEL", "PROVIDER", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "ROW"),
        [
            (
                price.model,
                price.provider,
                money(price.input),
                money(price.output),
                money(price.cache_read),
                money(price.cache_write),
                price.source or "unknown",
            )
        ],
        empty="",
    )
    if price.note:
        click.echo(price.note)


@command.command()
@click.argument("price_id")
@click.option("--to", "ends", required=True, help="The first moment it no longer holds, e.g. 2026-07-01.")
@seen_option
@project_option
@api_command
def end(price_id: str, *, expect: int | None, ends: str, project: str, client: Client, as_json: bool) -> None:
    """Let a dated price end; what it priced stays.

    \b
    Example:
      trimtab prices end prc_0199... --to 2026-07-01
    """
    ended = client.costs.end_price(project, price_id, moment(ends, "to"), expected_revision=expect)
    if as_json:
        print_json(ended)
    else:
        click.echo(f"{price_id} ends {ends}.")


@command.command()
@click.argument("price_id")
@seen_option
@project_option
@api_command
def remove(price_id: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Remove a dated price that should never have been.

    \b
    Example:
      trimtab prices remove prc_0199...
    """
    client.costs.delete_price(project, price_id, expected_revision=expect)
    if as_json:
        print_json({"removed": price_id})
    else:
        click.echo(f"Removed {price_id}.")


@command.command()
@project_option
@api_command
def book(*, project: str, client: Client, as_json: bool) -> None:
    """The packaged price book: its version and age.

    \b
    Example:
      trimtab prices book
    """
    found = client.costs.book(project)
    if as_json:
        print_json(found)
        return
    age = "unknown" if found.age_days is None else f"{found.age_days} days"
    click.echo(
        f"genai-prices {found.version}, {found.rows} models, age {age}; {found.own} prices of your own hold now."
    )
    if found.stale:
        click.echo("It may be out of date: pip install --upgrade genai-prices, or set prices of your own.")


@command.command()
@click.argument("code", default="USD")
@click.argument("rate", default="")
@expect_option
@project_option
@api_command
def currency(code: str, rate: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Show costs in another currency: RATE of CODE is one US dollar. The books stay in US dollars.

    \b
    Examples:
      trimtab prices currency EUR 0.92
      trimtab prices currency USD
    """
    shown = client.costs.set_currency(project, None if code == "USD" else code, rate or None, expected_revision=expect)
    if as_json:
        print_json(shown)
    else:
        click.echo(f"Costs are shown in {shown.code or 'US dollars'}.")


@command.command()
@click.option("--since", type=Since(), required=True, help="From: 30d, or a date.")
@click.option("--until", type=Since(), default=None, help="Until: a date. [default: now]")
@click.option("--dry-run", is_flag=True, help="Report what would change, and change nothing.")
@project_option
@click.pass_context
@api_command
def reprice(
    ctx: click.Context,
    *,
    since: int,
    until: int | None,
    dry_run: bool,
    project: str,
    client: Client,
    as_json: bool,
) -> None:
    """Price past calls by today's book and your own prices. What was booked stays on each row. The job goes on in the
    server if this command is interrupted.

    \b
    Example:
      trimtab prices reprice --since 2026-01-01 --dry-run
    """
    job = client.costs.reprice(project, since, until, dry_run=dry_run)
    while job.state == "running":
        time.sleep(POLL_S)
        job = client.costs.repricing(project, job.id)
    if as_json:
        print_json(job)
    else:
        _tell(job)
    if job.state == "failed":
        ctx.exit(FAILED)


def _tell(job: Repricing) -> None:
    if job.state == "failed":
        click.echo(f"{job.id} failed: {job.problem}", err=True)
        return
    print_table(
        ("PROVIDER", "MODEL", "FROM ROW", "TO ROW", "ROWS", "BEFORE", "AFTER"),
        [
            (d.provider, d.model, *(price or "unknown" for price in (d.from_price, d.to_price)), d.rows, *amounts)
            for d in job.differences
            for amounts in [(money(d.before), money(d.after))]
        ],
        empty="Nothing changes: every row already has today's price.",
    )
    verb = "would change" if job.dry_run else "changed"
    click.echo(f"\n{job.changed} of {job.looked_at} attempts {verb}: ${job.before} -> ${job.after}.")
    if job.unpriced_after:
        click.echo(f"{job.unpriced_after} have no known price still (before: {job.unpriced_before}).")
    if job.no_price_today:
        click.echo(f"{job.no_price_today} have a cost that no price of today says: they keep it.")


@command.command()
@project_option
@api_command
def repricings(*, project: str, client: Client, as_json: bool) -> None:
    """Past re-pricings, newest first.

    \b
    Example:
      trimtab prices repricings
    """
    jobs = client.costs.repricings(project)
    if as_json:
        print_json(jobs)
        return
    print_table(
        ("ID", "STATE", "DRY RUN", "SINCE", "UNTIL", "CHANGED", "BEFORE", "AFTER"),
        [
            (
                job.id,
                job.state,
                "yes" if job.dry_run else "no",
                local_time(job.since),
                local_time(job.until),
                job.changed,
                money(job.before),
                money(job.after),
            )
            for job in jobs
        ],
        empty="None yet. Start one with: trimtab prices reprice --since 30d --dry-run",
    )
