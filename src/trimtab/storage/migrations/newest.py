"""A new catalog at once: every statement of the newest revision, written down for each kind of database.

``newest_sqlite.sql`` and ``newest_postgresql.sql`` are made from what the rooms declare (`scripts/catalog_sql.py`), and
a test holds them equal to that. To run them needs neither the rooms nor Alembic: a supervisor of workers has imported
neither. A file of another revision than the newest is not used: the catalog is then led through its history.
"""

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.schema import CreateIndex, CreateTable

from trimtab.storage.schema import METADATA

KINDS: Final = ("sqlite", "postgresql")
_HEAD: Final = "-- revision "
_BETWEEN: Final = ";\n\n"


def path_of(kind: str) -> Path:
    return Path(__file__).with_name(f"newest_{kind}.sql")


def make(conn: Connection, revision: str) -> bool:
    """Make every table of ``revision`` in an empty database, in the connection's own transaction. False, and nothing is
    done, where none is written down for that revision and this kind of database."""
    try:
        script = path_of(conn.dialect.name).read_text()
    except FileNotFoundError:
        return False
    head, _, statements = script.partition("\n")
    if head != f"{_HEAD}{revision}":
        return False
    first, *others = statements.split(_BETWEEN)
    conn.exec_driver_sql(first)  # begins the transaction where the driver has not yet
    if conn.dialect.name == "postgresql":
        driver: Any = conn.connection.dbapi_connection

        def send(raw: Any) -> Any:
            return raw.execute(_BETWEEN.join(others))

        driver.run_async(send)  # in one message, where each took a way there and back
    else:
        for statement in others:
            conn.exec_driver_sql(statement)
    return True


def written(kind: str, revision: str) -> str:
    """The file's text for that kind of database, of all tables that are declared by now."""
    dialect = _dialect(kind)
    if kind == "postgresql":
        _limit_indexes()
    made: list[str] = []
    for table in METADATA.sorted_tables:
        made.append(str(CreateTable(table).compile(dialect=dialect)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        made += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
    # Alembic's own table, with its one row (https://alembic.sqlalchemy.org: alembic_version).
    name = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
    made.append(f"{name} CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))")
    made.append(f"INSERT INTO alembic_version (version_num) VALUES ('{revision}')")  # noqa: S608  our own number
    lines = ("\n".join(map(str.rstrip, each.strip().splitlines())) for each in made)
    return f"{_HEAD}{revision}\n{_BETWEEN.join(lines)}\n"


def _dialect(kind: str) -> Any:
    if kind == "postgresql":
        from sqlalchemy.dialects.postgresql import asyncpg

        return asyncpg.dialect()
    from sqlalchemy.dialects.sqlite import pysqlite

    return pysqlite.dialect()


def _limit_indexes() -> None:
    """Let indexes of some rows alone be so on PostgreSQL as well. Tables say ``sqlite_where`` only: to say it for
    PostgreSQL imports its dialect, which takes each process of a server on SQLite 70 ms."""
    for table in METADATA.tables.values():
        for index in table.indexes:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
