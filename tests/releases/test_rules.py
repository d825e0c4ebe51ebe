"""Rules of a rollout: what decides, in which order, with which words; and what is refused as a rule."""

import math
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.releases.rules import (
    ArmFigures,
    Condition,
    Decision,
    Evidence,
    Figures,
    Guard,
    Outcome,
    Rule,
    Rules,
    Situation,
    decide,
    defaults,
    read_rules,
    text_of,
)
from trimtab.scoring.stats import Sums, single, sums_of


def times(number: int, ms: float, seed: int = 1) -> Sums:
    rnd = random.Random(seed)
    return sums_of((1, rnd.gauss(math.log(ms), 0.4)) for _ in range(number))


def arm(calls: int, errors: int, **values: Sums) -> ArmFigures:
    given: dict[str, Sums] = {
        "errors": single(calls, errors),
        "latency": times(calls, 900),
        "silent": single(calls, calls // 100),
    }
    return ArmFigures(calls=calls, units=calls, values={**given, **values})


GOOD = Figures(stable=arm(8_000, 80), candidate=arm(900, 9))
FAILING = Figures(stable=arm(8_120, 81), candidate=arm(412, 33))
NOTHING = Figures(stable=ArmFigures(), candidate=ArmFigures())
LATE = Situation(step=0, steps=3, held_s=601, hold_s=600, samples=500)


def at_one(evidence: tuple[Evidence, ...], metric: str) -> Evidence:
    return next(each for each in evidence if each.metric == metric)


# --- deciding ---


def test_a_failing_candidate_is_rolled_back_with_the_figures_in_words() -> None:
    found = decide(defaults(), FAILING, Situation(steps=3, hold_s=600, samples=500))
    assert (found.action, found.rule, found.number) == ("rollback", "errors worse -> rollback", 1)
    assert found.reason.startswith("Errors 8.0 % against 1.0 % (difference ")
    assert found.reason.endswith(" points, 412 and 8,120 calls): worse.")
    errors = at_one(found.evidence, "errors")
    assert errors.stable.value == pytest.approx(81 / 8_120)
    assert errors.low is not None
    assert errors.high is not None
    assert 0 < errors.low < 33 / 412 - 81 / 8_120 < errors.high


def test_a_good_candidate_goes_to_the_next_step_and_from_the_last_one_to_all() -> None:
    found = decide(defaults(), GOOD, LATE)
    assert (found.action, found.rule) == ("advance", "all not_worse and samples and held -> next")
    assert "900 of 500 calls of the candidate" in found.reason
    last = msgspec.structs.replace(LATE, step=2)
    assert decide(defaults(), GOOD, last).action == "promote"


@pytest.mark.parametrize(
    ("change", "missing"),
    [({"held_s": 60.0}, "1m of 10m in this step"), ({"samples": 1_000}, "900 of 1,000 calls of the candidate")],
)
def test_it_waits_for_the_time_and_the_calls_that_the_step_asks_for(change: dict[str, Any], missing: str) -> None:
    found = decide(defaults(), GOOD, msgspec.structs.replace(LATE, **change))
    assert (found.action, found.rule, found.number) == ("wait", "", 0)
    assert missing in found.reason


def test_without_any_calls_it_waits_and_says_why() -> None:
    found = decide(defaults(), NOTHING, LATE)
    assert found.action == "wait"
    assert "no guard has been observed yet" in found.reason
    assert {each.outcome for each in found.evidence} == {"not_enough_data"}


def test_the_first_rule_that_holds_decides() -> None:
    rules = read_rules({"rules": ["errors worse -> hold", "errors worse -> rollback"]})
    assert decide(rules, FAILING, LATE).action == "hold"


def test_a_dearer_candidate_is_held() -> None:
    dear = Figures(
        stable=arm(2_000, 20, cost=sums_of((1, 0.01 + 0.001 * (at % 5)) for at in range(2_000))),
        candidate=arm(900, 9, cost=sums_of((1, 0.03 + 0.001 * (at % 5)) for at in range(900))),
    )
    found = decide(defaults(), dear, LATE)
    assert (found.action, found.rule) == ("hold", "cost worse -> hold")
    assert "Cost 0.032 against 0.012 (difference +" in found.reason


def test_a_slow_candidate_is_rolled_back_and_times_are_readable() -> None:
    slow = Figures(stable=arm(2_000, 20), candidate=arm(900, 9, latency=times(900, 2_400, 2)))
    found = decide(defaults(), slow, LATE)
    assert found.rule == "latency worse -> rollback"
    assert " s against 9" in found.reason


def test_a_candidate_whose_callers_give_up_is_rolled_back_though_what_it_answers_is_fine() -> None:
    left = Figures(
        stable=arm(2_000, 20, cancelled=single(2_040, 40)), candidate=arm(300, 3, cancelled=single(400, 100))
    )
    found = decide(defaults(), left, LATE)
    assert (found.action, found.rule) == ("rollback", "cancelled worse -> rollback")
    assert found.reason.startswith("Cancelled 25.0 % against 2.0 % (difference ")
    alike = Figures(stable=left.stable, candidate=arm(900, 9, cancelled=single(920, 20)))
    assert decide(defaults(), alike, LATE).action == "advance"


def test_a_candidate_that_guards_stop_more_often_is_rolled_back_and_one_that_they_stop_alike_goes_on() -> None:
    stopped = Figures(
        stable=arm(2_000, 20, guard_block_rate=single(2_000, 20)),
        candidate=arm(400, 4, guard_block_rate=single(400, 60)),
    )
    found = decide(defaults(), stopped, LATE)
    assert (found.action, found.rule) == ("rollback", "guard_block_rate worse -> rollback")
    for of, count in ((8_000, 80), (8_000, 0)):
        alike = Figures(
            stable=arm(of, 80, guard_block_rate=single(of, count)),
            candidate=arm(900, 9, guard_block_rate=single(900, count * 900 // of)),
        )
        assert decide(defaults(), alike, LATE).action == "advance"


def test_what_users_and_guards_did_shares_one_guards_risk_so_that_the_others_keep_theirs() -> None:
    levels = {each.metric: 1 - each.level for each in decide(defaults(), GOOD, LATE).evidence}
    assert levels["feedback"] + levels["cancelled"] + levels["guard_block_rate"] == pytest.approx(levels["cost"])
    assert levels["errors"] == pytest.approx(0.05 / 3 * 4 / 11)


def test_all_waits_for_a_guard_that_is_observed_and_not_for_one_that_need_not() -> None:
    few = sums_of([(1, 0.0)] * 3)
    feedback = Figures(stable=arm(8_000, 80, feedback=few), candidate=arm(900, 9, feedback=few))
    assert decide(defaults(), feedback, LATE).action == "advance"
    strict = read_rules({"guards": [{"metric": "errors"}, {"metric": "feedback"}]})
    found = decide(strict, feedback, LATE)
    assert found.action == "wait"
    assert "feedback 0.0 % against 0.0 %" in found.reason
    assert decide(strict, GOOD, LATE).action == "advance"


def test_limits_hold_from_so_many_observations_on() -> None:
    rules = read_rules({"rules": ["errors above 5 % after 400 -> rollback"]})
    assert decide(rules, FAILING, LATE).reason == (
        "Errors of the candidate 8.0 % (412 observations), which is above 5.0 %."
    )
    few = read_rules({"rules": ["errors above 5 % after 500 -> rollback"]})
    assert decide(few, FAILING, LATE).action == "wait"
    stable = read_rules({"rules": ["stable latency below 2s -> hold"]})
    assert decide(stable, FAILING, LATE).action == "hold"
    never = read_rules({"rules": ["stable latency above 2s -> hold"]})
    assert decide(never, FAILING, LATE).reason == "No rule asks for anything."


def test_any_and_time_decide_too() -> None:
    rules = read_rules({"rules": ["any worse -> rollback", "held 10m -> hold"]})
    assert decide(rules, FAILING, LATE).action == "rollback"
    assert decide(rules, GOOD, LATE).rule == "held 10m -> hold"
    assert decide(rules, GOOD, msgspec.structs.replace(LATE, held_s=599)).action == "wait"


def test_the_risk_is_shared_by_steps_and_by_guards_according_to_their_weights() -> None:
    rules = read_rules({"guards": [{"metric": "errors", "weight": 3}, {"metric": "silent"}], "alpha": 0.04})
    levels = [1 - each.level for each in decide(rules, GOOD, LATE).evidence]
    assert levels == pytest.approx([0.01, 0.01 / 3])


def test_a_score_is_a_guard_and_may_be_better_when_lower() -> None:
    rules = read_rules({"guards": [{"metric": "score:toxic", "better": "lower", "margin": 0.1, "relative": False}]})
    toxic = Figures(
        stable=arm(300, 3, **{"score:toxic": sums_of((1, 0.1 * (at % 2)) for at in range(300))}),
        candidate=arm(300, 3, **{"score:toxic": sums_of((1, 0.5 + 0.1 * (at % 2)) for at in range(300))}),
    )
    found = at_one(decide(rules, toxic, LATE).evidence, "score:toxic")
    assert (found.outcome, found.relative, found.unit) == ("worse", False, "score")
    assert "300 and 300 values" in found.says


@pytest.mark.parametrize("kind", ["direct", "shadow"])
def test_what_hurts_nobody_is_only_watched(kind: Any) -> None:
    found = decide(defaults(kind), FAILING, LATE)
    assert found.action == "wait"
    assert at_one(found.evidence, "errors").outcome == "worse"


def test_an_ab_test_goes_back_for_errors_and_never_ends_by_itself() -> None:
    assert decide(defaults("ab"), FAILING, LATE).action == "rollback"
    assert decide(defaults("ab"), GOOD, LATE).action == "wait"


@given(
    errors=st.integers(0, 400),
    calls=st.integers(0, 400),
    held=st.floats(0, 1e6),
    step=st.integers(0, 4),
    samples=st.integers(0, 400),
)
def test_by_default_nothing_goes_on_while_a_guard_is_worse_or_time_or_calls_lack(
    errors: int, calls: int, held: float, step: int, samples: int
) -> None:
    candidate = ArmFigures(calls=calls, units=calls, values={"errors": single(calls, min(errors, calls))})
    stable = ArmFigures(calls=2_000, units=2_000, values={"errors": single(2_000, 20)})
    where = Situation(step=step, steps=5, held_s=held, hold_s=300, samples=samples)
    found = decide(defaults(), Figures(stable=stable, candidate=candidate), where)
    if found.action in ("advance", "promote"):
        assert held >= 300
        assert calls >= samples
        assert at_one(found.evidence, "errors").outcome in ("not_worse", "better")
        assert found.action == ("promote" if step == 4 else "advance")
    if at_one(found.evidence, "errors").outcome == "worse":
        assert found.action == "rollback"
    assert msgspec.json.decode(msgspec.json.encode(found), type=Decision) == found


# --- reading ---


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NUMBER = st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.none()
GUARD = st.fixed_dictionaries(
    {"metric": st.sampled_from(["errors", "latency", "cost", "score:x", "feedback"])},
    optional={
        "margin": NUMBER,
        "weight": NUMBER,
        "cap": NUMBER,
        "relative": st.booleans(),
        "better": st.sampled_from(["lower", "higher"]),
    },
)
CONDITION = st.fixed_dictionaries(
    {},
    optional={
        "metric": st.sampled_from(["errors", "all", "any", "latency"]),
        "outcome": st.lists(st.sampled_from(["worse", "better", "odd"]), max_size=2),
        "above": NUMBER,
        "below": NUMBER,
        "least": NUMBER,
        "samples": NUMBER,
        "held_s": NUMBER,
    },
)
RULE = st.fixed_dictionaries({"when": st.lists(CONDITION, max_size=2), "then": st.sampled_from(["hold", "next"])})
PLAUSIBLE = st.fixed_dictionaries(
    {},
    optional={
        "guards": st.lists(GUARD, max_size=2),
        "rules": st.lists(RULE | st.sampled_from(["held -> hold", "x"]), max_size=2),
        "alpha": NUMBER,
        "least_units": NUMBER,
    },
)


@given(data=JSON | PLAUSIBLE)
def test_any_json_is_rules_that_decide_or_is_refused(data: Any) -> None:
    try:
        rules = read_rules(data)
    except InvalidRequest as error:
        refused = error
    else:
        found = decide(rules, FAILING, LATE)
        assert msgspec.json.decode(msgspec.json.encode(found), type=Decision).action == found.action
        return
    assert refused.code == "rules_invalid"
    assert refused.fix


def test_rules_come_back_from_json_as_they_were() -> None:
    for rules in (defaults(), defaults("ab"), read_rules({"rules": ["cost above 0.5 after 9 and held -> promote"]})):
        assert read_rules(msgspec.json.decode(msgspec.json.encode(rules))) == rules


def test_what_is_left_out_is_the_default() -> None:
    assert read_rules(None) == read_rules({}) == defaults()
    only = read_rules({"guards": [{"metric": "errors"}]})
    assert [text_of(each) for each in only.rules if isinstance(each, Rule)] == [
        "errors worse -> rollback",
        "all not_worse and samples and held -> next",
    ]
    assert read_rules({"rules": []}).rules == ()


WRONG: list[tuple[Any, str, str]] = [
    ([1], "rules", "Expected `object`"),
    ({"alpha": 0.7}, "rules", "alpha"),
    ({"rule": []}, "rules", "unknown field `rule`"),
    ({"guards": [{"metric": "erors"}]}, "rules.guards[0]", "Did you mean 'errors'?"),
    ({"guards": [{"metric": "score:"}]}, "rules.guards[0]", "score:helpful"),
    ({"guards": [{"metric": "all"}]}, "rules.guards[0]", "stand for guards"),
    ({"guards": [{"metric": "errors", "margin": 2}]}, "rules.guards[0]", "Write 2 points as 0.02"),
    ({"guards": [{"metric": "errors", "relative": True}]}, "rules.guards[0]", "margin of its own"),
    ({"guards": [{"metric": "latency", "relative": False, "margin": 5}]}, "rules.guards[0]", "ratio"),
    ({"guards": [{"metric": "errors", "cap": 1}]}, "rules.guards[0]", "no cap"),
    ({"guards": [{"metric": "score:x", "margin": 1}]}, "rules.guards[0]", "below 1"),
    ({"guards": [{"metric": "errors"}, {"metric": "errors"}]}, "rules.guards[1]", "twice"),
    ({"guards": [{"metric": f"score:{at}"} for at in range(31)]}, "rules", "at most 30 guards"),
    ({"rules": ["held -> hold"] * 51}, "rules", "at most 50 rules"),
    ({"rules": ["held -> hold", "errors worse"]}, "rules.rules[1]", "what to do"),
    ({"rules": ["score:tone worse -> hold"]}, "rules.rules[0]", "No guard watches 'score:tone'"),
    ({"rules": [{"when": [], "then": "hold"}]}, "rules.rules[0]", "1 to 20 conditions"),
    ({"rules": [{"when": [{"metric": "errors"}], "then": "hold"}]}, "rules.rules[0]", "one thing"),
    ({"rules": [{"when": [{"samples": 1, "held_s": 1}], "then": "hold"}]}, "rules.rules[0]", "one thing"),
    ({"rules": [{"when": [{"outcome": ["worse"]}], "then": "hold"}]}, "rules.rules[0]", "does not name"),
    ({"rules": [{"when": [{"metric": "errors", "samples": 1}], "then": "hold"}]}, "rules.rules[0]", "for nothing"),
    ({"rules": [{"when": [{"metric": "all", "above": 1}], "then": "hold"}]}, "rules.rules[0]", "Name one metric"),
    ({"rules": [{"when": [{"held_s": 1}], "then": "advance"}]}, "rules", "advance"),
]


@pytest.mark.parametrize(("data", "param", "says"), WRONG)
def test_what_cannot_be_meant_is_refused_with_its_place_and_a_way_out(data: Any, param: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_rules(data)
    assert (caught.value.code, caught.value.param) == ("rules_invalid", param)
    assert says in caught.value.sentence()
    assert caught.value.fix


def test_rules_may_be_given_as_what_they_are() -> None:
    outcome: tuple[Outcome, ...] = ("worse",)
    rule = Rule(when=(Condition(metric="errors", outcome=outcome),), then="rollback")
    found = read_rules(Rules(guards=(Guard(metric="errors"),), rules=(rule, "held -> hold")))
    assert [text_of(each) for each in found.rules if isinstance(each, Rule)] == [
        "errors worse -> rollback",
        "held -> hold",
    ]
