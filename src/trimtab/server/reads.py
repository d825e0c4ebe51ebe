"""Reads of content that a project wants in its audit log: durable before the content leaves.

A read waits for its entry, and reads that wait together are written in one transaction. Each process remembers for an
hour what it wrote, so that only the first read of a trace by a person within the hour waits at all.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from trimtab.governance import content_reads
from trimtab.governance.audit import Actor
from trimtab.governance.content_reads import HOUR_MS, Reading
from trimtab.storage.database import Database
from trimtab.storage.leaders import now_ms

MOST_KNOWN: Final = 10_000
NameOf = Callable[[Connection, str], str]


class Reads:
    """What this process wrote down, and what waits to be."""

    def __init__(self) -> None:
        self._known: dict[Reading, int] = {}
        self._waiting: dict[Reading, asyncio.Future[None]] = {}
        self._writing: asyncio.Task[None] | None = None

    async def note(self, db: Database, reading: Reading, name_of: NameOf, now: int) -> None:
        """Returns when the entry is durable, under the name that ``name_of`` gives its actor; ``now`` is Unix ms.
        Raises what the catalog raises, and then nothing may be shown."""
        if now - self._known.get(reading, -HOUR_MS) < HOUR_MS:
            return
        waiting = self._waiting.get(reading)
        if waiting is None:
            waiting = self._waiting[reading] = asyncio.get_running_loop().create_future()
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(db, name_of, now))
        await asyncio.shield(waiting)

    async def _write(self, db: Database, name_of: NameOf, now: int) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, {}

            def work(conn: Connection, readings: tuple[Reading, ...] = tuple(batch)) -> None:
                content_reads.note(conn, [_named(conn, each, name_of) for each in readings], now_ms(conn, now))

            try:
                await db.write(work)
            except Exception as error:  # noqa: BLE001  whoever waits is told
                for future in batch.values():
                    future.set_exception(error)
            else:
                self._remember(batch, now)
                for future in batch.values():
                    future.set_result(None)

    def _remember(self, batch: dict[Reading, asyncio.Future[None]], now: int) -> None:
        if len(self._known) + len(batch) > MOST_KNOWN:
            self._known.clear()  # the catalog still knows
        self._known.update(dict.fromkeys(batch, now))


def _named(conn: Connection, reading: Reading, name_of: NameOf) -> Reading:
    return Reading(
        project_id=reading.project_id,
        actor=Actor(reading.actor.id, name_of(conn, reading.actor.id)),
        subject=reading.subject,
        data_class=reading.data_class,
    )
