"""`trimtab datasets`: versioned cases, from files and from traffic, and what differs between versions."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from trimtab.cli.base import Span, api_command, local_time, print_json, print_table, project_option
from trimtab.cli.prompt_files import read_text
from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.dataset_types import Written

USES = ("evaluate", "tune", "train")
CONSENT = ("unknown", "given", "not_needed", "withdrawn")
PII = ("unknown", "none", "present", "redacted")


@click.group()
def command() -> None:
    """Datasets: versioned cases with provenance and allowed uses."""


def _labels(function: Callable[..., Any]) -> Callable[..., Any]:
    """What new cases are given that say nothing of it themselves."""
    for option in (
        click.option("--split", default="", help="The split they belong to."),
        click.option("--tag", "tags", multiple=True, help="A tag; several times for several."),
        click.option(
            "--use", "uses", multiple=True, type=click.Choice(USES), help="What they may be used for. [evaluate]"
        ),
        click.option("--consent", type=click.Choice(CONSENT), default="unknown", help="Of whom they tell of."),
        click.option("--pii", type=click.Choice(PII), default="unknown", help="Whether personal data is in them."),
        click.option("--licence", default="", help="Their licence, as an SPDX id."),
        click.option("--message", "-m", default="", help="Why, in a sentence."),
    ):
        function = option(function)
    return function


@command.command("list")
@click.option("--query", "-q", "q", default="", help="Words in name or description.")
@click.option("--archived", is_flag=True, help="Those put away.")
@project_option
@api_command
def list_datasets(*, q: str, archived: bool, project: str, client: Client, as_json: bool) -> None:
    """List datasets.

    \b
    Example:
      trimtab datasets list
    """
    found = list(client.datasets.list(project, q=q, archived=archived))
    if as_json:
        print_json(found)
        return
    rows = [
        (each.name, each.cases, each.newest, _splits(each.splits), local_time(each.updated), each.description or None)
        for each in found
    ]
    columns = ("NAME", "CASES", "VERSION", "SPLITS", "CHANGED", "ABOUT")
    print_table(columns, rows, empty="None: trimtab datasets import NAME FILE")


def _splits(splits: dict[str, int]) -> list[str] | None:
    return [f"{name or 'none'}={number}" for name, number in splits.items()] if any(splits) else None


@command.command()
@click.argument("name")
@click.option("--version", default="latest", show_default=True, help="A number or latest.")
@click.option("--split", default="", help="Only of this split.")
@click.option("--tag", default="", help="Only with this tag.")
@click.option("--query", "-q", "q", default="", help="Only with these words.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many to show.")
@project_option
@api_command
def show(name: str, *, version: str, limit: int, project: str, client: Client, as_json: bool, **wanted: str) -> None:
    """Show a dataset's cases.

    \b
    Example:
      trimtab datasets show support --split test
    """
    dataset = client.datasets.get(project, name)
    of = client.datasets.version(project, name, version)
    given = {key: value for key, value in wanted.items() if value}
    cases = [
        case for case, _ in zip(client.datasets.cases(project, name, of.number, **given), range(limit), strict=False)
    ]
    if as_json:
        print_json({"revision": dataset.revision, "version": of, "cases": cases})
        return
    click.echo(f"{name}@{of.number}: {of.cases} cases by {of.author_name}, {local_time(of.created)}. {of.message}")
    click.echo(f"The dataset is at revision {dataset.revision}, which --expect of a change asks for.")
    rows = [(c.id, c.split or None, _short(c.input), _short(c.expected), c.tags or None) for c in cases]
    print_table(("ID", "SPLIT", "INPUT", "EXPECTED", "TAGS"), rows, empty="No case is so.")


def _short(value: Any) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= 70 else f"{line[:69]}…"


@command.command()
@click.argument("name")
@project_option
@api_command
def history(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """The versions of a dataset, newest first.

    \b
    Example:
      trimtab datasets history support
    """
    found = list(client.datasets.versions(project, name))
    if as_json:
        print_json(found)
        return
    rows = [(v.number, v.cases, local_time(v.created), v.author_name, v.message or None, v.hash[7:19]) for v in found]
    print_table(("VERSION", "CASES", "WHEN", "AUTHOR", "MESSAGE", "HASH"), rows, empty="None yet.")


@command.command()
@click.argument("name")
@click.argument("before", default="")
@click.argument("after", default="latest")
@project_option
@api_command
def diff(name: str, *, before: str, after: str, project: str, client: Client, as_json: bool) -> None:
    """What changed from version BEFORE to AFTER; by default with the newest.

    \b
    Example:
      trimtab datasets diff support 3 5
    """
    found = client.datasets.diff(project, name, before, after)
    if as_json:
        print_json(found)
        return
    click.echo(f"{name} {found.before} → {found.after}: {found.says}")
    signs = {"added": "+", "removed": "-", "changed": "~"}
    for each in found.changes:
        click.echo(f"  {signs[each.kind]} {each.case_id}  {each.says if each.kind == 'changed' else ''}".rstrip())


@command.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "fmt", type=click.Choice(("jsonl", "csv", "parquet")), default=None, help="[by the name]")
@click.option("--map", "columns", multiple=True, metavar="FIELD=COLUMN",
              help="Which column a field is: input=question, variables.city=town.")  # fmt: skip
@click.option("--mode", type=click.Choice(("put", "add", "replace")), default="put", show_default=True,
              help="Change what is there, refuse it, or also leave out what is not in the file.")  # fmt: skip
@click.option("--expect", "expected_revision", type=int, default=None, help="The dataset's revision as you know it.")
@_labels
@project_option
@api_command
def import_file(
    name: str, file: Path, *, fmt: str | None, columns: tuple[str, ...], project: str, client: Client, as_json: bool,
    **more: Any,
) -> None:  # fmt: skip
    """Add the cases of a file: JSON lines, CSV or Parquet. All of them make one version; one wrong row refuses all.

    \b
    Example:
      trimtab datasets import support tickets.csv --map input=question --map expected=answer
    """
    named: dict[str, str] = {}
    for each in columns:
        field, sign, column = each.partition("=")
        if not sign:
            raise InvalidRequest(f"{each!r} names no column.", fix="Write --map input=question.")
        named[field] = column
    given = {key: value for key, value in more.items() if value not in ("", (), None)}
    if fmt is not None:
        given["format"] = fmt
    _told(client.datasets.import_file(project, name, file, columns=named, **given), name, as_json=as_json)


def _told(done: Written, name: str, *, as_json: bool) -> None:
    if as_json:
        print_json(done)
        return
    if done.version is None or not done.created:
        click.echo(f"{name} has not changed" + (f": it is at version {done.version.number}." if done.version else "."))
    else:
        counts = ", ".join(
            f"{number} {word}"
            for word, number in (("added", done.added), ("changed", done.changed), ("removed", done.removed))
            if number
        )
        click.echo(f"{name}@{done.version.number}: {counts}; {done.version.cases} cases.")
    if done.twice:
        click.echo(f"  {done.twice} rows said what another row had said.")
    for each in done.left:
        click.echo(f"  left out: {each}")


@command.command()
@click.argument("name")
@click.option("--format", "fmt", type=click.Choice(("jsonl", "csv", "parquet", "croissant")), default="jsonl",
              show_default=True, help="Croissant: the CSV with its description.")  # fmt: skip
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False, allow_dash=True),
    default=Path(),
    help="The folder, or - for standard output. [default: .]",
)
@click.option("--version", default="latest", show_default=True, help="A number or latest.")
@click.option("--use", type=click.Choice(USES), default="evaluate", show_default=True, help="What it is for.")
@click.option("--allowed-only", is_flag=True, help="Leave out what must not be used so, instead of refusing.")
@click.option("--split", default="", help="Only of this split.")
@click.option("--tag", default="", help="Only with this tag.")
@project_option
@api_command
def export(name: str, *, fmt: str, out: Path, project: str, client: Client, as_json: bool, **more: Any) -> None:
    """Write a version to a file.

    \b
    Example:
      trimtab datasets export support --format croissant --out support
      trimtab datasets export support --out - | head
    """
    if str(out) == "-" and fmt == "croissant":
        raise InvalidRequest("Croissant is two files.", fix="Give a folder with --out, or another --format.")
    wanted = {key: value for key, value in more.items() if value}
    wanted["version"] = str(client.datasets.version(project, name, more["version"]).number)
    if str(out) == "-":
        made = client.datasets.export(project, name, fmt, **wanted)
        sys.stdout.buffer.write(made.content)
        if made.left_out:
            click.echo(f"{made.left_out} cases left out", err=True)
        return
    out.mkdir(parents=True, exist_ok=True)
    told: list[dict[str, Any]] = []
    for each in ("csv", "croissant") if fmt == "croissant" else (fmt,):
        made = client.datasets.export(project, name, each, **wanted)
        place = out / made.name
        try:
            with place.open("xb") as file:
                file.write(made.content)
        except FileExistsError:
            raise Conflict(f"{place} is there already.", fix="Give an empty folder with --out.") from None
        told.append({"file": str(place), "bytes": len(made.content), "left_out": made.left_out})
    if as_json:
        print_json(told)
        return
    for each in told:
        rest = f", {each['left_out']} cases left out" if each["left_out"] else ""
        click.echo(f"{each['file']}: {each['bytes']:,} bytes{rest}")


@command.command()
@click.argument("name")
@click.option("--description", default=None, help="What it is for.")
@click.option("--licence", default=None, help="Its licence, as an SPDX id.")
@click.option("--schema", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None,
              help="A JSON Schema for {input, expected} of each case.")  # fmt: skip
@click.option("--expect", "expected_revision", type=int, default=None, help="Its revision as you know it; 0: new.")
@project_option
@api_command
def put(name: str, *, schema: Path | None, project: str, client: Client, as_json: bool, **about: Any) -> None:
    """Make a dataset, or change what it says of itself.

    \b
    Example:
      trimtab datasets put support --description "Tickets of spring" --licence CC-BY-4.0
    """
    if schema is not None:
        try:
            about["schema"] = json.loads(read_text(schema))
        except ValueError as error:
            raise InvalidRequest(f"{schema}: {error}.", fix="Give a file of JSON.") from error
    found = client.datasets.put(project, name, **about)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{name} is at revision {found.revision}, with {found.cases} cases.")


@command.command()
@click.argument("name")
@click.argument("shares", nargs=-1, metavar="SPLIT=SHARE...")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another one divides otherwise.")
@click.option("--message", "-m", default="", help="Why, in a sentence.")
@project_option
@api_command
def split(
    name: str, shares: tuple[str, ...], *, seed: int, message: str, project: str, client: Client, as_json: bool
) -> None:
    """Divide a dataset: every case, and those to come, by a hash of its group or id.

    \b
    Example:
      trimtab datasets split support train=0.8 test=0.2
    """
    given: dict[str, float] = {}
    for each in shares:
        part, _, share = each.partition("=")
        try:
            given[part] = float(share)
        except ValueError as error:
            raise InvalidRequest(f"{each!r} is no share.", fix="Write train=0.8.") from error
    _told(client.datasets.split(project, name, given, seed=seed, message=message), name, as_json=as_json)


@command.command("from-traces")
@click.argument("name")
@click.option("--query", "-q", "q", default="", help="A search, such as app:support score.user_thumbs:<1.")
@click.option("--since", type=Span(), default="7d", show_default=True, help="How far back.")
@click.option("--trace", "traces", multiple=True, help="A trace's id; several times for several, instead of a search.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="How many at most.")
@click.option("--sample", type=click.Choice(("newest", "diverse", "failing", "disputed", "random")), default="newest",
              show_default=True, help="Which of those that the search finds.")  # fmt: skip
@click.option("--expected", type=click.Choice(("none", "answer", "correction")), default="correction",
              show_default=True, help="What is expected: nothing, what was answered, or a correction.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of a sample.")
@_labels
@project_option
@api_command
def from_traces(
    name: str, *, since: int, traces: tuple[str, ...], project: str, client: Client, as_json: bool, **asked: Any
) -> None:
    """Make cases of recorded traffic.

    \b
    Example:
      trimtab datasets from-traces support -q "app:support" --sample diverse --limit 30
    """
    now = int(time.time() * 1000)
    given = {key: value for key, value in asked.items() if value not in ("", ())}
    given |= {"traces": traces} if traces else {"start": now - since, "end": now + 1}
    _told(client.datasets.from_traces(project, name, **given), name, as_json=as_json)


@command.command()
@click.argument("name")
@click.option("--version", default="latest", show_default=True, help="A number or latest.")
@click.option("--method", type=click.Choice(("words", "meaning")), default="words", show_default=True,
              help="By shared words, or by the local embedder.")  # fmt: skip
@click.option("--at-least", type=click.FloatRange(0.5, 1), default=None, help="How alike. [words: 0.8, meaning: 0.95]")
@project_option
@api_command
def duplicates(name: str, *, project: str, client: Client, as_json: bool, **asked: Any) -> None:
    """Find cases that say the same, or nearly.

    \b
    Example:
      trimtab datasets duplicates support
    """
    found = client.datasets.duplicates(project, name, **{k: v for k, v in asked.items() if v is not None})
    if as_json:
        print_json(found)
        return
    click.echo(found.says)
    for same in found.exact:
        click.echo(f"  same    {', '.join(same)}")
    for pair in found.near:
        click.echo(f"  {pair.likeness:.2f}    {pair.one}, {pair.other}{'  in two splits' if pair.split else ''}")


@command.command()
@click.argument("name")
@click.argument("size", type=click.IntRange(1, 2000))
@click.option("--strategy", type=click.Choice(("diverse", "failing", "disputed", "random")), default="diverse",
              show_default=True, help="What is informative.")  # fmt: skip
@click.option("--version", default="latest", show_default=True, help="A number or latest.")
@click.option("--split", default="", help="Only of this split.")
@click.option("--tag", default="", help="Only with this tag.")
@click.option("--experiment", default="", help="Whose scores tell what fails. [those of the cases' traces]")
@click.option("--method", type=click.Choice(("words", "meaning")), default="words", show_default=True,
              help="What 'diverse' compares: shared words, or meanings by the local embedder.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same sample.")
@click.option("--save-as", default="", help="Give the sample this tag, as a new version.")
@project_option
@api_command
def sample(name: str, size: int, *, strategy: str, project: str, client: Client, as_json: bool, **asked: Any) -> None:
    """Choose the most informative cases.

    \b
    Example:
      trimtab datasets sample support 50 --strategy diverse --save-as smoke
    """
    given = {key: value for key, value in asked.items() if value != ""}
    found = client.datasets.sample(project, name, strategy, size, **given)
    if as_json:
        print_json(found)
        return
    print_table(
        ("ID", "WHY"),
        [(each.id, each.why) for each in found.items],
        empty=f"None is known to be so: {strategy}.",
    )
    click.echo(f"{len(found.items)} of {found.considered}, {found.method}; {found.unscored} had no score.")
    if found.written is not None:
        _told(found.written, name, as_json=False)


@command.command()
@click.argument("name")
@click.option("--model", required=True, help="Which model proposes them.")
@click.option("--count", type=click.IntRange(1, 20), default=10, show_default=True, help="How many.")
@click.option("--about", default="", help="What they should be like.")
@click.option("--budget", default="1", show_default=True, help="US dollars at most.")
@project_option
@api_command
def generate(name: str, *, project: str, client: Client, as_json: bool, **asked: Any) -> None:
    """Let a model propose cases. They wait as proposals until somebody takes them: `trimtab datasets proposals`.

    \b
    Example:
      trimtab datasets generate support --model openai/gpt-5-mini --about "angry customers"
    """
    found = client.datasets.generate(project, name, **asked)
    if as_json:
        print_json(found)
        return
    for each in found.proposals:
        click.echo(f"  {each.id}  {_short(each.case.input)}  →  {_short(each.case.expected) or '-'}")
    cost = "an unknown cost" if found.cost is None else f"${found.cost}"
    click.echo(f"{len(found.proposals)} proposed in {found.calls} calls for {cost}.")
    for each in found.left:
        click.echo(f"  left out: {each}")


@command.command()
@click.argument("name")
@click.option("--accept", multiple=True, help="A proposal's id; 'all' for all that are open.")
@click.option("--reject", multiple=True, help="A proposal's id.")
@click.option("--message", "-m", default="", help="Why, in a sentence.")
@project_option
@api_command
def proposals(
    name: str, *, accept: tuple[str, ...], reject: tuple[str, ...], message: str, project: str, client: Client,
    as_json: bool,
) -> None:  # fmt: skip
    """Show what a model proposed; take some of it, and leave the rest.

    \b
    Example:
      trimtab datasets proposals support --accept prp_0199 --reject prp_0200
    """
    if accept or reject:
        taken = [each.id for each in client.datasets.proposals(project, name)] if accept == ("all",) else accept
        done = client.datasets.decide(
            project, name, accept=[i for i in taken if i not in reject], reject=reject, message=message
        )
        _told(done, name, as_json=as_json)
        return
    found = list(client.datasets.proposals(project, name))
    if as_json:
        print_json(found)
        return
    rows = [(each.id, _short(each.case.input), _short(each.case.expected), each.model) for each in found]
    print_table(("ID", "INPUT", "EXPECTED", "MODEL"), rows, empty="None is open.")


@command.command()
@click.argument("name")
@click.option("--restore", is_flag=True, help="Take it out of the archive again.")
@project_option
@api_command
def archive(name: str, *, restore: bool, project: str, client: Client, as_json: bool) -> None:
    """Put a dataset away: it can still be read, and takes no change.

    \b
    Example:
      trimtab datasets archive old-tickets
    """
    found = client.datasets.put(project, name, archived=not restore)
    if as_json:
        print_json(found)
    else:
        click.echo(f"{name} is {'in use' if restore else 'archived'}.")
