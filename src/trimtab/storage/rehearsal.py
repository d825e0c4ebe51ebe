"""Writing that is taken back and keeps nobody waiting: for plans, which must meet every refusal that a change would.

A SQLite file has one writer, so what is rehearsed is written into a copy in memory (a hundred MB take a fifth of a
second); only a file too large for that is written to itself, under its lock. On PostgreSQL rows are locked as they are
written; those that everybody needs (counters, ends of chains) are shadowed by temporary tables of the same name.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy import exc as sa
from sqlalchemy.pool import StaticPool

from trimtab.storage import content
from trimtab.storage.content import Seals

T = TypeVar("T")
Work = Callable[[Connection], T]

MOST_COPIED: Final = 256 << 20
"""Bytes of a SQLite file, with its log."""


def is_small(path: Path) -> bool:
    """Whether the file may be copied into memory."""
    log = path.with_name(f"{path.name}-wal")
    return path.stat().st_size + (log.stat().st_size if log.exists() else 0) <= MOST_COPIED


def in_a_copy(path: Path, work: Work[T], seals: Callable[[], Seals] | None, busy_s: float) -> T:
    """Run ``work`` on a copy in memory of a SQLite file as it is now. For a thread."""
    target = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        source = sqlite3.connect(path, timeout=busy_s)
        try:
            source.backup(target)
        except sqlite3.Error as error:  # as everywhere else, where the engine does so
            raise sa.OperationalError("backup", None, error) from error
        finally:
            source.close()
        target.execute("PRAGMA foreign_keys=ON")
        engine = create_engine("sqlite://", creator=lambda: target, poolclass=StaticPool)
        event.listen(engine, "begin", _begin)
        if seals is not None:
            content.give(engine.dialect, seals)
        with engine.connect() as conn, conn.begin() as transaction:
            value = work(conn)
            transaction.rollback()
            return value
    finally:
        target.close()


def _begin(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN")


def shadow(conn: Connection, tables: Sequence[str]) -> None:
    """Put a temporary copy of each of these before it, for this transaction of PostgreSQL; where temporary tables are
    not allowed, nothing: then their rows are locked for a while."""
    if not conn.execute(text("SELECT has_database_privilege(current_database(), 'TEMP')")).scalar_one():
        return
    for name in tables:
        quoted: Any = conn.dialect.identifier_preparer.quote(name)
        conn.execute(text(f"CREATE TEMP TABLE {quoted} (LIKE {quoted} INCLUDING ALL) ON COMMIT DROP"))
        source = conn.execute(text("SELECT current_schema()")).scalar_one()
        own = conn.dialect.identifier_preparer.quote(str(source))
        conn.execute(text(f"INSERT INTO pg_temp.{quoted} SELECT * FROM {own}.{quoted}"))  # noqa: S608  our own names
