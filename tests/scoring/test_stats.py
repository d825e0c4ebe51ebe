"""Comparing two arms: outcomes, and that looking all the time raises no false alarm.

The simulations here are small and seeded; the large ones are in `bench/scoring/` and their results in
docs/benchmarks.md.
"""

import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.stats import (
    Comparison,
    Interval,
    Outcome,
    Question,
    Sums,
    compare,
    outcome_of,
    single,
    split,
    sums_of,
)

ERRORS = Question(method="share", better="lower", margin=0.02)
LATENCY = Question(method="log_mean", better="lower", margin=0.2)
COST = Question(method="mean", better="lower", margin=0.2, relative=True)
SCORE = Question(method="mean", better="higher", margin=0.1)


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (-0.03, -0.01, "better"),
        (-0.03, 0.01, "not_worse"),
        (0.005, 0.015, "not_worse"),
        (-0.03, 0.03, "not_enough_data"),
        (0.01, 0.03, "worse"),
        (0.03, 0.05, "worse"),
        (-0.03, 0.02, "not_enough_data"),
        (0.0, 0.03, "not_enough_data"),
    ],
)
def test_an_interval_says_one_of_four_things(low: float, high: float, outcome: Outcome) -> None:
    assert outcome_of(Interval(low, high), 0.02, "lower") == outcome
    assert outcome_of(Interval(-high, -low), 0.02, "higher") == outcome


def test_without_an_interval_there_is_not_enough_data() -> None:
    assert outcome_of(None, 0.02, "lower") == "not_enough_data"


def test_a_margin_must_be_larger_than_nothing() -> None:
    with pytest.raises(ValueError, match="margin"):
        compare(single(1, 0), single(1, 0), Question(method="share", better="lower", margin=0.0))


@pytest.mark.parametrize("question", [ERRORS, LATENCY, COST, SCORE])
@pytest.mark.parametrize("arms", [(Sums(), Sums()), (single(9, 4), Sums()), (Sums(), single(9, 4))])
def test_where_an_arm_is_empty_there_is_not_enough_data(question: Question, arms: tuple[Sums, Sums]) -> None:
    found = compare(*arms, question)
    assert (found.outcome, found.difference, found.interval) == ("not_enough_data", None, None)


def test_parts_of_alpha_are_by_weight_and_sum_up() -> None:
    assert split(0.05, [2, 1, 1]) == pytest.approx([0.025, 0.0125, 0.0125])


def test_few_calls_settle_what_is_terrible_and_not_what_is_bad() -> None:
    terrible = compare(single(300, 3), single(12, 7), ERRORS)
    assert terrible.outcome == "worse"
    assert terrible.interval is not None
    assert terrible.interval.low > 0.05
    assert compare(single(300, 3), single(12, 1), ERRORS).outcome == "not_enough_data"


def test_one_users_failures_are_not_many_users_failures() -> None:
    stable = sums_of([(10, 0.0)] * 100)
    many = sums_of([(10, 1.0)] * 20 + [(10, 0.0)] * 20)
    one = sums_of([(10, 10.0), (10, 10.0)] + [(10, 0.0)] * 38)
    assert many.s == one.s == 20
    assert compare(stable, many, ERRORS).outcome == "worse"
    assert compare(stable, one, ERRORS).outcome == "not_enough_data"


def test_equal_arms_are_not_worse_in_the_end_and_a_better_one_is_better() -> None:
    assert compare(single(5_000, 50), single(5_000, 51), ERRORS).outcome == "not_worse"
    assert compare(single(5_000, 500), single(5_000, 50), ERRORS).outcome == "better"


def test_a_relative_margin_of_shares_is_of_the_first_arms() -> None:
    question = Question(method="share", better="lower", margin=0.5, relative=True)
    found = compare(single(10_000, 400), single(10_000, 420), question)
    assert found.margin == pytest.approx(0.02)
    assert found.outcome == "not_worse"
    assert compare(single(100, 0), single(100, 0), question).outcome == "not_enough_data"


def normal(number: int, middle: float, spread: float, seed: int) -> Sums:
    rnd = random.Random(seed)
    return sums_of((1, rnd.gauss(middle, spread)) for _ in range(number))


def test_times_are_compared_as_ratios_and_shown_as_times() -> None:
    found = compare(normal(2_000, math.log(800), 0.5, 1), normal(2_000, math.log(1_600), 0.5, 2), LATENCY)
    assert found.outcome == "worse"
    assert found.relative
    assert found.values[0] == pytest.approx(800, rel=0.1)
    assert found.difference == pytest.approx(1.0, abs=0.15)
    assert found.interval is not None
    assert found.interval.low < 1.0 < found.interval.high
    own = found.intervals[1]
    assert own is not None
    assert own.low < 1_600 < own.high


def test_costs_are_compared_as_ratios_and_scores_by_their_difference() -> None:
    dearer = compare(normal(3_000, 1.0, 0.3, 1), normal(3_000, 1.5, 0.3, 2), COST)
    assert dearer.outcome == "worse"
    assert dearer.relative
    assert dearer.difference == pytest.approx(0.5, abs=0.05)
    duller = compare(normal(500, 0.8, 0.2, 1), normal(500, 0.5, 0.2, 2), SCORE)
    assert (duller.outcome, duller.relative) == ("worse", False)
    assert duller.difference == pytest.approx(-0.3, abs=0.05)


def test_a_score_that_goes_below_zero_is_compared_by_its_difference_in_parts_of_the_first() -> None:
    question = Question(method="mean", better="higher", margin=0.5, relative=True)
    found = compare(normal(500, -1.0, 0.2, 1), normal(500, -3.0, 0.2, 2), question)
    assert (found.outcome, found.relative) == ("worse", False)
    assert found.margin == pytest.approx(0.5, abs=0.05)


def test_means_of_few_units_are_not_judged() -> None:
    heavy = sums_of([(500, 4_000.0), *[(1, 9.0)] * 50])
    assert compare(normal(500, 6, 1, 1), heavy, LATENCY).outcome == "not_enough_data"
    assert compare(normal(500, 6, 1, 1), normal(19, 9, 1, 2), LATENCY).outcome == "not_enough_data"
    assert compare(normal(500, 6, 1, 1), normal(21, 9, 1, 2), LATENCY).outcome == "worse"


@given(n=st.integers(2, 300), m=st.integers(2, 300), data=st.data())
def test_an_outcome_does_not_depend_on_which_direction_is_called_better(n: int, m: int, data: st.DataObject) -> None:
    a, b = single(n, data.draw(st.integers(0, n))), single(m, data.draw(st.integers(0, m)))
    mirrored = single(n, n - a.s), single(m, m - b.s)
    higher = Question(method="share", better="higher", margin=0.02)
    found, turned = compare(a, b, ERRORS), compare(*mirrored, higher)
    assert found.outcome == turned.outcome


# --- looking all the time ---

RUNS = 40


def play(draw: Callable[[random.Random, bool, float], float], question: Question, *, share: float, calls: int) -> float:
    """How often equal arms were called worse at any of many looks: users with several calls each, stuck to an arm."""
    alarms = 0
    for seed in range(RUNS):
        rnd = random.Random(f"{question.method}-{share}-{seed}")
        users = [(rnd.random() < share, rnd.gauss(0, 1)) for _ in range(max(2, calls // 8))]
        told: dict[int, tuple[int, float]] = {}
        for number in range(1, calls + 1):
            who = rnd.randrange(len(users))
            n, s = told.get(who, (0, 0.0))
            told[who] = (n + 1, s + draw(rnd, *users[who]))
            if number % (calls // 25) == 0 and _look(users, told, question).outcome == "worse":
                alarms += 1
                break
    return alarms / RUNS


def _look(users: list[tuple[bool, float]], told: dict[int, tuple[int, float]], question: Question) -> Comparison:
    arms = [sums_of(of for who, of in told.items() if users[who][0] is side) for side in (False, True)]
    return compare(arms[0], arms[1], question)


def _fails(rnd: random.Random, candidate: bool, user: float) -> float:
    del candidate
    return float(rnd.random() < (0.3 if user > 1.5 else 0.02))


def _takes(rnd: random.Random, candidate: bool, user: float) -> float:
    del candidate
    return 6 + 0.5 * user + 0.7 * rnd.gauss(0, 1)


def _costs(rnd: random.Random, candidate: bool, user: float) -> float:
    del candidate
    return min(30.0, math.exp(0.4 * user + rnd.gauss(0, 1)))


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_equal_arms_are_hardly_ever_called_worse_whenever_one_looks(share: float) -> None:
    assert play(_fails, ERRORS, share=share, calls=1_000) <= 0.05
    assert play(_takes, LATENCY, share=share, calls=1_000) <= 0.05
    assert play(_costs, COST, share=share, calls=1_000) <= 0.05


def test_a_candidate_that_fails_or_drags_is_found_out() -> None:
    def fails(rnd: random.Random, candidate: bool, user: float) -> float:
        return float(rnd.random() < 0.5) if candidate else _fails(rnd, candidate, user)

    def drags(rnd: random.Random, candidate: bool, user: float) -> float:
        return _takes(rnd, candidate, user) + (math.log(3) if candidate else 0)

    assert play(fails, ERRORS, share=0.3, calls=500) == 1
    assert play(drags, LATENCY, share=0.5, calls=500) >= 0.9
