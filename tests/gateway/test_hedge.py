"""When a hedge begins, and how many there may be."""

from hypothesis import given
from hypothesis import strategies as st

from trimtab.gateway.hedge import MOST_TOKENS, delay_s, fill, take
from trimtab.gateway.live import FEW_SAMPLES, TargetState
from trimtab.gateway.policy import Hedge


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
