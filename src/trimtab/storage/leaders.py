"""Of all processes on one catalog, one that leads: it holds a name in the catalog for a while and renews that while it
lives. One that died, or cannot reach the catalog, loses it when the time is over; one that ends gives it back at once.

Times are the catalog's own where several machines share it, so that their clocks need not agree. For a moment two may
believe that they lead (one was stopped for longer than its hold): what a leader writes must bear that.
"""

from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from trimtab.storage.schema import LEADERS
from trimtab.storage.turns import SKEW_MS


def now_ms(conn: Connection, own: int) -> int:
    """Unix ms by the catalog's clock; ``own``, this machine's, where the catalog is a file on it."""
    if conn.dialect.name == "postgresql":
        return int(
            conn.execute(text("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)")).scalar_one()
        )
    return own


def lead(conn: Connection, name: str, holder: str, now: int, hold_ms: int) -> bool:
    """Whether ``holder`` leads from ``now`` on, for ``hold_ms`` at least. ``now`` is of `now_ms`. Whose time lies
    far ahead of now led before the clock was set back, and keeps nobody waiting."""
    until = LEADERS.c.held_until
    free = (until <= now) | (until > now + hold_ms + SKEW_MS) | (LEADERS.c.holder == holder)
    taken = update(LEADERS).where(LEADERS.c.name == name, free).values(holder=holder, held_until=now + hold_ms)
    if conn.execute(taken).rowcount == 1:
        return True
    if conn.execute(select(LEADERS.c.name).where(LEADERS.c.name == name)).one_or_none() is not None:
        return False
    try:
        with conn.begin_nested():
            conn.execute(insert(LEADERS).values(name=name, holder=holder, held_until=now + hold_ms))
    except IntegrityError:  # another was quicker
        return False
    return True


def leave(conn: Connection, name: str, holder: str) -> None:
    """Lead no more, if this one did."""
    conn.execute(delete(LEADERS).where(LEADERS.c.name == name, LEADERS.c.holder == holder))
