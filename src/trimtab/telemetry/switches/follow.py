"""Keeps the file that tells the telemetry process which detectors are off, and where texts are not indexed, in step
with the catalog and the config file, on every machine that has a data folder (`file.py`)."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from trimtab.core.errors import Unavailable
from trimtab.storage.database import Database
from trimtab.telemetry.switches.file import NONE, TEXT_INDEX, write
from trimtab.telemetry.switches.store import all_off, unindexed

logger = logging.getLogger("trimtab.telemetry.detectors")

POLL_S: Final = 5.0


class Switches:
    """The writer's side, in every server process. ``declared`` gives what the config file says, by project id; where
    it says something, the catalog is not asked."""

    def __init__(self, db: Database, folder: Path, declared: Callable[[], dict[str, frozenset[str]]]) -> None:
        self._db = db
        self._folder = folder
        self._declared = declared

    async def run(self) -> None:
        """For as long as the server lives. While the catalog is away, what was last known holds."""
        while True:
            try:
                await self.follow()
            except (Unavailable, OSError) as error:
                logger.warning("the detectors' switches stay as they are: %s", error)
            await asyncio.sleep(POLL_S)

    async def follow(self) -> None:
        """Bring the file in step now."""
        off, bare = await self._db.read(_read)
        off |= self._declared()
        for project in bare:
            off[project] = off.get(project, NONE) | {TEXT_INDEX}
        await asyncio.to_thread(write, self._folder, {project: names for project, names in off.items() if names})


def _read(conn: Connection) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    return all_off(conn), unindexed(conn)
