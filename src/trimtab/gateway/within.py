"""Where a call waits no longer than it may. A compiled module does that here: `asyncio.timeout` waits while it handles
an error, which what is compiled must not (docs/decisions/0019)."""

import asyncio
from collections.abc import Awaitable


async def within(seconds: float | None, awaited: Awaitable[None]) -> None:
    """Wait, but no longer than so many seconds. Raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        await awaited
