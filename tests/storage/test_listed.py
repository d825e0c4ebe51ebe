"""Lists of names in one statement, on both databases, of any length and of odd names."""

import asyncio

from sqlalchemy import Connection, select

from trimtab.governance.people_store import PEOPLE, PersonRow, add_person
from trimtab.storage.database import Database
from trimtab.storage.listed import among, listed

ODD = ["plain", "", "it's", 'a "quoted" one', "back\\slash", "naïve 例 🙂", "50%_", "line\nbreak", "a,b", "null", "1"]


def test_names_come_back_as_they_are(catalog_url: str) -> None:
    async def story() -> None:
        db = Database.open(catalog_url)

        def work(conn: Connection) -> list[str]:
            return list(conn.execute(listed(conn, ODD)).scalars())

        assert sorted(await db.read(work)) == sorted(ODD)
        assert await db.read(lambda conn: list(conn.execute(listed(conn, [])).scalars())) == []
        await db.close()

    asyncio.run(story())


def test_more_names_than_a_statement_has_parameters(catalog_url: str) -> None:
    async def story() -> None:
        db = Database.open(catalog_url)

        def fill(conn: Connection) -> None:
            for own in ("usr_1", "usr_2", "usr_3"):
                row = PersonRow(id=own, kind="person", name=own, email=None, project_id=None, created=1)
                add_person(conn, row)

        def work(conn: Connection) -> list[str]:
            names = [*(f"nobody_{at}" for at in range(70_000)), "usr_3", "usr_1"]
            return list(conn.execute(select(PEOPLE.c.id).where(among(conn, PEOPLE.c.id, names))).scalars())

        await db.write(fill)
        assert sorted(await db.read(work)) == ["usr_1", "usr_3"]
        await db.close()

    asyncio.run(story())
