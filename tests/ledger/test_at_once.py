"""Calls at once: never more than the bound, of whatever worker; places come back from who does not use them."""

from pathlib import Path

import pytest
from lending import Clock, Memory, Worker, play, refusal
from msgspec.structs import replace

from trimtab.core.errors import Unavailable
from trimtab.ledger import reserve
from trimtab.ledger.limits import Rule
from trimtab.ledger.refusals import LimitReached

pytestmark = pytest.mark.promise

THREE = Rule(name="three", measure="requests", bound=3, window="minute")
SLOTS = Rule(name="slots", measure="concurrency", bound=2)


def test_calls_at_once_are_bounded_and_those_of_a_dead_worker_are_over(tmp_path: Path) -> None:
    async def story() -> None:
        catalog = Memory()
        one, two = Worker(catalog, (SLOTS,), Clock(), tmp_path), Worker(catalog, (SLOTS,), Clock(), tmp_path)
        held = [await one.reserve(one.facts(1)) for _ in range(2)]
        assert isinstance(await refusal(two.reserve(two.facts(1))), LimitReached)
        held[0].settle([])
        await one.settled_down()
        two.clock.advance(1)
        await two.reserve(two.facts(1))
        assert isinstance(await refusal(two.reserve(two.facts(1))), LimitReached)
        one.killed()
        two.clock.advance(6)
        await two.settled_down()
        await two.reserve(two.facts(1))

    play(story)


def test_a_call_waits_for_a_place_that_another_worker_does_not_use() -> None:
    async def story() -> None:
        catalog = Memory()
        one, two = Worker(catalog, (SLOTS,), Clock()), Worker(catalog, (SLOTS,), Clock())
        ended = [await one.reserve(one.facts(1)) for _ in range(2)]
        for each in ended:
            each.settle([])  # it holds both places, and uses none
        asked = 0

        async def a_second_goes_by(_: float) -> None:
            nonlocal asked
            asked += 1
            two.clock.advance(1)
            await one.settled_down()

        two.keeper.pause = a_second_goes_by
        under_way = [await two.reserve(two.facts(1)) for _ in range(2)]
        assert 0 < asked < 5
        await two.settled_down()
        asked = 0
        one.keeper.pause = a_second_goes_by
        assert isinstance(await refusal(one.reserve(one.facts(1))), LimitReached)
        assert asked == reserve.TRIES // 2, "both are in use, and were when their worker last told"
        under_way[0].settle([])
        for _ in range(3):  # nobody asks; it leaves them to the others by itself
            await two.settled_down()
        assert catalog.granted() == 1

    play(story)


def test_a_worker_that_others_may_take_for_dead_lends_no_calls_at_once_of_its_own() -> None:
    async def story() -> None:
        catalog = Memory()
        worker = Worker(catalog, (replace(SLOTS, catalog_down="refuse"),), Clock())
        (await worker.reserve(worker.facts(1))).settle([])
        catalog.away = True
        (await worker.reserve(worker.facts(1))).settle([])
        worker.clock.advance(20)
        assert isinstance(await refusal(worker.reserve(worker.facts(1))), Unavailable)

    play(story)


@pytest.mark.parametrize("others", [(), (THREE,)])
def test_calls_at_once_that_were_let_in_on_trust_widen_no_bound_once_the_catalog_is_back(
    others: tuple[Rule, ...],
) -> None:
    async def story() -> None:
        catalog = Memory()
        worker = Worker(catalog, (SLOTS, *(replace(rule, bound=1000) for rule in others)), Clock())
        (await worker.reserve(worker.facts(1))).settle([])
        catalog.away = True
        worker.clock.advance(20)
        for _ in range(50):
            (await worker.reserve(worker.facts(1))).settle([])
        under_way = [await worker.reserve(worker.facts(1)) for _ in range(5)]
        catalog.away = False
        await worker.settled_down()
        assert isinstance(await refusal(worker.reserve(worker.facts(1))), LimitReached), "five are under way"
        for each in under_way:
            each.settle([])
        await worker.settled_down()
        for _ in range(SLOTS.bound):
            await worker.reserve(worker.facts(1))
        assert isinstance(await refusal(worker.reserve(worker.facts(1))), LimitReached)

    play(story)
