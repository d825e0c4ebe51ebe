"""`trimtab replay`: what another route would have meant for recorded traffic."""

import time
from pathlib import Path
from typing import Any

import click

from trimtab.cli.base import Span, api_command, money, print_json, print_table, project_option
from trimtab.cli.route_files import read_route
from trimtab.sdk import route_types as r
from trimtab.sdk.client import Client

REPLAY_S = 300.0
SHOWN = 10
"""Calls that would change; `--json` has more."""


@click.command()
@click.option("--route", "route", required=True, help="A route's name, or a file (YAML or JSON) with one.")
@click.option("--since", type=Span(), default="7d", show_default=True, help="How far back, e.g. 24h or 7d.")
@click.option("-q", "--query", "query", default="", help="Which calls, as in `trimtab traces list -q`.")
@click.option("--limit", type=click.IntRange(1, 20_000), default=1000, show_default=True, help="Newest calls to take.")
@project_option
@api_command
def command(*, route: str, since: int, query: str, limit: int, project: str, client: Client, as_json: bool) -> None:
    """Decide recorded calls again by another route, and estimate what cost, latency and refusals would have been.

    No provider is asked. Calls that would have gone where they went keep what happened; for others the outcome is
    estimated from what the new target did with other calls, with 95 % intervals, or is told as "not enough data".

    \b
    Examples:
      trimtab replay --since 7d --route new.yaml
      trimtab replay --route smart -q 'model:fast'
    """
    now = int(time.time() * 1000)
    request: dict[str, Any] = {"q": query, "start": now - since, "end": now, "limit": limit}
    request |= read_route(Path(route)) if _is_file(route) else {"name": route}
    request.pop("about", None)
    with Client(client.url, timeout=REPLAY_S) as patient:
        replayed = patient.replay(project, request)
    if as_json:
        print_json(replayed)
    else:
        _print(replayed)


def _is_file(route: str) -> bool:
    return route.endswith((".yaml", ".yml", ".json")) or Path(route).is_file()


def _print(replayed: r.Replay) -> None:
    report = replayed.report
    click.echo(f"{replayed.found} calls found, {report.calls} decided again: {report.same} go where they went,")
    click.echo(
        f"{report.moved} elsewhere, {report.refused} nowhere. Of those that go elsewhere there is not enough data"
    )
    click.echo(f"for {report.not_enough_data}, and {report.cut_off} were cut off by their client.\n")
    rows = [
        (f"cost of {report.priced} with a known one, US dollars", *_both(report.cost, "{:.6f}")),
        ("latency p50, ms", *_both(report.latency_p50, "{:.0f}")),
        ("latency p95, ms", *_both(report.latency_p95, "{:.0f}")),
        ("first attempts that fail", *_both(report.failures, "{:.2%}")),
        ("refusals", *_both(report.refusals, "{:.2%}")),
    ]
    click.echo(f"Of {report.compared} calls that can be compared:")
    print_table(("", "RECORDED", "REPLAYED (95 %)"), rows, empty="")
    click.echo(f"\nSent up at once by a judge of difficulty: {report.sent_up} of {report.judged} that were judged\n")
    if report.thresholds:
        told = ", ".join(f"{each.share:.0%} above {each.difficulty:g}" for each in report.thresholds)
        click.echo(f"Of their difficulties lie at most {told}.\n")
    shares = [
        (
            s.name or "-",
            s.provider,
            s.model,
            s.recorded,
            s.replayed,
            _records(s),
        )
        for s in report.targets
    ]
    print_table(("TARGET", "PROVIDER", "MODEL", "WENT", "WOULD GO", "RECORDS"), shares, empty="")
    if replayed.changes:
        click.echo(
            f"\nCalls that would change, {min(SHOWN, len(replayed.changes))} of {report.moved + report.refused}:"
        )
        print_table(
            ("TRACE", "WENT TO", "WOULD GO TO", "COST", "ABOUT"),
            [_change(c) for c in replayed.changes[:SHOWN]],
            empty="",
        )
    for note in report.notes:
        click.echo(f"\n{note}")


def _change(call: r.ReplayedCall) -> tuple[object, ...]:
    to = f"{call.provider} {call.model}" if call.model else "nowhere: refused"
    return call.trace_id, f"{call.before_provider} {call.before_model}", to, money(call.cost), money(call.expected)


def _records(share: r.TargetShare) -> str:
    return f"{share.attempts}{'' if share.estimated else ', too few'}"


def _both(sides: r.Sides, form: str) -> tuple[str, str]:
    recorded = "unknown" if sides.recorded is None else form.format(sides.recorded)
    made = sides.replayed
    if made is None:
        return recorded, "not known"
    return recorded, f"{form.format(made.value)} [{form.format(made.low)}, {form.format(made.high)}]"
