"""Calls at once: never more than the bound, of whatever worker; places come back from who does not use them."""

from pathlib import Path

import pytest
from lending import Clock, Memory, Worker, play, refusal
from msgspec.structs import replace

from trimtab.core.errors import Unavailable
from trimtab.ledger import waits
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
        assert asked == waits.STALE_NS // waits.ASK_AGAIN_NS, "both are in use, and were when their worker last told"
        under_way[0].settle([])
        for _ in range(3):  # nobody asks; it leaves them to the others by itself
            await two.settled_down()
        assert catalog.granted() == 1

    play(story)


def test_a_worker_of_whom_nothing_is_heard_is_waited_for_no_longer_than_it_takes_to_tell() -> None:
    async def story() -> None:
        catalog = Memory()
        one, two = Worker(catalog, (SLOTS,), Clock()), Worker(catalog, (SLOTS,), Clock())
        for _ in range(2):
            await one.reserve(one.facts(1))
        await one.settled_down()
        began = two.clock.monotonic_ns()
        assert isinstance(await refusal(two.reserve(two.facts(1))), LimitReached)
        waited = two.clock.monotonic_ns() - began
        assert waits.STALE_NS <= waited < waits.STALE_NS + 2 * waits.ASK_AGAIN_NS

    play(story)


@pytest.mark.parametrize("ends", [False, True])
def test_workers_that_hear_at_once_that_a_place_is_wanted_say_so_at_once(*, ends: bool) -> None:
    async def story() -> None:
        catalog = Memory()
        one, two = Worker(catalog, (SLOTS,), Clock()), Worker(catalog, (SLOTS,), Clock())
        under_way = [await one.reserve(one.facts(1)) for _ in range(2)]
        if ends:
            under_way[0].settle([])  # its worker tells of it in a second, and gives it back when it is asked
        told = 0

        def tell() -> bool:
            nonlocal told
            told += 1
            one.keeper.others_want()
            return True

        async def a_moment(seconds: float) -> None:
            two.clock.advance(seconds)
            await one.keeper.turn()

        two.keeper.tell_others, two.keeper.told_at_once, two.keeper.pause = tell, 2, a_moment
        began = two.clock.monotonic_ns()
        if ends:
            await two.reserve(two.facts(1))
        else:
            assert isinstance(await refusal(two.reserve(two.facts(1))), LimitReached)
        assert two.clock.monotonic_ns() - began <= (waits.FULL + 2) * waits.SOON_NS
        assert told
        assert catalog.granted() == 2

    play(story)


def test_a_worker_on_another_machine_is_not_taken_to_have_heard() -> None:
    async def story() -> None:
        catalog = Memory()
        one, two = Worker(catalog, (SLOTS,), Clock()), Worker(catalog, (SLOTS,), Clock())
        for _ in range(2):
            await one.reserve(one.facts(1))
        two.keeper.tell_others, two.keeper.told_at_once = lambda: True, 1
        began = two.clock.monotonic_ns()
        assert isinstance(await refusal(two.reserve(two.facts(1))), LimitReached)
        assert two.clock.monotonic_ns() - began >= waits.STALE_NS

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
