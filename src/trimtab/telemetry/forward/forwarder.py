"""Who delivers: of all workers of all machines, one at a time for each destination.

A worker holds a destination in the catalog for as long as it lives, and renews that every few seconds; one that died
loses it when the time is over, or at once where its successor on the same data folder sees that its process is gone.
Every destination has its own task, so one that is slow or away keeps no other waiting.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct

from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.core.ids import uuid7_hex
from trimtab.storage.turns import SKEW_MS
from trimtab.telemetry.forward import arrivals, store
from trimtab.telemetry.forward.delivery import Delivery
from trimtab.telemetry.forward.delivery import Parts as DeliveryParts
from trimtab.telemetry.forward.senders import Sender
from trimtab.telemetry.forward.types import Destination

logger = logging.getLogger("trimtab.forward")

Key = tuple[str, str]
"""Project and name."""


class Pace(Struct, frozen=True, kw_only=True):
    """Seconds: between looks at the catalog, between rounds that find nothing, that a destination is held."""

    look_s: float = 2.0
    poll_s: float = 1.0
    hold_s: float = 15.0


class Parts(Struct, frozen=True, kw_only=True):
    """``load`` gives every destination of every project; ``make`` a sender for one."""

    delivery: DeliveryParts
    load: Callable[[], Awaitable[list[Destination]]]
    make: Callable[[Destination], Sender]
    folder: Path
    pace: Pace = Pace()


class _Held(NamedTuple):
    destination: Destination
    task: asyncio.Task[None]


class Forwarder:
    """Runs beside a worker. For one event loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._node = arrivals.node_id(parts.folder)
        self._holder = f"{self._node}/{os.getpid()}/{uuid7_hex()}"
        self._tasks: dict[Key, _Held] = {}
        self._wake = asyncio.Event()
        self._wake.set()  # look at once: until the first look, what arrives is not noted for a new destination
        self._said = ""

    async def run(self) -> None:
        """Until cancelled; then what is held is let go."""
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._parts.pace.look_s):
                        await self._wake.wait()
                self._wake.clear()
                await self._look_safely()
        finally:
            await self._end(list(self._tasks))

    def wake(self) -> None:
        """Something was changed."""
        self._wake.set()

    async def follow(self) -> list[Destination]:
        """Tell the telemetry process which projects forward, those with a paused destination too: what comes meanwhile
        is delivered later. Raises `Unavailable`, `OSError`."""
        destinations = await self._parts.load()
        projects = frozenset(each.project_id for each in destinations)
        await asyncio.to_thread(arrivals.write, self._parts.folder, projects)
        return destinations

    async def _look_safely(self) -> None:
        try:
            await self._look()
        except (TrimtabError, OSError) as error:
            said = str(error)
            if said != self._said:
                logger.warning("forwarding stays as it is: %s", said)
            self._said = said
        except Exception:  # the loop's edge
            logger.exception("forwarding met a defect")
        else:
            self._said = ""

    async def _look(self) -> None:
        """Serve what nobody serves; stop serving what is gone, paused or changed."""
        wanted = {(each.project_id, each.name): each for each in await self.follow() if each.enabled}
        stale = [key for key, held in self._tasks.items() if held.task.done() or wanted.get(key) != held.destination]
        await self._end(stale)
        for key, destination in wanted.items():
            if key not in self._tasks and await self._take(destination):
                task = asyncio.create_task(self._serve(destination), name=f"forward {destination.name}")
                self._tasks[key] = _Held(destination, task)

    async def _end(self, keys: list[Key]) -> None:
        for key in keys:
            held = self._tasks[key]
            held.task.cancel()
            await asyncio.wait((held.task,))  # where we are cancelled here, it is ended with all others
            del self._tasks[key]
            if not held.task.cancelled() and (error := held.task.exception()) is not None:
                logger.error("forwarding to %s stopped: %s", key[1], error)

    # --- one destination ---

    async def _take(self, destination: Destination) -> bool:
        project, name, now = destination.project_id, destination.name, self._now()
        db = self._parts.delivery.db
        state = await db.read(lambda conn: store.state(conn, project, name))
        gone = state.holder if state is not None and self._is_gone(state.holder) else ""
        hold = int(self._parts.pace.hold_s * 1000)
        held = state is not None and now < state.held_until <= now + hold + SKEW_MS
        if held and state is not None and state.holder != self._holder and not gone:
            return False
        return await db.write(lambda conn: store.take(conn, project, name, self._holder, now, hold_ms=hold, gone=gone))

    def _is_gone(self, holder: str) -> bool:
        """Whether it was a process on this data folder, which one machine at a time has, and runs no more."""
        node, _, rest = holder.partition("/")
        pid = rest.partition("/")[0]
        if node != self._node or not pid.isdecimal() or int(pid) == os.getpid():
            return False
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    def _now(self) -> int:
        return self._parts.delivery.clock.now_ns() // 1_000_000

    async def _serve(self, destination: Destination) -> None:
        """Deliver for as long as it is held."""
        sender = self._parts.make(destination)
        delivery = Delivery(self._parts.delivery, destination, sender, self._holder)
        delivering = asyncio.create_task(self._deliver(delivery, destination))
        try:
            await self._keep(destination, delivering)
        finally:
            delivering.cancel()
            await asyncio.wait((delivering,))
            with contextlib.suppress(Unavailable):
                await self._let_go(destination)
            await sender.aclose()

    async def _keep(self, destination: Destination, delivering: asyncio.Task[None]) -> None:
        """Renew what is held, until it is lost or delivering ends."""
        third = self._parts.pace.hold_s / 3
        while not delivering.done():
            await asyncio.wait((delivering,), timeout=third)
            try:
                if not await self._take(destination):
                    return
            except Unavailable as error:
                logger.info("%s: the catalog is away: %s", destination.name, error.sentence())

    async def _let_go(self, destination: Destination) -> None:
        project, name = destination.project_id, destination.name
        await self._parts.delivery.db.write(lambda conn: store.let_go(conn, project, name, self._holder))

    async def _deliver(self, delivery: Delivery, destination: Destination) -> None:
        while True:
            more = False
            try:
                more = await delivery.round()
            except Unavailable as error:
                logger.info("forwarding to %s waits: %s", destination.name, error.sentence())
            except Exception:  # the loop's edge: it must outlive whatever one round meets
                logger.exception("forwarding to %s met a defect", destination.name)
            if not more:
                await asyncio.sleep(self._parts.pace.poll_s)
