"""A machine that has found a provider failing tells the others, through the catalog they share."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.core.clock import SystemClock
from trimtab.gateway.staying_up import advice_store
from trimtab.server.duties.advising import Advising
from trimtab.storage.database import Database

SECOND = 1_000_000_000
TARGET = ("prj_1", "lab", "up-1")
OTHER = ("prj_1", "lab", "u" * 301)


@pytest.mark.postgres
def test_what_opens_on_one_machine_is_kept_away_from_on_the_others_once(postgres: Callable[[], str]) -> None:
    url = postgres()

    async def story() -> None:
        heard: dict[str, list[tuple[tuple[str, str, str], int]]] = {"one": [], "two": []}
        one_db, two_db = Database.open(url), Database.open(url)
        try:
            one, two = (
                Advising(db, name, lambda target, until, name=name: heard[name].append((target, until)), SystemClock())
                for name, db in (("one", one_db), ("two", two_db))
            )
            began = time.time_ns()
            one.tell(TARGET, began + 600 * SECOND)
            one.tell(OTHER, began + 600 * SECOND)  # its name is longer than any that is told
            one.tell(("prj_1", "lab", "past"), began - SECOND)
            await one.turn()
            await two.turn()
            await two.turn()
            [(target, until)] = heard["two"]
            assert target == TARGET
            assert abs(until - (began + 600 * SECOND)) < 60 * SECOND
            one.tell(TARGET, began + 300 * SECOND)  # shorter than what was said: nothing new
            await one.turn()
            await two.turn()
            assert len(heard["two"]) == 1
            one.tell(TARGET, began + 900 * SECOND)
            await one.turn()
            await two.turn()
            assert [each[0] for each in heard["two"]] == [TARGET, TARGET]
            assert heard["one"] == []  # nobody hears himself
            assert len(await two_db.read(lambda conn: advice_store.hear(conn, "three"))) == 1
        finally:
            await one_db.close()
            await two_db.close()

    asyncio.run(story())


def test_a_catalog_of_one_machine_is_left_alone(tmp_path: Path) -> None:
    async def story() -> None:
        db = Database.open(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
        advising = Advising(db, "one", lambda target, until: None, SystemClock())
        advising.tell(TARGET, time.time_ns() + 600 * SECOND)
        await advising.run()  # ends at once
        await db.close()
        assert not (tmp_path / "catalog.sqlite").exists()

    asyncio.run(story())
