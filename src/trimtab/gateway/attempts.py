"""From an ordered list of targets to an answer: attempt by attempt, until one begins to answer.

An attempt has two halves. It is *opened*: asked, and read up to its first token (or to the end of a whole answer) with
nothing sent to the client; as long as that fails, the walk (`walk.py`) goes on to the same or another target, and a
hedge may race two of them. Then it is *delivered* (`delivery.py`), and nothing else is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from msgspec.structs import replace

from trimtab.core.errors import DeadlineExceeded, TrimtabError, UpstreamFailure, UpstreamTimeout, forget_frames
from trimtab.gateway import hedge as hedging
from trimtab.gateway.call import Call, fault_of
from trimtab.gateway.deadline import bound, exceeded, is_hung, left_s
from trimtab.gateway.delivery import Delivery
from trimtab.gateway.endpoints import Endpoints, forwarded_headers
from trimtab.gateway.hedge import Alarms, Race
from trimtab.gateway.masking import masked_text
from trimtab.gateway.money.books import Books
from trimtab.gateway.opened import (
    Opened,
    at_its_end,
    fed,
    note_relay,
    open_whole,
    refused_in_stream,
    stand_in,
    upstream_body,
)
from trimtab.gateway.policy import Hedge
from trimtab.gateway.relay import relay_between
from trimtab.gateway.route import Target
from trimtab.gateway.routing.doubt import doubt_of
from trimtab.gateway.routing.types import Escalate
from trimtab.gateway.speaking import READ_AT_ONCE, spoken
from trimtab.gateway.staying_up.live import TargetState
from trimtab.gateway.staying_up.resilience import class_of
from trimtab.gateway.tried import Try
from trimtab.gateway.walk import Walk
from trimtab.gateway.watch import Watch, policy_of
from trimtab.gateway.within import within
from trimtab.llm.dialects import Dialect
from trimtab.llm.transport import Answer, Transport
from trimtab.llm.waiting import StaleConnection

SECOND = 1_000_000_000
NOT_CONNECTED = "upstream_timeout_connect"
HELD_LIMIT = 1024 * 1024
"""Bytes of a stream held back before its first token; more than this without a token is passed on."""
WAIT_SPREAD = 0.1
"""Calls that wait for the same limit to end come back within so many seconds of each other, not all at once."""


class Attempts:
    """Retry, fallback and hedging until the first token; then the answer is passed on, and nothing is spliced.

    ``chance`` gives numbers in [0, 1) for pauses.
    """

    def __init__(
        self,
        transport: Transport,
        endpoints: Endpoints,
        books: Books,
        watch: Watch,
        *,
        now_ns: Callable[[], int],
        chance: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._endpoints = endpoints
        self._books = books
        self._watch = watch
        self._delivery = Delivery(books, now_ns)
        self._alarms = Alarms()
        self._now = now_ns
        self._chance = chance

    async def answer(self, call: Call, targets: Sequence[Target]) -> None:
        """Ask one target after the other until the client has a whole answer and the books of the call are closed.

        Raises the last failure when nothing is left, before the client has a byte; or `UpstreamFailure` after."""
        deadline_s = policy_of(targets[0]).deadline_s
        if deadline_s is not None:
            bound(call, deadline_s)
        walk = Walk(call, targets, self._watch)
        opened = await self._open_any(call, walk)
        if len(targets) > 1:
            walk.note_passed()
            call.rest = walk.rest()
        plan = call.plan
        if plan is not None and plan.escalation is not None and opened.relay is None:
            doubted, opened = opened, await self._sent_up(call, opened, plan.escalation)
            if doubted is opened and call.current is None:
                await self._delivery.deliver_doubted(call, opened)
                return
        try:
            await self._delivery.deliver(call, opened)
        except UpstreamFailure as error:
            late = self._in_time(call, error)
            self._watch.failed(opened.attempt, class_of(late), late)
            raise late from None

    async def _sent_up(self, call: Call, opened: Opened, escalate: Escalate) -> Opened:
        """The answer of a stronger target where this one is in doubt; the same one, its attempt ended, where none of
        them answers. Nothing of either has reached the client."""
        plan, attempt = call.plan, opened.attempt
        assert plan is not None
        if attempt.dialect is None or attempt.target.model.name in plan.strong:
            return opened
        stronger = [target for target in call.rest if target.model.name in plan.strong]
        doubt = doubt_of(escalate, attempt.dialect, attempt.received(), bounded=call.head.max_tokens is not None)
        if not doubt or not stronger:
            return opened
        await self._books.end_doubted(call, attempt, doubt)
        walk = Walk(call, stronger, self._watch)
        failed: TrimtabError | None = None
        try:
            opened = await self._open_any(call, walk)
        except TrimtabError as error:
            failed = error
        if failed is not None:
            forget_frames(failed)
            await self._books.end_all(call, failed)
            call.rest = [target for target in call.rest if target not in stronger]
            return opened
        walk.note_passed()
        call.rest = [target for target in call.rest if target not in stronger] + walk.rest()
        return opened

    # --- until one begins to answer ---

    async def _open_any(self, call: Call, walk: Walk) -> Opened:
        """Walk the targets until one has opened. May be called again to walk on from there."""
        while True:
            if call.reservation is not None and call.attempts:
                await call.reservation.again(call.attempts)
            now = self._now()
            if not walk.go(now):
                now = await self._turn(call, walk, now)
            if walk.total > 1 and (seconds := walk.pause_s(self._chance())):
                await self._pause(call, walk, seconds)
            if call.first_by_ns and call.first_by_ns <= now:
                raise exceeded(call, _words(walk.failure))
            place = walk.at
            state = walk.state(place)
            gate = state.gate
            if gate is not None and not gate.try_enter():
                assert call.principal is not None
                await gate.enter(call.principal.key_id, call.priority, left_s(call, now))
            attempt = call.current = self._begin(walk.targets[place], place, state)
            hedge = state.policy.hedge
            try:
                if hedge is None:
                    return await self._open_one(call, attempt)
                race = self._race(call, walk, state, hedge)
                if race is None:
                    return await self._open_one(call, attempt)
                return await self._open_raced(call, walk, attempt, race)
            except TrimtabError as error:
                failed = error
            forget_frames(failed)
            await self._came_to_nothing(call, walk, failed)

    async def _turn(self, call: Call, walk: Walk, now: int) -> int:
        """No target can be asked now: move the walk to the next one that can, after whatever wait that needs. Returns
        the time then (Unix ns). Raises what the client is told when nothing is left or its time is over."""
        while True:
            seconds = walk.wait_s(now)
            if seconds is None:
                if walk.queue(now) or walk.refused_only(now):
                    return now
                walk.note_passed()
                raise walk.nothing_left(now)
            await self._pause(call, walk, seconds + WAIT_SPREAD * self._chance())
            now = self._now()
            if walk.go(now):
                return now

    async def _pause(self, call: Call, walk: Walk, seconds: float) -> None:
        left = left_s(call, self._now())
        if left is not None and seconds >= left:
            raise exceeded(call, _words(walk.failure))
        await asyncio.sleep(seconds)

    async def _came_to_nothing(self, call: Call, walk: Walk, error: TrimtabError) -> None:
        """An attempt failed before its first token: write it down, and raise if that is the end of the call."""
        attempt = call.current
        failure = class_of(error)
        if attempt is None or failure is None:
            raise error
        await self._books.end_failed(call, error)
        call.note(attempt.target, "failed", f"{error.code}: {error.message}")
        if failure == "request":
            raise error
        walk.failed(attempt.place, error, failure)

    def _begin(self, target: Target, place: int, state: TargetState) -> Try:
        """The call has a place in the target's gate already, if that has one; `Try.release` gives it back."""
        now = self._now()
        attempt = Try(target, now)
        attempt.place, attempt.gate = place, state.gate
        self._watch.begin(attempt, state, now)
        return attempt

    # --- two at once ---

    def _race(self, call: Call, walk: Walk, state: TargetState, hedge: Hedge) -> Race | None:
        """What asks a second target when the first attempt takes long; None where nothing may."""
        hedging.fill(state, hedge)
        delay = hedging.delay_s(hedge, state, stream=call.head.stream)
        return None if delay is None or call.attempts else Race(self, self._alarms, delay, call, walk)

    def begin_rival(self, call: Call, walk: Walk) -> Coroutine[Any, Any, Opened] | None:
        """Ask a second target beside the first, where one may be asked (`hedge.Rivals`)."""
        place = walk.rival(self._now())
        if place is None or not hedging.take(walk.state(walk.at)):
            return None
        if call.reservation is not None and not call.reservation.hedge():
            return None
        gate = walk.state(place).gate
        if gate is not None and not gate.try_enter():
            return None
        walk.count(place, self._now())
        call.rival = self._begin(walk.targets[place], place, walk.state(place))
        return self._open_one(call, call.rival)

    def rival_failed(self, call: Call, walk: Walk, error: TrimtabError) -> None:
        """The second one has come to nothing while the first is still awaited."""
        rival, failure = call.rival, class_of(error)
        if rival is not None:
            call.note(rival.target, "failed", f"{error.code}: {error.message}")
            self._books.end_rival(call, error)
            if failure is not None:
                walk.failed(rival.place, error, failure)

    async def _open_raced(self, call: Call, walk: Walk, attempt: Try, race: Race) -> Opened:
        opened: Opened | None = None
        failed: BaseException | None = None
        try:
            opened = await race.first(self._open_one(call, attempt))
        except TrimtabError as error:
            if call.rival is None:  # none was begun, or it has failed before and is in the books
                raise
            failed = error
        except BaseException as error:  # noqa: BLE001  raised below
            failed = error
        if isinstance(failed, TrimtabError):
            return await self._open_rival(call, walk, race, failed)
        if failed is not None:
            await race.stop_rival()
            raise failed
        if opened is None:
            call.current, call.rival = call.rival, attempt
            await self._books.end_lost(call, attempt, "a hedge's first token came sooner")
            return await race.rival()
        try:
            rival = call.rival
            if rival is not None and await race.stop_rival():
                await self._books.end_lost(call, rival, "it was asked as a hedge, and the first target came sooner")
        except BaseException:
            opened.discard()
            raise
        return opened

    async def _open_rival(self, call: Call, walk: Walk, race: Race, error: TrimtabError) -> Opened:
        """The first of two has failed: what the second one opens."""
        failed: BaseException | None = None
        try:
            await self._came_to_nothing(call, walk, error)
        except BaseException as why:  # noqa: BLE001  raised below
            failed = why
        if failed is not None:
            await race.stop_rival()
            raise failed
        call.current, call.rival = call.rival, None
        return await race.rival()

    # --- one attempt, up to its first token ---

    async def _open_one(self, call: Call, attempt: Try) -> Opened:
        """Ask one target; raises before the client has a byte. What it did is told to the watch."""
        self._books.begin(call, attempt)
        try:
            # Whoever reads the answer closes its connection if need be: once read to the end it may carry another call.
            dialect = attempt.dialect = await spoken(attempt.target, call.front, call.body)
            if dialect is call.front or len(call.body) <= READ_AT_ONCE:
                body = upstream_body(call, attempt, dialect)
            else:
                body = await asyncio.to_thread(upstream_body, call, attempt, dialect)
            answer = await self._send(call, attempt, dialect, body)
            if not call.head.stream:
                opened = open_whole(call, attempt, dialect, answer.take())
            elif answer.status == 200:
                opened = await self._open_stream(call, attempt, answer, dialect)
            else:
                opened = open_whole(call, attempt, dialect, await answer.read())
        except TrimtabError as error:
            late, hung = self._in_time(call, error), False
            if isinstance(late, DeadlineExceeded) and is_hung(call, attempt.started_ns):
                hung = late.hung = True
                self._watch.failed(attempt, class_of(error), error)
            else:
                self._watch.failed(attempt, class_of(late), late)
            if late is error:
                raise
            if error.code == NOT_CONNECTED:  # nothing was asked when the time was over
                fault = fault_of(error)
                attempt.fault = fault if hung else replace(fault, source="trimtab")
            else:
                attempt.cut_off = True
            raise late from None
        except BaseException:
            self._watch.abandoned(attempt)
            raise
        self._watch.answered(attempt, self._now(), stream=call.head.stream)
        return opened

    def _in_time(self, call: Call, error: TrimtabError) -> TrimtabError:
        """A timeout that was the caller's own bound is told as that."""
        if isinstance(error, UpstreamTimeout) and call.first_by_ns:
            by = call.deadline_ns if call.exchange.started else call.first_by_ns
            if by and self._now() >= by:
                return exceeded(call)
        return error

    async def _send(self, call: Call, attempt: Try, dialect: Dialect, body: bytes) -> Answer:
        stream = call.head.stream
        endpoint = self._endpoints.ready.get((attempt.target, dialect, stream))
        if endpoint is None:
            endpoint = await self._endpoints.of(call.project, attempt.target, dialect, stream=stream)
        extra = forwarded_headers(call, attempt, same_dialect=dialect is call.front)
        if endpoint.ready is not None:
            await self._token(call, attempt, endpoint.ready)
        if endpoint.sign is not None:
            extra += endpoint.sign(body, self._now())
        while True:
            answer = self._transport.post_on_kept(endpoint, body, extra)
            if answer is None:
                answer = await self._transport.post(endpoint, body, extra, left_s(call, self._now()))
            if call.first_by_ns:
                answer.due_within((call.first_by_ns - self._now()) / SECOND)
            try:
                if stream:
                    while not answer.has_head():
                        await answer.news()
                    attempt.first_byte_ns = self._now()
                else:
                    while not answer.is_whole():
                        await answer.news()
                    attempt.first_byte_ns = self._now() - round(answer.since_first_byte() * SECOND)
            except StaleConnection:
                continue  # only a kept connection can be stale, and each failure removes one
            except BaseException:
                answer.close()
                raise
            attempt.status, attempt.headers = answer.status, answer.headers
            return answer

    async def _token(self, call: Call, attempt: Try, ready: Callable[[], Awaitable[None]]) -> None:
        """Wait for a token, no longer than the call may."""
        left = left_s(call, self._now())
        try:
            await within(left, ready())
        except TimeoutError:
            name = attempt.target.provider.name
            raise UpstreamTimeout(f"No token for {name} came within {left:g} s.", code=NOT_CONNECTED) from None

    async def _open_stream(self, call: Call, attempt: Try, answer: Answer, dialect: Dialect) -> Opened:
        """Read up to the first token; what came until then is held."""
        opened = Opened(attempt)
        relay = opened.relay = relay_between(call.front, dialect, call.head, stand_in(call, attempt))
        splitter = opened.splitter = dialect.splitter()
        held_bytes = 0
        try:
            while True:
                while not answer.has_chunk():
                    await answer.news()
                if (data := answer.take_chunk()) is None:
                    break
                block = splitter.feed(data)
                if not block:
                    continue
                out = fed(attempt, relay, block)
                if relay.failed is not None:
                    reason = masked_text(relay.failed, attempt.target.provider)
                    raise refused_in_stream(reason, relay.failed_code)
                opened.held.append(out)
                held_bytes += len(out)
                if relay.finished:
                    answer.detach()
                    note_relay(attempt, relay)
                    return opened
                if relay.semantic or held_bytes > HELD_LIMIT:
                    opened.answer = answer
                    return opened
        except BaseException:
            answer.close()
            note_relay(attempt, relay)
            raise
        opened.held.append(at_its_end(attempt, relay, splitter))
        return opened


def _words(error: TrimtabError | None) -> str:
    return "" if error is None else error.message
