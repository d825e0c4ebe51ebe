"""Where a call waits for its place at a gate (`gate.py` counts), and what it is told where it gets none."""

import asyncio
from typing import Protocol

from trimtab.core.errors import Unavailable
from trimtab.ledger.types import LimitNote


class Overloaded(Unavailable):
    """More calls than can be served in time: told as 503, or as Anthropic's 529."""

    code = "overloaded"

    def __init__(self, message: str, *, fix: str, retry_after_s: float, note: LimitNote) -> None:
        super().__init__(message, fix=fix, retry_after_s=retry_after_s)
        self.note = note


class Place(Protocol):
    """A call's place in the queue, and what ends its patience."""

    @property
    def waiter(self) -> "asyncio.Future[None]": ...

    @property
    def timer(self) -> asyncio.TimerHandle: ...

    def give_up(self) -> None: ...


class Queue(Protocol):
    """`gate.Gate`."""

    def try_enter(self) -> bool: ...

    def queue(self, key: str, priority: int, within_s: float | None) -> Place: ...


async def enter(gate: Queue, key: str, priority: int, within_s: float | None) -> None:
    """See `Gate.enter`."""
    if gate.try_enter():
        return
    place = gate.queue(key, priority, within_s)
    try:
        await place.waiter
    except asyncio.CancelledError:
        place.give_up()
        raise
    finally:
        place.timer.cancel()
