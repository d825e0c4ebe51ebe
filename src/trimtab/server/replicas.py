"""Replicas: servers on several machines with one PostgreSQL catalog. A change made at one is in force at all when it
returns, as among the workers of one machine (`bus.py`).

Each process looks once a second whether the configuration has changed, and writes down in the catalog which one it has
in force. Whoever made a change waits until every process that is there has it, at most `HEARD_WITHIN_S`. A replica that
cannot reach the catalog goes on with what it last knew, and is waited for until it counts as dead.
"""

import asyncio
import logging
from typing import Protocol

from trimtab.core.errors import Unavailable
from trimtab.server.bus import HEARD_WITHIN_S
from trimtab.storage import replicas
from trimtab.storage.database import Database

log = logging.getLogger("trimtab.replicas")
TELL_EVERY_S = 4.0
LOOK_EVERY_S = 0.05


class Clock(Protocol):
    def monotonic_ns(self) -> int: ...


class Replicas:
    """``name`` is this process's, unlike any other's that uses the catalog; without a PostgreSQL catalog all of this is
    nothing."""

    def __init__(self, db: Database, name: str, clock: Clock) -> None:
        self._db = db
        self._name = name
        self._now_ns = clock.monotonic_ns
        self.shared = db.dialect == "postgresql"
        self._told = -1
        self._told_at = 0

    async def tell(self, revision: int) -> None:
        """This process has that revision in force; written down where that is news, or a while ago."""
        now = self._now_ns()
        if not self.shared or (revision == self._told and now - self._told_at < TELL_EVERY_S * 1e9):
            return
        try:
            await self._db.write(lambda conn: replicas.tell(conn, self._name, revision))
        except Unavailable:
            return  # who looks for the configuration has logged it, and tells again when the catalog is back
        self._told, self._told_at = revision, now

    async def all_have(self, revision: int) -> None:
        """Return when every process that is there has that revision, or after `HEARD_WITHIN_S`."""
        if not self.shared:
            return
        until = self._now_ns() + int(HEARD_WITHIN_S * 1e9)
        late = 1
        try:
            while late and self._now_ns() < until:
                late = await self._db.read(lambda conn: replicas.behind(conn, self._name, revision))
                if late:
                    await asyncio.sleep(LOOK_EVERY_S)
        except Unavailable as error:
            log.warning("whether every replica has the change cannot be known: %s", error.message)
            return
        if late:
            log.warning("%d processes on this catalog have not taken over a change within %g s", late, HEARD_WITHIN_S)

    async def close(self) -> None:
        if self.shared and self._told >= 0:
            try:
                await self._db.write(lambda conn: replicas.leave(conn, self._name))
            except Unavailable as error:
                log.warning("the other replicas will miss this one for a while: %s", error.message)
