"""An answer that has begun, on its way to the client. From here on there is no other target and no splice."""

from collections.abc import Callable

from trimtab.core.errors import UpstreamFailure
from trimtab.gateway.call import Call
from trimtab.gateway.exchange import ToldFailure
from trimtab.gateway.guarded import StreamGuard
from trimtab.gateway.masking import masked_text
from trimtab.gateway.money.books import Books
from trimtab.gateway.opened import Opened, at_its_end, fed, note_relay
from trimtab.gateway.relay import Relay
from trimtab.gateway.tried import Try
from trimtab.llm.transport import Answer

SECOND = 1_000_000_000


class Delivery:
    def __init__(self, books: Books, now_ns: Callable[[], int]) -> None:
        self._books = books
        self._now = now_ns

    async def deliver(self, call: Call, opened: Opened) -> None:
        """Give the client the whole of it, the books closed before its last byte. Raises `UpstreamFailure` when a
        stream breaks after its first token."""
        attempt = opened.attempt
        if opened.relay is None:
            if call.guards is not None:
                opened.whole = await call.guards.whole(call, attempt, opened.whole)
            await self._books.close(call, attempt)
            call.exchange.respond(200, call.answer_headers(), opened.whole)
            return
        attempt.first_token_ns = call.first_token_ns = self._now()
        if call.guards is not None and (guard := call.guards.stream(call)) is not None:
            await self._deliver_guarded(call, opened, guard)
            return
        last = opened.held
        if opened.answer is not None:
            last = await self._pass_on(call, opened, opened.answer, opened.relay)
        await self._books.close(call, attempt)
        if not call.exchange.started:
            call.exchange.start(200, call.answer_headers())
        call.exchange.finish(b"".join(last))

    async def _deliver_guarded(self, call: Call, opened: Opened, guard: StreamGuard) -> None:
        """The same by way of guards, which hold back what they have not looked at. A stream that they stop is cut off
        at its provider."""
        attempt, answer = opened.attempt, opened.answer
        try:
            last = await self._pass_guarded(call, opened, guard)
            if guard.stopped is not None and not (opened.relay is not None and opened.relay.finished):
                attempt.cut_off = True
        finally:
            guard.note(attempt)
            if answer is not None and guard.stopped is not None:
                opened.discard()
        await self._books.close(call, attempt)
        call.exchange.finish(last)

    async def _pass_guarded(self, call: Call, opened: Opened, guard: StreamGuard) -> bytes:
        """Everything but the last of it, which is returned."""
        exchange, attempt, answer, relay = call.exchange, opened.attempt, opened.answer, opened.relay
        assert relay is not None
        assert opened.splitter is not None
        if answer is not None and call.first_by_ns:
            answer.begun((call.deadline_ns - self._now()) / SECOND if call.deadline_ns else None)
        try:
            exchange.start(200, call.answer_headers())
            out = await guard.feed(b"".join(opened.held))
            while answer is not None and not _stopped(guard):
                if out:  # more is to come, so this is not the last that the client gets
                    exchange.write(out)
                    out = b""
                while not answer.has_chunk():
                    await answer.news()
                if (data := answer.take_chunk()) is None:
                    break
                block = opened.splitter.feed(data)
                if not block:
                    continue
                fresh = fed(attempt, relay, block)
                if relay.failed is not None:  # what is told of it is worded by us: text may stand before it
                    reason = masked_text(relay.failed, attempt.target.provider)
                    raise UpstreamFailure(reason, code="upstream_stream_error")
                out = await guard.feed(fresh)
                if relay.finished and not _stopped(guard):
                    answer.detach()
                    note_relay(attempt, relay)
                    return out + await guard.end()
                if exchange.is_congested():
                    await exchange.drain()
        except BaseException:
            if answer is not None:
                answer.close()
            note_relay(attempt, relay)
            raise
        if _stopped(guard) or answer is None:
            return out + await guard.end()
        return out + await guard.feed(at_its_end(attempt, relay, opened.splitter)) + await guard.end()

    async def deliver_doubted(self, call: Call, opened: Opened) -> None:
        """Give the client a whole answer that was doubted: its attempt is in the books, and nothing better came."""
        if call.guards is not None:
            attempt = opened.attempt
            opened.whole = await call.guards.whole(call, attempt, opened.whole)
            if attempt.guarded is not None:
                over, capture = attempt.guarded.over, call.project is not None and call.project.capture_content
                call.attempts = [
                    over(row, capture=capture) if row.span_id == attempt.span_id else row for row in call.attempts
                ]
        await self._books.close_doubted(call, opened.attempt)
        call.exchange.respond(200, call.answer_headers(), opened.whole)

    async def _pass_on(self, call: Call, opened: Opened, answer: Answer, relay: Relay) -> list[bytes]:
        """The stream up to its end, which is returned: the client gets it when the books are closed."""
        exchange, attempt = call.exchange, opened.attempt
        assert opened.splitter is not None
        if call.first_by_ns:
            answer.begun((call.deadline_ns - self._now()) / SECOND if call.deadline_ns else None)
        try:
            exchange.start(200, call.answer_headers())
            exchange.write(b"".join(opened.held))
            while True:
                while not answer.has_chunk():
                    await answer.news()
                if (data := answer.take_chunk()) is None:
                    break
                block = opened.splitter.feed(data)
                if not block:
                    continue
                out = fed(attempt, relay, block)
                if relay.failed is not None:
                    _failed_inside(call, attempt, relay, out)
                if relay.finished:
                    answer.detach()
                    note_relay(attempt, relay)
                    return [out]
                exchange.write(out)
                if exchange.is_congested():
                    await exchange.drain()
        except BaseException:
            answer.close()
            note_relay(attempt, relay)
            raise
        return [at_its_end(attempt, relay, opened.splitter)]


def _stopped(guard: StreamGuard) -> bool:
    """Asked anew each time: what has been seen to be None counts as None from there on where this is compiled, also
    after a wait in which it has changed."""
    return guard.stopped is not None


def _failed_inside(call: Call, attempt: Try, relay: Relay, out: bytes) -> None:
    """The provider sent an error inside its stream: raise it; what it said may already be in ``out``."""
    reason = masked_text(relay.failed or "The provider failed.", attempt.target.provider)
    error = UpstreamFailure(reason, code="upstream_stream_error")
    if relay.tells_failure:
        call.exchange.write(out)
        raise ToldFailure(error.message, code=error.code)
    raise error
