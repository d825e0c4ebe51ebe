"""The audit log: who did what, when, and why. Entries are only ever added, in the transaction of what they tell of.

``subject`` is what was acted on, such as ``app:support`` or ``rollout:0192...``; ``action`` a verb in the past such as
``release.created``; ``detail`` is JSON for people and programs (from, to, reason). ``at`` is Unix ms; ids are UUIDv7,
so their order is that of time. An automatic act has no key: ``actor`` is empty and ``actor_name`` says what acted.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Index, String, Table, Text, insert, select

from trimtab.core.ids import uuid7_hex
from trimtab.storage.schema import METADATA

AUDIT: Final = Table(
    "audit_log",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("actor_name", String(200), nullable=False),
    Column("action", String(80), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("detail", Text, nullable=False),
    Index("ix_audit_log_project_id", "project_id", "id"),
)


class Actor(Struct, frozen=True):
    """A key's id and name, or an empty id and the name of what acts by itself."""

    id: str
    name: str


class Entry(Struct, frozen=True, kw_only=True):
    id: str
    project_id: str
    at: int
    actor: str
    actor_name: str
    action: str
    subject: str
    detail: dict[str, Any]


def append(
    conn: Connection,
    project_id: str,
    actor: Actor,
    action: str,
    subject: str,
    *,
    now: int,
    detail: dict[str, Any] | None = None,
) -> None:
    """Write one entry within the transaction of what it tells of. ``now`` is Unix ms."""
    conn.execute(
        insert(AUDIT).values(
            id=uuid7_hex(now * 1_000_000),
            project_id=project_id,
            at=now,
            actor=actor.id,
            actor_name=actor.name,
            action=action,
            subject=subject[:200],
            detail=msgspec.json.encode(detail or {}).decode(),
        )
    )


def entries(
    conn: Connection, project_id: str, *, subject: str = "", actor: str = "", before: str = "", limit: int = 100
) -> list[Entry]:
    """Newest first; ``subject`` may end in ``*``; ``before`` is the id of the last entry of the page before."""
    query = select(AUDIT).where(AUDIT.c.project_id == project_id).order_by(AUDIT.c.id.desc()).limit(limit)
    if subject.endswith("*"):
        query = query.where(AUDIT.c.subject.startswith(subject[:-1], autoescape=True))
    elif subject:
        query = query.where(AUDIT.c.subject == subject)
    if actor:
        query = query.where(AUDIT.c.actor == actor)
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
