"""Answers that wait for a person before they reach the user. Functions of a connection; times are Unix ms.

A hold is written down with the answer it holds back before the client hears of it, so no restart loses one. It ends
once: by a verdict on its item, or by time, and then the client gets the fallback. Who ends it is whoever's update finds
it pending.
"""

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import NotFound
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.review import items
from trimtab.review.items import NewItem
from trimtab.review.tables import HOLDS, REVIEW_ITEMS
from trimtab.review.types import Outcome, Queue
from trimtab.storage.content import Of

H = HOLDS.c
State = Literal["pending", "approved", "corrected", "rejected", "expired"]
ENDS: Final[dict[str, State]] = {"approve": "approved", "correct": "corrected", "reject": "rejected"}
BY_TIME: Final = Actor("", "holds")


class Held(Struct, frozen=True, kw_only=True):
    """The answer as it would have gone out. ``front`` is the caller's dialect; ``stream``: it was asked for as one, and
    ``body`` is its text as one. ``request`` is the id of the request, ``wants_usage`` as the client asked."""

    front: str
    model: str
    stream: bool
    content_type: str
    body: bytes
    request: str
    trace_id: str
    wants_usage: bool = False


class Hold(Struct, frozen=True, kw_only=True):
    """``said`` is what the reviewer decided, None while it waits or where time was up. ``key_id`` made the call, and
    alone may ask for it."""

    id: str
    project_id: str
    item: str
    key_id: str
    state: State
    answer: Held
    fallback: str
    said: Outcome | None
    created: int
    expires: int
    ended: int | None


class NewHold(Struct, frozen=True, kw_only=True):
    id: str
    key_id: str
    answer: Held
    fallback: str
    expires: int


def _hold(row: Any) -> Hold:
    own = {name: getattr(row, name) for name in Hold.__struct_fields__ if name not in ("answer", "said")}
    return Hold(
        answer=msgspec.json.decode(row.answer, type=Held),
        said=msgspec.json.decode(row.said, type=Outcome) if row.said else None,
        **own,
    )


def begin(conn: Connection, queue: Queue, new: NewHold, item: NewItem, now: int) -> Hold:
    """The hold and the item that people see, or neither. One of that id that is there already is given back."""
    values = {
        "id": new.id,
        "project_id": queue.project_id,
        "item": "",
        "key_id": new.key_id,
        "state": "pending",
        "answer": Of(queue.project_id, msgspec.json.encode(new.answer).decode()),
        "fallback": new.fallback,
        "said": "",
        "created": now,
        "expires": new.expires,
        "ended": None,
    }
    try:
        with conn.begin_nested():
            conn.execute(insert(HOLDS).values(values))
    except IntegrityError:  # the same idempotency key, a moment earlier
        return hold(conn, queue.project_id, new.id, new.key_id)
    sent = items.send(conn, queue, item, now)
    if sent is not None:
        conn.execute(update(HOLDS).where(H.id == new.id).values(item=sent.id))
    return hold(conn, queue.project_id, new.id)


def hold(conn: Connection, project_id: str, hold_id: str, key_id: str = "") -> Hold:
    """``key_id``: only one that this key made. Raises `NotFound`."""
    query = select(HOLDS).where(H.project_id == project_id, H.id == hold_id)
    row = conn.execute(query.where(H.key_id == key_id) if key_id else query).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no hold {hold_id[:80]!r} for this key.",
            fix="Ask with the key that made the call; holds go 30 days after they ended.",
            code="hold_not_found",
        )
    return _hold(row)


def listed(
    conn: Connection, project_id: str, state: State | None = None, *, after: str = "", limit: int = 100
) -> list[Hold]:
    """Newest first; ``after`` is the id of the last of the page before."""
    query = select(HOLDS).where(H.project_id == project_id)
    if state is not None:
        query = query.where(H.state == state)
    if after:
        query = query.where(H.id < after)
    return [_hold(row) for row in conn.execute(query.order_by(H.id.desc()).limit(limit))]


def decide(conn: Connection, project_id: str, hold_id: str, outcome: Outcome, now: int) -> bool:
    """Release it by a person's verdict; False where its time was up already."""
    values = {
        "state": ENDS[outcome.decision],
        "said": Of(project_id, msgspec.json.encode(outcome).decode()),
        "ended": now,
    }
    at = (H.project_id == project_id, H.id == hold_id, H.state == "pending", H.expires > now)
    return conn.execute(update(HOLDS).where(*at).values(values)).rowcount == 1


def expire(conn: Connection, now: int, *, hold_id: str = "", most: int = 200) -> int:
    """End those whose time is up, with their items; how many."""
    query = select(H.id, H.project_id, H.item).where(H.state == "pending", H.expires <= now).limit(most)
    rows = conn.execute(query.where(H.id == hold_id) if hold_id else query).all()
    ended = 0
    for row in rows:
        ended += _expire(conn, row, now)
    return ended


def give_up(conn: Connection, project_id: str, hold_id: str, now: int) -> Hold:
    """The client waits no longer: the hold ends now, unless somebody has just decided."""
    at = (H.project_id == project_id, H.id == hold_id)
    row = conn.execute(select(H.id, H.project_id, H.item).where(*at)).one_or_none()
    if row is not None:
        _expire(conn, row, now)
    return hold(conn, project_id, hold_id)


def _expire(conn: Connection, row: Any, now: int) -> int:
    values = {"state": "expired", "ended": now}
    if conn.execute(update(HOLDS).where(H.id == row.id, H.state == "pending").values(values)).rowcount != 1:
        return 0
    of = (REVIEW_ITEMS.c.id == row.item, REVIEW_ITEMS.c.state == "open")
    conn.execute(update(REVIEW_ITEMS).where(*of).values(state="expired", closed=now))
    audit.append(conn, row.project_id, BY_TIME, "hold.expired", f"hold:{row.id}", now=now, detail={"item": row.item})
    return 1


def forget(conn: Connection, before: int) -> int:
    """Remove holds that ended before then: their answers are in their traces."""
    return conn.execute(HOLDS.delete().where(H.state != "pending", H.ended < before)).rowcount
