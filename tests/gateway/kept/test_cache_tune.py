"""Choosing a threshold: the curve, its intervals, and the courage to say that there is not enough data."""

from hypothesis import given
from hypothesis import strategies as st

from trimtab.gateway.kept.cache_tune import Judged, needed, tune


def test_the_lowest_threshold_that_keeps_the_budget_is_chosen() -> None:
    pairs = [Judged(0.95, "", same=True)] * 300 + [Judged(0.85, "", same=True)] * 100
    pairs += [Judged(0.85, "", same=False)] * 40 + [Judged(0.99, "numbers", same=False)] * 30
    found = tune(pairs, 0.02)
    assert found.threshold == 0.875
    point = next(point for point in found.points if point.threshold == 0.875)
    assert (point.hits, point.wrong, point.hit_rate) == (300, 0, 0.75)
    assert found.spared == 30
    assert tune(pairs, 0.15).threshold == 0.7


@given(st.floats(0.005, 0.5))
def test_as_many_good_hits_as_are_said_to_be_needed_are_enough_and_one_less_is_not(budget: float) -> None:
    enough = needed(budget)
    assert tune([Judged(0.95, "", same=True)] * enough, budget).threshold is not None
    too_few = tune([Judged(0.95, "", same=True)] * (enough - 2), budget)
    assert too_few.threshold is None
    assert too_few.say.startswith("Not enough data")


@given(st.lists(st.builds(Judged, st.floats(-1, 1), st.sampled_from(["", "names"]), st.booleans()), max_size=60))
def test_the_curve_never_lies_about_its_own_counts(pairs: list[Judged]) -> None:
    found = tune(pairs, 0.1)
    hits = [point.hits for point in found.points]
    assert hits == sorted(hits, reverse=True)
    for point in found.points:
        assert (point.wrong_rate is None) == (point.hits == 0)
        if point.wrong_rate is not None and point.low is not None and point.high is not None:
            assert point.low <= point.wrong_rate <= point.high
    if found.threshold is not None:
        chosen = next(point for point in found.points if point.threshold == found.threshold)
        assert chosen.high is not None
        assert chosen.high <= 0.1
