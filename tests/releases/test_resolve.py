"""Which release answers a call: sticky, deterministic, monotone in the share, and fair."""

import subprocess
import sys
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.releases.resolve import WHOLE, Lane, Who, drawn, is_in, lane_of, position, resolve, share_of
from trimtab.releases.types import Kind, Placement, Plan, Rollout, Segment, State, Step

LANE = Lane(stable=1, candidate=2, rollout="ro_1", kind="canary", share=0.2)
WORDS = st.text(max_size=20)
PEOPLE = st.builds(
    Who,
    request=st.text(min_size=1, max_size=20),
    user=WORDS,
    session=WORDS,
    key=WORDS,
    tags=st.lists(WORDS, max_size=3).map(tuple),
    metadata=st.dictionaries(WORDS, WORDS, max_size=3),
)
SHARES = st.floats(0, 1)


def rollout(kind: Kind = "canary", state: State = "running", step: int = 0, **plan: Any) -> Rollout:
    return Rollout(
        id="ro_1", project_id="p", app="support", environment="production", stable=1, candidate=2,
        plan=Plan(kind=kind, **plan), state=state, step=step, step_started=0, started=0, ended=None, author="k",
        author_name="", note="", reason="", evidence=None, revision=1, updated=0,
    )  # fmt: skip


PLACEMENT = Placement(
    project_id="p", app="support", environment="production", stable=1, rollout="ro_1", revision=1, updated=0
)


def test_without_a_rollout_the_stable_release_answers_and_there_is_no_variant() -> None:
    found = resolve(Lane(stable=7), Who("req_1", user="ada"))
    assert (found.release, found.variant, found.rollout, found.shadow) == (7, "", "", None)
    assert resolve(Lane(), Who("req_1")).release is None


@given(PEOPLE, SHARES, st.sampled_from(get_args(Kind)))
def test_the_same_caller_gets_the_same_release(who: Who, share: float, kind: Kind) -> None:
    lane = replace(LANE, share=share, kind=kind, segment=Segment(tags=("internal",)))
    assert resolve(lane, who) == resolve(lane, replace(who))


@given(PEOPLE, SHARES, SHARES)
def test_whoever_is_on_the_candidate_stays_on_it_as_the_share_grows(who: Who, one: float, other: float) -> None:
    low, high = sorted((one, other))
    if resolve(replace(LANE, share=low), who).variant == "candidate":
        assert resolve(replace(LANE, share=high), who).variant == "candidate"


@given(PEOPLE)
def test_a_share_of_none_is_nobody_and_of_all_is_everybody(who: Who) -> None:
    assert resolve(replace(LANE, share=0.0), who).variant == "stable"
    assert resolve(replace(LANE, share=1.0), who).variant == "candidate"


@given(PEOPLE, PEOPLE, SHARES)
def test_a_user_is_assigned_by_name_whatever_else_the_call_says(who: Who, other: Who, share: float) -> None:
    lane = replace(LANE, share=share)
    one, same = replace(who, user="ada"), replace(other, user="ada")
    assert resolve(lane, one) == resolve(lane, same)


def test_a_unit_is_the_user_else_the_session_else_the_call() -> None:
    whole, nobody = Who("req_1", user="ada", session="s1"), Who("req_1")
    assert drawn(LANE, whole) == (position("ro_1", "ada"), "user")
    assert drawn(LANE, replace(whole, user="")) == (position("ro_1", "s1"), "session")
    assert drawn(LANE, nobody) == (position("ro_1", "req_1"), "request")
    assert drawn(replace(LANE, sticky="session"), whole)[1] == "session"
    assert drawn(replace(LANE, sticky="request"), whole)[1] == "request"


def test_positions_are_spread_evenly_and_anew_for_each_rollout() -> None:
    """Chi-square of 20,000 users in 50 equal bins: 85.4 is its 99.9th percentile for 49 degrees of freedom."""
    for salt in ("ro_1", "ro_2"):
        bins = [0] * 50
        for number in range(20_000):
            bins[position(salt, f"user-{number}") * 50 // WHOLE] += 1
        assert sum((count - 400) ** 2 / 400 for count in bins) < 85.4
    one = [position("ro_1", f"user-{n}") < WHOLE // 2 for n in range(4_000)]
    two = [position("ro_2", f"user-{n}") < WHOLE // 2 for n in range(4_000)]
    same = sum(a == b for a, b in zip(one, two, strict=True))
    assert abs(same - 2_000) < 5 * 32  # five standard deviations of a fair coin


def test_a_position_is_the_first_eight_bytes_of_blake2b_so_that_anybody_can_check_it() -> None:
    code = "import hashlib; print(int(hashlib.blake2b(b'ro_1ada').hexdigest()[:16], 16))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert position("ro_1", "ada") == int(told)
    assert position("ro_1", "ad\ud800a") == position("ro_1", "ad?a")


def test_a_record_can_say_why() -> None:
    found = resolve(LANE, Who("req_1", user="ada"))
    assert found.why == f"user at {position('ro_1', 'ada') / WHOLE:.6f}, not below 0.2"


def test_a_shadow_answers_nobody_and_copies_its_share() -> None:
    lane = replace(LANE, kind="shadow", share=0.5)
    found = [resolve(lane, Who(f"req_{n}")) for n in range(200)]
    assert {each.release for each in found} == {1}
    assert {each.variant for each in found} == {"stable"}
    assert 60 < sum(each.shadow == 2 for each in found) < 140
    assert resolve(replace(lane, stable=None), Who("req_1")).shadow is None


def test_in_an_empty_environment_the_candidate_answers_everybody() -> None:
    lane = replace(LANE, stable=None, share=0.01)
    assert {resolve(lane, Who(f"req_{n}")).release for n in range(100)} == {2}


def test_a_segment_is_whoever_is_listed_in_every_dimension_that_lists_something() -> None:
    ada = Who("r", user="ada", session="s", key="key_1", tags=("internal", "eu"), metadata={"plan": "pro"})
    assert is_in(Segment(user=("ad*",)), ada)
    assert is_in(Segment(user=("bob", "ada"), tags=("internal",), metadata={"plan": ("p*",)}), ada)
    assert not is_in(Segment(user=("ada",), tags=("beta",)), ada)
    assert not is_in(Segment(key=("key_2",)), ada)
    assert not is_in(Segment(metadata={"country": ("*",)}), ada)
    assert not is_in(Segment(), ada)
    assert not is_in(Segment(session=("*",)), Who("r"))
    lane = replace(LANE, kind="segments", segment=Segment(tags=("internal",)))
    assert [resolve(lane, who).variant for who in (ada, Who("r"))] == ["candidate", "stable"]


def test_a_lane_is_made_of_a_placement_and_its_open_rollout() -> None:
    steps = (Step(share=0.05), Step(share=0.5))
    first = lane_of(PLACEMENT, rollout(steps=steps))
    assert (first.stable, first.candidate, first.rollout, first.share) == (1, 2, "ro_1", 0.05)
    assert lane_of(PLACEMENT, rollout(steps=steps, state="held", step=1)).share == 0.5
    for state in ("promoted", "rolled_back", "stopped"):
        assert lane_of(PLACEMENT, rollout(steps=steps, state=state)) == Lane(stable=1)
    assert lane_of(PLACEMENT, None) == Lane(stable=1)
    assert share_of(rollout("ab", share=0.3)) == 0.3
    assert share_of(rollout("direct")) == 1.0
