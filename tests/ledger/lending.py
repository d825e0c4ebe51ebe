# pyright: reportPrivateUsage=false
"""Workers with limits, for tests: any number of them in one process on one catalog, with clocks of their own, a catalog
that may be away or swallow its answers, and deaths of two kinds."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from msgspec import Struct
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from trimtab.core.errors import TrimtabError, Unavailable
from trimtab.ledger import limit_store
from trimtab.ledger.journal import Journals
from trimtab.ledger.leases import Keeper
from trimtab.ledger.limit_plan import Facts, Priced, ProjectLimits
from trimtab.ledger.limits import PICO, Rule
from trimtab.ledger.reserve import Limiter, Reservation
from trimtab.ledger.types import Cost
from trimtab.ledger.worst import Worst
from trimtab.llm.types import Usage
from trimtab.storage.schema import METADATA

T = TypeVar("T")
START_NS = 1_795_000_000 * 10**9
PER_TOKEN = PICO // 1000
"""A tenth of a cent a token, in and out: a call of n tokens costs n of them."""
TARGET = Priced("fast", "acme", "acme-1", Worst(((-1, PER_TOKEN, PER_TOKEN),), 0, 1))
TABLES = (limit_store.COUNTERS, limit_store.HOLDS, limit_store.WORKERS, limit_store.EVENTS)


class Fault(Struct, frozen=True):
    code: str
    source: str


class Spent(Struct, frozen=True):
    """An attempt that has ended, as settling reads it."""

    usage: Usage | None = None
    cost: Cost = Cost()
    provider: str = "acme"
    model: str = "acme-1"
    fault: Fault | None = None
    stream: bool = False
    outcome: str = "answer"
    dialect: str = "openai_chat"


def spent(tokens: int) -> Spent:
    return Spent(usage=Usage(input=tokens), cost=Cost(amount=tokens * PER_TOKEN))


class Clock:
    """Wall time may jump; steady time may not."""

    def __init__(self) -> None:
        self.wall = START_NS
        self.steady = 10**12

    def now_ns(self) -> int:
        return self.wall

    def monotonic_ns(self) -> int:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.wall += int(seconds * 1e9)
        self.steady += int(seconds * 1e9)


class Memory:
    """A catalog in memory. ``away`` refuses; ``mute`` does the work and then fails, so that nobody knows."""

    def __init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        METADATA.create_all(self.engine, tables=TABLES)
        self.away = self.mute = False
        self.writes = 0

    async def write(self, work: Callable[[Connection], T]) -> T:
        if self.away:
            raise Unavailable("away")
        self.writes += 1
        with self.engine.begin() as conn:
            value = work(conn)
        if self.mute:
            raise Unavailable("the answer was lost")
        return value

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.write(work)

    def look(self, work: Callable[[Connection], T]) -> T:
        with self.engine.begin() as conn:
            return work(conn)

    def granted(self) -> int:
        return sum(row.granted for row in self.look(lambda conn: conn.execute(limit_store.COUNTERS.select()).all()))


class Worker:
    """One worker with the rules of one project. Its background work runs only when `settled_down` or `reserve` do."""

    def __init__(self, catalog: Any, rules: Sequence[Rule], clock: Clock, folder: Path | None = None) -> None:
        self.clock = clock
        self.journals = None if folder is None else Journals(folder, boot="this-boot")
        self.keeper = Keeper(catalog, clock, self.journals)
        self.keeper.pause = self.pause
        self.limiter = Limiter(self.keeper)
        self.adopt(rules)

    def adopt(self, rules: Sequence[Rule]) -> None:
        self.limits = ProjectLimits(project_id="prj_1", rules=tuple(rules), key_names={"key_1": "mobile"})
        self.limiter.adopt({"prj_1": self.limits})

    def facts(self, tokens: int, output: int | None = 0, **more: Any) -> Facts:
        named: dict[str, Any] = {
            "key": "key_1",
            "app": "fast",
            "feature": "",
            "user": "",
            "targets": (TARGET,),
            "choices": 1,
        } | more
        return Facts(input_tokens=tokens, output_tokens=output, now_ns=self.clock.now_ns(), **named)

    async def reserve(self, facts: Facts) -> Reservation:
        plan = self.limiter.plan(self.limits, facts.key, facts.app)
        at_hand = self.limiter.reserve_now(plan, facts)
        if at_hand is not None:
            return at_hand
        return await self.driven(self.limiter.reserve(plan, facts))

    async def driven(self, work: Awaitable[T]) -> T:
        """Do it while the background work goes on."""
        task = asyncio.ensure_future(work)
        await asyncio.sleep(0)
        while not task.done():
            with contextlib.suppress(Unavailable):
                await self.keeper.turn()
            for _ in range(5):
                await asyncio.sleep(0)
        return await task

    async def pause(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def settled_down(self) -> None:
        """A second goes by."""
        self.clock.advance(1)
        with contextlib.suppress(Unavailable):
            await self.keeper.tick()
            await self.keeper.turn()

    def killed(self) -> None:
        """As by kill -9: nothing more is done, and the kernel lets go of the journal's lock."""
        self.keeper._journal.close()


def refused(work: Callable[[], Any]) -> TrimtabError | None:
    """The refusal of it, if it was one."""
    try:
        work()
    except TrimtabError as error:
        return error
    return None


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())  # pyright: ignore[reportArgumentType]


async def refusal(work: Awaitable[Any]) -> TrimtabError:
    with pytest.raises(TrimtabError) as refused:
        await work
    return refused.value
