"""The ledger page by page, whole rows in the order of time: what re-pricing reads, and writes new versions of."""

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar

from trimtab.telemetry.rows import LEDGER, encode
from trimtab.telemetry.stores import Value

T = TypeVar("T")
Row = list[Any]
AT: Final = {name: place for place, name in enumerate(LEDGER)}
"""Where each column is in a row."""


class Books(Protocol):
    """`reader.TelemetryReader`: statements, and rows into a table."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]: ...
    async def insert(self, table: str, columns: tuple[str, ...], rows: bytes, token: str) -> None: ...


class LedgerPages:
    def __init__(self, books: Books) -> None:
        self._books = books

    async def page(self, project: str, bounds: tuple[int, int], after: tuple[int, str], limit: int) -> list[Row]:
        """The next rows of a project that used something, begun in [first, end) ns, after a place in that order."""
        sql = (
            f"SELECT {', '.join(LEDGER)} FROM ledger FINAL WHERE project = {{project:String}}"  # noqa: S608
            " AND at_ns >= {first:Int64} AND at_ns < {end:Int64} AND (at_ns, span_id) > ({at:Int64}, {span:String})"
            f" AND metered = 1 ORDER BY at_ns, span_id LIMIT {limit}"
        )
        params: dict[str, Value] = {
            "project": project,
            "first": max(bounds[0], after[0]),
            "end": bounds[1],
            "at": after[0],
            "span": after[1],
        }
        return await self._books.ask(Row, sql, params)

    async def replace(self, rows: list[Row], token: str) -> None:
        """Write new versions of rows; the same rows under the same token again change nothing."""
        await self._books.insert("ledger", LEDGER, encode([value for row in rows for value in row]), token)
