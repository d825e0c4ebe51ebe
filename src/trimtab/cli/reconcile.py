"""`trimtab reconcile`: our books against a provider's usage export."""

import codecs
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
@click.option(
    "--decimal",
    type=click.Choice(("point", "comma")),
    default=None,
    help="What stands before decimals in a CSV. [default: as its numbers tell]",
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
    found = client.costs.reconcile(
        project,
        provider,
        _text(file.read_bytes()),
        vendor=reading["vendor"],
        columns=_mapping(reading["mapping"]),
        tolerance=reading["tolerance"],
        decimal=reading["decimal"],
    )
    if as_json:
        print_json(found)
    else:
        shown = [line for line in found.lines if reading["everything"] or not line.agrees]
        print_table(
            ("DAY", "MODEL", "CALLS", "THEIRS", "TOKENS", "THEIRS", "COST", "THEIRS", "WHY"),
            [_row(line) for line in shown],
            empty="Every line agrees." if not found.unread_rows else "Every line that could be read agrees.",
        )
        theirs = money(found.theirs.cost) or "not in the export"
        click.echo(f"\n{len(found.lines)} lines; cost {money(found.ours.cost)}, theirs {theirs}.")
        for cause in found.causes:
            click.echo(cause)
        for words in found.unread:
            click.echo(f"not read: {words}", err=True)
        if found.unread_rows > len(found.unread):
            click.echo(f"not read: {found.unread_rows - len(found.unread)} more rows", err=True)
    if not found.agrees:
        ctx.exit(FAILED)


def _text(content: bytes) -> str:
    """As spreadsheets save it: UTF-8, UTF-16 with its mark, or else Windows' Western characters."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


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
    model = f"{line.model} @{line.tier}" if line.tier else line.model
    return (
        line.day or None, model or None, line.ours.requests, line.theirs.requests, _tokens(line.ours),
        _tokens(line.theirs), money(line.ours.cost), money(line.theirs.cost), why,
    )  # fmt: skip


def _tokens(side: CostSide) -> int | None:
    known = [n for n in (side.input, side.cache_read, side.cache_write, side.output) if n is not None]
    return sum(known) if known else None
