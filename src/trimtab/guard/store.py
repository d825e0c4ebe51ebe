"""The SQL of guards and of what users are told. Functions of a connection; times are Unix ms.

A guard is immutable versions of a `GuardSpec`, named ``NAME@2``; how they follow each other is in
`storage/versioned.py`.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select

from trimtab.core.errors import NotFound
from trimtab.guard.spec import digest
from trimtab.guard.tables import GUARD_REFUSALS, GUARDS
from trimtab.guard.types import NAME, GuardSpec
from trimtab.storage import versioned

KIND: Final = versioned.Kind(table=GUARDS, noun="guard", name=NAME)
_decode: Final = msgspec.json.Decoder(GuardSpec).decode


class GuardVersion(Struct, frozen=True, kw_only=True):
    """One version. ``author`` is a key's id; ``archived`` is the guard's as a whole."""

    project_id: str
    name: str
    version: int
    spec: GuardSpec
    hash: str
    author: str
    author_name: str
    message: str
    archived: int | None
    created: int


class GuardDraft(Struct, frozen=True, kw_only=True):
    """A version to be; ``spec`` was checked. ``expected``: the version it was made from, 0 for a guard that is to be
    new, None to add to whatever is newest."""

    project_id: str
    name: str
    spec: GuardSpec
    message: str
    author: str
    author_name: str
    now: int
    expected: int | None = None


class GuardRow(Struct, frozen=True, kw_only=True):
    """A guard as the data plane needs it."""

    project_id: str
    name: str
    version: int
    spec: GuardSpec


class Refusal(Struct, frozen=True, kw_only=True):
    """What users are told: by template, app and language; empty for any."""

    project_id: str
    name: str
    app: str = ""
    language: str = ""
    text: str = ""

    @property
    def label(self) -> str:
        """``TEMPLATE[@APP][/LANGUAGE]``, as folders and the audit log name it."""
        return f"{self.name}{'@' if self.app else ''}{self.app}{'/' if self.language else ''}{self.language}"


def guards(
    conn: Connection, project_id: str, *, archived: bool | None = False, after: str = "", limit: int = 500
) -> list[GuardVersion]:
    """The newest version of each, in order of name, from the one after ``after``; ``archived`` None for all."""
    found = versioned.newest(KIND, project_id, archived=archived, after=after).limit(limit)
    return [_made(row) for row in conn.execute(found)]


def versions(
    conn: Connection, project_id: str, name: str, *, before: int | None = None, limit: int = 100
) -> list[GuardVersion]:
    """Newest first, those below ``before``. Raises `NotFound` where there is no such guard."""
    guard(conn, project_id, name)
    return [_made(row) for row in conn.execute(versioned.versions(KIND, project_id, name, before).limit(limit))]


def guard(conn: Connection, project_id: str, name: str, version: int | None = None) -> GuardVersion:
    """That version, or the newest. Raises `NotFound`."""
    return _made(versioned.one(conn, KIND, project_id, name, version))


def add(conn: Connection, draft: GuardDraft) -> tuple[GuardVersion, bool]:
    """The version that says this, and whether it is new. Raises `Conflict` where ``expected`` is not the newest, or the
    guard is archived."""
    wanted = digest(draft.spec)
    number, same = versioned.to_add(conn, KIND, draft.project_id, draft.name, wanted, draft.expected)
    if same is not None:
        return _made(same), False
    made = GuardVersion(
        project_id=draft.project_id,
        name=draft.name,
        version=number,
        spec=draft.spec,
        hash=wanted,
        author=draft.author,
        author_name=draft.author_name,
        message=draft.message,
        archived=None,
        created=draft.now,
    )
    values = {each: getattr(made, each) for each in made.__struct_fields__}
    values["spec"] = msgspec.json.encode(made.spec).decode()
    versioned.insert_version(conn, KIND, values, draft.expected)
    return made, True


def archive(conn: Connection, project_id: str, name: str, at: int | None) -> GuardVersion:
    """Put all of a guard away (``at``), or take it out again (None): archived it guards nothing by ``applies_to``, and
    no new release names it. Releases that have it frozen go on with it. Raises `NotFound`."""
    versioned.archive(conn, KIND, project_id, name, at)
    return guard(conn, project_id, name)


def in_force(conn: Connection) -> list[GuardRow]:
    """The newest version of every guard that is neither archived nor off, and says what it applies to or what it may
    cost: the latter also counts where a release has another version of it."""
    table = GUARDS
    newest = select(table.c.project_id, table.c.name, func.max(table.c.version).label("newest")).where(
        table.c.archived.is_(None)
    )
    newest = newest.group_by(table.c.project_id, table.c.name).subquery()
    found = select(table.c.project_id, table.c.name, table.c.version, table.c.spec).join(
        newest,
        (newest.c.project_id == table.c.project_id)
        & (newest.c.name == table.c.name)
        & (newest.c.newest == table.c.version),
    )
    rows = [
        GuardRow(project_id=row.project_id, name=row.name, version=row.version, spec=_decode(row.spec))
        for row in conn.execute(found.order_by(table.c.project_id, table.c.name))
    ]
    return [row for row in rows if (row.spec.applies_to or row.spec.budget) and row.spec.mode != "off"]


# --- what users are told ---


def refusals(conn: Connection, project_id: str | None = None) -> list[Refusal]:
    found = select(GUARD_REFUSALS)
    if project_id is not None:
        found = found.where(GUARD_REFUSALS.c.project_id == project_id)
    c = GUARD_REFUSALS.c
    return [
        Refusal(project_id=row.project_id, name=row.name, app=row.app, language=row.language, text=row.text)
        for row in conn.execute(found.order_by(c.project_id, c.name, c.app, c.language))
    ]


def refusal(conn: Connection, project_id: str, name: str, app: str, language: str) -> Refusal | None:
    c = GUARD_REFUSALS.c
    mine = (c.project_id == project_id, c.name == name, c.app == app, c.language == language)
    said = conn.execute(select(c.text).where(*mine)).scalar_one_or_none()
    return None if said is None else Refusal(project_id=project_id, name=name, app=app, language=language, text=said)


def put_refusal(conn: Connection, new: Refusal, now: int) -> bool:
    """Whether anything changed."""
    c = GUARD_REFUSALS.c
    mine = (c.project_id == new.project_id, c.name == new.name, c.app == new.app, c.language == new.language)
    old = conn.execute(select(c.text).where(*mine).with_for_update()).scalar_one_or_none()
    if old == new.text:
        return False
    conn.execute(delete(GUARD_REFUSALS).where(*mine))
    values = {each: getattr(new, each) for each in new.__struct_fields__}
    conn.execute(insert(GUARD_REFUSALS).values({**values, "updated": now}))
    return True


def drop_refusal(conn: Connection, project_id: str, name: str, app: str, language: str) -> None:
    """Raises `NotFound`."""
    c = GUARD_REFUSALS.c
    mine = (c.project_id == project_id, c.name == name, c.app == app, c.language == language)
    if conn.execute(delete(GUARD_REFUSALS).where(*mine)).rowcount != 1:
        raise NotFound("There is no such refusal.", fix="'trimtab guards refusals' lists them.")


# --- inside ---


def _made(row: Any) -> GuardVersion:
    values = {each: getattr(row, each) for each in GuardVersion.__struct_fields__}
    values["spec"] = _decode(row.spec)
    return GuardVersion(**values)
