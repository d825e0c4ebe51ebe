"""`trimtab audit`: who did what, when and why."""

import itertools
import sys
import time
from typing import IO, Any, cast

import click
import msgspec

from trimtab.cli.base import Span, api_command, local_time, print_json, print_table, project_option
from trimtab.governance.audit_chain import Checkpoint, is_signed
from trimtab.sdk.client import Client
from trimtab.sdk.rollout_types import AuditEntry, AuditVerified
from trimtab.sdk.rollouts import Rollouts


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


instance_option = click.option("--instance", is_flag=True, help="What belongs to no project, instead of a project's.")


@command.command()
@click.option(
    "--checkpoint",
    type=click.File("rb"),
    help="One that `trimtab audit checkpoint` wrote earlier: the log must still hold what it vouches for.",
)
@instance_option
@project_option
@api_command
def verify(*, checkpoint: IO[bytes] | None, instance: bool, project: str, client: Client, as_json: bool) -> None:
    """Hold the audit log against its hashes and signatures; exit 1 if anything was tampered with.

    \b
    Example:
      trimtab audit verify --checkpoint last-month.json
    """
    of = None if instance else project
    found = client.rollouts.verify_audit(of)
    problems = [each.what for each in found.problems]
    if checkpoint is not None:
        problems += _kept(checkpoint.read(), found, client.rollouts, of)
    if as_json:
        print_json({**msgspec.to_builtins(found), "ok": not problems, "problems": problems})
    elif problems:
        for what in problems:
            click.echo(what)
        more = found.found - len(found.problems)
        click.echo(f"The audit log was tampered with, or damaged{f' ({more:,} more problems)' if more else ''}.")
    else:
        signed = f"signed up to entry {found.signed:,}" if found.signed else "nothing is signed yet"
        click.echo(f"{found.entries:,} entries are as they were written; {signed}, key {found.key[:16]}.")
    if problems:
        sys.exit(1)


def _kept(body: bytes, found: AuditVerified, rollouts: Rollouts, of: str | None) -> list[str]:
    """What is wrong with the log by a checkpoint that was kept elsewhere."""
    try:
        mark = msgspec.json.decode(body, type=Checkpoint)
    except msgspec.DecodeError as error:
        raise click.ClickException(f"This is no checkpoint: {error}. `trimtab audit checkpoint` writes one.") from error
    if mark.chain != found.chain:
        return ["The checkpoint that was kept is of another log."]
    if not is_signed(mark):
        return ["The checkpoint that was kept has a signature that does not fit."]
    if mark.key != found.key:
        return [f"The checkpoint that was kept was signed by another key ({mark.key[:16]}) than this server's."]
    page = rollouts.export_audit(of, after=mark.seq - 1, limit=1)
    if not page.items or (page.items[0].seq, page.items[0].hash) != (mark.seq, mark.hash):
        return [f"Entry {mark.seq} is not what was signed at that place when the checkpoint was kept."]
    return []


@command.command()
@instance_option
@project_option
@api_command
def checkpoint(*, instance: bool, project: str, client: Client, as_json: bool) -> None:
    """Print the newest signed checkpoint, to be kept where this server cannot change it.

    \b
    Example:
      trimtab audit checkpoint > 2026-11-21.json
    """
    del as_json
    newest = client.rollouts.export_audit(None if instance else project, limit=1).checkpoint
    if newest is None:
        raise click.ClickException("Nothing is signed yet: an entry is, some seconds after it was written.")
    print_json(newest)


@command.command()
@click.option("--output", "-o", type=click.File("wb"), default="-", help="Where to; standard output if left out.")
@instance_option
@project_option
@api_command
def export(*, output: IO[bytes], instance: bool, project: str, client: Client, as_json: bool) -> None:
    """Write every entry with its hashes as JSON lines, oldest first; the last line is the newest checkpoint.

    docs/audit.md says what the hashes are over, so that anyone can verify them.

    \b
    Example:
      trimtab audit export -o audit.jsonl
    """
    after = count = 0
    while True:
        page = client.rollouts.export_audit(None if instance else project, after=after, limit=500)
        for each in page.items:
            output.write(msgspec.json.encode(each) + b"\n")
            after = each.seq
            count += 1
        if page.cursor is None:
            break
    if page.checkpoint is not None:
        output.write(msgspec.json.encode({"checkpoint": page.checkpoint}) + b"\n")
    _tell_written(getattr(output, "name", "-"), count, signed=page.checkpoint is not None, as_json=as_json)


def _tell_written(file: str, count: int, *, signed: bool, as_json: bool) -> None:
    """What went into a file, or on standard error where the entries themselves went to standard output."""
    to_file = file not in ("-", "<stdout>")
    if as_json and to_file:
        print_json({"file": file, "entries": count, "checkpoint": signed})
        return
    last = "and the newest checkpoint" if signed else "and no checkpoint: nothing is signed yet"
    click.echo(f"{file if to_file else 'Written'}: {count:,} entries, {last}", err=not to_file)


def _why(entry: AuditEntry) -> str | None:
    reason, message, override = (str(entry.detail.get(name) or "") for name in ("reason", "message", "override"))
    reason = in_words(reason or message)  # of a release
    return " ".join(filter(None, (reason, override and f"Override: {override}"))) or None


def in_words(reason: str) -> str:
    """A gate's verdict of our own evaluation is a record for programs: what it says in words is one field of it."""
    if not reason.startswith("{"):
        return reason
    try:
        says = msgspec.json.decode(reason, type=dict[str, Any]).get("says")
    except msgspec.DecodeError:  # somebody's own words that begin with a brace
        return reason
    return says if isinstance(says, str) and says else reason


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
