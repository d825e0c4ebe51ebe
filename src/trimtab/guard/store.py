"""The SQL of guards and of what users are told. Functions of a connection; times are Unix ms.

A guard is immutable versions of a `GuardSpec`, named ``NAME@2``. What the newest version says already makes no new one;
numbers have no gaps, and of two that were made from the same version one is refused (``expected``).
"""

import re
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, NotFound
from trimtab.core.known import did_you_mean
from trimtab.guard.spec import digest
from trimtab.guard.tables import GUARD_REFUSALS, GUARDS
from trimtab.guard.types import NAME, GuardSpec

MOST_VERSIONS: Final = 10_000
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


def guards(
    conn: Connection, project_id: str, *, archived: bool | None = False, after: str = "", limit: int = 500
) -> list[GuardVersion]:
    """The newest version of each, in order of name, from the one after ``after``; ``archived`` None for all."""
    table = GUARDS
    newest = (
        select(table.c.name, func.max(table.c.version).label("newest"))
        .where(table.c.project_id == project_id, table.c.name > after)
        .group_by(table.c.name)
        .subquery()
    )
    found = (
        select(table)
        .join(newest, (newest.c.name == table.c.name) & (newest.c.newest == table.c.version))
        .where(table.c.project_id == project_id)
    )
    if archived is not None:
        found = found.where(table.c.archived.is_not(None) if archived else table.c.archived.is_(None))
    return [_made(row) for row in conn.execute(found.order_by(table.c.name).limit(limit))]


def versions(
    conn: Connection, project_id: str, name: str, *, before: int | None = None, limit: int = 100
) -> list[GuardVersion]:
    """Newest first, those below ``before``. Raises `NotFound` where there is no such guard."""
    guard(conn, project_id, name)
    found = select(GUARDS).where(GUARDS.c.project_id == project_id, GUARDS.c.name == name)
    if before is not None:
        found = found.where(GUARDS.c.version < before)
    return [_made(row) for row in conn.execute(found.order_by(GUARDS.c.version.desc()).limit(limit))]


def guard(conn: Connection, project_id: str, name: str, version: int | None = None) -> GuardVersion:
    """That version, or the newest. Raises `NotFound`."""
    row = _row(conn, project_id, name, version)
    if row is not None:
        return row
    if version is not None and _row(conn, project_id, name, None) is not None:
        raise NotFound(
            f"The guard {name[:80]!r} has no version {version}.",
            fix=f"'trimtab guards versions {name[:80]}' lists them.",
        )
    names = select(GUARDS.c.name).where(GUARDS.c.project_id == project_id).distinct()
    raise NotFound(
        f"There is no guard {name[:80]!r} in this project.",
        fix=did_you_mean(name, conn.execute(names).scalars(), "guard"),
    )


def add(conn: Connection, draft: GuardDraft) -> tuple[GuardVersion, bool]:
    """The version that says this, and whether it is new. Raises `Conflict` where ``expected`` is not the newest, or the
    guard is archived."""
    old = _row(conn, draft.project_id, draft.name, None, lock=True)
    newest = 0 if old is None else old.version
    wanted = digest(draft.spec)
    if old is not None and old.archived is not None:
        raise Conflict(
            f"The guard {draft.name!r} is archived.", fix="Take it out of the archive first.", code="guard_archived"
        )
    if newest >= MOST_VERSIONS:
        raise Conflict(
            f"The guard {draft.name!r} has {MOST_VERSIONS:,} versions, as many as one may have.",
            fix="Make a guard of another name.",
            code="too_many_versions",
        )
    same = old is not None and old.hash == wanted
    if draft.expected is not None and draft.expected != newest and not (same and draft.expected == newest - 1):
        raise _conflict(draft, newest)
    if old is not None and same:
        return old, False
    made = GuardVersion(
        project_id=draft.project_id,
        name=draft.name,
        version=newest + 1,
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
    try:
        with conn.begin_nested():
            conn.execute(insert(GUARDS).values(values))
    except IntegrityError as error:
        raise _conflict(draft, newest + 1) from error
    return made, True


def archive(conn: Connection, project_id: str, name: str, at: int | None) -> GuardVersion:
    """Put all of a guard away (``at``), or take it out again (None): archived it guards nothing by ``applies_to``, and
    no new release names it. Releases that have it frozen go on with it. Raises `NotFound`."""
    guard(conn, project_id, name)
    mine = (GUARDS.c.project_id == project_id, GUARDS.c.name == name)
    conn.execute(update(GUARDS).where(*mine).values(archived=at))
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


def _row(
    conn: Connection, project_id: str, name: str, version: int | None, *, lock: bool = False
) -> GuardVersion | None:
    if not _could_be(name) or (version is not None and not 0 < version <= MOST_VERSIONS):
        return None  # what no guard can be called; a database may not take it for a parameter
    found = select(GUARDS).where(GUARDS.c.project_id == project_id, GUARDS.c.name == name)
    if version is not None:
        found = found.where(GUARDS.c.version == version)
    found = found.order_by(GUARDS.c.version.desc()).limit(1)
    row = conn.execute(found.with_for_update() if lock else found).one_or_none()
    return None if row is None else _made(row)


def _could_be(name: str) -> bool:
    return re.fullmatch(NAME, name) is not None


def _made(row: Any) -> GuardVersion:
    values = {each: getattr(row, each) for each in GuardVersion.__struct_fields__}
    values["spec"] = _decode(row.spec)
    return GuardVersion(**values)


def _conflict(draft: GuardDraft, newest: int) -> Conflict:
    said = f"is at version {newest}" if newest else "does not exist"
    return Conflict(
        f"The guard {draft.name!r} {said}, not at {draft.expected or 'what you read'}: somebody changed it meanwhile.",
        fix="Read it again and make your change there.",
        code="version_conflict",
    )
