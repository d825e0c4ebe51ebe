"""Names of API keys, and currencies, for searches, from the catalog (`telemetry/key_names.py`)."""

import time
from collections.abc import Callable
from typing import Final

from trimtab.governance import store
from trimtab.ledger import price_store
from trimtab.storage.database import Database
from trimtab.telemetry.key_names import NamedKey

KNOWN_FOR_S: Final = 2.0
"""One question asks the store several times, and a live tail each second: a name is as old as that."""
MOST_PROJECTS: Final = 1_000


class CatalogKeyNames:
    """Revoked keys too: what they called is found by their name as before."""

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._clock = clock
        self._known: dict[str, tuple[float, list[NamedKey]]] = {}
        self._shown: dict[str, tuple[float, tuple[str, str] | None]] = {}

    async def of(self, project: str) -> list[NamedKey]:
        now = self._clock()
        at, found = self._known.get(project, (now - KNOWN_FOR_S, []))
        if now - at < KNOWN_FOR_S:
            return found
        rows = await self._db.read(lambda conn: store.key_names(conn, project))
        if len(self._known) >= MOST_PROJECTS:
            self._known.clear()
        found = [NamedKey(*row) for row in rows]
        self._known[project] = now, found
        return found

    async def currency(self, project: str) -> tuple[str, str] | None:
        now = self._clock()
        at, found = self._shown.get(project, (now - KNOWN_FOR_S, None))
        if now - at < KNOWN_FOR_S:
            return found
        row = await self._db.read(lambda conn: price_store.currency(conn, project))
        if len(self._shown) >= MOST_PROJECTS:
            self._shown.clear()
        found = None if row is None else (row.code, row.rate)
        self._shown[project] = now, found
        return found
