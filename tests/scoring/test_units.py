"""Weighted means of what hangs together, against closed forms and statsmodels 0.14."""

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.units import Observed, spread

VALUES = st.lists(st.floats(-100, 100), min_size=2, max_size=30)


@given(VALUES)
def test_independent_observations_have_the_usual_standard_error(values: list[float]) -> None:
    found = spread([Observed(value) for value in values])
    assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert found.variance == pytest.approx(statistics.variance(values) / len(values), abs=1e-9, rel=1e-6)
    assert (found.plain, found.clusters, found.strata) == (True, len(values), 1)
    if found.variance > 1e-9:
        assert found.freedom == pytest.approx(len(values) - 1)
        assert found.effect == pytest.approx(1, rel=1e-6)


def test_clusters_of_one_size_have_the_sandwich_standard_error() -> None:
    # statsmodels: OLS of y on 1, cov_type="cluster": bse^2 = 0.015
    y, g = (1, 0, 1, 1, 0, 1, 1, 1, 0, 1), (0, 0, 1, 1, 2, 2, 3, 3, 4, 4)
    found = spread([Observed(float(value), 1.0, f"g{group}") for value, group in zip(y, g, strict=True)])
    assert found.variance == pytest.approx(0.015)
    assert (found.clusters, found.freedom) == (5, pytest.approx(4))


def test_strata_take_away_what_lies_between_them() -> None:
    values = [(0.9, "a"), (1.0, "a"), (1.1, "a"), (4.9, "b"), (5.1, "b")]
    found = spread([Observed(value, 1.0, "", stratum) for value, stratum in values])
    by_hand = (3 / 5) ** 2 * 0.01 / 3 + (2 / 5) ** 2 * 0.02 / 2
    assert found.variance == pytest.approx(by_hand)
    assert found.variance < spread([Observed(value) for value, _ in values]).variance / 50


def test_a_group_across_strata_stays_one_unit_and_lone_strata_are_put_together() -> None:
    crossed = spread([Observed(1.0, 1.0, "g", "a"), Observed(0.0, 1.0, "g", "b"), Observed(1.0), Observed(0.0)])
    assert (crossed.clusters, crossed.strata) == (3, 1)
    lone = spread([Observed(1.0, 1.0, "", "a"), Observed(0.0, 1.0, "", "b"), Observed(1.0, 1.0, "", "b")])
    assert lone.strata == 1


@given(VALUES, st.floats(0.01, 100))
def test_weights_count_by_their_relation_alone(values: list[float], factor: float) -> None:
    weights = [1 + place % 3 for place in range(len(values))]
    one = spread([Observed(value, weight) for value, weight in zip(values, weights, strict=True)])
    other = spread([Observed(value, weight * factor) for value, weight in zip(values, weights, strict=True)])
    assert one.mean == pytest.approx(other.mean, abs=1e-9)
    assert one.variance == pytest.approx(other.variance, abs=1e-9, rel=1e-6)
    assert one.worth <= len(values) + 1e-9


def test_nothing_and_weights_of_nothing_are_refused() -> None:
    for wrong in ([], [Observed(1.0, 0.0)], [Observed(1.0, -1.0)]):
        with pytest.raises(ValueError):
            spread(wrong)
