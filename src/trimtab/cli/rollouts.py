"""`trimtab rollouts`: how releases move into environments, watched and moved by hand."""

from collections.abc import Callable
from typing import Any

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option
from trimtab.sdk.client import Client
from trimtab.sdk.rollout_types import Rollout
from trimtab.sdk.rollouts import Move


@click.group()
def command() -> None:
    """Rollouts: watch them, and move them by hand. 'trimtab release promote' begins one."""


@command.command("list")
@click.option("--app", default=None, help="Only of this app.")
@click.option("--environment", default=None, help="Only in this environment.")
@click.option("--open", "only_open", is_flag=True, help="Only those that have not ended.")
@project_option
@api_command
def list_rollouts(
    *, app: str | None, environment: str | None, only_open: bool, project: str, client: Client, as_json: bool
) -> None:
    """List rollouts, newest first.

    \b
    Example:
      trimtab rollouts list --open
    """
    state = "open" if only_open else ""
    found = list(client.rollouts.list(project, app=app, environment=environment, state=state))
    if as_json:
        print_json(found)
        return
    rows = [
        (each.id, each.app, each.environment, moves(each), each.plan.get("kind", "canary"), words(each),
         local_time(each.started), each.author_name)
        for each in found
    ]  # fmt: skip
    titles = ("ID", "APP", "ENVIRONMENT", "RELEASES", "KIND", "STATE", "BEGUN", "BY")
    print_table(titles, rows, empty="None: trimtab release promote APP RELEASE")


@command.command("metrics")
@project_option
@api_command
def list_metrics(*, project: str, client: Client, as_json: bool) -> None:
    """List what the guards of a rollout's rules may watch.

    \b
    Example:
      trimtab rollouts metrics
    """
    found = client.rollouts.metrics(project)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.name, each.better, f"{100 * each.margin:g} {'%' if each.relative else 'points'}", each.about)
        for each in found
    ]
    print_table(("METRIC", "BETTER", "MARGIN", "WHAT IT IS"), rows, empty="None.")


def moves(each: Rollout) -> str:
    return f"{'nothing' if each.stable is None else f'r{each.stable}'} -> r{each.candidate}"


def words(each: Rollout) -> str:
    """Its state, and while it is open whom the candidate answers, or how many calls are copied for it."""
    state = each.state.replace("_", " ")
    if each.ended is not None:
        return state
    if each.plan.get("kind") == "segments":
        return f"{state} for its segment"
    return f"{state} {'with copies of' if each.plan.get('kind') == 'shadow' else 'at'} {100 * each.share:g} %"


@command.command()
@click.argument("rollout")
@project_option
@api_command
def show(rollout: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show a rollout: where it is, what both releases did, and why it is so.

    \b
    Example:
      trimtab rollouts show ro_0199aabb
    """
    found = client.rollouts.get(project, rollout)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found.app} in {found.environment}: {moves(found)}, {words(found)}")
    steps = found.plan.get("steps")
    if steps and found.ended is None:
        click.echo(f"Step {found.step + 1} of {len(steps)}, since {local_time(found.step_started)}")
    for label, text in (("Note", found.note), ("Why", found.reason), ("Override", found.override or "")):
        if text:
            click.echo(f"{label}: {text}")
    evidence: dict[str, Any] = found.evidence or {}
    if evidence:
        click.echo(f"Figures: {evidence['reason']}")
        for each in evidence["evidence"]:
            click.echo(f"  {each['says']}")
    if found.waits:
        click.echo(f"Waits: {found.waits}")
    if found.actions:
        click.echo(f"Can be done: {', '.join(action.replace('_', '') for action in found.actions)}")


def _mover(move: Move, about: str, example: str) -> click.Command:
    """A command that makes one move."""

    @click.argument("rollout")
    @click.option("--reason", "-m", default="", help="Why, in a sentence.")
    @click.option("--override", default="", help="An administrator: why without what is demanded.")
    @project_option
    @api_command
    def run(rollout: str, *, reason: str, override: str, project: str, client: Client, as_json: bool) -> None:
        made = client.rollouts.move(project, rollout, move, reason=reason, override=override)
        if as_json:
            print_json(made)
        else:
            click.echo(f"{made.app} in {made.environment}: {moves(made)}, {words(made)}.")

    run.__doc__ = f"{about}\n\n\b\nExample:\n  {example}\n"
    made: Callable[[Any], click.Command] = command.command(move)
    return made(run)


_mover("advance", "Go to the next step now.", "trimtab rollouts advance ro_0199aabb")
_mover("hold", "Go no further until it is resumed; it may still be rolled back.", "trimtab rollouts hold ro_0199aabb")
_mover("resume", "Let it go on.", "trimtab rollouts resume ro_0199aabb")
_mover("promote", "All traffic to the candidate.", "trimtab rollouts promote ro_0199aabb -m 'Looks good'")
_mover("rollback", "All traffic to the stable release.", "trimtab rollouts rollback ro_0199aabb -m 'Odd answers'")
_mover("stop", "End it without a judgement: the stable release stays.", "trimtab rollouts stop ro_0199aabb")
