"""Counters that go up in the same transaction as the change they announce, so that other processes can notice it.

A reader compares one number instead of many tables; a writer that rolls back announces nothing. On PostgreSQL the
counter's row lock also puts the writers of one counter in a row, so a higher number never becomes visible before a
lower one.
"""

from sqlalchemy import Connection, select, text

from trimtab.storage.schema import REVISIONS

_BUMP = text(
    "INSERT INTO revisions (name, value) VALUES (:name, 1) "
    "ON CONFLICT (name) DO UPDATE SET value = revisions.value + 1 RETURNING value"
)


def bump(conn: Connection, name: str) -> int:
    """Count ``name`` up by one within this transaction; the new value."""
    return int(conn.execute(_BUMP, {"name": name}).scalar_one())


def hold(conn: Connection, name: str) -> None:
    """Wait for who counts it up now, and let nobody else until this transaction ends: what is read from here on is what
    will be changed. SQLite needs none, see `exclusive`."""
    conn.execute(select(REVISIONS.c.value).where(REVISIONS.c.name == name).with_for_update())


def current(conn: Connection, name: str) -> int:
    """The counter's value; 0 before the first `bump`."""
    return int(conn.execute(select(REVISIONS.c.value).where(REVISIONS.c.name == name)).scalar_one_or_none() or 0)


def exclusive(conn: Connection, key: int) -> None:
    """Hold a lock until this transaction ends, against every process on the same database. SQLite needs none: a write
    transaction is already the only one (``BEGIN IMMEDIATE``)."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
