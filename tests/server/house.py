"""A whole management API on a temporary folder: real catalog, real snapshot, a store in memory."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import httpx
import msgspec
from litestar import Litestar

from catalogs import lay
from trimtab.core.clock import FixedClock, SystemClock
from trimtab.core.errors import Unavailable
from trimtab.gateway.kept.answers import beside
from trimtab.gateway.staying_up.health import HealthBoard
from trimtab.governance import bootstrap
from trimtab.governance.access import Principal, Project
from trimtab.governance.sealing import Keyring, Keys
from trimtab.governance.secrets import SecretBox, load
from trimtab.ledger.prices import PriceBook
from trimtab.llm.embedder import Embedder
from trimtab.retrieval.search import Searcher
from trimtab.retrieval.shelf import Shelf
from trimtab.retrieval.standing import Standings
from trimtab.server.app import App, create_api, create_app
from trimtab.server.bodies.common import TestResult
from trimtab.server.bodies.playground import PlaygroundDelta
from trimtab.server.config.file import ConfigFile
from trimtab.server.dependencies import Dependencies
from trimtab.server.duties.calibrating import Calibrating
from trimtab.server.openapi import document
from trimtab.server.playground import Question, Told
from trimtab.server.settings import Settings
from trimtab.server.snapshot.holder import FILE, SnapshotHolder
from trimtab.storage.database import Database
from trimtab.telemetry.costs.explorer import Asker, Costs
from trimtab.telemetry.fakes import FakeReader
from trimtab.telemetry.feedback import FeedbackBook
from trimtab.telemetry.questions import Search
from trimtab.telemetry.recorded import Recorded
from trimtab.telemetry.remap import Remapper
from trimtab.telemetry.removal.upkeep import Upkeep
from trimtab.telemetry.score_book import ScoreBook
from trimtab.telemetry.seen.questions import Seen
from trimtab.telemetry.seen.tail import Tail
from trimtab.telemetry.spool.intake import Intake
from trimtab.telemetry.spool.spool import Spool
from trimtab.telemetry.switches.follow import Switches

T = TypeVar("T")
ADMIN = "tt_admin-key-for-the-tests-of-the-api-0123456789"
PRICES = PriceBook()


@dataclass
class House:
    """One server's management API, and what is behind it. ``client`` has no key; ``admin`` has the admin key."""

    deps: Dependencies
    app: App
    db: Database
    holder: SnapshotHolder
    reader: FakeReader
    clock: FixedClock
    box: SecretBox
    folder: Path
    calls: list[tuple[str, str, str]]
    lacking: list[str]
    _clients: list[httpx.AsyncClient] = field(default_factory=list[httpx.AsyncClient])

    def client(self, key: str | None = None, **options: Any) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(app=self.app)
        made = httpx.AsyncClient(transport=transport, base_url="http://trimtab.test", headers=headers, **options)
        self._clients.append(made)
        return made

    @property
    def admin(self) -> httpx.AsyncClient:
        return self.client(ADMIN)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        await self.holder.close()
        await self.deps.answers.close()
        if self.deps.knowledge is not None:
            self.deps.knowledge.close()
        if self.deps.intake is not None:
            self.deps.intake.close()
        await self.db.close()


async def _no_vectors(project: str, model: str, texts: Sequence[str]) -> Any:
    raise Unavailable(f"No model makes vectors of {len(texts)} texts here: {project}, {model}.", fix="Search by words.")


async def _nowhere(body: bytes) -> None:
    del body


@cache
def _api() -> Litestar:
    """Making one takes half a second; it belongs to no house."""
    return create_api()


async def make_house(
    folder: Path,
    *,
    config: ConfigFile | None = None,
    settings: Settings | None = None,
    url: str | None = None,
    asker: Asker | None = None,
    keep: Callable[[bytes], Awaitable[None]] | None = None,
) -> House:
    """Built as `wiring.py` builds it, with fakes only at the edges. ``asker``: a real store for costs and
    scores; ``keep``: where scores go."""
    config = config or ConfigFile()
    settings = settings or Settings(data_dir=folder)
    clock, reader, box = FixedClock(), FakeReader(), load(folder, None)
    if url is None:
        lay(settings.catalog_url)
    keys = Keys(folder, lambda: box)
    db = Database.open(url or settings.catalog_url, lambda: keys.ring)
    now = clock.now_ns() // 1_000_000
    await db.write(lambda conn: bootstrap.ensure(conn, admin_key=ADMIN, project=config.project, now=now))
    holder = SnapshotHolder(db, config, box, folder / FILE, keys=keys)
    await holder.load()
    calls: list[tuple[str, str, str]] = []
    lacking: list[str] = []

    async def call_model(project: Project, model: str, principal: Principal) -> TestResult:
        calls.append((project.slug, model, principal.key_id))
        return TestResult(
            ok=True, trace_id="t" * 32, latency=1.5, model_used=model, text="pong", error_code="", error=""
        )

    async def play(
        project: Project, principal: Principal, questions: Sequence[Question]
    ) -> AsyncGenerator[Told | None]:
        for run, question in enumerate(questions):
            calls.append((project.slug, question.model, principal.key_id))
            yield PlaygroundDelta(run=run, index=0, kind="text", text=question.body.decode())
        yield None

    async def metrics() -> str:
        return "trimtab_up 1\n"

    answers = beside(folder, max_bytes=1 << 20, clock=clock)
    scores = ScoreBook(asker or reader, keep or _nowhere)
    deps = Dependencies(
        db=db,
        snapshots=holder,
        reader=reader,
        files=reader if asker is None else cast("Any", asker),
        answers=answers,
        remapper=Remapper(reader if asker is None else cast("Any", asker)),
        intake=Intake(lambda: Spool(folder / "spool", "intake"), 1 << 30),
        embedder=Embedder(),
        knowledge=Searcher(Standings(db), Shelf(db, None, Keyring), _no_vectors, lambda: clock.now_ns() // 1_000_000),
        costs=Costs(reader if asker is None else cast("Any", asker)),
        recorded=Recorded(asker or reader),
        scores=scores,
        feedback=FeedbackBook(asker or reader, scores.write),
        calibrating=Calibrating(db, asker or reader, clock),
        seen=Seen(reader if asker is None else cast("Any", asker)),
        switches=Switches(db, folder, dict),
        tail=Tail(reader, SystemClock()),
        upkeep=Upkeep(reader if asker is None else cast("Any", asker)),
        search=Search(reader if asker is None else cast("Any", asker)),
        prices=PRICES,
        settings=settings,
        secrets=box,
        health=HealthBoard(),
        call_model=call_model,
        play=play,
        ready=lambda: lacking[0] if lacking else "",
        metrics=metrics,
        describe=lambda: msgspec.json.encode(document()),
        started=now,
        reprice=lambda: calls.append(("reprice", "", "")),
        clock=clock,
        static=folder / "static",
    )
    return House(
        deps=deps,
        app=create_app(deps, api=_api()),
        db=db,
        holder=holder,
        reader=reader,
        clock=clock,
        box=box,
        folder=folder,
        calls=calls,
        lacking=lacking,
    )


class Run(Protocol):
    def __call__(self, story: Callable[[House], Coroutine[Any, Any, T]], **options: Any) -> T: ...
