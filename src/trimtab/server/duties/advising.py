"""Advice on open circuit breakers between machines: told through the catalog they share (`staying_up/advice_store.py`).

An opening found here is written down at once; what others have written is looked for once a second. Advice only spares
calls: a catalog that is away costs nothing but that each machine learns by itself.
"""

import logging
from collections.abc import Callable
from typing import Final

from trimtab.core.clock import Clock
from trimtab.gateway.staying_up import advice_store
from trimtab.gateway.staying_up.advice_store import Target
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns

logger = logging.getLogger("trimtab.advising")

LOOK_EVERY_S: Final = 1.0
REMEMBERED: Final = 1_000
MS: Final = 1_000_000


class Advising:
    """``me`` is this process's name on the catalog; ``advised`` takes others' advice (a target, until when in Unix ns
    by this machine's clock). Nothing is done where the catalog is one machine's own. For one event loop."""

    def __init__(self, db: Database, me: str, advised: Callable[[Target, int], None], clock: Clock) -> None:
        self._db = db
        self._me = me
        self._advised = advised
        self._clock = clock
        self._told: dict[Target, int] = {}
        self._heard: dict[Target, int] = {}
        self._turns = Turns(self.turn, "advice on circuit breakers", LOOK_EVERY_S, logger)
        self.shared = db.dialect == "postgresql"

    async def run(self) -> None:
        """Until cancelled."""
        if self.shared:
            await self._turns.run()

    def tell(self, target: Target, until_ns: int) -> None:
        """A breaker has opened here."""
        left_ms = (until_ns - self._clock.now_ns()) // MS
        if self.shared and left_ms > 0 and len(self._told) < REMEMBERED:
            self._told[target] = left_ms
            self._turns.wake()

    async def turn(self) -> bool:
        """Say what is new here, hear what others say; False, for the next turn comes by itself."""
        told, self._told = self._told, {}
        if told:
            await self._db.write(lambda conn: advice_store.say(conn, self._me, told))
        heard = await self._db.read(lambda conn: advice_store.hear(conn, self._me))
        now = self._clock.now_ns()
        for each in heard:
            if self._heard.get(each.target) != each.until:  # once: who has asked again meanwhile knows better
                self._advised(each.target, now + each.left_ms * MS)
        self._heard = {each.target: each.until for each in heard}
        return False
