"""The data folders of all servers on one catalog: what lies in one, only its own server can reach.

A folder is known by its own id and heard of while its server runs. Times are the catalog's own, so that machines'
clocks need not agree. Only a PostgreSQL catalog is shared by several machines; on SQLite nobody calls this.
"""

from sqlalchemy import Connection, text

FORGOTTEN_MS = 30 * 86_400_000
"""A folder that was not heard of for so long is nobody's any more."""
_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
_TELL = text(
    f"INSERT INTO folders (id, seen) VALUES (:id, {_NOW}) ON CONFLICT (id) DO UPDATE SET seen = excluded.seen"  # noqa: S608
)
_FORGET = text(f"DELETE FROM folders WHERE seen < {_NOW} - :most")  # noqa: S608  our own words only
_SILENT = text(f"SELECT id, {_NOW} - seen FROM folders ORDER BY id")  # noqa: S608  our own words only


def tell(conn: Connection, folder: str) -> None:
    """Its server is there."""
    conn.execute(_TELL, {"id": folder})
    conn.execute(_FORGET, {"most": FORGOTTEN_MS})


def silent(conn: Connection) -> dict[str, int]:
    """Every folder, and for how long (ms) it was not heard of."""
    return {row[0]: max(0, int(row[1])) for row in conn.execute(_SILENT)}
