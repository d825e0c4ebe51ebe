"""The SQL of kept responses: what a client asked and was answered, for as long as it may go on from there.

A row holds only what was new in its call; what came before it hangs on ``previous``. Every read is bounded by project
and key: an id alone opens nothing.
"""

import hashlib
import zlib
from typing import Any

import msgspec
from msgspec import Raw, Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    LargeBinary,
    String,
    Table,
    delete,
    insert,
    select,
)
from sqlalchemy import update as sql_update

from trimtab.governance.sealing import KeyDestroyed, Keyring
from trimtab.storage.schema import METADATA

LONGEST_ID = 64
RESPONSES = Table(
    "responses",
    METADATA,
    Column("id", String(LONGEST_ID), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("previous", String(64), nullable=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False, index=True),
    Column("content", LargeBinary, nullable=False),
    Column("booked_by", String(64), nullable=True),
)
"""``booked_by``: of a response that its provider keeps, the request that booked what it used; empty where that was
done when it was made, none where nobody did yet."""
PLAIN = Keyring()
LONGEST_CHAIN = 1000
"""Answers one conversation may hang together of."""


class Owner(Struct, frozen=True):
    """Whose a response is: ids of a project and of the key that made the call."""

    project_id: str
    key_id: str


class Content(Struct, frozen=True):
    """``asked`` are the call's new input items, ``response`` its answer, each JSON as it travelled."""

    asked: list[Raw]
    response: Raw


class Kept(Struct, frozen=True, kw_only=True):
    """One response. Times are Unix ms. ``booked_by`` is as in the table."""

    id: str
    previous: str | None
    booked_by: str | None = None
    created: int
    expires: int
    content: Content


_read_content = msgspec.json.Decoder(Content).decode


def keep(conn: Connection, owner: Owner, kept: Kept, now: int, ring: Keyring = PLAIN) -> None:
    """Store a response, sealed where the project is, let the ones before it live as long, and forget what has
    expired."""
    conn.execute(delete(RESPONSES).where(RESPONSES.c.expires <= now))
    packed = ring.seal(owner.project_id, zlib.compress(msgspec.json.encode(kept.content), 1))
    values: dict[str, Any] = {"id": kept.id, "project_id": owner.project_id, "key_id": owner.key_id, "content": packed}
    values |= {name: getattr(kept, name) for name in ("previous", "created", "expires", "booked_by")}
    conn.execute(insert(RESPONSES).values(**values))
    earlier = [each.id for each in chain(conn, owner, kept.previous, now, ring)]
    if earlier:
        conn.execute(sql_update(RESPONSES).where(RESPONSES.c.id.in_(earlier)).values(expires=kept.expires))


def find(conn: Connection, owner: Owner, response_id: str, now: int, ring: Keyring = PLAIN) -> Kept | None:
    """None for one that is not there, not this owner's, expired, or sealed with a key that was destroyed: nobody learns
    which."""
    table = RESPONSES.c
    mine = (table.project_id == owner.project_id, table.key_id == owner.key_id)
    row = conn.execute(select(RESPONSES).where(table.id == response_id, *mine, table.expires > now)).one_or_none()
    if row is None:
        return None
    try:
        content = _read_content(zlib.decompress(ring.open(bytes(row.content))))
    except KeyDestroyed:
        return None
    told = {name: getattr(row, name) for name in ("id", "previous", "created", "expires", "booked_by")}
    return Kept(content=content, **told)


def chain(conn: Connection, owner: Owner, response_id: str | None, now: int, ring: Keyring = PLAIN) -> list[Kept]:
    """The response and all before it, oldest first; empty if any of them is gone: half a conversation is none."""
    found: list[Kept] = []
    while response_id is not None and len(found) < LONGEST_CHAIN:
        kept = find(conn, owner, response_id, now, ring)
        if kept is None:
            return []
        found.append(kept)
        response_id = kept.previous
    return found[::-1]


def forget(conn: Connection, owner: Owner, response_id: str, now: int) -> bool:
    """Whether there was one to forget."""
    mine = (RESPONSES.c.project_id == owner.project_id, RESPONSES.c.key_id == owner.key_id)
    gone = delete(RESPONSES).where(RESPONSES.c.id == response_id, *mine, RESPONSES.c.expires > now)
    return conn.execute(gone).rowcount > 0


# --- responses that their provider keeps: of these only who made them is noted ---


def noted_id(response_id: str) -> str:
    """What such an id is noted as: a provider may make it longer than the column is."""
    return response_id if len(response_id) <= LONGEST_ID else hashlib.sha256(response_id.encode()).hexdigest()


def maker(conn: Connection, response_id: str, now: int) -> Owner | None:
    """Whose call made it, whoever asks; None where that is not noted."""
    table = RESPONSES.c
    found = select(table.project_id, table.key_id).where(table.id == noted_id(response_id), table.expires > now)
    row = conn.execute(found).one_or_none()
    return None if row is None else Owner(row.project_id, row.key_id)


def book(conn: Connection, project_id: str, response_id: str, request_id: str) -> bool:
    """Whether what it used is that request's to book: it was nobody's before, or is this request's already, which may
    ask again after a crash."""
    table = RESPONSES.c
    this = (table.id == noted_id(response_id), table.project_id == project_id)
    if conn.execute(
        sql_update(RESPONSES).where(*this, table.booked_by.is_(None)).values(booked_by=request_id)
    ).rowcount:
        return True
    return conn.execute(select(table.id).where(*this, table.booked_by == request_id)).one_or_none() is not None
