"""`trimtab query`: metrics by any dimensions, and over time."""

import time
from datetime import UTC, datetime
from typing import Any

import click

from trimtab.cli.base import Span, api_command, print_json, print_table, project_option
from trimtab.sdk.client import Client
from trimtab.sdk.search_types import Aggregate, Figure

UNPRICED = "unpriced"
MOST_METRICS = 16


@click.command()
@click.option("--query", "-q", default="", help="A search: model:gpt* cost:>0.01 -status:ok.")
@click.option("--metrics", "-m", default="count,cost,p95(duration)", show_default=True, help="What to compute.")
@click.option("--by", "-b", "group_by", default="", help="Dimensions: model,meta.team.")
@click.option("--every", "interval", default="none", show_default=True, help="A step of time: auto, 5m, 1h, 1d.")
@click.option("--of", type=click.Choice(["traces", "spans"]), default="traces", show_default=True, help="Rows.")
@click.option("--order", default="", help="A metric; with '-' before it from the largest. [default: -first]")
@click.option("--last", type=Span(), default="24h", show_default=True, help="How far back.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many groups.")
@project_option
@api_command
def command(*, client: Client, project: str, as_json: bool, last: int, **asked: Any) -> None:
    """Compute METRICS of what a search finds: count, errors, error_rate, cost, tokens, sum/avg/min/max/p50..p99 of
    duration, ttft, cost, tokens, input, output, meta.NAME; uniq(user), top(model,5).

    \b
    Examples:
      trimtab query --by model -m count,cost,p95(duration)
      trimtab query -q status:error --by error,provider --every 1h
    """
    metrics: str = asked["metrics"]
    found = client.search.aggregate(
        project,
        q=asked["query"],
        metrics=[metrics if as_json or not _lacks_unpriced(metrics) else f"{metrics},{UNPRICED}"],
        group_by=[asked["group_by"]] if asked["group_by"] else [],
        interval=asked["interval"],
        of=asked["of"],
        order=asked["order"],
        limit=asked["limit"],
        start=int(time.time() * 1000) - last,
    )
    if as_json:
        print_json(found)
        return
    show(found, folded=_lacks_unpriced(metrics))


def _lacks_unpriced(metrics: str) -> bool:
    """Whether a cost is asked for, and not how many calls have no price: then it is asked for as well, or what is known
    would look like all of it."""
    names = [name.strip() for name in metrics.split(",")]
    return "cost" in names and UNPRICED not in names and len(names) < MOST_METRICS


def show(found: Aggregate, *, folded: bool = False) -> None:
    """As a table. ``folded``: how many calls have no price is told by the cost alone, as a lower bound."""
    columns = [*(name.upper() for name in found.group_by), *(metric.name.upper() for metric in found.metrics)]
    if folded:
        columns.remove(UNPRICED.upper())
    empty = "Nothing matches. Look further back with --last, or loosen --query."
    if found.step_ms:
        points = [
            (_moment(point.start), *_names(point.group), *_figures(found, point.values, folded=folded))
            for point in found.series
        ]
        print_table(["FROM", *columns], points, empty=empty)
    else:
        groups = [(*_names(g.group), *_figures(found, g.values, folded=folded)) for g in found.groups]
        print_table(columns, groups, empty=empty)
    if found.more:
        click.echo(f"\n{found.more} more groups; --limit shows more.")


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _names(group: list[str]) -> list[str]:
    return [name or "-" for name in group]


def _figures(found: Aggregate, values: list[Figure], *, folded: bool) -> list[object]:
    named = dict(zip((metric.name for metric in found.metrics), values, strict=True))
    shown = [(metric, named[metric.name]) for metric in found.metrics if not folded or metric.name != UNPRICED]
    figures = [_figure(metric.unit, value) for metric, value in shown]
    if not named.get(UNPRICED):
        return figures
    return [
        f"≥ {figure}" if metric.name == "cost" and figure is not None else figure
        for (metric, _), figure in zip(shown, figures, strict=True)
    ]


def _figure(unit: str, value: Figure) -> object:
    if isinstance(value, list):
        return ", ".join(f"{each.value} ({each.count})" for each in value)
    if value is None:
        return None
    if unit == "usd":
        return f"${value}"
    if unit == "ms":
        return f"{value:g} ms"
    if unit == "ratio":
        return f"{value:.2%}"
    return value
