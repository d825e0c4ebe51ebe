"""`trimtab compliance`: evidence of a period, and cards of apps and models."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from trimtab.cli.base import api_command, print_json, project_option
from trimtab.cli.compliance_text import card_lines, days, report_lines
from trimtab.sdk.client import Client

OUT = click.option(
    "--out", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write a page of HTML there, or JSON (.json)."
)
WIDEST = 100
"""Columns of text that people read with ease; more are left empty."""
NARROWEST = 40
DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def command() -> None:
    """Evidence for auditors: what the records show of a period, by article and control."""


@command.command()
@click.option("--from", "start", type=DAY, default=None, help="The first day (UTC). [default: 90 days ago]")
@click.option("--to", "end", type=DAY, default=None, help="The first day no more in it (UTC). [default: now]")
@click.option("--framework", "frameworks", multiple=True, help="eu_ai_act, nist_ai_rmf, iso_42001; again for more.")
@OUT
@project_option
@api_command
def report(
    *, start: datetime | None, end: datetime | None, frameworks: tuple[str, ...], out: Path | None, project: str,
    client: Client, as_json: bool,
) -> None:  # fmt: skip
    """Gather the evidence of a period: approvals, evaluations, overrides, incidents, data, the audit log.

    Nothing is judged: what no record shows is named with each control.

    \b
    Examples:
      trimtab compliance report --from 2026-07-01 --to 2026-10-01 --out q3.html
      trimtab compliance report --framework eu_ai_act --json
    """
    html = out is not None and out.suffix != ".json"
    found = client.compliance.report(
        project, start=_ms(start), end=_ms(end), frameworks=",".join(frameworks), html=html
    )
    if out is not None:
        _write(out, found.html, found.report)
        click.echo(days(found.report["period"]), err=True)
    elif as_json:
        print_json(found.report)
    else:
        click.echo("\n".join(report_lines(found.report, _width())))


@command.command("app")
@click.argument("name")
@OUT
@project_option
@api_command
def app_card(name: str, *, out: Path | None, project: str, client: Client, as_json: bool) -> None:
    """Show the card of an app: what it runs, how it was evaluated, what was taken back.

    \b
    Example:
      trimtab compliance app support --out support.html
    """
    found = client.compliance.app(project, name, html=_html(out))
    _card(found.card, found.html, out, as_json=as_json)


@command.command("model")
@click.argument("name")
@OUT
@project_option
@api_command
def model_card(name: str, *, out: Path | None, project: str, client: Client, as_json: bool) -> None:
    """Show the card of a model: what it was found to do, which apps use it.

    \b
    Example:
      trimtab compliance model fast
    """
    found = client.compliance.model(project, name, html=_html(out))
    _card(found.card, found.html, out, as_json=as_json)


def _width() -> int:
    return min(WIDEST, max(NARROWEST, shutil.get_terminal_size().columns))


def _ms(day: datetime | None) -> int | None:
    return None if day is None else round(day.replace(tzinfo=UTC).timestamp() * 1000)


def _html(out: Path | None) -> bool:
    return out is not None and out.suffix != ".json"


def _write(out: Path, html: str, found: dict[str, Any]) -> None:
    import msgspec

    if html:
        out.write_text(html, encoding="utf-8")
    else:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2))
    click.echo(f"Wrote {out}.", err=True)


def _card(found: dict[str, Any], html: str, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        _write(out, html, found)
    elif as_json:
        print_json(found)
    else:
        click.echo("\n".join(card_lines(found, _width())))
