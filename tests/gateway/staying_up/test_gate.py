"""Who gets a place, in which order, and who is told to come back."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.gateway.policy import Concurrency
from trimtab.gateway.staying_up.gate import Gate
from trimtab.gateway.staying_up.queueing import Overloaded


def gate(limit: int = 1, queue: int = 10_000, max_wait_s: float = 60.0) -> Gate:
    return Gate("The gate", Concurrency(limit=limit, queue=queue, max_wait_s=max_wait_s))


def served(arrivals: list[tuple[str, int]], limit: int = 1) -> list[tuple[str, int]]:
    """The order in which calls (key, priority) that all wait are let in."""
    order: list[tuple[str, int]] = []

    async def main() -> None:
        door = gate(limit)
        for _ in range(limit):
            assert door.try_enter()

        async def one(key: str, priority: int) -> None:
            await door.enter(key, priority)
            order.append((key, priority))
            assert door.running <= limit
            door.leave(0.0)

        tasks = [asyncio.ensure_future(one(*arrival)) for arrival in arrivals]
        await asyncio.sleep(0)
        assert door.waiting == len(arrivals)
        for _ in range(limit):
            door.leave(0.0)
        await asyncio.gather(*tasks)
        assert (door.running, door.waiting) == (0, 0)

    asyncio.run(main())
    return order


def test_a_key_with_a_thousand_waiting_calls_delays_another_by_one_place() -> None:
    order = served([("greedy", 1)] * 1000 + [("modest", 1)])
    assert order.index(("modest", 1)) == 1


def test_the_higher_priority_goes_first_whoever_came_first() -> None:
    order = served([("a", 2), ("a", 1), ("b", 0), ("a", 0)])
    assert [priority for _, priority in order] == [0, 0, 1, 2]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2)), min_size=1, max_size=60), st.integers(1, 5))
def test_all_are_let_in_and_within_a_priority_the_keys_take_turns(arrivals: list[tuple[str, int]], limit: int) -> None:
    order = served(arrivals, limit)
    assert sorted(order) == sorted(arrivals)
    assert [p for _, p in order] == sorted(p for _, p in arrivals)
    for priority in range(3):
        turns = [key for key, p in order if p == priority]
        left = {key: turns.count(key) for key in turns}
        for at, key in enumerate(turns):  # nobody has a second turn while another that still waits has had none
            left[key] -= 1
            since = turns[at + 1 :]
            if key in since:
                between = set(since[: since.index(key)])
                assert between == {k for k, n in left.items() if n and k != key}


def with_full(body: Callable[[Gate], Awaitable[None]], **rules: float) -> None:
    async def main() -> None:
        door = gate(**rules)  # pyright: ignore[reportArgumentType]
        for _ in range(door.rules.limit):
            assert door.try_enter()
        await body(door)

    asyncio.run(main())


def test_a_full_queue_sheds_the_newest_call_of_the_key_that_has_most_waiting() -> None:
    async def body(door: Gate) -> None:
        greedy = [asyncio.ensure_future(door.enter("greedy")) for _ in range(4)]
        await asyncio.sleep(0)
        modest = asyncio.ensure_future(door.enter("modest"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert [task.done() for task in greedy] == [False, False, False, True]
        assert isinstance(greedy[3].exception(), Overloaded)
        with pytest.raises(Overloaded, match="wait already") as refused:
            await door.enter("greedy")
        assert (refused.value.status, refused.value.retry_after_s) == (503, 1.0)
        assert door.shed == 2
        for _ in range(4):
            door.leave(0.01)
            await asyncio.sleep(0)
        await asyncio.gather(modest, *greedy[:3])

    with_full(body, queue=4)


def test_a_full_queue_sheds_low_priority_for_high_and_never_the_other_way() -> None:
    async def body(door: Gate) -> None:
        low = asyncio.ensure_future(door.enter("a", 2))
        await asyncio.sleep(0)
        high = asyncio.ensure_future(door.enter("a", 0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert isinstance(low.exception(), Overloaded)
        with pytest.raises(Overloaded):
            await door.enter("b", 2)
        door.leave(0.01)
        await high

    with_full(body, queue=1)


def test_a_call_whose_turn_would_come_too_late_is_refused_at_once_and_told_when_to_come_back() -> None:
    async def body(door: Gate) -> None:
        door.leave(10.0)  # calls hold their places for 10 s here
        assert door.try_enter()
        began = time.monotonic()
        with pytest.raises(Overloaded, match=r"10\.0 s, after it is due") as refused:
            await door.enter("a", within_s=2.0)
        assert time.monotonic() - began < 9
        assert refused.value.retry_after_s == 10.0
        assert door.waiting == 0

    with_full(body)


def test_a_wait_ends_with_its_bound_and_leaves_no_trace() -> None:
    async def body(door: Gate) -> None:
        with pytest.raises(Overloaded, match=r"no turn came within 0\.1 s"):
            await door.enter("a")
        assert (door.waiting, door.running) == (0, 1)

    with_full(body, max_wait_s=0.05)


def test_a_client_that_leaves_the_queue_takes_no_place_also_when_it_was_just_let_in() -> None:
    async def body(door: Gate) -> None:
        first, second = asyncio.ensure_future(door.enter("a")), asyncio.ensure_future(door.enter("b"))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        assert door.waiting == 1
        door.leave(0.01)  # lets the second in; it is cancelled before it can run
        second.cancel()
        await asyncio.wait([second])
        assert (door.running, door.waiting) == (0, 0)

    with_full(body)


def test_a_raised_limit_lets_more_in_and_a_lowered_one_fewer() -> None:
    async def body(door: Gate) -> None:
        tasks = [asyncio.ensure_future(door.enter("a")) for _ in range(5)]
        await asyncio.sleep(0)
        door.rules = Concurrency(limit=3)
        door.leave(0.0)
        await asyncio.sleep(0)
        assert (door.running, door.waiting) == (3, 2)
        door.rules = Concurrency(limit=1)
        door.leave(0.0)
        await asyncio.sleep(0)
        assert (door.running, door.waiting) == (2, 2)
        for _ in range(4):
            door.leave(0.0)
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        assert door.waiting == 0

    with_full(body)
