"""The SQL of what a team writes in immutable versions, as ``NAME@2``: guards, judges. Functions of a connection.

What the newest version says already makes no new one; numbers have no gaps, and of two that were made from the same
version one is refused (``expected``). A table of such has ``project_id``, ``name``, ``version``, ``hash`` and
``archived`` (of the thing as a whole: when it was put away, else null).
"""

import re
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, Row, Select, Table, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, NotFound
from trimtab.core.known import did_you_mean

MOST_VERSIONS: Final = 10_000


class Kind(Struct, frozen=True, kw_only=True):
    """``noun`` is what people call one, ``name`` the pattern of its name."""

    table: Table
    noun: str
    name: str


def newest(kind: Kind, project_id: str, *, archived: bool | None, after: str) -> Select[Any]:
    """The newest version of each, in order of name, from the one after ``after``; ``archived`` None for all."""
    c = kind.table.c
    last = (
        select(c.name, func.max(c.version).label("newest"))
        .where(c.project_id == project_id, c.name > after)
        .group_by(c.name)
        .subquery()
    )
    found = (
        select(kind.table)
        .join(last, (last.c.name == c.name) & (last.c.newest == c.version))
        .where(c.project_id == project_id)
        .order_by(c.name)
    )
    if archived is None:
        return found
    return found.where(c.archived.is_not(None) if archived else c.archived.is_(None))


def versions(kind: Kind, project_id: str, name: str, before: int | None) -> Select[Any]:
    """Newest first, those below ``before``."""
    c = kind.table.c
    found = select(kind.table).where(c.project_id == project_id, c.name == name)
    return (found if before is None else found.where(c.version < before)).order_by(c.version.desc())


def one(conn: Connection, kind: Kind, project_id: str, name: str, version: int | None) -> Row[Any]:
    """That version, or the newest. Raises `NotFound`."""
    found = _row(conn, kind, project_id, name, version)
    if found is not None:
        return found
    noun, c = kind.noun, kind.table.c
    if version is not None and _row(conn, kind, project_id, name, None) is not None:
        raise NotFound(
            f"The {noun} {name[:80]!r} has no version {version}.",
            fix=f"'trimtab {noun}s versions {name[:80]}' lists them.",
        )
    names = conn.execute(select(c.name).where(c.project_id == project_id).distinct()).scalars()
    raise NotFound(f"There is no {noun} {name[:80]!r} in this project.", fix=did_you_mean(name, names, noun))


def to_add(
    conn: Connection, kind: Kind, project_id: str, name: str, digest: str, expected: int | None
) -> tuple[int, Row[Any] | None]:
    """The number that a version of this content is to have; or the newest, which says the same. Raises `Conflict` where
    ``expected`` (0: none yet; None: whatever is there) is not the newest, or the thing is archived."""
    noun = kind.noun
    old = _row(conn, kind, project_id, name, None, lock=True)
    last = 0 if old is None else old.version
    if old is not None and old.archived is not None:
        raise Conflict(
            f"The {noun} {name!r} is archived.", fix="Take it out of the archive first.", code=f"{noun}_archived"
        )
    if last >= MOST_VERSIONS:
        raise Conflict(
            f"The {noun} {name!r} has {MOST_VERSIONS:,} versions, as many as one may have.",
            fix=f"Make a {noun} of another name.",
            code="too_many_versions",
        )
    same = old is not None and old.hash == digest
    if expected is not None and expected != last and not (same and expected == last - 1):
        raise _conflict(kind, name, last, expected)
    return (last, old) if same else (last + 1, None)


def insert_version(conn: Connection, kind: Kind, values: dict[str, Any], expected: int | None) -> None:
    """Raises `Conflict` where somebody else's version came first."""
    try:
        with conn.begin_nested():
            conn.execute(insert(kind.table).values(values))
    except IntegrityError as error:
        raise _conflict(kind, values["name"], values["version"], expected) from error


def archive(conn: Connection, kind: Kind, project_id: str, name: str, at: int | None) -> None:
    """Put all of one away (``at``), or take it out again (None). Raises `NotFound`."""
    one(conn, kind, project_id, name, None)
    c = kind.table.c
    conn.execute(update(kind.table).where(c.project_id == project_id, c.name == name).values(archived=at))


def _row(
    conn: Connection, kind: Kind, project_id: str, name: str, version: int | None, *, lock: bool = False
) -> Row[Any] | None:
    if re.fullmatch(kind.name, name) is None or (version is not None and not 0 < version <= MOST_VERSIONS):
        return None  # what nothing can be called; a database may not take it for a parameter
    c = kind.table.c
    found = select(kind.table).where(c.project_id == project_id, c.name == name)
    if version is not None:
        found = found.where(c.version == version)
    found = found.order_by(c.version.desc()).limit(1)
    return conn.execute(found.with_for_update() if lock else found).one_or_none()


def _conflict(kind: Kind, name: str, last: int, expected: int | None) -> Conflict:
    said = f"is at version {last}" if last else "does not exist"
    return Conflict(
        f"The {kind.noun} {name!r} {said}, not at {expected or 'what you read'}: somebody changed it meanwhile.",
        fix="Read it again and make your change there.",
        code="version_conflict",
    )
