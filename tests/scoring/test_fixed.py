"""Intervals and sizes for data that are looked at once, against scipy 1.17, published examples and closed forms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.fixed import (
    clopper_pearson,
    newcombe,
    power_of,
    samples_for_means,
    samples_for_shares,
    smallest_difference,
    wilson,
)


@pytest.mark.parametrize(
    ("s", "n", "of_wilson", "exact"),
    [
        (0, 20, (0.0, 0.16112515805281935), (0.0, 0.16843347098308548)),
        (1, 20, (0.008881448800795402, 0.23613119344674205), (0.0012650894979560339, 0.24873276277202772)),
        (7, 50, (0.06950833427016292, 0.26186193710585537), (0.05819170033997344, 0.26739600249700846)),
        (50, 50, (0.9286524008666412, 1.0), (0.9288782635357954, 1.0)),
        (81, 8120, (0.008033695843543149, 0.012380471476355369), (0.007929553867494766, 0.012383427835562864)),
    ],
)
def test_intervals_of_a_share_are_scipys(
    s: int, n: int, of_wilson: tuple[float, float], exact: tuple[float, float]
) -> None:
    assert (wilson(s, n).low, wilson(s, n).high) == pytest.approx(of_wilson, rel=1e-8, abs=1e-12)
    found = clopper_pearson(s, n)
    assert (found.low, found.high) == pytest.approx(exact, rel=1e-8, abs=1e-12)


def test_without_observations_a_share_may_be_anything() -> None:
    for found in (wilson(0, 0), clopper_pearson(0, 0)):
        assert (found.low, found.high) == (0, 1)


@given(n=st.integers(1, 2_000), alpha=st.floats(0.001, 0.3))
def test_the_exact_interval_of_no_event_is_a_root(n: int, alpha: float) -> None:
    assert clopper_pearson(0, n, alpha).high == pytest.approx(1 - (alpha / 2) ** (1 / n), rel=1e-6)


@given(n=st.integers(1, 200), data=st.data())
def test_intervals_of_a_share_hold_the_share_and_mirror(n: int, data: st.DataObject) -> None:
    s = data.draw(st.integers(0, n))
    for interval in (wilson, clopper_pearson):
        found, mirrored = interval(s, n), interval(n - s, n)
        assert 0 <= found.low <= s / n <= found.high <= 1
        assert found.low == pytest.approx(1 - mirrored.high, abs=1e-9)


def test_newcombes_interval_is_that_of_his_paper() -> None:
    # R. G. Newcombe 1998, Statistics in Medicine 17, table II, contrasts (a) 56/70 - 48/80 and (c) 10/10 - 0/20.
    first = newcombe((48, 80), (56, 70))
    assert (first.low, first.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    sure = newcombe((0, 20), (10, 10))
    assert (sure.low, sure.high) == pytest.approx((0.6791, 1.0), abs=5e-5)


@given(n=st.integers(1, 300), m=st.integers(1, 300), data=st.data())
def test_newcombes_interval_turns_its_sign_with_the_arms(n: int, m: int, data: st.DataObject) -> None:
    a, b = (data.draw(st.integers(0, n)), n), (data.draw(st.integers(0, m)), m)
    found, turned = newcombe(a, b), newcombe(b, a)
    assert found.low == pytest.approx(-turned.high, abs=1e-12)
    assert found.low - 1e-12 <= b[0] / m - a[0] / n <= found.high + 1e-12


def test_sample_sizes_are_those_of_the_textbooks() -> None:
    # Fleiss, Levin, Paik: 0.5 against 0.6 needs 388 of each arm; half a standard deviation needs 63.
    assert samples_for_shares(0.5, 0.6) == (388, 388)
    assert samples_for_means(0.5, 1.0) == (63, 63)
    assert samples_for_means(0.5, 1.0, ratio=2)[1] == 48


@pytest.mark.parametrize("ask", [lambda: samples_for_shares(0.1, 0.1), lambda: samples_for_means(0, 1)])
def test_no_number_of_observations_shows_what_is_not_there(ask: object) -> None:
    with pytest.raises(ValueError, match="any number of observations"):
        ask()  # pyright: ignore[reportCallIssue]


@given(p=st.floats(0.01, 0.9), rise=st.floats(0.02, 0.09), ratio=st.floats(0.2, 20))
def test_so_many_observations_have_the_power_that_was_asked_for(p: float, rise: float, ratio: float) -> None:
    samples = samples_for_shares(p, p + rise, power=0.9, ratio=ratio)
    assert power_of(samples, p, p + rise) == pytest.approx(0.9, abs=0.02)


def test_the_smallest_difference_is_the_one_with_that_power() -> None:
    found = smallest_difference((5_000, 5_000), 0.01)
    assert found is not None
    assert power_of((5_000, 5_000), 0.01, 0.01 + found) == pytest.approx(0.8, abs=1e-6)
    assert smallest_difference((3, 3), 0.5) is None


def test_certain_shares_have_all_the_power_or_none() -> None:
    assert power_of((1_000, 1_000), 0.0, 1.0) == 1
    assert math.isclose(power_of((10, 10), 0.0, 0.0), 0.0)
