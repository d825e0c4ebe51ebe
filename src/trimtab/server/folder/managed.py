"""The SQL of what belongs to which folder, and of the plans that people were shown. Times are Unix ms.

A thing is a folder's from the apply that made it, changed it or found it as the folder says; only what it ``made`` is
ever removed by it. ``fingerprint`` is the `items.mark` of the thing as the folder left it: where it differs from what
is there now, somebody has changed it since (drift).
"""

from collections.abc import Iterable
from typing import Any, Final, cast

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Boolean, Column, Connection, ForeignKey, String, Table, Text, delete, insert, select
from sqlalchemy.exc import IntegrityError

from trimtab.server.folder.items import Key, Kind
from trimtab.storage.schema import METADATA

MANAGED: Final = Table(
    "managed",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("kind", String(20), primary_key=True),
    Column("name", String(500), primary_key=True),
    Column("folder", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("made", Boolean, nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("applied", BigInteger, nullable=False),
)
PLANS: Final = Table(
    "folder_plans",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("hash", String(64), primary_key=True),
    Column("basis", Text, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("author", String(64), nullable=True),
)
KEPT: Final = 50
"""Plans of one person in a project that are remembered: the newest. Nobody else's push them out."""


class Managed(Struct, frozen=True, kw_only=True):
    kind: Kind
    name: str
    folder: str
    fingerprint: str
    made: bool
    author_name: str
    applied: int

    @property
    def key(self) -> Key:
        return self.kind, self.name


class Basis(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a plan was made from and against: fingerprints of what the folder says (``wanted``) and of what was there
    (``found``, empty for nothing), by ``kind name``; and the environment that releases go to, ``direct`` where all of
    them go at once."""

    folder: str
    to: str
    wanted: dict[str, str]
    found: dict[str, str]
    direct: bool = False


def managed(conn: Connection, project_id: str) -> dict[Key, Managed]:
    """All of a project, of every folder."""
    rows = conn.execute(select(MANAGED).where(MANAGED.c.project_id == project_id))
    found = [Managed(**{name: getattr(row, name) for name in Managed.__struct_fields__}) for row in rows]
    return {each.key: each for each in found}


def note(conn: Connection, project_id: str, rows: Iterable[Managed]) -> None:
    """Write down what is whose, in place of what stood there."""
    for each in rows:
        forget(conn, project_id, [each.key])
        values: dict[str, Any] = {name: getattr(each, name) for name in Managed.__struct_fields__}
        conn.execute(insert(MANAGED).values(project_id=project_id, **values))


def forget(conn: Connection, project_id: str, keys: Iterable[Key]) -> None:
    for kind, name in keys:
        at = (MANAGED.c.project_id == project_id, MANAGED.c.kind == kind, MANAGED.c.name == name)
        conn.execute(delete(MANAGED).where(*at))


def keep_plan(conn: Connection, project_id: str, author: str, digest: str, basis: Basis, now: int) -> None:
    """Remember a plan that somebody was shown; the oldest of their own make place. Somebody else's of the same hash is
    the same plan, and stays theirs."""
    at = (PLANS.c.project_id == project_id, PLANS.c.hash == digest)
    there = conn.execute(select(PLANS.c.author).where(*at)).first()
    if there is not None and there.author != author:
        return
    conn.execute(delete(PLANS).where(*at))
    told = msgspec.json.encode(basis).decode()
    try:
        with conn.begin_nested():
            conn.execute(insert(PLANS).values(project_id=project_id, hash=digest, basis=told, made=now, author=author))
    except IntegrityError:  # the same plan, made at the same moment
        return
    theirs = (PLANS.c.project_id == project_id, PLANS.c.author == author)
    newest = select(PLANS.c.made).where(*theirs).order_by(PLANS.c.made.desc())
    oldest = conn.execute(newest.offset(KEPT).limit(1)).scalar_one_or_none()
    if oldest is not None:
        conn.execute(delete(PLANS).where(*theirs, PLANS.c.made <= oldest))


def plan(conn: Connection, project_id: str, digest: str) -> Basis | None:
    """By its hash, or the first 8 or more digits of it."""
    if len(digest) < 8:
        return None
    begins = PLANS.c.hash.startswith(digest, autoescape=True)
    rows = conn.execute(select(PLANS.c.basis).where(PLANS.c.project_id == project_id, begins).limit(2)).scalars().all()
    return msgspec.json.decode(cast("str", rows[0]), type=Basis) if len(rows) == 1 else None
