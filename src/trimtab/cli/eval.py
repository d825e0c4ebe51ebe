"""`trimtab eval`: a suite against a release, compared with another, to an exit code."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct, structs

from trimtab.cli import terminal
from trimtab.cli.base import (
    Failure,
    has_key,
    json_option,
    money,
    print_json,
    project_option,
    url_option,
)
from trimtab.core.errors import Conflict, TrimtabError, Unauthenticated
from trimtab.sdk.client import Client
from trimtab.sdk.experiment_types import Experiment, Report

if TYPE_CHECKING:
    from trimtab.cli.evaluating import Asked


class CouldNotRun(Failure):
    exit_code = 2


class Files(Struct, frozen=True, kw_only=True):
    """Where the report goes besides; ``-`` for Markdown prints it."""

    junit: Path | None
    markdown: Path | None


@click.command()
@click.argument("suite")
@click.option("--release", "-r", required=True, help="What is put to the test: support@r12, support@staging, a model.")
@click.option("--against", "-a", default=None, help="What it is compared with; '' for nothing. [default: the suite's]")
@click.option("--repeats", type=click.IntRange(1, 100), default=None, help="How often each case is asked.")
@click.option("--budget", default=None, metavar="DOLLARS", help="Stop where so much is spent.")
@click.option("--cases", type=click.IntRange(1), default=None, help="Only so many; says nothing to a gate.")
@click.option("--fresh", is_flag=True, help="Use no answer of an earlier run.")
@click.option("--yes", "-y", is_flag=True, help="Go on although the budget may not do, or a price is unknown.")
@click.option("--no-wait", is_flag=True, help="Start it, print its id, and leave it to the server.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit's XML there.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Write Markdown there ('-': print).")
@url_option
@project_option
@json_option
def command(
    *, suite: str, release: str, against: str | None, url: str | None, project: str, as_json: bool, **more: Any
) -> None:
    """Run a suite, and say whether the release passes.

    SUITE is a file, as suites/support.yaml, which is brought to the server with its cases; or the name of a suite that
    is there. What it would cost is said first. A run that is broken off goes on on the server.

    \b
    Exit codes: 0 passed    1 not passed    2 it could not run    3 not enough data to say

    \b
    Examples:
      trimtab eval suites/support.yaml --release support@r12 --against support@r11
      trimtab eval support --release support@latest --against production --junit report.xml
    """
    from trimtab.cli import evaluating  # here, since it is heavy and the help lists every command

    yes, no_wait = bool(more.pop("yes")), bool(more.pop("no_wait"))
    files = Files(junit=more.pop("junit"), markdown=more.pop("markdown"))
    given = {name: value for name, value in more.items() if value not in (None, False)}
    asked = evaluating.Asked(project=project, release=release, against=against, more={**given, "origin": _origin()})
    try:
        if not has_key():
            raise Unauthenticated("No key is set for the server.", fix="Set TRIMTAB_API_KEY (or TRIMTAB_ADMIN_KEY).")
        with Client(url) as client, terminal.guarded():
            name, folder = evaluating.suite_of(client, project, suite, _tell)
            if _consider(client, name, asked, yes=yes):
                asked = structs.replace(asked, more={**asked.more, "allow_unpriced": True})
            begun = evaluating.start(client, name, asked)
            if no_wait:
                print_json(begun) if as_json else click.echo(begun.id)
                return
            report = _followed(client, project, begun, folder)
            _written(client, project, begun.id, files)
            print_json(report) if as_json else _shown(client, project, begun.id, files)
    except TrimtabError as error:
        raise CouldNotRun(error, as_json=as_json) from error
    sys.exit(evaluating.code_of(report))


def _origin() -> str:
    """CI systems all set ``CI``."""
    import os

    return "ci" if os.environ.get("CI") else "person"


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _consider(client: Client, name: str, asked: "Asked", *, yes: bool) -> bool:
    """Say what it would cost; whether somebody agreed to prices that nobody knows. Raises `Conflict` where it may be
    more than the budget and nobody agreed."""
    from trimtab.cli import evaluating

    found = evaluating.estimate(client, name, asked)
    for line in evaluating.told_estimate(found):
        _tell(line)
    doubtful = found.over_budget or (bool(found.budget) and bool(found.unknown))
    if not doubtful or yes:
        return yes
    reasons = ["It is about to cost more than its budget."] if found.over_budget else []
    if found.budget and found.unknown:
        reasons.append(f"It has a budget, and {', '.join(found.unknown)} is unknown: what it costs cannot be counted.")
    why = " ".join(reasons)
    if sys.stdin.isatty() and click.confirm(f"{why} Go on?", err=True):
        return True
    fix = "Raise it (--budget), take fewer cases (--cases), set the model's price, or agree with --yes."
    raise Conflict(why, fix=fix, code="over_budget")


def _followed(client: Client, project: str, begun: Experiment, folder: Path) -> Report:
    from trimtab.cli import evaluating

    progress = _Progress()
    try:
        ended = client.experiments.wait(project, begun.id, told=progress)
    except KeyboardInterrupt:
        _tell(f"\nIt goes on on the server. To stop it: trimtab experiments cancel {begun.id}")
        raise
    progress.end()
    if ended.reason:
        _tell(ended.reason)
    if ended.unknown and _wants_unknown(ended):
        client.experiments.resume(project, ended.id, unknown=True)
        ended = client.experiments.wait(project, ended.id, told=progress)
        progress.end()
    return evaluating.finish(client, project, ended, folder)


def _wants_unknown(ended: Experiment) -> bool:
    """Whether to ask again for answers that were under way when a server died. Where nobody can be asked it is said how
    to, and not done: it may be paid twice."""
    from trimtab.cli.experiments import told_unknown

    _tell(told_unknown(ended))
    return sys.stdin.isatty() and click.confirm("Ask for them again now?", err=True)


def _written(client: Client, project: str, experiment: str, files: Files) -> None:
    if files.junit is not None:
        files.junit.write_text(client.experiments.report(project, experiment, "junit").text, encoding="utf-8")
    if files.markdown is not None and str(files.markdown) != "-":
        files.markdown.write_text(client.experiments.report(project, experiment, "markdown").text, encoding="utf-8")


def _shown(client: Client, project: str, experiment: str, files: Files) -> None:
    form = "markdown" if str(files.markdown) == "-" else "terminal"
    click.echo(client.experiments.report(project, experiment, form).text, nl=False)


_AGAIN = "\r\x1b[K"
"""To the line's beginning, and nothing on it."""


class _Progress:
    """On a terminal one line that changes; elsewhere a line at every tenth."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty()
        self._tenth = -1

    def __call__(self, found: Experiment) -> None:
        share = found.done / found.cells if found.cells else 1.0
        cost = money(found.cost) or "at an unknown price"
        text = f"{found.state}: {found.done:,} of {found.cells:,} answers, {found.failed:,} errors, {cost}"
        if found.answered > found.done:
            text += f", {found.answered - found.done:,} more wait for judges"
        if found.left_ms is not None:
            text += f", about {max(1, round(found.left_ms / 1000)):,} s left"
        if self._tty:
            click.echo(f"{_AGAIN}{text}", file=terminal.plain(sys.stderr), nl=False)
        elif int(10 * share) != self._tenth:
            self._tenth = int(10 * share)
            click.echo(text, err=True)

    def end(self) -> None:
        if self._tty:
            click.echo(_AGAIN, file=terminal.plain(sys.stderr), nl=False)
