"""The job that builds versions: what it does with what stands in its way."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from catalogs import laid
from trimtab.core.clock import FixedClock
from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.governance.audit import Actor
from trimtab.governance.sealing import Keyring
from trimtab.governance.store import ProjectRow, add_project
from trimtab.retrieval import corpora, documents, versions
from trimtab.retrieval.corpora import Edit
from trimtab.retrieval.documents import By, NewDocument
from trimtab.retrieval.shelf import Shelf
from trimtab.retrieval.types import CorpusVersion
from trimtab.server.inner.knowing import Knowing, World
from trimtab.storage.database import Database

ADA = Actor("key_ada", "Ada")


class Model:
    """Makes vectors, or raises what stands in its way."""

    def __init__(self) -> None:
        self.broken: Exception | None = None

    async def __call__(self, project: str, model: str, texts: Sequence[str]) -> Any:
        if self.broken is not None:
            raise self.broken
        return np.ones((len(texts), 4), dtype=np.float32) / 2


async def published(db: Database) -> None:
    """A version that is to be built."""
    row = ProjectRow(id="p", slug="p", name="", capture_content=True, created=1)
    await db.write(lambda conn: add_project(conn, row))
    await db.write(lambda conn: corpora.put(conn, Edit(project_id="p", name="c", actor=ADA, now=1)))
    given = [NewDocument(id="a", text="One."), NewDocument(id="b", text="Two.")]

    def put(conn: Any) -> None:
        found = corpora.to_change(conn, "p", "c")
        documents.put(conn, found, documents.read(given, 1), By(ADA, 1), Keyring())
        versions.publish(conn, corpora.to_change(conn, "p", "c"), "", By(ADA, 1))

    await db.write(put)


def again(conn: Any) -> versions.Published:
    return versions.publish(conn, corpora.to_change(conn, "p", "c"), "", By(ADA, 2))


async def newest(db: Database) -> CorpusVersion:
    return await db.read(lambda conn: versions.get(conn, corpora.get(conn, "p", "c"), "1"))


def test_what_may_pass_is_waited_for_what_cannot_fails_and_publishing_again_mends_it(tmp_path: Path) -> None:
    async def main() -> None:
        db, clock, model = Database.open(laid(tmp_path)), FixedClock(), Model()
        shelf = Shelf(db, tmp_path / "knowledge", Keyring)
        world = World(db=db, embed=model, ring=Keyring, shelf=shelf, clock=clock)
        first, second = Knowing(world), Knowing(world)
        await published(db)

        model.broken = Unavailable("The model is away.", fix="Wait.")
        assert await first.turn()
        assert ((await newest(db)).state, (await newest(db)).reason) == ("building", "The model is away. Wait.")
        assert not await first.turn(), "not at once"
        assert not await second.turn(), "another leads"

        model.broken = InvalidRequest("There is no such model.", fix="Name another.")
        first.wake()
        assert await first.turn()
        assert (await newest(db)).state == "failed"
        assert not await first.turn()

        model.broken = ValueError("a defect")
        assert not (await db.write(again)).created
        assert await first.turn()
        assert "ValueError" in (await newest(db)).reason

        model.broken = None
        await db.write(again)
        await first.leave()
        assert not await first.turn(), "it leaves"
        assert await second.turn()
        built = await newest(db)
        assert (built.state, built.chunks, built.dimension) == ("ready", 2, 4)
        await second.leave()
        shelf.close()
        await db.close()

    asyncio.run(main())
