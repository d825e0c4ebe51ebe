"""Stored answers as the gateway uses them: found at once, stored behind the call's back.

Looking up happens on the event loop where the store is a local file (a point read of some microseconds, which no writer
blocks) and is awaited where it is a PostgreSQL. Everything that writes is collected and written by one task, so that a
burst of answers shares a transaction and no call waits for it. What is waiting can already be found by this worker.
"""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.errors import Unavailable
from trimtab.core.waiting import no_longer
from trimtab.gateway.kept import cache_store
from trimtab.gateway.kept.cache_store import Meaning, Stored, Tally
from trimtab.gateway.route import MAX_MODEL_NAME
from trimtab.governance.sealing import KeyDestroyed, Keyring, KeyUnknown
from trimtab.storage.database import Database

log = logging.getLogger("trimtab.cache")
T = TypeVar("T")

MAX_WAITING = 64 << 20
"""Bytes of answers that wait to be stored; beyond it answers are not kept."""
MAX_COUNTS = 100_000
"""Uses, and tallies, that wait for a store that is away."""
CLEAN_EVERY_S = 30.0
WRITE_EVERY_S = 0.5
"""How long counts and uses gather before they are written; answers are written at once."""
LOOK_S = 2.0
"""How long a call waits for a store that is no file of this machine."""
REST_S = 5.0
"""So long nobody waits for it after one waited in vain."""
MS = 1_000_000


class Answers:
    """``file`` is the SQLite file behind ``db``, None where that is a PostgreSQL. ``max_bytes`` bounds what all answers
    take; the least lately used go first. Use it in one event loop; `close` writes what waits."""

    def __init__(
        self, db: Database, *, file: Path | None, max_bytes: int, clock: Clock, keys: Callable[[], Keyring] = Keyring
    ) -> None:
        self.db = db
        self._keys = keys
        self._file = file
        self._max_bytes = max_bytes
        self._clock = clock
        self._reader: sqlite3.Connection | None = None
        self._answers: dict[bytes, Stored] = {}
        self._meanings: list[Meaning] = []
        self._waiting_bytes = 0
        self._used: dict[bytes, tuple[int, int]] = {}
        self._tallies: dict[tuple[str, str, int], Tally] = {}
        self._writer: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._cleaned_ms = 0
        self._away = False
        self._hangs_until = 0
        self.dropped = 0
        """Answers that were not kept because too many waited."""

    def now_ms(self) -> int:
        return self._clock.now_ns() // MS

    @property
    def at_hand(self) -> bool:
        """Whether answers are found at once (`find_here`)."""
        return self._file is not None

    def find_here(self, key: bytes) -> Stored | None:
        """`find`, of a store that is a file of this machine."""
        assert self._file is not None
        now = self.now_ms()
        waiting = self._answers.get(key)
        if waiting is not None and waiting.expires > now:
            return waiting
        try:
            return self._opened(self._find_in_file(self._file, key, now))
        except sqlite3.Error as error:
            self._note_away(error)
            return None

    async def find(self, key: bytes) -> Stored | None:
        """The answer of that key that has not expired. A store that is away has none."""
        if self._file is not None:
            return self.find_here(key)
        now = self.now_ms()
        waiting = self._answers.get(key)
        if waiting is not None and waiting.expires > now:
            return waiting
        try:
            return self._opened(await self._read(lambda conn: cache_store.answer(conn, key, now)))
        except Unavailable as error:
            self._note_away(error)
            return None

    async def meanings_since(self, space: bytes, seq: int) -> list[Meaning]:
        """The questions of one space that were stored after ``seq``; none while the store is away."""
        now = self.now_ms()
        try:
            found = await self._read(lambda conn: cache_store.meanings_since(conn, space, seq, now))
            return [opened for each in found if (opened := self._opened_meaning(each)) is not None]
        except Unavailable as error:
            self._note_away(error)
            return []

    async def _read(self, work: Callable[[Connection], T]) -> T:
        """For a call, which goes on without it: raises `Unavailable` after `LOOK_S` at the latest, and for `REST_S`
        after that at once."""
        mono = self._clock.monotonic_ns()
        if mono < self._hangs_until:
            raise _hangs()
        try:
            return await no_longer(self.db.read(work), LOOK_S)
        except TimeoutError:
            self._hangs_until = self._clock.monotonic_ns() + int(REST_S * 1e9)
            raise _hangs() from None

    def keep(self, answer: Stored, meaning: Meaning | None = None) -> None:
        """Store soon. Never waits and never fails."""
        if self._waiting_bytes + len(answer.body) > MAX_WAITING:
            self.dropped += 1
            return
        self._drop_waiting(answer.key)
        self._waiting_bytes += len(answer.body)
        self._answers[answer.key] = answer
        if meaning is not None:
            self._meanings.append(meaning)
        self._wake.set()
        self._start()

    def note_use(self, key: bytes) -> None:
        _, times = self._used.get(key, (0, 0))
        self._used[key] = self.now_ms(), times + 1
        self._start()

    def tally(self, project_id: str, name: str) -> Tally:
        """Today's counts of one name, to be added to."""
        name = name[:MAX_MODEL_NAME]  # whatever a client wrote, the column must hold it
        day = self.now_ms() // cache_store.DAY_MS
        found = self._tallies.get((project_id, name, day))
        if found is None:
            found = self._tallies[project_id, name, day] = Tally(project_id=project_id, name=name, day=day)
            self._start()
        return found

    async def purge(self, project_id: str, name: str | None) -> int:
        """Drop the stored answers of a project, or of one name in it, for every worker; how many. Raises
        `Unavailable`."""
        async with self._flushing:
            for key in [k for k, a in self._answers.items() if a.project_id == project_id and name in (None, a.name)]:
                self._drop_waiting(key)
            self._meanings = [m for m in self._meanings if m.project_id != project_id or name not in (None, m.name)]
            return await self.db.write(lambda conn: cache_store.purge(conn, project_id, name))

    async def flush(self) -> None:
        """Write everything that waits, in one transaction. Raises `Unavailable`; answers it could not write wait on."""
        async with self._flushing:
            await self._flush()

    async def _flush(self) -> None:
        answers, meanings = list(self._answers.values()), self._meanings
        used, tallies = self._used, list(self._tallies.values())
        if not (answers or meanings or used or tallies):
            return
        self._meanings, self._used, self._tallies = [], {}, {}

        def write(conn: Connection) -> None:
            cache_store.keep(conn, list(map(self._sealed, answers)), list(map(self._sealed_meaning, meanings)))
            if used:
                cache_store.touch(conn, used)
            if tallies:
                cache_store.count(conn, tallies)

        try:
            await self.db.write(write)
        except Unavailable:
            self._put_back(used, tallies)
            raise
        for answer in answers:
            if self._answers.get(answer.key) is answer:
                self._drop_waiting(answer.key)

    def _put_back(self, used: dict[bytes, tuple[int, int]], tallies: list[Tally]) -> None:
        """Counts that could not be written wait for the store to come back; of so many that they would fill the memory,
        the newest are dropped."""
        for key, (at, times) in used.items():
            if key in self._used or len(self._used) < MAX_COUNTS:
                newest, more = self._used.get(key, (0, 0))
                self._used[key] = max(at, newest), times + more
        for tally in tallies:
            place = (tally.project_id, tally.name, tally.day)
            counted = self._tallies.get(place)
            if counted is not None:
                counted.add(tally)
            elif len(self._tallies) < MAX_COUNTS:
                self._tallies[place] = tally

    async def clean(self) -> None:
        """Drop what has expired, and what was used least lately where too much is stored. Raises `Unavailable`."""
        now = self.now_ms()

        def drop(conn: Connection) -> None:
            cache_store.drop_expired(conn, now)
            cache_store.evict(conn, self._max_bytes)

        await self.db.write(drop)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        try:
            await self.flush()
        except Unavailable as error:
            self._note_away(error)
        if self._reader is not None:
            self._reader.close()
        await self.db.close()

    # --- what rests sealed ---

    def seal(self, project: str, body: bytes) -> bytes:
        """A body as it rests: encrypted where its project (its id) is."""
        return self._keys().seal(project, body)

    def open(self, body: bytes) -> bytes | None:
        """What `seal` made of a body; None where its key was destroyed, or is not known."""
        try:
            return self._keys().open(body)
        except (KeyDestroyed, KeyUnknown):
            return None

    def _sealed(self, answer: Stored) -> Stored:
        return replace(answer, body=self.seal(answer.project_id, answer.body))

    def _opened(self, answer: Stored | None) -> Stored | None:
        body = None if answer is None else self.open(answer.body)
        return None if answer is None or body is None else replace(answer, body=body)

    def _sealed_meaning(self, meaning: Meaning) -> Meaning:
        ring, project = self._keys(), meaning.project_id
        return replace(
            meaning, question=ring.seal_text(project, meaning.question), vector=ring.seal(project, meaning.vector)
        )

    def _opened_meaning(self, meaning: Meaning) -> Meaning | None:
        try:
            return replace(
                meaning,
                question=self._keys().open_text(meaning.question),
                vector=self._keys().open(bytes(meaning.vector)),
            )
        except (KeyDestroyed, KeyUnknown):
            return None

    # --- inside ---

    def _drop_waiting(self, key: bytes) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self._waiting_bytes -= len(answer.body)

    def _find_in_file(self, file: Path, key: bytes, now: int) -> Stored | None:
        reader = self._reader
        if reader is None:
            if not file.exists():
                return None  # nothing was ever stored
            reader = sqlite3.connect(file, isolation_level=None, timeout=0.0)
            reader.execute("PRAGMA query_only = ON")
            self._reader = reader
        row = reader.execute(cache_store.READ_ANSWER, (key, now)).fetchone()
        return None if row is None else cache_store.answer_of(key, row)

    def _start(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.get_running_loop().create_task(self._write_on(), name="cache-writer")

    async def _write_on(self) -> None:
        """While there is something to write: at once for answers, else now and then."""
        while self._answers or self._meanings or self._used or self._tallies:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), WRITE_EVERY_S)
            self._wake.clear()
            try:
                await self.flush()
                await self._clean_up()
                self._away = False
            except Unavailable as error:
                self._note_away(error)
                self._answers.clear()
                self._waiting_bytes = 0
            except Exception:  # a job loop's edge: what a cache cannot keep must not stop it for good
                log.exception("answers could not be stored")
                self._answers.clear()
                self._waiting_bytes = 0

    async def _clean_up(self) -> None:
        now = self.now_ms()
        if now - self._cleaned_ms >= CLEAN_EVERY_S * 1000:
            self._cleaned_ms = now
            await self.clean()

    def _note_away(self, error: Exception) -> None:
        if not self._away:
            log.warning("the store of answers is away, calls go on without it: %s", error)
        self._away = True


def _hangs() -> Unavailable:
    return Unavailable(
        f"It did not answer within {LOOK_S:g} s.", fix="See that the database answers.", code="answers_unavailable"
    )


def beside(
    folder: Path, *, max_bytes: int, clock: Clock, name: str = "cache.sqlite", keys: Callable[[], Keyring] = Keyring
) -> Answers:
    """The store of one machine: a file in the data folder."""
    file = folder / name
    return Answers(Database.beside(file, cache_store.create), file=file, max_bytes=max_bytes, clock=clock, keys=keys)
