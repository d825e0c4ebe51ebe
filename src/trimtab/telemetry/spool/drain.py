"""The reading side of the spool: batches with a boundary, confirmed once the store has them; dead letters.

`SpoolReader` belongs to the one process that drains. It never writes to a segment. What it must not forget is in a
file of its own, ``drain.db``:

- ``positions``: how far each segment has been confirmed;
- ``batch``: the boundary of the batch that is on its way to the store. It is committed, with fsync, before the first
  insert, so that after a crash exactly the same records go out again under the same name and the store can tell;
- ``rejected``: records that could not be read or stored, with the reason: kept, counted, never in the way;
- ``notes``: traces of foreign spans whose rows are to be made anew (`mapping/traces.py`);
- ``making``: those of them that are in hand, so that their rows may be away.

A segment that its worker has left (its lock can be had) and that is confirmed to the end is unlinked.
"""

import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Generator, Iterable
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from trimtab.core.ids import uuid7_hex
from trimtab.telemetry.kinds import weigh
from trimtab.telemetry.notes import Note
from trimtab.telemetry.spool import barrier, deaths
from trimtab.telemetry.spool.segment_file import Ruined, SegmentFile
from trimtab.telemetry.spool.segments import LOCK_SUFFIX, SEGMENT_SUFFIX
from trimtab.telemetry.spool.spool import POSITIONS_FILE

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS positions (segment TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, parts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS rejected (
    id INTEGER PRIMARY KEY, segment TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (segment, seq));
CREATE TABLE IF NOT EXISTS notes (
    project TEXT NOT NULL, trace_id TEXT NOT NULL, due_ms INTEGER NOT NULL, low_ns INTEGER NOT NULL,
    high_ns INTEGER NOT NULL, PRIMARY KEY (project, trace_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS making (
    project TEXT NOT NULL, trace_id TEXT NOT NULL, due_ms INTEGER NOT NULL, PRIMARY KEY (project, trace_id)
    ) WITHOUT ROWID;
"""
ADD_NOTE: Final = (
    "INSERT INTO notes (project, trace_id, due_ms, low_ns, high_ns) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (project, trace_id) DO UPDATE SET due_ms = min(due_ms, excluded.due_ms),"
    " low_ns = min(low_ns, excluded.low_ns), high_ns = max(high_ns, excluded.high_ns)"
)
_NOTES: Final = "SELECT project, trace_id, due_ms, low_ns, high_ns FROM notes"
ADD_MAKING: Final = "INSERT OR REPLACE INTO making (project, trace_id, due_ms) VALUES (?, ?, ?)"
_FURTHEST_MS: Final = 2 * 86_400_000
"""No note is due later from now than half of it (`mapping/repairs.py`)."""
BROKEN_SUFFIX: Final = ".broken"
# An orphaned lock file is one whose segment never came to be: its worker died in between.
_ORPHAN_AGE_S = 60.0


class Run(Struct, frozen=True):
    """A run of records in one segment, both ends included."""

    segment: str
    first: int
    last: int


class Spooled(Struct, frozen=True):
    """One record as it lies in the spool; (``segment``, ``seq``) names it for ever."""

    segment: str
    seq: int
    at_ms: int
    body: bytes


class Batch(Struct, frozen=True):
    """Records that go to the store together. ``id`` names the batch in the store's deduplication, ``size`` is about how
    many bytes they come to as rows, by halves (`weigh`): one record may be one call or hundreds of foreign spans."""

    id: str
    parts: tuple[Run, ...]
    records: tuple[Spooled, ...]
    size: int = 0


class Rejected(Struct, frozen=True):
    """A dead letter."""

    segment: str
    seq: int
    at_ms: int
    reason: str
    body: bytes


class Backlog(Struct, frozen=True):
    """What the store does not have yet, in records and in about so many bytes. ``oldest_ms`` is the Unix time of the
    oldest such record, 0 for none."""

    waiting: int
    oldest_ms: int
    size: int = 0


class SpoolReader:
    """For one process at a time (a lock file sees to it). Every method blocks and may raise `OSError`, and
    `sqlite3.Error` of its own file; two threads may share it: one sends a batch while the other reads ahead."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self._guard = _claim(directory)
        try:
            self._db = _positions_of(directory / POSITIONS_FILE)
            self._positions: dict[str, int] = dict(self._db.execute("SELECT segment, seq FROM positions"))
        except BaseException:
            os.close(self._guard)  # or whoever tries again, when the disk has room, would find it claimed for ever
            raise
        self._open: dict[str, SegmentFile] = {}
        self._oldest: dict[str, tuple[int, int]] = {}
        """By segment: a position, and the Unix ms of the record behind it."""
        self._lock = threading.RLock()
        self.deaths = deaths.Deaths(self._db, self._lock)

    def close(self) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()
        self._db.close()
        os.close(self._guard)

    # --- batches ---------------------------------------------------------------------------------------------------

    def pending(self) -> Batch | None:
        """The batch that was on its way when this process last ended: to be sent again, exactly as it was."""
        with self._lock:
            row = self._db.execute("SELECT id, parts FROM batch").fetchone()
            if row is None:
                return None
            parts = msgspec.msgpack.decode(row[1], type=tuple[Run, ...])
            records = [record for part in parts for record in self._read(part.segment, part.first, part.last, None)]
            return Batch(row[0], parts, tuple(records), sum(map(_size, records)))

    def peek(self, limit: int, max_bytes: int = 64 << 20, *, beyond: Batch | None = None) -> Batch | None:
        """The next records in the order of their segments: at most ``limit``, and no more than about ``max_bytes``, or
        twice as many once they are rows. With ``beyond``, those that come after a batch that is not confirmed yet."""
        with self._lock:
            return self._peek(limit, max_bytes, {run.segment: run.last for run in beyond.parts} if beyond else {})

    def _peek(self, limit: int, max_bytes: int, beyond: dict[str, int]) -> Batch | None:
        records: list[Spooled] = []
        parts: list[Run] = []
        size = 0
        for segment in self.segments():
            after = max(self._positions.get(segment, 0), beyond.get(segment, 0))
            found = 0
            for record in self._read(segment, after + 1, None, limit - len(records)):
                records.append(record)
                found += 1
                size += _size(record)
                if size >= max_bytes:
                    break
            if found:
                parts.append(Run(segment, after + 1, records[-1].seq))
            if len(records) >= limit or size >= max_bytes:
                break
        return Batch(uuid7_hex(), tuple(parts), tuple(records), size) if records else None

    def remember(self, batch: Batch) -> None:
        """Commit the boundary before anything of the batch leaves."""
        with self._lock:
            self._db.execute(
                "INSERT OR REPLACE INTO batch (one, id, parts) VALUES (1, ?, ?)",
                (batch.id, msgspec.msgpack.encode(batch.parts)),
            )

    def confirm(self, batch: Batch) -> None:
        """The store has the batch: move on, in one transaction, and remove what is done with."""
        with self._lock:
            with self._changing():
                self._db.executemany(
                    "INSERT OR REPLACE INTO positions (segment, seq) VALUES (?, ?)",
                    [(part.segment, part.last) for part in batch.parts],
                )
                self._db.execute("DELETE FROM batch")
                self._db.execute("DELETE FROM deaths")
            for part in batch.parts:
                self._positions[part.segment] = part.last

    # --- dead letters ----------------------------------------------------------------------------------------------

    def reject(self, record: Spooled, reason: str) -> None:
        """Set one record aside, durably. Rejecting it again changes nothing."""
        with self._lock:
            self._db.execute(
                "INSERT OR IGNORE INTO rejected (segment, seq, at_ms, reason, body) VALUES (?, ?, ?, ?, ?)",
                (record.segment, record.seq, record.at_ms, reason[:2000], record.body),
            )

    def rejected(self, limit: int = 100) -> list[Rejected]:
        sql = "SELECT segment, seq, at_ms, reason, body FROM rejected ORDER BY id DESC LIMIT ?"
        with self._lock:
            return [Rejected(*row) for row in self._db.execute(sql, (limit,))]

    def rejected_count(self) -> int:
        with self._lock:
            return self._db.execute("SELECT count(*) FROM rejected").fetchone()[0]

    # --- notes -----------------------------------------------------------------------------------------------------

    def note(self, notes: Iterable[Note], settled: Iterable[tuple[str, str]] = ()) -> None:
        """Keep, durably, that these traces are to be made anew; those ``settled`` need it no longer."""
        done = list(settled)
        with self._changing():
            self._db.executemany("DELETE FROM making WHERE project = ? AND trace_id = ?", done)
            self._db.executemany("DELETE FROM notes WHERE project = ? AND trace_id = ?", done)
            self._db.executemany(ADD_NOTE, notes)

    def sooner(self, by_ms: int) -> None:
        """The clock was set back by so much: every note is due as long from now as it was."""
        with self._changing():
            self._db.execute("UPDATE notes SET due_ms = due_ms - ?", (by_ms,))

    def left(self, limit: int) -> list[Note]:
        """The traces that were in hand when whoever had them ended, or failed: their rows may be away. Before any
        others are taken in hand."""
        with self._lock:
            if self._db.execute("SELECT 1 FROM making LIMIT 1").fetchone() is None:  # nearly always
                return []
        with self._changing():
            self._db.execute(
                "DELETE FROM making WHERE (project, trace_id) NOT IN (SELECT project, trace_id FROM notes)"
            )
            sql = f"{_NOTES} WHERE (project, trace_id) IN (SELECT project, trace_id FROM making) LIMIT ?"  # noqa: S608  our own words
            return [Note(*row) for row in self._db.execute(sql, (limit,))]

    def take(self, notes: Iterable[Note]) -> list[Note]:
        """These are in hand from now on, for everybody who asks (`barrier.rewriting`), until `note` settles them: all
        of them, where nobody else may have them."""
        some = list(notes)
        with self._changing():
            self._db.executemany(ADD_MAKING, [note[:3] for note in some])
        return some

    def goes_first(self) -> bool:
        """Whether anybody does (`barrier.go_first`)."""
        return barrier.goes_first(self.directory)

    def put_back(self, notes: Iterable[Note]) -> None:
        """They were taken and not touched."""
        with self._changing():
            self._db.executemany("DELETE FROM making WHERE project = ? AND trace_id = ?", [note[:2] for note in notes])

    @contextlib.contextmanager
    def _changing(self) -> Generator[None]:
        """Whatever goes wrong within, nothing of it stays, and the next may begin: what SQLite cannot bind is no error
        of its own."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def noted(self, now_ms: int, limit: int) -> list[Note]:
        """The traces that are due."""
        sql = f"{_NOTES} WHERE due_ms <= ? ORDER BY due_ms LIMIT ?"
        with self._lock:
            return [Note(*row) for row in self._db.execute(sql, (now_ms, limit))]

    # --- the folder ------------------------------------------------------------------------------------------------

    def segments(self) -> list[str]:
        """Every segment there is, oldest first."""
        files = (name for name in os.listdir(self.directory) if name.endswith(SEGMENT_SUFFIX))
        return sorted((name.removesuffix(SEGMENT_SUFFIX) for name in files), key=lambda name: name.rpartition("~")[2])

    def backlog(self) -> Backlog:
        """How much waits, and since when."""
        with self._lock:
            return self._backlog()

    def _backlog(self) -> Backlog:
        waiting = oldest = size = 0
        for segment in self.segments():
            file = self._file(segment)
            if file is None:
                continue
            after = self._positions.get(segment, 0)
            last = file.last()
            if last > after:
                waiting += last - after
                size += file.size_after(after)
                at_ms = self._first_ms(segment, after)
                oldest = min(oldest or at_ms, at_ms) if at_ms else oldest
        return Backlog(waiting, oldest, size)

    def _first_ms(self, segment: str, after: int) -> int:
        """When the record behind that position came; 0 where it cannot be read. Read once: those of sixty
        files of large records, each second of a backlog, took a fifth of a processor."""
        position, at_ms = self._oldest.get(segment, (-1, 0))
        if position != after:
            records = self._read(segment, after + 1, None, 1)
            if not records:
                return 0
            at_ms = records[0].at_ms
            self._oldest[segment] = (after, at_ms)
        return at_ms

    def clear(self) -> int:
        """Unlink the segments that are left and drained, and orphaned locks; returns how many segments went."""
        with self._lock:
            return self._clear()

    def _clear(self) -> int:
        removed = 0
        for segment in self.segments():
            # The order matters: first see that nobody writes any more, then that everything written is confirmed.
            if not self._left(segment):
                continue
            file = self._file(segment)
            if file is None or file.last() > self._positions.get(segment, 0) or file.ruined:
                continue
            self._remove(segment)
            removed += 1
        self._remove_orphans()
        return removed

    def _read(self, segment: str, first: int, last: int | None, limit: int | None) -> list[Spooled]:
        file = self._file(segment)
        if file is None:
            return []
        records: list[Spooled] = []
        left = self._left(segment)  # asked first: what is then wrong with the file stays so
        try:
            for row in islice(file.records(first, last), limit):
                records.append(Spooled(segment, *row))  # noqa: PERF401  what came before a damage is kept
        except Ruined as error:
            if not records and left:
                self._set_aside(segment, str(error))
        return records

    def _file(self, segment: str) -> SegmentFile | None:
        """The segment, open; None for a file that is not one (a worker died while making it)."""
        file = self._open.get(segment)
        if file is None:
            left = self._left(segment)  # asked first: what is then missing from the file will never come
            try:
                file = SegmentFile(self.directory / f"{segment}{SEGMENT_SUFFIX}")
            except FileNotFoundError:  # set aside since the batch was remembered: what could be read of it is gone on
                return None
            try:
                known = file.is_one()
            except Ruined as error:
                file.close()
                if left:
                    self._set_aside(segment, str(error))
                return None
            if not known:
                file.close()
                if left:
                    self._remove(segment)
                return None
            self._open[segment] = file
        return file

    def _left(self, segment: str) -> bool:
        """Whether its worker can no longer write to it: the lock is free."""
        try:
            handle = os.open(self.directory / f"{segment}{LOCK_SUFFIX}", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        else:
            return True
        finally:
            os.close(handle)

    def _remove(self, segment: str) -> None:
        """Unlink a drained segment, the data last: a crash in between leaves something that is still recognised."""
        file = self._open.pop(segment, None)
        if file is not None:
            file.close()
        for suffix in (SEGMENT_SUFFIX, LOCK_SUFFIX):
            (self.directory / f"{segment}{suffix}").unlink(missing_ok=True)
        self._positions.pop(segment, None)
        self._oldest.pop(segment, None)
        self._db.execute("DELETE FROM positions WHERE segment = ?", (segment,))

    def _remove_orphans(self) -> None:
        now = time.time()
        for name in os.listdir(self.directory):
            path = self.directory / name
            segment = name.removesuffix(LOCK_SUFFIX)
            if not name.endswith(LOCK_SUFFIX) or "~" not in name:
                continue
            if (self.directory / f"{segment}{SEGMENT_SUFFIX}").exists() or not self._left(segment):
                continue
            if now - path.stat().st_mtime > _ORPHAN_AGE_S:
                path.unlink(missing_ok=True)

    def _set_aside(self, segment: str, reason: str) -> None:
        """A file that cannot be read is kept, under another name, and counted; the others go on."""
        file = self._open.pop(segment, None)
        if file is not None:
            file.close()
        self._oldest.pop(segment, None)
        (self.directory / f"{segment}{SEGMENT_SUFFIX}").rename(self.directory / f"{segment}{BROKEN_SUFFIX}")
        self.reject(Spooled(segment, 0, time.time_ns() // 1_000_000, b""), f"unreadable spool file: {reason}")


def _size(record: Spooled) -> int:
    return max(len(record.body), weigh(record.body) // 2)


def dead_letters(directory: Path, before: int | None = None, limit: int = 100) -> list[tuple[int, Rejected]]:
    """What was set aside, newest first, each with its number; those numbered below ``before``. For any process: it only
    reads, and needs no drain to run. Blocks; raises `sqlite3.Error`."""
    path = directory / POSITIONS_FILE
    if not path.exists():
        return []
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=2.0)
    try:
        rows = db.execute(
            "SELECT id, segment, seq, at_ms, reason, body FROM rejected WHERE id < ? ORDER BY id DESC LIMIT ?",
            (before if before is not None else 1 << 62, limit),
        )
        return [(row[0], Rejected(*row[1:])) for row in rows]
    finally:
        db.close()


def _positions_of(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=10.0, check_same_thread=False)
    try:
        path.chmod(0o600)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(_SCHEMA + deaths.SCHEMA)
        now_ms = time.time_ns() // 1_000_000  # what is due later was noted while the clock was ahead
        db.execute("UPDATE notes SET due_ms = ? WHERE due_ms > ?", (now_ms, now_ms + _FURTHEST_MS))
    except BaseException:
        db.close()
        raise
    return db


def _claim(directory: Path) -> int:
    """One drain per folder: a second one would send every record twice."""
    handle = os.open(directory / "drain.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle
