"""The loop of a job that runs beside a worker: it takes turns while there is something to do, else it waits.

A turn that meets a store that is away (`Unavailable`) is taken again later; one that meets a defect is logged, and the
loop goes on: it must outlive whatever one turn meets.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from trimtab.core.errors import Unavailable

HOLD_MS: Final = 60_000
"""How long a job is a worker's that says nothing more of it."""
RENEW_S: Final = 15.0
SKEW_MS: Final = 300_000
"""So far apart may be the clocks of two who hold things in turn, and so much later may one look than the other. What is
held for longer than that and a hold from now on was held before the clock was set back."""


@contextlib.asynccontextmanager
async def holding(
    renew: Callable[[], Awaitable[object]], let_go: Callable[[], Awaitable[object]], every_s: float = RENEW_S
) -> AsyncGenerator[None]:
    """Around the work of a job that this worker has taken up for `HOLD_MS`. It stays the worker's however long a step
    takes, and is given back where it is left undone: the store is away, or the server stops. Else whoever is started
    next would wait for a worker that is gone."""
    renewing = asyncio.create_task(_renewed(renew, every_s))
    try:
        yield
    except (Unavailable, asyncio.CancelledError):
        await _ended(renewing)
        with contextlib.suppress(Unavailable):  # the catalog is away: it is free again after `HOLD_MS`
            await let_go()
        raise
    finally:
        await _ended(renewing)


async def _renewed(renew: Callable[[], Awaitable[object]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        with contextlib.suppress(Unavailable):
            await renew()


async def _ended(task: asyncio.Task[None]) -> None:
    """Waited for, not awaited: that would take a stop of the server, which comes just then, for its own end."""
    task.cancel()
    await asyncio.wait([task])


class Turns:
    """``turn`` does one piece of work and says whether there was any; ``what`` names it in the log. It is looked for
    every ``poll_s`` seconds, and at once when `wake` is called. For one event loop."""

    def __init__(self, turn: Callable[[], Awaitable[bool]], what: str, poll_s: float, logger: logging.Logger) -> None:
        self._turn = turn
        self._what = what
        self._poll_s = poll_s
        self._logger = logger
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to do."""
        self._wake.set()

    async def run(self, *, at_once: bool = False) -> None:
        """Until cancelled. The first look is not ``at_once`` unless told: no start should wait for it."""
        if at_once:
            self._wake.set()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._wake.wait()
            self._wake.clear()
            try:
                while await self._turn():
                    pass
            except Unavailable as error:
                self._logger.info("%s waits: %s", self._what, error.sentence())
            except Exception:  # the loop's edge
                self._logger.exception("%s met a defect", self._what)
