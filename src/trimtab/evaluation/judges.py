"""The SQL of judges that a team wrote: immutable versions of a kind (a scorer that asks a model: ``rubric``,
``pairwise``, ...) and its options. Functions of a connection; times are Unix ms.

A version is named ``judge:NAME@2``. What the newest version says already makes no new one; numbers have no gaps, and
of two that were made from the same version one is refused (``expected``).
"""

import hashlib
import re
from typing import Any, Final, cast

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, NotFound
from trimtab.core.known import did_you_mean
from trimtab.evaluation.tables import CUSTOM_SCORERS
from trimtab.evaluation.types import NAME

Json = Any
MOST_VERSIONS: Final = 10_000
_NAME: Final = re.compile(NAME)


class JudgeVersion(Struct, frozen=True, kw_only=True):
    """One version. ``kind`` is the scorer it is made of and ``spec`` that scorer's options. ``author`` is a key's id.
    ``archived`` is the judge's as a whole: when it was put away, None while it is in use."""

    project_id: str
    name: str
    version: int
    kind: str
    spec: dict[str, Json]
    hash: str
    author: str
    author_name: str
    message: str
    archived: int | None
    created: int


class JudgeDraft(Struct, frozen=True, kw_only=True):
    """A version to be; ``spec`` was checked. ``expected`` is the version it was made from: 0 for a judge that is to be
    new, None to add to whatever is newest."""

    project_id: str
    name: str
    kind: str
    spec: dict[str, Json]
    message: str
    author: str
    author_name: str
    now: int
    expected: int | None = None


def digest(kind: str, spec: dict[str, Json]) -> str:
    """Of what decides a judgement: the same kind and options give the same."""
    plain = msgspec.json.encode({"kind": kind, "spec": spec}, order="deterministic")
    return f"sha256:{hashlib.sha256(plain).hexdigest()}"


def judges(
    conn: Connection, project_id: str, *, archived: bool = False, after: str = "", limit: int = 500
) -> list[JudgeVersion]:
    """The newest version of each, in order of name, from the one after ``after``."""
    table = CUSTOM_SCORERS
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
        .where(table.c.archived.is_not(None) if archived else table.c.archived.is_(None))
        .order_by(table.c.name)
        .limit(limit)
    )
    return [_made(row) for row in conn.execute(found)]


def versions(
    conn: Connection, project_id: str, name: str, *, before: int | None = None, limit: int = 100
) -> list[JudgeVersion]:
    """Newest first, those below ``before``. Raises `NotFound` where there is no such judge."""
    judge(conn, project_id, name)
    table = CUSTOM_SCORERS
    found = select(table).where(table.c.project_id == project_id, table.c.name == name)
    if before is not None:
        found = found.where(table.c.version < before)
    return [_made(row) for row in conn.execute(found.order_by(table.c.version.desc()).limit(limit))]


def judge(conn: Connection, project_id: str, name: str, version: int | None = None) -> JudgeVersion:
    """That version, or the newest. Raises `NotFound`."""
    row = _row(conn, project_id, name, version)
    if row is not None:
        return row
    if version is not None and _row(conn, project_id, name, None) is not None:
        raise NotFound(
            f"The judge {name[:80]!r} has no version {version}.",
            fix=f"'trimtab judges versions {name[:80]}' lists them.",
        )
    names = select(CUSTOM_SCORERS.c.name).where(CUSTOM_SCORERS.c.project_id == project_id).distinct()
    raise NotFound(
        f"There is no judge {name[:80]!r} in this project.",
        fix=did_you_mean(name, conn.execute(names).scalars(), "judge"),
    )


def add(conn: Connection, draft: JudgeDraft) -> tuple[JudgeVersion, bool]:
    """The version that says this, and whether it is new. Raises `Conflict` where ``expected`` is not the newest, or the
    judge is archived."""
    old = _row(conn, draft.project_id, draft.name, None, lock=True)
    newest = 0 if old is None else old.version
    wanted = digest(draft.kind, draft.spec)
    if old is not None and old.archived is not None:
        raise Conflict(
            f"The judge {draft.name!r} is archived.", fix="Take it out of the archive first.", code="judge_archived"
        )
    if newest >= MOST_VERSIONS:
        raise Conflict(
            f"The judge {draft.name!r} has {MOST_VERSIONS:,} versions, as many as one may have.",
            fix="Make a judge of another name.",
            code="too_many_versions",
        )
    same = old is not None and old.hash == wanted
    if draft.expected is not None and draft.expected != newest and not (same and draft.expected == newest - 1):
        raise _conflict(draft, newest)
    if old is not None and same:
        return old, False
    made = JudgeVersion(
        project_id=draft.project_id,
        name=draft.name,
        version=newest + 1,
        kind=draft.kind,
        spec=draft.spec,
        hash=wanted,
        author=draft.author,
        author_name=draft.author_name,
        message=draft.message,
        archived=None,
        created=draft.now,
    )
    values = {each: getattr(made, each) for each in made.__struct_fields__}
    values["spec"] = msgspec.json.encode(made.spec).decode()  # in the author's own order
    try:
        with conn.begin_nested():
            conn.execute(insert(CUSTOM_SCORERS).values(values))
    except IntegrityError as error:
        raise _conflict(draft, newest + 1) from error
    return made, True


def archive(conn: Connection, project_id: str, name: str, at: int | None) -> JudgeVersion:
    """Put all of a judge away (``at``), or take it out again (None). Raises `NotFound`. Its versions can still be used
    where a suite names them."""
    judge(conn, project_id, name)
    mine = (CUSTOM_SCORERS.c.project_id == project_id, CUSTOM_SCORERS.c.name == name)
    conn.execute(update(CUSTOM_SCORERS).where(*mine).values(archived=at))
    return judge(conn, project_id, name)


def _row(
    conn: Connection, project_id: str, name: str, version: int | None, *, lock: bool = False
) -> JudgeVersion | None:
    if not _NAME.fullmatch(name) or (version is not None and not 0 < version <= MOST_VERSIONS):
        return None  # what no judge can be called; a database may not take it for a parameter
    table = CUSTOM_SCORERS
    found = select(table).where(table.c.project_id == project_id, table.c.name == name)
    if version is not None:
        found = found.where(table.c.version == version)
    found = found.order_by(table.c.version.desc()).limit(1)
    row = conn.execute(found.with_for_update() if lock else found).one_or_none()
    return None if row is None else _made(row)


def _made(row: Any) -> JudgeVersion:
    values = {each: getattr(row, each) for each in JudgeVersion.__struct_fields__}
    values["spec"] = cast("dict[str, Json]", msgspec.json.decode(row.spec))
    return JudgeVersion(**values)


def _conflict(draft: JudgeDraft, newest: int) -> Conflict:
    said = f"is at version {newest}" if newest else "does not exist"
    return Conflict(
        f"The judge {draft.name!r} {said}, not at {draft.expected or 'what you read'}: somebody changed it meanwhile.",
        fix="Read it again and make your change there.",
        code="version_conflict",
    )
