"""A project with a catalog of either kind, and an embedder that needs no model: words as directions."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from trimtab.core.errors import Unavailable
from trimtab.governance.audit import Actor
from trimtab.governance.sealing import Keyring
from trimtab.retrieval import building, corpora, documents, versions, words
from trimtab.retrieval.corpora import Edit
from trimtab.retrieval.documents import By, NewDocument
from trimtab.retrieval.search import Searcher
from trimtab.retrieval.shelf import Shelf
from trimtab.retrieval.standing import Standings
from trimtab.retrieval.types import ChunkerSpec, CorpusVersion
from trimtab.storage.database import Database

if TYPE_CHECKING:
    import numpy.typing as npt

T = TypeVar("T")
ADA = Actor("key_ada", "Ada")
SMALL = ChunkerSpec(kind="headings", size=40, overlap=8)
NOW = 1_800_000_000_000
SPACE = 64


def vector_of(text: str) -> "npt.NDArray[np.float32]":
    """A direction for each word: texts with words in common are near."""
    made = np.zeros(SPACE, dtype=np.float32)
    for word in words.words(text):
        made[int(hashlib.sha256(word.encode()).hexdigest(), 16) % SPACE] += 1
    return made / max(float(np.linalg.norm(made)), 1e-9)


class Embedding:
    """Counts what it was asked for, and fails when told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False

    async def __call__(self, project: str, model: str, texts: Sequence[str]) -> "npt.NDArray[np.float32]":
        if self.away:
            raise Unavailable("The model is away.", fix="Wait.")
        self.asked += texts
        return np.stack([vector_of(each) for each in texts])


class Room:
    """One process's part in a catalog. ``ring`` may be exchanged."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db = db
        self.embedding = Embedding()
        self.ring = Keyring()
        self.now = NOW
        self.folder = folder
        self.standings = Standings(db)
        self.shelf = Shelf(db, folder, lambda: self.ring)
        self.searcher = Searcher(self.standings, self.shelf, self.embedding, lambda: self.now)

    async def corpus(self, name: str = "handbook", **more: Any) -> None:
        more.setdefault("chunker", SMALL)
        edit = Edit(project_id="p", name=name, actor=ADA, now=self.now, **more)
        await self.db.write(lambda conn: corpora.put(conn, edit))

    async def put(self, *given: NewDocument, corpus: str = "handbook") -> documents.Put:
        ready = documents.read(given, self.now)
        return await self.db.write(
            lambda conn: documents.put(conn, corpora.to_change(conn, "p", corpus), ready, By(ADA, self.now), self.ring)
        )

    async def publish(self, corpus: str = "handbook", *, build: bool = True) -> CorpusVersion:
        made = await self.db.write(
            lambda conn: versions.publish(conn, corpora.to_change(conn, "p", corpus), "why", By(ADA, self.now))
        )
        if build and made.version.state != "ready":
            assert await building.build(made.version, self.parts())
            found = await self.db.read(lambda conn: corpora.get(conn, "p", corpus))
            return await self.standings.version(found, made.version.number)
        return made.version

    def parts(self, goes_on: Callable[[], Awaitable[bool]] | None = None) -> building.Parts:
        async def always() -> bool:
            return True

        return building.Parts(
            db=self.db, embed=self.embedding, ring=lambda: self.ring, now=lambda: self.now, goes_on=goes_on or always
        )

    def close(self) -> None:
        self.searcher.close()


Run = Callable[[Callable[[Room], Awaitable[Any]]], Any]
"""Runs a story in a room of its own."""
