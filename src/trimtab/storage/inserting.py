"""An INSERT that says what happens where the row is there already, as the catalog at hand writes it."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_into(conn: Connection, table: Table) -> "postgresql.Insert | sqlite.Insert":
    """Has ``on_conflict_do_nothing`` and ``on_conflict_do_update``. PostgreSQL's dialect takes 70 ms of a processor to
    import, which a server on SQLite spares at its start."""
    if conn.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert
    return insert(table)
