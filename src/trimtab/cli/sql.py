"""`trimtab sql`: one SELECT over a project's spans, texts, ledger and scores."""

import csv
import sys

import click

from trimtab.cli.base import api_command, print_json, print_table, project_option
from trimtab.sdk.client import Client


@click.command()
@click.argument("statement")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many rows.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@project_option
@api_command
def command(statement: str, *, limit: int, as_csv: bool, project: str, client: Client, as_json: bool) -> None:
    """Run a SELECT, read-only, over the tables spans, texts, ledger and scores of one project ('-' reads it from
    standard input). Columns and functions: docs/search.md.

    \b
    Examples:
      trimtab sql "SELECT model, count(), sum(cost_usd) FROM spans WHERE entry = 1 GROUP BY model"
      trimtab sql - --csv < report.sql > report.csv
    """
    found = client.search.sql(project, sys.stdin.read() if statement == "-" else statement, limit=limit)
    if as_json:
        print_json(found)
        return
    names = [column.name for column in found.columns]
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([names, *([_safe(value) for value in row] for row in found.rows)])
    else:
        print_table(names, found.rows, empty="No rows.")
    if found.truncated:
        click.echo(f"Only the first {limit} rows; --limit shows more.", err=True)


def _safe(value: object) -> object:
    """What a spreadsheet would take for a formula is marked as text: a user's words may stand there."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
