"""`trimtab release promote|rollback|status|approve`: what a release needs, and bringing it where it runs."""

import re
from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option
from trimtab.cli.rollouts import moves, words
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.rollout_types import Environment, Placement

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,12})?)(%?)")
_STEP = re.compile(r"([^:]+)(?::(\d{1,6})([smhd]))?(?::(\d{1,9}))?")
in_option = click.option("--in", "environment", default=None, help="The environment. [default: the default one]")


def _default(client: Client, project: str) -> str:
    found: list[Environment] = client.rollouts.environments(project)
    return next(each.name for each in found if each.default)


@click.command()
@click.argument("app")
@click.argument("release", default="latest")
@in_option
@click.option("--kind", type=click.Choice(["direct", "canary", "ab", "shadow", "segments"]), default=None,
              help="How it gets there. [default: canary where something runs, else direct]")  # fmt: skip
@click.option(
    "--step", "steps", multiple=True, help="Of a canary: SHARE[:TIME[:CALLS]], e.g. 5%:10m:100 or 0.05:10m:100."
)
@click.option("--share", default=None, help="Of A/B and shadow, e.g. 50% or 0.5.")
@click.option(
    "--segment", "segment", multiple=True, help="Whom segments are for: user=, session=, tags=, key=, meta.X="
)
@click.option(
    "--sticky", type=click.Choice(["user", "session", "request"]), default=None, help="Who stays on one side."
)
@click.option("--budget", default=None, help="What the copies of a shadow may cost in all, e.g. 5.00.")
@click.option("--rules", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
              help="A JSON file with the rules it goes by.")  # fmt: skip
@click.option("--note", "-m", default="", help="What changes and why.")
@click.option("--override", default="", help="An administrator: why without what is demanded.")
@project_option
@api_command
def promote(
    app: str, release: str, *, environment: str | None, note: str, override: str, project: str, client: Client,
    as_json: bool, **given: Any,
) -> None:  # fmt: skip
    """Bring a release to an environment: step by step where another one runs, at once where none does.

    \b
    Examples:
      trimtab release promote support r12 --in staging --kind direct
      trimtab release promote support r12 --kind canary --step 5%:10m:100 --step 50%:1h -m "Warmer"
    """
    where = environment or _default(client, project)
    made = client.rollouts.start(
        project, app, where, release, plan=_plan(given), note=note, override=override
    )  # fmt: skip
    if as_json:
        print_json(made)
    else:
        click.echo(f"{app} in {where}: {moves(made)}, {words(made)} ({made.id}).")


def _plan(given: dict[str, Any]) -> dict[str, Any] | None:
    """None where nothing was said of it: the server knows what runs there."""
    plan: dict[str, Any] = {name: given[name] for name in ("sticky", "budget") if given[name] is not None}
    if given["share"] is not None:
        plan["share"] = _share(given["share"], "share")
    if given["steps"]:
        plan["steps"] = [_step(text) for text in given["steps"]]
    if given["segment"]:
        plan["segment"] = _segment(given["segment"])
    if given["rules"] is not None:
        try:
            plan["rules"] = msgspec.json.decode(given["rules"].read_bytes())
        except msgspec.DecodeError as error:
            raise InvalidRequest(f"{given['rules']} is no JSON: {error}.", fix="docs/rollouts.md has rules.") from error
    kind = given["kind"] or _implied(plan)
    return {"kind": kind, **plan} if kind or plan else None


def _implied(plan: dict[str, Any]) -> str | None:
    """The only kind that has what was given."""
    kinds = {"steps": "canary", "segment": "segments", "budget": "shadow", "share": "ab", "rules": "canary"}
    kinds["sticky"] = "canary"
    return next((kind for name, kind in kinds.items() if name in plan), None)


def _share(text: str, param: str) -> float:
    """``5%`` and ``0.05`` are the same share."""
    found = _SHARE.fullmatch(text.strip())
    share = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 < share <= 1:
        raise InvalidRequest(f"{text!r} is no share.", fix="Write e.g. 5% or 0.05, at most 100%.", param=param)
    return share


def _step(text: str) -> dict[str, Any]:
    found = _STEP.fullmatch(text.strip())
    if found is None:
        raise InvalidRequest(f"{text!r} is no step.", fix="Write SHARE[:TIME[:CALLS]], e.g. 5%:10m:100.", param="step")
    step: dict[str, Any] = {"share": _share(found[1], "step")}
    if found[2]:
        step["hold_s"] = int(found[2]) * _SECONDS[found[3]]
    if found[4]:
        step["samples"] = int(found[4])
    return step


def _segment(given: tuple[str, ...]) -> dict[str, Any]:
    segment: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not (name in ("user", "session", "tags", "key") or name.startswith("meta.")):
            raise InvalidRequest(
                f"{text!r} says nobody.", fix="Write e.g. tags=internal, user=ada@* or meta.plan=beta.", param="segment"
            )
        if name.startswith("meta."):
            segment.setdefault("metadata", {}).setdefault(name.removeprefix("meta."), []).append(value)
        else:
            segment.setdefault(name, []).append(value)
    return segment


@click.command()
@click.argument("app")
@in_option
@click.option("--to", default=None, help="A release that ran there some time. [default: the one before]")
@click.option("--reason", "-m", default="", help="Why, in a sentence.")
@project_option
@api_command
def rollback(
    app: str, *, environment: str | None, to: str | None, reason: str, project: str, client: Client, as_json: bool
) -> None:
    """Go back: end an open rollout, or put the release back that ran before. Nothing stands in its way.

    \b
    Example:
      trimtab release rollback support --in production -m "Odd answers"
    """
    made = client.rollouts.roll_back(project, app, environment or _default(client, project), to=to, reason=reason)
    if as_json:
        print_json(made)
    else:
        click.echo(f"{app} in {made.environment} is r{made.stable} on every worker.")


@click.command()
@click.argument("app", default="")
@project_option
@api_command
def status(app: str, *, project: str, client: Client, as_json: bool) -> None:
    """What runs of an app in every environment, since when and by whom, and what is under way; without APP, of all.

    \b
    Example:
      trimtab release status support
    """
    names = [app] if app else [each.name for each in client.apps.list(project)]
    found = [placement for name in names for placement in client.rollouts.placements(project, name)]
    if as_json:
        print_json(found)
        return
    shown = found if app else [each for each in found if each.stable is not None or each.open is not None]
    rows = [(each.app, each.environment, *_runs(client, project, each), _open(each)) for each in shown]
    print_table(("APP", "ENVIRONMENT", "RUNS", "SINCE", "BY", "UNDER WAY"), rows, empty="Nothing runs yet.")


def _runs(client: Client, project: str, each: Placement) -> tuple[str | None, str | None, str | None]:
    """The release, since when it runs, and who brought it there: a rollout that went back changes neither."""
    if each.stable is None:
        return None, None, None
    subject = f"placement:{each.app}@{each.environment}"
    newest = next(client.rollouts.audit(project, subject=subject, action="placement.changed"), None)
    if newest is None:
        return f"r{each.stable}", None, None
    return f"r{each.stable}", local_time(newest.at), newest.actor_name


def _open(each: Placement) -> str | None:
    there = each.open
    return (
        None
        if there is None
        else f"{there.plan.get('kind', 'canary')} to r{there.candidate}, {words(there)} ({there.id})"
    )


@click.command()
@click.argument("app")
@click.argument("release", default="latest")
@in_option
@click.option("--note", "-m", default="", help="What you looked at.")
@click.option("--withdraw", is_flag=True, help="Take your approval back.")
@project_option
@api_command
def approve(
    app: str, release: str, *, environment: str | None, note: str, withdraw: bool, project: str, client: Client,
    as_json: bool,
) -> None:  # fmt: skip
    """Stand for a release that somebody else made.

    \b
    Example:
      trimtab release approve support r12 --in production -m "Read all 42 answers"
    """
    where = environment or _default(client, project)
    if withdraw:
        client.rollouts.withdraw_approval(project, app, release, environment=where)
    else:
        client.rollouts.approve(project, app, release, environment=where, note=note)
    ready = client.rollouts.readiness(project, app, where, release)
    if as_json:
        print_json(ready)
        return
    click.echo(f"{'Taken back' if withdraw else 'Approved'}: {app} r{ready.release} in {where}.")
    for each in ready.checks:
        click.echo(f"  {'met' if each.met else 'lacks'}: {each.detail}")


COMMANDS = (promote, rollback, status, approve)
