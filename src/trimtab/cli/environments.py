"""`trimtab environments`: where releases run, and what they must show first."""

from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.cli.base import SEEN_ABOUT, api_command, print_json, print_table, project_option
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.rollout_types import Environment


@click.group()
def command() -> None:
    """Environments: where releases run, and what a release must show first."""


@command.command("list")
@project_option
@api_command
def list_environments(*, project: str, client: Client, as_json: bool) -> None:
    """List environments in the order in which a release goes through them.

    \b
    Example:
      trimtab environments list
    """
    found = client.rollouts.environments(project)
    if as_json:
        print_json(found)
        return
    rows = [(each.name, "yes" if each.default else None, demands(each) or None) for each in found]
    print_table(("NAME", "DEFAULT", "DEMANDS"), rows, empty="None.")


def demands(each: Environment) -> list[str]:
    """In words, of what is protected."""
    of = each.protection
    words = ["a passed gate"] if of.get("gate") else []
    words += [f"the suite {suite}" for suite in of.get("suites", ())]
    if count := of.get("approvals", 0):
        words.append(f"{count} approval{'s' if count > 1 else ''}")
    words += ["a note"] if of.get("note") else []
    return words + [f"no freeze ({freeze['name']})" for freeze in of.get("freezes", ())]


@command.command("set")
@click.argument("name")
@click.option("--gate/--no-gate", default=None, help="A gate's verdict about this release must have passed.")
@click.option("--gate-days", type=float, default=None, help="How old that verdict may be.")
@click.option("--suite", "suites", multiple=True, help="A fresh run of it has passed; '' for none.")
@click.option("--approvals", type=click.IntRange(0, 20), default=None, help="By so many people beside the author.")
@click.option("--note/--no-note", default=None, help="Whoever promotes must say why.")
@click.option("--freezes", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
              help="A file with a JSON list of freezes (docs/environments.md); [] for none.")  # fmt: skip
@click.option("--position", type=int, default=None, help="Its place among the others.")
@click.option("--default", "is_default", is_flag=True, help="What clients mean that name none.")
@project_option
@api_command
def set_environment(name: str, *, project: str, client: Client, as_json: bool, **given: Any) -> None:
    """Make an environment, or change what it demands. What is not said stays.

    \b
    Example:
      trimtab environments set production --gate --approvals 1 --note
    """
    old = next((each for each in client.rollouts.environments(project) if each.name == name), None)
    protection: dict[str, Any] = {} if old is None else dict(old.protection)
    protection |= {key: given[key] for key in ("gate", "gate_days", "approvals", "note") if given[key] is not None}
    if given["suites"]:
        protection["suites"] = [each for each in given["suites"] if each]
    if given["freezes"] is not None:
        protection["freezes"] = _freezes(given["freezes"])
    made = client.rollouts.set_environment(
        project,
        name,
        protection=protection,
        position=given["position"],
        default=True if given["is_default"] else None,
        expected_revision=0 if old is None else old.revision,
    )
    if as_json:
        print_json(made)
    else:
        click.echo(f"{made.name} demands {', '.join(demands(made)) or 'nothing'}.")


def _freezes(file: Path) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[dict[str, Any]])
    except msgspec.DecodeError as error:
        raise InvalidRequest(
            f"{file} is no JSON list of freezes: {error}.", fix="docs/environments.md has one."
        ) from error


@command.command()
@click.argument("name")
@click.option("--expect", type=click.IntRange(min=0), default=None, help=SEEN_ABOUT)
@project_option
@api_command
def remove(name: str, *, expect: int | None, project: str, client: Client, as_json: bool) -> None:
    """Remove an environment in which nothing runs.

    \b
    Example:
      trimtab environments remove canada
    """
    client.rollouts.remove_environment(project, name, expected_revision=expect)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"Removed {name}.")
