"""What the room `retrieval` is given in this server: vectors, by the local embedder or by a model through the gateway,
and the job that builds versions.

Of all processes on one catalog the one that leads builds (`storage/leaders.py`): it looks every few seconds, and at
once when told, for versions that are queued or were left by a process that is no more.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from trimtab.core.clock import Clock
from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.governance.sealing import Keyring
from trimtab.llm.embedder import Embedder
from trimtab.retrieval import building, versions
from trimtab.retrieval.search import Searcher
from trimtab.retrieval.shelf import Shelf
from trimtab.retrieval.standing import Standings
from trimtab.retrieval.types import LOCAL, CorpusVersion
from trimtab.server.inner.calls import InnerCaller, InnerCalls
from trimtab.server.leading import Leadership
from trimtab.storage.database import Database
from trimtab.storage.turns import Turns

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]

logger = logging.getLogger("trimtab.knowing")

NAME: Final = "knowledge"
FEATURE: Final = "trimtab.knowledge"
"""What calls for vectors say of themselves: under it costs and traces can be looked at, or left out."""
LOOK_S: Final = 2.0
AGAIN_S: Final = 30.0
"""After so long something that stood in the way of building is tried again."""
TIDY_EVERY_S: Final = 60.0
AT_ONCE: Final = 4
"""Texts that the local embedder is given at a time: a question of a call waits for no more than these."""
DEADLINE_S: Final = 120.0


class Embeddings:
    """Makes vectors of length 1. ``calls`` is asked for when a model is: it is made later than this."""

    def __init__(self, embedder: Embedder, calls: Callable[[], InnerCalls]) -> None:
        self._embedder = embedder
        self._calls = calls

    async def __call__(self, project_id: str, model: str, texts: Sequence[str]) -> "Vectors":
        """One float32 row for each text. Raises `TrimtabError`."""
        import numpy as np

        if model == LOCAL:
            rows = [row for at in range(0, len(texts), AT_ONCE) for row in await self._local(texts[at : at + AT_ONCE])]
            return np.stack(rows)
        caller = InnerCaller(
            project_id=project_id, feature=FEATURE, tags=("knowledge",), priority="low" if len(texts) > 1 else "high"
        )
        found = await self._calls().vectors(caller, model, texts, deadline_s=DEADLINE_S)
        if len({len(each) for each in found}) != 1 or not found[0]:
            raise _unusable(model, "vectors of several lengths, or none")
        made = np.array(found, dtype=np.float64)
        lengths = np.linalg.norm(made, axis=1, keepdims=True)
        if not np.isfinite(lengths).all():
            raise _unusable(model, "numbers that are too large")
        return (made / np.maximum(lengths, 1e-12)).astype(np.float32)

    async def _local(self, texts: Sequence[str]) -> "list[Vectors]":
        return await self._embedder.embed(texts)


def _unusable(model: str, what: str) -> TrimtabError:
    return TrimtabError(
        f"The model {model!r} gives {what}.",
        fix="Name another embedder for the corpus.",
        code="vectors_unusable",
        status=502,
    )


class Library:
    """All of knowledge in one process: what searches, and the job that builds."""

    def __init__(
        self,
        db: Database,
        shelf: Shelf,
        ring: Callable[[], Keyring],
        embedder: Embedder,
        clock: Clock,
        calls: Callable[[], InnerCalls],
    ) -> None:
        embed = Embeddings(embedder, calls)
        self.searcher = Searcher(Standings(db), shelf, embed, lambda: clock.now_ns() // 1_000_000)
        self._building = Knowing(World(db=db, embed=embed, ring=ring, shelf=shelf, clock=clock))

    def wake(self) -> None:
        """There is something to build, or to clear away."""
        self._building.wake()

    async def run(self) -> None:
        """Until cancelled."""
        await self._building.run()

    async def leave(self) -> None:
        await self._building.leave()
        self.searcher.close()


class World(Struct, frozen=True, kw_only=True):
    db: Database
    embed: building.Embed
    ring: Callable[[], Keyring]
    shelf: Shelf
    clock: Clock


class Knowing:
    """Runs beside a worker. For one event loop."""

    def __init__(self, world: World, *, look_s: float = LOOK_S) -> None:
        self._world = world
        self._leading = Leadership(world.db, world.clock, NAME)
        self._turns = Turns(self.turn, "the builder of corpora", look_s, logger)
        self._again: dict[tuple[str, str, int], float] = {}
        self._tidied = time.monotonic()
        self._leaving = False

    def wake(self) -> None:
        """There is something to build, or to clear away."""
        self._again.clear()
        self._tidied = float("-inf")
        self._turns.wake()

    async def run(self) -> None:
        """Until cancelled."""
        await self._turns.run()

    async def leave(self) -> None:
        """Build no further, and let another lead."""
        self._leaving = True
        await self._leading.leave()

    async def turn(self) -> bool:
        """Build one version; whether there was one."""
        if time.monotonic() - self._tidied >= TIDY_EVERY_S:
            self._tidied = time.monotonic()
            await self._world.shelf.tidy()
        found = await self._world.db.read(versions.to_build)
        ready = [each for each in found if self._again.get(_key(each), 0.0) <= time.monotonic()]
        if not ready or self._leaving or not await self._leading.held():
            return False
        await self._whole(ready[0])
        return True

    async def _whole(self, of: CorpusVersion) -> None:
        db = self._world.db
        parts = building.Parts(
            db=db, embed=self._world.embed, ring=self._world.ring, now=self._now, goes_on=self._goes_on
        )
        began = time.monotonic()
        try:
            if await building.build(of, parts):
                took = time.monotonic() - began
                logger.info("%s@%d is built: %d documents in %.1f s", of.corpus, of.number, of.documents, took)
        except TrimtabError as error:
            if isinstance(error, Unavailable) and error.code == "catalog_unavailable":
                raise
            reason = error.sentence()
            if error.retryable:
                self._again[_key(of)] = time.monotonic() + AGAIN_S
                await db.write(lambda conn: versions.wait(conn, of, reason))
                logger.info("version %d of %s waits: %s", of.number, of.corpus, reason)
            else:
                await db.write(lambda conn: versions.fail(conn, of, reason))
                logger.warning("version %d of %s cannot be built: %s", of.number, of.corpus, reason)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            logger.exception("version %d of %s met a defect", of.number, of.corpus)
            reason = f"A defect: {type(error).__name__}: {error}"[:2_000]
            await db.write(lambda conn: versions.fail(conn, of, reason))

    async def _goes_on(self) -> bool:
        return not self._leaving and await self._leading.held()

    def _now(self) -> int:
        return self._world.clock.now_ns() // 1_000_000


def _key(of: CorpusVersion) -> tuple[str, str, int]:
    return (of.project_id, of.corpus, of.number)
