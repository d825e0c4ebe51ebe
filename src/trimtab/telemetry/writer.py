"""From the spool into the store, each record exactly once, whatever dies in between.

One batch at a time, in five steps (the next one is read and mapped meanwhile); a crash between any two of them is
healed by starting again:

1. take the batch that was on its way when we last ended, or the next records of the spool;
2. remember its boundary, durably (`drain.py`);
3. map records to rows; a record that cannot be mapped is set aside with its reason;
4. insert into each table under the token ``<batch>:<table>``: a repeated insert of the same token changes nothing. The
   large texts go beside the small tables, spans come last, so that what a list shows can be opened (but see `Pace`);
5. confirm: the spool moves on, drained files are removed.

While rows are deleted that are made anew, small batches that have nothing to do with them go on (`aside.py`).

A store that is away is waited for, with growing pauses, and the records stay where they are. A row that the store will
never take is found (`inserts.py`), its record is set aside, and the rest goes in.
"""

import errno
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

from trimtab.core.errors import TrimtabError
from trimtab.governance.sealing import Keyring, KeyUnknown
from trimtab.telemetry.aside import Aside, free
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.foreign.spans import ForeignBatch, RefusedSpan
from trimtab.telemetry.forward.arrivals import ArrivalLog
from trimtab.telemetry.inserts import Inserts
from trimtab.telemetry.kinds import decode_any
from trimtab.telemetry.mapping.away import AwayBatch, Hands
from trimtab.telemetry.mapping.plan import Plan
from trimtab.telemetry.mapping.repairs import Repairs
from trimtab.telemetry.mapping.rewrite import Rewriter
from trimtab.telemetry.mapping.rows import ForeignRows
from trimtab.telemetry.mapping.shared_notes import SharedNotes
from trimtab.telemetry.mapping.traces import ForeignTraces
from trimtab.telemetry.merges import Merges
from trimtab.telemetry.notes import Notes
from trimtab.telemetry.pace import Pace, Progress, SetBack, State
from trimtab.telemetry.prepared import Part, Prepared
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.remap import RemapBatch
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.scores.types import ScoreBatch, add_scores
from trimtab.telemetry.spool.deaths import CAREFUL
from trimtab.telemetry.spool.drain import Batch, SpoolReader
from trimtab.telemetry.stores import Store, StoreAway, StoreFull, StoreRefused

logger = logging.getLogger("trimtab.telemetry.writer")

_PORTION = 256
"""Records of calls whose rows are encoded before the next ones are mapped."""
UNRIPE, IDLE, SOON = 2, 4, 5
"""Times `Pace.poll_s` between two looks at the spool at most while a few records wait, and while none do; the last, as
a part of it, where they are about to be ripe."""


class Writer:
    """Runs in one thread. ``step(name)`` is called after each step, so that a test may end the process right there."""

    def __init__(
        self,
        spool: SpoolReader,
        store: Store,
        mapper: CallMapper,
        *,
        pace: Pace | None = None,
        progress: Progress | None = None,
        step: Callable[[str], None] | None = None,
        foreign: "Foreign | None" = None,
        merges: Merges | None = None,
    ) -> None:
        self.keys: Callable[[], Keyring] = Keyring
        """What explanations of scores are sealed with; set before `run`."""
        self.open: Callable[[bytes], bytes] = _as_it_is
        """Opens a record that was sealed (`governance/sealing.py`); set before `run`."""
        self.clock = SetBack()
        self._merges = merges
        self._foreign = foreign
        self._last_rewrite_s = 0.0
        self._rewrite_took_s = 0.0
        self.progress = progress or Progress()
        self.progress.rejected = spool.rejected_count()
        self._spool = spool
        self._store = store
        self._mapper = mapper
        self._pace = pace or Pace()
        self._step = step or _no_step
        self._inserts = Inserts(store, self._pace, self._set_aside, self._step)
        self._inserts.before_shown = self._look_elsewhere
        self._began = False
        self._stop = threading.Event()
        self._deadline = 0.0
        self._last_batch_s = -math.inf
        self._waits_since_s = math.inf
        self._last_look_s = -math.inf
        self._last_clear_s = 0.0
        self._waiting_bytes = 0
        self._mapping = ThreadPoolExecutor(1, thread_name_prefix="mapper")
        self._ahead: Future[Prepared | None] | None = None
        self._aside = Aside(self._meanwhile)
        self._poison: set[tuple[str, int]] = set()
        self._helpers = foreign.hands.helpers if foreign is not None and foreign.hands is not None else None
        self._repairs = None
        self._shared: SharedNotes | None = None
        self._notes: Notes = spool
        if foreign is not None:
            self._shared = foreign.shared(spool) if foreign.shared is not None else None
            self._notes = self._shared or spool
            foreign.traces.alone = self._shared is None
            self._repairs = Repairs(self._notes, foreign.rewriter, foreign.traces.shown_rootless, self._step)
            foreign.rewriter.aside = self._aside

    def run(self) -> None:
        """Drain until `stop`, then what is left, bounded by its ``within_s``. Whatever a turn meets is told, and the
        next one comes."""
        try:
            if self._merges is not None:
                self._merges.release()  # whatever a process that died has left
            self._run()
            self._spool.clear()
            if self._merges is not None and self._merges.held:
                self._merges.release()
            if self._began and self._inserts.careful is None:  # else pieces of a batch may be in the store already
                self._spool.deaths.forget()
        finally:
            self._mapping.shutdown(wait=True)
            self._inserts.close()
            self._aside.close()
            if self._helpers is not None:
                self._helpers.close()

    def _run(self) -> None:
        pause = self._pace.first_pause_s
        pending = True
        while not self._finished():
            try:
                moved = self._again() if pending else self._next()
                pending = False
                if self.progress.state != "ok":  # counted before it is told: else all would be well, and nothing wait
                    self._measure()
                self._rewrite_if_due()
                if not moved:
                    self._tidy()
                    self._rest()
            except Exception as error:  # noqa: BLE001  the thread's edge; `_report` tells what it was
                self._start_over()
                self._report(error)
                pending = True  # whatever was remembered must go again, exactly as it was
                if self._stop.is_set():
                    return
                self._stop.wait(pause)
                pause = min(pause * 2, self._pace.longest_pause_s)
                continue
            pause = self._pace.first_pause_s
            self._well()
            if not moved:
                self._stop.wait(self._look_again_s())

    @property
    def arrivals(self) -> ArrivalLog | None:
        """Where it is noted what came when; set before `run`."""
        return self._inserts.arrivals

    @arrivals.setter
    def arrivals(self, log: ArrivalLog) -> None:
        self._inserts.arrivals = log

    def stop(self, within_s: float) -> None:
        """Take what is there and end; at most ``within_s`` from now. From any thread."""
        self._deadline = time.monotonic() + within_s
        self._stop.set()

    def drain_once(self) -> int:
        """Send everything that is there now; returns how many records moved. Raises what the store raises."""
        moved = self._again()
        while True:
            prepared = self._read_ahead()
            if prepared is None:
                batch = self._spool.peek(self._pace.batch, self._pace.batch_bytes)
                if batch is None:
                    break
                prepared = self._prepare(batch)
            moved += self._send(prepared, remember=True)
        self._spool.clear()
        self._measure()
        return moved

    # --- one batch -------------------------------------------------------------------------------------------------

    def _again(self) -> int:
        batch = self._spool.pending()
        if batch is not None:
            self._start_over()
            if not self._began and self._spool.deaths.begins(batch.id) >= CAREFUL:
                logger.warning(
                    "this process ended again and again with the same records under way; they are looked through"
                )
                self._inserts.careful = self._spool.deaths
        self._began = True
        return 0 if batch is None else self._send(self._prepare(batch), remember=False)

    def _start_over(self) -> None:
        """What was planned and read ahead did not reach the store: nothing of it may be believed."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            wait((ahead,))
        if self._foreign is not None:
            self._foreign.traces.forget()

    def _next(self) -> int:
        began = time.monotonic()
        prepared = self._read_ahead()
        if prepared is None:
            self._measure()
            if not self._ripe():
                return 0
            self._last_look_s = began
            batch = self._spool.peek(self._pace.batch, self._pace.batch_bytes)
            if batch is None:
                return 0
            prepared = self._prepare(batch)
        self._last_batch_s = began
        return self._send(prepared, remember=True)

    def _ripe(self) -> bool:
        """Whether what waits is worth a batch now: reading it again and again until it is would cost more than that."""
        pace, waiting, now = self._pace, self.progress.waiting, time.monotonic()
        if not waiting:  # now and then all the same: what is damaged before its first record is found by reading
            self._waits_since_s = math.inf
            return now - self._last_look_s >= pace.clear_s
        self._waits_since_s = min(self._waits_since_s, now)
        if waiting >= pace.enough or self._waiting_bytes >= pace.enough_bytes or self._stop.is_set():
            return True
        return self._ripe_in_s(now) <= 0

    def _ripe_in_s(self, now: float) -> float:
        """How long what waits shall wait still. Its age is told by the clock, or, where that was set back, by how long
        it has been seen."""
        pace = self._pace
        age_s = max(time.time() - self.progress.oldest_ms / 1000, now - self._waits_since_s)
        spacing_s = pace.spacing_s if now - self.progress.asked_s < pace.watched_s else pace.unwatched_s
        return max(pace.linger_s - age_s, self._last_batch_s + spacing_s - now)

    def _look_again_s(self) -> float:
        pace = self._pace
        if not self.progress.waiting:
            return pace.poll_s * IDLE
        return min(pace.poll_s * UNRIPE, max(pace.poll_s / SOON, self._ripe_in_s(time.monotonic())))

    def _enough(self, batch: Batch) -> bool:
        return len(batch.records) >= self._pace.enough or batch.size >= self._pace.enough_bytes

    def _send(self, prepared: Prepared, *, remember: bool) -> int:
        batch, self._waits_since_s = prepared.batch, math.inf
        if remember:
            self._spool.remember(batch)
            self._step("remembered")
        if prepared.plan is not None and (prepared.plan.notes or prepared.plan.settled):
            self._notes.note(prepared.plan.notes, prepared.plan.settled)
            self._step("noted")
        if self._enough(batch) and not self._aside.is_open and not self._rewrite_waits():
            self._ahead = self._mapping.submit(self._prepare_after, batch)
        self._inserts.all(prepared)
        self._look_elsewhere_again(prepared)
        self._spool.confirm(batch)
        self._inserts.careful = None
        self._poison.difference_update([(each.segment, each.seq) for each in batch.records] if self._poison else ())
        self._step("confirmed")
        self.progress.records += len(batch.records)
        self.progress.rows += sum(part.rows for part in prepared.parts) + len(prepared.arrivals.owners)
        self.progress.batches += 1
        self._tidy()
        self._step("cleared")
        return len(batch.records)

    def _look_elsewhere(self, prepared: Prepared) -> None:
        """What of the batch another server was told of as well is noted before any of it is shown."""
        if self._shared is not None and prepared.plan is not None and prepared.plan.seen:
            if notes := self._shared.told_elsewhere(prepared.plan.seen):
                self._shared.note(notes)
            self._step("looked elsewhere")

    def _look_elsewhere_again(self, prepared: Prepared) -> None:
        """Calls of ours are in the store now: in which of their traces another server has spans. What came here of them
        is noted already (`ForeignTraces.plan`)."""
        if self._shared is not None and prepared.plan is not None and prepared.plan.called:
            if notes := self._shared.joined_elsewhere(prepared.plan.called):
                self._shared.note(notes)
            self._step("looked elsewhere again")

    def _read_ahead(self) -> Prepared | None:
        ahead, self._ahead = self._ahead, None
        return ahead.result() if ahead is not None else None

    def _prepare_after(self, batch: Batch) -> Prepared | None:
        """In the other thread. A small batch is left alone: by its turn it will have grown."""
        following = self._spool.peek(self._pace.batch, self._pace.batch_bytes, beyond=batch)
        if following is None or not self._enough(following):
            return None
        return self._prepare(following)

    def _prepare(self, batch: Batch) -> Prepared:
        rows, plan = self._mapped(batch)
        self._seal(rows)
        tables = [table for table in rows.tables() if table is not rows.arrivals]
        parts = [Part(table, len(table.owners), table.encoded()) for table in tables]
        return Prepared(batch, tuple(parts), rows.arrivals, plan)

    def _seal(self, rows: Rows) -> None:
        if self.arrivals is not None:
            self.arrivals.add(rows)
        rows.seal()

    def _mapped(self, batch: Batch) -> tuple[Rows, Plan | None]:
        """A batch that cannot be mapped whole is mapped without the records that are to blame, and without help: what
        broke may be that."""
        try:
            return self._map(batch, seal=True)
        except _WAITS:
            raise
        except Exception:
            logger.exception("a batch cannot be mapped as a whole; its records are looked through")
            self._find_poison(batch)
            return self._map(batch, seal=True, alone=True)

    def _find_poison(self, batch: Batch) -> None:
        """Halve the batch until those records stand alone that cannot be mapped; they are set aside and left out."""
        middle = len(batch.records) // 2
        for records in (batch.records[:middle], batch.records[middle:]):
            if not records:
                continue
            part, first = Batch(batch.id, (), records), records[0]
            try:
                if self._foreign is not None:
                    self._foreign.traces.forget()  # what is only tried must not be remembered
                self._map(part)
            except _WAITS:
                raise
            except Exception as error:
                if len(records) > 1:
                    self._find_poison(part)
                    continue
                logger.exception("the record %s/%d cannot be mapped", first.segment, first.seq)
                self._set_aside(part, 0, f"{type(error).__name__}: {error}")
                self._poison.add((first.segment, first.seq))
        if self._foreign is not None:
            self._foreign.traces.forget()

    def _map(self, batch: Batch, *, seal: bool = False, alone: bool = False) -> tuple[Rows, Plan | None]:
        """The rows of a batch, and what becomes of its foreign spans. ``seal``: a portion's rows are encoded before the
        next one is mapped. ``alone``: nobody helps."""
        rows = Rows(self.keys())
        found = _Found([], [], [])
        for place, spooled in enumerate(batch.records):
            if self._poison and (spooled.segment, spooled.seq) in self._poison:
                continue
            try:
                self._add(rows, place, decode_any(self.open(spooled.body)), found)
            except (OSError, KeyUnknown):
                raise  # a blob could not be put, or the key is not known here yet: not the record's fault
            except _Refused as refused:
                self._set_aside(batch, place, str(refused))
            except Exception as error:  # noqa: BLE001  whatever a record holds, it must not stop the others
                self._set_aside(batch, place, f"{type(error).__name__}: {error}")
            if seal and place % _PORTION == _PORTION - 1:
                self._seal(rows)
        if self._foreign is None or not (found.spans or found.joined or found.remaps):
            return rows, None
        foreign = self._foreign

        away = self._away(batch) if seal and found.spans and not alone else None

        def portion(plan: Plan) -> None:
            plan.rows(rows, foreign.rows, away)
            if seal:
                self._seal(rows)
            if away is not None:
                away.flush()

        try:
            plan = foreign.traces.plan(found.spans, found.joined, portion, away)
            if away is not None:
                away.collect(rows, plan)
        finally:
            if away is not None:
                away.close()
        for key, at_ns in found.joined if self._shared is not None else ():
            low, high = plan.called.get(key, (at_ns, at_ns))
            plan.called[key] = min(low, at_ns), max(high, at_ns)
        plan.notes += [note for each in found.remaps for note in each.notes()]
        for place, why in plan.broken:
            self._set_aside(batch, place, why)
        return rows, plan

    def _away(self, batch: Batch) -> AwayBatch | None:
        """Who else maps this batch: somebody where there is a backlog, and for what comes right after one."""
        if self._foreign is None or self._foreign.hands is None or not self._enough(batch):
            return None
        return self._foreign.hands.batch(backlog=batch.size >= self._pace.backlog_bytes)

    def _add(self, rows: Rows, place: int, record: Any, found: "_Found") -> None:
        """What one record becomes, by its kind. Foreign spans wait for the rest of their traces."""
        if type(record) is CallRecord:
            self._mapper.add(rows, place, record)
            if record.parent_span_id:
                found.joined.append(((record.project, record.trace_id), record.started_ns))
        elif type(record) is ScoreBatch:
            add_scores(rows.scores, place, record)
        elif type(record) is ForeignBatch and self._foreign is not None:
            found.spans.append((place, record))
        elif type(record) is RemapBatch and self._foreign is not None:
            found.remaps.append(record)
        elif type(record) is RefusedSpan:
            raise _Refused(record.reason)
        else:
            raise TypeError(f"nothing maps a {type(record).__name__}")

    def _set_aside(self, batch: Batch, place: int, reason: str) -> None:
        logger.warning("record %s/%d is set aside: %s", batch.records[place].segment, batch.records[place].seq, reason)
        self._spool.reject(batch.records[place], reason)
        self.progress.rejected = self._spool.rejected_count()

    # --- foreign traces, made anew ---

    def rewrite(self, now_ms: int) -> int:
        """Make the noted traces anew that are due; returns how many. Raises what the store raises."""
        return 0 if self._repairs is None else self._repairs.make(now_ms)

    def _rewrite_waits(self) -> bool:
        """In a backlog the next batch is always read ahead, and what is read ahead must not meet traces that are made
        anew meanwhile: so now and then, if any are due, none is."""
        rest = max(self._pace.rewrite_in_backlog_s, 10 * self._rewrite_took_s)
        if self._repairs is None or time.monotonic() - self._last_rewrite_s < rest:
            return False
        return bool(self._spool.noted(time.time_ns() // 1_000_000, 1))

    def _meanwhile(self) -> int | None:
        """One small batch, if it is ripe, while rows of traces are away: so that none of them is for longer than that.
        None: what comes next is of these traces."""
        began = time.monotonic()
        self._measure()
        if self._repairs is None or not self._ripe():
            return 0
        most = self._pace.enough
        while most and (batch := self._spool.peek(most, self._pace.enough_bytes)) is not None:
            most = free(batch.records, self._repairs.made, self.open)
            if most == len(batch.records):
                self._last_batch_s = self._last_look_s = began
                return self._send(self._prepare(batch), remember=True)
        return 0 if most else None

    def _rewrite_if_due(self) -> None:
        """At rest between two batches, seldom, and the more seldom the longer it takes: rows are deleted for it. Within
        a bound: one turn that took a minute, on a machine that had other things to do, says little of the next."""
        if back_ms := self.clock.by_ms():  # else traces would wait for the clock to come by there again
            logger.warning("the clock was set back by %d s", back_ms // 1000)
            self._spool.sooner(back_ms)
        began = time.monotonic()
        rest = max(self._pace.rewrite_s, min(10 * self._rewrite_took_s, self._pace.rewrite_rest_s))
        if self._ahead is not None or began - self._last_rewrite_s < rest:
            return
        self._last_rewrite_s = began
        with self._aside:
            self.rewrite(time.time_ns() // 1_000_000)
        self._last_rewrite_s = time.monotonic()
        self._rewrite_took_s = self._last_rewrite_s - began

    # --- what is told ----------------------------------------------------------------------------------------------

    def _measure(self) -> None:
        backlog = self._spool.backlog()
        self.progress.waiting, self.progress.oldest_ms = backlog.waiting, backlog.oldest_ms
        self._waiting_bytes = backlog.size
        self.progress.rejected = self._spool.rejected_count()  # people replay and drop letters, too

    def _tidy(self) -> None:
        """Now and then: remove drained files, count what waits."""
        now = time.monotonic()
        if now - self._last_clear_s < self._pace.clear_s:
            return
        self._last_clear_s = now
        self._spool.clear()
        self._measure()
        if self._merges is not None:
            self._merges.look(self.progress.waiting, self.progress.batches, self._waiting_bytes)

    def _rest(self) -> None:
        """Nothing is being mapped: whoever helped may end."""
        if self._helpers is not None and self._ahead is None:
            self._helpers.rest()

    def _well(self) -> None:
        if self._helpers is not None:
            self.progress.mappers, self.progress.mappers_lost = len(self._helpers), self._helpers.lost
        if self.progress.state != "ok":
            logger.info("the telemetry store is well")
        self.progress.state, self.progress.detail = "ok", "" if self._repairs is None else self._repairs.detail
        self.progress.unmade = 0 if self._repairs is None else self._repairs.unmade

    def _report(self, error: Exception) -> None:
        said = error.sentence() if isinstance(error, TrimtabError) else f"Records cannot be moved: {error}"
        full = isinstance(error, StoreFull) or (isinstance(error, OSError) and error.errno == errno.ENOSPC)
        state: State = "full" if full else "down"
        if (state, said) != (self.progress.state, self.progress.detail):
            logger.warning("records wait: %s", said, exc_info=None if isinstance(error, _WAITS) else error)
        self.progress.state, self.progress.detail = state, said
        try:
            self._measure()
        except (sqlite3.Error, OSError):
            return  # the state above says what matters

    def _finished(self) -> bool:
        if not self._stop.is_set():
            return False
        if time.monotonic() >= self._deadline:
            return True
        backlog = self._spool.backlog()
        return backlog.waiting == 0


class _Found(NamedTuple):
    """What of a batch is foreign: spans, and the traces that calls of our own became part of."""

    spans: list[tuple[int, ForeignBatch]]
    joined: list[tuple[tuple[str, str], int]]
    remaps: list[RemapBatch]


class _Refused(Exception):
    """A span that a door set aside: its reason."""


class Foreign(NamedTuple):
    """What the writer needs for foreign spans."""

    traces: ForeignTraces
    rows: ForeignRows
    rewriter: Rewriter
    hands: Hands | None = None
    shared: Callable[[SpoolReader], SharedNotes] | None = None
    """Where other servers write to the same store: what its notes are kept in."""


_WAITS = (StoreAway, StoreRefused, KeyUnknown, sqlite3.Error, OSError)
"""What is nobody's fault, or the store's: the same may go well later."""


def _as_it_is(body: bytes) -> bytes:
    return body


def _no_step(name: str) -> None:
    del name
