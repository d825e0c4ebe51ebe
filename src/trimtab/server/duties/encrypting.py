"""Who seals what lay in the catalog before its project was encrypted: of all processes on one catalog the one that
leads, a few rows at a time, so that nothing else waits for it."""

import logging
from collections.abc import Callable
from typing import Final

from trimtab.core.clock import Clock
from trimtab.governance import sealings
from trimtab.governance.sealing import Keyring
from trimtab.governance.sealings import Reached
from trimtab.server.leading import Leadership
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns

logger = logging.getLogger("trimtab.encrypting")

NAME: Final = "content sealing"
LOOK_S: Final = 5.0


class Encrypting:
    """Runs beside a worker. For one event loop. ``keys`` gives those in force: a project whose key has not come here
    yet is looked at in a later turn."""

    def __init__(self, db: Database, keys: Callable[[], Keyring], clock: Clock, *, look_s: float = LOOK_S) -> None:
        self._db = db
        self._keys = keys
        self._clock = clock
        self._leads = Leadership(db, clock, NAME)
        self._turns = Turns(self.turn, "the sealing of content", look_s, logger)

    def wake(self) -> None:
        """Somebody switched encryption on."""
        self._turns.wake()

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run()

    async def leave(self) -> None:
        """Let another lead, now: it begins with the first row that is not sealed."""
        await self._leads.leave()

    async def turn(self) -> bool:
        """Seal all that waits; False, for the next turn comes by itself."""
        waiting = await self._db.read(sealings.running)
        for project in waiting:
            if self._keys().seals(project) and await self._leads.held():
                await self._seal(project)
        return False

    async def _seal(self, project: str) -> None:
        reached: Reached | None = Reached()
        while reached is not None and await self._leads.held():
            at, now = reached, self._clock.now_ns() // 1_000_000
            ring = self._keys()
            reached = await self._db.write(
                lambda conn, at=at, now=now, ring=ring: sealings.step(conn, ring, project, at, now)
            )
        await self._db.settle()  # what lay there is not in the database's log either
        logger.info("what lay in the catalog of project %s is encrypted", project)
