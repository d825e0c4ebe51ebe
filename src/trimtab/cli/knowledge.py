"""`trimtab knowledge`: corpora of documents, what is found in them, and how old they are."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from trimtab.cli.base import api_command, local_time, print_json, print_table, project_option
from trimtab.cli.knowledge_sources import Source, compared
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.client import Client
from trimtab.sdk.knowledge import KINDS, document_of, id_of
from trimtab.sdk.knowledge_types import CorpusVersion

WAIT_S: Final = 3_600.0
MODES: Final = ("hybrid", "meaning", "words")
WITHHELD: Final = "(withheld: reading passages needs content:read)"
SEEN_AT_ONCE: Final = 1_000


@click.group()
def command() -> None:
    """Knowledge: corpora of documents that apps and people search."""


def _about(function: Callable[..., Any]) -> Callable[..., Any]:
    """What a corpus says of itself."""
    for option in (
        click.option("--about", "description", default=None, help="What is in it."),
        click.option("--owner", default=None, help="Who answers for it. [you]"),
        click.option("--access", multiple=True, metavar="WHO",
                     help="Who may search it: user:ADA, group:LEGAL, role:viewer, key:ID, or * for all."),
        click.option("--chunker", default=None, help="How documents are cut: headings or sentences. [headings]"),
        click.option("--size", type=int, default=None, help="Words of a chunk. [160]"),
        click.option("--overlap", type=int, default=None, help="Words that it shares with the one before. [24]"),
        click.option("--embedder", default=None, help="local, a model of the project, or none. [local]"),
        click.option("--stale-days", type=click.IntRange(0), default=None,
                     help="Documents that are older are stale; 0 for never."),
    ):  # fmt: skip
        function = option(function)
    return function


def _body(client: Client, project: str, name: str, given: dict[str, Any], *, there: bool) -> dict[str, Any]:
    body = {key: given[key] for key in ("description", "owner", "stale_days") if given[key] is not None}
    if given["access"]:
        body["access"] = list(given["access"])
    if given["embedder"] is not None:
        body["embedder"] = {"model": "" if given["embedder"] == "none" else given["embedder"]}
    cut = {key: given[key] for key in ("size", "overlap") if given[key] is not None}
    if given["chunker"] is not None:
        cut["kind"] = given["chunker"]
    if cut and there:
        old = client.knowledge.get(project, name).chunker
        cut = {"kind": old.kind, "size": old.size, "overlap": old.overlap} | cut
    return body | ({"chunker": cut} if cut else {})


@command.command("list")
@click.option("--archived", is_flag=True, help="Those put away.")
@project_option
@api_command
def list_corpora(*, archived: bool, project: str, client: Client, as_json: bool) -> None:
    """List corpora.

    \b
    Example:
      trimtab knowledge list
    """
    found = list(client.knowledge.list(project, archived=archived))
    if as_json:
        print_json(found)
        return
    rows = [
        (c.name, c.documents, c.ready or None, c.owner, c.access or None, local_time(c.updated), c.description or None)
        for c in found
    ]
    columns = ("NAME", "DOCUMENTS", "VERSION", "OWNER", "ACCESS", "CHANGED", "ABOUT")
    print_table(columns, rows, empty="None: trimtab knowledge create NAME")


@command.command()
@click.argument("name")
@_about
@project_option
@api_command
def create(name: str, *, project: str, client: Client, as_json: bool, **given: Any) -> None:
    """Make a corpus.

    \b
    Example:
      trimtab knowledge create handbook --about "How we work" --stale-days 180
    """
    body = _body(client, project, name, given, there=False) | {"expected_revision": 0}
    made = client.knowledge.put(project, name, **body)
    if as_json:
        print_json(made)
        return
    click.echo(f"Made the corpus {name}. Put documents into it: trimtab knowledge add {name} FILES")


@command.command("set")
@click.argument("name")
@_about
@click.option("--open", "opened", is_flag=True, help="All who may search may search it: no access list.")
@click.option("--archived/--no-archived", default=None, help="Put it away, or bring it back.")
@project_option
@api_command
def set_corpus(
    name: str, *, opened: bool, archived: bool | None, project: str, client: Client, as_json: bool, **given: Any
) -> None:
    """Change a corpus. Another chunker or embedder counts from the next version on.

    \b
    Example:
      trimtab knowledge set handbook --access group:staff --chunker sentences --size 120
    """
    body = _body(client, project, name, given, there=True)
    if opened:
        body["access"] = []
    if archived is not None:
        body["archived"] = archived
    old = client.knowledge.get(project, name)
    made = client.knowledge.put(project, name, **body, expected_revision=old.revision)
    if as_json:
        print_json(made)
        return
    click.echo(f"{name} is at revision {made.revision}." if made.revision != old.revision else "Nothing has changed.")


# --- documents ---


@command.command()
@click.argument("name")
@click.option("--gone", is_flag=True, help="Those removed or erased.")
@project_option
@api_command
def documents(name: str, *, gone: bool, project: str, client: Client, as_json: bool) -> None:
    """The documents of a corpus.

    \b
    Example:
      trimtab knowledge documents handbook
    """
    found = list(client.knowledge.documents(project, name, gone=gone))
    if as_json:
        print_json(found)
        return
    rows = [
        (d.id, d.title or None, d.size, d.access or None, local_time(d.updated), _state(d.stale, d.source_state))
        for d in found
    ]
    columns = ("DOCUMENT", "TITLE", "CHARACTERS", "ACCESS", "UPDATED", "STATE")
    print_table(columns, rows, empty=f"None: trimtab knowledge add {name} FILES")


def _state(stale: bool, source: str) -> str | None:
    told = ["stale"] if stale else []
    if source in ("changed", "gone"):
        told.append(f"source {source}")
    return ", ".join(told) or None


@command.command()
@click.argument("name")
@click.argument("document")
@project_option
@api_command
def show(name: str, document: str, *, project: str, client: Client, as_json: bool) -> None:
    """What a document says.

    \b
    Example:
      trimtab knowledge show handbook docs:refunds.md
    """
    found = client.knowledge.document(project, name, document)
    if as_json:
        print_json(found)
        return
    one = found.document
    click.echo(f"{one.id}: {one.title or 'no title'} ({one.kind}, updated {local_time(one.updated)})")
    if one.source:
        click.echo(f"from {one.source}")
    if one.access:
        click.echo(f"for {', '.join(one.access)}")
    click.echo()
    click.echo("It was erased." if found.text is None else found.text)


@command.command()
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--access", multiple=True, metavar="WHO", help="Who may see them: user:ADA, group:LEGAL, role:viewer, "
              "key:ID, * for all. Without it, as it was; of new ones all who may search the corpus.")  # fmt: skip
@click.option("--user", "about", multiple=True, metavar="USER", help="An end user they tell of, with whose erasure "
              "they go.")  # fmt: skip
@click.option("--replace", is_flag=True, help="Leave out of the corpus what is not among these files.")
@click.option("--publish/--no-publish", default=True, help="Make a version of it. [publish]")
@click.option("--wait/--no-wait", default=True, help="Until it can be searched. [wait]")
@click.option("--message", "-m", default="", help="Why, in a sentence.")
@project_option
@api_command
def add(name: str, files: tuple[Path, ...], *, project: str, client: Client, as_json: bool, **given: Any) -> None:
    """Add files to a corpus, or what they say now: text, Markdown and HTML; of folders all such files.

    \b
    Example:
      trimtab knowledge add handbook docs/*.md
      trimtab knowledge add handbook hr/ --access group:people -m "Rules of travel"
    """
    more: dict[str, Any] = {field: list(given[field]) for field in ("access", "about") if given[field]}
    found = _files(files)
    if not found:
        raise InvalidRequest("There is no text, Markdown or HTML file in it.", fix=f"Known: {', '.join(KINDS)}.")
    made = client.knowledge.add(project, name, (document_of(each, **more) for each in found))
    left = _left_out(client, project, name, {id_of(each) for each in found}) if given["replace"] else []
    version = client.knowledge.publish(project, name, given["message"]).version if given["publish"] else None
    if version is not None and given["wait"]:
        version = client.knowledge.wait(project, name, version.number, WAIT_S)
    if as_json:
        print_json({"documents": made, "removed": left, "version": version})
        return
    counts = [f"{len(getattr(made, word))} {word}" for word in made.__struct_fields__ if getattr(made, word)]
    click.echo(f"{name}: {', '.join(counts + ([f'{len(left)} removed'] if left else []))}.")
    click.echo(f"Not published yet: trimtab knowledge publish {name}" if version is None else _told(version))


def _files(given: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for each in given:
        inside = sorted(each.rglob("*")) if each.is_dir() else [each]
        found += [one for one in inside if one.is_file() and (not each.is_dir() or one.suffix.lower() in KINDS)]
    return list(dict.fromkeys(found))


def _left_out(client: Client, project: str, name: str, kept: set[str]) -> list[str]:
    left = [each.id for each in client.knowledge.documents(project, name) if each.id not in kept]
    for each in left:
        client.knowledge.delete(project, name, each, keep_versions=True)
    return left


def _told(version: CorpusVersion) -> str:
    name = f"{version.corpus}@{version.number}"
    if version.state == "ready":
        return f"{name} can be searched: {version.documents} documents, {version.chunks} chunks."
    done = f"{version.done} of {version.documents} documents"
    return f"{name} is {version.state}: {done}. {version.reason}".rstrip()


@command.command()
@click.argument("name")
@click.argument("document")
@click.option("--keep-versions", is_flag=True, help="Only leave it out of the next version.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@project_option
@api_command
def delete(
    name: str, document: str, *, keep_versions: bool, yes: bool, project: str, client: Client, as_json: bool
) -> None:  # fmt: skip
    """Erase what a document says from every version.

    \b
    Example:
      trimtab knowledge delete handbook docs:old-prices.md --yes
    """
    if not keep_versions and not yes:
        click.confirm(f"Erase {document} from every version of {name}? It cannot be brought back", abort=True)
    gone = client.knowledge.delete(project, name, document, keep_versions=keep_versions)
    if as_json:
        print_json(gone)
        return
    click.echo(
        "Erased from every version." if gone.erased else f"The next version leaves it out. {gone.removed} removed."
    )


@command.command()
@click.argument("name")
@click.argument("document")
@click.argument("who", nargs=-1)
@click.option("--open", "opened", is_flag=True, help="All who may search the corpus may see it.")
@project_option
@api_command
def access(
    name: str, document: str, who: tuple[str, ...], *, opened: bool, project: str, client: Client, as_json: bool
) -> None:  # fmt: skip
    """Say who may see a document, in every version and at once: user:ADA, group:LEGAL, role:viewer, key:ID.

    \b
    Example:
      trimtab knowledge access handbook hr:salaries.md group:people user:ada
    """
    if bool(who) == opened:
        raise InvalidRequest("Nobody is named.", fix="Name who may see it, or give --open.")
    made = client.knowledge.restate(project, name, document, access=list(who))
    if as_json:
        print_json(made.document)
        return
    allowed = ", ".join(made.document.access) or "all who may search the corpus"
    click.echo(f"{document} is for {allowed}.")


# --- versions ---


@command.command()
@click.argument("name")
@click.option("--wait/--no-wait", default=True, help="Until it can be searched. [wait]")
@click.option("--message", "-m", default="", help="Why, in a sentence.")
@project_option
@api_command
def publish(name: str, *, wait: bool, message: str, project: str, client: Client, as_json: bool) -> None:
    """Make a version of what the documents say now.

    \b
    Example:
      trimtab knowledge publish handbook -m "New prices"
    """
    made = client.knowledge.publish(project, name, message, wait_s=WAIT_S if wait else None)
    if as_json:
        print_json(made)
        return
    click.echo(_told(made.version) if made.created else f"Nothing has changed. {_told(made.version)}")


@command.command()
@click.argument("name")
@project_option
@api_command
def versions(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """The versions of a corpus, newest first.

    \b
    Example:
      trimtab knowledge versions handbook
    """
    found = list(client.knowledge.versions(project, name))
    if as_json:
        print_json(found)
        return
    rows = [
        (v.number, v.state, v.documents, v.chunks, local_time(v.created), v.author_name, v.message or v.reason or None,
         v.hash[7:19]) for v in found
    ]  # fmt: skip
    columns = ("VERSION", "STATE", "DOCUMENTS", "CHUNKS", "WHEN", "AUTHOR", "MESSAGE", "HASH")
    print_table(columns, rows, empty=f"None: trimtab knowledge publish {name}")


# --- searching ---


@command.command()
@click.argument("name")
@click.argument("question")
@click.option("--top", type=click.IntRange(1, 100), default=5, show_default=True, help="Passages at most.")
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True, help="By what is searched.")
@click.option("--version", type=click.IntRange(1), default=None, help="[the newest that is ready]")
@click.option("--least", type=click.FloatRange(-1, 1), default=None, help="The lowest cosine similarity.")
@click.option("--user", default="", help="As this end user.")
@click.option("--group", "groups", multiple=True, help="As somebody of this group.")
@click.option("--explain", is_flag=True, help="Say how each passage was found.")
@project_option
@api_command
def search(
    name: str, question: str, *, explain: bool, project: str, client: Client, as_json: bool, **more: Any
) -> None:  # fmt: skip
    """Search a corpus.

    \b
    Example:
      trimtab knowledge search handbook "how long do refunds take" --explain
      trimtab knowledge search handbook "salaries" --user ada --group people
    """
    found = client.knowledge.search(project, name, question, **more)
    if as_json:
        print_json(found)
        return
    for each in found.notes:
        click.echo(each, err=True)
    for number, each in enumerate(found.passages, start=1):
        stale = ", stale" if each.stale else ""
        click.echo(f"{number}. {each.title or each.document} ({each.chunk}{stale})")
        if explain:
            click.echo(f"   {_why(each)}")
        click.echo(f"   {WITHHELD if each.withheld else _short(each.text)}\n")
    whole = "" if found.considered == found.chunks else f" of {found.chunks}"
    click.echo(
        f"{len(found.passages)} passages of {found.considered}{whole} chunks of {name}@{found.version}, "
        f"{found.mode}, {found.embed_ms + found.search_ms:.0f} ms"
    )


def _why(passage: Any) -> str:
    parts = [f"score {passage.score:.4f}"]
    if passage.allowed:
        parts.append(f"allowed by {passage.allowed}")
    if passage.meaning is not None:
        rank = "beyond the list" if passage.meaning_rank is None else f"rank {passage.meaning_rank}"
        parts.append(f"meaning {passage.meaning:.3f} ({rank})")
    if passage.words is not None:
        terms = ", ".join(f"{word} {weight:.1f}" for word, weight in list(passage.terms.items())[:6])
        parts.append(f"words {passage.words:.2f} (rank {passage.words_rank}: {terms})")
    return "; ".join(parts)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:299]}…"


# --- freshness ---


@command.command()
@click.argument("name")
@project_option
@api_command
def freshness(name: str, *, project: str, client: Client, as_json: bool) -> None:
    """How old a corpus's documents are.

    \b
    Example:
      trimtab knowledge freshness handbook
    """
    found = client.knowledge.freshness(project, name)
    if as_json:
        print_json(found)
        return
    if found.oldest is None or found.median is None:
        click.echo(f"{name} has no document.")
        return
    stale = "any age is allowed" if found.stale is None else f"{found.stale} older than {found.stale_days} days"
    click.echo(f"{found.documents} documents: {stale}; the oldest of {local_time(found.oldest)}, "
               f"half of them older than {local_time(found.median)}.")  # fmt: skip
    sources = ", ".join(f"{number} {state}" for state, number in sorted(found.sources.items()))
    click.echo(f"Their sources when last compared: {sources}.")
    for each in found.worst:
        click.echo(f"  {each.document}: updated {local_time(each.updated)}, source {each.source_state}")


@command.command()
@click.argument("name")
@click.option("--root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path(),
              help="Where sources that are files lie. [.]")  # fmt: skip
@click.option("--update", is_flag=True, help="Put what has changed, and publish it.")
@project_option
@api_command
def check(name: str, *, root: Path, update: bool, project: str, client: Client, as_json: bool) -> None:
    """Compare documents with their sources, files or addresses, and note what was found. Addresses are fetched from
    here, not by the server.

    \b
    Example:
      trimtab knowledge check handbook --update
    """
    seen: dict[str, str] = {}
    fresh: list[dict[str, Any]] = []
    for each in client.knowledge.documents(project, name):
        source = Source(each.source, each.kind, root)
        found = compared(source, functools.partial(client.knowledge.document, project, name, each.id))
        seen[each.id] = found.state
        if found.state == "changed" and found.text is not None:
            fresh.append({"id": each.id, "text": found.text, "kind": each.kind, "source": each.source})
    ids = list(seen)
    for at in range(0, len(ids), SEEN_AT_ONCE):
        client.knowledge.note_sources(project, name, {each: seen[each] for each in ids[at : at + SEEN_AT_ONCE]})
    version = None
    if update and fresh:
        client.knowledge.add(project, name, fresh)
        version = client.knowledge.publish(project, name, "Sources have changed", wait_s=WAIT_S).version
    if as_json:
        print_json({"sources": seen, "version": version})
    else:
        for document, state in sorted(seen.items()):
            if state != "same":
                click.echo(f"  {document}: {state}")
        click.echo(f"{sum(state == 'same' for state in seen.values())} of {len(seen)} documents are as their sources.")
        if version is not None:
            click.echo(_told(version))
    if not update and any(state in ("changed", "gone") for state in seen.values()):
        raise InvalidRequest("Some sources say something else.", fix="Give --update to put what has changed.")
