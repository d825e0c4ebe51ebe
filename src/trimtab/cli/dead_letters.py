"""`trimtab dead-letters`: records that could not be stored and spans that were refused; mend them, send them again."""

from pathlib import Path
from typing import Any

import click
import msgspec

from trimtab.cli.base import api_command, local_time, print_json, print_table
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client


@click.group()
def command() -> None:
    """What could not be stored, and why: show it, mend it, send it again, or drop it."""


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@api_command
def list_letters(limit: int, *, client: Client, as_json: bool) -> None:
    """List dead letters, newest first.

    \b
    Example:
      trimtab dead-letters list
    """
    found = list(client.letters.list(limit))
    if as_json:
        print_json(found)
        return
    print_table(
        ("ID", "WHEN", "KIND", "PROJECT", "BYTES", "REASON"),
        [(each.id, local_time(each.at), each.kind, each.project, each.bytes, each.reason) for each in found],
        empty="No dead letters: everything that came could be stored.",
    )


@command.command()
@click.argument("letter", type=int)
@api_command
def show(letter: int, *, client: Client, as_json: bool) -> None:
    """Print what a letter held, as JSON: to be mended and given to replay.

    \b
    Example:
      trimtab dead-letters show 7 > span.json
    """
    found = client.letters.show(letter)
    if as_json:
        print_json(found)
        return
    click.echo(f"# {found.letter.kind} of {local_time(found.letter.at)}: {found.letter.reason}", err=True)
    if found.content is None:
        click.echo(found.wire)
    else:
        click.echo(msgspec.json.format(msgspec.json.encode(found.content)).decode())


@command.command()
@click.argument("letter", type=int)
@click.option("--content", type=click.Path(exists=True, dir_okay=False), help="A JSON file to send in its place.")
@api_command
def replay(letter: int, content: str | None, *, client: Client, as_json: bool) -> None:
    """Send a letter again, mended or as it is. It is gone once what stands for it is durable.

    \b
    Example:
      trimtab dead-letters replay 7 --content span.json
    """
    client.letters.replay(letter, None if content is None else _read(Path(content)))
    if as_json:
        print_json({"replayed": letter})
    else:
        click.echo(f"Letter {letter} was sent again.")


@command.command()
@click.argument("letter", type=int)
@api_command
def drop(letter: int, *, client: Client, as_json: bool) -> None:
    """Drop a letter for good.

    \b
    Example:
      trimtab dead-letters drop 7
    """
    client.letters.drop(letter)
    if as_json:
        print_json({"dropped": letter})
    else:
        click.echo(f"Letter {letter} is gone.")


def _read(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"{file} is not a JSON object: {error}.", fix="Mend what 'show' printed.") from None
