"""The SQL seam on both databases: transactions, concurrency, and what it says when the database is away."""

import asyncio
import stat
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from trimtab.core.errors import InvalidRequest, Unavailable, for_callers
from trimtab.storage import revision
from trimtab.storage.database import Database

T = TypeVar("T")


async def closing(db: Database, story: Coroutine[Any, Any, T]) -> T:
    try:
        return await story
    finally:
        await db.close()


def test_a_write_is_there_for_the_next_read_and_a_read_changes_nothing(catalog_url: str) -> None:
    async def story(db: Database) -> tuple[int, int]:
        await db.write(lambda conn: revision.bump(conn, "x"))
        await db.read(lambda conn: revision.bump(conn, "x"))
        return await db.read(lambda conn: revision.current(conn, "x")), await db.read(
            lambda conn: revision.current(conn, "never")
        )

    db = Database.open(catalog_url)
    assert asyncio.run(closing(db, story(db))) == (1, 0)


def test_what_is_first_used_after_a_newer_program_changed_the_schema_goes_on_with_its_process(catalog_url: str) -> None:
    def newer(conn: Connection) -> None:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    async def story(db: Database) -> int:
        another, fresh = db.another(), Database.open(catalog_url)
        try:
            await db.write(newer)
            with pytest.raises(Unavailable, match="newer"):
                await fresh.read(lambda conn: revision.current(conn, "x"))
            return await another.write(lambda conn: revision.bump(conn, "x"))
        finally:
            await another.close()
            await fresh.close()

    db = Database.open(catalog_url)
    assert asyncio.run(closing(db, story(db))) == 1


def test_a_write_that_raises_leaves_nothing_behind(catalog_url: str) -> None:
    def fail(conn: Connection) -> None:
        revision.bump(conn, "x")
        raise ZeroDivisionError

    async def story(db: Database) -> int:
        with pytest.raises(ZeroDivisionError):
            await db.write(fail)
        return await db.read(lambda conn: revision.current(conn, "x"))

    db = Database.open(catalog_url)
    assert asyncio.run(closing(db, story(db))) == 0


def test_writers_of_several_processes_never_lose_a_count(catalog_url: str) -> None:
    """Two `Database` objects share nothing but the database, as two processes do."""

    async def story() -> int:
        both = (Database.open(catalog_url), Database.open(catalog_url))
        await both[0].write(lambda conn: revision.bump(conn, "x"))
        await asyncio.gather(*(both[i % 2].write(lambda conn: revision.bump(conn, "x")) for i in range(30)))
        count = await both[0].read(lambda conn: revision.current(conn, "x"))
        for db in both:
            await db.close()
        return count

    assert asyncio.run(story()) == 31


def test_a_broken_rule_of_the_schema_is_told_as_itself(catalog_url: str) -> None:
    def twice(conn: Connection) -> None:
        for _ in range(2):
            conn.execute(text("INSERT INTO revisions (name, value) VALUES ('same', 1)"))

    async def story(db: Database) -> None:
        with pytest.raises(IntegrityError):
            await db.write(twice)

    db = Database.open(catalog_url)
    asyncio.run(closing(db, story(db)))


def test_a_mistake_in_our_sql_is_not_told_as_a_database_that_is_away(catalog_url: str) -> None:
    async def story(db: Database) -> None:
        for sql in ("SELECT * FROM no_such_table", "SELEC 1", "SELECT nope FROM revisions"):
            with pytest.raises(SQLAlchemyError):
                await db.read(lambda conn, sql=sql: conn.execute(text(sql)))

    db = Database.open(catalog_url)
    asyncio.run(closing(db, story(db)))


def test_foreign_keys_hold(catalog_url: str) -> None:
    def orphan(conn: Connection) -> None:
        conn.execute(
            text("INSERT INTO login_tokens (digest, key_id, expires) VALUES (:d, 'nobody', 1)"), {"d": b"x" * 32}
        )

    async def story(db: Database) -> None:
        with pytest.raises(IntegrityError):
            await db.write(orphan)

    db = Database.open(catalog_url)
    asyncio.run(closing(db, story(db)))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:hunter2@127.0.0.1:1/trimtab",
        "postgresql://someone:hunter2@/trimtab?host=/nonexistent/folder",
        "postgresql://someone:hunter2@no-such-host.invalid/trimtab",
        "postgresql://someone:hunter2@127.0.0.1:1/trimtab?password=hunter2",
    ],
)
def test_a_postgresql_that_is_away_is_unavailable_and_its_password_stays_unsaid(url: str) -> None:
    async def story(db: Database) -> Unavailable:
        with pytest.raises(Unavailable) as caught:
            await db.read(lambda conn: revision.current(conn, "x"))
        return caught.value

    db = Database.open(url)
    error = asyncio.run(closing(db, story(db)))
    assert error.code == "catalog_unavailable"
    assert "TRIMTAB_DATABASE_URL" in error.fix
    assert "hunter2" not in error.sentence()
    assert "someone:***@" in error.sentence()
    told = for_callers(error).sentence()
    assert "someone" not in told, "who only calls models is not told where our database is"
    assert "127.0.0.1" not in told


def test_a_sqlite_file_that_cannot_be_reached_is_unavailable_and_used_once_it_can(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("a file where the folder should be")

    async def story(db: Database) -> int:
        with pytest.raises(Unavailable):
            await db.write(lambda conn: revision.bump(conn, "x"))
        folder.unlink()
        return await db.write(lambda conn: revision.bump(conn, "x"))

    db = Database.open(f"sqlite:///{folder}/catalog.sqlite")
    assert asyncio.run(closing(db, story(db))) == 1


def test_a_new_sqlite_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    async def story(db: Database) -> None:
        await db.write(lambda conn: revision.bump(conn, "x"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
        assert modes == dict.fromkeys(("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"), 0o600)

    db = Database.open(f"sqlite:///{tmp_path}/data/catalog.sqlite")
    asyncio.run(closing(db, story(db)))
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_file_that_is_no_database_is_unavailable_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "catalog.sqlite"
    file.write_bytes(b"these are somebody's notes, long enough to be looked at as a header " * 20)

    async def story(db: Database) -> Unavailable:
        with pytest.raises(Unavailable) as caught:
            await db.read(lambda conn: revision.current(conn, "x"))
        return caught.value

    db = Database.open(f"sqlite:///{file}")
    assert "not a database" in asyncio.run(closing(db, story(db))).message
    assert file.read_bytes().startswith(b"these are somebody's notes")


@pytest.mark.postgres
def test_connections_that_the_server_cut_are_replaced(postgres: Any) -> None:
    url = postgres()
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    async def story(db: Database, other: Database) -> int:
        await asyncio.gather(*(db.read(lambda conn: conn.execute(text("SELECT pg_sleep(0.05)"))) for _ in range(3)))
        await other.read(lambda conn: conn.execute(text(cut)))
        value = await db.write(lambda conn: revision.bump(conn, "x"))
        await other.close()
        return value

    db = Database.open(url)
    assert asyncio.run(closing(db, story(db, Database.open(url)))) == 1


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/db", "sqlite://", "sqlite:///:memory:", "not a url"])
def test_other_databases_are_refused_with_an_example(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Database.open(url)
    assert caught.value.param == "TRIMTAB_DATABASE_URL"
    assert "postgresql://" in caught.value.fix
    assert "hunter2" not in caught.value.sentence()
