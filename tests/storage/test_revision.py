"""Counters that announce changes."""

import asyncio

from trimtab.storage import revision
from trimtab.storage.database import Database


def test_a_counter_counts_up_by_one_and_each_name_has_its_own(catalog_url: str) -> None:
    async def story() -> list[int]:
        db = Database.open(catalog_url)
        seen = [await db.write(lambda conn: revision.bump(conn, "a")) for _ in range(3)]
        seen.append(await db.write(lambda conn: revision.bump(conn, "b")))
        await db.close()
        return seen

    assert asyncio.run(story()) == [1, 2, 3, 1]


def test_the_first_bumps_of_a_name_race_and_none_is_lost(catalog_url: str) -> None:
    async def story() -> list[int]:
        several = [Database.open(catalog_url) for _ in range(4)]
        for db in several:
            await db.prepare()
        seen = await asyncio.gather(*(db.write(lambda conn: revision.bump(conn, "new")) for db in several))
        for db in several:
            await db.close()
        return sorted(seen)

    assert asyncio.run(story()) == [1, 2, 3, 4]
