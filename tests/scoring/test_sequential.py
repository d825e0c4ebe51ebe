"""Confidence sequences: exact probabilities of ever being wrong, and what clustering must and must not change."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trimtab.scoring.sequential import (
    Counts,
    effective,
    estimates,
    mean_sequence,
    means_sequence,
    mixture_bound,
    ratio_sequence,
    restricted,
    share_sequence,
    shares_normal,
    shares_sequence,
    units_worth,
)
from trimtab.scoring.sums import Sums, single, sums_of

UNITS = st.lists(st.tuples(st.integers(1, 9), st.floats(0, 1)), min_size=2, max_size=30)


def counted(n: float, s: float) -> Counts:
    return Counts(n, s, 1.0)


# --- shares ---


@pytest.mark.parametrize("p", [0.01, 0.1, 0.5])
def test_the_chance_of_ever_missing_a_share_is_below_alpha_and_not_far_below(p: float) -> None:
    """By all paths of 120 observations, not by drawing some."""
    missed, alive = 0.0, {0: 1.0}
    for n in range(1, 121):
        grown: dict[int, float] = {}
        for s, chance in alive.items():
            for more, part in ((0, 1 - p), (1, p)):
                grown[s + more] = grown.get(s + more, 0.0) + chance * part
        alive = {}
        for s, chance in grown.items():
            interval = share_sequence(counted(n, s), 0.1) if chance > 1e-12 else None
            if interval and not interval.low <= p <= interval.high:
                missed += chance
            else:
                alive[s] = chance
    assert 0.002 < missed <= 0.1


@pytest.mark.parametrize("p", [0.05, 0.4])
def test_the_chance_of_ever_telling_equal_arms_apart_is_below_alpha(p: float) -> None:
    """By all paths of 16 observations of each arm; the arms take turns."""
    missed, alive = 0.0, {(0, 0): 1.0}
    for n in range(1, 17):
        grown: dict[tuple[int, int], float] = {}
        for (s, t), chance in alive.items():
            for more, part in (((0, 0), (1 - p) ** 2), ((0, 1), p - p * p), ((1, 0), p - p * p), ((1, 1), p * p)):
                key = (s + more[0], t + more[1])
                grown[key] = grown.get(key, 0.0) + chance * part
        alive = {}
        for (s, t), chance in grown.items():
            interval = shares_sequence(counted(n, s), counted(n, t), 0.2) if chance > 1e-9 else None
            if interval and not interval.low <= 0 <= interval.high:
                missed += chance
            else:
                alive[s, t] = chance
    assert missed <= 0.2


def test_a_share_is_bounded_where_its_likelihood_falls_to_alpha_of_the_mixture() -> None:
    found = share_sequence(counted(50, 7), 0.05)
    mixture = math.lgamma(7.5) + math.lgamma(43.5) - math.lgamma(51) - 2 * math.lgamma(0.5)
    for end in (found.low, found.high):
        likelihood = 7 * math.log(end) + 43 * math.log(1 - end)
        assert likelihood == pytest.approx(mixture + math.log(0.05), abs=1e-6)


@given(n=st.integers(0, 500), m=st.integers(0, 500), data=st.data())
def test_a_difference_of_shares_turns_its_sign_with_the_arms(n: int, m: int, data: st.DataObject) -> None:
    a, b = counted(n, data.draw(st.integers(0, n))), counted(m, data.draw(st.integers(0, m)))
    found, turned = shares_sequence(a, b, 0.05), shares_sequence(b, a, 0.05)
    assert found.low == pytest.approx(-turned.high, abs=1e-6)
    assert -1 <= found.low <= b.share - a.share <= found.high <= 1


@given(n=st.integers(1, 2_000), m=st.integers(1, 2_000), d=st.floats(-0.95, 0.95), data=st.data())
def test_the_restricted_share_is_the_likeliest(n: int, m: int, d: float, data: st.DataObject) -> None:
    a, b = counted(n, data.draw(st.integers(0, n))), counted(m, data.draw(st.integers(0, m)))

    def likelihood(p: float) -> float:
        found = 0.0
        for arm, share in ((a, p), (b, p + d)):
            for count, chance in ((arm.s, share), (arm.n - arm.s, 1 - share)):
                found += count * math.log(max(chance, 1e-300)) if count else 0.0
        return found

    best = likelihood(restricted(a, b, d))
    least, most = max(0.0, -d), min(1.0, 1 - d)
    assert all(likelihood(least + (most - least) * k / 200) <= best + 1e-6 for k in range(201))


def test_the_normal_sequence_of_shares_begins_when_both_arms_have_events() -> None:
    assert shares_normal(counted(10_000, 100), counted(100, 1), 0.02, 0.05) is None
    found = shares_normal(counted(10_000, 100), counted(2_000, 20), 0.02, 0.05)
    assert found is not None
    exact = shares_sequence(counted(10_000, 100), counted(2_000, 20), 0.05)
    assert found.high - found.low < exact.high - exact.low


# --- units ---


def times(units: list[tuple[int, float]], copies: int) -> Sums:
    return sums_of((n * copies, s * copies) for n, s in units)


@given(n=st.integers(0, 1_000), m=st.integers(1, 1_000), data=st.data())
def test_one_observation_per_unit_counts_as_itself(n: int, m: int, data: st.DataObject) -> None:
    arms = (single(n, data.draw(st.integers(0, n))), single(m, data.draw(st.integers(0, m))))
    for arm, found in zip(arms, effective(arms), strict=True):
        assert (found.n, found.s) == pytest.approx((arm.n, arm.s), rel=1e-9)


@given(events=st.integers(1, 30), units=st.integers(31, 200), copies=st.integers(2, 50))
def test_users_who_are_of_a_piece_count_once_however_often_they_call(events: int, units: int, copies: int) -> None:
    alike = [(copies, float(copies if at < events else 0)) for at in range(units)]
    (found,) = effective((sums_of(alike),))
    assert (found.n, found.s) == pytest.approx((units, events), rel=1e-9)


@given(a=UNITS, b=UNITS)
def test_no_call_counts_more_than_once_and_shares_stay(a: list[tuple[int, float]], b: list[tuple[int, float]]) -> None:
    arms = (sums_of((n, n * s) for n, s in a), sums_of((n, n * s) for n, s in b))
    for arm, found in zip(arms, effective(arms), strict=True):
        assert found.n <= arm.n * (1 + 1e-9)
        assert found.n >= units_worth(arm) * (1 - 1e-9)
        assert found.share == pytest.approx(arm.s / arm.n, abs=1e-9)


def test_without_any_event_units_are_supposed_to_be_of_a_piece() -> None:
    quiet = sums_of([(10, 0.0)] * 30)
    assert [found.n for found in effective((quiet, quiet))] == pytest.approx([30, 30])


def test_nothing_observed_is_nothing_counted() -> None:
    assert [found.n for found in effective((Sums(), Sums()))] == [0, 0]


@given(a=UNITS, copies=st.integers(2, 20))
def test_saying_everything_again_makes_a_mean_no_surer(a: list[tuple[int, float]], copies: int) -> None:
    once, often = estimates(times(a, 1), times(a, 1))[0], estimates(times(a, copies), times(a, copies))[0]
    assert often.mean == pytest.approx(once.mean, rel=1e-6, abs=1e-9)
    assert often.variance == pytest.approx(once.variance, rel=1e-5, abs=1e-9)
    assert often.freedom == pytest.approx(once.freedom, rel=1e-6)


@given(values=st.lists(st.floats(-100, 100), min_size=2, max_size=40))
def test_the_variance_of_a_mean_of_single_observations_is_the_textbooks(values: list[float]) -> None:
    n = len(values)
    middle = sum(values) / n
    expected = sum((value - middle) ** 2 for value in values) / (n - 1) / n
    arm = sums_of((1, value) for value in values)
    found, _ = estimates(arm, arm)
    assert found.variance == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert found.freedom == pytest.approx(max(n - 1, 1))


def test_a_small_arm_does_not_take_its_luck_for_certainty() -> None:
    wild = sums_of((1, float(at % 7)) for at in range(700))
    tame = sums_of((1, 3.0) for _ in range(30))
    _, found = estimates(wild, tame)
    assert found.variance > 3.5 / 30


# --- means ---


@given(information=st.floats(0.01, 1e6), alpha=st.floats(0.001, 0.2))
def test_the_bound_is_that_of_the_paper(information: float, alpha: float) -> None:
    paper = math.sqrt(2 * (information + 1) / information * math.log(math.sqrt(information + 1) / alpha))
    assert mixture_bound(information, alpha) == pytest.approx(paper, rel=1e-9)


def test_without_information_anything_may_be() -> None:
    assert mixture_bound(0.0, 0.05) == math.inf


@given(a=UNITS, b=UNITS, factor=st.floats(0.01, 100))
def test_another_unit_of_measure_changes_nothing(
    a: list[tuple[int, float]], b: list[tuple[int, float]], factor: float
) -> None:
    first, second = estimates(times(a, 1), times(b, 1))
    assume(first.variance > 1e-6)
    scaled = estimates(sums_of((n, s * factor) for n, s in a), sums_of((n, s * factor) for n, s in b))
    found = means_sequence(first, second, 0.1, 0.05)
    other = means_sequence(scaled[0], scaled[1], 0.1 * factor, 0.05)
    assert (other.low, other.high) == pytest.approx((found.low * factor, found.high * factor), rel=1e-4, abs=1e-6)


def test_a_ratio_of_means_is_the_difference_of_logarithms() -> None:
    a, b = estimates(sums_of((1, 10.0 + at % 3) for at in range(900)), sums_of((1, 20.0 + at % 3) for at in range(900)))
    found = ratio_sequence(a, b, 0.1, 0.05)
    assert found.low < math.log(21 / 11) < found.high
    assert found.high - found.low < 0.05


def test_an_arms_own_interval_holds_its_mean() -> None:
    a, _ = estimates(sums_of((1, float(at % 5)) for at in range(100)), Sums())
    found = mean_sequence(a, 0.2, 0.05)
    assert found.low < 2 < found.high
