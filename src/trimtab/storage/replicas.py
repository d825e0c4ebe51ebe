"""Who serves from this catalog now, and which configuration each has in force: how a change made by one server knows
that all others have it. Times are the database's own, so that machines' clocks need not agree.

Only a PostgreSQL catalog is shared by several machines; on SQLite nobody calls this (workers have the bus).
"""

from sqlalchemy import Connection, text

ALIVE_MS = 12_000
"""Who has not been heard of for so long is taken for dead: it lost its machine, or its way to the catalog."""
_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
_TELL = text(
    f"INSERT INTO replicas (id, revision, seen) VALUES (:id, :revision, {_NOW}) "  # noqa: S608 - our own words only
    "ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, seen = excluded.seen"
)
_BEHIND = text(
    f"SELECT count(*) FROM replicas WHERE revision < :revision AND id <> :id AND seen > {_NOW} - :alive"  # noqa: S608
)
_ALIVE = text(f"SELECT count(*) FROM replicas WHERE seen > {_NOW} - :alive")  # noqa: S608
_LEAVE = text(f"DELETE FROM replicas WHERE id = :id OR seen < {_NOW} - 3600000")  # noqa: S608


def tell(conn: Connection, name: str, revision: int) -> None:
    """The process of that name is there and has that revision in force."""
    conn.execute(_TELL, {"id": name, "revision": revision})


def behind(conn: Connection, name: str, revision: int) -> int:
    """How many others are there and have an older revision in force."""
    return int(conn.execute(_BEHIND, {"id": name, "revision": revision, "alive": ALIVE_MS}).scalar_one())


def alive(conn: Connection) -> int:
    """How many are there now."""
    return int(conn.execute(_ALIVE, {"alive": ALIVE_MS}).scalar_one())


def leave(conn: Connection, name: str) -> None:
    """The process ends; whoever ended without a word an hour ago and more is forgotten with it."""
    conn.execute(_LEAVE, {"id": name})
