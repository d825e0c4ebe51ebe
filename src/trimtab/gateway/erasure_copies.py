"""Copies of answers outside of the store, found by the calls they were made for: the response cache, kept responses,
answers to idempotency keys; and what limits noted about a user."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, delete, select

from trimtab.gateway.kept.cache_store import ANSWERS, CALLS, MEANINGS, About
from trimtab.gateway.kept.conversation_store import RESPONSES
from trimtab.gateway.opened import answer_id
from trimtab.ledger.limit_store import EVENTS

T = TypeVar("T")
AT_ONCE = 400
_about = msgspec.msgpack.Decoder(About).decode


def forget_answers(conn: Connection, project_id: str, requests: set[str]) -> dict[str, int]:
    """Stored answers, their questions, and answers to idempotency keys, of those calls. Rows by table."""
    stored = conn.execute(select(ANSWERS.c.key, ANSWERS.c.about).where(ANSWERS.c.project_id == project_id))
    keys = [bytes(row.key) for row in stored if _about(row.about).request_id in requests]
    found = {"cache_answers": 0, "cache_meanings": 0, "idempotent_calls": 0}
    for part in _parts(keys):
        found["cache_meanings"] += conn.execute(delete(MEANINGS).where(MEANINGS.c.key.in_(part))).rowcount
        found["cache_answers"] += conn.execute(delete(ANSWERS).where(ANSWERS.c.key.in_(part))).rowcount
    calls = conn.execute(select(CALLS.c.key, CALLS.c.request_id).where(CALLS.c.project_id == project_id))
    for part in _parts([bytes(row.key) for row in calls if row.request_id in requests]):
        found["idempotent_calls"] += conn.execute(delete(CALLS).where(CALLS.c.key.in_(part))).rowcount
    return found


def forget_responses(conn: Connection, project_id: str, requests: set[str]) -> int:
    """Kept responses of those calls: one that was answered by translation has an id made of its request's."""
    ids = sorted(answer_id(request) for request in requests)
    of = RESPONSES.c.project_id == project_id
    return sum(conn.execute(delete(RESPONSES).where(of, RESPONSES.c.id.in_(part))).rowcount for part in _parts(ids))


def forget_events(conn: Connection, project_id: str, user: str) -> int:
    """What limits noted when this user reached one."""
    rows = conn.execute(select(EVENTS.c.id, EVENTS.c.bucket).where(EVENTS.c.project_id == project_id))
    word = msgspec.json.encode(user).decode()
    gone = [row.id for row in rows if word in row.bucket]
    return sum(conn.execute(delete(EVENTS).where(EVENTS.c.id.in_(part))).rowcount for part in _parts(gone))


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(values), AT_ONCE):
        yield values[at : at + AT_ONCE]
