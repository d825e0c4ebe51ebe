"""`trimtab prompts`: prompts as files and on the server."""

import json
from pathlib import Path
from typing import Any, TypedDict, Unpack

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option, seen_version_option
from trimtab.cli.prompt_files import Note, files_of, read_text
from trimtab.core.errors import InvalidRequest
from trimtab.prompts.types import SUFFIX
from trimtab.sdk.client import Client
from trimtab.sdk.prompt_types import MessageChange, PromptDiff

_SIGNS = {"same": " ", "removed": "-", "added": "+"}
FORMATS = {".prompty": "prompty", ".prompt": "dotprompt", ".json": "langfuse"}


class Labelled(TypedDict):
    """What may be said of a label."""

    version: int | None
    remove: bool
    expect: int | None


@click.group()
def command() -> None:
    """Prompts: files with versions, labels, diff and blame."""


@command.command("list")
@click.option("--query", "-q", "q", default="", help="Words in name, folder, description, variables or text.")
@click.option("--folder", default="", help="Only this folder, with what is in it.")
@click.option("--label", default="", help="Only prompts with this label.")
@click.option("--archived", is_flag=True, help="Those put away.")
@project_option
@api_command
def list_prompts(*, project: str, client: Client, as_json: bool, **wanted: Any) -> None:
    """List prompts.

    \b
    Example:
      trimtab prompts list -q refund --label production
    """
    found = list(client.prompts.list(project, **wanted))
    if as_json:
        print_json(found)
        return
    rows = [
        (each.name, each.folder or None, each.newest, [f"{at.label}={at.version}" for at in each.labels] or None,
         local_time(each.updated))
        for each in found
    ]  # fmt: skip
    print_table(("NAME", "FOLDER", "NEWEST", "LABELS", "CHANGED"), rows, empty="None: trimtab prompts push FILE")


@command.command()
@click.argument("name")
@click.option("--version", "ref", default="latest", show_default=True, help="A number, a label or latest.")
@project_option
@api_command
def show(name: str, *, ref: str, project: str, client: Client, as_json: bool) -> None:
    """Print a prompt as a file.

    \b
    Example:
      trimtab prompts show support --version production
    """
    found = client.prompts.version(project, name, ref)
    if as_json:
        print_json(found)
    else:
        click.echo(found.file, nl=False)


@command.command()
@click.argument("places", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--message", "-m", default="", help="Why, in a sentence.")
@click.option("--expect", type=int, default=None, help="The version it was made from; 0: it is to be new.")
@click.option("--force", is_flag=True, help="Add to whatever is newest, also where that is not what was pulled.")
@click.option("--dry-run", is_flag=True, help="Only check.")
@project_option
@api_command
def push(
    places: tuple[Path, ...],
    *,
    message: str,
    expect: int | None,
    force: bool,
    project: str,
    client: Client,
    as_json: bool,
    **more: Any,
) -> None:
    """Add a version of every prompt in these files and folders; what has not changed makes none.

    A file that was pulled is pushed onto the version that it was pulled at: a version that came meanwhile is never
    overwritten.

    \b
    Example:
      trimtab prompts push prompts/ -m "Refuse politely"
    """
    pushed: list[Any] = []
    for found in files_of(places):
        note = Note(found.place.parent, project)
        expected = None if force else note.version(found.name) if expect is None else expect
        try:
            made = client.prompts.push(
                project, found.name, found.text, message=message, expected_version=expected, dry_run=more["dry_run"]
            )
        except InvalidRequest as error:
            raise InvalidRequest(f"{found.place}: {error.message}", fix=error.fix, code=error.code) from error
        if not more["dry_run"]:
            note.keep(found.name, made.version)
        pushed.append(made)
        if not as_json:
            word = "would be" if more["dry_run"] else "is now" if made.created else "has not changed: it is"
            click.echo(f"{made.name} {word} version {made.version}")
    if as_json:
        print_json(pushed)


@command.command()
@click.argument("names", nargs=-1)
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("prompts"),
              show_default=True, help="Where the files go.")  # fmt: skip
@click.option("--version", "ref", default="latest", show_default=True, help="A number, a label or latest.")
@project_option
@api_command
def pull(names: tuple[str, ...], *, folder: Path, ref: str, project: str, client: Client, as_json: bool) -> None:
    """Write prompts to files: these, or all.

    \b
    Example:
      trimtab prompts pull --to prompts
    """
    wanted = names or tuple(each.name for each in client.prompts.list(project))
    written: list[dict[str, Any]] = []
    for name in wanted:
        found = client.prompts.version(project, name, ref)
        place = folder / found.folder / f"{name}{SUFFIX}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(found.file, encoding="utf-8")
        Note(place.parent, project).keep(name, found.version.version)
        written.append({"name": name, "version": found.version.version, "file": str(place)})
        if not as_json:
            click.echo(f"{place} (version {found.version.version})")
    if as_json:
        print_json(written)


@command.command()
@click.argument("name")
@click.argument("before", default="")
@click.argument("after", default="latest")
@project_option
@api_command
def diff(name: str, *, before: str, after: str, project: str, client: Client, as_json: bool) -> None:
    """What changed from version BEFORE to AFTER; by default, what the newest version changed.

    \b
    Example:
      trimtab prompts diff support production latest
    """
    found = client.prompts.diff(project, name, before, after)
    if as_json:
        print_json(found)
    else:
        _print_diff(found)


def _print_diff(found: PromptDiff) -> None:
    click.echo(f"{found.name}: version {found.before or 'none'} -> {found.after}")
    if not found.changes and not found.messages:
        click.echo("No difference.")
    for change in found.changes:
        click.echo(f"  {change.words}")
    for message in found.messages:
        click.echo(f"  {message.words}")
        print_lines(message)


def print_lines(message: MessageChange, around: int = 2) -> None:
    """The changed lines, and a few around each."""
    changed = [at for at, line in enumerate(message.lines) if line.mark != "same"]
    last = -1
    for at, line in enumerate(message.lines):
        if any(abs(at - each) <= around for each in changed):
            if last not in (-1, at - 1):
                click.echo("      ...")
            click.echo(f"    {_SIGNS[line.mark]} {line.text}")
            last = at


@command.command()
@click.argument("name")
@project_option
@api_command
def history(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """Every version of a prompt, newest first.

    \b
    Example:
      trimtab prompts history support
    """
    found = list(client.prompts.history(project, name))
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.version,
            each.labels or None,
            local_time(each.created),
            each.author,
            each.message or None,
            each.hash[7:19],
        )
        for each in found
    ]
    print_table(("VERSION", "LABELS", "WHEN", "AUTHOR", "MESSAGE", "HASH"), rows, empty="None.")


@command.command()
@click.argument("name")
@click.option("--version", "ref", default="latest", show_default=True, help="A number, a label or latest.")
@project_option
@api_command
def blame(name: str, *, ref: str, project: str, client: Client, as_json: bool) -> None:
    """The version that wrote each line.

    \b
    Example:
      trimtab prompts blame support
    """
    found = client.prompts.blame(project, name, ref)
    if as_json:
        print_json(found)
        return
    authors = {each.version: each.author for each in found.versions}
    for message in found.messages:
        click.echo(f"@{message.title}")
        for line in message.lines:
            click.echo(f"{line.version:>5} {authors[line.version][:16]:<16} {line.text}")


@command.command()
@click.argument("name")
@click.argument("label")
@click.argument("version", type=int, required=False)
@click.option("--remove", is_flag=True, help="Take the label away.")
@click.option("--expect", type=click.IntRange(min=0), help="The version it is to be at so far, 0 for none.")
@project_option
@api_command
def label(name: str, label: str, *, project: str, client: Client, as_json: bool, **given: Unpack[Labelled]) -> None:
    """Point LABEL at VERSION of a prompt; at the newest, where none is said.

    \b
    Example:
      trimtab prompts label support production 12
    """
    expected, remove = given["expect"], given["remove"]
    if remove:
        client.prompts.unlabel(project, name, label, expected_version=expected)
        told: Any = {"removed": label}
    else:
        to = given["version"] or client.prompts.get(project, name).newest
        told = client.prompts.label(project, name, label, to, expected_version=expected)
    if as_json:
        print_json(told)
    else:
        click.echo(f"{name}: {label} is gone." if remove else f"{name}: {label} is version {told.version}.")


@command.command()
@click.argument("name")
@click.option("--version", "ref", default="latest", show_default=True, help="A number, a label or latest.")
@click.option("--var", "-v", "given", multiple=True, metavar="NAME=VALUE", help="A variable as text.")
@click.option("--json-var", "given_json", multiple=True, metavar="NAME=JSON", help="A variable as JSON.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Render this file instead.")
@project_option
@api_command
def render(
    name: str, *, given: tuple[str, ...], given_json: tuple[str, ...], project: str, client: Client, as_json: bool,
    **more: Any,
) -> None:  # fmt: skip
    """The messages of a prompt for these values.

    \b
    Example:
      trimtab prompts render support -v customer=Ada --json-var items='["tea"]'
    """
    variables: dict[str, Any] = dict(map(_split, given))
    for key, text in map(_split, given_json):
        try:
            variables[key] = json.loads(text)
        except ValueError as error:
            raise InvalidRequest(f"{key}: {error}.", fix="Give JSON, or use --var for text.") from error
    file = None if more["file"] is None else read_text(more["file"])
    found = client.prompts.render(project, name, variables, ref=more["ref"], file=file)
    if as_json:
        print_json(found)
        return
    for message in found.messages:
        text = message["content"]
        click.echo(f"@{message['role']}\n{text if isinstance(text, str) else json.dumps(text)}\n")


def _split(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InvalidRequest(f"{text!r} gives no value.", fix="Write NAME=VALUE.")
    return name, value


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "format_name", type=click.Choice(sorted(FORMATS.values())), default=None,
              help="By default: .prompty, .prompt (dotprompt), .json (Langfuse).")  # fmt: skip
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("prompts"),
              show_default=True, help="Where the files go.")  # fmt: skip
@project_option
@api_command
def import_prompts(
    files: tuple[Path, ...], *, format_name: str | None, folder: Path, project: str, client: Client, as_json: bool
) -> None:
    """Write prompts of Langfuse, prompty or dotprompt as files of ours; then look at them, and push.

    \b
    Example:
      trimtab prompts import basic.prompty && trimtab prompts push prompts
    """
    told: list[dict[str, Any]] = []
    for file in files:
        kind = format_name or FORMATS.get(file.suffix)
        if kind is None:
            raise InvalidRequest(f"{file}: its name does not tell its format.", fix="Say --format.")
        named = "".join(each if each.isalnum() else "-" for each in file.stem.lower()).strip("-") or "prompt"
        try:
            made = client.prompts.convert(project, named[:64], kind, read_text(file))
        except InvalidRequest as error:
            raise InvalidRequest(f"{file}: {error.message}", fix=error.fix, code=error.code) from error
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{made.name}{SUFFIX}"
        place.write_text(made.file, encoding="utf-8")
        told.append({"name": made.name, "file": str(place), "notes": made.notes})
        if not as_json:
            click.echo(str(place))
            for note in made.notes:
                click.echo(f"  {note}")
    if as_json:
        print_json(told)


@command.command()
@click.argument("name")
@click.option("--restore", is_flag=True, help="Take it out of the archive again.")
@seen_version_option
@project_option
@api_command
def archive(name: str, *, expect: int | None, restore: bool, project: str, client: Client, as_json: bool) -> None:
    """Put a prompt away: it can still be read and rendered, and takes no new version.

    \b
    Example:
      trimtab prompts archive old-greeting
    """
    found = client.prompts.place(project, name, archived=not restore, expected_version=expect)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{name} is {'in use' if restore else 'archived'}.")
