"""Queues: what they ask, and what sends answers to them. Functions of a connection; times are Unix ms."""

import re
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.gateway.holds import HoldQueue
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.governance.projects import REVISION
from trimtab.review.tables import REVIEW_ITEMS, REVIEW_QUEUES
from trimtab.review.types import NAME, Queue, QueueSpec, SendRule
from trimtab.storage.revision import bump
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.views import Window

Q = REVIEW_QUEUES.c
MOST_QUEUES: Final = 200


class Put(Struct, frozen=True, kw_only=True):
    """A queue to be. ``expected`` is the revision it was made from, None for whatever it is."""

    project_id: str
    name: str
    spec: QueueSpec
    actor: Actor
    now: int
    expected: int | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """How a queue stands: items that wait, those past their time, and the oldest of them (Unix ms)."""

    open: int
    overdue: int
    claimed: int
    oldest: int | None


def _queue(row: Any) -> Queue:
    own = {name: getattr(row, name) for name in Queue.__struct_fields__ if name not in ("spec", "state")}
    return Queue(
        spec=msgspec.json.decode(row.spec, type=QueueSpec),
        state=msgspec.json.decode(row.state, type=dict[str, Any]),
        **own,
    )


def queues(conn: Connection, project_id: str | None = None, *, archived: bool = False) -> list[Queue]:
    """By name; of all projects where none is named."""
    query = select(REVIEW_QUEUES).order_by(Q.project_id, Q.name)
    if project_id is not None:
        query = query.where(Q.project_id == project_id)
    if not archived:
        query = query.where(Q.archived.is_(None))
    return [_queue(row) for row in conn.execute(query)]


def holdings(conn: Connection) -> list[HoldQueue]:
    """Of all projects, the queues in which answers wait before they reach the user."""
    found = queues(conn)
    return [
        HoldQueue(project_id=each.project_id, queue=each.name, holding=each.spec.holding)
        for each in found
        if each.spec.holding is not None
    ]


def queue(conn: Connection, project_id: str, name: str, *, lock: bool = False) -> Queue:
    """Raises `NotFound`. ``lock``: nobody else changes it until this transaction ends."""
    query = select(REVIEW_QUEUES).where(Q.project_id == project_id, Q.name == name)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no review queue {name[:80]!r} in this project.",
            fix="GET .../review/queues lists them; PUT .../review/queues/{name} makes one.",
            code="queue_not_found",
        )
    return _queue(row)


def put(conn: Connection, wanted: Put) -> tuple[Queue, bool]:
    """Make or change a queue; whether it is new. Raises `InvalidRequest` and `Conflict`."""
    check(wanted)
    spec = msgspec.json.encode(wanted.spec).decode()
    at = (Q.project_id == wanted.project_id, Q.name == wanted.name)
    row = conn.execute(select(REVIEW_QUEUES).where(*at)).one_or_none()
    if row is None and wanted.expected in (None, 0):
        _make(conn, wanted, spec)
        return queue(conn, wanted.project_id, wanted.name), True
    revision = 0 if row is None else int(row.revision)
    if row is None or wanted.expected not in (None, revision):
        raise _changed(wanted.name, revision, wanted.expected)
    if row.spec == spec and row.archived is None:
        return _queue(row), False
    values = {"spec": spec, "revision": revision + 1, "archived": None, "updated": wanted.now}
    if conn.execute(update(REVIEW_QUEUES).where(*at, Q.revision == revision).values(values)).rowcount != 1:
        raise _changed(wanted.name, revision + 1, wanted.expected)
    bump(conn, REVISION)
    _tell(conn, wanted, "review_queue.changed", _queue(row).spec)
    return queue(conn, wanted.project_id, wanted.name), False


def _make(conn: Connection, wanted: Put, spec: str) -> None:
    many = conn.execute(select(func.count()).where(Q.project_id == wanted.project_id)).scalar_one()
    if many >= MOST_QUEUES:
        raise InvalidRequest(f"A project has at most {MOST_QUEUES} review queues.", fix="Use one that is there.")
    values = {
        "project_id": wanted.project_id, "name": wanted.name, "spec": spec, "state": "{}", "revision": 1,
        "archived": None, "created": wanted.now, "updated": wanted.now,
    }  # fmt: skip
    try:
        with conn.begin_nested():
            conn.execute(insert(REVIEW_QUEUES).values(values))
    except IntegrityError as error:
        raise _changed(wanted.name, 1, wanted.expected) from error
    bump(conn, REVISION)
    _tell(conn, wanted, "review_queue.created", None)


def archive(
    conn: Connection, project_id: str, name: str, actor: Actor, now: int, *, expected: int | None = None
) -> Queue:
    """Nothing is sent to it any more; what waits there may still be worked off. Raises `NotFound`, and `Conflict` where
    ``expected`` is not its revision."""
    found = queue(conn, project_id, name, lock=True)
    if expected is not None and expected != found.revision:
        raise _changed(name, found.revision, expected)
    if found.archived is None:
        values = {"archived": now, "revision": found.revision + 1, "updated": now}
        conn.execute(update(REVIEW_QUEUES).where(Q.project_id == project_id, Q.name == name).values(values))
        bump(conn, REVISION)
        audit.append(conn, project_id, actor, "review_queue.archived", f"review_queue:{name}", now=now)
    return queue(conn, project_id, name)


def remember(conn: Connection, found: Queue, state: dict[str, Any]) -> None:
    """How far its rules have read."""
    at = (Q.project_id == found.project_id, Q.name == found.name)
    conn.execute(update(REVIEW_QUEUES).where(*at).values(state=msgspec.json.encode(state).decode()))


def standing(conn: Connection, project_id: str, name: str, now: int) -> Standing:
    i = REVIEW_ITEMS.c
    at = (i.project_id == project_id, i.queue == name, i.state == "open")

    def many(*more: Any) -> int:
        return int(conn.execute(select(func.count()).select_from(REVIEW_ITEMS).where(*at, *more)).scalar_one())

    oldest = conn.execute(select(func.min(i.created)).where(*at)).scalar_one()
    return Standing(open=many(), overdue=many(i.due < now), claimed=many(i.claimed_until > now), oldest=oldest)


def check(wanted: Put) -> None:
    """Raises `InvalidRequest` that names what cannot be meant."""
    spec = wanted.spec
    if not re.fullmatch(NAME, wanted.name):
        raise _wrong("name", f"{wanted.name[:80]!r} is no name of a queue.", "Use a-z, 0-9, '.', '_' and '-'.")
    for where, names in (
        ("criteria", [each.name for each in spec.criteria]),
        ("rules", [each.name for each in spec.rules]),
    ):
        if len(set(names)) != len(names):
            raise _wrong(where, f"Two of the {where} have one name.", "Name them differently.")
    for each in spec.criteria:
        if each.name == "review":
            raise _wrong("criteria", "A criterion cannot be named 'review': the decision is.", "Name it differently.")
        if each.kind == "choice" and len(set(each.choices)) < 2:
            raise _wrong("criteria", f"The choice {each.name!r} has no two answers.", "Give 'choices'.")
        if each.kind == "scale" and not each.low < each.high:
            raise _wrong("criteria", f"The scale {each.name!r} has no room.", "Let 'low' be less than 'high'.")
    for rule in spec.rules:
        _check_rule(rule)


def _check_rule(rule: SendRule) -> None:
    try:
        compile_query(rule.q, "", Window(start=0, end=1))
    except InvalidRequest as error:
        raise _wrong("rules", f"The search of the rule {rule.name!r}: {error.message}", error.fix) from error
    if rule.kind in ("score", "disputed") and not rule.score:
        raise _wrong("rules", f"The rule {rule.name!r} names no score.", "Give 'score', a score's name.")
    if rule.kind == "score" and rule.at_most is None and rule.at_least is None:
        raise _wrong("rules", f"The rule {rule.name!r} has no bound.", "Give 'at_most' or 'at_least'.")
    if rule.kind == "search" and not rule.q.strip():
        raise _wrong("rules", f"The rule {rule.name!r} searches for nothing.", "Give 'q', or make it 'random'.")


def _changed(name: str, revision: int, expected: int | None) -> Conflict:
    return Conflict(
        f"The queue {name!r} is at revision {revision}, not {expected}.",
        fix="Read it again, and change what is there now.",
        code="revision_conflict",
    )


def _tell(conn: Connection, wanted: Put, action: str, before: QueueSpec | None) -> None:
    subject = f"review_queue:{wanted.name}"
    detail = {"from": None if before is None else audit.told(before), "to": audit.told(wanted.spec)}
    audit.append(conn, wanted.project_id, wanted.actor, action, subject, now=wanted.now, detail=detail)


def _wrong(param: str, message: str, fix: str) -> InvalidRequest:
    return InvalidRequest(message, fix=fix, param=param, code="queue_invalid")
