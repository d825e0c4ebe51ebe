"""Calls that go on when their client has left, because what their provider makes is there all the same.

No longer than their provider may take for an answer, and no longer than `lasting.CLOSE_WITHIN_S` when the server stops.
"""

import asyncio
from collections.abc import Awaitable, Callable

from trimtab.gateway.call import Call
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.kept.recording import Recording
from trimtab.gateway.lasting import end_all, to_its_end


class Outliving:
    def __init__(self) -> None:
        self._calls: set[asyncio.Task[None]] = set()

    async def see_through(
        self,
        call: Call,
        make: Callable[[Call], Awaitable[None]],
        remember: Callable[[Exchange], Recording],
    ) -> None:
        """``make`` handles every failure itself, and leaves a record."""
        real = call.exchange
        call.exchange = recording = remember(real)
        await to_its_end(make(call), real, recording.leave, self._calls)

    async def close(self) -> None:
        await end_all(self._calls)
