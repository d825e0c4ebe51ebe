"""The spool: a call's record is on disk before the client has the last byte of its answer.

Each worker appends to files of its own (`segments.py`: what was written survives kill -9 of any process). Records that
arrive in one tick of the event loop are one write, which is read whole or not at all. The files are *segments*: after
some megabytes or seconds the worker begins a new one and never writes to the old one again. So whoever drains only ever
reads, nothing competes with a call for a lock, and clearing up is unlinking whole files.

A segment ``<worker>~<ns>.records`` has a neighbour ``….lock`` on which its worker holds an flock while it may still
write. The kernel lets go of it when the worker ends, however it ends: a segment whose lock can be had is closed, and
can be removed once everything in it has reached the store. `drain.py` is the reading side.

A disk that fills up costs no record of a call that had begun: a spool keeps some room for them (`reserve.py`), and
accepts no further call until it has it again.

Power loss is another matter than a crash: with ``sync="normal"`` the last moments before the power went may be gone;
``sync="full"`` calls fdatasync for each write (in a thread, so that the loop never waits for the disk).
"""

import asyncio
import os
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from trimtab.core.errors import Unavailable
from trimtab.telemetry.records import CallRecord, encode_record
from trimtab.telemetry.spool.reserve import FULL, Reserve
from trimtab.telemetry.spool.segments import SEGMENT_SUFFIX, Nowhere, Segment, Sync

POSITIONS_FILE: Final = "drain.db"
"""Where the drain remembers how far it came (`drain.py`); the worker only looks, to tell how much is waiting."""

_WORKER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HOUSEKEEPING_S = 1.0
_RESERVE = 8 << 20
"""Bytes kept for calls under way: some thousand common records."""


class Spool:
    """A worker's own append-only journal. Made in, and used by, one event loop.

    ``max_bytes`` bounds what this worker's files may take on disk, earlier runs included; ``segment_bytes`` and
    ``segment_age_s`` say when the next segment begins. `appended` and `failed` count records.
    """

    def __init__(
        self,
        directory: Path,
        worker: str,
        *,
        sync: Sync = "normal",
        max_bytes: int = 4 << 30,
        segment_bytes: int = 16 << 20,
        segment_age_s: float = 30.0,
        seal: Callable[[bytes], bytes] | None = None,
    ) -> None:
        if not _WORKER_NAME.fullmatch(worker):
            raise ValueError(f"A worker's name is letters, digits, '_', '.' and '-': not {worker!r}.")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory = directory
        self.worker = worker
        self.sync: Sync = sync
        self.max_bytes = max_bytes
        self._seal = seal
        """What a record goes through on its way: encrypts those of projects that are."""
        self.appended = 0
        self.failed = 0
        self._segment_bytes = segment_bytes
        self._segment_age_ns = int(segment_age_s * 1e9)
        self._pending: list[tuple[int, bytes]] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._flushing = False
        self._rotating = False
        self._fault = ""
        self._closed = False
        self._waiting_before = 0
        self._appended_before = 0
        self._disk_bytes = 0
        self._last_ns = 0
        self._segment = self._first_segment()
        self._counts: dict[str, int] = {}
        self._reserve = Reserve(directory, f"{worker}~{self._last_ns:020d}", min(_RESERVE, max_bytes))
        if not self._segment.torn:
            self._mend()
        if self._fault:
            self._start()

    # --- what the gateway asks -------------------------------------------------------------------------------------

    @property
    def accepting(self) -> bool:
        """False while a new call's record could not be kept: the gateway then refuses the call before it is made."""
        return not self._fault and not self._closed and self._disk_bytes < self.max_bytes

    @property
    def refusal(self) -> str:
        """Why `accepting` is false, for people; empty while it is true."""
        if self._closed:
            return "The spool is closed: the server is stopping."
        if self._fault:
            return f"The spool cannot write to {self.directory}: {self._fault}."
        if self._disk_bytes >= self.max_bytes:
            return f"The spool holds {self._disk_bytes} bytes, its bound is {self.max_bytes}."
        return ""

    @property
    def waiting(self) -> int:
        """Roughly how many of this worker's records the store does not have yet (a second old at most)."""
        return self._waiting_before + self.appended - self._appended_before

    @property
    def disk_bytes(self) -> int:
        """What this worker's files take on disk (a second old at most)."""
        return self._disk_bytes

    def append(self, record: CallRecord) -> Awaitable[None]:
        """Write the record down; the awaitable resolves once it is committed.

        It fails with `Unavailable` when the spool is full, closed, or the disk refuses; appends work again as soon as
        the cause is gone. Giving up on the awaitable does not take the record back. On a full disk only calls that
        asked a provider have a record.
        """
        if not self._reserve.held and not record.attempts:
            return self._refused(asyncio.get_running_loop())
        return self.keep(encode_record(record))

    def keep(self, body: bytes) -> Awaitable[None]:
        """The same for a record of any kind, encoded (`kinds.py`)."""
        loop = self._loop
        if loop is None:
            loop = self._start()
        if self._closed or self._disk_bytes >= self.max_bytes:
            return self._refused(loop)
        waiter: asyncio.Future[None] = loop.create_future()
        pending = self._pending
        if self._seal is not None:
            body = self._seal(body)
        if not pending and not self._flushing:
            loop.call_soon(self._flush, loop)
        pending.append((time.time_ns() // 1_000_000, body))
        self._waiters.append(waiter)
        return waiter

    def _refused(self, loop: asyncio.AbstractEventLoop) -> Awaitable[None]:
        self.failed += 1
        refused: asyncio.Future[None] = loop.create_future()
        refused.set_exception(self._unavailable())
        return refused

    def close(self) -> None:
        """Commit what is pending, give the segment to the drain, stop the thread. May block for milliseconds."""
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._writer.shutdown(wait=True)
        self._closed = True
        self._write_now()
        self._segment.close()
        self._reserve.close()

    # --- the commit ------------------------------------------------------------------------------------------------

    def _start(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(_HOUSEKEEPING_S, self._keep_house)
        return self._loop

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._closed:
            return
        if self.sync == "normal":
            self._write_now()
            if self._due():
                self._rotate(loop)
        elif self._pending and not self._flushing:
            self._flush_in_thread(loop)

    def _write_now(self) -> None:
        rows, waiters = self._take()
        if not rows:
            return
        error: OSError | None = None
        try:
            self._insert(rows)
        except OSError as exc:
            error = exc
        self._settle(rows, waiters, error)

    def _insert(self, rows: list[tuple[int, bytes]]) -> None:
        """These calls are paid: where the disk is full, they get the room that was kept for them."""
        try:
            self._segment.insert(rows)
        except OSError as error:
            if error.errno not in FULL or self._segment.torn or not self._reserve.give():
                raise
            self._segment.insert(rows)

    def _mend(self) -> None:
        """What was wrong is over, if there is room for the calls to come."""
        try:
            self._reserve.take()
        except OSError as error:
            self._fault = str(error)
        else:
            self._fault = ""

    def _flush_in_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        """The same with fsync: while one commit is on its way the next group gathers."""
        rows, waiters = self._take()
        self._flushing = True
        job = loop.run_in_executor(self._writer, self._insert, rows)

        def done(future: asyncio.Future[None]) -> None:
            self._flushing = False
            self._settle(rows, waiters, future.exception())
            if self._due():
                self._rotate(loop)
            self._flush(loop)

        job.add_done_callback(done)

    def _take(self) -> tuple[list[tuple[int, bytes]], list["asyncio.Future[None]"]]:
        rows, waiters = self._pending, self._waiters
        self._pending, self._waiters = [], []
        return rows, waiters

    def _settle(
        self, rows: list[tuple[int, bytes]], waiters: list["asyncio.Future[None]"], error: BaseException | None
    ) -> None:
        if error is None:
            if self._fault or not self._reserve.held:
                self._mend()
            self.appended += len(rows)
            for row in rows:
                self._disk_bytes += len(row[1])
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
            return
        self._note_failure(len(rows), error)
        unavailable = self._unavailable()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_exception(unavailable)

    def _note_failure(self, records: int, error: BaseException) -> None:
        self.failed += records
        self._fault = str(error) or type(error).__name__

    def _unavailable(self) -> Unavailable:
        return Unavailable(
            self.refusal or "The spool cannot take this record.",
            fix="Free disk space or bring the telemetry store back, then call again.",
            code="spool_unavailable",
            retry_after_s=1.0,
        )

    # --- segments --------------------------------------------------------------------------------------------------

    def _due(self) -> bool:
        segment = self._segment
        return segment.size >= self._segment_bytes and not self._rotating

    def _rotate(self, loop: asyncio.AbstractEventLoop) -> None:
        """Open the next segment in the thread, swap it in between two ticks, then close the old one in the thread."""
        self._rotating = True
        job = loop.run_in_executor(self._writer, self._new_segment)

        def swap(future: asyncio.Future[Segment]) -> None:
            self._rotating = False
            error = future.exception()
            if error is None and self._closed:
                future.result().close()
            elif error is None:
                old, self._segment = self._segment, future.result()
                self._counts[old.name] = old.count
                self._mend()
                loop.run_in_executor(self._writer, _close_quietly, old)
            elif isinstance(error, OSError):
                self._fault = str(error) or type(error).__name__  # keep the old one; housekeeping tries again
            else:
                raise error

        job.add_done_callback(swap)

    def _first_segment(self) -> Segment:
        """A server whose disk is full when it starts takes no calls, and all else: it takes them once there is room."""
        try:
            return self._new_segment()
        except OSError as error:
            if error.errno not in FULL:
                raise
            self._fault = str(error)
            return Nowhere(error)

    def _new_segment(self) -> Segment:
        self._last_ns = max(time.time_ns(), self._last_ns + 1)
        return Segment(self.directory, self.worker, self.sync, self._last_ns)

    def retire(self) -> None:
        """Let the segment count as old, so that what is in it leaves the disk soon."""
        self._segment.opened_ns = 0

    def _keep_house(self) -> None:
        """Once a second: count what waits and what it takes on disk; begin a new segment when the old one is broken, or
        has aged, so that what the store has taken does not stay here."""
        loop = self._loop
        if self._closed or loop is None:
            return
        aged = self._segment.count and time.time_ns() - self._segment.opened_ns > self._segment_age_ns
        # A full spool cannot wait for its segment to age: only a closed one can be removed once it is drained.
        full = self._segment.count and self._disk_bytes >= self.max_bytes
        if self._fault and not self._segment.count and not self._segment.torn:
            self._mend()
        elif (self._fault or aged or full) and not self._rotating:
            self._rotate(loop)
        counts = {**self._counts, self._segment.name: self._segment.count}
        appended = self.appended
        job = loop.run_in_executor(self._writer, survey, self.directory, self.worker, counts)

        def done(future: asyncio.Future[tuple[int, dict[str, int]]]) -> None:
            if self._closed:
                return
            self._timer = loop.call_later(_HOUSEKEEPING_S, self._keep_house)
            self._disk_bytes, waiting = future.result()
            self._waiting_before, self._appended_before = sum(waiting.values()), appended
            self._counts = {name: count for name, count in self._counts.items() if name in waiting}

        job.add_done_callback(done)


def _close_quietly(segment: Segment) -> None:
    """A segment that cannot even be closed well (a dead disk) is left to the drain: its lock is free either way."""
    try:
        segment.close()
    except OSError:
        return


def survey(directory: Path, worker: str, counts: dict[str, int]) -> tuple[int, dict[str, int]]:
    """Bytes that the worker's files take, and for each of ``counts`` (records by segment) that is still there, how many
    of its records the drain has not confirmed. Blocks; never raises for a file that is just being removed."""
    size = 0
    present: set[str] = set()
    with os.scandir(directory) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith(f"{worker}~"):
                try:
                    size += entry.stat().st_size
                except FileNotFoundError:
                    continue
                if name.endswith(SEGMENT_SUFFIX):
                    present.add(name.removesuffix(SEGMENT_SUFFIX))
    confirmed = _positions(directory)
    return size, {name: max(0, n - confirmed.get(name, 0)) for name, n in counts.items() if name in present}


def _positions(directory: Path) -> dict[str, int]:
    path = directory / POSITIONS_FILE
    if not path.exists():
        return {}
    try:
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.2)
        try:
            return dict(db.execute("SELECT segment, seq FROM positions"))
        finally:
            db.close()
    except sqlite3.Error:
        return {}  # the drain is just making it, or its disk is ill: what it has not confirmed counts as waiting
