"""A client that does not read: how long an answer waits for it."""

import asyncio
from typing import Protocol

CLIENT_STALL_S = 120.0
"""A client that has not read for so long, with an answer waiting for it, counts as gone."""


class Flow(Protocol):
    """uvicorn's `FlowControl`."""

    @property
    def write_paused(self) -> bool: ...

    async def drain(self) -> None: ...


async def drain(flow: Flow, transport: asyncio.Transport) -> None:
    """See `HotCycle.drain`."""
    try:
        async with asyncio.timeout(CLIENT_STALL_S):
            await flow.drain()
            return
    except TimeoutError:
        transport.abort()
    await asyncio.Event().wait()  # the lost connection cancels this task
