"""Our books against an export: equal books agree in any zone, and each difference has its cause."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.ledger.exports import Export, Line
from trimtab.ledger.reconcile import CENT, Hour, Reconciliation, bounds_of, canonical, reconcile

DAY = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) // 3600
TODAY = "2026-02-01"
MODEL = "gpt-4o-mini-2024-07-18"


def hour(at: int, model: str = MODEL, **fields: Any) -> Hour:
    given: dict[str, Any] = {
        "requests": 1,
        "input": 600,
        "cache_read": 0,
        "cache_write": 0,
        "output": 100,
        "cost": str(10**12),
        "unpriced": 0,
        "estimated": 0,
    }
    return Hour(hour=DAY + at, model=model, **{**given, **fields})


def line(day: int, **fields: Any) -> Line:
    given: dict[str, Any] = {
        "model": MODEL,
        "requests": 1,
        "input": 600,
        "cache_read": 0,
        "cache_write": 0,
        "output": 100,
        "cost": 10**12,
    }
    return Line(day=f"2026-01-{day:02}", **{**given, **fields})


def compare(theirs: list[Line], ours: list[Hour], tolerance: float = 0.01, today: str = TODAY) -> Reconciliation:
    return reconcile(Export(lines=tuple(theirs)), ours, tolerance, today)


def causes(found: Reconciliation) -> list[str]:
    return [cause.partition(":")[0] for each in found.lines for cause in each.causes]


def test_equal_books_agree() -> None:
    found = compare([line(1), line(2)], [hour(3), hour(30)])
    assert found.agrees
    assert found.offset_hours == 0
    assert found.total.cost_off == 0
    assert found.causes == ()


def test_models_are_the_same_with_and_without_the_date_of_their_snapshot() -> None:
    assert canonical("Claude Sonnet 4.5") == canonical("claude-sonnet-4-5-20250929") == "claude-sonnet-4-5"
    assert canonical("Claude Haiku 3.5") == canonical("claude-3-5-haiku-20241022")
    assert canonical("openai/gpt-4o-2024-08-06") == canonical("gpt-4o") != canonical("gpt-4o-mini")
    assert compare([line(1, model="gpt-4o-mini")], [hour(3)]).agrees


@given(st.integers(-11, 14), st.integers(0, 10**6))
def test_days_cut_in_another_zone_are_recognised(offset: int, seed: int) -> None:
    rnd = random.Random(seed)
    hours = [hour(at, input=rnd.randint(100, 9000), output=rnd.randint(10, 900)) for at in range(24 * 6)]
    theirs: dict[int, list[Hour]] = {}
    for each in hours:
        theirs.setdefault((each.hour + offset - DAY) // 24 + 1, []).append(each)
    whole = [day for day in theirs if 2 <= day <= 5]
    found = compare(
        [
            line(
                day,
                requests=len(theirs[day]),
                input=sum(each.input for each in theirs[day]),
                output=sum(each.output for each in theirs[day]),
                cost=len(theirs[day]) * 10**12,
            )
            for day in whole
        ],
        hours,
        0.0,
    )
    assert found.offset_hours == offset
    assert found.agrees
    assert (found.causes != ()) == (offset != 0)


def test_calls_that_only_one_side_has_are_named() -> None:
    found = compare([line(1), line(2)], [hour(3), hour(4, model="other")])
    assert causes(found) == ["missing_there", "missing_here"]
    assert not found.agrees


def test_what_is_not_priced_or_is_estimated_explains_what_is_missing() -> None:
    found = compare([line(1, requests=2)], [hour(3, cost="0", unpriced=1), hour(4, estimated=1, input=500)])
    assert causes(found) == ["unpriced", "estimated"]


def test_the_same_tokens_at_another_price_are_a_matter_of_the_price() -> None:
    assert causes(compare([line(1, cost=2 * 10**12)], [hour(3)])) == ["price"]


def test_more_calls_than_went_through_here_are_counted() -> None:
    found = compare([line(1, requests=3, input=1800, output=300)], [hour(3)])
    assert causes(found) == ["calls"]
    assert found.lines[0].tokens_off == 1400


def test_a_day_that_is_not_over_explains_itself() -> None:
    assert causes(compare([line(1, input=5)], [hour(3)], today="2026-01-01")) == ["open_day"]


def test_what_a_side_does_not_say_is_not_compared() -> None:
    costs_only = Line(day="2026-01-01", model=MODEL, cost=10**12)
    assert compare([costs_only], [hour(3)]).agrees
    tokens_only = line(1, cost=None, requests=None)
    assert compare([tokens_only], [hour(3)]).agrees
    no_days = Line(model=MODEL, input=1200, output=200)
    assert compare([no_days], [hour(3), hour(30)]).agrees
    no_models = Line(day="2026-01-01", cost=2 * 10**12)
    assert compare([no_models], [hour(3), hour(4, model="other")]).agrees


@pytest.mark.parametrize(("off", "agrees"), [(CENT, True), (2 * CENT, False)])
def test_a_cent_is_forgiven_because_consoles_round(off: int, agrees: bool) -> None:
    assert compare([line(1, cost=10**12 + off)], [hour(3)], 0.001).agrees == agrees


def test_within_the_tolerance_lines_agree() -> None:
    assert compare([line(1, input=605)], [hour(3)], 0.01).agrees
    assert not compare([line(1, input=620)], [hour(3)], 0.01).agrees


def test_the_total_is_the_sum_of_the_lines() -> None:
    found = compare([line(1), line(2, input=7)], [hour(3), hour(27, model="other")])
    assert found.total.tokens_off == sum(each.tokens_off for each in found.lines)
    assert found.total.cost_off == sum(each.cost_off or 0 for each in found.lines)


def test_bounds_are_wide_enough_for_every_zone() -> None:
    bounds = bounds_of(Export(lines=(line(1), line(2))))
    assert bounds is not None
    first, end = bounds
    assert first <= (DAY - 14) * 3_600_000
    assert end >= (DAY + 48 + 12) * 3_600_000
    assert bounds_of(Export(lines=(Line(model="m", cost=1),))) is None


def test_a_day_of_which_the_export_has_no_row_is_compared_where_it_lies_between_others() -> None:
    found = compare([line(1), line(3)], [hour(3), hour(30), hour(51)])
    assert not found.agrees
    assert found.days == ("2026-01-01", "2026-01-02", "2026-01-03")
    assert [each.day for each in found.lines if not each.agrees] == ["2026-01-02"]
    assert causes(found) == ["missing_there"]


def test_days_that_the_export_calls_idle_are_compared_also_at_its_ends() -> None:
    export = Export(lines=(), idle=("2026-01-01", "2026-01-02"))
    assert bounds_of(export) is not None
    found = reconcile(export, [hour(3), hour(30), hour(80)], 0.01, TODAY)
    assert [(each.day, each.agrees) for each in found.lines] == [("2026-01-01", False), ("2026-01-02", False)]
    assert reconcile(export, [], 0.01, TODAY).agrees


def test_rows_that_could_not_be_read_keep_it_from_agreeing() -> None:
    found = reconcile(Export(lines=(line(1),), unread=("row 3: no",), unread_rows=12), [hour(3)], 0.01, TODAY)
    assert not found.agrees
    assert found.causes == ("unread: 12 rows of the export could not be read, and are not compared.",)


def test_rows_that_stand_twice_are_named_where_sums_differ_and_pages_that_are_missing_always() -> None:
    twice = reconcile(Export(lines=(line(1), line(1)), repeated=1, open=True), [hour(3)], 0.01, TODAY)
    assert [cause.partition(":")[0] for cause in twice.causes] == ["calls", "pages", "repeated"]
    same = reconcile(Export(lines=(line(1), line(1)), repeated=1), [hour(3), hour(4)], 0.01, TODAY)
    assert (same.agrees, same.causes) == (True, ())


# --- service tiers ---


def test_an_export_that_tells_tiers_apart_is_compared_by_them() -> None:
    told = frozenset({"service"})
    theirs = [line(1, tier="flex", told=told, cost=5 * 10**11), line(1, told=told)]
    found = compare(theirs, [hour(3, tier="flex", cost=str(5 * 10**11)), hour(4)])
    assert found.agrees
    assert [(each.tier, each.ours.requests) for each in found.lines] == [("", 1), ("flex", 1)]


def test_only_what_an_export_tells_of_tiers_is_compared() -> None:
    found = compare([line(1)], [hour(3, tier="flex")])
    assert found.agrees
    by_place = compare([line(1, tier="us", told=frozenset({"place"}))], [hour(3, tier="fast+us")])
    assert (by_place.agrees, [each.tier for each in by_place.lines]) == (True, ["us"])


def test_the_same_tokens_in_other_tiers_are_a_matter_of_the_tier() -> None:
    theirs = [line(1, tier="flex", told=frozenset({"service"}), cost=5 * 10**11)]
    assert causes(compare(theirs, [hour(3)])) == ["tier", "tier"]
    assert causes(compare(theirs, [hour(3), hour(4)])) == ["missing_there", "missing_here"]
