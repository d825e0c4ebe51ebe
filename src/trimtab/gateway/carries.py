"""Asking for what passes through, again where that may help.

A call is asked again by the same rules as any other (`walk.py`: classes of failure, several keys, breaker, budget of
repeats), but only while nothing of an answer has been passed on, only if its body is still at hand, and never where the
provider may have made something already that would then be made twice.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from trimtab.core.errors import TrimtabError, UpstreamFailure, UpstreamRejected, UpstreamTimeout, forget_frames
from trimtab.gateway.attempts import Attempts
from trimtab.gateway.call import Call
from trimtab.gateway.deadline import bound, exceeded, is_hung, left_s
from trimtab.gateway.money.books import Books
from trimtab.gateway.route import Target
from trimtab.gateway.staying_up.resilience import class_of
from trimtab.gateway.tried import Try
from trimtab.gateway.walk import Walk
from trimtab.gateway.watch import policy_of
from trimtab.gateway.within import within

SECOND = 1_000_000_000
BUSY = frozenset((503, 529))


class Asker(Protocol):
    """`passthrough.Carrier`, as a walk needs it."""

    @property
    def replayable(self) -> bool:
        """Whether the whole body is at hand, to be sent once more."""
        ...

    @property
    def makes_things(self) -> bool:
        """Whether the call leaves something at its provider (a file, a batch), so that asking twice would leave two."""
        ...

    async def ask(self, call: Call, attempt: Try, books: Books, answered: Callable[[], None]) -> None:
        """Ask once, pass the answer on, and close the books before its last piece; ``answered`` is called when one has
        begun to come. Raises what failed."""
        ...


class Carries(Attempts):
    async def carry(self, call: Call, target: Target, asker: Asker) -> None:
        """Ask until the client has an answer and the books of the call are closed. Raises the last failure."""
        bound(call, policy_of(target).deadline_s)
        walk = Walk(call, [target], self._watch)
        while True:
            if call.reservation is not None and call.attempts:
                await call.reservation.again(call.attempts)
            now = self._now()
            if not walk.go(now):
                now = await self._turn(call, walk, now)
            if walk.total > 1 and (seconds := walk.pause_s(self._chance())):
                await self._pause(call, walk, seconds)
            state = walk.state(walk.at)
            if state.gate is not None and not state.gate.try_enter():
                assert call.principal is not None
                await state.gate.enter(call.principal.key_id, call.priority, left_s(call, now))
            attempt = call.current = self._begin(target, walk.at, state)
            try:
                await self._ask(call, attempt, asker)
                return
            except TrimtabError as error:
                if call.exchange.started or not may_ask_again(error, asker):
                    raise
                failed = error
            forget_frames(failed)
            await self._came_to_nothing(call, walk, failed)

    async def _ask(self, call: Call, attempt: Try, asker: Asker) -> None:
        """One attempt within the caller's deadline; what became of it is told to the watch."""
        self._books.begin(call, attempt)
        left = (call.deadline_ns - self._now()) / SECOND if call.deadline_ns else None
        try:
            await within(left, asker.ask(call, attempt, self._books, partial(self._answered, attempt)))
        except TimeoutError:
            late = exceeded(call)
            late.hung = not attempt.first_byte_ns and is_hung(call, attempt.started_ns)
            if late.hung:
                self._watch.failed(attempt, "timeout", late)
            else:
                self._watch.abandoned(attempt)
            attempt.cut_off = True
            raise late from None
        except BaseException as error:
            failure = class_of(error) if isinstance(error, TrimtabError) else None
            if failure is not None and isinstance(error, TrimtabError):
                self._watch.failed(attempt, failure, error)
            else:
                self._watch.abandoned(attempt)
            raise

    def _answered(self, attempt: Try) -> None:
        self._watch.answered(attempt, self._now(), stream=False)


def may_ask_again(error: TrimtabError, asker: Asker) -> bool:
    """Whether asking once more could do any harm. A provider that refused, or says that it is too busy, has made
    nothing; of one that met a defect, broke off or never answered nobody knows."""
    if not asker.replayable:
        return False
    known = isinstance(error, UpstreamRejected) and (error.status < 500 or error.status in BUSY)
    known = known or error.code == "upstream_unreachable"
    known = known or error.code == "upstream_timeout_connect"
    return known or not (asker.makes_things and isinstance(error, UpstreamFailure | UpstreamTimeout))
