"""`trimtab legal-holds`: what neither an erasure nor a retention run may remove."""

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.kept import LegalHold


@click.group()
def command() -> None:
    """Keep what a legal matter needs, whatever retention and erasures say (docs/retention.md)."""


@command.command("list")
@project_option
@api_command
def list_holds(*, project: str, client: Client, as_json: bool) -> None:
    """List the holds, newest first, released ones too.

    \b
    Example:
      trimtab legal-holds list
    """
    _print(client.kept.legal_holds(project), as_json=as_json)


@command.command()
@click.option("--user", default=None, help="Hold this user, as the application names them.")
@click.option("--session", default=None, help="Hold this session.")
@click.option("--trace", default=None, help="Hold this trace.")
@click.option("--whole-project", is_flag=True, help="Hold everything of the project.")
@click.option("--since", type=click.DateTime(), default=None, help="Only what began from then on (UTC).")
@click.option("--until", type=click.DateTime(), default=None, help="Only what began before then (UTC).")
@click.option("--reason", required=True, help="The matter it is for.")
@project_option
@api_command
def add(*, project: str, client: Client, as_json: bool, **options: object) -> None:
    """Hold a user, a session, a trace or the whole project.

    \b
    Example:
      trimtab legal-holds add --user alice@example.com --reason "Case 2026-114"
    """
    given = [(subject, str(options[subject])) for subject in ("user", "session", "trace") if options[subject]]
    given += [("project", "")] if options["whole_project"] else []
    if len(given) != 1:
        raise InvalidRequest(
            "What is to be held is not clear.", fix="Give one of --user, --session, --trace and --whole-project."
        )
    [(subject, value)] = given
    start, end = _ms(options["since"]), _ms(options["until"])
    made = client.kept.hold(project, subject, value, str(options["reason"]), start, end)
    _print([made], as_json=as_json)


@command.command()
@click.argument("hold")
@click.option("--reason", required=True, help="Why nothing need be held any more.")
@project_option
@api_command
def release(hold: str, *, project: str, client: Client, as_json: bool, reason: str) -> None:
    """End a hold.

    \b
    Example:
      trimtab legal-holds release lhd_0192 --reason "Case 2026-114 is closed"
    """
    _print([client.kept.release_hold(project, hold, reason)], as_json=as_json)


def _ms(moment: object) -> int | None:
    from datetime import UTC, datetime

    return int(moment.replace(tzinfo=UTC).timestamp() * 1000) if isinstance(moment, datetime) else None


def _print(holds: list[LegalHold], *, as_json: bool) -> None:
    if as_json:
        print_json(holds)
        return
    rows = [
        (
            hold.id,
            f"{hold.subject} {hold.value}".strip(),
            local_time(hold.created),
            hold.author_name,
            hold.reason,
            "in force" if hold.released is None else f"released: {hold.release_reason}",
        )
        for hold in holds
    ]
    print_table(("HOLD", "OF", "SET", "BY", "WHY", ""), rows, empty="Nothing is held.")
