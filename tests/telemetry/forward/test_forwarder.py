"""Of all workers one delivers to a destination at a time; when it ends another goes on; a change holds at once."""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace
from posts import OK, Receiver, Store, project

from catalogs import laid
from patience import PATIENCE_S
from trimtab.core.clock import SystemClock
from trimtab.storage.database import Database
from trimtab.telemetry.forward import arrivals, store
from trimtab.telemetry.forward.delivery import Parts as DeliveryParts
from trimtab.telemetry.forward.forwarder import Forwarder, Pace, Parts
from trimtab.telemetry.forward.types import Destination, Secrets

TO = Destination(
    project_id="p", name="hook", kind="webhook", url="https://there.example/x", quiet_s=1.0, root_wait_s=1.0,
    secrets=Secrets(secret="s" * 16),
)  # fmt: skip
PACE = Pace(look_s=0.02, poll_s=0.02, hold_s=30.0)
"""Held for longer than a busy machine stalls: who loses what it holds in the middle delivers again."""


class Workers:
    """Several forwarders on one catalog and one store, each with a receiver of its own."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db = db
        self.store = Store()
        self.destinations = [TO]
        self.receivers: list[Receiver] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.folder = folder

    def start(self, node: str) -> None:
        """A worker of the machine with that data folder."""
        folder = self.folder / node
        folder.mkdir(exist_ok=True)
        receiver = Receiver(lambda key: OK)
        delivery = DeliveryParts(
            db=self.db, material=cast("Any", self.store), slug_of=str, clock=SystemClock(), rng=random.Random(1)
        )
        forwarder = Forwarder(
            Parts(delivery=delivery, load=self._load, make=lambda to: receiver, folder=folder, pace=PACE)
        )
        self.receivers.append(receiver)
        self.tasks.append(asyncio.create_task(forwarder.run()))

    async def _load(self) -> list[Destination]:
        return self.destinations

    async def stop(self, number: int) -> None:
        self.tasks[number].cancel()
        await asyncio.wait((self.tasks[number],))

    def come(self, trace_id: str) -> None:
        self.store.come(time.time_ns() - 5_000_000_000, trace_id)

    async def state(self) -> store.State | None:
        return await self.db.read(lambda conn: store.state(conn, "p", "hook"))

    async def noted(self, delivered: int) -> None:
        """Until the catalog says so."""
        async with asyncio.timeout(PATIENCE_S):
            while (state := await self.state()) is None or state.delivered < delivered:  # noqa: ASYNC110  it knows none
                await asyncio.sleep(0.01)

    def delivered(self) -> list[str]:
        return sorted(trace_id for receiver in self.receivers for trace_id in receiver.traces)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not true():  # noqa: ASYNC110  what is waited for knows no event
            await asyncio.sleep(0.01)


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[Workers], Awaitable[None]]], None]:
    def whole(story: Callable[[Workers], Awaitable[None]]) -> None:
        async def body() -> None:
            db = Database.open(laid(tmp_path))
            workers = Workers(db, tmp_path)
            try:
                await db.write(project)
                # What came before a destination was made is not its own: let this one be made long ago.
                await db.write(lambda conn: store.ensure(conn, "p", "hook", 1))
                await story(workers)
            finally:
                for number in range(len(workers.tasks)):
                    await workers.stop(number)
                await db.close()

        asyncio.run(body())

    return whole


def test_one_worker_delivers_and_another_goes_on_when_it_ends(run: Any) -> None:
    async def story(workers: Workers) -> None:
        for node in ("m", "n", "n"):
            workers.start(node)
        workers.come("first")
        await until(lambda: workers.delivered() == ["first"])
        await workers.noted(1)  # who is stopped before that is followed by one that delivers it again
        [serving] = [number for number, receiver in enumerate(workers.receivers) if receiver.traces]
        await workers.stop(serving)
        workers.come("second")
        await until(lambda: workers.delivered() == ["first", "second"])
        assert workers.receivers[serving].traces == ["first"]

    run(story)


def test_what_is_paused_rests_and_what_is_resumed_gets_what_came_meanwhile(run: Any) -> None:
    async def story(workers: Workers) -> None:
        workers.destinations = [replace(TO, enabled=False)]
        workers.start("m")
        workers.come("meanwhile")
        noted = workers.folder / "m" / arrivals.FILE
        await until(noted.exists)
        assert msgspec.json.decode(noted.read_bytes()) == ["p"]
        assert workers.receivers[0].asked == 0
        workers.destinations = [TO]
        await until(lambda: workers.delivered() == ["meanwhile"])
        workers.destinations = []
        await until(lambda: msgspec.json.decode(noted.read_bytes()) == [])

    run(story)


def test_a_killed_workers_destination_is_taken_at_once_on_its_own_machine(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACE", replace(PACE, hold_s=3600.0))

    async def story(workers: Workers) -> None:
        folder = workers.folder / "m"
        folder.mkdir()
        ended = await asyncio.create_subprocess_exec("true")
        await ended.wait()
        dead = f"{arrivals.node_id(folder)}/{ended.pid}/x"
        now, hold = time.time_ns() // 1_000_000, 3_600_000
        assert await workers.db.write(lambda conn: store.take(conn, "p", "hook", dead, now, hold_ms=hold, gone=""))
        workers.start("elsewhere")
        workers.come("t")
        await asyncio.sleep(0.3)  # nothing can show that it never would, so give it a chance to be wrong
        assert workers.delivered() == []
        workers.start("m")
        await until(lambda: workers.delivered() == ["t"])
        assert workers.receivers[1].traces == ["t"]

    run(story)
