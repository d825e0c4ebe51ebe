"""The books of a call: priced, told to whoever must know, and durable before the client has its last byte."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from trimtab.core.errors import TrimtabError, Unavailable, UpstreamRejected
from trimtab.gateway.call import Call, fault_of, gone_full
from trimtab.gateway.money.noted import note_of
from trimtab.gateway.money.settle import Prices, drop_unbelievable, settle
from trimtab.gateway.tried import Try
from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.telemetry.records import Attempt, CallRecord
from trimtab.telemetry.spool.inflight import Slot

SETTLED_AT_ONCE = 128 * 1024
"""Bytes of request and answer up to which an estimate is made on the event loop (about a millisecond)."""
FULL_AGAIN_S: Final = 5.0
"""A disk that is full is looked at each second: a client that comes again after so long meets what is so by then."""


class Spool(Protocol):
    """What the pipeline needs of `telemetry.spool.Spool`."""

    @property
    def accepting(self) -> bool: ...

    def append(self, record: CallRecord) -> Awaitable[None]: ...


class Notes(Protocol):
    """What the books need of `telemetry.spool.inflight.Inflight`."""

    def begin(self, note: tuple[object, ...]) -> Slot: ...

    def ended(self, slot: Slot, attempt: Attempt, claims: str = "") -> None: ...

    def wipe(self, slot: Slot) -> None: ...


class Books:
    """``observe`` is told of every record (metrics, health); it must not fail or wait."""

    def __init__(
        self,
        spool: Spool,
        prices: Prices,
        now_ns: Callable[[], int],
        observe: Callable[[CallRecord], None],
        notes: Notes | None = None,
    ) -> None:
        self._spool = spool
        self._notes = notes
        self._prices = prices
        self._now = now_ns
        self._observe = observe

    def check_open(self) -> None:
        """Raises `Unavailable` while no record can be written: a call that cannot be accounted for is not begun."""
        if not self._spool.accepting:
            raise gone_full("its spool is full or its disk failed", FULL_AGAIN_S)

    def begin(self, call: Call, attempt: Try) -> None:
        """Note an attempt before it is sent, so that it leaves a row even if this process is killed meanwhile. Raises
        `Unavailable` where there is no place for the note: it is not sent then."""
        if self._notes is None or call.project is None or call.principal is None:
            return
        try:
            attempt.noted = self._notes.begin(note_of(call, attempt))
        except OSError as error:
            raise gone_full(f"its notes of calls cannot be written: {error}", FULL_AGAIN_S) from error
        if call.noted is None:
            call.noted = [attempt.noted]
        else:
            call.noted.append(attempt.noted)

    def claim(self, call: Call, attempt: Try, used: Usage, response_id: str) -> None:
        """Note what reading a response that was made in the background books, before it is asked whether that is this
        call's to do: who is killed between the two, or before the record is durable, leaves it to `recovery.py`."""
        if attempt.noted is None or self._notes is None:
            return
        before, attempt.usage = attempt.usage, used
        settle(call, attempt, self._prices)
        made = attempt.as_attempt(self._now(), stream=call.head.stream, capture=False)
        attempt.usage, attempt.cost = before, Cost()
        self._notes.ended(attempt.noted, made, response_id)

    def price(self, call: Call, attempt: Try) -> None:
        """Fill in what an attempt costs whose usage is known, ahead of `close`."""
        settle(call, attempt, self._prices)

    def drop(self, call: Call) -> None:
        """Another has booked what this was to book: its notes go, and it leaves no row."""
        self._wipe(call)

    def _end_try(self, call: Call, attempt: Try) -> None:
        """The attempt has ended and its call may go on."""
        slot, attempt.noted = attempt.noted, None
        call.end_try(self._now(), attempt)
        if slot is not None and self._notes is not None:
            self._notes.ended(slot, call.attempts[-1])

    def close(self, call: Call, attempt: Try) -> Awaitable[None]:
        """An answer is complete: price it, note the decision, and make the record durable; it is once what is given has
        been waited for."""
        drop_unbelievable(call, attempt)
        if attempt.usage is None and attempt.kept + len(call.body) > SETTLED_AT_ONCE:
            return self._close_slowly(call, attempt)
        settle(call, attempt, self._prices)
        return self._conclude(call, attempt)

    async def _close_slowly(self, call: Call, attempt: Try) -> None:
        await self._settle(call, attempt)
        await self._conclude(call, attempt)

    def _conclude(self, call: Call, attempt: Try) -> Awaitable[None]:
        call.note(attempt.target, "chosen", _answered(call) if call.attempts else "answered")
        if call.rest:
            call.note_rest()
        call.end_try(self._now(), attempt)
        return self.record(call)

    async def end_doubted(self, call: Call, attempt: Try, why: str) -> None:
        """A whole answer that is not passed on unless nothing better comes: it was made, and costs what it costs."""
        await self._settle(call, attempt)
        call.note(attempt.target, "doubted", why)
        call.end_try(self._now(), attempt)

    async def close_doubted(self, call: Call, attempt: Try) -> None:
        """Nothing better came, so the client gets the doubted answer: its row goes last, as an answer's does."""
        call.answered_by(attempt)
        call.note(attempt.target, "chosen", "its answer was doubted, and no stronger target gave one")
        call.note_rest()
        await self.record(call)

    async def end_failed(self, call: Call, error: TrimtabError) -> None:
        """The attempt under way, if there is one, has come to nothing; what it used is kept."""
        attempt = call.current
        if attempt is not None:
            _fail(attempt, error)
            await self._settle(call, attempt)
            self._end_try(call, attempt)

    async def end_all(self, call: Call, error: TrimtabError) -> None:
        """The call has come to nothing, and with it whatever is under way."""
        await self.end_failed(call, error)
        if call.rival is not None:
            await self.end_lost(call, call.rival, "the call had ended")

    def end_rival(self, call: Call, error: TrimtabError) -> None:
        """The second of two raced attempts has come to nothing while the first is still awaited."""
        rival = call.rival
        if rival is not None:
            _fail(rival, error)
            settle(call, rival, self._prices)
            self._end_try(call, rival)

    async def end_lost(self, call: Call, attempt: Try, why: str) -> None:
        """One of two raced attempts was cut off: it was asked, so it is not written down as free."""
        attempt.outcome, attempt.cut_off = "cancel", True
        await self._settle(call, attempt)
        call.note(attempt.target, "not_needed", f"Cut off: {why}.")
        self._end_try(call, attempt)

    async def end_cancelled(self, call: Call) -> None:
        """The client has left while an attempt was under way: what was used so far is kept."""
        attempt = call.current
        if attempt is not None:
            attempt.outcome = "cancel"
            await self._settle(call, attempt)
            call.note(attempt.target, "chosen", "the client left before the answer was whole")
            call.end_try(self._now())
        if call.rival is not None:
            await self.end_lost(call, call.rival, "the client left")
        call.status, call.outcome = 499, "cancel"

    async def _settle(self, call: Call, attempt: Try) -> None:
        """Beside the event loop where much text may have to be read for an estimate: others' streams must not stall."""
        if attempt.kept + len(call.body) <= SETTLED_AT_ONCE:
            settle(call, attempt, self._prices)
            return
        settling = asyncio.get_running_loop().run_in_executor(None, settle, call, attempt, self._prices)
        left: asyncio.CancelledError | None = None
        try:
            await asyncio.shield(settling)
        except asyncio.CancelledError as error:
            left = error
        if left is not None:
            await settling  # the row must have its cost, whoever is in a hurry
            raise left

    async def record(self, call: Call) -> None:
        """The one place where a call's record is written, whatever ended it. Returns when it is durable."""
        call.ended_ns = self._now()
        if call.reservation is not None:
            call.reservation.settle(call.attempts)
        if call.guards is not None:
            call.guards.over(call)
        record = call.as_record()
        call.recorded = True
        try:
            await self._spool.append(record)
        except Unavailable as error:
            raise gone_full(error.message, None if call.attempts else FULL_AGAIN_S) from error  # else it is paid twice
        except asyncio.CancelledError:  # the record is on its way all the same
            self._wipe(call)
            self._observe(record)
            raise
        if call.noted is not None:
            self._wipe(call)
        self._observe(record)

    def _wipe(self, call: Call) -> None:
        """The call is on record, its notes have done their work. One that could not be recorded keeps them."""
        if call.noted is not None and self._notes is not None:
            for slot in call.noted:
                self._notes.wipe(slot)
            call.noted = None


def _answered(call: Call) -> str:
    """How it came to an answer after other attempts."""
    if any(line.verdict == "doubted" for line in call.decision):
        return "answered where an earlier answer was doubted"
    return "answered after an earlier failure"


def _fail(attempt: Try, error: TrimtabError) -> None:
    attempt.outcome, attempt.fault = "error", attempt.fault or fault_of(error)
    attempt.status = attempt.status or (error.status if isinstance(error, UpstreamRejected) else 0)
