"""Asking a second target when the first takes long; whoever has the first token wins, the other is cut off.

Nothing of an answer has reached the client at that point, so there is nothing to splice. The call's own task waits for
the first attempt; only when the delay is over a second task begins. An ordinary call therefore pays one timer.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from trimtab.core.errors import TrimtabError
from trimtab.gateway.delivery import Opened
from trimtab.gateway.live import TargetState
from trimtab.gateway.policy import Hedge

MOST_TOKENS = 5.0
"""Hedges that a quiet time may save up."""
QUANTILE = 0.95


def delay_s(hedge: Hedge, state: TargetState, *, stream: bool) -> float | None:
    """Seconds after which a second target is asked; None while too few answers are known to tell."""
    if hedge.after is not None:
        found = (state.streams if stream else state.wholes).quantile(QUANTILE)
        if found is not None:
            return found / 1e9
    return None if hedge.after_ms is None else hedge.after_ms / 1000.0


def fill(state: TargetState, hedge: Hedge) -> None:
    """A call has come: its share of a hedge."""
    state.hedge_tokens = min(MOST_TOKENS, state.hedge_tokens + hedge.max_extra_ratio)


def take(state: TargetState) -> bool:
    """Whether one more call may be asked twice; takes its token if so."""
    if state.hedge_tokens < 1.0:
        return False
    state.hedge_tokens -= 1.0
    return True


class Race:
    """One attempt, and after ``delay_s`` perhaps a second. ``begin_rival`` makes the second one's coroutine, or None
    where there is nothing to ask; ``rival_failed`` is told when it came to nothing while the first is still awaited."""

    def __init__(
        self,
        delay_s: float,
        begin_rival: Callable[[], Coroutine[Any, Any, Opened] | None],
        rival_failed: Callable[[TrimtabError], None],
    ) -> None:
        self._delay_s = delay_s
        self._begin_rival = begin_rival
        self._rival_failed = rival_failed
        self._first: asyncio.Task[Any] | None = None
        self._rival: asyncio.Task[Opened] | None = None
        self._won = False
        self._first_is_over = False

    async def first(self, opening: Coroutine[Any, Any, Opened]) -> Opened | None:
        """Wait for the first attempt, in this task. None: the second one has won, and the first is cut off; see
        `rival`. Whatever the first one raises is raised here, with the rival still running."""
        loop = asyncio.get_running_loop()
        me = self._first = asyncio.current_task(loop)
        assert me is not None
        cancelled_before = me.cancelling()
        timer = loop.call_later(self._delay_s, self._start)
        try:
            return await opening
        except asyncio.CancelledError:
            if self._won and me.uncancel() <= cancelled_before:
                return None
            raise
        finally:
            self._first_is_over = True
            timer.cancel()

    async def rival(self) -> Opened:
        """Wait for the second attempt's own end."""
        assert self._rival is not None
        return await self._rival

    async def stop_rival(self) -> bool:
        """Cut the second attempt off, if there is one; returns whether there was, once it is gone. It may have ended in
        the very moment in which the first did: then nobody was told of it."""
        rival = self._rival
        if rival is None:
            return False
        rival.cancel()
        await asyncio.wait([rival])
        if not rival.cancelled() and rival.exception() is None:
            rival.result().discard()
        return True

    def _start(self) -> None:
        opening = self._begin_rival()
        if opening is not None:
            self._rival = asyncio.get_running_loop().create_task(opening)
            self._rival.add_done_callback(self._rival_is_over)

    def _rival_is_over(self, rival: asyncio.Task[Opened]) -> None:
        if self._first_is_over or rival.cancelled():
            return
        error = rival.exception()
        if error is None:
            self._won = True
            assert self._first is not None
            self._first.cancel()
        elif isinstance(error, TrimtabError):
            self._rival_failed(error)
        else:
            raise error  # a defect: the loop's handler logs it; the first attempt goes on
