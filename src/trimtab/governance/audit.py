"""The audit log: who did what, when, and why. Entries are only ever added, in the transaction of what they tell of.

``subject`` is what was acted on, such as ``app:support`` or ``rollout:0192...``; ``action`` a verb in the past such as
``release.created``; ``detail`` is JSON for people and programs (from, to, reason). ``at`` is Unix ms; ids are UUIDv7,
so their order is that of time. An automatic act has no key: ``actor`` is empty and ``actor_name`` says what acted.
The entries of a project, and those of the whole instance, are a chain of hashes each (`audit_chain.py`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from random import getrandbits
from typing import Any, Final

import msgspec
from msgspec import Struct, structs
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    and_,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from trimtab.core.ids import uuid7_hex
from trimtab.governance.audit_chain import FIRST, Link, hash_of
from trimtab.storage.schema import METADATA

LONGEST: Final = 20_000
"""Bytes of what was there as JSON; what is longer is told by its hash."""
AUDIT: Final = Table(
    "audit_log",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("actor_name", String(200), nullable=False),
    Column("action", String(80), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("prev", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_log_project_id", "project_id", "id"),
    Index("ix_audit_log_seq", "project_id", "seq"),
)
HEADS: Final = Table(
    "audit_heads",
    METADATA,
    Column("chain", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)
"""The last entry of each chain; whoever appends holds its row until the transaction ends."""
_AT_ONCE: Final = 2_000
"""Entries of one statement: the loop that drives PostgreSQL has its turn between them."""


class Actor(Struct, frozen=True):
    """A key's id and name, or an empty id and the name of what acts by itself."""

    id: str
    name: str


class Entry(Struct, frozen=True, kw_only=True):
    id: str
    project_id: str | None
    at: int
    actor: str
    actor_name: str
    action: str
    subject: str
    detail: dict[str, Any]


class Sought(Struct, frozen=True, kw_only=True):
    """Which entries. ``subject`` and ``action`` may end in ``*``; ``actor`` is a key's id, or a name of what acts by
    itself; ``start`` and ``end`` (exclusive) are Unix ms."""

    subject: str = ""
    action: str = ""
    actor: str = ""
    start: int | None = None
    end: int | None = None


class Note(Struct, frozen=True):
    """One entry to be: what was done to what, and what else there is to say of it."""

    action: str
    subject: str
    detail: Mapping[str, Any] = {}


def told(value: Any) -> Any:
    """What a thing was or is, as ``from`` and ``to`` of an entry say it; the hash of what is too long."""
    text = msgspec.json.encode(value)
    if len(text) <= LONGEST:
        return value
    return {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}


def append(
    conn: Connection,
    project_id: str | None,
    actor: Actor,
    action: str,
    subject: str,
    *,
    now: int,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one entry within the transaction of what it tells of. ``project_id`` is None for what belongs to the whole
    instance; ``now`` is Unix ms."""
    append_all(conn, project_id, actor, [Note(action, subject, detail or {})], now=now)


def append_all(conn: Connection, project_id: str | None, actor: Actor, notes: Sequence[Note], *, now: int) -> None:
    """Write many at once, in this order: the head of the chain is read and moved once."""
    if not notes:
        return
    chain = chain_of(project_id)
    seq, prev = _head(conn, chain)
    own_id = _next(conn, now)
    rows: list[dict[str, Any]] = []
    for note in notes:
        seq += 1
        link = Link(
            seq=seq,
            prev=prev,
            hash="",
            id=own_id,
            at=now,
            actor=actor.id,
            actor_name=actor.name,
            action=note.action,
            subject=note.subject[:200],
            detail=msgspec.json.encode(note.detail).decode(),
        )
        prev, own_id = hash_of(chain, link), _behind(own_id)
        rows.append({**structs.asdict(link), "project_id": project_id, "hash": prev})
    for at in range(0, len(rows), _AT_ONCE):
        conn.execute(insert(AUDIT), rows[at : at + _AT_ONCE])
    conn.execute(update(HEADS).where(HEADS.c.chain == chain).values(seq=seq, hash=prev))


def chain_of(project_id: str | None) -> str:
    """The name of a project's chain (None: the instance's)."""
    return project_id or ""


def _head(conn: Connection, chain: str) -> tuple[int, str]:
    """The number and the hash of the last entry, held until the transaction ends: one after the other appends."""
    query = select(HEADS.c.seq, HEADS.c.hash).where(HEADS.c.chain == chain).with_for_update()
    row = conn.execute(query).one_or_none()
    if row is None:
        try:
            with conn.begin_nested():
                conn.execute(insert(HEADS).values(chain=chain, seq=0, hash=FIRST))
        except IntegrityError:  # another was quicker
            pass
        row = conn.execute(query).one()
    return row.seq, row.hash


def _next(conn: Connection, now: int) -> str:
    """An id behind all others, also where the clock stood still or went back since the last: they are one table's."""
    made = uuid7_hex(now * 1_000_000)
    query = select(AUDIT.c.id).where(AUDIT.c.id >= made)
    last = conn.execute(query.order_by(AUDIT.c.id.desc()).limit(1)).scalar_one_or_none()
    return made if last is None else _behind(last)


def _behind(last: str) -> str:
    return f"{int(last, 16) + 1 + getrandbits(32):032x}"


def entries(
    conn: Connection, project_id: str | None, sought: Sought | None = None, *, before: str = "", limit: int = 100
) -> list[Entry]:
    """A project's (None: those of the whole instance), newest first; ``before`` is the id of the last entry of the page
    before."""
    wanted = sought or Sought()
    query = select(AUDIT).where(AUDIT.c.project_id == project_id).order_by(AUDIT.c.id.desc()).limit(limit)
    for column, value in ((AUDIT.c.subject, wanted.subject), (AUDIT.c.action, wanted.action)):
        if value.endswith("*"):
            query = query.where(column.startswith(value[:-1], autoescape=True))
        elif value:
            query = query.where(column == value)
    if wanted.actor:
        itself = and_(AUDIT.c.actor == "", AUDIT.c.actor_name == wanted.actor)
        query = query.where(or_(AUDIT.c.actor == wanted.actor, itself))
    if wanted.start is not None:
        query = query.where(AUDIT.c.at >= wanted.start)
    if wanted.end is not None:
        query = query.where(AUDIT.c.at < wanted.end)
    if before:
        query = query.where(AUDIT.c.id < before)
    return [
        Entry(
            id=row.id,
            project_id=row.project_id,
            at=row.at,
            actor=row.actor,
            actor_name=row.actor_name,
            action=row.action,
            subject=row.subject,
            detail=msgspec.json.decode(row.detail, type=dict[str, Any]),
        )
        for row in conn.execute(query)
    ]
