"""Waiting for no longer than somebody has time, without ending what is waited for."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def no_longer(work: "Coroutine[Any, Any, T] | asyncio.Future[T]", seconds: float | None) -> T:
    """What ``work`` gives, or `TimeoutError` after so long; None: however long it takes. It goes on by itself then, and
    how it ends is nobody's any more: a database that hangs would have to answer before a statement could be ended."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait((task,), timeout=seconds)
    finally:
        if not task.done():
            task.add_done_callback(_forget)
    if not task.done():
        raise TimeoutError
    return task.result()


def _forget(task: "asyncio.Future[Any]") -> None:
    if not task.cancelled():
        task.exception()
