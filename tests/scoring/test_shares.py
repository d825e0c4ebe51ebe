"""Shares and paired shares, against enumeration, statsmodels 0.14 and closed forms."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.fixed import clopper_pearson
from trimtab.scoring.shares import (
    mcnemar_mid_p,
    mcnemar_score,
    mid_p_share,
    paired_shares,
    score_statistic,
)


def above(s: int, n: int, p: float) -> float:
    """P(X > s) + P(X = s) / 2, added up."""
    pmf = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    return sum(pmf[s + 1 :]) + pmf[s] / 2


@pytest.mark.parametrize(("s", "n"), [(1, 20), (7, 50), (3, 4), (19, 20)])
def test_mid_p_ends_where_half_of_what_was_seen_is_left(s: int, n: int) -> None:
    found = mid_p_share(s, n)
    assert above(s, n, found.low) == pytest.approx(0.025, abs=1e-8)
    assert above(s, n, found.high) == pytest.approx(0.975, abs=1e-8)


@given(st.integers(1, 300), st.data())
def test_mid_p_lies_within_the_exact_interval_and_mirrors(n: int, data: st.DataObject) -> None:
    s = data.draw(st.integers(0, n))
    found, exact, mirrored = mid_p_share(s, n), clopper_pearson(s, n), mid_p_share(n - s, n)
    assert exact.low - 1e-9 <= found.low <= s / n <= found.high <= exact.high + 1e-9
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-8)


def test_no_event_of_n_is_bounded_by_the_root_and_nothing_by_everything() -> None:
    assert mid_p_share(0, 20).high == pytest.approx(1 - 0.05 ** (1 / 20))
    assert (mid_p_share(0, 0).low, mid_p_share(0, 0).high) == (0, 1)


def test_mcnemars_test_takes_half_of_the_table_that_was_seen() -> None:
    exact = 0.21875  # statsmodels' mcnemar(exact=True)
    assert mcnemar_mid_p(5, 1) == pytest.approx(exact - math.comb(6, 1) / 2**6)
    assert mcnemar_score(12, 3) == pytest.approx(math.erfc(9 / math.sqrt(15) / math.sqrt(2)))
    assert mcnemar_mid_p(0, 0) == mcnemar_score(0, 0) == 1
    assert mcnemar_mid_p(4, 4) == pytest.approx(1)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60))
def test_the_paired_interval_holds_what_was_seen_and_mirrors(gained: int, lost: int, alike: int) -> None:
    n = gained + lost + alike
    found, mirrored = paired_shares(gained, lost, n), paired_shares(lost, gained, n)
    assert found.low == pytest.approx(-mirrored.high, abs=1e-7)
    if n:
        assert -1 <= found.low - 1e-9 <= (gained - lost) / n <= found.high + 1e-9 <= 1 + 2e-9


def test_the_paired_score_is_mcnemars_at_no_difference_and_its_shares_the_likeliest() -> None:
    assert score_statistic(12, 3, 50, 0.0) == pytest.approx(9 / math.sqrt(15))
    # The standard error rests on the likeliest share lost, given the difference: found here by trying all.
    gained, lost, n, d = 9, 4, 40, 0.3

    def likelihood(q: float) -> float:
        return gained * math.log(q + d) + lost * math.log(q) + (n - gained - lost) * math.log(1 - 2 * q - d)

    q = max((place / 100_000 for place in range(1, 34_999)), key=likelihood)
    by_hand = (gained - lost - n * d) / math.sqrt(n * (2 * q + d * (1 - d)))
    assert score_statistic(gained, lost, n, d) == pytest.approx(by_hand, abs=1e-4)
    found = paired_shares(gained, lost, n)
    for end, z in ((found.low, 1.959964), (found.high, -1.959964)):
        assert score_statistic(gained, lost, n, end) == pytest.approx(z, abs=1e-5)
    same = paired_shares(0, 0, 50)
    assert same.high == pytest.approx(-same.low) == pytest.approx(0.0713, abs=1e-4)
