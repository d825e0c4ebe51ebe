"""Writing down when keys were used last: each worker what it saw itself, a few seconds later."""

import logging
from typing import Final

from trimtab.core.errors import Unavailable
from trimtab.governance import key_use_store
from trimtab.governance.key_uses import KeyUses
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns

logger = logging.getLogger("trimtab.noting_keys")

EVERY_S: Final = 5.0


class NotingKeys:
    """Nothing is asked of the catalog while there is nothing new: at most one write for a key and a minute."""

    def __init__(self, db: Database, uses: KeyUses) -> None:
        self._db = db
        self._uses = uses
        self._turns = Turns(self.turn, "the last use of keys", EVERY_S, logger)

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run()

    async def leave(self) -> None:
        """What was seen last is written down, too."""
        try:
            await self.turn()
        except Unavailable as error:
            logger.info("When keys were used last is lost: %s", error.sentence())

    async def turn(self) -> bool:
        """Write down what is new; False, for the next turn comes by itself."""
        taken = self._uses.take()
        if taken:
            try:
                await self._db.write(lambda conn: key_use_store.write(conn, taken))
            except BaseException:
                self._uses.back(taken)
                raise
        return False
