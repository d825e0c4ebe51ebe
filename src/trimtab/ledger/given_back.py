"""What limits hold of something that goes on after its call: a batch counts as the most that it can come to until it is
over, and then as what it used.

A `Holding` is the place where that was counted: a counter of the slot in which the call was made. The counters that all
workers agree on are put right there (`limit_store`), in the window that was counted in; a window that is over and swept
away needs nothing. Workers tell what they have in absolute numbers of their own, which this does not touch.
"""

from collections.abc import Iterable

from msgspec import Struct
from sqlalchemy import Connection, text

from trimtab.ledger import limit_store
from trimtab.ledger.limit_store import Offer


class Holding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``amount`` of what a limit counts is held in the counter of that name. ``unpriced`` is what counts where no price
    is known: null keeps all that is held."""

    project_id: str
    limit: str
    measure: str
    series: str
    bucket: str
    start: int
    since: int
    counts_until: int
    amount: int
    bound: int
    soft: bool = False
    unpriced: int | None = None


class Correction(Struct, frozen=True):
    """What was held came to ``used``; None where nobody knows, as of a price."""

    hold: Holding
    used: int | None


_BACK = text(
    "UPDATE limit_counters SET granted = granted - :back, spent = spent + :more "
    "WHERE series = :series AND bucket = :bucket AND start = :start RETURNING granted, spent"
)


def give_back(conn: Connection, corrections: Iterable[Correction], now: int) -> None:
    """Put the counters right, in one order everywhere so that two never wait for each other. What came to more than was
    held is counted all the same."""
    every = sorted(corrections, key=lambda each: (each.hold.series, each.hold.bucket, each.hold.start))
    for each in every:
        hold = each.hold
        used = each.used if each.used is not None else hold.unpriced
        more = 0 if used is None else used - hold.amount
        if not more:
            continue
        where = {"series": hold.series, "bucket": hold.bucket, "start": hold.start}
        if more > 0 and hold.counts_until >= now:  # its maker may have died before it told of a soft one
            conn.execute(limit_store.NEW_COUNTER, {**where, "until": hold.counts_until})
        moved = {"back": 0 if hold.soft else -more, "more": more}
        row = conn.execute(_BACK, {**where, **moved}).one_or_none()
        if row is None or more < 0:
            continue
        if hold.soft:
            limit_store.note_soft(conn, _offer(hold), int(row.spent), more, now)
        elif int(row.granted) > hold.bound:
            limit_store.add_event(conn, limit_store.event_of(_offer(hold), "overdraft", used=int(row.granted), now=now))


def _offer(hold: Holding) -> Offer:
    """The counter, as what notes events of it takes it."""
    return Offer(
        hold=0,
        series=hold.series,
        bucket=hold.bucket,
        start=hold.start,
        since=hold.since,
        counts_until=hold.counts_until,
        total=0,
        spent=0,
        bound=hold.bound,
        soft=hold.soft,
        project_id=hold.project_id,
        name=hold.limit,
    )
