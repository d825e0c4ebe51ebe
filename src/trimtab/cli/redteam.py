"""`trimtab redteam`: attacks on a release, and what broke through."""

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, cast

import click

from trimtab.cli.base import api_command, money, print_json, print_table, project_option
from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.experiment_types import Experiment
from trimtab.sdk.redteam import RedteamEstimate

BROKEN_THROUGH = 1


@click.command()
@click.argument("subjects", nargs=-1)
@click.option("--families", "list_families", is_flag=True, help="List the families of attacks, and end.")
@click.option("--family", "families", multiple=True, help="Only this family; again for more. [default: all]")
@click.option("--attacks", type=click.IntRange(1, 200), default=12, show_default=True, help="How many of each family.")
@click.option(
    "--mutated", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Share put in other words."
)
@click.option("--mutator", "mutators", multiple=True, help="Only this disguise; again for more. [default: all]")
@click.option(
    "--seeds",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of your own texts that a guard stopped, one a line.",
)
@click.option("--tool", "tools", multiple=True, help="A tool of the release's own that no attack may bring it to call.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="The same gives the same.")
@click.option("--budget", default="", metavar="DOLLARS", help="Stop where so much is spent.")
@click.option(
    "--most", type=click.FloatRange(0, 1), default=None, help="Exit with 1 where a larger share broke through."
)
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write Markdown there ('-': print).")
@click.option(
    "--ask-above", default="1", show_default=True, metavar="DOLLARS", help="Ask first where it may cost more than that."
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--no-wait", is_flag=True, help="Start it, print its experiment, and leave it to the server.")
@project_option
@api_command
def command(
    subjects: tuple[str, ...],
    *,
    list_families: bool,
    seeds: Path | None,
    most: float | None,
    markdown: Path | None,
    project: str,
    client: Client,
    as_json: bool,
    **asked: Any,
) -> None:
    """Attack a release, or two side by side, and tell what broke through by OWASP's LLM Top 10.

    Calls go through the live path, and cost what calls cost: it says about how much before it begins. Refusals, blocks
    and errors are counted apart.

    \b
    Exit codes: 0 done (and no more than --most broke through)    1 more did, or it could not run

    \b
    Examples:
      trimtab redteam support@r12
      trimtab redteam support@r12 support@r11 --family injection --family leakage --attacks 40
      trimtab redteam support@staging --most 0.02 --markdown report.md
    """
    if list_families:
        _families(client, project, as_json=as_json)
        return
    if not 1 <= len(subjects) <= 2:
        raise InvalidRequest("One or two releases are attacked.", fix="Name them: trimtab redteam support@r12")
    no_wait, yes = bool(asked.pop("no_wait")), bool(asked.pop("yes"))
    bound = bound_of(str(asked.pop("ask_above")))
    several = ("families", "mutators", "tools")
    given = {name: list(cast("tuple[str, ...]", v)) if name in several else v for name, v in asked.items()}
    if seeds is not None:
        given["seeds"] = [line for line in seeds.read_text(encoding="utf-8").splitlines() if line.strip()]
    consider(client.redteam.estimate(project, subjects, **given), bound, yes=yes)
    started = client.redteam.start(project, subjects, **given)
    click.echo(f"{started.attacks:,} attacks on {' and '.join(started.experiment.subjects)}", err=True)
    if no_wait:
        print_json(started) if as_json else click.echo(started.experiment.id)
        return
    ended = client.experiments.wait(project, started.experiment.id, told=_Progress())
    if ended.reason:
        click.echo(ended.reason, err=True)
    form = "markdown" if markdown is not None else "terminal"
    report = client.redteam.report(project, ended.id, form)
    if as_json:
        print_json(report)
    elif markdown is None or str(markdown) == "-":
        click.echo(report.text, nl=False)
    else:
        markdown.write_text(report.text, encoding="utf-8")
        click.echo(f"Wrote {markdown}.", err=True)
    if ended.state != "done" or (most is not None and any((each.rate or 0) > most for each in report.total)):
        sys.exit(BROKEN_THROUGH)


def bound_of(amount: str) -> Decimal:
    """Raises `InvalidRequest`."""
    try:
        bound = Decimal(amount)
    except InvalidOperation:
        bound = Decimal(-1)
    if not bound.is_finite() or bound < 0:
        raise InvalidRequest(f"{amount[:40]!r} is no amount of money.", fix="Write dollars, e.g. --ask-above 2.50.")
    return bound


def consider(found: RedteamEstimate, bound: Decimal, *, yes: bool) -> None:
    """Say what it would cost. Raises `Conflict` where that is more than its budget or the bound, and nobody agreed."""
    for each in found.subjects:
        tokens = f"{each.input_tokens or 0:,} + {each.output_tokens or 0:,} tokens"
        cost = money(each.cost) or "at an unknown price"
        click.echo(f"{each.subject}: {each.calls:,} calls of about {tokens}, {cost} ({each.basis})", err=True)
    reasons = ["It is about to cost more than its budget."] if found.over_budget else []
    if Decimal(found.at_least) > bound:
        reasons.append(f"It is about to cost {money(found.at_least)}{' or more' if found.unknown else ''}.")
    if not reasons or yes:
        return
    why = " ".join(reasons)
    if sys.stdin.isatty() and click.confirm(f"{why} Go on?", err=True):
        return
    fix = "Put fewer attacks (--attacks, --family), raise --budget or --ask-above, or agree with --yes."
    raise Conflict(why, fix=fix, code="too_dear")


def _families(client: Client, project: str, *, as_json: bool) -> None:
    found = client.redteam.families(project)
    if as_json:
        print_json(found)
        return
    print_table(
        ("FAMILY", "OWASP", "WHAT IT DOES"), [(each.name, ", ".join(each.owasp), each.about) for each in found.items],
        empty="None.",
    )  # fmt: skip
    click.echo(f"\nDisguises (--mutator): {', '.join(found.mutators)}")


class _Progress:
    """A line at every tenth."""

    def __init__(self) -> None:
        self._tenth = -1

    def __call__(self, found: Experiment) -> None:
        share = found.done / found.cells if found.cells else 1.0
        if int(10 * share) != self._tenth:
            self._tenth = int(10 * share)
            cost = money(found.cost) or "at an unknown price"
            click.echo(f"{found.state}: {found.done:,} of {found.cells:,} answers, {cost}", err=True)
