"""pass^k and pass@k, by going through all choices of k repeats."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.repeats import Tried, all_of, any_of, chosen_k, pass_k


@given(st.integers(1, 8), st.data())
def test_both_are_what_all_choices_of_k_repeats_say(tries: int, data: st.DataObject) -> None:
    passes, k = data.draw(st.integers(0, tries)), data.draw(st.integers(1, tries))
    chosen = list(combinations([1] * passes + [0] * (tries - passes), k))
    assert all_of(passes, tries, k) == pytest.approx(sum(all(each) for each in chosen) / len(chosen))
    assert any_of(passes, tries, k) == pytest.approx(sum(any(each) for each in chosen) / len(chosen))


def test_cases_with_fewer_repeats_than_k_do_not_count() -> None:
    every, any_one = pass_k([Tried(2, 2), Tried(1, 3), Tried(0, 1)], 2)
    assert (every.n, every.value) == (2, 0.5)
    assert any_one.value == pytest.approx((1 + 2 / 3) / 2)
    assert every.interval is not None
    assert (every.interval.low, every.interval.high) == (pytest.approx(0.025, abs=0.05), pytest.approx(0.975, abs=0.05))
    assert pass_k([], 3)[0].value is None


def test_a_case_wavers_if_its_repeats_disagree_and_few_k_are_shown() -> None:
    assert [Tried(passes, 3).wavers for passes in range(4)] == [False, True, True, False]
    assert chosen_k(1) == []
    assert chosen_k(12) == [2, 3, 4, 5, 8, 10, 12]
