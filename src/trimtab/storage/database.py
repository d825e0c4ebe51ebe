"""The SQL seam: plain synchronous functions of a `Connection`, run on SQLite or PostgreSQL, each in one transaction.

SQLite runs the synchronous engine in a few threads (five times cheaper per read than an asynchronous driver) with WAL
and one writer at a time; PostgreSQL runs asyncpg and gives the function its connection through ``run_sync``. Nothing is
connected until the first use, so a server may start while its database is away, and recovers when it comes back.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy import exc as sa
from sqlalchemy.pool import NullPool, QueuePool

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.storage import content, migrations, rehearsal
from trimtab.storage.content import Seals

T = TypeVar("T")
Work = Callable[[Connection], T]

READERS = 4
"""Threads, and so connections, that read a SQLite file at once."""
BUSY_S = 5.0
"""How long a SQLite writer waits for another process's, and how long PostgreSQL may take to accept a connection."""
STATEMENT_S = 30.0

# The words with which SQLite says that our SQL is wrong; it uses the same error class for a file that is away.
_OUR_FAULT = ("no such", "near ", "ambiguous column", "incomplete input", "table ", "index ", "duplicate column")
# PostgreSQL's classes (https://www.postgresql.org/docs/current/errcodes-appendix.html) of "not now, or not here":
# connection, authorisation, no such database, insufficient resources, operator intervention, system error.
_AWAY_STATES = ("08", "28", "3D", "53", "57", "58")


class _Lane(Protocol):
    async def run(self, work: Work[T], *, write: bool) -> T: ...
    async def rehearse(self, work: Work[T], shadowed: Sequence[str]) -> T: ...
    async def settle(self) -> bool: ...
    async def close(self) -> None: ...


class Database:
    """One catalog database. Make it with `open`; `read` and `write` run a function in a transaction of its own."""

    def __init__(
        self, url: URL, lane: _Lane, create: "Work[None] | None" = None, first: "Database | None" = None
    ) -> None:
        self._url = url
        self._first = first
        self._lane = lane
        self._create = create
        self._prepared = False
        self._preparing = asyncio.Lock()
        self.dialect = url.get_backend_name()
        said = url.difference_update_query([name for name in url.query if "password" in name.lower()])
        self.place = said.render_as_string(hide_password=True)
        """Where it is, without its password: for messages and logs."""

    @classmethod
    def open(cls, url: str, seals: Callable[[], Seals] | None = None) -> "Database":
        """A database at ``sqlite:///file`` or ``postgresql://user:password@host/name``. Connects to nothing yet.
        ``seals`` is what columns of content are sealed with and opened by (`content.py`).

        Raises `InvalidRequest` for a URL that is neither.
        """
        parsed = _parse(url)
        return cls(parsed, _lane(parsed, seals))

    @classmethod
    def beside(cls, file: Path, create: Work[None]) -> "Database":
        """A SQLite file of its own for what need not survive a power cut, as a cache: its commits do not wait for the
        disk, and survive the death of any process. ``create`` makes its tables where they are not there yet."""
        url = URL.create("sqlite", database=str(file))
        return cls(url, _SqliteLane(url, waits_for_disk=False), create)

    def another(self) -> "Database":
        """The same database by connections of its own, without what opens columns of content. Its schema is seen to
        here: once a newer program has changed it, who asks first would be refused, and this process served on."""
        return Database(self._url, _lane(self._url, None), first=self)

    async def prepare(self) -> None:
        """Bring the schema up to date, once per process; one process at a time does it. Raises `Unavailable`."""
        if self._prepared:
            return
        if self._first is not None:
            await self._first.prepare()
            self._prepared = True
            return
        async with self._preparing:
            if not self._prepared:
                if self._create is not None:
                    await self._guarded(self._create, write=True)
                elif not await self._guarded(migrations.is_current, write=False):
                    await self._guarded(migrations.upgrade, write=True)
                self._prepared = True

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction that is rolled back. Raises `Unavailable` when the database is away."""
        await self.prepare()
        return await self._guarded(work, write=False)

    async def look(self, work: Work[T]) -> T:
        """`read` on the schema as it is: nothing is migrated, so ``work`` must not count on any table."""
        return await self._guarded(work, write=False)

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction that commits unless it raises. Raises `Unavailable` as `read` does."""
        await self.prepare()
        return await self._guarded(work, write=True)

    async def rehearse(self, work: Work[T], shadowed: Sequence[str] = ()) -> T:
        """Run ``work``, which may write, in a transaction that is rolled back, and keep no writer waiting meanwhile:
        see `rehearsal.py`. ``shadowed`` are tables whose rows everybody needs. Raises `Unavailable` as `read` does."""
        await self.prepare()
        try:
            return await self._lane.rehearse(work, shadowed)
        except (sa.SQLAlchemyError, OSError, TimeoutError) as error:
            raise self._explain(error) from error

    async def settle(self) -> bool:
        """Write what a SQLite file's log holds into the file and empty the log, so that nothing deleted lies in it;
        False while somebody still reads it. PostgreSQL cleans up by its own vacuum."""
        return await self._lane.settle()

    async def close(self) -> None:
        await self._lane.close()

    async def _guarded(self, work: Work[T], *, write: bool) -> T:
        try:
            return await self._lane.run(work, write=write)
        except (sa.SQLAlchemyError, OSError, TimeoutError) as error:
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> Exception:
        if isinstance(error, sa.IntegrityError) or not _is_away(error):
            return error
        away = Unavailable(
            f"The catalog database at {self.place} cannot be used now: {_cause(error)}.",
            fix="See that it runs, can be reached and has space, and that TRIMTAB_DATABASE_URL is right; "
            "calls go on meanwhile with the last known configuration.",
            code="catalog_unavailable",
            retry_after_s=2.0,
        )
        away.outside = "This server cannot use its catalog now."
        return away


def _parse(url: str) -> URL:
    example = "Use sqlite:////var/lib/trimtab/catalog.sqlite or postgresql://user:password@host:5432/trimtab."
    try:
        parsed = make_url(url)
    except sa.ArgumentError as error:
        raise InvalidRequest("The database URL cannot be read.", fix=example, param="TRIMTAB_DATABASE_URL") from error
    backend = parsed.drivername.partition("+")[0]
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+asyncpg")
    if backend == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return parsed.set(drivername="sqlite")
    raise InvalidRequest(
        f"{parsed.render_as_string(hide_password=True)!r} is not a database that can be used here.",
        fix=example,
        param="TRIMTAB_DATABASE_URL",
    )


def _lane(url: URL, seals: Callable[[], Seals] | None) -> _Lane:
    return _PostgresLane(url, seals) if url.get_backend_name() == "postgresql" else _SqliteLane(url, seals)


class _SqliteLane:
    """A file. One thread writes, a few read; other processes' writers are waited for."""

    def __init__(self, url: URL, seals: Callable[[], Seals] | None = None, *, waits_for_disk: bool = True) -> None:
        self._path = Path(url.database or "")
        self._seals = seals
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="catalog-read")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="catalog-write")
        self._rehearser = ThreadPoolExecutor(1, thread_name_prefix="catalog-rehearse")  # one copy in memory at a time
        self._engine: Engine = create_engine(
            url,
            poolclass=QueuePool,
            pool_size=READERS + 1,
            max_overflow=0,
            connect_args={"check_same_thread": False, "timeout": BUSY_S},
        )
        event.listen(self._engine, "connect", _on_sqlite_connect if waits_for_disk else _on_side_connect)
        event.listen(self._engine, "begin", _on_sqlite_begin)
        if seals is not None:
            content.give(self._engine.dialect, seals)

    async def run(self, work: Work[T], *, write: bool) -> T:
        pool = self._writer if write else self._readers
        return await asyncio.get_running_loop().run_in_executor(pool, self._transact, work, write)

    def _transact(self, work: Work[T], write: bool) -> T:
        if not self._path.exists():
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._path.touch(mode=0o600)  # SQLite gives its -wal and -shm files the mode of this one
        with self._engine.connect().execution_options(write=write) as conn, conn.begin() as transaction:
            value = work(conn)
            if not write:
                transaction.rollback()
            return value

    async def rehearse(self, work: Work[T], shadowed: Sequence[str]) -> T:  # noqa: ARG002  a copy needs no shadows
        loop = asyncio.get_running_loop()
        if self._path.exists() and rehearsal.is_small(self._path):
            return await loop.run_in_executor(
                self._rehearser, rehearsal.in_a_copy, self._path, work, self._seals, BUSY_S
            )
        return await loop.run_in_executor(self._writer, self._taken_back, work)

    def _taken_back(self, work: Work[T]) -> T:
        with self._engine.connect().execution_options(write=True) as conn, conn.begin() as transaction:
            value = work(conn)
            transaction.rollback()
            return value

    async def settle(self) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._empty_log)

    def _empty_log(self) -> bool:
        if not self._path.exists():
            return True
        db = sqlite3.connect(self._path, isolation_level=None, timeout=BUSY_S)
        try:
            return not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            db.close()

    async def close(self) -> None:
        self._readers.shutdown(wait=True)
        self._writer.shutdown(wait=True)
        self._rehearser.shutdown(wait=True)
        self._engine.dispose()


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    # The driver's own transaction control is switched off (isolation_level None): ours begins them, see below.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY_S * 1000)}")
    _begin_wal(cursor)
    # What is deleted is overwritten, too, so that an erasure can be shown in the file.
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_side_connect(connection: Any, record: object) -> None:
    _on_sqlite_connect(connection, record)
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_wal(cursor: Any) -> None:
    """Switch to the write-ahead log. On a new file that several processes open at once SQLite answers "locked" here
    without waiting (the busy timeout does not hold for the switch), so the waiting is ours."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _on_sqlite_begin(conn: Connection) -> None:
    # A transaction that reads first and writes later can fail at the upgrade of its lock; a writer takes it at once.
    conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get("write") else "BEGIN")


class _PostgresLane:
    """A server, through asyncpg. The engine is imported and made when first used."""

    def __init__(self, url: URL, seals: Callable[[], Seals] | None = None) -> None:
        self._url = url
        self._seals = seals
        self._engine: Any = None

    async def run(self, work: Work[T], *, write: bool) -> T:
        if self._engine is None:
            self._engine = self._make()
        async with self._engine.connect() as conn, conn.begin() as transaction:
            value: T = await conn.run_sync(work)
            if not write:
                await transaction.rollback()
            return value

    async def rehearse(self, work: Work[T], shadowed: Sequence[str]) -> T:
        """On a connection of its own: statements that others prepared would go past the shadows."""
        from sqlalchemy.ext.asyncio import create_async_engine

        limits = {"timeout": BUSY_S, "command_timeout": STATEMENT_S}
        engine = create_async_engine(self._url, poolclass=NullPool, connect_args=limits)
        if self._seals is not None:
            content.give(engine.sync_engine.dialect, self._seals)
        try:
            async with engine.connect() as conn, conn.begin() as transaction:
                await conn.run_sync(rehearsal.shadow, shadowed)
                value: T = await conn.run_sync(work)
                await transaction.rollback()
                return value
        finally:
            await engine.dispose()

    def _make(self) -> Any:
        from sqlalchemy.ext.asyncio import create_async_engine

        engine = create_async_engine(
            self._url,
            pool_size=READERS + 1,
            max_overflow=READERS,
            pool_timeout=BUSY_S,
            pool_pre_ping=True,
            connect_args={"timeout": BUSY_S, "command_timeout": STATEMENT_S},
        )
        if self._seals is not None:
            content.give(engine.sync_engine.dialect, self._seals)
        return engine

    async def settle(self) -> bool:
        return True

    async def close(self) -> None:
        if self._engine is not None:
            await self._engine.dispose()


def _is_away(error: Exception) -> bool:
    if isinstance(error, OSError | TimeoutError | sa.TimeoutError):
        return True
    if not isinstance(error, sa.DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if isinstance(state, str):
        return state[:2] in _AWAY_STATES
    if isinstance(error, sa.InterfaceError):
        return True
    words = str(error.orig).lower()
    return isinstance(error, sa.OperationalError | sa.DatabaseError) and not words.startswith(_OUR_FAULT)


def _cause(error: Exception) -> str:
    """The driver's first line, which names no secret: SQLAlchemy's own text would repeat statement and parameters."""
    origin = error.orig if isinstance(error, sa.DBAPIError) and error.orig is not None else error
    if isinstance(origin, OSError) and origin.strerror and not isinstance(origin, TimeoutError):
        return os.strerror(origin.errno) if origin.errno else origin.strerror
    first = str(origin).strip().splitlines()
    text = first[0] if first else type(origin).__name__
    return text.rpartition(">: ")[2] if text.startswith("<class") else text
