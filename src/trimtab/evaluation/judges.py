"""The SQL of judges that a team wrote: immutable versions of a kind (a scorer that asks a model: ``rubric``,
``pairwise``, ...) and its options. Functions of a connection; times are Unix ms.

A version is named ``judge:NAME@2``; how versions follow each other is in `storage/versioned.py`.
"""

import hashlib
from typing import Any, Final, cast

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.evaluation.tables import CUSTOM_SCORERS
from trimtab.evaluation.types import NAME
from trimtab.storage import versioned

Json = Any
KIND: Final = versioned.Kind(table=CUSTOM_SCORERS, noun="judge", name=NAME)


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
    found = versioned.newest(KIND, project_id, archived=archived, after=after).limit(limit)
    return [_made(row) for row in conn.execute(found)]


def versions(
    conn: Connection, project_id: str, name: str, *, before: int | None = None, limit: int = 100
) -> list[JudgeVersion]:
    """Newest first, those below ``before``. Raises `NotFound` where there is no such judge."""
    judge(conn, project_id, name)
    return [_made(row) for row in conn.execute(versioned.versions(KIND, project_id, name, before).limit(limit))]


def judge(conn: Connection, project_id: str, name: str, version: int | None = None) -> JudgeVersion:
    """That version, or the newest. Raises `NotFound`."""
    return _made(versioned.one(conn, KIND, project_id, name, version))


def add(conn: Connection, draft: JudgeDraft) -> tuple[JudgeVersion, bool]:
    """The version that says this, and whether it is new. Raises `Conflict` where ``expected`` is not the newest, or the
    judge is archived."""
    wanted = digest(draft.kind, draft.spec)
    number, same = versioned.to_add(conn, KIND, draft.project_id, draft.name, wanted, draft.expected)
    if same is not None:
        return _made(same), False
    made = JudgeVersion(
        project_id=draft.project_id,
        name=draft.name,
        version=number,
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
    versioned.insert_version(conn, KIND, values, draft.expected)
    return made, True


def archive(conn: Connection, project_id: str, name: str, at: int | None) -> JudgeVersion:
    """Put all of a judge away (``at``), or take it out again (None). Raises `NotFound`. Its versions can still be used
    where a suite names them."""
    versioned.archive(conn, KIND, project_id, name, at)
    return judge(conn, project_id, name)


def _made(row: Any) -> JudgeVersion:
    values = {each: getattr(row, each) for each in JudgeVersion.__struct_fields__}
    values["spec"] = cast("dict[str, Json]", msgspec.json.decode(row.spec))
    return JudgeVersion(**values)
