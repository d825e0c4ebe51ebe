"""Asking a second target when the first takes long; whoever has the first token wins, the other is cut off.

Nothing of an answer has reached the client at that point, so there is nothing to splice. The call's own task waits for
the first attempt; only when the delay is over a second task begins. An ordinary call therefore pays an alarm that does
not ring.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from trimtab.core.errors import TrimtabError
from trimtab.gateway.call import Call
from trimtab.gateway.opened import Opened
from trimtab.gateway.policy import Hedge
from trimtab.gateway.staying_up.live import TargetState
from trimtab.gateway.walk import Walk

MOST_TOKENS = 5.0
"""Hedges that a quiet time may save up."""
QUANTILE = 0.95
GRAIN_S = 0.005
"""Alarms after the first are looked at so often at most."""
CLOCK_S = 0.001
"""The loop's clock counts milliseconds: what is due within one is due."""


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


class Rung(Protocol):
    """What an alarm is for: `Race`."""

    def start(self) -> None: ...


class Alarms:
    """Races to be started when their time has come, all on one timer of the loop: to set an alarm and take it back
    costs a call an entry in a dictionary. An alarm may ring up to `GRAIN_S` late. Belongs to one event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._due: dict[Rung, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    def loop(self) -> asyncio.AbstractEventLoop:
        """The running one. Asking asyncio costs a system call each time: it looks whether it was forked."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def set(self, race: Rung, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        at = self._due[race] = loop.time() + seconds
        if self._timer is None or at < self._rings_at:
            self._arm(loop, at, seconds)

    def drop(self, race: Rung) -> None:
        self._due.pop(race, None)

    def _arm(self, loop: asyncio.AbstractEventLoop, at: float, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings_at = loop.call_later(seconds, self._ring, loop), at

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        soon = loop.time() + CLOCK_S
        for race in sorted((race for race, at in self._due.items() if at <= soon), key=self._due.__getitem__):
            del self._due[race]
            loop.call_soon(race.start)  # a defect in one of them harms no other
        if self._due:
            left_s = max(GRAIN_S, min(self._due.values()) - loop.time())
            self._arm(loop, loop.time() + left_s, left_s)


class Rivals(Protocol):
    """Who asks the second target: `attempts.Attempts`."""

    def begin_rival(self, call: Call, walk: Walk) -> Coroutine[Any, Any, Opened] | None:
        """The second attempt, to be run; None where there is nothing to ask."""
        ...

    def rival_failed(self, call: Call, walk: Walk, error: TrimtabError) -> None:
        """It came to nothing while the first is still awaited."""
        ...


class Race:
    """One attempt of a call, and after ``delay_s`` perhaps a second."""

    __slots__ = (
        "_alarms", "_call", "_delay_s", "_first", "_first_is_over", "_rival", "_rivals", "_walk", "_won",
    )  # fmt: skip

    def __init__(self, rivals: Rivals, alarms: Alarms, delay_s: float, call: Call, walk: Walk) -> None:
        self._rivals = rivals
        self._alarms = alarms
        self._delay_s = delay_s
        self._call = call
        self._walk = walk
        self._first: asyncio.Task[Any] | None = None
        self._rival: asyncio.Task[Opened] | None = None
        self._won = False
        self._first_is_over = False

    async def first(self, opening: Coroutine[Any, Any, Opened]) -> Opened | None:
        """Wait for the first attempt, in this task. None: the second one has won, and the first is cut off; see
        `rival`. Whatever the first one raises is raised here, with the rival still running."""
        loop = self._alarms.loop()
        me = self._first = asyncio.current_task(loop)
        assert me is not None
        cancelled_before = me.cancelling()
        self._alarms.set(self, loop, self._delay_s)
        try:
            return await opening
        except asyncio.CancelledError:
            if self._won and me.uncancel() <= cancelled_before:
                return None
            raise
        finally:
            self._first_is_over = True
            self._alarms.drop(self)

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

    def start(self) -> None:
        """Its time has come: begin the second attempt, if there is something to ask."""
        opening = None if self._first_is_over else self._rivals.begin_rival(self._call, self._walk)
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
            self._rivals.rival_failed(self._call, self._walk, error)
        else:
            raise error  # a defect: the loop's handler logs it; the first attempt goes on
