"""`trimtab guards operating-point`: a threshold from a budget of false alarms, and the same checked again."""

import sys
import time
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from trimtab.cli.base import api_command, print_json, print_table, project_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.guard_types import GuardPoint, GuardPointCheck, GuardShare

DAY_MS = 86_400_000
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("operating-point")
@click.argument("name")
@click.option("--budget", help="Most false alarms among harmless texts: 1% or 0.01.")
@click.option("--stage", help="Where the guard looks; input if left out.")
@click.option("--sample", type=click.IntRange(0, 2_000), default=500, show_default=True, help="Newest recorded calls.")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far back.")
@click.option("--benign", type=FILE, help="Harmless texts: a line each, or JSON lines with 'text'.")
@click.option("--attacks", type=FILE, help="Attacks, in the same way.")
@click.option("--benign-dataset", multiple=True, help="Cases that are harmless: NAME or NAME@3.")
@click.option("--attack-dataset", multiple=True, help="Cases that are attacks.")
@click.option("--apply", "apply_it", is_flag=True, help="Make a version with that threshold.")
@click.option("--message", "-m", default="", help="Why, in a sentence.")
@click.option("--check", is_flag=True, help="Ask how the threshold does with the detector of now.")
@click.option("--version", type=int, default=None, help="With --check: that version.")
@project_option
@api_command
def operating_point(name: str, *, project: str, client: Client, as_json: bool, **given: Any) -> None:
    """Choose a threshold by a budget of false alarms; nothing changes without --apply.

    With --check it ends with 1 where the threshold is worse than it was.

    \b
    Examples:
      trimtab guards operating-point injection --budget 1% --attack-dataset attacks@3 --apply
      trimtab guards operating-point injection --check
    """
    asked: dict[str, Any] = {
        "sample": given["sample"],
        "since": int(time.time() * 1000) - given["days"] * DAY_MS,
        "benign": _texts(given["benign"]),
        "attacks": _texts(given["attacks"]),
    }
    if given["check"]:
        _refuse_with_check(given)
        checked = client.guards.check_operating_point(project, name, **asked, version=given["version"])
        if as_json:
            print_json(checked)
        else:
            _print_check(checked)
        if checked.checked.outcome == "worse":
            sys.exit(1)
        return
    if given["version"] is not None:
        raise InvalidRequest("--version goes with --check.", fix="Leave it out: a threshold is of the newest version.")
    asked |= {
        "stage": given["stage"],
        "benign_datasets": list(given["benign_dataset"]),
        "attack_datasets": list(given["attack_dataset"]),
        "apply": given["apply_it"],
        "message": given["message"],
    }
    found = client.guards.operating_point(project, name, _share(given["budget"]), **asked)
    if as_json:
        print_json(found)
    else:
        _print_point(name, found)


def _refuse_with_check(given: dict[str, Any]) -> None:
    for field in ("budget", "stage", "benign_dataset", "attack_dataset", "apply_it", "message"):
        if given[field]:
            option = field.removesuffix("_it").replace("_", "-")
            raise InvalidRequest(
                f"--{option} does not go with --check.", fix="It is checked with what it was chosen with: leave it out."
            )


def _share(text: str | None) -> float:
    if text is None:
        raise InvalidRequest("How many false alarms may there be?", fix="Give --budget, e.g. 1%, or --check.")
    try:
        found = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1:
        raise InvalidRequest(f"{text!r} is no share of harmless texts.", fix="Write 1% or 0.01.")
    return found


def _texts(file: Path | None) -> list[str]:
    if file is None:
        return []
    try:
        lines = [line for line in file.read_text().splitlines() if line.strip()]
        return [_text(line, file) for line in lines] if file.suffix == ".jsonl" else lines
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"{file} is no text.", fix="Write a line for each text, in UTF-8.") from error


def _text(line: str, file: Path) -> str:
    try:
        found: Any = msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"{file} cannot be read: {error}", fix="Write a JSON object a line.") from error
    text = cast("dict[str, Any]", found).get("text") if isinstance(found, dict) else found
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequest(f"A line of {file} has no 'text'.", fix='Write {"text": "..."} a line.')
    return text


def _print_point(name: str, found: GuardPoint) -> None:
    click.echo(found.say)
    rows = [
        (what, each.name, _told(each.alarms), _told(each.recall))
        for what, parts in (
            ("length", found.point.by_length),
            ("language", found.point.by_language),
            ("set", found.point.by_family),
        )
        for each in parts
    ]
    if rows:
        print_table(("BY", "", "FALSE ALARMS", "ATTACKS SEEN"), rows, empty="")
    if found.guard is None:
        click.echo("Nothing was changed: --apply makes a version with this threshold.")
    else:
        click.echo(f"{name} is now version {found.guard.version}; apps name it as {found.guard.pinned}")


def _told(each: GuardShare) -> str | None:
    return f"{each.count} of {each.of} ({each.low:.1%} to {each.high:.1%})" if each.of else None


def _print_check(found: GuardPointCheck) -> None:
    checked = found.checked
    click.echo(f"{found.guard.pinned} with detector {checked.detector}: {checked.outcome}")
    for reason in checked.reasons:
        click.echo(f"  {reason}")
    click.echo(f"false alarms {_told(checked.alarms) or '-'}; attacks seen {_told(checked.recall) or '-'}")
