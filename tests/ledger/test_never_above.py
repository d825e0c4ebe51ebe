"""The promise: a budget is never overspent and never leaks, whatever workers, clocks and the catalog do."""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from lending import PER_TOKEN, Clock, Memory, Worker, spent
from msgspec import Struct

from trimtab.core.errors import TrimtabError
from trimtab.ledger.limits import Rule
from trimtab.ledger.reserve import Reservation
from trimtab.ledger.windows import Window, slot_at

pytestmark = pytest.mark.promise

T = TypeVar("T")
BOUND = 100 * PER_TOKEN
WORKERS = 3


class Flight(Struct, eq=False):
    """A call under way, or ended: what it may have cost, and the slot it counts in."""

    worker: int
    reservation: Reservation
    tokens: int
    start: int


class Budget(RuleBasedStateMachine):
    """Workers that reserve, settle, die, wake up in another hour, and lose sight of the catalog."""

    flights = Bundle("flights")
    window: Window = "hour"

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.memory = Memory()
        self.limits = (Rule(name="usd", measure="money", bound=BOUND, window=self.window),)
        self.workers = [self.worker() for _ in range(WORKERS)]
        self.under_way: list[Flight] = []
        self.spent: dict[int, int] = defaultdict(int)
        self.certain = True
        """Whether whatever was lost is told by a journal: then not a token may be missing in the end."""
        self.was_mute = False

    def worker(self) -> Worker:
        return Worker(self.memory, self.limits, Clock(), Path(self.folder.name))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @rule(target=flights, at=st.integers(0, WORKERS - 1), tokens=st.integers(1, 40))
    def call(self, at: int, tokens: int) -> Any:
        worker = self.workers[at]
        try:
            reservation = self.run(worker.reserve(worker.facts(tokens)))
        except TrimtabError:
            return multiple()  # pyright: ignore[reportUnknownVariableType]
        flight = Flight(at, reservation, tokens, reservation.parts[0].held.start)
        self.spent[flight.start] += tokens
        self.under_way.append(flight)
        return flight

    @rule(flight=consumes(flights), part=st.floats(0, 1))
    def end(self, flight: Flight, part: float) -> None:
        if flight in self.under_way:
            self.under_way.remove(flight)
            used = int(flight.tokens * part)
            flight.reservation.settle([spent(used)])
            self.spent[flight.start] -= flight.tokens - used

    @rule(at=st.integers(0, WORKERS - 1))
    def a_second_goes_by(self, at: int) -> None:
        self.run(self.workers[at].settled_down())

    @rule(at=st.integers(0, WORKERS - 1))
    def kill(self, at: int) -> None:
        """Its calls are lost with it: what they may have cost stays counted."""
        self.workers[at].killed()
        self.workers[at] = self.worker()
        self.under_way = [flight for flight in self.under_way if flight.worker != at]
        self.certain = self.certain and not self.was_mute

    @rule(at=st.integers(0, WORKERS - 1))
    def lose_its_machine(self, at: int) -> None:
        """Its journal is gone too; others find it silent after a while."""
        name = self.workers[at].keeper.worker
        self.kill(at)
        for path in Path(self.folder.name).glob(f"{name}.*"):
            path.unlink()
        self.certain = False

    @rule(at=st.integers(0, WORKERS - 1), seconds=st.integers(-5000, 5000))
    def its_clock_jumps(self, at: int, seconds: int) -> None:
        self.workers[at].clock.wall += seconds * 10**9

    @rule(at=st.integers(0, WORKERS - 1), seconds=st.sampled_from([3, 30, 100]))
    def it_sleeps(self, at: int, seconds: int) -> None:
        """The others live on; one that slept long is declared dead, and does not know."""
        for _ in range(3):
            for index, worker in enumerate(self.workers):
                worker.clock.advance(seconds / 3)
                if index != at:
                    self.run(worker.settled_down())
        self.certain = self.certain and seconds < 40

    @rule(away=st.booleans(), mute=st.booleans())
    def the_catalog_changes(self, away: bool, mute: bool) -> None:
        self.memory.away, self.memory.mute = away, mute
        self.was_mute = self.was_mute or mute

    @invariant()
    def never_above(self) -> None:
        for start in getattr(self, "spent", {}):
            since = slot_at(self.window, "UTC", start).since
            total = sum(amount for at, amount in self.spent.items() if since <= at <= start)
            assert total * PER_TOKEN <= BOUND

    def teardown(self) -> None:
        """All calls end, the dead are looked after: what the catalog counts is what was spent, to the token."""
        if not hasattr(self, "loop"):
            return
        self.memory.away = self.memory.mute = False
        for flight in self.under_way:
            flight.reservation.settle([])
            self.spent[flight.start] -= flight.tokens
        for _ in range(3):
            for worker in self.workers:
                worker.clock.advance(6)
                self.run(worker.settled_down())
        for worker in self.workers:
            self.run(worker.keeper.close())
        counted, truth = self.memory.granted(), sum(self.spent.values()) * PER_TOKEN
        assert counted == truth if self.certain else counted >= truth
        self.never_above()
        self.loop.close()
        self.folder.cleanup()


class RollingBudget(Budget):
    window: Window = "rolling_hour"


TestBudget = Budget.TestCase
TestBudget.settings = settings(max_examples=35, stateful_step_count=40)
TestRollingBudget = RollingBudget.TestCase
TestRollingBudget.settings = settings(max_examples=25, stateful_step_count=40)
