"""One leads, on SQLite and PostgreSQL alike; who dies or leaves is followed."""

import asyncio

from trimtab.storage import leaders
from trimtab.storage.database import Database

HOLD = 10_000


def test_one_leads_until_it_leaves_or_is_not_heard_of(catalog_url: str) -> None:
    async def story() -> None:
        db = Database.open(catalog_url)
        try:

            async def leads(who: str, now: int) -> bool:
                return await db.write(lambda conn: leaders.lead(conn, "rollouts", who, now, HOLD))

            both = await asyncio.gather(leads("a", 1000), leads("b", 1000))
            assert sorted(both) == [False, True]
            first, second = ("a", "b") if both[0] else ("b", "a")
            assert await leads(first, 5000), "it renews"
            assert not await leads(second, 5000 + HOLD - 1)
            assert await leads(second, 5000 + HOLD), "its time is over"
            assert not await leads(first, 5000 + HOLD + 1)
            await db.write(lambda conn: leaders.leave(conn, "rollouts", first))
            assert not await leads(first, 5000 + HOLD + 2), "nobody leaves for another"
            await db.write(lambda conn: leaders.leave(conn, "rollouts", second))
            assert await leads(first, 5000 + HOLD + 3)
            assert await db.write(lambda conn: leaders.lead(conn, "other", second, 1000, HOLD))
        finally:
            await db.close()

    asyncio.run(story())


def test_who_led_before_the_clock_was_set_back_keeps_nobody_waiting(catalog_url: str) -> None:
    async def story() -> None:
        db, now, day = Database.open(catalog_url), 100 * 86_400_000, 86_400_000
        try:

            async def leads(who: str, at: int) -> bool:
                return await db.write(lambda conn: leaders.lead(conn, "rollouts", who, at, HOLD))

            assert await leads("dead", now + day)
            assert await leads("a", now)
            assert not await leads("b", now - 1), "who looked a moment earlier takes it from nobody"
        finally:
            await db.close()

    asyncio.run(story())


def test_the_time_is_the_catalogs_where_machines_share_it(catalog_url: str) -> None:
    async def story() -> None:
        db = Database.open(catalog_url)
        try:
            told = await db.read(lambda conn: leaders.now_ms(conn, 5))
            assert (told == 5) == (db.dialect == "sqlite")
            assert db.dialect == "sqlite" or told > 1_700_000_000_000
        finally:
            await db.close()

    asyncio.run(story())
