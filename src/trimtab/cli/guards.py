"""`trimtab guards`: guards as files and on the server, tried on texts, and what they did."""

import inspect
import json
import sys
from pathlib import Path
from typing import Any, TypedDict, Unpack

import click
import msgspec

from trimtab.cli import guard_words
from trimtab.cli.base import (
    api_command,
    expect_option,
    local_time,
    print_json,
    print_table,
    project_option,
    seen_version_option,
)
from trimtab.cli.guard_points import operating_point
from trimtab.cli.guard_services import service, services
from trimtab.cli.spec_files import read_spec
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.guard_types import Guard

DAY_MS = 86_400_000


@click.group()
def command() -> None:
    """Guards: what goes to a model and comes back is looked at."""


@command.command("list")
@click.option("--archived", is_flag=True, help="Those put away.")
@project_option
@api_command
def list_guards(*, archived: bool, project: str, client: Client, as_json: bool) -> None:
    """List guards.

    \b
    Example:
      trimtab guards list
    """
    _print(list(client.guards.list(project, archived=archived)), as_json=as_json)


@command.command()
@click.argument("name")
@project_option
@api_command
def versions(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """List a guard's versions, newest first.

    \b
    Example:
      trimtab guards versions pii
    """
    _print(list(client.guards.versions(project, name)), as_json=as_json)


def _print(found: list[Guard], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.pinned,
            each.spec.get("kind"),
            each.spec.get("action", "flag"),
            each.spec.get("mode", "enforce"),
            ", ".join(each.spec.get("applies_to", ())) or None,
            each.author,
            local_time(each.created),
            None if each.point is None else each.point.say or f"at most {each.point.budget:.2%} false alarms",
        )
        for each in found
    ]
    print_table(
        ("GUARD", "KIND", "ACTION", "MODE", "APPLIES TO", "BY", "MADE", "THRESHOLD"), rows,
        empty="None: trimtab guards push NAME FILE",
    )  # fmt: skip


@command.command()
@click.argument("name", required=False)
@project_option
@api_command
def kinds(name: str | None, *, project: str, client: Client, as_json: bool) -> None:
    """List the kinds of guards, or show one with its options.

    \b
    Example:
      trimtab guards kinds secrets
    """
    found = [each for each in client.guards.kinds(project) if name is None or each.name == name]
    if name is not None and not found:
        raise InvalidRequest(f"There is no kind of guard {name!r}.", fix="'trimtab guards kinds' lists them.")
    if as_json:
        print_json(found)
    elif name is not None:
        kind = found[0]
        click.echo(f"{kind.name} (version {kind.version}): {kind.about}")
        click.echo(f"looks at {', '.join(kind.stages)}; can {', '.join(kind.actions)}; threshold {kind.threshold:g}")
        window = "whole answers only" if kind.window is None else f"{kind.window} characters of a stream"
        click.echo(f"sees {window}; needs {kind.needs}")
        _print_options(kind.options)
    else:
        rows = [(each.name, each.needs, ", ".join(each.stages), each.about) for each in found]
        print_table(("KIND", "NEEDS", "LOOKS AT", "ABOUT"), rows, empty="None.")


def _print_options(schema: dict[str, Any]) -> None:
    """What is said of them as text, for YAML would fold it; then their schema."""
    about = schema.get("description", "")
    if about:
        click.echo(inspect.cleandoc(str(about)).replace("``", ""))
    click.echo(msgspec.yaml.encode({name: value for name, value in schema.items() if name != "description"}), nl=False)


@command.command()
@click.argument("name")
@click.option("--version", type=int, default=None, help="That version; the newest if left out.")
@project_option
@api_command
def show(name: str, *, version: int | None, project: str, client: Client, as_json: bool) -> None:
    """Print a guard as a file that can be pushed.

    \b
    Example:
      trimtab guards show pii > pii.yaml
    """
    found = client.guards.get(project, name, version)
    if as_json:
        print_json(found)
    else:
        click.echo(msgspec.yaml.encode(found.spec).decode(), nl=False)


@command.command()
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--message", "-m", default="", help="Why, in a sentence.")
@click.option("--expect", type=int, default=None, help="The version it was made from; 0: it is to be new.")
@project_option
@api_command
def push(
    name: str, file: Path, *, message: str, expect: int | None, project: str, client: Client, as_json: bool
) -> None:
    """Add a version of a guard from a YAML or JSON file; what has not changed makes none.

    \b
    Example:
      trimtab guards push pii pii.yaml -m "Names, too"
    """
    made = client.guards.push(project, name, _read(file), message=message, expected_version=expect)
    if as_json:
        print_json(made)
    else:
        word = "is now" if made.created else "has not changed: it is"
        click.echo(f"{name} {word} version {made.guard.version}; apps name it as {made.guard.pinned}")


def _read(file: Path) -> dict[str, Any]:
    found = read_spec(file)
    if found is None or "kind" not in found:
        raise InvalidRequest(
            f"{file} is no guard: it has no 'kind'.", fix="For example: {kind: secrets, action: block}."
        )
    return found


@command.command()
@click.argument("name")
@click.argument("before", type=int, required=False)
@click.argument("after", type=int, required=False)
@project_option
@api_command
def diff(name: str, *, before: int | None, after: int | None, project: str, client: Client, as_json: bool) -> None:
    """What changed from version BEFORE to AFTER; by default, what the newest version changed.

    \b
    Example:
      trimtab guards diff pii 1 3
    """
    found = client.guards.diff(project, name, before, after)
    if as_json:
        print_json(found)
        return
    click.echo(f"{name}: version {found.before} to {found.after}")
    for change in found.changes:
        click.echo(f"{change.field}: {json.dumps(change.before)} -> {json.dumps(change.after)}")


@command.command()
@click.argument("name")
@click.option("--restore", is_flag=True, help="Take it out of the archive.")
@seen_version_option
@project_option
@api_command
def archive(name: str, *, expect: int | None, restore: bool, project: str, client: Client, as_json: bool) -> None:
    """Put a guard away: it guards nothing by itself; releases that have it go on with it.

    \b
    Example:
      trimtab guards archive pii
    """
    found = client.guards.archive(project, name, archived=not restore, expected_version=expect)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{name} is {'in use again' if restore else 'archived'}")


@command.command("try")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("text", required=False)
@click.option("--stage", default="input", help="input, retrieved, tool_arguments, tool_result or output.")
@project_option
@api_command
def try_guard(file: Path, text: str | None, *, stage: str, project: str, client: Client, as_json: bool) -> None:
    """Try a guard's file on a text (or standard input). Ends with 1 where it would stop the text.

    \b
    Example:
      trimtab guards try secrets.yaml "password: hunter2x9QzzT41"
    """
    said = sys.stdin.read() if text is None else text
    found = client.guards.try_(project, _read(file), [said], stage=stage)
    if as_json:
        print_json(found)
    else:
        for each in found.stages:
            click.echo(f"{each.action} at {each.stage}: score {each.score:g}, threshold {each.threshold:g}")
            for words in (each.reason, each.failed):
                if words:
                    click.echo(f"  {words}")
        if not found.stages:
            click.echo(f"allow: it does not look at {stage}")
        if found.action == "redact":
            click.echo(found.texts[0])
    if found.action in ("block", "escalate"):
        sys.exit(1)


@command.command()
@click.argument("name")
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, help="How far back.")
@project_option
@api_command
def report(name: str, *, days: int, project: str, client: Client, as_json: bool) -> None:
    """What a guard did, or in shadow mode would have done.

    \b
    Example:
      trimtab guards report injection --days 7
    """
    import time

    found = client.guards.report(project, name, start=int(time.time() * 1000) - days * DAY_MS)
    if as_json:
        print_json(found)
        return
    click.echo(found.say)
    rows = [
        (each.action, each.mode, each.model, local_time(each.started), each.trace_id, each.preview[:60])
        for each in found.examples
    ]
    if rows:
        print_table(("ACTION", "MODE", "CALLED", "WHEN", "TRACE", "ASKED"), rows, empty="")


@command.command()
@click.argument("request_id")
@project_option
@api_command
def why(request_id: str, *, project: str, client: Client, as_json: bool) -> None:
    """What guards decided about a request: the reference that its user was given.

    \b
    Example:
      trimtab guards why req_019aa1b2c3d47e5f8a9b0c1d2e3f4a5b
    """
    found = client.guards.why(project, request_id)
    if as_json:
        print_json(found)
        return
    click.echo(f"{found.model}, {local_time(found.started)}, trace {found.trace_id}")
    print_table(guard_words.HEAD, guard_words.rows(found.verdicts), empty="No guard looked at it.")


@command.command()
@project_option
@api_command
def refusals(*, project: str, client: Client, as_json: bool) -> None:
    """List what users are told when a guard stops a call.

    \b
    Example:
      trimtab guards refusals
    """
    found = client.guards.refusals(project)
    if as_json:
        print_json(list(found))
        return
    rows = [(each.name, each.app or "any", each.language or "any", each.text) for each in found]
    print_table(("TEMPLATE", "APP", "LANGUAGE", "TEXT"), rows, empty="None: Trimtab's own words are said.")


class Where(TypedDict):
    """Which text of a refusal."""

    name: str
    app: str
    language: str


@command.command()
@click.argument("text", required=False)
@click.option("--name", default="default", show_default=True, help="The template that guards name.")
@click.option("--app", default="", help="Only in that app.")
@click.option("--language", default="", help="Only to who asks in that language, e.g. de.")
@click.option("--drop", is_flag=True, help="Remove it.")
@expect_option
@project_option
@api_command
def refusal(
    text: str | None,
    *,
    drop: bool,
    expect: int | None,
    project: str,
    client: Client,
    as_json: bool,
    **where: Unpack[Where],
) -> None:
    """Set what users are told; {reference} becomes the request's id.

    \b
    Example:
      trimtab guards refusal "We cannot answer this. ({reference})" --app support
    """
    if drop:
        client.guards.drop_refusal(project, **where, expected_revision=expect)
        if not as_json:
            click.echo("removed")
        return
    if text is None:
        raise InvalidRequest("What are users to be told?", fix="Give the text, or --drop.")
    made = client.guards.put_refusal(project, text, expected_revision=expect, **where)
    if as_json:
        print_json(made)
    else:
        click.echo(made.text)


command.add_command(operating_point)
command.add_command(services)
command.add_command(service)
