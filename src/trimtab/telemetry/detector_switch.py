"""Which detectors are off, and where texts are not indexed, told from the server to the telemetry process: a small file
in the data folder.

The telemetry process has no catalog, and must find nothing wrong while there is none; a file is read again when it was
replaced. `Switches` keeps it in step with the catalog and the config file, on every machine that has a data folder.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection

from trimtab.core.errors import Unavailable
from trimtab.core.ids import uuid7_hex
from trimtab.storage.database import Database
from trimtab.telemetry.detector_store import all_off, unindexed

logger = logging.getLogger("trimtab.telemetry.detectors")

FILE: Final = "detectors.json"
TEXT_INDEX: Final = ":text_index"
"""How the index of texts is called in that file. No detector has such a name: they are names of modules."""
POLL_S: Final = 5.0
_decoder: Final = msgspec.json.Decoder(dict[str, frozenset[str]])
_NONE: Final[frozenset[str]] = frozenset()


class SwitchFile:
    """The reader's side: called with a project's id it gives what is off there. A file that is not there, or broken,
    leaves everything on."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._stamp = (0, 0)
        self._off: dict[str, frozenset[str]] = {}

    def __call__(self, project: str) -> frozenset[str]:
        try:
            found = self._path.stat()
        except OSError:
            return _NONE
        if (found.st_mtime_ns, found.st_ino) != self._stamp:
            self._stamp = (found.st_mtime_ns, found.st_ino)
            try:
                self._off = _decoder.decode(self._path.read_bytes())
            except (OSError, msgspec.DecodeError) as error:
                logger.warning("%s cannot be read; all detectors are on: %s", self._path, error)
                self._off = {}
        return self._off.get(project, _NONE)

    def indexes(self, project: str) -> bool:
        """Whether its texts are to be found by their words."""
        return TEXT_INDEX not in self(project)


def write(folder: Path, off: dict[str, frozenset[str]]) -> None:
    """Replace the file at once; a reader sees the old one or the new one."""
    body = msgspec.json.encode({project: sorted(names) for project, names in sorted(off.items())})
    path = folder / FILE
    if path.is_file() and path.read_bytes() == body:
        return
    fresh = path.with_name(f"{FILE}.{uuid7_hex()}")
    fresh.write_bytes(body)
    os.replace(fresh, path)


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
            off[project] = off.get(project, _NONE) | {TEXT_INDEX}
        await asyncio.to_thread(write, self._folder, {project: names for project, names in off.items() if names})


def _read(conn: Connection) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    return all_off(conn), unindexed(conn)
