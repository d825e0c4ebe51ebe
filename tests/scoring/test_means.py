"""Means with the interval that fits what was observed, up to the edges."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.means import SHARE, geometric_mean_of, mean_of, mean_of_sums, skew_interval, t_interval
from trimtab.scoring.shares import mid_p_share
from trimtab.scoring.sums import Sums, sums_of
from trimtab.scoring.units import Observed, spread


def observed(values: list[float], group: str = "") -> list[Observed]:
    return [Observed(value, 1.0, group) for value in values]


@pytest.mark.parametrize(("s", "n"), [(0, 20), (20, 20), (13, 20), (1, 1), (0, 1)])
def test_passes_have_the_exact_interval(s: int, n: int) -> None:
    found = mean_of(observed([1.0] * s + [0.0] * (n - s)), bounds=SHARE)
    assert found.interval is not None
    exact = mid_p_share(s, n)
    assert (found.interval.low, found.interval.high) == pytest.approx((exact.low, exact.high), abs=1e-9)


@given(st.lists(st.floats(0, 1), max_size=40), st.integers(0, 5), st.booleans())
def test_an_interval_of_shares_is_finite_holds_its_value_and_stays_within(
    values: list[float], groups: int, whole: bool
) -> None:
    given_values = [Observed(round(v) if whole else v, 1.0 + p % 2, f"g{p % groups}" if groups else "", f"s{p % 3}")
                    for p, v in enumerate(values)]  # fmt: skip
    found = mean_of(given_values, bounds=SHARE)
    assert (found.value is None) == (not values)
    if found.value is not None:
        assert found.interval is not None
        assert -1e-9 <= found.interval.low <= found.value + 1e-9
        assert found.value - 1e-9 <= found.interval.high <= 1 + 1e-9


def test_what_never_varied_may_still_have_unseen() -> None:
    bounded = mean_of(observed([0.5] * 30), bounds=SHARE)
    assert bounded.interval is not None
    assert bounded.interval.low == pytest.approx(0.5 - 0.5 * (1 - 0.05 ** (1 / 30)))
    assert mean_of(observed([7.0] * 30)).interval is None
    assert mean_of(observed([7.0])).interval is None
    assert mean_of([]).value is None
    one_group = mean_of(observed([1.0, 0.0, 1.0], "g"), bounds=SHARE)
    assert one_group.interval is not None
    assert one_group.interval.high - one_group.interval.low > 0.9, "one group of three is one observation"


def test_skewness_turns_the_interval_to_the_long_tail() -> None:
    rng = random.Random(1)
    found = spread(observed([rng.expovariate(1) for _ in range(40)]))
    plain, turned = t_interval(found, 0.05), skew_interval(found, 0.05)
    assert found.skew > 0.1
    assert turned.low > plain.low
    assert turned.high > plain.high
    mirrored = skew_interval(spread(observed([-unit.total for unit in found.units])), 0.05)
    assert (mirrored.low, mirrored.high) == pytest.approx((-turned.high, -turned.low))
    symmetric = spread(observed([-1.0, 0.0, 1.0]))
    assert skew_interval(symmetric, 0.05) == t_interval(symmetric, 0.05)


def test_a_geometric_mean_is_that_of_logarithms() -> None:
    found = geometric_mean_of(observed([1.0, 10.0, 100.0]))
    assert found.value == pytest.approx(10)
    assert found.interval is not None
    assert math.log(found.interval.high / 10) == pytest.approx(math.log(10 / found.interval.low))


def test_sums_say_the_same_as_the_observations_that_they_are_of() -> None:
    groups = [[1.0, 0.0, 1.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    each = [Observed(value, 1.0, f"g{place}") for place, values in enumerate(groups) for value in values]
    sums = sums_of((len(values), sum(values)) for values in groups)
    from_sums = mean_of_sums(sums, 8.0, bounds=SHARE, passes=True)
    direct = mean_of(each, bounds=SHARE)
    assert from_sums.value == pytest.approx(direct.value)
    assert from_sums.interval is not None
    assert direct.interval is not None
    assert (from_sums.interval.low, from_sums.interval.high) == pytest.approx(
        (direct.interval.low, direct.interval.high), abs=0.02
    )
    assert mean_of_sums(Sums(), 0.0).value is None
    assert mean_of_sums(sums_of([(3, 6.0)]), 12.0).interval is None
