"""The SQL of forwarding, on both databases: who holds a destination, what a round writes down, events, replay."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from posts import project

from trimtab.core.errors import Conflict, NotFound
from trimtab.governance.secrets import SecretBox
from trimtab.storage.database import Database
from trimtab.telemetry.forward import store
from trimtab.telemetry.forward.store import Event, State
from trimtab.telemetry.forward.types import Destination, Secrets

BOX = SecretBox(b"k" * 32)
TO = Destination(
    project_id="p", name="hook", kind="webhook", url="https://x.example/", content="full", filter="a", sample=0.5,
    quiet_s=3.0, root_wait_s=9.0, enabled=False, secrets=Secrets(headers={"a": "b"}, secret="s" * 16),
)  # fmt: skip


@pytest.fixture
def run(catalog_url: str, tmp_path: Path) -> Callable[[Callable[[Database], Coroutine[Any, Any, None]]], None]:
    def whole(story: Callable[[Database], Coroutine[Any, Any, None]]) -> None:
        async def body() -> None:
            db = Database.open(catalog_url)
            try:
                await db.write(project)
                await story(db)
            finally:
                await db.close()

        asyncio.run(body())

    return whole


def event(number: int, **more: Any) -> Event:
    values: dict[str, Any] = {
        "id": f"evt_{number}", "project_id": "p", "name": "hook", "state": "retry", "trace_id": "t", "at_ns": 1 << 60,
        "node": "n", "tries": 1, "next_try": number, "status": 500, "problem": "no", "first_tried": 1, "last_tried": 2,
        **more,
    }  # fmt: skip
    return Event(**values)


def test_a_destination_rests_sealed_and_comes_back_whole(run: Any) -> None:
    async def story(db: Database) -> None:
        row = store.row_of(BOX, TO, 5, 6)
        assert "ssss" not in row.sealed
        await db.write(lambda conn: store.add(conn, row))
        with pytest.raises(Conflict):
            await db.write(lambda conn: store.add(conn, row))
        [found] = await db.read(lambda conn: store.destinations(conn, "p"))
        assert found == row
        assert store.destination_of(BOX, found) == TO
        assert await db.read(lambda conn: store.destinations(conn, "other")) == []
        state = await db.read(lambda conn: store.state(conn, "p", "hook"))
        assert state == State(project_id="p", name="hook", since=5)
        await db.write(lambda conn: store.remove(conn, "p", "hook"))
        assert await db.read(store.states) == []
        with pytest.raises(NotFound):
            await db.write(lambda conn: store.remove(conn, "p", "hook"))

    run(story)


def test_a_round_is_written_down_whole_by_who_holds_it_alone(run: Any) -> None:
    async def story(db: Database) -> None:
        def take(holder: str, now: int, gone: str = "") -> Any:
            return db.write(lambda conn: store.take(conn, "p", "hook", holder, now, hold_ms=10, gone=gone))

        assert await take("a", 100)
        assert not await take("b", 109)
        assert await take("a", 109)
        assert await take("b", 109, gone="a")
        assert not await take("c", 109, gone="a")
        assert await take("c", 119)
        after = State(project_id="p", name="hook", since=0, places={"rooted": {"n": 1 << 60}}, delivered=7, tries=2)
        assert not await db.write(lambda conn: store.settle(conn, after, "b", [event(1)], []))
        assert await db.write(lambda conn: store.settle(conn, after, "c", [event(1), event(2), event(3)], []))
        state = await db.read(lambda conn: store.state(conn, "p", "hook"))
        assert state is not None
        assert (state.places, state.delivered, state.since, state.holder) == (after.places, 7, 100, "c")
        again = event(2, state="failed", tries=10)
        assert await db.write(lambda conn: store.settle(conn, after, "c", [again], ["evt_1"]))
        assert await db.read(lambda conn: store.events(conn, "p", "hook", "", 10)) == [again, event(3)]
        assert await db.read(lambda conn: store.counted(conn, "p", "hook")) == {"failed": 1, "retry": 1}
        assert await db.read(lambda conn: store.due(conn, "p", "hook", 2, 10)) == []
        assert await db.read(lambda conn: store.due(conn, "p", "hook", 3, 10)) == [event(3)]
        assert await db.write(lambda conn: store.replay(conn, "p", "hook", None, 50)) == 1
        due = await db.read(lambda conn: store.due(conn, "p", "hook", 50, 10))
        assert [(each.id, each.tries) for each in due] == [("evt_3", 1), ("evt_2", 0)]
        await db.write(lambda conn: store.drop(conn, "p", "hook", "evt_3"))
        with pytest.raises(NotFound):
            await db.write(lambda conn: store.drop(conn, "p", "hook", "evt_3"))
        await db.write(lambda conn: store.wake(conn, "p", "hook"))
        await db.write(lambda conn: store.let_go(conn, "p", "hook", "c"))
        state = await db.read(lambda conn: store.state(conn, "p", "hook"))
        assert state is not None
        assert (state.tries, state.holder, state.held_until, state.delivered) == (0, "", 0, 7)

    run(story)
