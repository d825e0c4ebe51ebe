"""The SQL of resilience policies, by provider or model, and of how high a key's calls may go in a queue.

They stand beside providers and models, by name: a policy may be there before what it is for, and outlives it.
"""

from typing import Literal, get_args

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Integer, String, Table, Text, delete, insert, select

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.gateway.policy import Policy
from trimtab.gateway.staying_up.gate import PRIORITIES
from trimtab.governance.projects import REVISION
from trimtab.governance.store import KEYS
from trimtab.storage.revision import bump
from trimtab.storage.schema import METADATA

Subject = Literal["provider", "model"]
Priority = Literal["high", "normal", "low"]

POLICIES = Table(
    "resilience_policies",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("subject", String(16), primary_key=True),
    Column("name", String(200), primary_key=True),
    Column("policy", Text, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
KEY_PRIORITIES = Table(
    "key_priorities",
    METADATA,
    Column("key_id", String(64), ForeignKey("keys.id"), primary_key=True),
    Column("highest", Integer, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
MOST_POLICIES = 2_000
"""Of one project: every snapshot carries them."""


class ResilienceRow(Struct, frozen=True, kw_only=True):
    """``updated`` is Unix ms."""

    project_id: str
    subject: Subject
    name: str
    policy: Policy
    updated: int = 0


def check(policy: Policy) -> Policy:
    """Raises `InvalidRequest` for numbers that make no sense together."""
    breaker, hedge = policy.breaker, policy.hedge
    if breaker.open_s > breaker.max_open_s:
        raise InvalidRequest(
            "A breaker cannot be open for longer at first than at most.",
            fix="Set breaker.open_s to at most breaker.max_open_s.",
            param="breaker.open_s",
        )
    if hedge is not None and hedge.after_ms is None and hedge.after is None:
        raise InvalidRequest(
            "A hedge needs to know after what time.", fix="Set hedge.after_ms, or hedge.after to p95.", param="hedge"
        )
    return policy


def policies(conn: Connection, project_id: str | None = None) -> list[ResilienceRow]:
    """One project's, or all."""
    found = select(POLICIES).order_by(POLICIES.c.project_id, POLICIES.c.subject, POLICIES.c.name)
    if project_id is not None:
        found = found.where(POLICIES.c.project_id == project_id)
    return [
        ResilienceRow(
            project_id=row.project_id,
            subject=row.subject,
            name=row.name,
            policy=msgspec.json.decode(row.policy, type=Policy),
            updated=row.updated,
        )
        for row in conn.execute(found)
    ]


def put_policy(conn: Connection, row: ResilienceRow) -> ResilienceRow:
    """Set it, in place of the one that was there. Raises `InvalidRequest`."""
    bump(conn, REVISION)
    check(row.policy)
    conn.execute(_delete(row.project_id, row.subject, row.name))
    if len(policies(conn, row.project_id)) >= MOST_POLICIES:
        raise InvalidRequest(f"A project may have {MOST_POLICIES} policies.", fix="Remove some first.", param="name")
    conn.execute(
        insert(POLICIES).values(
            project_id=row.project_id,
            subject=row.subject,
            name=row.name,
            policy=msgspec.json.encode(row.policy).decode(),
            updated=row.updated,
        )
    )
    return row


def remove_policy(conn: Connection, project_id: str, subject: Subject, name: str) -> None:
    bump(conn, REVISION)
    if conn.execute(_delete(project_id, subject, name)).rowcount == 0:
        raise NotFound(
            f"The {subject} {name[:80]!r} has no resilience policy in the catalog.",
            fix="List them: trimtab resilience list.",
        )


def _delete(project_id: str, subject: Subject, name: str):
    return delete(POLICIES).where(
        POLICIES.c.project_id == project_id, POLICIES.c.subject == subject, POLICIES.c.name == name
    )


def key_priorities(conn: Connection, project_id: str | None = None) -> dict[str, int]:
    """The highest priority of each key that has a bound, by key id (0 high, 1 normal, 2 low)."""
    found = select(KEY_PRIORITIES)
    if project_id is not None:
        found = found.join(KEYS, KEYS.c.id == KEY_PRIORITIES.c.key_id).where(KEYS.c.project_id == project_id)
    return {row.key_id: row.highest for row in conn.execute(found)}


def bounds(conn: Connection, project_id: str | None) -> dict[str, Priority]:
    """The same in words."""
    words: tuple[Priority, ...] = get_args(Priority)
    return {key: words[highest] for key, highest in key_priorities(conn, project_id).items()}


def put_key_priority(conn: Connection, project_id: str, key_id: str, highest: Priority, now: int) -> None:
    """Bound what a project's key may ask for; ``high`` is no bound. ``now`` is Unix ms."""
    bump(conn, REVISION)
    known = select(KEYS.c.id).where(KEYS.c.id == key_id, KEYS.c.project_id == project_id)
    if conn.execute(known).first() is None:
        raise NotFound(f"There is no key {key_id[:80]!r} in this project.", fix="List them: trimtab keys list.")
    conn.execute(delete(KEY_PRIORITIES).where(KEY_PRIORITIES.c.key_id == key_id))
    if highest != "high":
        values = {"key_id": key_id, "highest": PRIORITIES.index(highest), "updated": now}
        conn.execute(insert(KEY_PRIORITIES).values(**values))
