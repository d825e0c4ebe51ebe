"""Removing rows from the store, so that they are gone: by mutations, one at a time, each waited for.

A mutation rewrites the parts that hold rows it is about, beside the inserts, which go on. It is kept in the store's
folder as text, so nothing personal ever stands in one: rows are named by ids. After a mutation the old parts lie there
a while; `drop_old_parts` sees them gone.

`TABLES` says of each table which kind of data it holds and which of its columns tells its age; a test holds it against
the schema, so that no table is forgotten.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from trimtab.governance.retention import Kind
from trimtab.telemetry.remakes import Remakes
from trimtab.telemetry.stores import StoreRefused, Value
from trimtab.telemetry.stores._changes import LOCAL, alter

T = TypeVar("T")
POLL_S: Final = 0.05
SLOWEST_POLL_S: Final = 2.0
IDS_AT_ONCE: Final = 4_000
"""Ids in one statement: the engine reads at most 256 KiB of one."""
_BETWEEN: Final = "\x1e"
IDS_IN: Final = "IN splitByChar('\\x1E', {ids:String})"
NO_PARTITION: Final = "190001"
"""A month before any span: to drop it drops nothing, and makes the engine clear away old parts at once."""


class Kept(Struct, frozen=True):
    """One table: what it holds, and which column is its age (Unix ns). It is cut by months of that, or ``whole``."""

    table: str
    kind: Kind
    age: str
    whole: bool = False


TABLES: Final = (
    Kept("span_io", "content", "start_ns"),
    Kept("span_raw", "content", "start_ns"),
    Kept("tool_calls", "spans", "at_ns"),
    Kept("arrivals", "spans", "at_ns"),
    Kept("remakes", "spans", "at_ns", whole=True),
    Kept("spans", "spans", "start_ns"),
    Kept("scores", "scores", "at_ns", whole=True),
    Kept("ledger", "ledger", "at_ns"),
)
"""In the order in which a trace is removed: what leads to it goes last, so that a removal that was interrupted finds
it again."""


class Asker(Protocol):
    """What answers and runs statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "") -> list[T]: ...


Pause = Callable[[float], Awaitable[None]]


class Upkeep:
    """``cluster`` is the name of a ClickHouse cluster, empty for one node. Raises `Unavailable` while the store is
    away; every method may be called again after that."""

    def __init__(self, asker: Asker, cluster: str = "", *, pause: Pause = asyncio.sleep, shared: bool = False) -> None:
        """``shared``: other servers write to the store as well."""
        self.remakes = Remakes(asker) if shared else None
        self._ask = asker.ask
        self._cluster = cluster
        self._pause = pause
        self._tables: dict[str, frozenset[str]] | None = None

    async def tables(self) -> dict[str, frozenset[str]]:
        """The columns of each table that has a project."""
        if self._tables is None:
            sql = "SELECT table, groupArray(name) FROM system.columns WHERE database = currentDatabase() GROUP BY table"
            found = await self._ask(tuple[str, list[str]], sql, {})
            self._tables = {
                table: frozenset(columns)
                for table, columns in found
                if "project" in columns and not table.endswith(LOCAL)
            }
        return self._tables

    async def kept(self, kind: Kind | None = None) -> list[Kept]:
        """The tables that are there, of one kind or of all, in the order of `TABLES`."""
        there = await self.tables()
        return [kept for kept in TABLES if kept.table in there and kind in (None, kept.kind)]

    async def count(self, table: str, where: str, params: Mapping[str, Value]) -> int:
        [(rows,)] = await self._ask(tuple[int], f"SELECT count() FROM {table} WHERE {where}", params)  # noqa: S608
        return rows

    async def values(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]:
        return await self._ask(line, sql, params)

    async def delete(self, table: str, where: str, params: Mapping[str, Value], partition: str = "") -> None:
        """Delete rows and wait until it is done. ``partition``: only of the partition with that id."""
        within = f" IN PARTITION ID '{partition}'" if partition else ""
        await self._mutate(table, f"DELETE{within} WHERE {where}", params)

    async def update(self, table: str, changes: str, where: str, params: Mapping[str, Value]) -> None:
        await self._mutate(table, f"UPDATE {changes} WHERE {where}", params)

    async def partitions(self, kept: Kept, where: str, params: Mapping[str, Value]) -> dict[str, dict[str, int]]:
        """Rows by partition's id and project."""
        which = "'all'" if kept.whole else f"toString(toYYYYMM(fromUnixTimestamp64Nano({kept.age}, 'UTC')))"
        sql = f"SELECT {which}, project, count() FROM {kept.table} WHERE {where} GROUP BY 1, 2 ORDER BY 1, 2"  # noqa: S608
        found: dict[str, dict[str, int]] = {}
        for partition, project, rows in await self._ask(tuple[str, str, int], sql, params):
            found.setdefault(partition, {})[project] = rows
        return found

    async def _mutate(self, table: str, command: str, params: Mapping[str, Value]) -> None:
        # Not waited for here: that would hold a connection of the store for as long as it takes.
        await self._ask(list[Any], alter(self._cluster, table, command), params, "mutations_sync = 0")
        await self._until_done(table)

    async def finished(self, tables: Iterable[str]) -> None:
        """Wait until nothing is being rewritten."""
        for table in tables:
            await self._until_done(table)

    async def _until_done(self, table: str) -> None:
        """Until no mutation of the table is under way, on any node."""
        of = self._system("mutations")
        sql = (
            f"SELECT count(), anyLast(latest_fail_reason) FROM {of} WHERE database = currentDatabase()"  # noqa: S608
            " AND table = {table:String} AND NOT is_done"
        )
        wait = POLL_S
        while True:
            [(left, failed)] = await self._ask(tuple[int, str], sql, {"table": self._local(table)})
            if not left:
                return
            if failed:
                raise StoreRefused(f"The store cannot rewrite {table}: {failed[:500]}")
            await self._pause(wait)
            wait = min(wait * 1.5, SLOWEST_POLL_S)

    async def drop_old_parts(self, tables: Iterable[str], within_s: float) -> int:
        """Wait until nothing of what mutations replaced lies on the disk; how many old parts are left after
        ``within_s``. On a cluster each node clears away by its own clock (``old_parts_lifetime``)."""
        names = list(tables)
        waited, wait = 0.0, POLL_S
        while True:
            if not self._cluster:
                for table in names:
                    await self._ask(list[Any], f"ALTER TABLE {table} DROP PARTITION ID '{NO_PARTITION}'", {})
            left = await self._old_parts(names)
            if not left or waited >= within_s:
                return left
            await self._pause(wait)
            waited += wait
            wait = min(wait * 1.5, SLOWEST_POLL_S)

    async def _old_parts(self, tables: Sequence[str]) -> int:
        sql = (
            f"SELECT count() FROM {self._system('parts')} WHERE database = currentDatabase() AND NOT active"  # noqa: S608
            " AND table IN splitByChar('\\x1E', {tables:String})"
        )
        [(left,)] = await self._ask(tuple[int], sql, {"tables": ids(map(self._local, tables))})
        return left

    def _local(self, table: str) -> str:
        return f"{table}{LOCAL}" if self._cluster else table

    def _system(self, table: str) -> str:
        return f"clusterAllReplicas(`{self._cluster}`, system.{table})" if self._cluster else f"system.{table}"

    async def blob_columns(self) -> list[tuple[str, str]]:
        """Every column that may refer to a blob, with its table."""
        there = await self.tables()
        return sorted((table, name) for table, columns in there.items() for name in columns if name.endswith("_blob"))

    async def referred(self, references: Sequence[str]) -> set[str]:
        """Those of the blobs that any row of any project refers to."""
        found: set[str] = set()
        for at in range(0, len(references), 1000):
            params: dict[str, Value] = {"refs": ids(references[at : at + 1000])}
            for table, column in await self.blob_columns():
                sql = f"SELECT DISTINCT {column} FROM {table} WHERE {column} IN splitByChar('\\x1E', {{refs:String}})"  # noqa: S608
                found |= {row[0] for row in await self._ask(tuple[str], sql, params)}
        return found


def ids(values: Iterable[str]) -> str:
    """A list of ids as the value of one placeholder, for `IDS_IN`. Ids come from outside too: one that holds the mark
    between them would be taken for two, so it is a mistake here."""
    found = list(values)
    if any(_BETWEEN in value for value in found):
        raise ValueError("An id that holds a record separator cannot stand in a list.")
    return _BETWEEN.join(found)
