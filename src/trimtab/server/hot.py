"""The data plane's own way through the HTTP server: uvicorn's protocol, with a shorter path for the hot routes.

uvicorn parses (httptools), keeps connections, pipelines, limits and drains. For the few routes in `HotRoutes` this
subclass skips what ASGI costs per call (a scope, two queues of messages, an event, header dictionaries) and hands the
handler an `Exchange` that writes straight to the socket; everything else takes the ordinary ASGI way. What it saves is
in `docs/benchmarks.md`; why it is safe to rely on uvicorn's class is in ADR 0002.
"""

import asyncio
import logging
import select
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from trimtab.server.cycle import HotCycle
from trimtab.server.incoming import LARGE_HEAD, MAX_HEAD_BYTES, HotRoutes, Incoming

logger = logging.getLogger("trimtab.http")

REQUEST_STALL_S = 30.0
"""A client that has begun a request and sends nothing more for so long is sent away."""
REQUEST_S = 300.0
"""A request of the data plane arrives within so long, however slowly it drips."""
SILENCE_S = 75.0
"""A connection on which nothing was ever asked is kept for so long."""
TICK_S = 1.0
CHECK_EVERY_TICKS = 5
UVICORNS_TICKS = 10
"""Of uvicorn's, which writes the date anew with every tenth, as many make one of ours: nothing waits for a tick."""
BUSY_CALLS = 2_000
"""So many requests show that a process answers calls, and was not only started."""
LEFT_S = 0.01
"""How often a server that is stopping looks whether anybody is still being answered."""
LEAVE_AGAIN_S = 0.05
"""An idle connection on which a request is just arriving is closed later, by its answer if not by then."""


def has_news(transport: asyncio.Transport) -> bool:
    """Whether something has arrived that nobody has read yet: timers run before sockets are looked at."""
    found = transport.get_extra_info("socket")
    if found is None or found.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(found.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class HotProtocol(HttpToolsProtocol):
    """Made by `protocol_factory`, which sets ``hot``."""

    hot: HotRoutes
    parser: Any  # uvicorn's annotation allows the None that it becomes when the connection is gone
    cycle: Any  # RequestResponseCycle | HotCycle: uvicorn's annotation knows only its own; the last that has arrived
    _worker: asyncio.Task[None] | None = None  # the task that serves this connection
    _waiting: asyncio.Future[HotCycle] | None = None  # what it waits for while nothing is asked
    _serving: HotCycle | None = None  # the one whose answer is under way: an earlier one, where requests are pipelined
    leaving = False  # its next answer says that it is the last
    _heard_at = 0.0
    _idle_since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._incoming = Incoming(self, self.hot)
        self._begin_parsing()
        self._heard_at = self.loop.time()
        self.leaving = self.hot.linger_s > 0  # it came in while others were taking over

    def check(self, now: float) -> None:
        """Send a client away that does not finish its request, or asks nothing more. Called every few seconds."""
        if self.transport.is_closing():
            return
        if not self._incoming.arriving:
            cycle = self.cycle
            quiet_s = SILENCE_S if cycle is None else self.timeout_keep_alive
            since = self._heard_at if cycle is None else self._idle_since
            if (cycle is None or cycle.response_complete) and now - since > quiet_s:
                self.transport.close()
            return
        if self.flow.read_paused:
            self._heard_at = now  # it is we who do not read on
            return
        hot = type(self.cycle) is HotCycle
        if now - self._heard_at > REQUEST_STALL_S or (hot and now - self._incoming.began_at > REQUEST_S):
            self.refuse(408, b"The request did not arrive in time.\n")

    def shutdown(self) -> None:
        """uvicorn's wish to close. A connection that a client may just be writing to would break under its request, and
        so would one whose answer has begun and said that it stays open. Where there is time they get one more answer
        instead, which says that it is the last."""
        cycle = self.cycle
        promised = cycle is None or cycle.response_complete or (type(cycle) is HotCycle and cycle.started)
        if self.hot.linger_s and promised and not self.transport.is_closing():
            self.leaving = True
            self.loop.call_later(self.hot.linger_s, self._leave)
            return
        super().shutdown()

    def _leave(self) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.loop.call_later(self.hot.linger_s, self._leave)
        elif self._incoming.arriving or has_news(self.transport):  # its answer says that it is the last
            self.loop.call_later(LEAVE_AGAIN_S, self._leave)
        else:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        if self.timeout_keep_alive_task is not None:  # of an answer on the ordinary way
            self._unset_keepalive_if_required()
        incoming = self._incoming
        incoming.head_bytes += len(data)
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as stop:
                self._pass_over_upgrade(data[stop.args[0] :])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.refuse(400, b"This is not an HTTP request.\n")
        if incoming.arriving:
            self._heard_at = self.loop.time()
            incoming.began_at = incoming.began_at or self._heard_at
        if incoming.head_bytes > MAX_HEAD_BYTES:
            self.refuse(431, LARGE_HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)  # which tells the last cycle only
        self._incoming.let_go()
        self.pipeline.clear()
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        serving = self._serving
        if serving is not None and not serving.response_complete and not serving.disconnected:
            serving.disconnected = True
            serving.set()

    def _begin_parsing(self) -> None:
        """With a parser that tells `Incoming` of what it reads, and not us."""
        parser = self.parser = self._incoming.parser = httptools.HttpRequestParser(self._incoming)
        parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def ordinary_head(self) -> None:
        """For a request that goes the ordinary way: what `Incoming` left out of it, and then what uvicorn does."""
        incoming = self._incoming
        self.on_message_begin()
        self.url, headers = incoming.url, incoming.headers
        self.expect_100_continue = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in headers
        )
        self.headers = self.scope["headers"] = headers
        self.on_headers_complete()
        if self.leaving:
            self.cycle.keep_alive = False

    def on_response_complete(self) -> None:
        """As uvicorn does, but for its timer per answer: `check` lets idle connections go."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self._idle_since = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            if self.pipeline and not self.transport.is_closing():
                self.flow.pause_reading()  # what is here comes first: else a flood of requests would gather in memory

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if type(cycle) is not HotCycle:
            super()._start_asgi_task(cycle, app)
            return
        cycle.queued = False
        if cycle.complete:
            self.start_hot(cycle)
        elif cycle.expects():
            self.ask_for_body(cycle)

    def start_hot(self, cycle: HotCycle) -> None:
        self._serving = cycle
        if cycle.size > self.hot.max_body and not cycle.unwanted:
            # answered only now: a client that is still sending would not read it
            cycle.keep_alive = False
            self.hot.too_large(cycle, self.hot.max_body)
            return
        worker, waiting = self._worker, self._waiting
        if worker is None or waiting is None:  # the connection's first, or what came before it is still at something
            worker = self._worker = self.loop.create_task(self._work(cycle))
        else:
            self._waiting = None
            waiting.set_result(cycle)
        cycle.task = worker
        self.tasks.add(worker)

    async def _work(self, cycle: HotCycle) -> None:
        """Serve the requests of this connection one after the other in one task: making one is dearer than waking it.
        It ends with the connection, when it is cancelled, and when another has been made in its place. It is the last
        net under a handler: one that breaks or forgets to answer closes the connection."""
        task = self._worker
        assert task is not None
        try:
            while True:
                try:
                    await cycle.handler(cycle)
                except asyncio.CancelledError:
                    pass
                except Exception:
                    logger.exception("a handler of %s broke", cycle.path.decode("latin-1"))
                if not cycle.response_complete and not cycle.disconnected:
                    self.transport.close()
                cycle.body = b""  # an idle connection keeps nothing of what it asked
                if self._worker is not task or self.transport.is_closing() or task.cancelling():
                    return
                self.tasks.discard(task)
                waiting = self._waiting = self.loop.create_future()
                cycle = await waiting
        finally:
            self.tasks.discard(task)

    def ask_for_body(self, cycle: HotCycle) -> None:
        length = cycle.header(b"content-length")  # a number, and the only one: the parser sees to it
        too_large = length is not None and int(length) > self.hot.max_body
        if cycle.unwanted or too_large:  # it has asked before sending: it is answered without
            cycle.size = max(cycle.size, int(length or b"0"))
            cycle.keep_alive = False
            self.start_hot(cycle)
        else:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _pass_over_upgrade(self, rest: bytes) -> None:
        """Another protocol is not spoken here, so the wish for one is passed over (RFC 9110 7.8); Java's client sends
        ``Upgrade: h2c`` with its first request. The parser has stopped after the headers and takes the body for the
        other protocol's: it is begun anew without the wish, and the connection ends with this request."""
        incoming, parser = self._incoming, self.parser
        lines = [b"%b: %b" % pair for pair in incoming.headers if pair[0] not in (b"connection", b"upgrade")]
        first = b"%b %b HTTP/%b" % (parser.get_method(), incoming.url, parser.get_http_version().encode())
        self._begin_parsing()
        self.parser.feed_data(b"\r\n".join([first, *lines, b"connection: close", b"", rest]))

    def refuse(self, status: int, told: bytes) -> None:
        """Of what cannot even be read: say so, unless an answer is under way, and hang up."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if type(cycle) is HotCycle and self._incoming.arriving and not (cycle.queued or cycle.complete):
            cycle.keep_alive = False
            cycle.respond(status, b"", told, b"text/plain; charset=utf-8")
        elif cycle is None or cycle.response_complete:
            kind = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n\r\n%b" % (len(told), told)
            self.transport.write(self.head(status, keep_alive=False) + kind)
        self.transport.close()

    def head(self, status: int, keep_alive: bool) -> bytes:
        """Status line and the headers every answer has."""
        lines = self.hot.default_lines(self.server_state.default_headers)
        return b"%b%b%b" % (STATUS_LINE[status], lines, b"" if keep_alive else b"connection: close\r\n")


def protocol_factory(hot: HotRoutes) -> type[HotProtocol]:
    """A protocol class of its own for one server, as uvicorn's ``http=`` takes it."""
    return type("BoundHotProtocol", (HotProtocol,), {"hot": hot})


class HotServer(uvicorn.Server):
    """uvicorn without its own signal handling: `serve` decides when to stop. ``on_ready`` is called once it listens,
    ``on_busy`` once it has had `BUSY_CALLS` requests.

    It stops as soon as it is told to and nobody is being answered, where uvicorn looks every tenth of a second (three
    times, one after the other).
    """

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], on_busy: Callable[[], None] | None = None
    ) -> None:
        self._leave = asyncio.Event()
        super().__init__(config)
        self.gives_way = False
        self._on_ready = on_ready
        self._on_busy = on_busy

    @property
    def should_exit(self) -> bool:
        return self._leave.is_set()

    @should_exit.setter
    def should_exit(self, leave: bool) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        if leave:
            self._leave.set()
        else:
            self._leave.clear()

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leave.wait(), TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, let those there are end as `HotProtocol.shutdown` says, within the drain bound."""
        for server in self.servers:
            server.close()
        for each in sockets or []:
            each.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(LEFT_S)  # who was let in by this turn of the loop is not among them yet
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                await self._nobody_left()
        except TimeoutError:
            tasks = self.server_state.tasks
            logger.error("%d tasks were still at work when the time to drain was over: they end now", len(tasks))
            for task in tasks:
                task.cancel()

    async def _nobody_left(self) -> None:
        while (self.server_state.connections or self.server_state.tasks) and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(LEFT_S)
        for server in self.servers:
            await server.wait_closed()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        if self._on_busy is not None and self.server_state.total_requests >= BUSY_CALLS:
            on_busy, self._on_busy = self._on_busy, None
            on_busy()
        if counter % CHECK_EVERY_TICKS == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, HotProtocol):
                    connection.check(now)
        return await super().on_tick(counter * UVICORNS_TICKS)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
