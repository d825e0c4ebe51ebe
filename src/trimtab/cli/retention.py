"""`trimtab retention`: how long a project's data is kept, and what was removed for it."""

import click

from trimtab.cli.base import api_command, expect_option, local_time, print_json, print_table, project_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.kept import RetentionRule

KINDS = ("content", "spans", "scores", "ledger")
LONGEST = 36_500
"""Days, as the server takes them."""


@click.group()
def command() -> None:
    """How long data is kept, by kind: content, spans, ledger, scores."""


@command.command()
@project_option
@api_command
def show(*, project: str, client: Client, as_json: bool) -> None:
    """Show how long each kind of data is kept.

    \b
    Example:
      trimtab retention show
    """
    found = client.kept.rules(project)
    _print(found.items, as_json=as_json)
    if not as_json:
        click.echo(f"At revision {found.revision}.")


@command.command("set")
@click.argument("rules", nargs=-1, required=True, metavar="KIND=DAYS...")
@expect_option
@project_option
@api_command
def set_rules(rules: tuple[str, ...], *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Set the rules, whole: DAYS is a number or keep; a kind that is left out takes its default.

    \b
    Example:
      trimtab retention set content=30 spans=180 ledger=keep
    """
    _print(client.kept.set_retention(project, _read(rules), expected_revision=expect), as_json=as_json)


@command.command()
@click.argument("rules", nargs=-1, metavar="[KIND=DAYS...]")
@project_option
@api_command
def preview(rules: tuple[str, ...], *, project: str, client: Client, as_json: bool) -> None:
    """Count what a run would remove now, by the rules in force or by others in their place. Removes nothing.

    \b
    Example:
      trimtab retention preview content=30 spans=180
    """
    found = client.kept.preview_retention(project, _read(rules))
    if as_json:
        print_json(found)
        return
    rows = [(each.kind, local_time(each.before) if each.before else None, each.rows) for each in found]
    print_table(("KIND", "BEGAN BEFORE", "ROWS"), rows, empty="")


@command.command()
@click.option("--limit", type=click.IntRange(1, 200), default=10, show_default=True, help="How many runs.")
@project_option
@api_command
def runs(limit: int, *, project: str, client: Client, as_json: bool) -> None:
    """List what was removed for its age, newest run first.

    \b
    Example:
      trimtab retention runs
    """
    found = client.kept.retention_runs(project, limit)
    if as_json:
        print_json(found)
        return
    rows = [
        (local_time(r.started), r.state, ", ".join(f"{x.rows} of {x.table}" for x in r.removed) or "nothing", r.blobs,
         r.problem or None)
        for r in found
    ]  # fmt: skip
    print_table(
        ("STARTED", "STATE", "REMOVED", "BLOBS", "PROBLEM"), rows, empty="No run yet; one is made every six hours."
    )


@command.command()
@project_option
@api_command
def run(*, project: str, client: Client, as_json: bool) -> None:
    """Remove what is over age now, of this project. Answers at once; see `trimtab retention runs`.

    \b
    Example:
      trimtab retention run
    """
    made = client.kept.start_retention_run(project)
    if as_json:
        print_json(made)
    else:
        click.echo(f"Started {made.id}.")


def _read(rules: tuple[str, ...]) -> dict[str, int | None]:
    """Days by kind, None for ever. Raises `InvalidRequest`."""
    given: dict[str, int | None] = {}
    for rule in rules:
        kind, mark, days = rule.partition("=")
        if kind not in KINDS or not mark or not (days == "keep" or (days.isascii() and days.isdecimal())):
            raise InvalidRequest(
                f"{rule!r} is no rule.",
                fix=f"Write for example content=30 or ledger=keep. There are: {', '.join(KINDS)}.",
            )
        if days != "keep" and not 1 <= int(days) <= LONGEST:
            raise InvalidRequest(
                f"{kind!r} cannot be kept for {days} days.",
                fix=f"Give 1 to {LONGEST} days, or {kind}=keep for ever. To have no texts recorded at all:"
                " trimtab projects set PROJECT --no-content; to be rid of what one person left: trimtab erase.",
            )
        given[kind] = None if days == "keep" else int(days)
    return given


def _print(rules: list[RetentionRule], *, as_json: bool) -> None:
    if as_json:
        print_json(rules)
    else:
        rows = [(rule.kind, _kept(rule.days), rule.source) for rule in rules]
        print_table(("KIND", "KEPT", "FROM"), rows, empty="")


def _kept(days: int | None) -> str:
    return "for ever" if days is None else f"{days} day{'' if days == 1 else 's'}"
