"""The path of one call. Read `Gateway.chat` first; each step is a method below it or a file of this room.

    admit -> peek -> caller -> route -> attempt (retry, fallback) -> relay -> settle -> record -> last byte

There is no other path: streams, whole answers, refusals, cancellations and tests all go through here and leave one
record, which is on disk before the client has its last byte.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.clock import Clock
from trimtab.core.errors import (
    InternalError,
    InvalidRequest,
    TrimtabError,
    Unavailable,
    UpstreamFailure,
    UpstreamRejected,
)
from trimtab.gateway.call import Call, Try, fault_of, gone_full
from trimtab.gateway.caller import read_caller
from trimtab.gateway.endpoints import Endpoints, forwarded_headers
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.relay import Relay, relay_between
from trimtab.gateway.resilience import next_step, retry_delay_s
from trimtab.gateway.route import Target, candidates
from trimtab.gateway.settle import Prices, settle
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import Provider
from trimtab.governance.access import Principal, Project
from trimtab.governance.admit import admit, secret_of
from trimtab.llm.dialects import DIALECTS, Dialect
from trimtab.llm.sse import SSESplitter
from trimtab.llm.transport import Answer, StaleConnection, Transport
from trimtab.telemetry.records import CallRecord

logger = logging.getLogger("trimtab.gateway")
RETRIES_PER_CALL = 1
SECOND = 1_000_000_000
SHORTEST_SECRET = 8
HELD_LIMIT = 1024 * 1024
"""Bytes of a stream held back before its first token; more than this without a token is passed on."""


class Spool(Protocol):
    """What the pipeline needs of `telemetry.spool.Spool`."""

    @property
    def accepting(self) -> bool: ...

    def append(self, record: CallRecord) -> Awaitable[None]: ...


class Parts(Struct, frozen=True, kw_only=True):
    """What a `Gateway` is made of. ``observe`` is told of every record (metrics, health); it must not fail or wait."""

    snapshot: Callable[[], Snapshot]
    transport: Transport
    endpoints: Endpoints
    prices: Prices
    spool: Spool
    clock: Clock
    observe: Callable[[CallRecord], None]


class Gateway:
    """The data plane's one path, shared by every front dialect."""

    def __init__(self, parts: Parts) -> None:
        self._snapshot = parts.snapshot
        self._transport = parts.transport
        self._endpoints = parts.endpoints
        self._prices = parts.prices
        self._spool = parts.spool
        self._now = parts.clock.now_ns
        self._observe = parts.observe

    async def chat(self, exchange: Exchange, front: Dialect, admitted: tuple[Principal, Project] | None = None) -> None:
        """Serve one chat call, whatever becomes of it. ``admitted``: a caller this server has already let in."""
        call = Call(exchange, front, self._now())
        try:
            self._admit(call, admitted)
            self._read(call)
            await self._answer(call)
        except TrimtabError as error:
            await self._refuse(call, error)
        except asyncio.CancelledError:
            await self._cancelled(call)
        except Exception as error:
            logger.exception("a defect while serving %s", call.request_id)
            await self._refuse(call, defect(error))

    # --- before any provider is asked ---

    def _admit(self, call: Call, admitted: tuple[Principal, Project] | None) -> None:
        if admitted is None:
            header = call.exchange.header
            secret = secret_of(header(b"authorization"), header(b"x-api-key"))
            admitted = admit(self._snapshot().access, secret, header(b"trimtab-project"), call.started_ns)
        call.principal, call.project = admitted

    def _read(self, call: Call) -> None:
        try:
            check_utf8(call.body)
            call.head = call.front.peek(call.body)
        finally:
            call.caller = read_caller(call.exchange, call.head, call.started_ns)
        if not self._spool.accepting:
            raise gone_full("its spool is full or its disk failed")

    # --- attempts ---

    async def _answer(self, call: Call) -> None:
        assert call.project is not None
        targets = candidates(self._snapshot().targets[call.project.id], call.head.model)
        retries_left = RETRIES_PER_CALL
        position = 0
        while True:
            target = targets[position]
            call.rest = targets[position + 1 :]
            try:
                await self._attempt(call, target)
            except TrimtabError as error:
                if call.exchange.started or isinstance(error, Unavailable):
                    raise
                self._end_failed(call, error)
                step = next_step(error, retries_left=retries_left, more_targets=bool(call.rest))
                call.note(target, "failed", f"{error.code}: {error.message} Next: {step}.")
                if step == "give_up":
                    raise
                if step == "retry":
                    retries_left -= 1
                    await asyncio.sleep(retry_delay_s(error, random.random()))  # noqa: S311  (jitter, not a secret)
                else:
                    position += 1
            else:
                return

    async def _attempt(self, call: Call, target: Target) -> None:
        """Ask one target and relay its answer; raises before the client has a byte, or `UpstreamFailure` after. Whoever
        reads the answer closes its connection if need be: once read to the end it may already carry another call."""
        attempt = call.begin(target, self._now())
        dialect = DIALECTS.get(target.provider.dialect)
        body = self._upstream_body(call, attempt, dialect)
        answer = await self._send(call, attempt, dialect, body)
        if call.head.stream and answer.status == 200:
            relay = relay_between(call.front, dialect, call.head, call.started_ns // SECOND)
            await self._relay_stream(call, attempt, answer, relay)
        else:
            await self._relay_whole(call, attempt, answer, dialect)

    def _upstream_body(self, call: Call, attempt: Try, dialect: Dialect) -> bytes:
        provider, model = attempt.target.provider, attempt.target.model
        if dialect is call.front:
            return dialect.forward(call.body, call.head, model.upstream, provider.quirks)
        request = call.front.parse_request(call.body)
        attempt.request = dialect.render_request(request, model.upstream, provider.quirks)
        return attempt.request

    async def _send(self, call: Call, attempt: Try, dialect: Dialect, body: bytes) -> Answer:
        endpoint = await self._endpoints.of(call.project, attempt.target.provider, dialect)
        extra = forwarded_headers(call, attempt, same_dialect=dialect is call.front)
        while True:
            answer = await self._transport.post(endpoint, body, extra)
            try:
                if call.head.stream:
                    await answer.head()
                else:
                    await answer.whole()
            except StaleConnection:
                continue  # only a kept connection can be stale, and each failure removes one
            except BaseException:
                answer.close()
                raise
            attempt.status = answer.status
            attempt.first_byte_ns = self._now()
            return answer

    # --- whole answers ---

    async def _relay_whole(self, call: Call, attempt: Try, answer: Answer, dialect: Dialect) -> None:
        status, headers = answer.status, answer.headers
        body = await answer.read()
        if status != 200:
            body = masked(body, attempt.target.provider)
        attempt.keep(body)
        if status != 200:
            raise rejected(dialect.parse_error(status, body, headers), attempt.target)
        if call.head.stream:
            raise UpstreamFailure("The provider did not stream its answer.", code="upstream_garbage")
        if dialect is call.front:
            glance = dialect.glance(body)
            attempt.usage, attempt.response_id, attempt.model_used = glance.usage, glance.id, glance.model
            attempt.stop = glance.stop
            rendered = body
        else:
            response = dialect.parse_response(body)
            attempt.usage, attempt.response_id, attempt.model_used = response.usage, response.id, response.model
            attempt.stop = response.stop
            if not response.created:
                response = replace(response, created=call.started_ns // SECOND)
            rendered = call.front.render_response(response)
        await self._close_books(call, attempt)
        call.exchange.respond(200, self._headers(call), rendered)

    # --- streams ---

    async def _relay_stream(self, call: Call, attempt: Try, answer: Answer, relay: Relay) -> None:
        splitter = SSESplitter()
        try:
            held = await self._pass_on(call, attempt, answer, relay, splitter)
        except BaseException:
            answer.close()
            self._note_relay(attempt, relay)
            raise
        await self._end_stream(call, attempt, relay, splitter, held)

    async def _pass_on(
        self, call: Call, attempt: Try, answer: Answer, relay: Relay, splitter: SSESplitter
    ) -> list[bytes]:
        """Hold the stream until its first token (so a fallback is still possible), then pass it on; returns what is
        still held at its end."""
        exchange = call.exchange
        held: list[bytes] = []
        held_bytes = 0
        while (data := await answer.chunk()) is not None:
            block = splitter.feed(data)
            if not block:
                continue
            attempt.keep(block)
            out = relay.feed(block)
            if relay.failed is not None:
                self._stream_failed(call, relay, out)
            if relay.finished:
                held.append(out)
                answer.detach()
                break
            if exchange.started:
                exchange.write(out)
                if exchange.is_congested():
                    await exchange.drain()
                continue
            held.append(out)
            held_bytes += len(out)
            if relay.semantic or held_bytes > HELD_LIMIT:
                self._first_token(call, attempt)
                exchange.start(200, self._headers(call))
                exchange.write(b"".join(held))
                held.clear()
        return held

    async def _end_stream(
        self, call: Call, attempt: Try, relay: Relay, splitter: SSESplitter, held: list[bytes]
    ) -> None:
        exchange = call.exchange
        if not relay.finished:
            if rest := splitter.rest():
                attempt.keep(rest)
            held.append(relay.close())
        self._note_relay(attempt, relay)
        if not relay.finished:
            reason = relay.failed or "The provider ended its stream in the middle of an answer."
            raise UpstreamFailure(reason, code="upstream_stream_cut")
        if not exchange.started:
            self._first_token(call, attempt)
        await self._close_books(call, attempt)
        if not exchange.started:
            exchange.start(200, self._headers(call))
        exchange.finish(b"".join(held))

    def _stream_failed(self, call: Call, relay: Relay, out: bytes) -> None:
        """The provider sent an error inside its stream: raise it; what it said may already be in ``out``."""
        error = UpstreamFailure(relay.failed or "The provider failed.", code="upstream_stream_error")
        if call.exchange.started and relay.tells_failure:
            call.exchange.write(out)
            raise ToldFailure(error.message, code=error.code)
        raise error

    def _note_relay(self, attempt: Try, relay: Relay) -> None:
        attempt.usage, attempt.response_id, attempt.model_used = relay.usage, relay.id, relay.model
        attempt.stop = relay.stop

    def _first_token(self, call: Call, attempt: Try) -> None:
        attempt.first_token_ns = call.first_token_ns = self._now()

    # --- the end of every call ---

    async def _close_books(self, call: Call, attempt: Try) -> None:
        """An answer is complete: price it, note the decision, and make the record durable."""
        settle(call, attempt, self._prices)
        target = attempt.target
        call.note(target, "chosen", "answered" if not call.attempts else "answered after an earlier failure")
        call.note_rest()
        call.end_try(self._now())
        await self._record(call)

    async def _refuse(self, call: Call, error: TrimtabError) -> None:
        """Tell the client in its dialect what went wrong, after writing it down."""
        exchange = call.exchange
        self._end_failed(call, error)
        call.status, call.outcome, call.fault = error.status, "error", fault_of(error)
        if not call.recorded and call.project is not None:
            try:
                await self._record(call)
            except Unavailable as full:
                error = full
        if exchange.disconnected:
            return
        if exchange.started:
            told = isinstance(error, ToldFailure)
            exchange.finish(b"" if told else call.front.render_stream_error(error, call.request_id))
            return
        body = call.front.render_error(error, call.request_id)
        exchange.respond(error.status, self._headers(call, error), body)

    async def _cancelled(self, call: Call) -> None:
        """The client left, or the server must stop: the provider's call is already cut; leave the row."""
        if call.recorded:
            return
        if not call.exchange.disconnected:
            await self._refuse(
                call, Unavailable("This server is shutting down.", fix="Try again.", code="shutting_down")
            )
            return
        if call.current is not None:
            call.current.outcome = "cancel"
            settle(call, call.current, self._prices)
            call.note(call.current.target, "chosen", "the client left before the answer was whole")
            call.end_try(self._now())
        call.status, call.outcome = 499, "cancel"
        if call.project is not None:
            await self._record(call)

    def _end_failed(self, call: Call, error: TrimtabError) -> None:
        attempt = call.current
        if attempt is not None:
            attempt.outcome, attempt.fault = "error", fault_of(error)
            attempt.status = attempt.status or (error.status if isinstance(error, UpstreamRejected) else 0)
            settle(call, attempt, self._prices)
            call.end_try(self._now())

    async def _record(self, call: Call) -> None:
        call.ended_ns = self._now()
        record = call.as_record()
        call.recorded = True
        try:
            await self._spool.append(record)
        except Unavailable as error:
            raise gone_full(error.message) from error
        except asyncio.CancelledError:  # the record is on its way all the same
            self._observe(record)
            raise
        self._observe(record)

    def _headers(self, call: Call, error: TrimtabError | None = None) -> bytes:
        request_id = call.request_id.encode()
        lines = b"x-request-id: %b\r\nrequest-id: %b\r\n" % (request_id, request_id)
        if call.caller.trace_id:
            lines += b"trimtab-trace-id: %b\r\n" % call.caller.trace_id.encode()
        if error is not None and error.retry_after_s is not None:
            lines += b"retry-after: %d\r\n" % max(1, round(error.retry_after_s))
        return lines


def check_utf8(body: bytes) -> None:
    """JSON is UTF-8 (RFC 8259); what passes through undecoded must be too, or a provider gets what it cannot read."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise InvalidRequest(
                f"The body is not valid UTF-8 at byte {error.start}.", fix="Send JSON encoded as UTF-8."
            ) from None


def rejected(error: UpstreamRejected, target: Target) -> UpstreamRejected:
    """A provider's refusal as the client should read it. One of *our* key must not look like one of the client's."""
    if error.status in (401, 403):
        error.code = "provider_key_refused"
        error.message = f"The provider {target.provider.name!r} refused this server's key: {error.message}"
        error.fix = "Your own key is fine: the operator must give this provider a valid key."
    return error


def masked(body: bytes, provider: Provider) -> bytes:
    """A provider's refusal without what we sent it in confidence: some repeat the key they did not like."""
    for secret in (provider.api_key, *provider.headers.values()):
        if secret and len(secret) >= SHORTEST_SECRET:
            body = body.replace(secret.encode(), b"[hidden]")
    return body


class ToldFailure(UpstreamFailure):
    """A failure inside a stream that the client has already been told of in the provider's own words."""


def defect(error: Exception) -> InternalError:
    """A bug of ours, without its insides: those go to the log, with the same request id."""
    return InternalError(
        "Something is wrong in this server; the call was not answered.",
        fix="Please report it with the request id and the server's log.",
        code=f"internal_{type(error).__name__.lower()}"[:64],
    )
