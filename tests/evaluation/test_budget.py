"""Money and places: no call beyond the bound, fewer at a time after a refusal, and slowly more again."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.evaluation.budget import EXTRA_FOR_S, Budget, Slots


@given(st.integers(1, 10_000), st.lists(st.integers(0, 500), max_size=60), st.integers(1, 8))
def test_what_is_spent_passes_the_bound_at_most_by_the_calls_under_way(bound: int, costs: list[int], most: int) -> None:
    budget = Budget(bound, 0)
    under_way: list[tuple[int, int]] = []
    for cost in costs:
        reserved = budget.reserve()
        if reserved is None:
            break
        under_way.append((reserved, cost))
        if len(under_way) == most:
            budget.settle(*under_way.pop(0))
    over = budget.spent + sum(cost for _, cost in under_way)
    for each in under_way:
        budget.settle(*each)
    assert budget.spent == over
    assert budget.spent <= bound + most * 500


def test_nothing_is_asked_for_when_the_bound_is_reached_or_the_dearest_call_has_no_room() -> None:
    budget = Budget(100, 0)
    reserved = budget.reserve()
    assert reserved == 0
    budget.settle(reserved, 60)
    assert budget.reserve() is None, "another of 60 has no room"
    free = Budget(None, 10**15)
    assert free.reserve() is not None
    assert Budget(100, 100).reserve() is None


def test_a_cost_that_nobody_knows_is_counted_as_such() -> None:
    budget = Budget(None, 0)
    budget.spend(None)
    budget.spend(5)
    assert (budget.spent, budget.unpriced) == (5, 1)


def test_calls_whose_price_nobody_knows_count_as_the_dearest_that_is_known() -> None:
    budget = Budget(100, 0, expected=30)
    asked = 0
    while (reserved := budget.reserve()) is not None:
        budget.settle(reserved, None)
        asked += 1
    assert (asked, budget.spent, budget.assumed, budget.is_spent) == (3, 0, 90, False)
    went_on = Budget(100, 0, expected=30)
    went_on.assume(4)
    assert went_on.is_spent, "a run that goes on knows what the one before it asked"


def test_a_refusal_halves_the_places_once_for_a_burst_and_answers_open_them_again() -> None:
    now = [0.0]
    slots = Slots(16, lambda: now[0])
    for _ in range(5):
        slots.slower()
    assert slots.limit == 8
    now[0] += 2
    slots.slower()
    assert slots.limit == 4
    for _ in range(200):
        slots.faster()
    assert slots.limit == 16
    for _ in range(20):
        now[0] += 2
        slots.slower()
    assert slots.limit == 1


def test_after_a_crash_there_is_room_for_those_that_wait_for_a_while() -> None:
    now = [0.0]
    slots = Slots(4, lambda: now[0], extra=4)
    assert slots.limit == 8
    now[0] = EXTRA_FOR_S
    assert slots.limit == 4


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_are_in_at_a_time_than_there_are_places_and_a_place_given_up_is_not_lost(most: int) -> None:
    async def story() -> int:
        slots, inside, peak = Slots(most, lambda: 0.0), 0, 0

        async def one() -> None:
            nonlocal inside, peak
            async with slots:
                inside += 1
                peak = max(peak, inside)
                await asyncio.sleep(0)
                inside -= 1

        tasks = [asyncio.ensure_future(one()) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks[10:15]:
            task.cancel()
        await asyncio.wait(tasks)
        async with slots:
            return peak

    assert asyncio.run(story()) == most
