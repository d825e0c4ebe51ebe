"""Whether this process is the one, of all on a catalog, that does something: `storage/leaders.py`, asked as seldom as
may be. What it does must bear that for a moment two believe so."""

import logging
from typing import Final

from sqlalchemy import Connection

from trimtab.core.clock import Clock
from trimtab.core.errors import Unavailable
from trimtab.core.ids import new_id
from trimtab.storage import leaders
from trimtab.storage.database import Database

logger = logging.getLogger("trimtab.leading")

HOLD_MS: Final = 15_000
"""For how long a leader that says nothing is waited for."""


class Leadership:
    """Of one thing, by its ``name``. For one event loop."""

    def __init__(self, db: Database, clock: Clock, name: str, hold_ms: int = HOLD_MS) -> None:
        self._db = db
        self._clock = clock
        self._name = name
        self._hold_ms = hold_ms
        self._holder = new_id("worker")
        self._renew_ns = 0

    async def held(self) -> bool:
        """Whether this process leads; written down anew long before its time is over, and no oftener. Raises
        `Unavailable` while the catalog is away."""
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._renew_ns:
            return True
        led = await self._db.write(self._lead)
        self._renew_ns = now_ns + self._hold_ms * 1_000_000 // 3 if led else 0
        return led

    async def leave(self) -> None:
        """Let another lead, now."""
        self._renew_ns = 0
        try:
            await self._db.write(lambda conn: leaders.leave(conn, self._name, self._holder))
        except Unavailable as error:
            logger.info("%s goes on elsewhere when this one's time is over: %s", self._name, error.message)

    def _lead(self, conn: Connection) -> bool:
        own = self._clock.now_ns() // 1_000_000
        return leaders.lead(conn, self._name, self._holder, leaders.now_ms(conn, own), self._hold_ms)
