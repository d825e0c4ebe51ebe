"""What an environment demands: verdicts, approvals, notes and freezes, each by itself and all together."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.releases.protection import DAYS, Shown, Subject, check, frozen, readiness, refuse
from trimtab.releases.types import Approval, Freeze, GateVerdict, Outcome, Protection, SuiteEvidence

NOW = 1_750_000_000_000
DAY = 86_400_000
RELEASE = Subject(number=2, hash="sha256:b", authors=frozenset(("key_ada",)))


def verdict(outcome: Outcome, *, source: str = "suite", days: float = 0, of: str = "sha256:b") -> GateVerdict:
    at = NOW - int(days * DAY)
    return GateVerdict(
        id=f"{at:032x}", project_id="p", app="support", number=2, hash=of, outcome=outcome, source=source, detail="",
        created=at,
    )  # fmt: skip


def approval(author: str) -> Approval:
    return Approval(
        project_id="p", app="support", number=2, environment="production", author=author, author_name=author, note="",
        created=NOW,
    )  # fmt: skip


def is_met(protection: Protection, *, note: str = "", given: tuple[str, ...] = (), **shown: GateVerdict) -> bool:
    approvals = tuple(approval(author) for author in given)
    found = readiness(
        protection, RELEASE, Shown(verdicts=tuple(shown.values()), approvals=approvals, note=note), NOW
    )  # fmt: skip
    assert found.ready == all(each.met for each in found.checks)
    assert all(each.fix for each in found.checks if not each.met), "what lacks says how to mend it"
    return found.ready


def test_what_is_not_protected_asks_for_nothing() -> None:
    assert readiness(Protection(), RELEASE, Shown(), NOW).checks == ()


def test_only_a_fresh_verdict_about_this_very_content_passes_the_gate() -> None:
    gated = Protection(gate=True, gate_days=7)
    assert not is_met(gated)
    assert is_met(gated, a=verdict("better"))
    assert is_met(gated, a=verdict("not_worse", days=6.9))
    assert not is_met(gated, a=verdict("not_worse", days=7.1))
    assert not is_met(gated, a=verdict("better", of="sha256:a"))
    assert not is_met(gated, a=verdict("not_enough_data"))


def test_of_every_source_the_newest_verdict_counts_and_one_that_fails_is_not_outvoted() -> None:
    gated = Protection(gate=True)
    assert not is_met(gated, a=verdict("better"), b=verdict("worse", source="other", days=1))
    assert is_met(gated, a=verdict("better"), b=verdict("worse", days=1))
    assert not is_met(gated, a=verdict("better", days=1), b=verdict("worse"))


def test_approvals_count_once_a_person_and_never_the_authors_own() -> None:
    two = Protection(approvals=2)
    assert not is_met(two, given=("key_bob",))
    assert not is_met(two, given=("key_bob", "key_ada"))
    assert not is_met(two, given=("key_bob", "key_bob"))
    assert is_met(two, given=("key_bob", "key_eve"))


def test_everything_that_lacks_is_told_at_once() -> None:
    strict = Protection(gate=True, approvals=1, note=True, freezes=(Freeze(name="sales", days=DAYS),))
    found = readiness(strict, RELEASE, Shown(note="  "), NOW)
    assert [each.demand for each in found.lacking()] == ["gate", "approvals", "note", "freeze"]
    with pytest.raises(Conflict, match=r"verdict.*approvals.*note.*frozen") as told:
        refuse(found, "production")
    assert (told.value.code, "override" in told.value.fix) == ("not_ready", True)
    refuse(readiness(Protection(), RELEASE, Shown(), NOW), "production")


def at(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def test_a_weekly_freeze_holds_by_the_clock_of_its_time_zone_and_over_midnight() -> None:
    # 2026-11-20 is a Friday.
    night = (Freeze(name="nights", days=("fri",), after="18:00", before="08:00", timezone="Europe/Berlin"),)
    berlin = "Europe/Berlin"
    assert frozen(night, at("2026-11-20T17:59", berlin)) is None
    assert frozen(night, at("2026-11-20T18:00", berlin)) == (night[0], at("2026-11-21T08:00", berlin))
    assert frozen(night, at("2026-11-21T07:59", berlin)) == (night[0], at("2026-11-21T08:00", berlin))
    assert frozen(night, at("2026-11-21T08:00", berlin)) is None
    assert frozen(night, at("2026-11-20T17:30", "UTC")) is not None, "in Berlin it is half past six"
    assert frozen(night, at("2026-11-22T07:00", berlin)) is None, "only Fridays"


def test_freezes_that_run_into_each_other_end_with_the_last() -> None:
    weekend = Freeze(name="weekend", days=("sat", "sun"))
    once = Freeze(name="launch", start="2026-11-22T20:00:00Z", end="2026-11-24T09:00:00Z")
    assert frozen((weekend, once), at("2026-11-21T10:00")) == (weekend, at("2026-11-24T09:00"))
    assert frozen((Freeze(name="always", days=DAYS),), NOW) == (Freeze(name="always", days=DAYS), None)


@given(
    st.builds(
        Freeze,
        name=st.just("f"),
        days=st.lists(st.sampled_from(DAYS), min_size=1, max_size=6, unique=True).map(tuple),
        after=st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
        before=st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
        timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    ),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
)
def test_a_freeze_ends_when_it_says_also_where_clocks_change(freeze: Freeze, moment: datetime) -> None:
    check(Protection(freezes=(freeze,)))
    now = int(moment.timestamp() * 1000)
    found = frozen((freeze,), now)
    if found is not None:
        _, until = found
        assert until is not None
        assert until > now
        assert frozen((freeze,), until) is None
        assert frozen((freeze,), until - 1) is not None


@pytest.mark.parametrize(
    "freeze",
    [
        Freeze(name="", days=("mon",)),
        Freeze(name="x"),
        Freeze(name="x", days=("monday",)),
        Freeze(name="x", days=("mon",), after="25:00"),
        Freeze(name="x", after="10:00", before="11:00"),
        Freeze(name="x", days=("mon",), timezone="Mars/Olympus"),
        Freeze(name="x", days=("mon",), start="2026-01-01T00:00:00Z", end="2026-01-02T00:00:00Z"),
        Freeze(name="x", start="2026-01-01T00:00:00Z"),
        Freeze(name="x", start="2026-01-01T00:00:00", end="2026-01-02T00:00:00Z"),
        Freeze(name="x", start="2026-01-02T00:00:00Z", end="2026-01-01T00:00:00Z"),
        Freeze(name="x", start="tomorrow", end="2026-01-01T00:00:00Z"),
    ],
)
def test_a_freeze_that_cannot_be_meant_is_refused_with_a_way_out(freeze: Freeze) -> None:
    with pytest.raises(InvalidRequest) as told:
        check(Protection(freezes=(freeze,)))
    assert told.value.fix


def run_of(suite: str, outcome: Outcome = "not_worse", *, days: float = 0, **said: Any) -> GateVerdict:
    told: dict[str, Any] = {"passed": outcome in ("better", "not_worse"), "fresh_until": NOW + int((30 - days) * DAY)}
    evidence = SuiteEvidence(
        experiment="exp_1", suite=suite, suite_hash="sha256:s", dataset="qs", version=1, against="", says="",
        **(told | said),
    )  # fmt: skip
    made = verdict(outcome, source=f"evaluation:{suite}", days=days)
    return structs.replace(made, detail=msgspec.json.encode(evidence).decode())


def test_each_suite_that_is_demanded_needs_a_run_that_passed_and_is_fresh() -> None:
    demands = Protection(suites=("quality", "safety"))
    first, second = run_of("quality"), run_of("safety")
    assert is_met(demands, a=first, b=second)
    assert not is_met(demands, a=first)
    assert not is_met(demands, a=first, b=verdict("better", source="safety")), "what somebody typed is no run"
    assert not is_met(demands, a=first, b=run_of("safety", "worse"))
    assert not is_met(demands, a=first, b=run_of("safety", fresh_until=NOW))
    assert not is_met(demands, a=first, b=second, c=run_of("third", "worse")), "one that fails is not outvoted"


def test_a_run_counts_by_its_suites_own_rule_and_not_where_it_was_refused() -> None:
    demands = Protection(gate=True)
    assert is_met(demands, a=run_of("quality"))
    assert not is_met(demands, a=run_of("quality", passed=False)), "the suite asks for better"
    refused = run_of("quality", refused="the judge judge:tone has not been compared with people")
    assert not is_met(demands, a=refused)
    (gate,) = readiness(demands, RELEASE, Shown(verdicts=(refused,)), NOW).checks
    assert "the judge judge:tone has not been compared with people" in gate.detail
