"""`trimtab reconcile`: our books against a provider's usage export."""

from pathlib import Path
from typing import Any

import click

from trimtab.cli.base import FAILED, api_command, money, print_json, print_table, project_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.cost_types import CostSide, ReconciledLine


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--provider", required=True, help="The provider of this project that the export is of.")
@click.option(
    "--vendor",
    type=click.Choice(("openai", "anthropic", "generic")),
    default=None,
    help="How to read it. [default: as the provider's kind]",
)
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="FIELD=COLUMN",
    help="For a generic CSV: day, model, requests, input, cache_read, cache_write, output, cost.",
)
@click.option(
    "--tolerance", type=click.FloatRange(0, 1), default=0.01, show_default=True, help="Share by which sums may differ."
)
@click.option("--all", "everything", is_flag=True, help="Show the lines that agree too.")
@project_option
@click.pass_context
@api_command
def command(
    ctx: click.Context, file: Path, *, provider: str, project: str, client: Client, as_json: bool, **reading: Any
) -> None:
    """Compare the books with FILE, a provider's usage or cost export (CSV or JSON), day by day and model by model. Exit
    code 1 where they differ.

    \b
    Examples:
      trimtab reconcile usage.json --provider openai
      trimtab reconcile bill.csv --provider lab --vendor generic --map day=Date --map cost='Cost (USD)'
    """
    content = file.read_text(encoding="utf-8-sig", errors="replace")
    columns = _mapping(reading["mapping"])
    found = client.costs.reconcile(
        project, provider, content, vendor=reading["vendor"], columns=columns, tolerance=reading["tolerance"]
    )
    if as_json:
        print_json(found)
    else:
        shown = [line for line in found.lines if reading["everything"] or not line.agrees]
        print_table(
            ("DAY", "MODEL", "CALLS", "THEIRS", "TOKENS", "THEIRS", "COST", "THEIRS", "WHY"),
            [_row(line) for line in shown],
            empty="Every line agrees.",
        )
        click.echo(f"\n{len(found.lines)} lines; cost {money(found.ours.cost)}, theirs {money(found.theirs.cost)}.")
        for cause in found.causes:
            click.echo(cause)
        for words in found.unread:
            click.echo(f"not read: {words}", err=True)
    if not found.agrees:
        ctx.exit(FAILED)


def _mapping(given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in given:
        name, mark, column = pair.partition("=")
        if not mark or not column:
            raise InvalidRequest(f"--map {pair!r} is no mapping.", fix="Write for example --map day=Date.")
        found[name.strip()] = column.strip()
    return found


def _row(line: ReconciledLine) -> tuple[object, ...]:
    why = " ".join(line.causes) if line.causes else "agrees"
    return (
        line.day or None, line.model or None, line.ours.requests, line.theirs.requests, _tokens(line.ours),
        _tokens(line.theirs), money(line.ours.cost), money(line.theirs.cost), why,
    )  # fmt: skip


def _tokens(side: CostSide) -> int | None:
    known = [n for n in (side.input, side.cache_read, side.cache_write, side.output) if n is not None]
    return sum(known) if known else None
