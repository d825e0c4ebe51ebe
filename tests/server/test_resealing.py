"""A change of the instance's key reaches every secret there is."""

import asyncio
import importlib

from sqlalchemy import insert, select

from trimtab.governance.data_key import wrap
from trimtab.governance.data_keys import DATA_KEYS
from trimtab.governance.secrets import SecretBox
from trimtab.governance.store import ProjectRow, add_project
from trimtab.server.duties.resealing import PLACES, behind, reseal
from trimtab.storage.database import Database
from trimtab.storage.schema import METADATA


def test_no_column_of_sealed_texts_is_forgotten() -> None:
    importlib.import_module("trimtab.server.wiring")  # every room declares its tables
    found = {
        (table.name, column.name)
        for table in METADATA.tables.values()
        for column in table.columns
        if column.name in ("sealed", "wrapped", "secret_sealed")
    }
    assert {(place.table.name, place.column) for place in PLACES} == found


def test_every_secret_is_sealed_with_the_newest_key_and_the_old_one_opens_until_then(catalog_url: str) -> None:
    old, new = b"o" * 32, b"n" * 32
    before, both, after = SecretBox(old), SecretBox(new, old), SecretBox(new)
    key = {"id": "k1", "project_id": "p1", "state": "active", "created": 1}
    project = ProjectRow(id="p1", slug="p1", name="", capture_content=True, created=1)
    wrapped = wrap(before, "p1", "k1", b"d" * 32)

    async def story() -> None:
        db = Database.open(catalog_url)
        try:
            await db.write(lambda conn: add_project(conn, project))
            await db.write(lambda conn: conn.execute(insert(DATA_KEYS).values(**key, wrapped=wrapped)))
            assert await db.read(lambda conn: behind(conn, both)) == 1
            assert await db.write(lambda conn: reseal(conn, both)) == 1
            assert await db.read(lambda conn: behind(conn, after)) == 0
            sealed = await db.read(lambda conn: conn.execute(select(DATA_KEYS.c.wrapped)).scalar_one())
            assert after.open(sealed, "data-key/p1/k1") == before.open(wrapped, "data-key/p1/k1")
            assert await db.write(lambda conn: reseal(conn, both)) == 0
        finally:
            await db.close()

    asyncio.run(story())
