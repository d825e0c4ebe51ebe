"""A gateway on a real socket: our HTTP protocol, the real pipeline and transport; a spool that can be looked into."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import uvicorn

from patience import PATIENCE_S
from trimtab.core.clock import Clock, SystemClock
from trimtab.core.errors import Unavailable
from trimtab.gateway.call_policy import CallPolicy, compiled
from trimtab.gateway.endpoints import Endpoints
from trimtab.gateway.kept.conversations import Conversations
from trimtab.gateway.money.batches import Batches
from trimtab.gateway.parts import Parts
from trimtab.gateway.pipeline import Gateway
from trimtab.gateway.routing.affinity import Pins
from trimtab.gateway.routing.compile import Compiled, compile_route
from trimtab.gateway.routing.fittings import Fittings
from trimtab.gateway.routing.types import Route
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.staying_up.live import Live
from trimtab.gateway.targets import Model, ProjectTargets, Provider, Timeouts
from trimtab.governance.access import AccessTable, Principal, Project, digest
from trimtab.ledger.prices import PriceBook
from trimtab.ledger.types import PriceOverride
from trimtab.llm.transport import Transport
from trimtab.server.api.data import hot_routes
from trimtab.server.carrying import Carrying, is_carried
from trimtab.server.hot import HotServer, protocol_factory
from trimtab.server.snapshot.routes import no_price
from trimtab.storage.database import Database
from trimtab.telemetry.records import CallRecord

KEY = "tt_client"
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
PRICE = PriceOverride(input=1.0, output=2.0)
_CLOCK = SystemClock()


class OpenSpool:
    """Keeps records in a list; can be told to refuse, or to wait before it says that a record is durable."""

    def __init__(self) -> None:
        self.records: list[CallRecord] = []
        self.accepting = True
        self.broken = False
        self.gate: asyncio.Event | None = None
        self._writing: set[asyncio.Future[None]] = set()

    def append(self, record: CallRecord) -> Awaitable[None]:
        """As the real one's: giving up on the awaitable does not take the record back."""
        writing = asyncio.ensure_future(self._append(record))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        return asyncio.shield(writing)

    async def _append(self, record: CallRecord) -> None:
        if self.broken:
            raise Unavailable("the disk is full")
        if self.gate is not None:
            await self.gate.wait()
        self.records.append(record)

    async def one(self) -> CallRecord:
        """The only record, once it is there."""
        (record,) = await self.all(1)
        return record

    async def all(self, number: int) -> list[CallRecord]:
        """So many records, which are all, once they are there: of a stream that breaks, a client is told before."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.records) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert len(self.records) == number, self.records
        return self.records


def provider(name: str, port: int, dialect: str = "openai_chat", **more: Any) -> Provider:
    more.setdefault("timeouts", Timeouts(connect=30, first_token=30, idle=30, total=120))
    return Provider(name=name, kind="custom", dialect=dialect, base_url=f"http://127.0.0.1:{port}/v1", **more)


class Running:
    """A gateway under test: its address, its spool, and a client."""

    gateway: Gateway
    batches: Batches | None = None

    def __init__(
        self, port: int, spool: OpenSpool, client: httpx.AsyncClient, server: HotServer, force: list[Snapshot]
    ) -> None:
        self.port = port
        self.force = force
        """The snapshot in force, alone in a list: put another there."""
        self.spool = spool
        self.client = client
        self.server = server

    async def chat(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Header names with ``_`` for ``-``; values travel as UTF-8."""
        rendered = {k.replace("_", "-").encode(): v.encode() for k, v in headers.items()}
        return await self.client.post("/v1/chat/completions", json=body, headers=rendered)

    async def queued(self, calls: int) -> None:
        """Returns when so many calls wait for a place at a provider."""
        async with asyncio.timeout(PATIENCE_S):
            while sum(state.gate.waiting for _, state in self.gateway.live.each() if state.gate) != calls:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(
    providers: list[Provider],
    models: list[Model],
    *,
    capture: bool = True,
    max_body: int = 1 << 20,
    policies: dict[str, CallPolicy] | None = None,
    routes: dict[str, Any] | None = None,
    db: Database | None = None,
    vectors: Callable[[Provider], Awaitable[str]] | None = None,
    clock: Clock = _CLOCK,
    drain_s: int = 1,
    **parts: Any,
) -> AsyncGenerator[Running]:
    project = Project(id="prj_1", slug="default", capture_content=capture)
    other = Project(id="prj_2", slug="other")
    access = AccessTable(
        keys={
            digest(KEY): Principal(key_id="key_1", role="client", project=project),
            digest("tt_second"): Principal(key_id="key_4", role="client", project=project),
            digest("tt_admin"): Principal(key_id="key_0", role="admin"),
            digest("tt_reader"): Principal(key_id="key_2", role="read_only"),
            digest("tt_old"): Principal(key_id="key_3", role="client", project=project, expires_ns=1),
        },
        projects={"default": project, "other": other},
    )
    targets = ProjectTargets(providers={p.name: p for p in providers}, models={m.name: m for m in models})
    snapshot = Snapshot(
        version=1,
        access=access,
        targets={"prj_1": targets, "prj_2": ProjectTargets()},
        policies={"prj_1": compiled(policies, targets, {})} if policies else {},
        routes={"prj_1": routed(routes, targets)} if routes else {},
    )
    force = [snapshot]
    spool = OpenSpool()
    transport = Transport()

    async def managed(provider: Provider) -> str:
        raise AssertionError(provider.name)

    gateway = Gateway(
        Parts(
            snapshot=lambda: force[0],
            transport=transport,
            endpoints=Endpoints(managed, vectors),
            prices=PriceBook(),
            spool=spool,
            clock=clock,
            observe=lambda record: None,
            **parts,
        )
    )
    conversations = (
        None if db is None else Conversations(db, SystemClock().now_ns, 30, targets=lambda: force[0].targets)
    )
    more: Any = {"conversations": conversations, "transport": transport}
    hot = hot_routes(gateway, lambda: force[0], SystemClock(), max_body, **more)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    ready = asyncio.Event()
    batches = None if db is None else Batches(db, SystemClock().now_ns, lambda: force[0])
    carrying = Carrying(gateway, lambda: force[0], SystemClock(), max_body, conversations, batches)

    async def app(scope: Any, receive: Receive, send: Send) -> None:
        await (carrying if is_carried(scope["path"]) else nothing_here)(scope, receive, send)

    config = uvicorn.Config(
        app, http=protocol_factory(hot), lifespan="off", log_config=None, timeout_graceful_shutdown=drain_s
    )
    server = HotServer(config, ready.set)
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    await ready.wait()
    port = listener.getsockname()[1]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers={"authorization": f"Bearer {KEY}"}, timeout=PATIENCE_S
    ) as client:
        made = Running(port, spool, client, server, force)
        made.gateway = gateway
        made.batches = batches
        yield made
    server.should_exit = True
    await serving
    if gateway.idempotency is not None:
        await gateway.idempotency.close()
    await carrying.aclose()
    if batches is not None:
        await batches.aclose()
    await transport.aclose()
    assert gateway.gate.running == 0, "a call has not given its place back"
    for _, state in gateway.live.each():
        gate = 0 if state.gate is None else state.gate.running
        busy = (state.in_flight, gate, *(key.in_flight for key in state.keys))
        assert not any(busy), f"an attempt at {state.provider} still counts as under way"


def routed(trees: dict[str, Any], targets: ProjectTargets) -> dict[str, Compiled]:
    """Routes from trees as they are written."""
    made_with = Fittings(live=Live(), expect=no_price, pins=Pins())
    routes = {name: msgspec.convert({"name": name, **tree}, Route) for name, tree in trees.items()}
    return {name: compile_route(route, "prj_1", targets, routes, made_with) for name, route in routes.items()}


async def nothing_here(
    scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"the other way"})
