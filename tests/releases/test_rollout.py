"""How a rollout moves: every move from every state, and plans that cannot be meant."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.releases.rollout import DEFAULT_STEPS, PAST, Action, Move, actions, check_plan, has_next, moved, share
from trimtab.releases.types import OPEN, Plan, Rollout, Segment, State, Step

STEPS = (Step(share=0.1), Step(share=0.5))


def rollout(plan: Plan | None = None, state: State = "running", step: int = 0) -> Rollout:
    return Rollout(
        id="ro_1", project_id="p", app="support", environment="production", stable=1, candidate=2,
        plan=plan or Plan(steps=STEPS), state=state, step=step, step_started=1000, started=1000, ended=None,
        author="key_a", author_name="ada", note="", reason="", evidence=None, revision=1, updated=1000,
    )  # fmt: skip


@pytest.mark.parametrize("state", get_args(State))
@pytest.mark.parametrize("action", get_args(Action))
def test_a_move_is_made_exactly_where_it_is_offered(state: State, action: Action) -> None:
    before = rollout(state=state)
    if action in actions(before):
        after = moved(before, Move(action=action, reason="why"), 2000)
        assert (after.revision, after.updated, after.reason) == (2, 2000, "why")
        assert (after.ended is None) == (after.state in OPEN)
    else:
        with pytest.raises(Conflict) as told:
            moved(before, Move(action=action), 2000)
        assert told.value.code == "rollout_state"
        assert told.value.fix


@given(st.lists(st.sampled_from(get_args(Action)), max_size=12))
def test_whatever_is_done_the_share_never_shrinks_before_the_end_and_no_end_is_left_but_by_going_back(
    wanted: list[Any],
) -> None:
    at, now = rollout(), 1000
    for action in wanted:
        now += 10
        if action not in actions(at):
            continue
        after = moved(at, Move(action=action), now)
        if at.state not in OPEN:
            assert (at.state, after.state) == ("promoted", "rolled_back")
        elif after.state in OPEN:
            assert share(after) >= share(at)
            assert (after.step_started > at.step_started) == (after.step > at.step)
        at = after
    assert set(PAST) == set(get_args(Action))


def test_a_canary_goes_up_its_steps_and_no_further() -> None:
    first = rollout()
    assert share(first) == 0.1
    second = moved(first, Move(action="advance"), 2000)
    assert (second.step, second.step_started, share(second), has_next(second)) == (1, 2000, 0.5, False)
    assert "advance" not in actions(second)
    with pytest.raises(Conflict, match="last step"):
        moved(second, Move(action="advance"), 3000)
    assert share(moved(second, Move(action="promote"), 3000)) == 1.0
    assert share(moved(second, Move(action="roll_back"), 3000)) == 0.0


def test_a_held_rollout_keeps_its_share_and_its_evidence_until_it_goes_on() -> None:
    held = moved(rollout(), Move(action="hold", reason="dearer", evidence={"rule": "cost worse"}), 2000)
    assert (held.state, share(held), held.evidence) == ("held", 0.1, {"rule": "cost worse"})
    again = moved(held, Move(action="resume"), 3000)
    assert (again.state, again.step_started, again.evidence) == ("running", 1000, {"rule": "cost worse"})


@pytest.mark.parametrize(
    "plan",
    [
        Plan(kind="canary", steps=(Step(share=0.5), Step(share=0.5))),
        Plan(kind="canary", steps=(Step(share=0.0),)),
        Plan(kind="canary", steps=tuple(Step(share=(n + 1) / 30) for n in range(21))),
        Plan(kind="direct", steps=STEPS),
        Plan(kind="ab", share=1.0),
        Plan(kind="ab", share=0.0),
        Plan(kind="shadow", share=0.5),
        Plan(kind="ab", budget="5"),
        Plan(kind="shadow", budget="five"),
        Plan(kind="shadow", budget="-1"),
        Plan(kind="segments"),
        Plan(kind="segments", segment=Segment()),
        Plan(kind="segments", segment=Segment(user=("",))),
        Plan(kind="ab", segment=Segment(user=("a",))),
        Plan(kind="ab", rules={"rules": ["nonsense"]}),
        Plan(kind="ab", rules=[]),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused_with_a_way_out(plan: Plan) -> None:
    with pytest.raises(InvalidRequest) as told:
        check_plan(plan)
    assert told.value.fix


def test_a_canary_without_steps_has_the_usual_ones() -> None:
    assert check_plan(Plan()).steps == DEFAULT_STEPS
    segment = Segment(tags=("internal",))
    for plan in (Plan(kind="shadow", budget="5.00"), Plan(kind="segments", segment=segment), Plan(kind="direct")):
        assert check_plan(plan) == plan
