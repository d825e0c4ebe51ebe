"""Work for a client that is not ended when it leaves, and how a server that stops ends what is left of it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from trimtab.gateway.exchange import Exchange

CLOSE_WITHIN_S: Final = 3.0


async def to_its_end(
    work: Awaitable[None], real: Exchange, left: Callable[[], None], calls: set[asyncio.Task[None]]
) -> None:
    """Do it in a task of its own, which is one of ``calls`` while it lasts; that the client at ``real`` leaves does not
    end it (``left`` is told of that), that the server stops does."""
    task = asyncio.ensure_future(work)
    calls.add(task)
    task.add_done_callback(calls.discard)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        if not real.disconnected:  # the server stops
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            raise
        left()


async def end_all(calls: set[asyncio.Task[None]]) -> None:
    """Wait for calls whose clients have left, for a while; then cut them off (their rows say so)."""
    if calls:
        _, late = await asyncio.wait(calls, timeout=CLOSE_WITHIN_S)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
