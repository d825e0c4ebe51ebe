"""From an ordered list of targets to an answer: attempt by attempt, until one begins to answer."""

import asyncio
import random
from collections.abc import Callable

from msgspec.structs import replace

from trimtab.core.errors import TrimtabError, Unavailable, UpstreamFailure, UpstreamRejected
from trimtab.gateway.books import Books
from trimtab.gateway.call import Call, Try
from trimtab.gateway.endpoints import Endpoints, forwarded_headers
from trimtab.gateway.provider_options import secret_options
from trimtab.gateway.relay import Relay, relay_between
from trimtab.gateway.resilience import next_step, retry_delay_s
from trimtab.gateway.route import Target
from trimtab.gateway.targets import Provider, dialect_for
from trimtab.llm.dialects import Dialect, Splitter
from trimtab.llm.transport import Answer, StaleConnection, Transport

RETRIES_PER_CALL = 1
SECOND = 1_000_000_000
SHORTEST_SECRET = 8
HELD_LIMIT = 1024 * 1024
"""Bytes of a stream held back before its first token; more than this without a token is passed on."""


class Attempts:
    """Retry and fallback until the first token; then the answer is passed on, and nothing is spliced."""

    def __init__(self, transport: Transport, endpoints: Endpoints, books: Books, now_ns: Callable[[], int]) -> None:
        self._transport = transport
        self._endpoints = endpoints
        self._books = books
        self._now = now_ns

    async def answer(self, call: Call, targets: list[Target]) -> None:
        """Ask one target after the other until the client has a whole answer and the books of the call are closed.

        Raises the last failure when nothing is left, before the client has a byte; or `UpstreamFailure` after."""
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
                self._books.end_failed(call, error)
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
        dialect = attempt.dialect = dialect_for(target.provider, call.front.operation)
        body = self._upstream_body(call, attempt, dialect)
        answer = await self._send(call, attempt, dialect, body)
        if call.head.stream and answer.status == 200:
            relay = relay_between(call.front, dialect, call.head, call.started_ns // SECOND)
            await self._relay_stream(call, attempt, answer, relay, dialect.splitter())
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
        endpoint = await self._endpoints.of(call.project, attempt.target, dialect, stream=call.head.stream)
        extra = forwarded_headers(call, attempt, same_dialect=dialect is call.front)
        if endpoint.sign is not None:
            extra += endpoint.sign(body, self._now())
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
        await self._books.close(call, attempt)
        call.exchange.respond(200, call.answer_headers(), rendered)

    # --- streams ---

    async def _relay_stream(self, call: Call, attempt: Try, answer: Answer, relay: Relay, splitter: Splitter) -> None:
        try:
            held = await self._pass_on(call, attempt, answer, relay, splitter)
        except BaseException:
            answer.close()
            self._note_relay(attempt, relay)
            raise
        await self._end_stream(call, attempt, relay, splitter, held)

    async def _pass_on(self, call: Call, attempt: Try, answer: Answer, relay: Relay, splitter: Splitter) -> list[bytes]:
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
                exchange.start(200, call.answer_headers())
                exchange.write(b"".join(held))
                held.clear()
        return held

    async def _end_stream(self, call: Call, attempt: Try, relay: Relay, splitter: Splitter, held: list[bytes]) -> None:
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
        await self._books.close(call, attempt)
        if not exchange.started:
            exchange.start(200, call.answer_headers())
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


def rejected(error: UpstreamRejected, target: Target) -> UpstreamRejected:
    """A provider's refusal as the client should read it. One of *our* key must not look like one of the client's."""
    if error.status in (401, 403):
        error.code = "provider_key_refused"
        error.message = f"The provider {target.provider.name!r} refused this server's key: {error.message}"
        error.fix = "Your own key is fine: the operator must give this provider a valid key."
    return error


def masked(body: bytes, provider: Provider) -> bytes:
    """A provider's refusal without what we sent it in confidence: some repeat the key they did not like."""
    for secret in (provider.api_key, *provider.headers.values(), *secret_options(provider)):
        if secret and len(secret) >= SHORTEST_SECRET:
            body = body.replace(secret.encode(), b"[hidden]")
    return body


class ToldFailure(UpstreamFailure):
    """A failure inside a stream that the client has already been told of in the provider's own words."""
