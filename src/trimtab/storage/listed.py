"""Many names in one statement: a list goes to the database as one JSON text, whatever its length.

An ``IN`` of as many parameters is bounded (32,766 of SQLite, 32,767 of asyncpg) and written anew for each length; a
loop over portions of it costs a statement each. Names hold no NUL: PostgreSQL's JSON has none.
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import JSON, ColumnElement, Connection, Select, Text, cast, func, literal, select


def listed(conn: Connection, names: Iterable[str]) -> Select[Any]:
    """The names as the rows of a query with the one column ``value``."""
    return select(_rows(conn, names))


def among(conn: Connection, column: ColumnElement[Any], names: Iterable[str]) -> ColumnElement[bool]:
    """Whether ``column`` is one of the names."""
    return column.in_(listed(conn, names))


def _rows(conn: Connection, names: Iterable[str]) -> ColumnElement[Any]:
    told = literal(msgspec.json.encode(list(names)).decode(), Text)
    if conn.dialect.name == "postgresql":
        return func.json_array_elements_text(cast(told, JSON)).table_valued("value").render_derived().c.value
    return func.json_each(told).table_valued("value").c.value
