"""`trimtab validate`: the files of a folder by themselves, without a server."""

import sys
from pathlib import Path

import click
import msgspec

from trimtab.cli import folder_text as text
from trimtab.cli.base import FAILED, json_option, print_json
from trimtab.cli.folder_files import folder_argument, read_files

SCHEMAS = ("trimtab", "app", "prompt", "suite", "guard", "policy", "case", "config")


@click.command()
@folder_argument
@click.option("--schema", type=click.Choice(SCHEMAS), default=None, help="Print the JSON Schema of such files instead.")
@json_option
def command(folder: Path, *, schema: str | None, as_json: bool) -> None:
    """Check the files of a folder without asking a server: every mistake of every file, each with its place.

    Whether what they name is there on the server is seen by `trimtab plan`.

    \b
    Examples:
      trimtab validate deploy/trimtab
      trimtab validate --schema app > app.schema.json
    """
    if schema is not None:
        from trimtab.server.folder.schema import schemas

        click.echo(msgspec.json.format(msgspec.json.encode(schemas()[schema]), indent=2).decode())
        return
    from trimtab.sdk.folder_types import FolderMistake
    from trimtab.server.folder.reading import read_folder

    files = read_files(folder)
    found = read_folder(files)
    mistakes = [FolderMistake(path=m.path, line=m.line, what=m.what, fix=m.fix) for m in found.mistakes]
    mistakes.sort(key=lambda each: (each.path, each.line))
    if as_json:
        print_json({"files": len(files), "items": [str(each) for each in found.items.values()], "mistakes": mistakes})
    elif mistakes:
        click.echo("\n".join(text.mistake_lines(mistakes)), err=True)
    else:
        click.echo(f"{len(files)} files, {len(found.items)} things: no mistakes.")
    if mistakes:
        sys.exit(FAILED)
