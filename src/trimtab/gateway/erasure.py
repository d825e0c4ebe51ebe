"""Erasure: everything of one user, session or trace leaves every place it is in, and a receipt says what was removed.

A job in the catalog, taken up by one worker at a time, step by step; each step may be done twice:

1. wait until the store has what the spool held when it began, and forget dead letters;
   Where several servers share the store, each does this and step 4 in its own folder (`erasure_folders.py`);
2. find what this server made of it (`erasure_made.py`), and forget copies of answers: response cache, kept responses,
   answers to idempotency keys, and what rooms above keep (datasets, experiments, review);
3. trace by trace, some thousand at a time: scores, texts, spans from the store; the spans last, because they lead to
   the rest. The rows of the books stay, without what identified anybody;
4. blobs that no row refers to any more: set aside, and gone once what was on its way to the store by then is there
   and refers to none of them either (contents are kept once, so another call may have put the same);
5. look: no row is left, no old part of a table, no drained spool file, nothing in a database's log.

Rows are counted before they are touched, and the count is saved: so a crash neither loses one nor counts it twice.
Nothing personal is written into a mutation, for the store keeps those as text: rows are named by ids.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.errors import InternalError, TrimtabError, Unavailable
from trimtab.core.ids import new_id
from trimtab.gateway import erasure_copies as copies
from trimtab.gateway.erasure_folders import Folders
from trimtab.gateway.erasure_letters import Letters
from trimtab.gateway.erasure_made import COLUMN, Led, Made, named
from trimtab.gateway.kept.answers import Answers
from trimtab.governance import erasures as store
from trimtab.governance import legal_holds
from trimtab.governance.erasures import Ahead, Erasure, Report
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.storage.turns import HOLD_MS, Turns, holding
from trimtab.telemetry.remakes import TABLE as REMAKES
from trimtab.telemetry.removal import held
from trimtab.telemetry.removal.upkeep import IDS_AT_ONCE, IDS_IN, Upkeep, ids
from trimtab.telemetry.spool import barrier
from trimtab.telemetry.stores import Value

logger = logging.getLogger("trimtab.erasure")

POLL_S: Final = 5.0
ROUNDS: Final = 5
"""How often what came meanwhile is removed too before the job fails."""
PARTS_ROUNDS: Final = 20
PARTS_GONE_S: Final = 30.0
"""Ten minutes in all: a server of its own keeps old parts for eight (``old_parts_lifetime``)."""
SPOOL_GONE_S: Final = 120.0
LOG_GONE_S: Final = 20.0

ANONYMOUS: Final = (
    "session = '', user = '', trace_id = '', tags = [], prompt_preview = '', fingerprint = 0, response_id = ''"
)
"""What a row of the books loses. What was used, what it cost and by which price stays."""
_IDS: Final = ("id", "span_id", "trace_id")
"""What names a row of a table: the first of these that is a column of it."""
_LEADING: Final = ("spans", "ledger")
"""What says which traces are of somebody."""
_MADE: Final = "made:"


class Parts(Struct, frozen=True, kw_only=True):
    """What an `Eraser` is made of. ``end_segment`` makes this worker begin a new spool file soon. ``blobs`` is
    None where they are not in a folder of this machine."""

    db: Database
    answers: Answers
    upkeep: Upkeep
    blobs: FolderBlobs | None
    spool: Path
    end_segment: Callable[[], None]
    clock: Clock
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    adopt: Callable[[str, Sequence[str]], Awaitable[dict[str, int]]] | None = None
    """Sees to it that what was made of the words of a project's traces, and does not say so, goes with them. Asked
    while their texts are still there; rows by table that it removed itself."""
    of_user: Callable[[str, str], Awaitable[dict[str, int]]] | None = None
    """Removes what rooms above keep of a user of a project: rows by table."""
    elsewhere: Callable[[Connection, str], str] | None = None
    """Where copies of a project's content have gone, in words: for the receipt."""
    beyond: Callable[[str, set[str]], Awaitable[dict[str, int]]] | None = None
    """What rooms above keep of a project's traces is removed by this: rows by table."""
    led: Callable[[Connection, str, set[str]], Led] | None = None
    """What rooms above made of a project's traces."""
    opened: Callable[[bytes], bytes] = bytes
    """Opens a sealed record; raises `TrimtabError` for one whose key is gone."""
    folders: Folders | None = None
    """Where several servers share catalog and store, each sees to spool, dead letters, blobs and backups of its own
    data folder; None where this one is alone."""
    backups: Callable[[Erasure], str] | None = None
    """Notes the receipt in the backups that were taken before; what came of it, in words. Blocks."""


class Eraser:
    """Runs beside a worker. ``step(name)`` is called after each step, so that a test may end it right there."""

    def __init__(self, parts: Parts, *, step: Callable[[str], None] | None = None) -> None:
        self._parts = parts
        self._holder = new_id("worker")
        self._turns = Turns(self.turn, "an erasure", POLL_S, logger)
        self._step = step or _no_step

    def wake(self) -> None:
        """There is a new one."""
        self._turns.wake()

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run()

    async def turn(self) -> bool:
        """Take up one and do it to its end; False where there is none."""
        db, now = self._parts.db, self._now()
        if not await db.read(lambda conn: store.waits(conn, now)):
            return False
        job = await db.write(lambda conn: store.take(conn, self._holder, now, HOLD_MS))
        if job is None:
            return False
        work = _Work(self._parts, job, self._now, self._step)
        try:
            async with holding(
                lambda: db.write(lambda conn: store.renew(conn, work.job, self._now(), HOLD_MS)),
                lambda: db.write(lambda conn: store.let_go(conn, work.job)),
            ):
                await work.do()
        except Unavailable:
            raise
        except (TrimtabError, OSError, sqlite3.Error) as error:
            said = error.sentence() if isinstance(error, TrimtabError) else str(error)
            logger.error("the erasure %s failed: %s", job.id, said)
            await work.save(replace(work.job, state="failed", problem=said))
        return True

    def _now(self) -> int:
        return self._parts.clock.now_ns() // 1_000_000


class _Work:
    """One erasure on its way."""

    def __init__(self, parts: Parts, job: Erasure, now: Callable[[], int], step: Callable[[str], None]) -> None:
        self.job = job
        self._parts = parts
        self._now = now
        self._step = step
        self._which: dict[str, Value] = {"project": job.project_id, "value": job.value}
        self._letters = Letters(job, parts.opened)
        self._cond = f"project = {{project:String}} AND {COLUMN[job.subject]} = {{value:String}}"

    async def do(self) -> None:
        await self._refuse_what_is_held()
        await self._wait_for_spool()
        await self._refuse_what_is_held()  # what waited is there now, and nothing of it is gone
        if self.job.report.step == "spooled":
            await self._follow()
        if self.job.report.step == "followed":
            await self._forget_copies()
        if self._parts.folders is not None:
            await self._until_folders("letters")
        try:
            await self._forget_rows()
            await (self._forget_blobs() if self._parts.folders is None else self._forget_in_folders())
        finally:
            await asyncio.to_thread(barrier.went_first, self._parts.spool, self.job.id)
        if (remakes := self._parts.upkeep.remakes) is not None:
            await remakes.go_first(self.job.id, over=True)
        checks = await self._look()
        if self._parts.elsewhere is not None:
            elsewhere, project = self._parts.elsewhere, self.job.project_id
            checks["copies sent elsewhere"] = await self._parts.db.read(lambda conn: elsewhere(conn, project))
        report = self.job.report
        if self._parts.folders is not None:
            checks |= await self._parts.folders.checks(self.job)
            report = self._added(await self._parts.folders.rows(self.job))
        elif self._parts.backups is not None:
            checks["backups from before"] = await asyncio.to_thread(self._parts.backups, self.job)
        await self._note(replace(report, step="done", marks=None, blobs=(), made=(), checks=checks), state="done")
        await self._settle(self._parts.db)  # the row that held the value until now
        logger.info("the erasure %s is done", self.job.id)

    async def _forget_rows(self) -> None:
        """All rows of it, and what came meanwhile."""
        for _ in range(ROUNDS):
            await self._until_made_anew()  # their rows are away, and would not be found; what was read comes back
            await self._forget_made()
            await self._forget_traces()
            await self._forget_rest()
            await self._until_made_anew()
            if not await self._rows_left():
                return
        raise InternalError(
            "Rows of what is being erased keep arriving.", fix="Stop what sends them, then ask for it again."
        )

    async def _refuse_what_is_held(self) -> None:
        """Raises `Conflict` where a legal hold covers any of its traces, also one that only the books or scores tell of
        any more."""
        for hold in await self._holds():
            for source in _LEADING:
                traces = f"trace_id IN (SELECT trace_id FROM {source} WHERE {self._cond} AND trace_id != '')"  # noqa: S608
                await self._refuse(hold, traces, self._which)
            if hold.subject == "project":
                for kept in await self._parts.upkeep.kept():
                    if COLUMN[self.job.subject] in (await self._parts.upkeep.tables())[kept.table]:
                        await self._refuse(hold, self._cond, self._which, ((kept.table, kept.age),))

    async def _holds(self) -> list[legal_holds.LegalHold]:
        project = self.job.project_id
        return await self._parts.db.read(lambda conn: legal_holds.in_force(conn, project))

    async def _refuse(
        self, hold: legal_holds.LegalHold, where: str, params: dict[str, Value],
        places: Sequence[tuple[str, str]] = (("spans", "start_ns"), ("ledger", "at_ns")),
    ) -> None:  # fmt: skip
        """Raises `Conflict` where a row of these tables fits that a hold covers."""
        for table, at in places:
            said, more = held.condition(hold, at)
            if await self._parts.upkeep.count(
                table, f"project = {{project:String}} AND {where} AND {said}", {**params, **more}
            ):
                raise legal_holds.refuse_erasure(hold)

    async def _refuse_what_was_made(self, made: Sequence[str]) -> None:
        """Raises `Conflict` where a hold covers a trace of our own that would go with it."""
        holds = await self._holds()
        for at in range(0, len(made), IDS_AT_ONCE):
            params: dict[str, Value] = {"project": self.job.project_id, "ids": ids(made[at : at + IDS_AT_ONCE])}
            for hold in holds:
                await self._refuse(hold, f"trace_id {IDS_IN}", params)

    # --- how far it came ---

    async def save(self, job: Erasure) -> None:
        now = self._now()
        if not await self._parts.db.write(lambda conn: store.save(conn, job, now, HOLD_MS)):
            raise Unavailable("Another worker has taken up this erasure.", code="erasure_taken")
        self.job = job

    async def _note(self, report: Report, *, state: store.State = "running") -> None:
        await self.save(replace(self.job, report=report, state=state))
        self._step(report.step if report.ahead is None else f"counted:{report.ahead.key}")

    def _passed(self) -> Report:
        """The report with what was ahead as removed."""
        ahead = self.job.report.ahead
        report = self._added(ahead.rows if ahead else {})
        return replace(report, traces=report.traces + (ahead.traces if ahead else 0), ahead=None)

    def _added(self, rows: dict[str, int]) -> Report:
        """The report with rows that are gone now."""
        report = self.job.report
        names = {*report.rows, *rows}
        total = {name: report.rows.get(name, 0) + rows.get(name, 0) for name in sorted(names)}
        return replace(report, rows=total)

    # --- 1: the spool ---

    async def _wait_for_spool(self) -> None:
        report, spool = self.job.report, self._parts.spool
        if self._parts.folders is not None:
            await self._until_folders("spooled")
            if report.step in ("begun", "marked"):  # marked by a program that knew of one folder
                await self._note(replace(report, step="spooled", marks=None))
            return
        if report.marks is None:
            self._parts.end_segment()
            report = replace(report, step="marked", marks=await asyncio.to_thread(barrier.marks, spool))
            await self._note(report)
        marks = report.marks or {}
        wait = 0.05
        while left := await asyncio.to_thread(barrier.behind, spool, marks):
            await self.save(replace(self.job, problem=f"{left} records wait in the spool for the telemetry store."))
            await self._parts.pause(wait)
            wait = min(wait * 1.5, 2.0)
        if report.step == "marked":
            gone = await asyncio.to_thread(barrier.forget_letters, spool, self._letters.is_of_it)
            await self.save(replace(self.job, problem=""))
            await self._note(replace(self._added({"dead_letters": gone}), step="spooled"))

    # --- 2: what was made of it, and copies of answers ---

    async def _follow(self) -> None:
        """Find the traces of our own that were made of theirs; they are theirs too."""
        parts, project = self._parts, self.job.project_id
        traces = await self._distinct("trace_id")
        adopted = {} if parts.adopt is None else await parts.adopt(project, sorted(traces - {""}))
        made = await Made(parts.upkeep, parts.db, project, parts.led).of(traces)
        await self._refuse_what_was_made(sorted(made))
        gone = 0
        if parts.folders is None:
            every = frozenset(traces | made)
            gone = await asyncio.to_thread(
                barrier.forget_letters, parts.spool, lambda body: self._letters.names(body, every)
            )
        report = self._added({"dead_letters": gone} | adopted)
        await self._note(replace(report, step="followed", made=tuple(sorted(made))))

    async def _forget_copies(self) -> None:
        made = self.job.report.made
        requests = await self._distinct("request_id")
        requests |= await Made(self._parts.upkeep, self._parts.db, self.job.project_id).requests(made)
        project, parts = self.job.project_id, self._parts
        await parts.answers.flush()
        rows = await parts.answers.db.write(lambda conn: copies.forget_answers(conn, project, requests))
        rows["responses"] = await parts.db.write(lambda conn: copies.forget_responses(conn, project, requests))
        if self.job.subject == "user":
            value = self.job.value
            rows["limit_events"] = await parts.db.write(lambda conn: copies.forget_events(conn, project, value))
            if parts.of_user is not None:
                rows |= await parts.of_user(project, value)
        if parts.beyond is not None:
            rows = _sum(rows, await parts.beyond(project, await self._distinct("trace_id") | set(made)))
        await self._note(replace(self._added(rows), step="copies"))

    async def _distinct(self, column: str) -> set[str]:
        return await named(self._parts.upkeep, self.job, column)

    # --- 3: the store ---

    async def _forget_made(self) -> None:
        """Chunk by chunk, as `_forget_traces`, which begins when this is done."""
        made, ahead = self.job.report.made, self.job.report.ahead
        if ahead is not None and not ahead.key.startswith(_MADE):
            return
        await self._parts.upkeep.finished(("spans", "ledger"))
        for at in range(0, len(made), IDS_AT_ONCE):
            traces = list(made[at : at + IDS_AT_ONCE])
            key, ahead = f"{_MADE}{at}", self.job.report.ahead
            if (ahead is not None and ahead.key == key) or await self._spans_of(traces):
                await self._forget_chunk(key, traces)

    async def _spans_of(self, traces: Sequence[str]) -> int:
        params: dict[str, Value] = {"project": self.job.project_id, "ids": ids(traces)}
        return await self._parts.upkeep.count("spans", f"project = {{project:String}} AND trace_id {IDS_IN}", params)

    async def _forget_traces(self) -> None:
        await self._parts.upkeep.finished(("spans", "ledger"))  # what we asked for before we were interrupted
        while True:
            sql = f"SELECT DISTINCT trace_id FROM spans WHERE {self._cond} ORDER BY trace_id LIMIT {IDS_AT_ONCE}"  # noqa: S608
            traces = [row[0] for row in await self._parts.upkeep.values(tuple[str], sql, self._which)]
            key = f"traces:{traces[0]}:{traces[-1]}" if traces else ""
            ahead = self.job.report.ahead
            if ahead is not None and ahead.key != key:  # what was ahead when we were interrupted is gone
                await self._note(self._passed())
            if not traces:
                return
            await self._forget_chunk(key, traces)

    async def _forget_chunk(self, key: str, traces: list[str]) -> None:
        upkeep = self._parts.upkeep
        params: dict[str, Value] = {"project": self.job.project_id, "ids": ids(traces)}
        where = f"project = {{project:String}} AND trace_id {IDS_IN}"
        tables = [kept.table for kept in await upkeep.kept() if kept.table != "ledger"]
        if self.job.report.ahead is None:
            rows = {table: await upkeep.count(table, where, params) for table in tables}
            rows["ledger"] = await upkeep.count("ledger", where, params)
            blobs = tuple(sorted({*self.job.report.blobs, *await self._blobs_of(where, params)}))
            await self._note(replace(self.job.report, ahead=Ahead(key=key, rows=rows, traces=len(traces)), blobs=blobs))
        await upkeep.update("ledger", ANONYMOUS, where, params)
        for table in sorted(tables, key=lambda name: name == "spans"):
            await upkeep.delete(table, where, params)
            self._step(f"removed:{table}")
        await self._note(self._passed())

    async def _blobs_of(self, where: str, params: dict[str, Value]) -> set[str]:
        found: set[str] = set()
        for table, column in await self._parts.upkeep.blob_columns():
            sql = f"SELECT DISTINCT {column} FROM {table} WHERE {where} AND {column} != ''"  # noqa: S608
            found |= {row[0] for row in await self._parts.upkeep.values(tuple[str], sql, params)}
        return found

    async def _forget_rest(self) -> None:
        """What names it and has no span: rows of the books whose spans are gone longer already, scores of a session as
        a whole."""
        tables = await self._parts.upkeep.kept()
        for kept in tables:
            columns = (await self._parts.upkeep.tables())[kept.table]
            if kept.table != "spans" and COLUMN[self.job.subject] in columns:
                await self._each(kept.table, next(name for name in _IDS if name in columns))

    async def _each(self, table: str, column: str) -> None:
        """Rows of a table that name what is erased, by their own ids: anonymous in the books, deleted elsewhere."""
        upkeep = self._parts.upkeep
        await upkeep.finished((table,))
        while True:
            sql = f"SELECT DISTINCT {column} FROM {table} WHERE {self._cond} ORDER BY 1 LIMIT {IDS_AT_ONCE}"  # noqa: S608
            found = [row[0] for row in await upkeep.values(tuple[str], sql, self._which)]
            ahead = self.job.report.ahead
            key = f"{table}:{found[0]}:{found[-1]}" if found else ""
            if ahead is not None and ahead.key != key:
                await self._note(self._passed())
            if not found:
                return
            params: dict[str, Value] = {"project": self.job.project_id, "ids": ids(found)}
            where = f"project = {{project:String}} AND {column} {IDS_IN}"
            if self.job.report.ahead is None:
                rows = {table: await upkeep.count(table, where, params)}
                await self._note(replace(self.job.report, ahead=Ahead(key=key, rows=rows)))
            if table == "ledger":
                await upkeep.update(table, ANONYMOUS, where, params)
            else:
                await upkeep.delete(table, where, params)
            await self._note(self._passed())

    async def _rows_left(self) -> int:
        """Rows of any table that still name it. What servers tell each other they have yet to make anew is looked at by
        them, and told as done, also after all rows of it are gone: ids, for a day."""
        made = self.job.report.made
        left = 0
        for at in range(0, len(made), IDS_AT_ONCE):
            left += await self._spans_of(made[at : at + IDS_AT_ONCE])
        for table, columns in (await self._parts.upkeep.tables()).items():
            if COLUMN[self.job.subject] in columns and table != REMAKES:
                left += await self._parts.upkeep.count(table, self._cond, self._which)
        return left

    # --- 4: blobs ---

    async def _forget_blobs(self) -> None:
        blobs, candidates = self._parts.blobs, self.job.report.blobs
        if blobs is None or not candidates:
            return
        gone = sorted(set(candidates) - await self._parts.upkeep.referred(candidates))
        try:
            for reference in gone:
                await asyncio.to_thread(blobs.set_aside, reference)
            self._step("aside")
            await self._wait_for_what_was_put()
            gone = sorted(set(gone) - await self._parts.upkeep.referred(gone))
            for reference in gone:
                await asyncio.to_thread(blobs.forget, reference)
        finally:
            for reference in candidates:
                await asyncio.to_thread(blobs.put_back, reference)
        await self._note(replace(self._added({"blobs": len(gone)}), blobs=()))

    async def _forget_in_folders(self) -> None:
        """In each by its own server. No traces are taken in hand meanwhile: their rows would be away."""
        parts = self._parts
        assert parts.folders is not None
        await self._note(replace(self.job.report, step="rows"))
        await self._until_folders("aside", first=True)
        await self._until_made_anew(everybody=True)
        await self._note(replace(self.job.report, step="aside"))
        await self._until_folders("gone", first=True)

    async def _until_folders(self, step: store.FolderStep, *, first: bool = False) -> None:
        """Until the server of each data folder that is heard of has done its part, saying who is waited for.
        ``first``: this goes before traces that are to be made anew."""
        folders, remakes, wait = self._parts.folders, self._parts.upkeep.remakes, 0.05
        assert folders is not None
        while late := await folders.late(self.job, step):
            if first and remakes is not None:
                await remakes.go_first(self.job.id)
            await self.save(replace(self.job, problem=late if wait > 1 else ""))
            await self._parts.pause(wait)
            wait = min(wait * 1.5, 2.0)
        await self.save(replace(self.job, problem=""))

    async def _wait_for_what_was_put(self) -> None:
        """Until the store has the rows of everybody who may have put a blob by now."""
        spool = self._parts.spool
        marks = await asyncio.to_thread(barrier.marks, spool)
        wait = 0.05
        while await asyncio.to_thread(barrier.behind, spool, marks):
            await self.save(self.job)
            await self._parts.pause(wait)
            wait = min(wait * 1.5, 2.0)
        await self._until_made_anew(everybody=True)

    async def _until_made_anew(self, *, everybody: bool = False) -> None:
        """Until no rows of the project's traces are away, read already and not written again yet. No more are taken in
        hand meanwhile, of whomever, and for a minute from then on: thousands may be due."""
        wait, spool = 0.05, self._parts.spool
        while True:
            await asyncio.to_thread(barrier.go_first, spool, self.job.id)
            found = await asyncio.to_thread(barrier.rewriting, spool)
            traces = sum(1 for each in found if everybody or each[0] == self.job.project_id)
            if (remakes := self._parts.upkeep.remakes) is not None:
                await remakes.go_first(self.job.id)
                traces = max(traces, await remakes.in_hand(None if everybody else self.job.project_id))
            if not traces:
                break
            await self.save(replace(self.job, problem=f"{traces} traces are being made anew before it can go on."))
            await self._parts.pause(wait)
            wait = min(wait * 1.5, 2.0)
        await self.save(replace(self.job, problem=""))

    # --- 5: is it gone? ---

    async def _look(self) -> dict[str, str]:
        """What was looked at, and what was found. Waits for what goes by itself; fails for what does not go."""
        upkeep, spool = self._parts.upkeep, self._parts.spool
        tables = [kept.table for kept in await upkeep.kept()]
        old = 0
        for _ in range(PARTS_ROUNDS):
            old = await upkeep.drop_old_parts(tables, PARTS_GONE_S)
            await self.save(self.job)
            if not old:
                break
        files = await self._until_none(lambda: barrier.files_left(spool, self.job.report.marks or {}), SPOOL_GONE_S)
        logs = await self._settle(self._parts.db) + await self._settle(self._parts.answers.db)
        left = await self._rows_left()
        if old or files or left:
            raise InternalError(
                f"It cannot be shown to be gone: {left} rows, {old} old parts and {files} spool files are left.",
                fix="See that the telemetry process runs and is not behind, then ask for the same erasure again.",
            )
        found = {
            "rows that name it": "none",
            "mutations": "finished",
            "old parts of tables": "none",
            "spool files from before": "none",
            "logs of SQLite": "empty" if not logs else "in use; they are written over by what follows",
        }
        broken = await asyncio.to_thread(barrier.broken_files, spool)
        if broken:
            found["broken spool files"] = f"{broken}: they could not be read; look through them by hand"
        return found

    async def _until_none(self, count: Callable[[], int], within_s: float) -> int:
        waited, wait = 0.0, 0.05
        while (left := await asyncio.to_thread(count)) and waited < within_s:
            await self._parts.pause(wait)
            waited += wait
            wait = min(wait * 1.5, 1.0)
        return left

    async def _settle(self, db: Database) -> int:
        """Empty the database's log; 1 where it could not be, because somebody reads it all the time."""
        waited, wait = 0.0, 0.02
        while not await db.settle():
            if waited > LOG_GONE_S:
                return 1
            await self._parts.pause(wait)
            waited += wait
            wait = min(wait * 1.5, 0.5)
        return 0


def _sum(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def _no_step(name: str) -> None:
    del name
