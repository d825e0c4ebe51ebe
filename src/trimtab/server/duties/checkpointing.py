"""Who signs the audit log: of all processes on one catalog the one that leads, a few seconds after it has grown."""

import logging
from collections.abc import Callable
from typing import Final

from trimtab.core.clock import Clock
from trimtab.core.errors import Unavailable
from trimtab.governance.checkpoints import Signer, is_unsigned, sign_heads
from trimtab.server.leading import Leadership
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns

logger = logging.getLogger("trimtab.audit")

NAME: Final = "audit checkpoints"
SIGN_EVERY_S: Final = 5.0
"""How long an entry may stand in the log unsigned."""


class Checkpointing:
    """Runs beside a worker. For one event loop. ``signer`` gives that of the secret key in force."""

    def __init__(
        self, db: Database, signer: Callable[[], Signer], clock: Clock, *, every_s: float = SIGN_EVERY_S
    ) -> None:
        self._db = db
        self._signer = signer
        self._clock = clock
        self._leads = Leadership(db, clock, NAME)
        self._turns = Turns(self.turn, "the signing of the audit log", every_s, logger)

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run()

    async def leave(self) -> None:
        """Sign what is there, and let another lead."""
        try:
            await self.turn()
        except Unavailable as error:
            logger.info("what is new in the audit log is signed later: %s", error.message)
        await self._leads.leave()

    async def turn(self) -> bool:
        """Sign what has grown; False, for the next turn comes by itself."""
        if await self._db.read(is_unsigned) and await self._leads.held():
            now = self._clock.now_ns() // 1_000_000
            signer = self._signer()
            await self._db.write(lambda conn: sign_heads(conn, signer, now))
        return False
