"""One request on a hot route, from its first byte to its answer's last (`hot.py`)."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from trimtab.gateway.exchange import Headers
from trimtab.server.stalls import Flow, drain

Handler = Callable[["HotCycle"], Awaitable[None]]


class Wire(Protocol):
    """The connection, as a cycle needs it: `hot.HotProtocol`."""

    transport: asyncio.Transport

    @property
    def flow(self) -> Flow: ...

    def head(self, status: int, keep_alive: bool) -> bytes: ...

    def on_response_complete(self) -> None: ...


class HotCycle:
    """One request on a hot route; an `Exchange`. It wears the attributes that uvicorn's protocol looks at."""

    size: int = 0
    body: bytes = b""
    _chunks: list[bytes] | None = None
    complete: bool = False
    queued: bool = False
    disconnected: bool = False
    chunked: bool = False
    started: bool = False
    response_complete: bool = False
    unwanted: bool = False
    task: asyncio.Task[None] | None = None

    def __init__(
        self,
        protocol: Wire,
        handler: "Handler",
        path: bytes,
        query: bytes,
        can_chunk: bool,
        keep_alive: bool,
        header: Headers,
        quiet: bool,
    ) -> None:
        self._protocol = protocol
        self.handler = handler
        self.path = path
        self.query = query
        self.can_chunk = can_chunk
        self.keep_alive = keep_alive
        self.header = header
        self.quiet = quiet

    # --- what uvicorn's protocol does to a cycle ---

    @property
    def message_event(self) -> "HotCycle":
        return self

    def set(self) -> None:
        """uvicorn tells a cycle of a lost connection by setting ``disconnected`` and then its event."""
        if self.disconnected and self.task is not None and not self.task.done():
            self.task.cancel("the client left")

    # --- Exchange ---

    def respond(self, status: int, headers: bytes, body: bytes, content_type: bytes = b"application/json") -> None:
        if self.disconnected or self.started:
            return
        self.started = True
        self._protocol.transport.write(
            b"%bcontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b"
            % (self._protocol.head(status, self.keep_alive), content_type, len(body), headers, body)
        )
        self._done()

    def start(self, status: int, headers: bytes, content_type: bytes = b"text/event-stream; charset=utf-8") -> None:
        if self.disconnected or self.started:
            return
        self.started = True
        self.chunked = self.can_chunk
        framing = b"transfer-encoding: chunked\r\n" if self.chunked else b""
        self.keep_alive = self.keep_alive and self.chunked
        self._protocol.transport.write(
            b"%bcontent-type: %b\r\ncache-control: no-cache\r\nx-accel-buffering: no\r\n%b%b\r\n"
            % (self._protocol.head(status, self.keep_alive), content_type, framing, headers)
        )

    def write(self, data: bytes) -> None:
        if data and not self.disconnected:
            self._protocol.transport.write(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    def finish(self, data: bytes = b"") -> None:
        if self.disconnected or self.response_complete:
            return
        if self.chunked:
            last = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
            self._protocol.transport.write(last)
        elif data:
            self._protocol.transport.write(data)
        self._done()

    def is_congested(self) -> bool:
        return self._protocol.flow.write_paused

    def drain(self) -> Coroutine[Any, Any, None]:
        """Wait until the client has read what there is for it."""
        return drain(self._protocol.flow, self._protocol.transport)

    # --- inside ---

    def receive(self, data: bytes, limit: int) -> int:
        """Keep a piece of the body while it stays within ``limit``; returns the bytes that came so far."""
        self.size = size = self.size + len(data)
        if size > limit or self.unwanted:
            self.body, self._chunks = b"", None
        elif size == len(data):
            self.body = data  # most bodies come in one piece
        elif self._chunks is None:
            self._chunks = [self.body, data]
        else:
            self._chunks.append(data)
        return size

    def close_body(self) -> None:
        if self._chunks is not None:
            self.body = b"".join(self._chunks)
            self._chunks = None
        self.complete = True

    def expects(self) -> bool:
        """Whether the client waits for a word before it sends its body."""
        return (self.header(b"expect") or b"").lower() == b"100-continue"

    def _done(self) -> None:
        self.response_complete = True
        if not self.keep_alive:
            self._protocol.transport.close()
        self._protocol.on_response_complete()
