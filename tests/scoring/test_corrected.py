"""Judged rates as people would have judged them: closed forms, edges, and how often the intervals hold."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.scoring.corrected import Labelled, Operating, operating, prediction_powered, rogan_gladen
from trimtab.scoring.units import Observed

KNOWN = Operating(hits=45, positives=50, rejections=40, negatives=50)


def test_rogan_and_gladen_turn_the_judges_errors_round() -> None:
    found = rogan_gladen(620, 1000, KNOWN)
    assert found.value == pytest.approx((0.62 + 0.8 - 1) / (0.9 + 0.8 - 1))
    assert found.interval is not None
    assert found.interval.low < 0.6 < found.interval.high
    sure = rogan_gladen(620, 1000, Operating(hits=4500, positives=5000, rejections=4000, negatives=5000))
    assert sure.interval is not None
    assert sure.interval.high - sure.interval.low < 0.5 * (found.interval.high - found.interval.low)


@pytest.mark.parametrize(
    ("judged", "known", "why"),
    [
        (0, KNOWN, "nothing was judged"),
        (10, Operating(hits=5, positives=5, rejections=0, negatives=0), "passes only"),
        (10, Operating(hits=1, positives=5, rejections=1, negatives=5), "no better than chance"),
    ],
)
def test_what_cannot_be_corrected_says_why(judged: int, known: Operating, why: str) -> None:
    found = rogan_gladen(min(5, judged), judged, known)
    assert (found.value, found.interval) == (None, None)
    assert why in found.method


def test_a_judge_not_shown_to_be_better_than_chance_leaves_everything_open() -> None:
    found = rogan_gladen(5, 10, Operating(hits=3, positives=5, rejections=3, negatives=5))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == (0, 1)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(1, 200), st.data())
def test_a_corrected_share_is_a_share(hits: int, rejections: int, more: int, judged: int, data: st.DataObject) -> None:
    known = Operating(hits=hits, positives=hits + more, rejections=rejections, negatives=rejections + more)
    found = rogan_gladen(data.draw(st.integers(0, judged)), judged, known)
    if found.value is not None:
        assert found.interval is not None
        assert 0 <= found.interval.low <= found.value <= found.interval.high <= 1


def test_operating_counts_what_people_and_judge_said() -> None:
    found = operating([(True, True), (True, False), (False, False), (False, False), (False, True)])
    assert found == Operating(hits=1, positives=2, rejections=2, negatives=3)
    assert (found.sensitivity, found.specificity) == (0.5, 2 / 3)
    assert operating([]).sensitivity is None


def drawn(rng: random.Random, share: float, right: float) -> tuple[float, float]:
    people = rng.random() < share
    return float(people), float(people == (rng.random() < right))


def test_rogan_gladens_interval_holds_the_truth() -> None:
    rng, held, runs = random.Random(3), 0, 300
    for _ in range(runs):
        labels = [drawn(rng, 0.6, 0.85) for _ in range(100)]
        judged = [drawn(rng, 0.8, 0.85)[1] for _ in range(500)]
        known = operating([(bool(people), bool(judge)) for people, judge in labels])
        found = rogan_gladen(sum(judged), len(judged), known).interval
        held += found is not None and found.low <= 0.8 <= found.high
    assert held / runs >= 0.92


@pytest.mark.parametrize(("labels", "right"), [(20, 0.9), (50, 0.6)])
def test_prediction_powered_intervals_hold_the_truth_for_good_and_bad_judges(labels: int, right: float) -> None:
    rng, held, runs = random.Random(5), 0, 200
    for _ in range(runs):
        labelled = [Labelled(*drawn(rng, 0.8, right)) for _ in range(labels)]
        judged = [Observed(drawn(rng, 0.8, right)[1]) for _ in range(300)]
        found = prediction_powered(labelled, judged, bounds=(0, 1)).interval
        held += found is not None and found.low <= 0.8 <= found.high
    assert held / runs >= 0.92


def test_a_good_judge_narrows_the_interval_and_a_useless_one_does_not_move_it() -> None:
    rng = random.Random(8)
    labels = [drawn(rng, 0.7, 0.97) for _ in range(100)]
    judged = [Observed(drawn(rng, 0.7, 0.97)[1]) for _ in range(2000)]
    good = prediction_powered([Labelled(*each) for each in labels], judged, bounds=(0, 1))
    alone = prediction_powered([Labelled(*each) for each in labels], [], bounds=(0, 1))
    useless = prediction_powered(
        [Labelled(people, float(rng.random() < 0.5)) for people, _ in labels], judged, bounds=(0, 1)
    )
    assert good.tuning is not None
    assert good.tuning > 0.8
    assert (alone.tuning, alone.method) == (0.0, "people's labels alone")
    assert good.interval is not None
    assert alone.interval is not None
    assert good.interval.high - good.interval.low < 0.7 * (alone.interval.high - alone.interval.low)
    assert useless.tuning is not None
    assert useless.tuning < 0.35


def test_a_difference_of_two_is_corrected_and_few_labels_refused() -> None:
    labelled = [Labelled(1.0, 1.0)] * 5 + [Labelled(0.0, 0.0)] * 30 + [Labelled(-1.0, 0.0), Labelled(0.0, 1.0)]
    found = prediction_powered(labelled, [Observed(float(n % 5 == 0)) for n in range(200)], bounds=(-1, 1))
    assert found.value is not None
    assert found.interval is not None
    assert -1 <= found.interval.low <= found.value <= found.interval.high <= 1
    assert prediction_powered([Labelled(1.0, 1.0)], [Observed(1.0)]).value is None
    constant = prediction_powered([Labelled(2.0, 2.0)] * 9, [Observed(2.0)] * 9)
    assert (constant.value, constant.interval) == (2.0, None)
