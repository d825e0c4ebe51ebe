"""Rules as text."""

import contextlib
from typing import cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.releases.guards import METRICS, named
from trimtab.releases.rule_text import MAX_TEXT, parse, text_of, time_text
from trimtab.releases.rule_types import Condition, Rule, Then
from trimtab.scoring.stats import Outcome

NAMES = st.sampled_from([*METRICS, "refusal", "tool_loop", "score:helpful", "score:über-gut_2"])
OUTCOMES = st.lists(st.sampled_from(cast("tuple[Outcome, ...]", get_args(Outcome))), min_size=1, max_size=3)
THEN = st.sampled_from(cast("tuple[Then, ...]", get_args(Then)))


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    return Rule(when=tuple(draw(st.lists(conditions(), min_size=1, max_size=4))), then=draw(THEN))


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    form = draw(st.integers(0, 4))
    if form == 0:
        return Condition(samples=draw(st.integers(0, 10**8)))
    if form == 1:
        return Condition(held_s=float(draw(st.integers(0, 10**7))))
    if form == 2:
        return Condition(metric=draw(NAMES | st.sampled_from(["all", "any"])), outcome=tuple(draw(OUTCOMES)))
    above = form == 3
    limit = draw(st.floats(-1e6, 1e6))
    return Condition(
        metric=draw(NAMES),
        arm="stable" if draw(st.booleans()) else "candidate",
        above=limit if above else None,
        below=None if above else limit,
        least=draw(st.integers(1, 10**8)),
    )


@given(rule=rules())
def test_a_rule_is_read_as_it_is_written(rule: Rule) -> None:
    assert parse(text_of(rule)) == rule


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("errors above 20 % after 50", Condition(metric="errors", above=0.2, least=50)),
        ("  stable  latency above 4s", Condition(metric="latency", arm="stable", above=4000)),
        ("ttft below 300ms", Condition(metric="ttft", below=300)),
        ("cost above 0.002", Condition(metric="cost", above=0.002)),
        ("all not_worse or better", Condition(metric="all", outcome=("not_worse", "better"))),
        ("score:a b worse", Condition(metric="score:a b", outcome=("worse",))),
        ("samples 200", Condition(samples=200)),
        ("samples", Condition(samples=0)),
        ("held 1.5h", Condition(held_s=5_400)),
        ("held", Condition(held_s=0)),
    ],
)
def test_a_condition_may_be_written_as_people_do(text: str, expected: Condition) -> None:
    assert parse(f"{text} -> hold") == Rule(when=(expected,), then="hold")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("errors worse", "does not say what to do"),
        ("errors worse -> panic", "cannot end in 'panic'"),
        ("-> hold", "has a condition"),
        ("errors -> hold", "is no condition"),
        ("errors worse or awful -> hold", "no outcome 'awful'"),
        ("eror worse -> hold", "no guard metric 'eror'"),
        ("latency above 3 % -> hold", "no share"),
        ("errors above 3 s -> hold", "no time"),
        ("errors worse and -> hold", "no condition"),
        ("held 10 -> hold", "no condition"),
        ("held -3s -> hold", "no condition"),
        ("held 9999999999999d -> hold", "too large"),
        ("errors above 1e999 -> hold", "too large"),
        ("x" * (MAX_TEXT + 1), "at most"),
    ],
)
def test_what_is_no_rule_says_so_and_how_it_is_written(text: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(text)
    assert says in caught.value.message
    assert caught.value.fix


@given(text=st.text(max_size=60))
def test_any_text_is_a_rule_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidRequest):
        assert parse(f"{text} -> hold").when


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (90, "90s"), (600, "10m"), (7200, "2h"), (172_800, "2d"), (1.5, "1.5s")]
)
def test_times_are_whole_in_the_largest_unit_that_allows_it(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_every_detector_and_score_is_a_metric() -> None:
    assert named("refusal").unit == "share"
    assert named("score:helpful").better == "higher"
