"""The lean HTTP/1.1 client that carries calls to providers.

One pool per event loop, one connection per call in flight. httptools (llhttp, the parser of Node) reads the answers, so
nothing here parses HTTP by hand; what is ours is only the pooling, the deadlines and a read path with no queue and no
task of its own. General clients cost several times more per call than the rest of the gateway together
(`docs/benchmarks.md`).

Deadlines are checked by one slow ticker over the calls in flight instead of a timer per call, so they fire up to
`TICK_S` late.
"""

import asyncio
import ssl
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

import httptools

from trimtab.core.errors import UpstreamFailure, UpstreamTimeout
from trimtab.llm import waiting
from trimtab.llm.endpoint import Endpoint, Origin
from trimtab.llm.unread import is_unread
from trimtab.llm.waiting import StaleConnection

TICK_S = 0.1
IDLE_TTL_S = 20.0
MAX_IDLE_PER_ORIGIN = 256
MAX_ANSWER_BYTES = 64 * 1024 * 1024
PAUSE_AT_BYTES = 256 * 1024


def _garbage(message: str) -> UpstreamFailure:
    return UpstreamFailure(message, code="upstream_garbage")


class Answer:
    """One connection and, while a call is on it, that call's answer.

    The reader sees: `head` (status and headers), then either `read` (the whole body) or `chunk` until None. To the loop
    it is an `asyncio.Protocol`, though it does not inherit from that: it could not be compiled (decision 0019).
    """

    def __init__(self, pool: "Transport", idle: "deque[Answer]") -> None:
        """``idle`` is where it waits between two calls, with others to the same origin."""
        self._pool = pool
        self.idle = idle
        self._loop = pool.loop
        self._transport: asyncio.Transport | None = None
        self.reused = False
        self._unsent = self._unread = False
        self.idle_since = 0.0
        self._parked = False
        self._closed: Exception | None = None
        self._lines: dict[bytes, bytes] = {}
        self.on_header = self._lines.__setitem__  # a provider sends dozens: a call in Python for each is dear
        self._parser = httptools.HttpResponseParser(self)  # it goes on with the next answer where one was whole
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._received = 0
        self._waiter: asyncio.Future[None] | None = None
        self._wait_for_end = False
        self._head_done = False
        self._complete = False
        self._keep_alive = False
        self._detached = False
        self._paused = False
        self._inflate: Callable[[bytes, int], bytes] | None = None
        self._failure: Exception | None = None
        self.first_byte_at = 0.0
        self._idle_s = 0.0
        self._deadline = 0.0
        self._final_deadline = 0.0
        self._unhurried = 0.0
        self._bound = ""

    def _begin_anew(self) -> None:
        """As `_reset`, of an answer that is whole and was read: most of it is as it was at the beginning."""
        if self._detached or self._inflate is not None or self._chunks:
            self._reset()
            return
        self.headers = {}
        self.status = self._buffered = self._received = 0
        self._wait_for_end = self._head_done = self._complete = self._keep_alive = False
        self.first_byte_at = 0.0

    def peer(self) -> object:
        """The other end's address, as the socket tells it."""
        return None if self._transport is None else self._transport.get_extra_info("peername")

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._parked:  # nobody asked: a farewell (408) or a broken server; either way not an answer to the next call
            self.close()
            return
        idle_s = self._idle_s
        if idle_s:
            now = self._loop.time()
            if not self.first_byte_at:
                self.first_byte_at = now
                self._bound = "idle"
            self._deadline = now + idle_s
        before = self._received
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self._complete:
                self._keep_alive = False  # what came after the answer belongs to no call
            else:
                self._fail(_garbage(f"The provider's answer is not HTTP: {error or 'it changes the protocol'}."))
        if self._received != before:
            self._took_in(self._received - before)
        if self._complete and self._detached:
            self._pool.put_back(self)

    def eof_received(self) -> bool:
        if self.reused and not self.first_byte_at and self._transport is not None:
            self._unread = is_unread(self._transport)
        return False

    def pause_writing(self) -> None:
        """Requests are small, and what they wait for is the answer."""

    def resume_writing(self) -> None:
        """See `pause_writing`."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = exc or ConnectionResetError("closed by the provider")
        if not self._complete:
            open_ended = "content-length" not in self.headers and "transfer-encoding" not in self.headers
            if self._head_done and open_ended and exc is None:
                self._complete = True  # HTTP/1.0 style: the end of the connection is the end of the body
                self._wake()
            elif self.reused and not self.first_byte_at and (self._unsent or self._unread):
                self._fail(StaleConnection())  # else it may have been read, and whoever sends it again must know
            else:
                where = "in the middle of its answer" if self.first_byte_at else "before it answered"
                self._fail(UpstreamFailure(f"The provider closed the connection {where}.", code="upstream_reset"))
        self._pool.forget(self)

    # --- httptools' side ---

    def on_message_begin(self) -> None:
        if self._complete:
            raise ValueError("a second answer to one request")
        self._lines.clear()  # also of what a body before it had for trailers

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:
            return
        self.status = status
        self._head_done = True
        headers = self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._lines.items()
        }
        encoding = headers.get("content-encoding")
        if encoding is not None:
            self._note_encoding(encoding.lower())
        if not self._wait_for_end:
            self._wake()

    def _note_encoding(self, encoding: str) -> None:
        if encoding in ("gzip", "deflate"):
            self._inflate = zlib.decompressobj(47 if encoding == "gzip" else 15).decompress
        elif encoding != "identity":
            self._fail(
                UpstreamFailure(f"The provider answered with content-encoding {encoding}.", code="upstream_garbage")
            )

    def on_body(self, data: bytes) -> None:
        # Called for each piece of a chunked body, dozens of times for one read: what can wait is in `_took_in`.
        if self._inflate is not None or self._detached:
            data = self._unpacked(data)
            if not data:
                return
        self._chunks.append(data)
        self._received += len(data)

    def _unpacked(self, data: bytes) -> bytes:
        """A piece of a compressed body as it was; nothing of one that nobody wants any more."""
        room = MAX_ANSWER_BYTES + 1 - self._received
        if self._inflate is None or self._detached or self._failure is not None or room <= 0:
            return b""
        try:
            return self._inflate(data, room)
        except zlib.error as error:
            self._fail(_garbage(f"The provider's compressed answer is broken: {error}."))
            return b""

    def _took_in(self, size: int) -> None:
        """So many bytes of the body have come with the last read."""
        if self._failure is not None:
            return
        if self._received > MAX_ANSWER_BYTES:
            limit = f"{MAX_ANSWER_BYTES >> 20} MB"
            self._fail(UpstreamFailure(f"The provider's answer is larger than {limit}.", code="upstream_too_large"))
        elif not self._wait_for_end:
            self._buffered += size
            if self._buffered > PAUSE_AT_BYTES and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
            self._wake()

    def on_message_complete(self) -> None:
        if not self._head_done:
            return
        self._keep_alive = self._parser.should_keep_alive()  # llhttp knows it only until the message is over
        self._complete = True
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # --- the caller's side ---

    def send(self, endpoint: Endpoint, extra: bytes, body: bytes) -> None:
        """Write the request: ``extra`` is further header lines, each ending in CRLF."""
        if self._transport is None or self._closed is not None:
            raise StaleConnection
        if self._parked:
            self._parked = False
            self._begin_anew()
        self._unsent = True
        now = self._loop.time()
        self._idle_s = endpoint.idle_s
        self._final_deadline = now + endpoint.total_s
        self._deadline = now + endpoint.first_byte_s
        self._bound = "first_token"
        outbox = self._pool.outbox
        if not outbox:
            self._loop.call_soon(self._pool.send_all)
        outbox.append((self, b"%b%d\r\n%b\r\n%b" % (endpoint.head, len(body), extra, body)))

    def write(self, data: bytes) -> None:
        """What `send` has put together, with what other calls of this turn of the loop send."""
        if self._transport is not None and self._closed is None and not self._transport.is_closing():
            self._unsent = False
            self._transport.write(data)

    def due_within(self, seconds: float) -> None:
        """The caller wants the first token (the end of a whole answer) within so many seconds from now; see `begun`."""
        self._unhurried = self._final_deadline
        self._final_deadline = min(self._final_deadline, self._loop.time() + seconds)

    def begun(self, seconds: float | None) -> None:
        """After `due_within`: the first token came in time, and the end is due ``seconds`` from now, if at all."""
        end = self._unhurried
        self._final_deadline = end if seconds is None else min(end, self._loop.time() + seconds)

    def since_first_byte(self) -> float:
        """Seconds since the answer's first byte; 0 while there is none."""
        return self._loop.time() - self.first_byte_at if self.first_byte_at else 0.0

    def head(self) -> Awaitable[None]:
        """Wait until status and headers are there."""
        return waiting.head(self)

    def has_head(self) -> bool:
        """Whether status and headers are there; else wait for `news`, and ask again. Raises what has failed."""
        if self._failure is not None:
            raise self._failure
        return self._head_done

    def is_whole(self) -> bool:
        """Whether head and body are all there. Raises what has failed; else wait for `news`, and ask again: that comes
        at the end, with one wake-up."""
        if self._failure is not None:
            raise self._failure
        if self._complete:
            return True
        self._wait_for_end = True
        self._unpause()
        return False

    def whole(self) -> Awaitable[None]:
        """Wait until head and body are all there."""
        return waiting.whole(self)

    def read(self) -> Awaitable[bytes]:
        """The whole body; the connection is then free, and no longer the caller's to close."""
        return waiting.read(self)

    def take(self) -> bytes:
        """`read`, where `whole` has been waited for."""
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        self._pool.put_back(self)
        return body

    def chunk(self) -> Coroutine[Any, Any, bytes | None]:
        """What has arrived since the last call; None at the end of the body (the connection is then free, and no longer
        the caller's to close)."""
        return waiting.chunk(self)

    def has_chunk(self) -> bool:
        """Whether `take_chunk` has an answer; else wait for `news`, and ask again. Raises what has failed."""
        if self._chunks:
            return True
        if self._failure is not None:
            raise self._failure
        return self._complete

    def take_chunk(self) -> bytes | None:
        """`chunk`, where `has_chunk` is true."""
        if not self._chunks:
            self._pool.put_back(self)
            return None
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        self._buffered = 0
        self._unpause()
        return data

    def detach(self) -> None:
        """The caller has all it wants, and the connection is no longer its own: the rest may drain within a second, and
        it is used again; else it is closed."""
        if self._complete:
            self._pool.put_back(self)
        elif self._closed is None:
            self._detached = True
            self._chunks = []
            self._unpause()
            self._final_deadline = self._deadline = self._loop.time() + 1.0

    def close(self) -> None:
        """Hang up; the provider sees its call cancelled. Only while the caller holds the connection: given back, it may
        already carry another call."""
        self._pool.forget(self)
        if self._transport is not None:
            self._transport.abort()

    def is_reusable(self) -> bool:
        """Whether its answer ended as it should; whether it is still open is asked when it is used again."""
        return self._keep_alive and self._complete and self._failure is None and self._closed is None

    def park(self, now: float) -> None:
        """Keep the connection for a later call; what it answered stays readable until then."""
        self.reused = self._parked = True
        self.idle_since = now

    def is_open(self) -> bool:
        return self._closed is None and self._transport is not None and not self._transport.is_closing()

    def check_deadline(self, now: float) -> None:
        """Called by the pool's ticker."""
        if self._complete and not self._detached:
            return  # the provider is done; its reader is not
        if self._paused:
            self._deadline = now + self._idle_s  # it is we who do not read on
        if now < self._deadline and now < self._final_deadline:
            return
        bound = self._bound if now < self._final_deadline else "total"
        self._fail(
            UpstreamTimeout(
                f"The provider did not keep the {bound} timeout.",
                fix=f"Raise 'timeouts.{bound}' of the provider, or try again.",
                code=f"upstream_timeout_{bound}",
            )
        )

    def news(self) -> "asyncio.Future[None]":
        """To be waited for: it is done when something has come. Raises what has failed before."""
        if self._failure is not None:
            raise self._failure
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        """The answer is lost, and the connection with it."""
        if self._failure is None:
            self._failure = error
        self._wake()
        self.close()

    def _unpause(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()


class Transport:
    """The pool. Make one per event loop, inside it; `aclose` when done."""

    def __init__(self, *, ssl_context: ssl.SSLContext | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self._idle: dict[Origin, deque[Answer]] = {}
        self._busy: set[Answer] = set()
        self.outbox: list[tuple[Answer, bytes]] = []
        self._ssl = ssl_context
        self._ticker: asyncio.TimerHandle | None = None
        self._since_sweep = 0.0

    @property
    def in_flight(self) -> int:
        return len(self._busy)

    def post(
        self, endpoint: Endpoint, body: bytes, extra: bytes = b"", connect_within_s: float | None = None
    ) -> Coroutine[Any, Any, Answer]:
        """Send a request and return its answer-to-be at once: nothing of it has been waited for.

        Raises `UpstreamFailure` when no connection can be made. A kept connection that proves closed while sending is
        replaced silently. One that proves to have been closed before its provider can have read the request fails with
        `StaleConnection`, and the caller may post again; any other that is lost is an `UpstreamFailure`.
        """
        return waiting.post(self, endpoint, body, extra, connect_within_s)

    def began(self, answer: Answer) -> None:
        """A request was sent on that connection."""
        self._busy.add(answer)
        self._arm()

    def post_on_kept(self, endpoint: Endpoint, body: bytes, extra: bytes = b"") -> Answer | None:
        """As `post`, on a connection that is kept; None where there is none."""
        idle = self._idle.get(endpoint.origin)
        while idle:
            answer = idle.pop()
            if answer.is_open():
                answer.send(endpoint, extra, body)
                self._busy.add(answer)
                if self._ticker is None:
                    self._arm()
                return answer
        return None

    def send_all(self) -> None:
        """Write what this turn of the loop has put into the outbox: a provider, or the machine's other core, that is
        woken once finds all requests of the turn, and each further wake-up spared is a few microseconds."""
        outbox, self.outbox = self.outbox, []
        for answer, data in outbox:
            answer.write(data)

    def put_back(self, answer: Answer) -> None:
        self._busy.discard(answer)
        idle = answer.idle
        if not answer.is_reusable() or len(idle) >= MAX_IDLE_PER_ORIGIN:
            answer.close()
            return
        answer.park(self.loop.time())
        idle.append(answer)
        if self._ticker is None:
            self._arm()

    def forget(self, answer: Answer) -> None:
        self._busy.discard(answer)

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Close every connection, those in use too."""
        return waiting.aclose(self)

    def close(self) -> None:
        """`aclose`, but for the turn of the loop in which the connections hear of it."""
        if self._ticker is not None:
            self._ticker.cancel()
        for answer in [*self._busy, *(a for idle in self._idle.values() for a in idle)]:
            answer.close()
        self._idle.clear()

    def fresh(self, origin: Origin) -> Answer:
        """One that has no connection yet."""
        idle = self._idle.get(origin)
        if idle is None:
            idle = self._idle[origin] = deque()
        return Answer(self, idle)

    def tls(self) -> ssl.SSLContext:
        if self._ssl is None:
            self._ssl = ssl.create_default_context()
            self._ssl.set_alpn_protocols(["http/1.1"])
        return self._ssl

    def _arm(self) -> None:
        if self._ticker is None:
            self._ticker = self.loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        self._ticker = None
        now = self.loop.time()
        for answer in tuple(self._busy):
            answer.check_deadline(now)
        if now - self._since_sweep > 1.0:
            self._since_sweep = now
            self._sweep(now)
        if self._busy or any(self._idle.values()):
            self._arm()

    def _sweep(self, now: float) -> None:
        for idle in self._idle.values():
            while idle and (now - idle[0].idle_since > IDLE_TTL_S or not idle[0].is_open()):
                idle.popleft().close()
