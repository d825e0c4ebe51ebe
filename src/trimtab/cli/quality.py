"""`trimtab quality`: how a score goes by release and day."""

from datetime import UTC, datetime
from typing import Any

import click

from trimtab.cli.base import api_command, print_json, print_table, project_option
from trimtab.sdk.client import Client
from trimtab.sdk.online_types import Quality, QualityLine


@click.command()
@click.argument("score")
@click.option("--app", default="", help="Answers of this app only.")
@click.option("--environment", default="", help="Of this environment only.")
@click.option("-q", "q", default="", help="Of answers that this search finds.")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far back.")
@click.option("--by-day", is_flag=True, help="Each day on a line of its own.")
@project_option
@api_command
def command(
    score: str, *, days: int, by_day: bool, project: str, client: Client, as_json: bool, **narrowed: Any
) -> None:
    """Show how a score goes by release, with 95 % intervals.

    \b
    Example:
      trimtab quality helpful --app support --by-day
    """
    start = int(datetime.now(UTC).timestamp() * 1000) - days * 86_400_000
    found = client.online.quality(project, score, start=start, **narrowed)
    if as_json:
        print_json(found)
        return
    lines = found.days if by_day else found.releases
    columns = ("DAY",) * by_day + ("APP", "RELEASE", "BY", "MEAN", "FROM", "TO", "CORRECTED", "SCORED", "COULD NOT")
    print_table(columns, [_row(each, by_day=by_day) for each in lines], empty="No such score in this time.")
    click.echo(found.says)


def _row(line: QualityLine, *, by_day: bool) -> tuple[object, ...]:
    found = line.quality
    day = datetime.fromtimestamp((line.day or 0) / 1000, UTC).strftime("%Y-%m-%d")
    own = (
        line.app or None,
        line.release or None,
        line.source,
        _number(found.value),
        _number(found.low),
        _number(found.high),
    )
    return (day,) * by_day + (*own, _corrected(found), found.n, found.unscored)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"


def _corrected(found: Quality) -> str | None:
    if found.corrected is None:
        return None
    return f"{found.corrected:.3g} ({found.corrected_low:.3g} to {found.corrected_high:.3g})"
