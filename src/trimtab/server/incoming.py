"""What the parser tells of the requests that come in on one connection, up to where each is whole (`hot.py` has the
connection itself). Each piece of a request comes here, so that this is compiled (docs/decisions/0019)."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast

from trimtab.gateway.exchange import SAID
from trimtab.server.cycle import Handler, HotCycle
from trimtab.server.doors import helicone
from trimtab.server.stalls import Flow

TooLargeHandler = Callable[[HotCycle, int], None]

MAX_HEAD_BYTES = 64 * 1024
"""Bytes of headers (or of a body's trailers) that may gather while nothing else of a request arrives."""
LARGE_HEAD = b"The headers are larger than %d KB.\n" % (MAX_HEAD_BYTES >> 10)
LARGE_DIGITS = 6
"""Bodies whose length has so many digits (100 KB) are read only for callers whose key is known."""


class HotRoutes:
    """What the protocol serves itself: ``routes`` by method and path, and ``under`` by method and the beginning of the
    path where that says which model or object is meant. A body above ``max_body`` bytes is not kept, and answered by
    ``too_large``."""

    def __init__(
        self,
        routes: dict[tuple[bytes, bytes], Handler],
        max_body: int,
        too_large: TooLargeHandler,
        under: tuple[tuple[bytes, bytes, Handler], ...] = (),
    ) -> None:
        self.routes = routes
        self.under = under
        self.max_body = max_body
        self.too_large = too_large
        self.known: Callable[[HotCycle], bool] | None = None
        """Whether a caller may come in, by its headers: the body of one that may not is not kept."""
        self.elsewhere: Callable[[bytes], bool] | None = None
        """Whether a path below those of ``under`` is for the ASGI app all the same."""
        self.linger_s: float = 0.0
        """While others serve in our place: how long an idle connection is kept for one more request (`serving.py`)."""
        self._defaults: list[tuple[bytes, bytes]] = []
        self._default_lines = b""

    def find(self, method: bytes, path: bytes) -> Handler | None:
        """The handler of a path that no route has as a whole."""
        if self.elsewhere is not None and self.elsewhere(path):
            return None
        for wanted, start, handler in self.under:
            if method == wanted and path.startswith(start):
                return handler
        return None

    def default_lines(self, defaults: list[tuple[bytes, bytes]]) -> bytes:
        """The headers every answer has, as lines; rendered anew only when uvicorn's clock has moved on."""
        if self._defaults is not defaults:
            self._defaults = defaults
            self._default_lines = b"".join([b"%b: %b\r\n" % pair for pair in defaults])
        return self._default_lines


class Pausing(Flow, Protocol):
    """uvicorn's `FlowControl`, of which one that waits needs less."""

    def pause_reading(self) -> None: ...


class Connection(Protocol):
    """`hot.HotProtocol`."""

    transport: asyncio.Transport
    cycle: Any  # RequestResponseCycle | HotCycle
    leaving: bool
    pipeline: deque[Any]

    @property
    def app(self) -> Any: ...

    @property
    def flow(self) -> Pausing: ...

    def ordinary_head(self) -> None: ...

    def on_body(self, body: bytes) -> None: ...

    def on_message_complete(self) -> None: ...

    def ask_for_body(self, cycle: HotCycle) -> None: ...

    def start_hot(self, cycle: HotCycle) -> None: ...

    def refuse(self, status: int, told: bytes) -> None: ...


class Incoming:
    """The requests of one connection, as httptools' parser tells of them. ``arriving``: one has begun to arrive and is
    not there yet. ``head_bytes`` came since something else than a header did."""

    def __init__(self, connection: Connection, hot: HotRoutes) -> None:
        self.connection = connection
        self.hot = hot
        self.parser: Any = None
        self.url: bytes = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.head_bytes: int = 0
        self.arriving: bool = False
        self.began_at: float = 0.0
        self._wishes_upgrade: bool = False

    def let_go(self) -> None:
        """The connection is gone: nothing is to be kept by what was around it."""
        self.parser = None
        self.connection = cast("Any", None)

    # --- httptools' side ---

    def on_message_begin(self) -> None:
        # What uvicorn does here, but for the scope: `HotProtocol.ordinary_head` makes that where one is needed.
        self.url = b""
        self.headers = []
        self.arriving = True
        self.began_at = 0.0

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        # As uvicorn does; what it looks for in each header is looked up once all are there.
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        # What came in one piece with its end, or with a body, is counted only where that piece was large.
        connection, parser, hot, headers = self.connection, self.parser, self.hot, self.headers
        if self.head_bytes > MAX_HEAD_BYTES and sum([len(n) + len(v) + 4 for n, v in headers]) > MAX_HEAD_BYTES:
            connection.refuse(431, LARGE_HEAD)
            raise ValueError("larger headers than are read")  # stops the parser within a piece
        self.head_bytes = 0
        self._wishes_upgrade = parser.should_upgrade()
        if self._wishes_upgrade:
            return
        path, _, query = self.url.partition(b"?")
        method: bytes = parser.get_method()
        handler = hot.routes.get((method, path))
        if handler is None:
            handler = hot.find(method, path)
        if handler is None:
            connection.ordinary_head()
            return
        previous = connection.cycle
        can_chunk: bool = parser.get_http_version() != "1.0"
        keep_alive: bool = can_chunk and parser.should_keep_alive() and not connection.leaving
        named: dict[bytes, bytes] = dict(reversed(headers))  # so that the first of a name counts
        if helicone.AUTH in named:
            helicone.translate(named)
        quiet = SAID.isdisjoint(named)
        cycle = HotCycle(cast("Any", connection), handler, path, query, can_chunk, keep_alive, named.get, quiet)
        connection.cycle = cycle
        length = named.get(b"content-length")
        large = len(length) >= LARGE_DIGITS if length is not None else b"transfer-encoding" in named
        if large and hot.known is not None:
            cycle.unwanted = not hot.known(cycle)
        if previous is not None and not previous.response_complete:
            cycle.queued = True
            connection.flow.pause_reading()
            connection.pipeline.appendleft((cycle, connection.app))
        elif b"expect" in named and cycle.expects():
            connection.ask_for_body(cycle)

    def on_body(self, body: bytes) -> None:
        self.head_bytes = 0
        connection = self.connection
        cycle = connection.cycle
        if not isinstance(cycle, HotCycle):
            connection.on_body(body)
        elif not cycle.response_complete and cycle.receive(body, self.hot.max_body) > 4 * self.hot.max_body:
            connection.transport.close()

    def on_message_complete(self) -> None:
        self.head_bytes = 0
        self.arriving = False
        if self._wishes_upgrade:
            return
        connection = self.connection
        cycle = connection.cycle
        if not isinstance(cycle, HotCycle):
            connection.on_message_complete()
        elif not cycle.response_complete:
            cycle.close_body()
            if not cycle.queued:
                connection.start_hot(cycle)
