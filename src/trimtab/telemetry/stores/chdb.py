"""The embedded store: ClickHouse's engine in this process, its tables in a folder.

One process at a time may open the folder, and a fault in the engine ends the process: so this runs in the telemetry
process, never in a server. A connection runs one statement at a time and lets go of the GIL meanwhile; inserts have two
of their own, so that one can write while the other waits for the disk; queries share a few.
"""

import fcntl
import logging
import os
import queue
import re
import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlencode, urlsplit

import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.core.kept_memory import keep_engine_memory
from trimtab.telemetry.stores import (
    ROWS,
    Encoded,
    Limits,
    StoreAway,
    StoreFull,
    StorePlug,
    _newest,
    failure,
    format_of,
    insert_sql,
)
from trimtab.telemetry.stores._schema import Topology, migrate
from trimtab.telemetry.stores._unfinished import set_aside

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
# What is to be merged or changed gets one of four places in the embedded engine (two threads, twice as many tasks).
# Where all are taken, a table asks again 0.1 s and up to a second more later, and nobody wakes it when one is
# free: every change of more than four parts waited with both threads idle, 0.5 s a time. Without that second, and from
# 10 ms on, by a tenth later each time, the wait is a small part of what is waited for.
_ASKING: Final = {
    "background_processing_pool_thread_sleep_seconds_if_nothing_to_do": "0.01",
    "background_processing_pool_task_sleep_seconds_when_no_work_random_part": "0",
}
_PID: Final = re.compile(rb"PID: (\d+)")
_MARK: Final = "SELECT 1"
_VERSIONS: Final = "CREATE TABLE IF NOT EXISTS schema_versions"
_INSERTERS: Final = 2
ROOM: Final = 32 << 20
"""Bytes of disk below which nothing is inserted. The engine itself reserves 1 MiB for a small part."""
logger = logging.getLogger("trimtab.telemetry.stores.chdb")


class ChdbStore:
    """Opens the folder, or raises `StoreAway` (another process has it, the disk is full)."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        keep_engine_memory()
        chdb = _engine()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        set_aside(folder)
        bounds = {
            "max_server_memory_usage": limits.memory,
            "mark_cache_size": limits.mark_cache,
            "primary_index_cache_size": limits.mark_cache,
            "index_mark_cache_size": limits.mark_cache // 2,
            **_ASKING,
        }
        self._closed = False
        self._folder = folder
        self._met: dict[int, frozenset[Trouble]] = {}
        try:
            address = f"{folder}?{urlencode(bounds)}"
            self._inserting: queue.SimpleQueue[Any] = queue.SimpleQueue()
            for _ in range(_INSERTERS):
                connection = chdb.connect(address)
                self._met[id(connection)] = troubles(connection)
                self._inserting.put(connection)
            self._close_lock = threading.Lock()
            self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
            self._all: list[Any] = []
            self._connect = lambda: _reader(chdb.connect(address), limits.threads)
            for _ in range(limits.readers):
                connection = self._connect()
                self._all.append(connection)
                self._idle.put(connection)
        except Exception as error:
            if (owner := _owner(folder)) is not None:
                raise StoreAway(
                    f"The telemetry store in {folder} cannot be opened: another process has it{owner}.",
                    fix="End that process; records wait until then.",
                ) from error
            raise StoreAway(f"The telemetry store in {folder} cannot be opened: {error}") from error

    def prepare(self) -> None:
        migrate(self._change, Topology(), partial(_newest.make, self._change))

    def _change(self, sql: str, params: Mapping[str, str]) -> bytes:
        """A statement of the schema. A definition that finds no room may be left behind empty, and a folder with such a
        one never opens again (`_unfinished.py`)."""
        if not (sql.startswith("SELECT") or (_VERSIONS in sql and self._has_versions())):
            self._check_room()
        return self.query(sql, params)

    def _has_versions(self) -> bool:
        return self.query("EXISTS TABLE schema_versions", {}).strip() == b"[1]"

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
            met = self._send(connection, statement, rows)
            if met:  # by this insert, or since the one before: sent again, what is there already changes nothing
                met = self._send(connection, statement, rows)
        except Exception as error:
            raise failure(str(error), inserting=True) from error
        finally:
            self._inserting.put(connection)
        if met:
            raise failure(f"Code: {met.code}. DB::Exception: {met.said}", inserting=True)

    def _send(self, connection: Any, statement: str, rows: Encoded) -> "Trouble | None":
        """Insert, and say what the engine has met since this connection's insert before.

        What fails while an insert is finished (the part that cannot be written to a full disk) is not told by chDB
        (26.9): it returns as if all rows were there. So what it has met is looked at after each."""
        stream = connection.send_insert(statement, format_of(rows))
        with stream:
            for piece in (rows,) if isinstance(rows, bytes) else rows:
                stream.append(piece)
            stream.finish()
        before = self._met[id(connection)]
        self._met[id(connection)] = after = troubles(connection)
        return min(after - before, default=None)

    def _check_room(self) -> None:
        """A full disk is told before the engine reads and sorts rows that it has no place for, and before nothing is
        left for what else it writes: merges, and which tokens it has seen. Raises `StoreFull`."""
        disk = os.statvfs(self._folder)
        if (free := disk.f_bavail * disk.f_frsize) < ROOM:
            raise StoreFull(
                f"The telemetry store's disk is full: {free >> 20} MiB are free in {self._folder}, and with less"
                f" than {ROOM >> 20} MiB nothing is inserted. Free some space; records wait until then."
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


def _owner(folder: Path) -> str | None:
    """How the process that has the folder open is told to people; None where none has. The engine itself says it only
    on its standard error; its lock is on a file where it notes its number."""
    try:
        handle = os.open(folder / "status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        found = _PID.search(os.read(handle, 4096))
        return "" if found is None else f" ({found[1].decode()})"
    except OSError:  # no locks on this file system
        return None
    finally:
        os.close(handle)
    return None


def _engine() -> Any:
    """The engine's module, imported where a store is really opened: 0.2 s of a processor. It looks for pyarrow, which
    only answers need that are no bytes, and with numpy took half as long again and 40 MB."""
    if unasked := "pyarrow" not in sys.modules:
        sys.modules["pyarrow"] = None  # pyright: ignore[reportArgumentType]  what makes its import fail (importlib)
    try:
        import chdb
    finally:
        if unasked:
            del sys.modules["pyarrow"]
    return chdb


def _reader(connection: Any, threads: int) -> Any:
    connection.query(_TUNING.format(threads=threads))
    return connection


def _open(url: str, limits: Limits) -> ChdbStore:
    path = urlsplit(url).path
    if not path:
        raise InvalidRequest("A chdb address needs a folder.", fix="Write chdb:///path/to/folder.", param="url")
    return ChdbStore(Path(path), limits)


PLUG = StorePlug(schemes=("chdb",), open=_open)


class Trouble(NamedTuple):
    """``times``: how often it was met, ``said``: the last time's words."""

    code: int
    times: int
    said: str


_MET: Final = "SELECT name, code, value, last_error_message FROM system.errors"
_line: Final = msgspec.json.Decoder(tuple[str, int, int | str, str])
_TROUBLES: Final = frozenset((
    "NOT_ENOUGH_SPACE", "CANNOT_WRITE_TO_FILE_DESCRIPTOR", "CANNOT_FSYNC", "CANNOT_OPEN_FILE", "CANNOT_CLOSE_FILE",
    "CANNOT_CREATE_DIRECTORY", "CANNOT_CREATE_FILE", "CANNOT_TRUNCATE_FILE", "ATOMIC_RENAME_FAIL",
    "CANNOT_ALLOCATE_MEMORY", "MEMORY_LIMIT_EXCEEDED", "STD_EXCEPTION", "UNKNOWN_EXCEPTION",
))  # fmt: skip


def troubles(connection: Any) -> frozenset[Trouble]:
    """What the engine has met by now that an insert may fail of. What is too much for the memory of one question is not
    an insert's. All are read and sorted out here: they are few, and conditions cost as much again as the question."""
    found = connection.query(_MET, ROWS).bytes().splitlines()
    lines = [_line.decode(line) for line in found]
    return frozenset(
        Trouble(code, int(times), said)
        for name, code, times, said in lines
        if name in _TROUBLES and not said.startswith("Query memory limit")
    )
