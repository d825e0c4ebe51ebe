"""Events of limits where each user has a count of its own: asked about with each refusal, and not kept for ever."""

from lending import START_NS, Memory
from sqlalchemy import text

from trimtab.core.ids import uuid7_hex
from trimtab.ledger import limit_store
from trimtab.ledger.limit_store import EVENTS_KEPT_MS, Event

NOW = START_NS // 1_000_000


def event(at: int, bucket: str = "") -> Event:
    made = f"lev_{uuid7_hex(at * 1_000_000)}"
    return Event(
        id=made, project_id="prj_1", name="fair", bucket=bucket, kind="exhausted", at=at, used=1, bound=1
    )  # fmt: skip


def test_events_of_long_ago_are_cleared_away_with_old_counters() -> None:
    catalog = Memory()
    for at in (NOW, NOW - EVENTS_KEPT_MS + 1, NOW - EVENTS_KEPT_MS - 1, NOW - 2 * EVENTS_KEPT_MS):
        catalog.look(lambda conn, at=at: limit_store.add_event(conn, event(at)))
    assert catalog.look(lambda conn: limit_store.sweep(conn, NOW)) == 2
    left = catalog.look(lambda conn: limit_store.events(conn, "prj_1"))
    assert [each.at for each in left] == [NOW, NOW - EVENTS_KEPT_MS + 1]


def test_so_many_are_cleared_away_at_a_time_the_oldest_first() -> None:
    catalog, old = Memory(), NOW - 2 * EVENTS_KEPT_MS
    for number in range(5):
        catalog.look(lambda conn, at=old + number: limit_store.add_event(conn, event(at)))
    assert catalog.look(lambda conn: limit_store.sweep(conn, NOW, at_once=3)) == 3
    assert [each.at - old for each in catalog.look(lambda conn: limit_store.events(conn, "prj_1"))] == [4, 3]


def test_whether_one_of_a_counter_is_told_is_looked_up_by_that_counter() -> None:
    """A refusal read each event of the project, 75 ms for half a million, while nobody else could write."""
    asked = (
        "SELECT id FROM limit_events WHERE project_id = 'p' AND name = 'n' AND bucket = 'b' AND kind = 'k' AND at >= 1"
    )
    plan = Memory().look(lambda conn: [str(row.detail) for row in conn.execute(text(f"EXPLAIN QUERY PLAN {asked}"))])
    assert "ix_limit_events_counter" in plan[0]
    assert "at>?" in plan[0]
