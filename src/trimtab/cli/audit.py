"""`trimtab audit`: who did what, when and why."""

import itertools
import time
from typing import Any, cast

import click

from trimtab.cli.base import Span, api_command, local_time, print_json, print_table, project_option
from trimtab.sdk.client import Client
from trimtab.sdk.rollout_types import AuditEntry


@click.group()
def command() -> None:
    """The audit trail: who did what, when and why."""


@command.command("list")
@click.option("--subject", default="", help="What it was done to, e.g. 'rollout:support@production:*'.")
@click.option("--action", default="", help="What was done, e.g. 'rollout.*'.")
@click.option("--actor", default="", help="A key's id, or 'rollout controller'.")
@click.option("--last", type=Span(), default=None, help="Only of the last so much time, e.g. 7d.")
@click.option("--limit", "-n", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@project_option
@api_command
def list_entries(*, last: int | None, limit: int, project: str, client: Client, as_json: bool, **wanted: Any) -> None:
    """List what was done, newest first.

    \b
    Example:
      trimtab audit list --subject 'placement:support@production'
    """
    start = None if last is None else int(time.time() * 1000) - last
    found = list(itertools.islice(client.rollouts.audit(project, start=start, **wanted), limit))
    if as_json:
        print_json(found)
        return
    rows = [(local_time(e.at), e.actor_name, e.action, e.subject, _change(e), _why(e)) for e in found]
    print_table(("WHEN", "WHO", "DID", "TO", "CHANGE", "WHY"), rows, empty="Nothing was done yet.")


def _why(entry: AuditEntry) -> str | None:
    reason, message, override = (str(entry.detail.get(name) or "") for name in ("reason", "message", "override"))
    reason = reason or message  # of a release
    return " ".join(filter(None, (reason, override and f"Override: {override}"))) or None


def _change(entry: AuditEntry) -> str | None:
    """What a placement or a rollout came from and to; nothing of entries that tell it otherwise (`--json` has all)."""
    if entry.action == "placement.changed":
        before, after = (_release(entry.detail.get(name)) for name in ("from", "to"))
        return f"{before} -> {after}"
    shares = [_share(entry.detail.get(name)) for name in ("from", "to")]
    if not entry.action.startswith("rollout.") or shares[1] is None:
        return None
    candidate = _release(entry.detail.get("candidate"))
    return (
        f"{candidate} at {shares[1]}" if shares[0] in (None, shares[1]) else f"{candidate} {shares[0]} -> {shares[1]}"
    )


def _release(number: object) -> str:
    return "nothing" if number is None else f"r{number}"


def _share(state: object) -> str | None:
    share = cast("dict[str, Any]", state).get("share") if isinstance(state, dict) else None
    return None if share is None else f"{100 * share:g} %"
