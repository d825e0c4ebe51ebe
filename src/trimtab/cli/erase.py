"""`trimtab erase`: everything of one user, session or trace leaves, and a receipt says what was removed."""

from collections.abc import Callable
from typing import Any

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.kept import Erasure


@click.command()
@click.option("--user", default=None, help="Erase this user, as the application names them.")
@click.option("--session", default=None, help="Erase this session.")
@click.option("--trace", default=None, help="Erase this trace.")
@click.option("--receipt", default=None, metavar="ID", help="Show the receipt of an earlier erasure.")
@click.option("--list", "listed", is_flag=True, help="List erasures and their receipts.")
@click.option("--yes", is_flag=True, help="Do not ask whether it is meant.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the receipt.")
@project_option
@api_command
def command(*, project: str, client: Client, as_json: bool, **options: Any) -> None:
    """Erase one user, session or trace of a project from every place, for good, and print the receipt. The rows of the
    books stay, without what identified anybody (docs/erasure.md).

    \b
    Examples:
      trimtab erase --user alice@example.com --yes
      trimtab erase --list
    """
    if options["listed"]:
        _print_list(client.kept.erasures(project), as_json=as_json)
        return
    if options["receipt"] is not None:
        _print(client.kept.erasure(project, options["receipt"]), as_json=as_json)
        return
    given = [(subject, options[subject]) for subject in ("user", "session", "trace") if options[subject]]
    if len(given) != 1:
        raise InvalidRequest("What is to be erased is not clear.", fix="Give one of --user, --session and --trace.")
    [(subject, value)] = given
    if not options["yes"]:
        if as_json:
            raise InvalidRequest("With --json nothing can be asked.", fix="Say --yes too.")
        click.confirm(f"Erase everything of the {subject} {value!r} in {project}, for good?", abort=True)
    job = client.kept.erase(project, subject, value)
    _print(job if options["no_wait"] else client.kept.wait_erased(project, job.id, tell=_teller()), as_json=as_json)


def _teller() -> Callable[[Erasure], None]:
    """Each step on standard error when it begins: an erasure may take minutes."""
    told: set[str] = set()

    def tell(job: Erasure) -> None:
        if job.state == "running" and job.step and job.step not in told:
            told.add(job.step)
            click.echo(f"erasing: {job.step}", err=True)

    return tell


def _who(job: Erasure) -> str:
    known = job.asked_by_name and job.asked_by_name != job.asked_by
    return f"{job.asked_by_name} ({job.asked_by})" if known else job.asked_by


def _print(job: Erasure, *, as_json: bool) -> None:
    if as_json:
        print_json(job)
        return
    click.echo(f"receipt   {job.id}")
    click.echo(f"state     {job.state}{f' ({job.step})' if job.state == 'running' else ''}")
    click.echo(f"asked     {local_time(job.asked)} by {_who(job)}")
    if job.finished is not None:
        click.echo(f"finished  {local_time(job.finished)}")
    click.echo(f"digest    {job.digest}")
    rows = [(name, count, "made anonymous" if name == "ledger" else "removed") for name, count in job.rows.items()]
    print_table(("WHERE", "ROWS", ""), rows, empty="Nothing has been removed yet.")
    for looked, found in job.checks.items():
        click.echo(f"{looked}: {found}")
    if job.problem:
        click.echo(job.problem, err=True)


def _print_list(jobs: list[Erasure], *, as_json: bool) -> None:
    if as_json:
        print_json(jobs)
        return
    rows = [(job.id, job.subject, job.state, local_time(job.asked), sum(job.rows.values())) for job in jobs]
    print_table(("RECEIPT", "OF A", "STATE", "ASKED", "ROWS"), rows, empty="Nothing has been erased here.")
