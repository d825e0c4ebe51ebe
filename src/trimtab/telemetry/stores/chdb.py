"""The embedded store: ClickHouse's engine in this process, its tables in a folder.

One process at a time may open the folder, and a fault in the engine ends the process: so this runs in the telemetry
process, never in a server. A connection runs one statement at a time and lets go of the GIL meanwhile; inserts have two
of their own, so that one can write while the other waits for the disk; queries share a few.
"""

import logging
import os
import queue
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlencode, urlsplit

import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.stores import (
    ROWS,
    Encoded,
    Limits,
    StoreAway,
    StoreFull,
    StorePlug,
    failure,
    format_of,
    insert_sql,
)
from trimtab.telemetry.stores._schema import Topology, migrate

# A word of any length, however many longer words contain it, is answered from the inverted index's dictionary alone;
# by default the engine reads every text instead when the word is short or its matches are many (measured: 1,300 ms
# against 70 ms for three letters in 500,000 texts).
#
# By default the engine takes one thread per GB that its memory bound leaves free, which with our bounds is always one;
# and each read of a file goes through a thread of its own, which pays for disks that are far away.
_TUNING: Final = (
    "SET text_index_like_min_pattern_length = 1, text_index_like_max_postings_to_read = 1000000,"
    " max_threads_min_free_memory_per_thread = 0, local_filesystem_read_method = 'pread', max_threads = {threads}"
)
_MARK: Final = "SELECT 1"
_INSERTERS: Final = 2
ROOM: Final = 32 << 20
"""Bytes of disk below which nothing is inserted. The engine itself reserves 1 MiB for a small part."""
logger = logging.getLogger("trimtab.telemetry.stores.chdb")


class ChdbStore:
    """Opens the folder, or raises `StoreAway` (another process has it, the disk is full)."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        import chdb  # 0.5 s and 100 MB: only where a store is really opened

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        bounds = {
            "max_server_memory_usage": limits.memory,
            "mark_cache_size": limits.mark_cache,
            "primary_index_cache_size": limits.mark_cache,
            "index_mark_cache_size": limits.mark_cache // 2,
        }
        self._closed = False
        self._folder = folder
        try:
            address = f"{folder}?{urlencode(bounds)}"
            self._inserting: queue.SimpleQueue[Any] = queue.SimpleQueue()
            for _ in range(_INSERTERS):
                self._inserting.put(cast("Any", chdb).connect(address))
            self._close_lock = threading.Lock()
            self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
            self._all: list[Any] = []
            self._connect = lambda: _reader(cast("Any", chdb).connect(address), limits.threads)
            for _ in range(limits.readers):
                connection = self._connect()
                self._all.append(connection)
                self._idle.put(connection)
        except Exception as error:
            raise StoreAway(f"The telemetry store in {folder} cannot be opened: {error}") from error

    def prepare(self) -> None:
        migrate(self.query, Topology())

    def query(self, sql: str, params: Mapping[str, str], fmt: str = ROWS) -> bytes:
        connection = self._borrow(self._idle)
        try:
            return cast("bytes", connection.query(sql, fmt, params=dict(params)).bytes())
        except Exception as error:
            connection = self._emptied(connection)
            raise failure(str(error)) from error
        finally:
            self._idle.put(connection)

    def insert(self, table: str, columns: tuple[str, ...], rows: Encoded, token: str) -> None:
        statement = insert_sql(table, columns, token)
        self._check_room()
        connection = self._borrow(self._inserting)
        try:
            before = _troubles(connection)
            stream = connection.send_insert(statement, format_of(rows))
            with stream:
                for piece in (rows,) if isinstance(rows, bytes) else rows:
                    stream.append(piece)
                stream.finish()
            after = _troubles(connection)
        except Exception as error:
            raise failure(str(error)) from error
        finally:
            self._inserting.put(connection)
        self._check_room()  # sent again under the same token, what did reach the store is not stored twice
        met = [line for line in after if line not in before]
        if met:
            code, said, _ = met[0]
            raise failure(f"Code: {code}. DB::Exception: {said}")

    def _check_room(self) -> None:
        """The engine tells of an insert that its disk had no room for as if all had been written (26.9, a stream's
        `finish`): before and after each there must be room that no batch needs. Raises `StoreFull`."""
        disk = os.statvfs(self._folder)
        if (free := disk.f_bavail * disk.f_frsize) < ROOM:
            raise StoreFull(
                f"The telemetry store's disk is full: {free >> 20} MiB are free in {self._folder}, and what is inserted"
                f" below {ROOM >> 20} MiB may be lost. Free some space; records wait until then."
            )

    def close(self) -> None:
        with self._close_lock:
            if self._closed:
                return
            self._closed = True
        for connections, count in ((self._inserting, _INSERTERS), (self._idle, len(self._all))):
            for _ in range(count):
                connections.get().close()  # each as it comes back from its statement
            connections.put(None)  # for whoever waits for one

    def _borrow(self, connections: "queue.SimpleQueue[Any]") -> Any:
        """One that is free, to be put back. Raises `StoreAway` once the store is closed."""
        if not self._closed:
            connection = connections.get()
            if connection is not None:
                return connection
            connections.put(None)
        raise StoreAway("The telemetry store is closed.")

    def _emptied(self, connection: Any) -> Any:
        """A connection whose next answer is its own: what a statement had answered before it failed is given out with
        the answer of the next one, which may be another project's. One that does not come clean gives way to a new one.
        """
        try:
            connection.query(_MARK, "TSV")
            if connection.query(_MARK, "TSV").bytes() == b"1\n":
                return connection
        except Exception as error:  # noqa: BLE001  the engine's, of any kind: this connection is not used again
            logger.warning("a connection to the store is replaced: %s", error)
        connection.close()  # first: if no new one can be had, this one fails until there is
        fresh = self._connect()
        self._all[self._all.index(connection)] = fresh
        return fresh


def _reader(connection: Any, threads: int) -> Any:
    connection.query(_TUNING.format(threads=threads))
    return connection


def _open(url: str, limits: Limits) -> ChdbStore:
    path = urlsplit(url).path
    if not path:
        raise InvalidRequest("A chdb address needs a folder.", fix="Write chdb:///path/to/folder.", param="url")
    return ChdbStore(Path(path), limits)


PLUG = StorePlug(schemes=("chdb",), open=_open)


_TROUBLES: Final = (
    "NOT_ENOUGH_SPACE", "CANNOT_WRITE_TO_FILE_DESCRIPTOR", "CANNOT_FSYNC", "CANNOT_OPEN_FILE", "CANNOT_CLOSE_FILE",
    "CANNOT_CREATE_DIRECTORY", "CANNOT_CREATE_FILE", "CANNOT_TRUNCATE_FILE", "ATOMIC_RENAME_FAIL",
    "CANNOT_ALLOCATE_MEMORY", "MEMORY_LIMIT_EXCEEDED", "STD_EXCEPTION", "UNKNOWN_EXCEPTION",
)  # fmt: skip


def _troubles(connection: Any) -> list[list[Any]]:
    """What the engine has met by now that an insert may fail of: code, last words, how often.

    What fails while an insert is finished (the part that cannot be written to a full disk) is not told by chDB: it
    returns as if all rows were there. So this is asked before and after. Something else may have met it meanwhile, a
    merge or a question: then the insert is sent again under its token, which changes nothing. What is too much for the
    memory of one question is not an insert's."""
    names = ", ".join(f"'{name}'" for name in _TROUBLES)
    sql = f"SELECT code, last_error_message, value FROM system.errors WHERE name IN ({names})"  # noqa: S608
    sql += " AND NOT startsWith(last_error_message, 'Query memory limit') ORDER BY code"
    lines = connection.query(sql, "JSONCompactEachRow").bytes().splitlines()
    return [msgspec.json.decode(line) for line in lines]
