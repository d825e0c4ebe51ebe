"""The indexes of this process: loaded in a thread when first asked for, and let go, the least used first, when they
take more than they may.

An index rests as files that are mapped, so that the processes of a machine share its memory. Whoever lacks them makes
them from the catalog: nothing but the catalog has to be carried from machine to machine. Of a project with content that
may be encrypted nothing is written: its indexes are in memory alone, and are made anew when a key was destroyed. A
folder is named by the version, and by how often something was erased from the corpus: after an erasure there is another
one, and `tidy` removes those that nobody may use any more.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from trimtab.core.ids import uuid7_hex
from trimtab.governance.sealing import KeyDestroyed, Keyring
from trimtab.retrieval import index as indexes
from trimtab.retrieval import pieces, versions
from trimtab.retrieval.index import Doc, Index, Making, Part
from trimtab.retrieval.tables import CORPORA
from trimtab.retrieval.types import CorpusVersion, Text
from trimtab.retrieval.versions import Row
from trimtab.storage.database import Database

logger = logging.getLogger("trimtab.retrieval")

FOLDER: Final = "knowledge"
"""In the data folder."""
MOST_BYTES: Final = 1 << 30
ROWS: Final = 50
DRAFT: Final = ".draft-"
DRAFT_S: Final = 3600.0
"""A draft that is older belongs to a process that is no more."""
_text: Final = msgspec.msgpack.Decoder(Text)


class Key(Struct, frozen=True):
    project_id: str
    corpus: str
    version: int
    erased: int

    @property
    def folder(self) -> str:
        corpus = hashlib.sha256(f"{self.project_id}\0{self.corpus}".encode()).hexdigest()[:32]
        return f"{corpus}-{self.version}-{self.erased}"


class Shelf:
    """``folder`` None: nothing is written. For one event loop."""

    def __init__(
        self, db: Database, folder: Path | None, ring: Callable[[], Keyring], most_bytes: int = MOST_BYTES
    ) -> None:
        self._db = db
        self._folder = folder
        self._ring = ring
        self._most = most_bytes
        self._held: OrderedDict[Key, Index] = OrderedDict()
        self._destroyed = 0
        """Keys that were destroyed when the held ones were made."""
        self._coming: dict[Key, asyncio.Task[Index]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="knowledge-load")

    async def get(self, of: CorpusVersion, erased: int) -> Index:
        """The index of a version, after so many erasures. Raises `Unavailable` while the catalog is away, and what
        `Keyring.open` raises."""
        self._let_go_destroyed()
        key = Key(of.project_id, of.corpus, of.number, erased)
        held = self._held.get(key)
        if held is not None:
            self._held.move_to_end(key)
            return held
        coming = self._coming.get(key)
        if coming is None:
            coming = self._coming[key] = asyncio.create_task(self._load(key, of))
            coming.add_done_callback(lambda done: self._came(key, done))
        return await asyncio.shield(coming)  # others may wait for it, too

    def _let_go_destroyed(self) -> None:
        """To destroy a key is to erase, and nobody can say here what it sealed: all are made or mapped anew."""
        destroyed = self._ring().destroyed
        if destroyed != self._destroyed:
            self._destroyed = destroyed
            self._held.clear()
            self._coming.clear()

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._held.clear()

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self._held.values())

    def _came(self, key: Key, done: asyncio.Task[Index]) -> None:
        if self._coming.get(key) is done:
            del self._coming[key]

    async def _load(self, key: Key, of: CorpusVersion) -> Index:
        loop = asyncio.get_running_loop()
        ring = self._ring()
        place = None if self._folder is None or ring.has(key.project_id) else self._folder / key.folder
        found = None if place is None else await loop.run_in_executor(self._thread, _mapped, place)
        if found is None:
            began = time.monotonic()
            found = await self._make(of, ring, place)
            took = time.monotonic() - began
            logger.info("index of %s@%d: %d chunks in %.1f s", of.corpus, of.number, len(found), took)
        if ring.destroyed == self._destroyed:
            self._hold(key, found)
        return found

    def _hold(self, key: Key, found: Index) -> None:
        for other in [each for each in self._held if _outdates(key, each)]:
            del self._held[other]
        self._held[key] = found
        while len(self._held) > 1 and self.bytes > self._most:
            self._held.popitem(last=False)

    async def _make(self, of: CorpusVersion, ring: Keyring, place: Path | None) -> Index:
        """From the catalog, a few documents at a time: what rests of all of them at once would be several indexes."""
        loop = asyncio.get_running_loop()
        making, left_out, after = Making(of.chunks, of.dimension), 0, ""
        while True:
            some = await self._db.read(lambda conn, after=after: versions.rows(conn, of, after=after, limit=ROWS))
            left_out += await loop.run_in_executor(self._thread, _added, making, some, ring)
            if len(some) < ROWS:
                break
            after = some[-1].document
        return await loop.run_in_executor(self._thread, _finished, making, left_out, place)

    async def tidy(self) -> int:
        """Remove what no search may use any more: of corpora that are gone, and from before an erasure; how many
        folders. Raises `Unavailable`."""
        self._let_go_destroyed()
        if not self._held and (self._folder is None or not self._folder.exists()):
            return 0
        erased = await self._db.read(_erased)
        for key in [each for each in self._held if erased.get((each.project_id, each.corpus)) != each.erased]:
            del self._held[key]
        if self._folder is None or not self._folder.exists():
            return 0
        wanted = {Key(*name, 0, number).folder.partition("-")[0]: number for name, number in erased.items()}
        sealed = {Key(*name, 0, 0).folder.partition("-")[0] for name in erased if self._ring().has(name[0])}
        for corpus in sealed:
            wanted.pop(corpus, None)
        return await asyncio.get_running_loop().run_in_executor(self._thread, _swept, self._folder, wanted)


def _outdates(new: Key, old: Key) -> bool:
    same = (new.project_id, new.corpus) == (old.project_id, old.corpus)
    return same and new.erased > old.erased


def _erased(conn: Connection) -> dict[tuple[str, str], int]:
    c = CORPORA.c
    return {(row[0], row[1]): row[2] for row in conn.execute(select(c.project_id, c.name, c.erased))}


def _mapped(place: Path) -> Index | None:
    """The index in a folder; one that cannot be read is removed, to be made anew."""
    try:
        return indexes.load(place)
    except (OSError, ValueError) as error:
        logger.warning("the index in %s is made anew: %s", place, error)
        shutil.rmtree(place, ignore_errors=True)
        return None


def _added(making: Making, rows: list[Row], ring: Keyring) -> int:
    """How many of these documents could not be put in."""
    left_out = 0
    for row in rows:
        part = _part(row, ring)
        if part is None:
            left_out += 1
        else:
            making.add(part)
    return left_out


def _finished(making: Making, left_out: int, place: Path | None) -> Index:
    made = making.done(left_out)
    if place is None:
        return made
    try:
        return _written(made, place) or made
    except (OSError, ValueError) as error:  # a full disk is no reason not to search
        logger.warning("an index stays in memory: it cannot be written to %s: %s", place, error)
        return made


def _part(row: Row, ring: Keyring) -> Part | None:
    """None for a document whose text was erased, or whose key was destroyed."""
    if row.body is None or row.pieces is None:
        return None
    try:
        text, found = _text.decode(ring.open(row.body)), pieces.opened(ring.open(row.pieces))
    except KeyDestroyed:
        return None
    doc = Doc(row.document, text.title, text.source)
    return Part(doc, text.body.encode(), found, indexes.offsets(text.body, found))


def _written(made: Index, place: Path) -> Index | None:
    """The same index, mapped. Written beside and renamed, so that nobody maps half of one; where another process was
    quicker, its own is taken."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = place.parent / f"{DRAFT}{uuid7_hex()}"
    draft.mkdir(mode=0o700)
    try:
        made.save(draft)
        with contextlib.suppress(OSError):  # not empty: another's
            os.rename(draft, place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return indexes.load(place)


def _swept(folder: Path, wanted: dict[str, int]) -> int:
    number = 0
    for each in folder.iterdir():
        if each.name.startswith(DRAFT):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - each.stat().st_mtime < DRAFT_S:
                    continue
        else:
            corpus, _, rest = each.name.partition("-")
            if wanted.get(corpus) == _number(rest.rpartition("-")[2]):
                continue
        shutil.rmtree(each, ignore_errors=True)
        number += 1
    return number


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else -1
