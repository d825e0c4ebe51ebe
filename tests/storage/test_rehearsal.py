"""What is rehearsed leaves nothing behind, and keeps no writer waiting."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy import exc as sa

from catalogs import laid
from patience import PATIENCE_S
from trimtab.storage import rehearsal
from trimtab.storage.database import READERS, Database
from trimtab.storage.revision import bump, current
from trimtab.storage.schema import REVISIONS


def rehearsed(url: str, inside: threading.Event, written: threading.Event) -> tuple[int, bool]:
    """Count up in a rehearsal that goes on until somebody else has written: the count it saw, and whether they had."""

    def work(conn: Connection) -> tuple[int, bool]:
        seen = bump(conn, "things")
        inside.set()
        return seen, written.wait(PATIENCE_S)

    async def story() -> tuple[int, bool]:
        db = Database.open(url)
        try:
            return await db.rehearse(work, (REVISIONS.name,))
        finally:
            await db.close()

    return asyncio.run(story())


def test_others_write_while_something_is_rehearsed_and_nothing_of_it_stays(catalog_url: str) -> None:
    inside, written = threading.Event(), threading.Event()
    found: list[tuple[int, bool]] = []
    thread = threading.Thread(target=lambda: found.append(rehearsed(catalog_url, inside, written)))

    async def story() -> int:
        db = Database.open(catalog_url)
        try:
            await db.write(lambda conn: bump(conn, "things"))
            thread.start()
            assert await asyncio.to_thread(inside.wait, PATIENCE_S)
            await db.write(lambda conn: bump(conn, "things"))
            written.set()
            await asyncio.to_thread(thread.join, PATIENCE_S)
            return await db.read(lambda conn: current(conn, "things"))
        finally:
            written.set()
            await db.close()

    assert asyncio.run(story()) == 2
    assert found == [(2, True)]


def test_a_file_too_large_to_copy_is_written_to_and_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "MOST_COPIED", 0)

    async def story() -> tuple[int, int]:
        db = Database.open(f"sqlite:///{tmp_path / 'catalog.sqlite'}")
        try:
            await db.write(lambda conn: bump(conn, "things"))
            seen = await db.rehearse(lambda conn: bump(conn, "things"))
            return seen, await db.read(lambda conn: current(conn, "things"))
        finally:
            await db.close()

    assert asyncio.run(story()) == (2, 1)


def test_a_rehearsal_meets_the_rules_of_the_tables(catalog_url: str) -> None:
    """Keys to other tables hold in it, too."""

    async def story() -> str:
        db = Database.open(catalog_url)
        orphan = "INSERT INTO managed VALUES ('none', 'model', 'x', 'main', 'f', :made, 'a', 1)"
        try:
            await db.rehearse(lambda conn: conn.execute(text(orphan), {"made": True}))
        except Exception as error:  # noqa: BLE001  each database has a class of its own
            return type(error).__name__
        finally:
            await db.close()
        return ""

    assert asyncio.run(story()) == "IntegrityError"


def test_rehearsals_leave_the_readers_to_those_who_read_and_tell_of_a_file_that_is_none(tmp_path: Path) -> None:
    busy = 2 * READERS
    inside, done = threading.Event(), threading.Event()

    def long(_: Connection) -> bool:
        inside.set()
        return done.wait(PATIENCE_S)

    async def story() -> None:
        db = Database.open(laid(tmp_path))
        plans = [asyncio.ensure_future(db.rehearse(long)) for _ in range(busy)]
        await asyncio.to_thread(inside.wait, PATIENCE_S)
        assert await db.read(lambda conn: current(conn, "things")) == 0
        done.set()
        assert await asyncio.gather(*plans) == [True] * busy
        await db.close()

    asyncio.run(story())
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database" * 1000)
    with pytest.raises(sa.OperationalError):
        rehearsal.in_a_copy(broken, lambda _: None, None, 1.0)
