import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.guard.operating import BANDS, STEP, Judged, at_least, band_of, chosen, described

scores = st.lists(st.integers(0, 20).map(lambda step: step / 20), min_size=1, max_size=60)


def harmless(*values: float | None) -> list[Judged]:
    return [Judged(score=value) for value in values]


def attacks(*values: float | None) -> list[Judged]:
    return [Judged(score=value, attack=True) for value in values]


def test_the_budget_is_met_by_the_lowest_threshold():
    point = chosen([*harmless(*(place / 100 for place in range(100))), *attacks(0.98, 0.99, 0.5)], 0.02)
    assert point.alarms.count == 2
    assert point.recall.count == 2
    assert 0.97 < point.threshold < 0.98
    assert not point.sure  # 2 of 100 may well be 5 %
    assert point.needed == 149


@given(scores, scores, st.sampled_from((0.0, 0.01, 0.05, 0.2)))
def test_no_lower_threshold_would_do(quiet: list[float], loud: list[float], budget: float):
    point = chosen([*harmless(*quiet), *attacks(*loud)], budget)
    over = sum(score >= point.threshold for score in quiet)
    assert over <= budget * len(quiet) or max(quiet) == 1.0
    lower = sorted({score for score in quiet if 0 < score < point.threshold})
    if lower:
        assert sum(score >= lower[-1] for score in quiet) > budget * len(quiet)


def test_a_harmless_text_of_score_1_shows_that_the_budget_is_not_met():
    point = chosen(harmless(1.0, 0.1), 0.0)
    assert point.threshold == 1.0
    assert point.alarms.count == 1


def test_what_could_not_be_judged_is_counted_beside():
    point = chosen([*harmless(0.1, None), *attacks(None, 0.9)], 0.0)
    assert (point.alarms.of, point.recall.of, point.unjudged) == (1, 1, 2)


def test_without_harmless_texts_there_is_no_threshold():
    with pytest.raises(ValueError, match="harmless"):
        chosen(attacks(0.9), 0.01)
    with pytest.raises(ValueError, match="budget"):
        chosen(harmless(0.1), 1.0)


def test_bands_languages_and_families_are_told_apart():
    text = "the order is not there and what should we do with it now that it is late for the customer"
    rows = [described(text, 0.2) for _ in range(20)]
    rows += [described(text * 20, 0.9, attack=True, family="override") for _ in range(20)]
    point = chosen(rows, 0.0)
    assert {part.name for part in point.by_length} == {"short", "long"}
    assert [(part.name, part.recall.count) for part in point.by_family] == [("override", 20)]
    assert point.by_language[0].name == "en"


def test_few_texts_raise_a_threshold_and_never_lower_it():
    assert chosen(harmless(*[0.1] * 9), 0.01, 0.5).threshold == 0.5
    assert chosen(harmless(*[0.1] * 400), 0.01, 0.5).threshold == pytest.approx(0.1 + STEP)
    assert chosen(harmless(*[0.8] * 9), 0.01, 0.5).threshold == pytest.approx(0.8 + STEP)


def test_every_length_has_a_band():
    assert [band_of(least) for _, least in BANDS] == [name for name, _ in BANDS]


def test_the_binomial_tail():
    assert at_least(0, 10, 0.3) == 1.0
    assert at_least(10, 10, 0.5) == pytest.approx(0.5**10)
    assert at_least(1, 3, 0.5) == pytest.approx(7 / 8)
