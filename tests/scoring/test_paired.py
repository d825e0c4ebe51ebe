"""Two subjects on the same cases: the tests and intervals of the books where the data are theirs, and sense at the
edges."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.paired import Compared, Pair, Scale, compare_pairs
from trimtab.scoring.shares import mcnemar_mid_p, paired_shares

A = (0.5, 0.7, 0.9, 0.3, 0.8, 0.65, 0.4, 0.95)
B = (0.4, 0.75, 0.6, 0.2, 0.9, 0.5, 0.35, 0.7)
SCALES: tuple[Scale, ...] = ("difference", "ratio", "log_ratio")


def table(both: int, gained: int, lost: int, none: int) -> list[Pair]:
    return (
        [Pair(1.0, 1.0)] * both + [Pair(1.0, 0.0)] * gained + [Pair(0.0, 1.0)] * lost + [Pair(0.0, 0.0)] * none
    )  # fmt: skip


def ends(found: Compared) -> tuple[float, float]:
    assert found.interval is not None
    return found.interval.low, found.interval.high


def test_scores_have_the_paired_t_test_of_scipy() -> None:
    found = compare_pairs([Pair(a, b) for a, b in zip(A, B, strict=True)], bounded=True)
    assert found.p == pytest.approx(0.07659252511172795)
    assert ends(found) == pytest.approx((-0.013930447192472231, 0.21393044719247223))
    assert found.method == "paired t"


def test_passes_have_mcnemars_test_and_the_score_interval() -> None:
    found = compare_pairs(table(30, 8, 2, 10), bounded=True)
    exact = paired_shares(8, 2, 50)
    assert found.difference == pytest.approx(6 / 50)
    assert ends(found) == pytest.approx((exact.low, exact.high))
    assert found.p == mcnemar_mid_p(8, 2)
    assert "McNemar" in found.method


def test_cases_that_hang_together_count_for_less() -> None:
    pairs = table(30, 8, 2, 10)
    alone = ends(compare_pairs(pairs, bounded=True))
    tied = ends(compare_pairs([Pair(p.first, p.second, 1.0, f"g{n // 5}") for n, p in enumerate(pairs)], bounded=True))
    assert tied[1] - tied[0] > 1.3 * (alone[1] - alone[0])


def test_a_ratio_does_not_ask_how_large_cases_are() -> None:
    rng = random.Random(4)
    pairs = [Pair(size * 1.1, size) for size in (rng.lognormvariate(0, 1) for _ in range(30))]
    for scale in ("ratio", "log_ratio"):
        found = compare_pairs(pairs, scale=scale)
        assert found.difference == pytest.approx(0.1)
        assert found.relative
    noisy = [Pair(pair.first * rng.lognormvariate(0, 0.1), pair.second) for pair in pairs]
    one, other = compare_pairs(noisy, scale="ratio"), compare_pairs(
        [Pair(p.second, p.first) for p in noisy], scale="ratio"
    )  # fmt: skip
    assert one.difference is not None
    assert other.difference == pytest.approx(1 / (1 + one.difference) - 1)
    assert ends(other) == pytest.approx((1 / (1 + ends(one)[1]) - 1, 1 / (1 + ends(one)[0]) - 1))
    assert other.p == pytest.approx(one.p)
    assert not compare_pairs([Pair(0.0, 1.0), Pair(-1.0, 2.0)], scale="ratio").relative, (
        "no ratio of what is not above 0"
    )


def test_what_was_the_same_in_every_case_may_have_differed_unseen() -> None:
    same = compare_pairs([Pair(0.5, 0.5)] * 30, bounded=True)
    assert (same.difference, same.p) == (0.0, 1.0)
    assert ends(same)[1] == pytest.approx(0.1137, abs=1e-3), "as for passes that are all alike"
    few, many = (compare_pairs([Pair(3.0 + n % 2, 3.0 + n % 2) for n in range(cases)]) for cases in (4, 400))
    assert ends(few)[1] > 10 * ends(many)[1] > 0
    assert compare_pairs([]).method == "no case was scored for both"
    assert compare_pairs([Pair(3.0, 2.0)]).interval is None
    assert compare_pairs([Pair(3.0, 2.0, 1.0, "g")] * 5, scale="ratio").interval is None


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=25),
    st.sampled_from(SCALES),
    st.booleans(),
    st.integers(0, 4),
)
def test_whatever_comes_is_finite_and_holds_the_difference(
    values: list[tuple[float, float]], scale: Scale, bounded: bool, groups: int
) -> None:
    pairs = [Pair(round(a * 4) / 4, round(b * 4) / 4, 1.0 + n % 2, f"{n % groups}" if groups else "", f"{n % 2}")
             for n, (a, b) in enumerate(values)]  # fmt: skip
    found = compare_pairs(pairs, scale=scale, bounded=bounded)
    assert (found.difference is None) == (not pairs)
    assert found.p is None or 0 <= found.p <= 1
    if found.interval is not None and found.difference is not None:
        assert all(map(math.isfinite, ends(found)))
        assert found.interval.low - 1e-9 <= found.difference <= found.interval.high + 1e-9
