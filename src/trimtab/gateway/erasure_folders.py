"""An erasure where several servers share a catalog and a store: what lies in a data folder, only its own server can
reach. So each does its part there, and whoever has the erasure in hand (`erasure.py`) waits for all of them:

| the erasure came to | in each folder | which is then |
|---|---|---|
| its beginning | what the spool holds is waited for until it is in the store | ``spooled`` |
| ``followed``, ``copies`` | dead letters are removed, while the rows that say whose they are stand | ``letters`` |
| ``rows``: none is left | what nothing refers to is set aside; what was put before is waited for | ``aside`` |
| ``aside``: all have | what no row refers to now is removed, and the receipt put into backups | ``gone`` |

A folder that was not heard of for `LOST_S` is not waited for: its machine may be gone for good. The receipt names it.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.errors import TrimtabError
from trimtab.gateway.erasure_letters import Letters
from trimtab.gateway.erasure_made import named
from trimtab.governance import erasures as store
from trimtab.governance.erasures import Erasure, FolderStep, InFolder
from trimtab.storage import folders
from trimtab.storage.blobs import FolderBlobs
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns
from trimtab.telemetry.removal.upkeep import Upkeep
from trimtab.telemetry.spool import barrier
from trimtab.telemetry.spool.barrier import Marks

logger = logging.getLogger("trimtab.erasure")

LOST_S: Final = 900.0
POLL_S: Final = 2.0
BETWEEN_S: Final = 0.2
"""While an erasure is under way; longer each time that there is nothing to be done yet, up to `LONGEST_S`: each look
reads all that it has found so far."""
LONGEST_S: Final = 2.0
TROUBLE_S: Final = 2.0
TELL_S: Final = 4.0


class Folders:
    """All data folders, for whoever has an erasure in hand; ``own`` is the id of that one's."""

    def __init__(self, db: Database, own: str) -> None:
        self._db = db
        self._own = own

    async def late(self, job: Erasure, step: FolderStep) -> str:
        """Who has yet to do a step, in words; empty where none has. Who came when rows were going already cannot tell
        any more which dead letters are of it, and is not waited for."""
        too_late = step in ("aside", "gone") or (step == "letters" and job.report.step in store.AFTER_LETTERS)
        heard, done = await self._db.read(lambda conn: (self._heard(conn), store.in_folders(conn, job.id)))
        late = {
            folder: silent
            for folder, silent in heard.items()
            if silent < LOST_S * 1000
            and not (folder in done and done[folder].has(step))
            and not (too_late and not (folder in done and done[folder].has("letters")))
        }
        if not late:
            return ""
        told = ", ".join(f"{folder} (heard of {silent // 1000} s ago)" for folder, silent in late.items())
        return f"It waits for the servers of {len(late)} data folders to do their part: {told}."

    async def rows(self, job: Erasure) -> dict[str, int]:
        """What was removed in all of them."""
        done = (await self._db.read(lambda conn: store.in_folders(conn, job.id))).values()
        return {
            "dead_letters": sum(each.dead_letters for each in done),
            "blobs": sum(each.blobs for each in done),
        }

    async def checks(self, job: Erasure) -> dict[str, str]:
        """For the receipt."""
        heard, done = await self._db.read(lambda conn: (self._heard(conn), store.in_folders(conn, job.id)))
        reached = {folder: each for folder, each in done.items() if each.has("gone")}
        lost = {folder: silent for folder, silent in heard.items() if folder not in reached}
        found = {"data folders": f"{len(reached)} of {len(reached) + len(lost)}"}
        if lost:
            told = ", ".join(f"{folder} ({silent // 60_000} minutes)" for folder, silent in lost.items())
            found["data folders"] += f"; not heard of: {told}. What their spools hold comes to the store when they are"
            found["data folders"] += " back: ask for the same erasure again then. Their dead letters, contents and"
            found["data folders"] += " backups were not looked through"
        if broken := sum(each.broken for each in reached.values()):
            found["broken spool files"] = f"{broken}: they could not be read; look through them by hand"
        backups = sorted({each.backups for each in reached.values()} - {"", "none known"})
        found["backups from before"] = "; ".join(backups) or "none known"
        return found

    def _heard(self, conn: Connection) -> dict[str, int]:
        return {**folders.silent(conn), self._own: 0}


class Parts(Struct, frozen=True, kw_only=True):
    """What a `FolderDuty` is made of. ``folder`` is the data folder's id. ``lead`` says whether this process is the one
    of all on it that does its part. The rest is as of `erasure.Parts`."""

    db: Database
    folder: str
    lead: Callable[[], Awaitable[bool]]
    upkeep: Upkeep
    blobs: FolderBlobs
    spool: Path
    end_segment: Callable[[], None]
    clock: Clock
    opened: Callable[[bytes], bytes] = bytes
    backups: Callable[[Erasure], str] | None = None
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class FolderDuty:
    """Runs beside a worker: one folder's part of every erasure that is under way, whoever has it in hand."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._turns = Turns(self.turn, "a folder's part of an erasure", POLL_S, logger)
        self._aside: dict[str, Marks] = {}
        self._told_ns = 0
        self._wait_s = BETWEEN_S

    def wake(self) -> None:
        """There is a new one."""
        self._turns.wake()

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run(at_once=True)

    async def turn(self) -> bool:
        """Do what can be done by now; whether any erasure is under way."""
        parts = self._parts
        if not await parts.lead():
            return False
        now_ns = parts.clock.monotonic_ns()
        if not self._told_ns or now_ns - self._told_ns > TELL_S * 1e9:
            await parts.db.write(lambda conn: folders.tell(conn, parts.folder))
            self._told_ns = now_ns
        jobs = await parts.db.read(store.under_way)
        self._aside = {job.id: self._aside[job.id] for job in jobs if job.id in self._aside}
        wait = self._wait_s = min(self._wait_s * 1.5, LONGEST_S) if jobs else BETWEEN_S
        for job in jobs:
            try:
                while await self._further(job):
                    wait = self._wait_s = BETWEEN_S
            except (OSError, sqlite3.Error, TrimtabError) as error:
                said = error.sentence() if isinstance(error, TrimtabError) else str(error)
                logger.warning("this folder's part of the erasure %s waits: %s", job.id, said)
                wait = TROUBLE_S
        if jobs:
            await parts.pause(wait)
        return bool(jobs)

    async def _further(self, job: Erasure) -> bool:
        """One step, where it can be done; each may be done twice."""
        parts, came = self._parts, job.report.step
        done = (await parts.db.read(lambda conn: store.in_folders(conn, job.id))).get(parts.folder)
        if done is None or not done.has("marked"):
            parts.end_segment()
            marks = await asyncio.to_thread(barrier.marks, parts.spool)
            return await self._save(job, replace(done or InFolder(), step="marked", marks=marks))
        if not done.has("spooled"):
            if await asyncio.to_thread(barrier.behind, parts.spool, done.marks):
                return False
            return await self._save(job, replace(done, step="spooled"))
        if not done.has("letters"):
            return came in ("followed", "copies") and await self._forget_letters(job, done)
        if not done.has("aside"):
            return came == "rows" and await self._set_aside(job, done)
        if not done.has("gone"):
            return came == "aside" and await self._forget(job, done)
        return False

    async def _save(self, job: Erasure, found: InFolder) -> bool:
        folder = self._parts.folder
        await self._parts.db.write(lambda conn: store.save_in_folder(conn, job.id, folder, found))
        return True

    async def _forget_letters(self, job: Erasure, done: InFolder) -> bool:
        parts, letters = self._parts, Letters(job, self._parts.opened)
        every = frozenset({*await named(parts.upkeep, job, "trace_id"), *job.report.made} - {""})

        def matches(body: bytes) -> bool:
            return letters.is_of_it(body) or letters.names(body, every)

        gone = await asyncio.to_thread(barrier.forget_letters, parts.spool, matches)
        return await self._save(job, replace(done, step="letters", dead_letters=done.dead_letters + gone))

    async def _set_aside(self, job: Erasure, done: InFolder) -> bool:
        """Not before the store has the rows of everybody who may have put one of them here before."""
        parts = self._parts
        if job.id not in self._aside:
            candidates = job.report.blobs
            for reference in sorted(set(candidates) - await parts.upkeep.referred(candidates)):
                await asyncio.to_thread(parts.blobs.set_aside, reference)
            self._aside[job.id] = await asyncio.to_thread(barrier.marks, parts.spool)
        if await asyncio.to_thread(barrier.behind, parts.spool, self._aside[job.id]):
            return False
        return await self._save(job, replace(done, step="aside"))

    async def _forget(self, job: Erasure, done: InFolder) -> bool:
        parts, candidates = self._parts, job.report.blobs
        if await asyncio.to_thread(barrier.files_left, parts.spool, done.marks):
            return False
        gone = sorted(set(candidates) - await parts.upkeep.referred(candidates))
        count = sum([await asyncio.to_thread(self._is_forgotten, reference) for reference in gone])
        for reference in candidates:
            await asyncio.to_thread(parts.blobs.put_back, reference)
        broken = await asyncio.to_thread(barrier.broken_files, parts.spool)
        backups = "" if parts.backups is None else await asyncio.to_thread(parts.backups, job)
        found = replace(done, step="gone", blobs=done.blobs + count, broken=broken, backups=backups)
        return await self._save(job, found)

    def _is_forgotten(self, reference: str) -> bool:
        """Whether one that lay here aside is gone; what was put since stays, and goes with the row that refers to
        it."""
        if not self._parts.blobs.is_aside(reference):
            return False
        self._parts.blobs.forget(reference)
        return True
