"""A catalog that was filled before revisions were kept: all that was there is at the first, and is edited from it."""

import asyncio
from pathlib import Path

from house import House, make_house
from sqlalchemy import Connection, text
from things import THINGS, furnished, made, revision_of

BEFORE = "0036"


def without_revisions(conn: Connection) -> None:
    """The catalog as revision 36 had it, with the rows that are in it."""
    conn.execute(text("DROP TABLE edits"))
    conn.execute(text("ALTER TABLE responses DROP COLUMN booked_by"))
    off = "INSERT INTO detectors_off (project_id, detector, updated) SELECT id, '\\:text_index', 1 FROM projects"
    conn.execute(text(f"{off} WHERE NOT index_texts"))
    conn.execute(text("ALTER TABLE projects DROP COLUMN index_texts"))
    conn.execute(text("ALTER TABLE prices DROP COLUMN tier"))
    conn.execute(text("DROP TABLE key_uses"))
    conn.execute(text("DROP TABLE batches"))
    conn.execute(text("DROP INDEX ix_limit_events_counter"))
    for table in ("erasure_folders", "folders"):
        conn.execute(text(f"DROP TABLE {table}"))
    for column in ("replaces", "counts_as", "aliases"):
        conn.execute(text(f"ALTER TABLE keys DROP COLUMN {column}"))
    conn.execute(text("UPDATE alembic_version SET version_num = :before"), {"before": BEFORE})


async def fill(url: str, folder: Path) -> None:
    house = await make_house(folder, url=url)
    try:
        await furnished(house)
        for thing in THINGS:
            await made(house, thing)
            if thing.stays:
                answer = await house.admin.request(thing.verb, thing.at, json=thing.one)
                assert answer.status_code == 200, answer.text
        answer = await house.admin.put("/api/v1/projects/default/search/text-index", json={"on": False})
        assert answer.status_code == 200, answer.text
        await house.db.write(without_revisions)
    finally:
        await house.close()


async def edit(house: House) -> None:
    on = await house.admin.get("/api/v1/projects/default/search/text-index")
    assert on.json() == {"on": False}
    for thing in THINGS:
        assert await revision_of(house, thing) == 1, thing.name
        for body, expected, status in ((thing.other, 1, 200), (thing.one, 1, 409), (thing.one, 2, 200)):
            answer = await house.admin.request(thing.verb, thing.at, json={**body, "expected_revision": expected})
            assert answer.status_code == status, (thing.name, answer.text)
        assert await revision_of(house, thing) == 3, thing.name


def test_what_was_there_before_revisions_were_kept_is_edited_from_the_first(catalog_url: str, tmp_path: Path) -> None:
    asyncio.run(fill(catalog_url, tmp_path / "data"))

    async def story() -> None:
        house = await make_house(tmp_path / "data", url=catalog_url)  # the first question migrates
        try:
            await edit(house)
        finally:
            await house.close()

    asyncio.run(story())
