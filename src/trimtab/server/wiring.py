"""Where every object of a server is made and connected. Nothing here decides anything."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import msgspec
from msgspec import Struct

from trimtab.core.clock import SystemClock
from trimtab.core.ids import uuid7_hex
from trimtab.gateway.endpoints import Endpoints
from trimtab.gateway.kept.answers import Answers, beside
from trimtab.gateway.kept.conversations import Conversations
from trimtab.gateway.kept.semantic import SemanticIndex
from trimtab.gateway.money.batches import Batches
from trimtab.gateway.money.spending import Spending
from trimtab.gateway.parts import Parts
from trimtab.gateway.pipeline import Gateway
from trimtab.gateway.policy import Concurrency
from trimtab.gateway.staying_up.health import HealthBoard
from trimtab.gateway.staying_up.live import Live
from trimtab.gateway.watch import Watch
from trimtab.governance import secrets
from trimtab.governance.access import AccessTable
from trimtab.governance.checkpoints import signer_of
from trimtab.governance.retention import Rules
from trimtab.governance.sealing import Keyring, Keys
from trimtab.governance.secrets import SecretBox
from trimtab.guard.run import Runner
from trimtab.ledger.journal import Journals
from trimtab.ledger.leases import Keeper
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.reserve import Limiter
from trimtab.llm.embedder import Embedder
from trimtab.llm.transport import Transport
from trimtab.retrieval.shelf import FOLDER as KNOWLEDGE
from trimtab.retrieval.shelf import Shelf
from trimtab.server.api import all_routes
from trimtab.server.api.data import hot_routes
from trimtab.server.app import create_api, create_app
from trimtab.server.carrying import Carrying
from trimtab.server.config.watch import ConfigWatch
from trimtab.server.dependencies import Dependencies
from trimtab.server.doors import Doors
from trimtab.server.doors.otlp import OtlpDoor
from trimtab.server.doors.otlp_grpc import GrpcDoor
from trimtab.server.duties.advising import Advising
from trimtab.server.duties.batches import LookingAfter
from trimtab.server.duties.batches import lines as batch_lines
from trimtab.server.duties.calibrating import Calibrating
from trimtab.server.duties.checkpointing import Checkpointing
from trimtab.server.duties.encrypting import Encrypting
from trimtab.server.duties.experimenting import Experimenting, World
from trimtab.server.duties.forwarding import Forwarding
from trimtab.server.duties.judging import RolloutJudge
from trimtab.server.duties.keeping import Keeping, Places, is_shared
from trimtab.server.duties.money import Bookkeeping
from trimtab.server.duties.noting_keys import NotingKeys
from trimtab.server.duties.reviewing import Parts as ReviewingParts
from trimtab.server.duties.reviewing import Reviewing
from trimtab.server.duties.rolling import Controller
from trimtab.server.duties.rolling import Parts as RollingParts
from trimtab.server.duties.scoring_live import Parts as ScoringParts
from trimtab.server.duties.scoring_live import ScoringLive
from trimtab.server.experiment_estimates import per_call
from trimtab.server.first_look import read_config
from trimtab.server.holding import Holds
from trimtab.server.hot import HotProtocol, protocol_factory
from trimtab.server.housing import House
from trimtab.server.inner.calls import InnerCalls
from trimtab.server.inner.guard_services import GuardServices
from trimtab.server.inner.guard_tools import Escalations, GuardTools
from trimtab.server.inner.judge_tools import JudgeTools
from trimtab.server.inner.knowing import Library
from trimtab.server.key_names import CatalogKeyNames
from trimtab.server.later import Later
from trimtab.server.lifetimes import alongside, begun, in_order
from trimtab.server.live_metrics import follow, live_lines
from trimtab.server.local_embeddings import LocalEmbeddings
from trimtab.server.local_models import LocalModels
from trimtab.server.metrics import Gauges, Metrics, store_lines
from trimtab.server.playground import Playground
from trimtab.server.probe import Prober
from trimtab.server.readings import readings
from trimtab.server.replicas import Replicas
from trimtab.server.scheduled import queuing
from trimtab.server.settings import Settings
from trimtab.server.shared_embedder import SharedEmbedder
from trimtab.server.snapshot.apps import Directly
from trimtab.server.snapshot.holder import FILE as SNAPSHOT_FILE
from trimtab.server.snapshot.holder import SnapshotHolder
from trimtab.server.snapshot.routes import expecting, fittings
from trimtab.storage.database import Database
from trimtab.telemetry.costs.explorer import Costs
from trimtab.telemetry.feedback import FeedbackBook
from trimtab.telemetry.forward.guard import networks
from trimtab.telemetry.kinds import sealed
from trimtab.telemetry.questions import Search
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.recorded import Recorded
from trimtab.telemetry.records import CallRecord
from trimtab.telemetry.remakes import Remakes
from trimtab.telemetry.remap import Remapper
from trimtab.telemetry.removal.upkeep import Upkeep
from trimtab.telemetry.score_book import ScoreBook
from trimtab.telemetry.seen.questions import Seen
from trimtab.telemetry.seen.tail import Tail
from trimtab.telemetry.spool.inflight import Inflight
from trimtab.telemetry.spool.intake import Intake
from trimtab.telemetry.spool.spool import Spool
from trimtab.telemetry.switches.file import SwitchFile
from trimtab.telemetry.switches.follow import Switches

logger = logging.getLogger("trimtab.wiring")
STORE_START_S = 30.0
"""What is asked of the telemetry store while it starts waits so long: it takes longer than this process does."""
INFLIGHT = "inflight"
"""In the data folder: notes of calls under way."""


class Wired:
    """A connected server: ``app`` for ASGI, ``protocol`` for uvicorn's ``http=``, and how to take it apart again.
    ``complete`` imports, blocking, what only the management API needs; else its first request does."""

    def __init__(
        self,
        app: Any,
        protocol: type[HotProtocol],
        holder: SnapshotHolder,
        watch: Watch,
        keeper: Keeper,
        complete: Callable[[], object],
    ) -> None:
        self.app = app
        self.complete = complete
        self.watch = watch
        self.keeper = keeper
        self.protocol = protocol
        self.holder = holder
        self._closers: list[Callable[[], Awaitable[None]]] = []
        self._leavers: list[Callable[[], None]] = []

    def on_leave(self, leaver: Callable[[], None]) -> None:
        """What ends by itself only when it is told: called as soon as the server begins to stop, before calls end."""
        self._leavers.append(leaver)

    def leave(self) -> None:
        for leaver in self._leavers:
            leaver()

    def on_close(self, closer: Callable[[], Awaitable[None]]) -> None:
        """Closers run last added first."""
        self._closers.append(closer)

    async def aclose(self) -> None:
        for closer in reversed(self._closers):
            try:
                await closer()
            except Exception:  # shutdown's edge: what comes after it must be closed all the same
                logger.exception("something could not be closed")
        self._closers.clear()


class _Made(Struct, frozen=True, kw_only=True):
    """What one server process has one of, and others are made of."""

    clock: SystemClock
    box: SecretBox
    keys: Keys
    db: Database
    holder: SnapshotHolder
    live: Live
    prices: PriceBook
    embedder: Embedder
    shared: SharedEmbedder
    vectors: LocalEmbeddings
    spool: Spool
    intake: Intake
    reader: TelemetryReader
    transport: Transport
    local: LocalModels
    health: HealthBoard
    metrics: Metrics
    answers: Answers
    notes: Inflight
    keeper: Keeper


async def wire(settings: Settings, house: House, *, worker: str) -> Wired:
    """Make and connect everything of one server process."""
    made = await _make(settings, house, worker)
    db, holder, reader, clock = made.db, made.holder, made.reader, made.clock
    later: list[InnerCalls] = []
    services = GuardServices(made.transport, lambda: holder.current, made.box)
    guard_tools = GuardTools(lambda: later[0], made.embedder, made.box, services)
    runner = Runner()
    library = _library(made, settings, house, lambda: later[0])
    gateway = _gateway(made, settings, worker, guard_tools, runner, library)
    inflight, url, keys = house.folder / INFLIGHT, settings.telemetry_url or "", made.keys
    books = Bookkeeping(db, reader, made.spool, made.prices, lambda: holder.current, clock, inflight=inflight)
    places = Places(folder=house.folder, telemetry_url=url, opened=keys.opened, keys=lambda: keys.ring)
    keeping = Keeping(db, made.answers, reader, made.spool, lambda: _retention(holder), clock, places)
    forwarding = _forwarding(made, settings, house)
    playground = Playground(gateway, clock.now_ns)
    inner = InnerCalls(gateway, lambda: holder.current.access.projects.values() if holder.ready else (), clock.now_ns)
    later.append(inner)
    encrypting = Encrypting(db, lambda: made.keys.ring, clock)
    rolling = Controller(RollingParts(db=db, judge=RolloutJudge(reader), changed=holder.changed, clock=clock))
    deps = replace(
        _dependencies(made, settings, gateway, books, forwarding, library),
        play=playground.run,
        lay=playground.lay,
        inner_calls=inner,
        guard_tools=guard_tools,
        judge_tools=JudgeTools(inner, made.embedder),
        compare=rolling.look,
        follow_forwards=forwarding.follow,
        make_sender=forwarding.make,
        wake_retention=keeping.retention.wake,
        wake_eraser=keeping.wake_eraser,
        wake_encrypting=encrypting.wake,
    )
    experimenting = _experimenting(deps, inner)
    deps = replace(deps, wake_experiments=experimenting.wake, remake_report=experimenting.remake)
    reviewing = _reviewing(made, deps)
    scoring_live = _scoring_live(deps)
    most = settings.max_body_mb << 20
    conversations = Conversations(
        db, clock.now_ns, settings.responses_days, lambda: made.keys.ring, lambda: holder.current.targets
    )
    holds = Holds(db, lambda: holder.current, clock)
    hot = hot_routes(
        gateway, lambda: holder.current, clock, most, conversations=conversations, transport=made.transport, holds=holds
    )
    batches = Batches(db, clock.now_ns, lambda: holder.current, lambda: made.keys.ring)
    carrying = Carrying(gateway, lambda: holder.current, clock, most, conversations, batches, settings)
    door = OtlpDoor(deps, made.intake)
    api = Later(all_routes, create_api)
    app = create_app(deps, carrying, Doors(deps, door, made.intake), cast("Any", api))
    wired = Wired(app, protocol_factory(hot), holder, gateway.watch, made.keeper, api.look)
    wired.on_leave(deps.tail.close)
    wired.on_leave(experimenting.stop)
    _ends(wired, made)
    wired.on_close(door.aclose)
    if settings.otlp_grpc_port:
        _open_grpc(wired, door, settings)
    for part in (runner, carrying, batches, playground, inner, keeping):
        wired.on_close(part.aclose)
    wired.on_close(gateway.shadows.close)
    wired.on_close(gateway.outliving.close)
    if gateway.idempotency is not None:
        wired.on_close(gateway.idempotency.close)
    advising = Advising(db, f"{worker}-{uuid7_hex()}", gateway.watch.advised, clock)
    gateway.watch.on_open.append(advising.tell)
    signing = Checkpointing(db, lambda: signer_of(made.box), clock)
    jobs = (books.recovery, books.repricer, *keeping.jobs(), forwarding.forwarder)
    for job in (*jobs, deps.switches, advising):
        wired.on_close(alongside(job.run()))
    noting = NotingKeys(db, holder.key_uses)
    wired.on_close(noting.leave)
    wired.on_close(alongside(noting.run()))
    # One process of all on a catalog does these.
    looking = LookingAfter(batches, gateway.books, partial(_is_recorded, reader), clock)
    for led in (signing, looking, rolling, reviewing, scoring_live, experimenting, encrypting, library):
        wired.on_close(led.leave)
        wired.on_close(alongside(led.run()))
    wired.on_close(begun(asyncio.get_running_loop().run_in_executor(None, made.prices.warm)))
    return wired


def _open_grpc(wired: Wired, door: OtlpDoor, settings: Settings) -> None:
    grpc = GrpcDoor(door, settings.host, settings.otlp_grpc_port, settings.otlp_max_body_mb << 20)
    wired.on_close(grpc.close)
    wired.on_close(alongside(grpc.start()))


async def _is_recorded(reader: TelemetryReader, request_id: str, about_ms: int) -> bool:
    """Whether the record of a request of about that time has come to the store."""
    around, at = 86_400_000_000_000, about_ms * 1_000_000
    return bool(await reader.known_requests([request_id], at - around, at + around))


def _ends(wired: Wired, made: _Made) -> None:
    """What is left last, the catalog at the very end."""
    wired.on_close(made.db.close)
    wired.on_close(made.keeper.close)
    wired.on_close(made.reader.aclose)
    wired.on_close(made.holder.close)
    wired.on_close(in_order(made.notes.close))
    wired.on_close(in_order(made.spool.close))
    wired.on_close(in_order(made.intake.close))
    wired.on_close(made.answers.close)
    wired.on_close(made.shared.aclose)
    wired.on_close(made.vectors.aclose)
    wired.on_close(made.local.aclose)
    wired.on_close(made.transport.aclose)


def _library(made: _Made, settings: Settings, house: House, calls: Callable[[], InnerCalls]) -> Library:
    def ring() -> Keyring:
        return made.keys.ring

    shelf = Shelf(made.db, house.folder / KNOWLEDGE, ring, settings.knowledge_memory_mb << 20)
    return Library(made.db, shelf, ring, made.embedder, made.clock, calls)


def _experimenting(deps: Dependencies, inner: InnerCalls) -> Experimenting:
    assert deps.judge_tools is not None
    holder = deps.snapshots

    def holds(key_id: str) -> bool:
        return holder.principal(key_id) is not None

    return Experimenting(
        World(
            db=deps.db,
            calls=inner,
            tools=deps.judge_tools,
            clock=deps.clock,
            holds=holds,
            expected=partial(per_call, deps),
        )
    )


def _scoring_live(deps: Dependencies) -> ScoringLive:
    assert deps.judge_tools is not None
    return ScoringLive(
        ScoringParts(
            db=deps.db,
            reader=deps.reader,
            asker=deps.reader,
            scores=deps.scores,
            tools=deps.judge_tools,
            queue=queuing(deps),
            queued=deps.wake_experiments,
            clock=deps.clock,
        )
    )


def _forwarding(made: _Made, settings: Settings, house: House) -> Forwarding:
    return Forwarding(
        made.db,
        made.box,
        made.reader,
        lambda: made.holder.config,
        _slugs(made.holder),
        made.clock,
        networks(settings.forward_allow),
        house.folder,
    )


def _reviewing(made: _Made, deps: Dependencies) -> Reviewing:
    return Reviewing(
        ReviewingParts(
            db=made.db,
            reader=made.reader,
            asker=made.reader,
            scores=deps.scores,
            feedback=deps.feedback,
            calibrating=deps.calibrating,
            clock=made.clock,
        )
    )


def _retention(holder: SnapshotHolder) -> dict[str, Rules]:
    return {holder.config.project: holder.config.retention}


async def _make(settings: Settings, house: House, worker: str) -> _Made:
    clock = SystemClock()
    box: SecretBox = secrets.load(house.folder, settings.secret_key)
    keys = Keys(house.folder, lambda: box)
    config = read_config(settings)
    db = Database.open(settings.catalog_url, lambda: keys.ring)
    live, prices, shared = Live(), PriceBook(), SharedEmbedder(house.run)
    embedder = Embedder(read=shared.read)
    holder = SnapshotHolder(
        db,
        ConfigWatch(config, settings.config),
        box,
        house.folder / SNAPSHOT_FILE,
        fittings(live, expecting(prices), embedder),
        Replicas(db, f"{worker}-{uuid7_hex()}"[-64:], clock),
        keys,
    )
    await holder.load()
    holder.start()
    most, seal = settings.spool_max_mb << 20, partial(_seal, keys)
    spool = Spool(house.spool, worker, sync=settings.spool_sync, max_bytes=most, seal=seal)
    intake = _intake(settings, house, worker, seal)
    transport = Transport()
    keeper = Keeper(db, clock, Journals(house.run / "limits"))
    keeper.start()
    return _Made(
        clock=clock,
        box=box,
        keys=keys,
        db=db,
        holder=holder,
        live=live,
        prices=prices,
        embedder=embedder,
        shared=shared,
        vectors=LocalEmbeddings(embedder),
        spool=spool,
        intake=intake,
        reader=TelemetryReader(
            house.run / "telemetry.sock",
            lambda: spool.waiting + intake.waiting,
            patience_s=STORE_START_S,
            keys=lambda: keys.ring,
            indexed=SwitchFile(house.folder).indexes,
            key_names=CatalogKeyNames(db),
        ),
        transport=transport,
        local=LocalModels(house.run),
        health=HealthBoard(),
        metrics=Metrics(Gauges(readings(spool, intake, transport, holder)), _slugs(holder)),
        answers=_answers(settings, house, db, clock, keys),
        notes=Inflight(house.folder / INFLIGHT, worker),
        keeper=keeper,
    )


def _gateway(
    made: _Made, settings: Settings, worker: str, guard_tools: GuardTools, runner: Runner, library: Library
) -> Gateway:
    def observe(record: CallRecord) -> None:
        made.health.observe(record)
        made.metrics.observe(record)

    holder, spending = made.holder, Spending(Limiter(made.keeper), made.prices, made.clock, made.metrics.limit)
    direct = Directly(made.db, lambda: holder.current, holder.made_with)
    gateway = Gateway(
        Parts(
            snapshot=holder.in_force,
            transport=made.transport,
            endpoints=Endpoints(made.local.endpoint, made.vectors.endpoint),
            prices=made.prices,
            spool=made.spool,
            clock=made.clock,
            observe=observe,
            live=made.live,
            admission=Concurrency(limit=settings.max_calls, queue=2 * settings.max_calls),
            notes=made.notes,
            answers=made.answers,
            semantic=SemanticIndex(made.answers, made.embedder),
            spending=spending,
            idempotency_s=settings.idempotency_hours * 3600.0,
            owner=f"{worker}-{uuid7_hex()}"[-64:],
            guard_tools=guard_tools,
            guard_runner=runner,
            knowledge=library.searcher,
            escalate=Escalations(made.db, made.clock),
            direct=direct,
            remembering=(spending, direct),
        )
    )
    made.keeper.each_second = lambda: gateway.look(holder.current) if holder.ready else None
    return gateway


def _dependencies(
    made: _Made, settings: Settings, gateway: Gateway, books: Bookkeeping, forwarding: Forwarding, library: Library
) -> Dependencies:
    holder, reader, metrics = made.holder, made.reader, made.metrics

    def ready() -> str:
        if not holder.ready:
            return holder.away or "The configuration has not been read yet."
        return made.spool.refusal

    follow(metrics, made.live, gateway.gate, gateway.shadows, _slugs(holder))

    async def metrics_text() -> str:
        stored = await reader.health()
        lines = live_lines(made.live, gateway.gate, _slugs(holder))
        forwards = await forwarding.lines(_slugs(holder))
        batches = await batch_lines(made.db, _slugs(holder))
        return (metrics.text() + store_lines(stored) + lines + forwards + batches).decode()

    scores = ScoreBook(reader, _keep(made.spool), lambda: made.keys.ring)
    return Dependencies(
        db=made.db,
        snapshots=holder,
        reader=reader,
        files=reader,
        answers=made.answers,
        embedder=made.embedder,
        costs=Costs(reader),
        recorded=Recorded(reader, lambda: made.keys.ring),
        scores=scores,
        feedback=FeedbackBook(reader, scores.write, lambda: made.keys.ring),
        calibrating=Calibrating(made.db, reader, made.clock),
        seen=Seen(reader),
        switches=Switches(made.db, settings.data_dir.absolute(), _detectors_off(holder)),
        search=Search(reader),
        tail=Tail(reader, made.clock),
        upkeep=Upkeep(reader),
        prices=made.prices,
        settings=settings,
        secrets=made.box,
        keys=lambda: made.keys.ring,
        health=made.health,
        call_model=Prober(gateway).call,
        ready=ready,
        metrics=metrics_text,
        describe=_describe,
        started=made.clock.now_ns() // 1_000_000,
        reprice=books.repricer.wake,
        clock=made.clock,
        intake=made.intake,
        remapper=Remapper(reader),
        remakes=Remakes(reader) if is_shared(settings.telemetry_url) else None,
        knowledge=library.searcher,
        wake_knowledge=library.wake,
        live=made.live,
    )


def _seal(keys: Keys, body: bytes) -> bytes:
    """A record of any kind, as it goes into the spool."""
    return sealed(keys.ring, body)


def _intake(settings: Settings, house: House, worker: str, seal: Callable[[bytes], bytes]) -> Intake:
    most = settings.otlp_backlog_mb << 20
    return Intake(lambda: Spool(house.spool, f"{worker}-otlp", sync="full", max_bytes=most, seal=seal), most)


def _answers(settings: Settings, house: House, db: Database, clock: SystemClock, keys: Keys) -> Answers:
    """Stored answers: in a file of the data folder, or beside the catalog where that is shared by several machines."""
    most = settings.cache_max_mb << 20
    if settings.catalog_url.startswith("sqlite"):
        return beside(house.folder, max_bytes=most, clock=clock, keys=lambda: keys.ring)
    return Answers(db.another(), file=None, max_bytes=most, clock=clock, keys=lambda: keys.ring)


def _keep(spool: Spool) -> Callable[[bytes], Awaitable[None]]:
    async def keep(body: bytes) -> None:
        await spool.keep(body)

    return keep


def _describe() -> bytes:
    from trimtab.server.openapi import document  # rarely asked for, and no start should pay for it

    return msgspec.json.encode(document())


def _slugs(holder: SnapshotHolder) -> Callable[[str], str]:
    """The slugs of one snapshot are turned round once: with many projects, to look for each would hold calls up."""
    known: AccessTable | None = None
    slugs: dict[str, str] = {}

    def slug_of(project_id: str) -> str:
        nonlocal known, slugs
        access = holder.current.access
        if access is not known:
            known, slugs = access, {project.id: project.slug for project in access.projects.values()}
        return slugs.get(project_id, project_id)

    return slug_of


def _detectors_off(holder: SnapshotHolder) -> Callable[[], dict[str, frozenset[str]]]:
    """What the config file says, by project id; nothing while nothing is known."""

    def declared() -> dict[str, frozenset[str]]:
        off = holder.config.detectors_off
        project = holder.current.access.projects.get(holder.config.project) if holder.ready else None
        return {} if off is None or project is None else {project.id: off}

    return declared
