"""Items of queues: sent once, claimed by one at a time, decided by as many as it takes. Functions of a connection;
times are Unix ms."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, and_, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, Forbidden, NotFound
from trimtab.core.ids import uuid7_hex
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.review.tables import REVIEW_ITEMS, REVIEW_VERDICTS
from trimtab.review.types import Item, Outcome, Queue, State, Subject
from trimtab.storage.content import Of

R, V = REVIEW_ITEMS.c, REVIEW_VERDICTS.c
TRIES: Final = 8


class NewItem(Struct, frozen=True, kw_only=True):
    """``key`` makes it the same: sent again it stays one item."""

    key: str
    why: str
    subject: Subject
    trace_id: str = ""
    span_id: str = ""
    app: str = ""
    release: str = ""
    priority: float = 0.0
    hold: str = ""
    due: int | None = None


class Wanted(Struct, frozen=True, kw_only=True):
    """Which items. ``free_for``: those that this reviewer could claim now."""

    queue: str = ""
    state: State | None = None
    app: str = ""
    trace_id: str = ""
    assignee: str = ""
    free_for: str = ""
    overdue: bool = False


def fraction(*parts: str) -> float:
    """A number in [0, 1) that is always the same for the same parts: for shares that repeat."""
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _item(row: Any) -> Item:
    own = {name: getattr(row, name) for name in Item.__struct_fields__ if name not in ("why", "subject", "outcome")}
    return Item(
        why=msgspec.json.decode(row.why, type=tuple[str, ...]),
        subject=msgspec.json.decode(row.subject, type=Subject),
        outcome=msgspec.json.decode(row.outcome, type=Outcome) if row.outcome else None,
        **own,
    )


def known(conn: Connection, queue: Queue, keys: Sequence[str]) -> set[str]:
    """Of keys (some hundred at most), those that were sent to the queue before."""
    at = (R.project_id == queue.project_id, R.queue == queue.name, R.key.in_(list(keys)))
    return set(conn.execute(select(R.key).where(*at)).scalars())


def send(conn: Connection, queue: Queue, new: NewItem, now: int) -> Item | None:
    """The new item; None where it was sent before (then the rule that sent it now stands beside the first)."""
    at = (R.project_id == queue.project_id, R.queue == queue.name, R.key == new.key)
    row = conn.execute(select(R.id, R.why).where(*at)).one_or_none()
    if row is None:
        made = _made(queue, new, now)
        try:
            with conn.begin_nested():
                conn.execute(insert(REVIEW_ITEMS).values(made))
        except IntegrityError:  # another was quicker
            return None
        return item(conn, queue.project_id, made["id"])
    why = msgspec.json.decode(row.why, type=list[str])
    if new.why not in why:
        told = msgspec.json.encode([*why, new.why]).decode()
        conn.execute(update(REVIEW_ITEMS).where(R.id == row.id).values(why=told))
    return None


def _made(queue: Queue, new: NewItem, now: int) -> dict[str, Any]:
    twice = fraction(queue.name, new.key, "double") < queue.spec.double_share
    return {
        "id": f"item_{uuid7_hex(now * 1_000_000)}",
        "project_id": queue.project_id,
        "queue": queue.name,
        "key": new.key,
        "state": "open",
        "why": msgspec.json.encode([new.why]).decode(),
        "trace_id": new.trace_id,
        "span_id": new.span_id,
        "app": new.app,
        "release": new.release,
        "subject": Of(queue.project_id, msgspec.json.encode(new.subject).decode()),
        "priority": new.priority,
        "needed": 2 if twice and not new.hold else 1,
        "given": 0,
        "hold": new.hold,
        "assignee": "",
        "claimed_by": "",
        "claimed_until": None,
        "due": now + queue.spec.answer_within_s * 1000 if new.due is None else new.due,
        "outcome": "",
        "created": now,
        "closed": None,
        "revision": 1,
    }


def item(conn: Connection, project_id: str, item_id: str) -> Item:
    """Raises `NotFound`."""
    row = conn.execute(select(REVIEW_ITEMS).where(R.project_id == project_id, R.id == item_id)).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no review item {item_id[:80]!r} in this project.",
            fix="GET .../review/items lists them.",
            code="item_not_found",
        )
    return _item(row)


def listed(
    conn: Connection, project_id: str, wanted: Wanted, now: int, *, after: str = "", limit: int = 100
) -> list[Item]:
    """Newest first; ``after`` is the id of the last item of the page before."""
    query = select(REVIEW_ITEMS).where(R.project_id == project_id, *_conditions(wanted, now))
    if after:
        query = query.where(R.id < after)
    return [_item(row) for row in conn.execute(query.order_by(R.id.desc()).limit(limit))]


def _conditions(wanted: Wanted, now: int) -> list[Any]:
    plain = ((R.queue, wanted.queue), (R.app, wanted.app), (R.trace_id, wanted.trace_id), (R.assignee, wanted.assignee))
    found: list[Any] = [column == value for column, value in plain if value]
    if wanted.state is not None:
        found.append(R.state == wanted.state)
    if wanted.overdue:
        found += [R.state == "open", R.due < now]
    if wanted.free_for:
        found += [R.state == "open", free(wanted.free_for, now)]
    return found


def free(reviewer: str, now: int) -> Any:
    """Not claimed by another, assigned to nobody else, and without a word of theirs."""
    said = exists().where(V.item == R.id, V.reviewer == reviewer)
    unclaimed = or_(R.claimed_until.is_(None), R.claimed_until <= now, R.claimed_by == reviewer)
    return and_(unclaimed, or_(R.assignee == "", R.assignee == reviewer), ~said)


def claim(conn: Connection, queue: Queue, found: Item, reviewer: str, now: int) -> Item:
    """Keep others off it for the queue's lease; the same reviewer's claim is renewed. Raises `Conflict` and
    `Forbidden`."""
    may_work(queue, reviewer)
    values = {"claimed_by": reviewer, "claimed_until": now + queue.spec.lease_s * 1000, "revision": R.revision + 1}
    at = (R.id == found.id, R.state == "open", free(reviewer, now))
    if conn.execute(update(REVIEW_ITEMS).where(*at).values(values)).rowcount != 1:
        raise taken(conn, item(conn, found.project_id, found.id), reviewer, now)
    return item(conn, found.project_id, found.id)


def next_for(conn: Connection, queue: Queue, reviewer: str, now: int) -> Item | None:
    """Claim what is most urgent: first what is theirs, then by priority, then what is due first. None: nothing waits
    for them."""
    may_work(queue, reviewer)
    at = (R.project_id == queue.project_id, R.queue == queue.name, R.state == "open", free(reviewer, now))
    mine = (R.claimed_by == reviewer).desc(), (R.assignee == reviewer).desc()
    query = select(R.id).where(*at).order_by(*mine, R.priority.desc(), R.due, R.id).limit(TRIES)
    for item_id in conn.execute(query).scalars().all():
        try:
            return claim(conn, queue, item(conn, queue.project_id, item_id), reviewer, now)
        except Conflict:
            continue  # another was quicker
    return None


def may_work(queue: Queue, reviewer: str) -> None:
    """Raises `Forbidden` for who is not among the queue's reviewers."""
    if queue.spec.reviewers and reviewer not in queue.spec.reviewers:
        raise Forbidden(
            f"The queue {queue.name!r} is worked by others.",
            fix="Have this key's id added to the queue's 'reviewers'.",
            code="not_a_reviewer_here",
        )


def taken(conn: Connection, found: Item, reviewer: str, now: int) -> Conflict:
    """Why this reviewer cannot have the item."""
    said = select(V.item).where(V.item == found.id, V.reviewer == reviewer)
    if found.state != "open":
        message, fix = f"This item is {found.state} already.", "Take the next one."
    elif conn.execute(said).one_or_none() is not None:
        message, fix = "You gave your verdict on this item already.", "Take the next one."
    elif found.claimed_until is not None and found.claimed_until > now and found.claimed_by != reviewer:
        message, fix = "Somebody else works on this item.", "Take the next one."
    elif found.assignee in ("", reviewer):
        message, fix = "This item changed meanwhile.", "Look at it again."
    else:
        message, fix = "This item is assigned to somebody else.", "Take the next one, or have it assigned to you."
    return Conflict(message, fix=fix, code="item_taken")


def release(conn: Connection, found: Item, reviewer: str) -> Item:
    """Give a claim back; nothing where there was none of theirs."""
    values = {"claimed_by": "", "claimed_until": None, "revision": R.revision + 1}
    conn.execute(update(REVIEW_ITEMS).where(R.id == found.id, R.claimed_by == reviewer).values(values))
    return item(conn, found.project_id, found.id)


class Change(Struct, frozen=True, kw_only=True):
    """What whoever runs a queue changes of an item: to whom it is ``assignee``d (empty: to anybody), how many
    opinions it needs, its priority; None stays."""

    assignee: str | None = None
    needed: int | None = None
    priority: float | None = None
    drop: bool = False


def change(conn: Connection, found: Item, wanted: Change, actor: Actor, now: int) -> Item:
    """Raises `Conflict` where it is closed."""
    if found.state != "open":
        raise Conflict(f"This item is {found.state} already.", fix="Only open items are changed.", code="item_taken")
    values: dict[str, Any] = {"revision": R.revision + 1}
    if wanted.assignee is not None:
        values |= {"assignee": wanted.assignee, "claimed_by": "", "claimed_until": None}
    if wanted.needed is not None:
        values["needed"] = max(wanted.needed, found.given + 1)
    if wanted.priority is not None:
        values["priority"] = wanted.priority
    if wanted.drop:
        values |= {"state": "dropped", "closed": now}
    conn.execute(update(REVIEW_ITEMS).where(R.id == found.id, R.state == "open").values(values))
    told = {name: value for name, value in values.items() if name in ("assignee", "needed", "priority", "state")}
    audit.append(conn, found.project_id, actor, "review_item.changed", f"review_item:{found.id}", now=now, detail=told)
    return item(conn, found.project_id, found.id)
