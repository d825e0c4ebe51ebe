"""What runs for as long as a server lives: how it is begun, and what ends it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any


def begun(work: asyncio.Future[None]) -> Callable[[], Awaitable[None]]:
    """What was begun in a thread is waited for."""

    async def ended() -> None:
        await work

    return ended


def alongside(body: Coroutine[Any, Any, Any]) -> Callable[[], Awaitable[None]]:
    """Run something for as long as the server lives; gives what ends it."""
    task = asyncio.ensure_future(body)

    async def end() -> None:
        task.cancel()
        await asyncio.wait((task,))

    return end


def in_order(close: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def closer() -> None:
        close()

    return closer
