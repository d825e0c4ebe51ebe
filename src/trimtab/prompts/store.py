"""The SQL of prompts: what each is called and where it lies, its versions, which never change, and its labels.
Functions of a connection; times are Unix ms.

A version is written under a lock of its prompt's row: numbers have no gaps, and of two that were made from the same
version one is refused (``expected``). Content of the same hash as the newest version makes no new one.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct, structs
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, NotFound
from trimtab.core.known import did_you_mean
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.prompts.canonical import canonical, decode
from trimtab.prompts.types import LABEL, LATEST, Content
from trimtab.storage.schema import METADATA

PROMPTS = Table(
    "prompts",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("folder", String(520), nullable=False),
    Column("newest", Integer, nullable=False),
    Column("archived", BigInteger, nullable=True),
    Column("search", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
VERSIONS = Table(
    "prompt_versions",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("parent", Integer, nullable=True),
    Column("hash", String(80), nullable=False),
    Column("content", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("created", BigInteger, nullable=False),
)
LABELS = Table(
    "prompt_labels",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("label", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("updated", BigInteger, nullable=False),
)
SEARCHED: Final = 20_000
"""Characters of a prompt's texts that are searched."""


class PromptRow(Struct, frozen=True, kw_only=True):
    """``archived``: when it was put away, None while it is in use."""

    project_id: str
    name: str
    folder: str
    newest: int
    archived: int | None
    created: int
    updated: int


class VersionRow(Struct, frozen=True, kw_only=True):
    """``parent`` is the version that this one was made from, None for the first. ``author`` is a key's id."""

    project_id: str
    name: str
    version: int
    parent: int | None
    hash: str
    message: str
    author: str
    author_name: str
    created: int


class LabelRow(Struct, frozen=True, kw_only=True):
    name: str
    label: str
    version: int
    author: str
    author_name: str
    updated: int


class Stored(Struct, frozen=True, kw_only=True):
    row: VersionRow
    content: Content


class Draft(Struct, frozen=True, kw_only=True):
    """A version to be. ``content`` is a normal form, checked, and ``hash`` its hash. ``expected`` is the version that
    it was made from: 0 for a prompt that is to be new, None to add to whatever is newest."""

    project_id: str
    name: str
    content: Content
    hash: str
    message: str
    author: str
    author_name: str
    now: int
    expected: int | None = None
    folder: str | None = None


_PROMPT = [PROMPTS.c[name] for name in PromptRow.__struct_fields__]
_VERSION = [VERSIONS.c[name] for name in VersionRow.__struct_fields__]
_LABEL = [LABELS.c[name] for name in LabelRow.__struct_fields__]


def _made(kind: Any, row: Any) -> Any:
    return kind(**{name: getattr(row, name) for name in kind.__struct_fields__})


# --- prompts ---


class Wanted(Struct, frozen=True, kw_only=True):
    """``q``: words that all stand in its name, folder, description or newest texts. ``folder``: that one and those in
    it."""

    q: str = ""
    folder: str = ""
    label: str = ""
    archived: bool = False


def prompts(conn: Connection, project_id: str, wanted: Wanted, *, after: str = "", limit: int = 500) -> list[PromptRow]:
    """In order of name, from the one after ``after``."""
    found = select(*_PROMPT).where(PROMPTS.c.project_id == project_id, PROMPTS.c.name > after)
    found = found.where(PROMPTS.c.archived.is_not(None) if wanted.archived else PROMPTS.c.archived.is_(None))
    for word in wanted.q.casefold().split()[:20]:
        found = found.where(PROMPTS.c.search.contains(word, autoescape=True))
    if wanted.folder:
        inside = PROMPTS.c.folder.startswith(f"{wanted.folder}/", autoescape=True)
        found = found.where(or_(PROMPTS.c.folder == wanted.folder, inside))
    if wanted.label:
        labelled = select(LABELS.c.name).where(LABELS.c.project_id == project_id, LABELS.c.label == wanted.label)
        found = found.where(PROMPTS.c.name.in_(labelled))
    return [_made(PromptRow, row) for row in conn.execute(found.order_by(PROMPTS.c.name).limit(limit))]


def prompt(conn: Connection, project_id: str, name: str, *, lock: bool = False) -> PromptRow:
    """Raises `NotFound`. ``lock``: nobody else changes it until this transaction ends."""
    found = select(*_PROMPT).where(PROMPTS.c.project_id == project_id, PROMPTS.c.name == name)
    row = conn.execute(found.with_for_update() if lock else found).one_or_none()
    if row is None:
        known = conn.execute(select(PROMPTS.c.name).where(PROMPTS.c.project_id == project_id)).scalars()
        raise NotFound(f"There is no prompt {name[:80]!r} in this project.", fix=did_you_mean(name, known, "prompt"))
    return _made(PromptRow, row)


def place(conn: Connection, project_id: str, name: str, changes: dict[str, Any], now: int) -> PromptRow:
    """Move it to a folder, put it away, or take it out again: ``folder``, ``archived``. Raises `NotFound`."""
    old = prompt(conn, project_id, name, lock=True)
    new = structs.replace(old, **changes, updated=now)
    search = _search(name, new.folder, version(conn, project_id, name, new.newest).content)
    values = {"folder": new.folder, "archived": new.archived, "updated": now, "search": search}
    conn.execute(update(PROMPTS).where(PROMPTS.c.project_id == project_id, PROMPTS.c.name == name).values(values))
    return new


def _search(name: str, folder: str, content: Content) -> str:
    words = [name, folder, content.description, *content.variables, *(message.text for message in content.messages)]
    return "\n".join(words)[:SEARCHED].casefold()


# --- versions ---


def add(conn: Connection, draft: Draft) -> tuple[VersionRow, bool]:
    """The version with that content, and whether it is new. Raises `Conflict` where ``expected`` is not the newest, or
    the prompt is archived."""
    old = _ensured(conn, draft)
    newest = version(conn, draft.project_id, draft.name, old.newest).row if old.newest else None
    same = newest is not None and newest.hash == draft.hash
    # What was just pushed may be pushed again, as a client does that did not hear the answer.
    again = same and newest is not None and draft.expected == (newest.parent or 0)
    if draft.expected is not None and draft.expected != old.newest and not again:
        raise _conflict(draft, old.newest)
    if old.archived is not None:
        raise Conflict(
            f"The prompt {draft.name!r} is archived.", fix="Take it out of the archive first.", code="prompt_archived"
        )
    folder = old.folder if draft.folder is None else draft.folder
    if same and newest is not None:
        if folder != old.folder:
            place(conn, draft.project_id, draft.name, {"folder": folder}, draft.now)
        return newest, False
    made = VersionRow(
        project_id=draft.project_id,
        name=draft.name,
        version=old.newest + 1,
        parent=old.newest or None,
        hash=draft.hash,
        message=draft.message,
        author=draft.author,
        author_name=draft.author_name,
        created=draft.now,
    )
    conn.execute(insert(VERSIONS).values(**structs.asdict(made), content=canonical(draft.content).decode()))
    values = {"newest": made.version, "updated": draft.now, "folder": folder}
    values["search"] = _search(draft.name, folder, draft.content)
    of_it = (PROMPTS.c.project_id == draft.project_id, PROMPTS.c.name == draft.name)
    conn.execute(update(PROMPTS).where(*of_it).values(values))
    told = {"version": made.version, "parent": made.parent, "hash": made.hash, "message": made.message}
    who = Actor(draft.author, draft.author_name)
    audit.append(conn, draft.project_id, who, "prompt.pushed", f"prompt:{draft.name}", now=draft.now, detail=told)
    return made, True


def _conflict(draft: Draft, newest: int) -> Conflict:
    if not draft.expected:
        message = f"There is a prompt {draft.name!r} already, at version {newest}."
    elif not newest:
        message = f"There is no prompt {draft.name!r} yet, so nothing can be made from its version {draft.expected}."
    else:
        message = f"The prompt {draft.name!r} is at version {newest} now; yours was made from version {draft.expected}."
    return Conflict(message, fix="Look at what changed (trimtab prompts diff), then push again.", code="prompt_changed")


def _ensured(conn: Connection, draft: Draft) -> PromptRow:
    """The prompt's row, locked; newly made with no version where there was none."""
    try:
        return prompt(conn, draft.project_id, draft.name, lock=True)
    except NotFound:
        if draft.expected:
            raise _conflict(draft, 0) from None
    row = {"project_id": draft.project_id, "name": draft.name, "folder": "", "newest": 0, "search": ""}
    try:
        with conn.begin_nested():
            conn.execute(insert(PROMPTS).values(**row, archived=None, created=draft.now, updated=draft.now))
    except IntegrityError:  # somebody else's was quicker
        pass
    return prompt(conn, draft.project_id, draft.name, lock=True)


def version(conn: Connection, project_id: str, name: str, number: int) -> Stored:
    """Raises `NotFound`."""
    found = select(*_VERSION, VERSIONS.c.content).where(
        VERSIONS.c.project_id == project_id, VERSIONS.c.name == name, VERSIONS.c.version == number
    )
    row = conn.execute(found).one_or_none()
    if row is None:
        prompt(conn, project_id, name)
        raise NotFound(
            f"The prompt {name[:80]!r} has no version {number}.", fix="'trimtab prompts history' shows them."
        )
    return Stored(row=_made(VersionRow, row), content=decode(row.content))


def find(conn: Connection, project_id: str, name: str, ref: str) -> Stored:
    """By number, label or `LATEST`. Raises `NotFound`."""
    if ref == LATEST:
        return version(conn, project_id, name, prompt(conn, project_id, name).newest)
    if ref.isdecimal() and ref.isascii() and len(ref) < 10:
        return version(conn, project_id, name, int(ref))
    found = select(LABELS.c.version).where(
        LABELS.c.project_id == project_id, LABELS.c.name == name, LABELS.c.label == ref
    )
    number = conn.execute(found).scalar_one_or_none() if re.fullmatch(LABEL, ref) else None
    if number is None:
        have = ", ".join(row.label for row in labels(conn, project_id, [name])) or "none"
        prompt(conn, project_id, name)
        raise NotFound(
            f"The prompt {name[:80]!r} has no label {ref[:80]!r}.", fix=f"It has {have}; a version is a number."
        )
    return version(conn, project_id, name, number)


def history(
    conn: Connection, project_id: str, name: str, *, before: int | None = None, limit: int = 100
) -> list[VersionRow]:
    """Newest first. Raises `NotFound`."""
    prompt(conn, project_id, name)
    found = select(*_VERSION).where(VERSIONS.c.project_id == project_id, VERSIONS.c.name == name)
    if before is not None:
        found = found.where(VERSIONS.c.version < before)
    rows = conn.execute(found.order_by(VERSIONS.c.version.desc()).limit(limit))
    return [_made(VersionRow, row) for row in rows]


def authors(conn: Connection, project_id: str, name: str, after: int, up_to: int) -> list[Actor]:
    """Who wrote the versions behind ``after``, up to ``up_to``; each once."""
    at = (VERSIONS.c.project_id == project_id, VERSIONS.c.name == name)
    query = select(VERSIONS.c.author, VERSIONS.c.author_name).distinct()
    rows = conn.execute(query.where(*at, VERSIONS.c.version > after, VERSIONS.c.version <= up_to))
    return [Actor(row.author, row.author_name) for row in rows]


def newest(conn: Connection, project_id: str, names: list[str]) -> dict[str, VersionRow]:
    """The newest version of each of these prompts, by name."""
    found = (
        select(*_VERSION)
        .join(
            PROMPTS,
            and_(
                PROMPTS.c.project_id == VERSIONS.c.project_id,
                PROMPTS.c.name == VERSIONS.c.name,
                PROMPTS.c.newest == VERSIONS.c.version,
            ),
        )
        .where(VERSIONS.c.project_id == project_id, VERSIONS.c.name.in_(names))
    )
    return {row.name: _made(VersionRow, row) for row in conn.execute(found)}


def contents(conn: Connection, project_id: str, name: str, up_to: int) -> Iterator[tuple[int, Content]]:
    """Every version's content from the first on, to be read before the connection ends."""
    found = select(VERSIONS.c.version, VERSIONS.c.content).where(
        VERSIONS.c.project_id == project_id, VERSIONS.c.name == name, VERSIONS.c.version <= up_to
    )
    for row in conn.execute(found.order_by(VERSIONS.c.version)):
        yield row.version, decode(row.content)


def count(conn: Connection, project_id: str) -> int:
    return conn.execute(select(func.count()).where(PROMPTS.c.project_id == project_id)).scalar_one()


# --- labels ---


def labels(conn: Connection, project_id: str, names: list[str]) -> list[LabelRow]:
    """Of these prompts, in order of name and label."""
    found = select(*_LABEL).where(LABELS.c.project_id == project_id, LABELS.c.name.in_(names))
    return [_made(LabelRow, row) for row in conn.execute(found.order_by(LABELS.c.name, LABELS.c.label))]


def label(conn: Connection, project_id: str, row: LabelRow, expected: int | None = None) -> LabelRow:
    """Point a label at a version. ``expected`` is the version that it points at now, 0 for none. Raises `NotFound`, and
    `Conflict` where it points elsewhere."""
    prompt(conn, project_id, row.name, lock=True)
    version(conn, project_id, row.name, row.version)
    of_it = (LABELS.c.project_id == project_id, LABELS.c.name == row.name, LABELS.c.label == row.label)
    now = conn.execute(select(LABELS.c.version).where(*of_it)).scalar_one_or_none() or 0
    _expect_label(row.name, row.label, expected, now)
    conn.execute(delete(LABELS).where(*of_it))
    conn.execute(insert(LABELS).values(project_id=project_id, **structs.asdict(row)))
    if now != row.version:
        detail = {"label": row.label, "from": now or None, "to": row.version}
        who = Actor(row.author, row.author_name)
        audit.append(conn, project_id, who, "prompt.labelled", f"prompt:{row.name}", now=row.updated, detail=detail)
    return row


def unlabel(
    conn: Connection,
    project_id: str,
    name: str,
    label_name: str,
    actor: Actor,
    now: int,
    *,
    expected: int | None = None,
) -> None:
    """Take a label away; ``expected`` as for `label`. Raises `NotFound` and `Conflict`."""
    prompt(conn, project_id, name, lock=True)
    of_it = (LABELS.c.project_id == project_id, LABELS.c.name == name, LABELS.c.label == label_name)
    pointed = conn.execute(select(LABELS.c.version).where(*of_it)).scalar_one_or_none()
    if pointed is None:
        raise NotFound(f"The prompt {name[:80]!r} has no label {label_name[:80]!r}.")
    _expect_label(name, label_name, expected, pointed)
    conn.execute(delete(LABELS).where(*of_it))
    detail = {"label": label_name, "from": pointed, "to": None}
    audit.append(conn, project_id, actor, "prompt.unlabelled", f"prompt:{name}", now=now, detail=detail)


def _expect_label(name: str, label_name: str, expected: int | None, now: int) -> None:
    if expected is not None and expected != now:
        raise Conflict(
            f"The label {label_name!r} of {name!r} is at version {now or 'none'} now, not {expected or 'none'}.",
            fix="Look at it again, then set it.",
            code="prompt_changed",
        )
