"""The first start."""

import asyncio

from trimtab.governance import bootstrap, store
from trimtab.governance.access import digest
from trimtab.storage.database import Database


def test_processes_that_start_together_make_one_project_and_one_admin_key(empty_catalog_url: str) -> None:
    async def story() -> tuple[list[str], int, int]:
        several = [Database.open(empty_catalog_url) for _ in range(5)]
        starts = await asyncio.gather(
            *(db.write(lambda conn: bootstrap.ensure(conn, admin_key=None, project="lab", now=5)) for db in several)
        )
        told = [start.admin_secret for start in starts if start.admin_secret]
        live = await several[0].read(store.live_keys)
        assert live[0].digest == digest(told[0])
        assert all(start.admin_key_id == live[0].id and start.project.slug == "lab" for start in starts)
        projects = await several[0].read(store.projects)
        for db in several:
            await db.close()
        return [p.slug for p in projects], len(told), len(live)

    assert asyncio.run(story()) == (["default", "lab"], 1, 1)


def test_the_secret_of_a_first_start_is_not_in_its_repr(catalog_url: str) -> None:
    async def story() -> None:
        db = Database.open(catalog_url)
        start = await db.write(lambda conn: bootstrap.ensure(conn, admin_key=None, project="default", now=5))
        await db.close()
        assert start.admin_secret
        assert start.admin_secret not in repr(start)

    asyncio.run(story())
