"""`trimtab detectors`: silent failures that are looked for in every answer."""

import click

from trimtab.cli.base import api_command, print_json, print_table, project_option
from trimtab.sdk.client import Client
from trimtab.sdk.types import DetectorList


@click.group()
def command() -> None:
    """Silent failures: empty, cut off, refused, repeated answers and the like, found as scores."""


@command.command("list")
@project_option
@api_command
def list_detectors(*, project: str, client: Client, as_json: bool) -> None:
    """List the detectors and which are on.

    \b
    Example:
      trimtab detectors list
    """
    _show(client.detectors(project), as_json=as_json)


@command.command("off")
@click.argument("names", nargs=-1, required=True)
@project_option
@api_command
def switch_off(*, names: tuple[str, ...], project: str, client: Client, as_json: bool) -> None:
    """Switch detectors off. What they found before stays.

    \b
    Example:
      trimtab detectors off language_switch length_change
    """
    now = client.detectors(project)
    off = {each.name for each in now.items if not each.on} | set(names)
    _show(client.switch_detectors(project, sorted(off), expected_revision=now.revision or None), as_json=as_json)


@command.command("on")
@click.argument("names", nargs=-1, required=True)
@project_option
@api_command
def switch_on(*, names: tuple[str, ...], project: str, client: Client, as_json: bool) -> None:
    """Switch detectors on again.

    \b
    Example:
      trimtab detectors on language_switch
    """
    now = client.detectors(project)
    off = {each.name for each in now.items if not each.on} - set(names)
    _show(client.switch_detectors(project, sorted(off), expected_revision=now.revision or None), as_json=as_json)


def _show(found: DetectorList, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [(each.name, "on" if each.on else "off", each.about) for each in found.items]
    print_table(("DETECTOR", "STATE", "LOOKS FOR"), rows, empty="No detectors.")
