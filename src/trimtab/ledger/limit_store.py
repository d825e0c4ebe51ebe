"""The SQL of limits: rules, and the counters that every worker and replica agrees on. Times are Unix milliseconds.

A counter is one row per (series, bucket, start): ``granted`` is all that was ever handed out of its bound and not given
back, ``spent`` how much of that is known to be used. Workers are handed slices by one conditional UPDATE, so the sum of
what they hold and have used never passes the bound, whoever asks at the same time.

A hold is what one worker has of one counter. A worker tells its whole state in absolute numbers (`trade`), never
differences, so a transaction whose outcome it did not learn is simply told again.

Nothing here depends on clocks agreeing. What a dead worker held is never handed out again: it may have been spent. The
exceptions are known for certain: what a worker's journal says it had left (`recover`), and concurrency (`evict`), as
the calls of a dead process have ended.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    text,
)

from trimtab.core.errors import Conflict, NotFound
from trimtab.core.ids import new_id
from trimtab.core.known import did_you_mean
from trimtab.governance.projects import REVISION
from trimtab.ledger.limits import Rule
from trimtab.storage.revision import bump, exclusive
from trimtab.storage.schema import METADATA

LIMITS = Table(
    "limits",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("rule", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
COUNTERS = Table(
    "limit_counters",
    METADATA,
    Column("series", String(32), primary_key=True),
    Column("bucket", String(600), primary_key=True),
    Column("start", BigInteger, primary_key=True),
    Column("counts_until", BigInteger, nullable=False, index=True),
    Column("granted", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("last_grant", BigInteger, nullable=False),
    Column("wanted", BigInteger, nullable=False),
)
HOLDS = Table(
    "limit_holds",
    METADATA,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("worker", String(64), nullable=False, index=True),
    Column("series", String(32), nullable=False),
    Column("bucket", String(600), nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("reported", BigInteger, nullable=False),
    Column("heard", BigInteger, nullable=False),
    Column("comes_back", Boolean, nullable=False),
)
WORKERS = Table(
    "limit_workers",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("beat", BigInteger, nullable=False),
    Column("began", BigInteger, nullable=False),
)
EVENTS = Table(
    "limit_events",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("bucket", String(600), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("bound", BigInteger, nullable=False),
    Index("ix_limit_events_counter", "project_id", "name", "bucket", "at"),
)
EVENTS_KEPT_MS = 90 * 86_400_000
EVENTS_AT_ONCE = 20_000

EventKind = Literal["soft_reached", "exhausted", "overdraft", "larger"]


class LimitRow(Struct, frozen=True, kw_only=True):
    project_id: str
    name: str
    rule: Rule
    created: int = 0
    updated: int = 0


class Event(Struct, frozen=True, kw_only=True):
    """Something about a limit that people should know; ``used`` and ``bound`` in the rule's measure."""

    id: str
    project_id: str
    name: str
    bucket: str
    kind: EventKind
    at: int
    used: int
    bound: int


class Ask(Struct, frozen=True, kw_only=True):
    """A wish for more: at least ``need``, ``want`` if there is that much, up to ``piece`` if that is at most one part
    in ``share`` of what is left. ``waiting``: a call waits for it, and is refused if it cannot be had."""

    need: int
    want: int
    piece: int
    share: int
    waiting: bool = True


class Offer(Struct, frozen=True, kw_only=True):
    """What a worker says of one of its holds, in absolute numbers: it has (or has used) ``total``, and has used
    ``spent``. A ``total`` above what it was handed out was spent on trust or beyond a reservation, and is taken over
    whatever the bound says. ``since`` is the start of the oldest slot that counts beside this one. A ``soft`` one hands
    nothing out; passing its bound is an event. ``bound`` is None where the rule is gone."""

    hold: int
    series: str
    bucket: str
    start: int
    since: int
    counts_until: int
    total: int
    spent: int
    bound: int | None
    soft: bool = False
    comes_back: bool = False
    close: bool = False
    """The last word on this hold; telling it again is nothing."""
    ask: Ask | None = None
    project_id: str = ""
    name: str = ""


class Deal(Struct, frozen=True, kw_only=True):
    """The answer to one offer: ``amount`` was handed out now; ``used`` is all that counts against the bound, what
    workers hold included; ``spent`` what is known to be used, of this slot and the older ones that still count. Where
    less was handed out than wanted, ``frees`` says what of the older slots leaves when: (start of the slot, amount).
    Of calls at once, where nothing could be handed out: ``wanted`` is how often that was so, this time included, and
    ``heard`` how many of these times every other worker that has places has told of them since."""

    amount: int = 0
    used: int = 0
    spent: int = 0
    frees: tuple[tuple[int, int], ...] = ()
    wanted: int = 0
    heard: int = 0


class Traded(Struct, frozen=True, kw_only=True):
    """``wanted`` are holds of this worker of whose counter somebody could not get enough."""

    deals: tuple[Deal, ...]
    wanted: tuple[int, ...] = ()
    workers: int = 1


# --- rules ---


def _limit(row: Row[tuple[object, ...]]) -> LimitRow:
    values: dict[str, Any] = {name: getattr(row, name) for name in LimitRow.__struct_fields__}
    values["rule"] = msgspec.json.decode(row.rule, type=Rule)
    return LimitRow(**values)


def limits(conn: Connection, project_id: str | None = None) -> list[LimitRow]:
    """One project's rules, or all, in order of name."""
    found = select(LIMITS).order_by(LIMITS.c.name)
    if project_id is not None:
        found = found.where(LIMITS.c.project_id == project_id)
    return [_limit(row) for row in conn.execute(found)]


def limit(conn: Connection, project_id: str, name: str) -> LimitRow:
    row = conn.execute(select(LIMITS).where(LIMITS.c.project_id == project_id, LIMITS.c.name == name)).one_or_none()
    if row is None:
        fix = did_you_mean(name, [row.name for row in limits(conn, project_id)], "limit")
        raise NotFound(f"There is no limit {name[:80]!r} in the catalog.", fix=fix)
    return _limit(row)


def put_limit(conn: Connection, row: LimitRow, declared: frozenset[str], *, new: bool) -> None:
    """Add or replace a rule, checked already. `Conflict` where the name is taken, or belongs to the config file."""
    bump(conn, REVISION)
    _not_declared(row.name, declared)
    if new:
        if any(old.name == row.name for old in limits(conn, row.project_id)):
            raise Conflict(
                f"There is already a limit {row.name!r}.", fix="Change it, or choose another name.", param="name"
            )
    else:
        _drop(conn, row.project_id, row.name)
    told = msgspec.json.encode(row.rule).decode()
    values = {"project_id": row.project_id, "name": row.name, "rule": told}
    conn.execute(insert(LIMITS).values(**values, created=row.created, updated=row.updated))


def remove_limit(conn: Connection, project_id: str, name: str, declared: frozenset[str]) -> None:
    """What it counted stays, so a rule made anew under the same name goes on counting."""
    bump(conn, REVISION)
    _not_declared(name, declared)
    limit(conn, project_id, name)
    _drop(conn, project_id, name)


def _drop(conn: Connection, project_id: str, name: str) -> None:
    conn.execute(delete(LIMITS).where(LIMITS.c.project_id == project_id, LIMITS.c.name == name))


def _not_declared(name: str, declared: frozenset[str]) -> None:
    if name in declared:
        raise Conflict(f"The limit {name!r} is declared in the config file.", fix="Change it there.", param="name")


# --- events ---


def add_event(conn: Connection, event: Event) -> None:
    conn.execute(insert(EVENTS).values(**{name: getattr(event, name) for name in Event.__struct_fields__}))


def events(conn: Connection, project_id: str, *, before: str = "", limit: int = 100) -> list[Event]:
    """Newest first, older than the event ``before``."""
    found = select(EVENTS).where(EVENTS.c.project_id == project_id).order_by(EVENTS.c.id.desc()).limit(limit)
    if before:
        found = found.where(EVENTS.c.id < before)
    return [Event(**{name: getattr(row, name) for name in Event.__struct_fields__}) for row in conn.execute(found)]


# --- workers ---

_BEAT = text("UPDATE limit_workers SET beat = beat + 1 WHERE id = :worker")
_OTHERS = text("SELECT count(*) FROM limit_workers")
_WANTED = text(
    "SELECT h.id, c.wanted FROM limit_holds h JOIN limit_counters c "
    "ON c.series = h.series AND c.bucket = h.bucket AND c.start = h.start "
    "WHERE h.worker = :worker AND c.wanted > h.heard"
)
_HEARD = text("UPDATE limit_holds SET heard = :wanted WHERE id = :hold")


_JOIN = text("INSERT INTO limit_workers (id, beat, began) VALUES (:worker, 0, :now) ON CONFLICT (id) DO NOTHING")


def join(conn: Connection, worker: str, now: int) -> None:
    """A worker that is about to hold something."""
    conn.execute(_JOIN, {"worker": worker, "now": now})


def sweep(conn: Connection, now: int, at_once: int = EVENTS_AT_ONCE) -> int:
    """Clear away counters that have long ceased to count, and events of long ago; how many. Only for a caller that is
    sure of its clock. Where each user has a count there may be thousands of events a day."""
    before = f"lev_{max(0, now - EVENTS_KEPT_MS):012x}"  # their ids sort by time
    old = select(EVENTS.c.id).where(EVENTS.c.id < before).order_by(EVENTS.c.id).limit(at_once)
    told = conn.execute(delete(EVENTS).where(EVENTS.c.id.in_(old.scalar_subquery()))).rowcount
    return told + conn.execute(delete(COUNTERS).where(COUNTERS.c.counts_until < now)).rowcount


def beats(conn: Connection) -> dict[str, int]:
    """Every worker's heartbeat count. One whose count stands still is dead or cut off; see `evict`."""
    return {row.id: row.beat for row in conn.execute(select(WORKERS.c.id, WORKERS.c.beat))}


def evict(conn: Connection, worker: str, beat: int) -> bool:
    """Declare a worker dead, unless it has shown itself since ``beat``: what it held counts as spent, except
    concurrency. The worker, should it live after all, finds that it is not known any more and starts anew."""
    gone = conn.execute(delete(WORKERS).where(WORKERS.c.id == worker, WORKERS.c.beat == beat))
    if gone.rowcount:
        _close_holds(conn, worker, {})
    return bool(gone.rowcount)


def recover(conn: Connection, worker: str, left: Mapping[int, int]) -> int:
    """Close the holds of a worker that is certainly dead; ``left`` is what its journal says was neither spent nor
    reserved, by hold. What of the rest was in flight counts as spent. Returns how many holds were closed."""
    conn.execute(delete(WORKERS).where(WORKERS.c.id == worker))
    return _close_holds(conn, worker, left)


_CLOSE = text(
    "UPDATE limit_counters SET granted = granted - :back, spent = spent + :used "
    "WHERE series = :series AND bucket = :bucket AND start = :start"
)


def _close_holds(conn: Connection, worker: str, left: Mapping[int, int]) -> int:
    order = (HOLDS.c.series, HOLDS.c.bucket, HOLDS.c.start)
    rows = conn.execute(select(HOLDS).where(HOLDS.c.worker == worker).order_by(*order)).all()
    for row in rows:
        unreported = row.granted - row.reported
        back = row.granted if row.comes_back else max(0, min(left.get(row.id, 0), unreported))
        used = -row.reported if row.comes_back else unreported - back
        where = {"series": row.series, "bucket": row.bucket, "start": row.start}
        conn.execute(_CLOSE, {"back": back, "used": used, **where})
    conn.execute(delete(HOLDS).where(HOLDS.c.worker == worker))
    return len(rows)


# --- trading ---

_HOLD = text("SELECT granted, reported FROM limit_holds WHERE id = :hold")
NEW_COUNTER = text(
    "INSERT INTO limit_counters (series, bucket, start, counts_until, granted, spent, last_grant, wanted) "
    "VALUES (:series, :bucket, :start, :until, 0, 0, 0, 0) ON CONFLICT (series, bucket, start) DO NOTHING"
)
_TELL = text(
    "UPDATE limit_counters SET granted = granted - :back, spent = spent + :more "
    "WHERE series = :series AND bucket = :bucket AND start = :start RETURNING granted, spent"
)
_OLDER = text(
    "SELECT start, granted, spent FROM limit_counters "
    "WHERE series = :series AND bucket = :bucket AND start >= :since AND start <> :start "
    "AND (granted > 0 OR spent > 0) ORDER BY start"
)
# What is handed out: a piece if that is a fair share of the room, the share itself if it still covers what is wanted,
# what is wanted, or all that is left. The WHERE is the promise: never more than the bound.
_AMOUNT = (
    "CASE WHEN (:room - granted) / :share >= :piece THEN :piece "
    "WHEN (:room - granted) / :share > :want THEN (:room - granted) / :share "
    "WHEN :room - granted >= :want THEN :want ELSE :room - granted END"
)
_LEASE = text(
    f"UPDATE limit_counters SET granted = granted + {_AMOUNT}, last_grant = {_AMOUNT} "  # noqa: S608  (our own text)
    "WHERE series = :series AND bucket = :bucket AND start = :start AND granted + :need <= :room "
    "RETURNING granted, spent, last_grant"
)
_WANT = text(
    "UPDATE limit_counters SET wanted = wanted + :more "
    "WHERE series = :series AND bucket = :bucket AND start = :start RETURNING granted, spent, wanted"
)
_OTHERS_HEARD = text(
    "SELECT MIN(heard) FROM limit_holds "
    "WHERE series = :series AND bucket = :bucket AND start = :start AND id <> :hold AND granted > 0"
)
_SAVE_HOLD = text(
    "INSERT INTO limit_holds (id, worker, series, bucket, start, granted, reported, heard, comes_back) "
    "VALUES (:hold, :worker, :series, :bucket, :start, :granted, :reported, 0, :comes_back) "
    "ON CONFLICT (id) DO UPDATE SET granted = excluded.granted, reported = excluded.reported"
)
_END_HOLD = text("DELETE FROM limit_holds WHERE id = :hold")


def trade(conn: Connection, worker: str, offers: Sequence[Offer], now: int) -> Traded | None:
    """Settle what the worker says of its holds and hand out what it asks for, in one transaction, which is also its
    heartbeat. Deals stand in the order of the offers. None where the worker was declared dead: then nothing of what it
    held is its own any more."""
    if not conn.execute(_BEAT, {"worker": worker}).rowcount:
        return None
    deals: dict[int, Deal] = {}
    for offer in sorted(offers, key=lambda offer: (offer.series, offer.bucket, offer.start)):  # one order: no deadlock
        deals[offer.hold] = _deal(conn, worker, offer, now)
    wanted = [(row.id, row.wanted) for row in conn.execute(_WANTED, {"worker": worker})]
    for hold, count in wanted:
        conn.execute(_HEARD, {"hold": hold, "wanted": count})
    workers = int(conn.execute(_OTHERS).scalar_one())
    return Traded(
        deals=tuple(deals[offer.hold] for offer in offers), wanted=tuple(hold for hold, _ in wanted), workers=workers
    )


def _deal(conn: Connection, worker: str, offer: Offer, now: int) -> Deal:
    where = {"series": offer.series, "bucket": offer.bucket, "start": offer.start}
    if offer.since < offer.start:  # a rolling window's sum is over several rows: one worker at a time looks at them
        exclusive(conn, _lock_of(offer))
    known = conn.execute(_HOLD, {"hold": offer.hold}).one_or_none()
    if known is None and offer.close:
        return Deal()
    conn.execute(NEW_COUNTER, {**where, "until": offer.counts_until})
    granted, reported = (known.granted, known.reported) if known else (0, 0)
    more = offer.spent - reported
    told = {"back": 0 if offer.soft else granted - offer.total, "more": more}
    row = conn.execute(_TELL, {**where, **told}).one()
    if offer.bound is not None:
        if offer.soft and more:
            note_soft(conn, offer, int(row.spent), more, now)
        elif told["back"] < 0 and int(row.granted) > offer.bound:
            add_event(conn, event_of(offer, "overdraft", used=int(row.granted), now=now))
    if offer.close:
        conn.execute(_END_HOLD, {"hold": offer.hold})
        return Deal(spent=int(row.spent))
    deal = Deal(spent=int(row.spent), used=int(row.granted))
    if offer.ask is not None and offer.bound is not None:
        deal = _lease(conn, offer, offer.ask, offer.bound, now)
    held = offer.total + deal.amount
    named = {"hold": offer.hold, "worker": worker, "comes_back": offer.comes_back, **where}
    conn.execute(_SAVE_HOLD, {**named, "granted": held, "reported": offer.spent})
    return deal


def _lease(conn: Connection, offer: Offer, ask: Ask, bound: int, now: int) -> Deal:
    where = {"series": offer.series, "bucket": offer.bucket, "start": offer.start}
    older = _older(conn, offer, where)
    others = sum(granted for _, granted, _ in older)
    before = sum(spent for _, _, spent in older)
    sizes = {"need": ask.need, "want": ask.want, "piece": ask.piece, "share": ask.share}
    row = conn.execute(_LEASE, {**where, **sizes, "room": bound - others}).one_or_none()
    amount = 0 if row is None else int(row.last_grant)
    wanted = heard = 0
    if row is None or amount < ask.want:
        row = conn.execute(_WANT, {**where, "more": int(ask.waiting)}).one()
        if ask.waiting and not amount:
            note_once(conn, event_of(offer, "exhausted", used=int(row.granted) + others, now=now), offer.start)
            if offer.comes_back:
                wanted = int(row.wanted)
                heard = int(conn.execute(_OTHERS_HEARD, {**where, "hold": offer.hold}).scalar_one() or 0)
    frees = tuple((start, granted) for start, granted, _ in older)
    used, spent = int(row.granted) + others, int(row.spent) + before
    return Deal(amount=amount, used=used, spent=spent, frees=frees, wanted=wanted, heard=heard)


def _older(conn: Connection, offer: Offer, where: dict[str, Any]) -> list[tuple[int, int, int]]:
    """Every other slot that counts: also later ones, which a worker whose clock is behind must not overlook."""
    if offer.since >= offer.start:
        return []
    rows = conn.execute(_OLDER, {**where, "since": offer.since})
    return [(int(row.start), int(row.granted), int(row.spent)) for row in rows]


def note_soft(conn: Connection, offer: Offer, spent: int, more: int, now: int) -> None:
    """Of all workers' reports exactly one takes the sum over the bound."""
    bound = cast("int", offer.bound)
    where = {"series": offer.series, "bucket": offer.bucket, "start": offer.start}
    used = spent + sum(before for _, _, before in _older(conn, offer, where))
    if used - more < bound <= used:
        add_event(conn, event_of(offer, "soft_reached", used=used, now=now))


def note_once(conn: Connection, event: Event, since: int) -> None:
    """Told once from then on (Unix ms) of a counter, however many are refused."""
    known = select(EVENTS.c.id).where(
        EVENTS.c.project_id == event.project_id,
        EVENTS.c.name == event.name,
        EVENTS.c.bucket == event.bucket,
        EVENTS.c.kind == event.kind,
        EVENTS.c.at >= since,
    )
    if conn.execute(known.limit(1)).one_or_none() is None:
        add_event(conn, event)


def larger(project_id: str, rule: Rule, bucket: str, *, used: int, now: int) -> Event:
    """A call alone was more than the whole bound; ``used`` is what it might have needed."""
    return Event(
        id=new_id("lev"),
        project_id=project_id,
        name=rule.name,
        bucket=bucket,
        kind="larger",
        at=now,
        used=used,
        bound=rule.bound,
    )


def event_of(offer: Offer, kind: EventKind, *, used: int, now: int) -> Event:
    return Event(
        id=new_id("lev"),
        project_id=offer.project_id,
        name=offer.name,
        bucket=offer.bucket,
        kind=kind,
        at=now,
        used=used,
        bound=offer.bound or 0,
    )


def _lock_of(offer: Offer) -> int:
    """A number for PostgreSQL's advisory locks, below 2**63; two counters that share one only wait for each other."""
    return (int(offer.series[:14], 16) ^ zlib.crc32(offer.bucket.encode())) & (2**62 - 1)


# --- what there is ---


class Count(Struct, frozen=True, kw_only=True):
    """One counter as it stands; ``held`` is what workers have at hand and have not spent as far as is known."""

    series: str
    bucket: str
    start: int
    granted: int
    spent: int


def counts(conn: Connection, series: str, since: int, *, limit: int = 100) -> list[Count]:
    """A series' counters of slots that started at ``since`` or later, those with most spent first."""
    found = (
        select(COUNTERS)
        .where(COUNTERS.c.series == series, COUNTERS.c.start >= since)
        .order_by(COUNTERS.c.granted.desc(), COUNTERS.c.bucket, COUNTERS.c.start)
        .limit(limit)
    )
    return [Count(**{name: getattr(row, name) for name in Count.__struct_fields__}) for row in conn.execute(found)]
