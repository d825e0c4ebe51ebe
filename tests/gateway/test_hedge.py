"""When a hedge begins, and how many there may be."""

import asyncio
import time

from hypothesis import given
from hypothesis import strategies as st

from patience import PATIENCE_S
from trimtab.gateway.hedge import CLOCK_S, MOST_TOKENS, Alarms, delay_s, fill, take
from trimtab.gateway.policy import Hedge
from trimtab.gateway.staying_up.live import FEW_SAMPLES, TargetState


def test_it_goes_by_the_95th_percentile_once_that_is_known_and_by_the_fixed_time_until_then() -> None:
    state = TargetState("p", "lab", "m")
    both = Hedge(after="p95", after_ms=700)
    assert delay_s(both, state, stream=True) == 0.7
    assert delay_s(Hedge(after="p95"), state, stream=True) is None
    assert FEW_SAMPLES < 100
    for number in range(100):
        state.note_latency((number + 1) * 1_000_000, 1, stream=True)
    assert delay_s(both, state, stream=True) == 0.096
    assert delay_s(Hedge(after="p95"), state, stream=False) is None, "whole answers are another kind of wait"


@given(st.integers(0, 400), st.floats(0, 1))
def test_hedges_stay_below_their_share_and_what_a_quiet_time_saves(calls: int, ratio: float) -> None:
    state, hedge = TargetState("p", "lab", "m"), Hedge(after_ms=1, max_extra_ratio=ratio)
    taken = 0
    for _ in range(calls):
        fill(state, hedge)
        taken += take(state)
    assert taken <= 1 + calls * ratio + 1e-9
    for _ in range(1000):
        fill(state, hedge)
    assert state.hedge_tokens <= MOST_TOKENS


class Starts:
    """A race as far as alarms know one."""

    def __init__(self, order: "list[Starts]") -> None:
        self.started_at: list[float] = []
        self._order = order

    def start(self) -> None:
        self.started_at.append(asyncio.get_running_loop().time())
        self._order.append(self)


def test_alarms_ring_in_their_order_and_never_early_and_those_taken_back_never() -> None:
    async def main() -> None:
        loop, alarms = asyncio.get_running_loop(), Alarms()
        delays = (0.08, 0.02, 0.02, 0.05, 30.0)
        order = list[Starts]()
        races = [Starts(order) for _ in delays]
        began = loop.time()
        for race, delay in zip(races, delays, strict=True):
            alarms.set(race, loop, delay)
        alarms.drop(races[2])
        alarms.drop(races[4])
        async with asyncio.timeout(PATIENCE_S):
            while not races[0].started_at:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert [len(race.started_at) for race in races] == [1, 1, 0, 1, 0]
        told = {delay: race.started_at[0] - began for race, delay in zip(races, delays, strict=True) if race.started_at}
        assert order == [races[1], races[3], races[0]], "also where all ring late, at once"
        assert all(after >= delay - 2 * CLOCK_S for delay, after in told.items()), told
        late = Starts(order)
        alarms.set(late, loop, 0.0)
        async with asyncio.timeout(PATIENCE_S):
            while not late.started_at:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    asyncio.run(main())


def test_alarms_of_a_loop_that_was_held_up_ring_in_their_order_all_the_same() -> None:
    async def main() -> None:
        loop, alarms, order = asyncio.get_running_loop(), Alarms(), list[Starts]()
        races = [Starts(order) for _ in range(3)]
        for race, delay in zip(races, (0.003, 0.001, 0.002), strict=True):
            alarms.set(race, loop, delay)
        time.sleep(0.02)  # noqa: ASYNC251  the loop is held up
        async with asyncio.timeout(PATIENCE_S):
            while len(order) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert order == [races[1], races[2], races[0]]

    asyncio.run(main())
