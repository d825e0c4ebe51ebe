"""`trimtab experiments`: what was run, how far it is, and what it found."""

from typing import Literal, cast

import click

from trimtab.cli.base import api_command, local_time, money, print_json, print_table, project_option
from trimtab.sdk.client import Client
from trimtab.sdk.experiment_types import Experiment


@click.group()
def command() -> None:
    """Experiments: follow them, read what they found. 'trimtab eval' starts one."""


@command.command("list")
@click.option("--suite", default=None, help="Only of this suite.")
@click.option("--subject", default="", help="Only of this release, as support@r12.")
@click.option("--state", default="", help="Only in this state, as running.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="How many.")
@project_option
@api_command
def list_experiments(
    *, suite: str | None, subject: str, state: str, limit: int, project: str, client: Client, as_json: bool
) -> None:
    """List experiments, newest first.

    \b
    Example:
      trimtab experiments list --suite support
    """
    found: list[Experiment] = []
    for each in client.experiments.list(project, suite=suite, state=state, subject=subject):
        found.append(each)
        if len(found) >= limit:
            break
    if as_json:
        print_json(found)
        return
    rows = [
        (each.id, each.suite, " against ".join(each.subjects), each.state, f"{each.done}/{each.cells}",
         (each.outcome or "-").replace("_", " "), money(each.cost), local_time(each.created), each.author_name)
        for each in found
    ]  # fmt: skip
    titles = ("ID", "SUITE", "SUBJECTS", "STATE", "ANSWERS", "OUTCOME", "COST", "BEGUN", "BY")
    print_table(titles, rows, empty="None: trimtab eval SUITE --release RELEASE")


@command.command()
@click.argument("experiment")
@project_option
@api_command
def show(experiment: str, *, project: str, client: Client, as_json: bool) -> None:
    """Show how far an experiment is.

    \b
    Example:
      trimtab experiments show exp_0199aabb
    """
    found = client.experiments.get(project, experiment)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found.suite}: {' against '.join(found.subjects)}, {found.state}")
    cost = money(found.cost) or "at an unknown price"
    click.echo(f"{found.done:,} of {found.cells:,} answers, {found.failed:,} errors, {cost}")
    waiting = found.answered - found.done
    if waiting > 0:
        click.echo(f"{waiting:,} more answers are there, and wait for their judges.")
    for line in (found.reason, found.says, told_unknown(found)):
        if line:
            click.echo(line)


def told_unknown(found: Experiment) -> str:
    """What to do about answers that were under way when a server died; empty where there are none."""
    if not found.unknown:
        return ""
    return (
        f"{found.unknown:,} answers were under way when a server died, and nobody knows whether they were paid for. "
        f"To ask again, perhaps paying twice: trimtab experiments resume {found.id} --unknown"
    )


@command.command()
@click.argument("experiment")
@click.option(
    "--format", "form", type=click.Choice(["terminal", "markdown", "junit", "json"]), default="terminal",
    show_default=True, help="As what.",
)  # fmt: skip
@project_option
@api_command
def report(experiment: str, *, form: str, project: str, client: Client, as_json: bool) -> None:
    """Print what an experiment found.

    \b
    Example:
      trimtab experiments report exp_0199aabb --format markdown
    """
    if as_json or form == "json":
        print_json(client.experiments.report(project, experiment))
        return
    wanted = cast("Literal['terminal', 'markdown', 'junit']", form)
    click.echo(client.experiments.report(project, experiment, wanted).text, nl=False)


@command.command()
@click.argument("experiment")
@click.option("--case", "case_id", default="", help="Only of this case.")
@click.option("--failed", is_flag=True, help="Only those that are errors.")
@project_option
@api_command
def cells(experiment: str, *, case_id: str, failed: bool, project: str, client: Client, as_json: bool) -> None:
    """List an experiment's answers and their scores.

    \b
    Example:
      trimtab experiments cells exp_0199aabb --failed
    """
    found = list(client.experiments.cells(project, experiment, case_id=case_id, state="failed" if failed else ""))
    names = client.experiments.get(project, experiment).subjects
    if as_json:
        print_json(found)
        return
    rows = [
        (each.case_id, names[each.subject], each.repeat, each.state,
         ", ".join(f"{s.name} {'-' if s.value is None else f'{s.value:g}'}" for s in each.scores),
         " ".join((each.error or each.output or "").split())[:80], each.trace_id)
        for each in found
    ]  # fmt: skip
    print_table(("CASE", "OF", "REPEAT", "STATE", "SCORES", "ANSWER", "TRACE"), rows, empty="No answer yet.")


@command.command()
@click.argument("experiment")
@project_option
@api_command
def cancel(experiment: str, *, project: str, client: Client, as_json: bool) -> None:
    """Ask for nothing more; 'resume' goes on from there.

    \b
    Example:
      trimtab experiments cancel exp_0199aabb
    """
    made = client.experiments.cancel(project, experiment)
    print_json(made) if as_json else click.echo(f"Cancelled: {made.done:,} of {made.cells:,} answers are there.")


@command.command()
@click.argument("experiment")
@click.option("--budget", default=None, metavar="DOLLARS", help="Another bound, of all that it costs together.")
@click.option("--failed", is_flag=True, help="Ask again for answers that are errors.")
@click.option("--unknown", is_flag=True, help="Also for those that may have been paid for already.")
@click.option("--yes", "-y", is_flag=True, help="Go on with a budget although a price is unknown.")
@project_option
@api_command
def resume(
    experiment: str, *, budget: str | None, failed: bool, unknown: bool, yes: bool, project: str, client: Client,
    as_json: bool,
) -> None:  # fmt: skip
    """Go on with one that stopped. Nothing that is there is asked for again.

    \b
    Example:
      trimtab experiments resume exp_0199aabb --budget 5
    """
    made = client.experiments.resume(
        project, experiment, budget=budget, failed=failed, unknown=unknown, allow_unpriced=yes
    )
    if as_json:
        print_json(made)
        return
    click.echo(f"It goes on: {made.done:,} of {made.cells:,} answers are there.")
    if left := told_unknown(made):
        click.echo(left)
