"""How many cases it takes, against statsmodels 0.14 and enumeration."""

import math

import pytest

from trimtab.scoring.sizes import (
    MOST,
    cases_for,
    margin_for,
    paired_deviation,
    share_deviation,
    with_groups,
    with_repeats,
)


@pytest.mark.parametrize(("effect", "power", "cases"), [(0.5, 0.8, 33.367), (0.2, 0.8, 198.151), (1.0, 0.9, 12.585)])
def test_cases_are_those_of_the_paired_t_test(effect: float, power: float, cases: float) -> None:
    # statsmodels TTestPower.solve_power; ours rounds up and may be one more
    assert 0 <= cases_for(effect, 1.0, power=power) - cases < 2


def test_cases_and_margin_are_each_others_inverse() -> None:
    for margin in (0.02, 0.1, 0.2):
        found = margin_for(cases_for(margin, 0.4), 0.4)
        assert found is not None
        assert 0.93 * margin < found <= margin * 1.0001
    assert margin_for(1, 0.4) is None


def test_a_difference_never_seen_takes_a_root() -> None:
    assert (1 - 0.05) ** cases_for(0.05, 0.0) <= 0.05 < (1 - 0.05) ** (cases_for(0.05, 0.0) - 1)
    with pytest.raises(ValueError):
        cases_for(0.0, 1.0)


def test_deviations_follow_from_the_correlation() -> None:
    assert paired_deviation(2.0, 1.0) == 0
    assert paired_deviation(2.0, 0.0) == pytest.approx(math.sqrt(8))
    assert paired_deviation(2.0, 0.5, 1.0) == pytest.approx(math.sqrt(3))
    # passes: 0.5 each, correlated 0.6: both pass 0.25 + 0.6 / 4 = 0.4, so each alone 0.1, variance 0.2
    assert share_deviation(0.5, 0.0, 0.6) == pytest.approx(math.sqrt(0.2))
    assert share_deviation(1.0) == share_deviation(0.0) == 0
    assert share_deviation(0.9, 0.05, 1.0) == pytest.approx(math.sqrt(0.05 - 0.05**2)), "cut to what shares can have"


def test_groups_take_more_cases_and_repeats_fewer() -> None:
    assert with_groups(100, 5, 0.25) == 200
    assert with_groups(100, 1, 0.9) == 100
    assert with_repeats(2.0, 0.75, 3) == pytest.approx(2 * math.sqrt(0.5))
    assert with_repeats(2.0, 0.0, 100) == 2


@pytest.mark.parametrize(("margin", "deviation"), [(5e-324, 0.0), (5e-324, 1e308), (1e-300, 0.5), (1e308, 1e-300)])
def test_a_margin_that_nobody_could_ever_show_takes_as_many_cases_as_there_are_names_for(
    margin: float, deviation: float
) -> None:
    assert 1 <= cases_for(margin, deviation) <= MOST
    assert with_groups(MOST, 1e6, 1.0) == MOST
