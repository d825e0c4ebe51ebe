"""Calls that go on when their client has left, because what their provider makes is there all the same.

No longer than their provider may take for an answer, and no longer than `CLOSE_WITHIN_S` when the server stops.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from trimtab.gateway.call import Call
from trimtab.gateway.exchange import Exchange
from trimtab.gateway.kept.recording import Recording

CLOSE_WITHIN_S: Final = 3.0


class Outliving:
    def __init__(self) -> None:
        self._calls: set[asyncio.Task[None]] = set()

    async def see_through(
        self, call: Call, make: Callable[[Call], Awaitable[None]], remember: Callable[[Exchange], Recording]
    ) -> None:
        """``make`` handles every failure itself, and leaves a record."""
        real = call.exchange
        call.exchange = recording = remember(real)
        task = asyncio.ensure_future(make(call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if not real.disconnected:  # the server stops
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                raise
            recording.leave()

    async def close(self) -> None:
        """Wait for calls whose clients have left, for a while; then cut them off (their rows say so)."""
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=CLOSE_WITHIN_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
