"""Windows: every moment is in one slot, slots follow each other without a gap, and months are those of the zone."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.ledger.windows import SECOND, WINDOWS, Window, check_zone, lasts_ns, leaves_at, slot_at

ZONES = ("UTC", "Europe/Berlin", "America/Havana", "Asia/Kolkata", "Pacific/Apia", "Asia/Beirut")
ROLLING = [window for window in WINDOWS if window.startswith("rolling")]
moments = st.integers(1_200_000_000, 2_000_000_000).map(lambda s: s * SECOND)


def ns(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * SECOND


@given(window=st.sampled_from(WINDOWS), zone=st.sampled_from(ZONES), now=moments)
def test_every_moment_is_in_just_one_slot_and_the_next_begins_where_it_ends(
    window: Window, zone: str, now: int
) -> None:
    slot = slot_at(window, zone, now)
    assert slot.since <= slot.start <= now < slot.end
    assert slot_at(window, zone, slot.start) == slot
    assert slot_at(window, zone, slot.end - 1) == slot
    if window != "none":
        assert slot_at(window, zone, slot.end).start == slot.end


@given(
    window=st.sampled_from([w for w in WINDOWS if w.startswith("rolling")]), now=moments, later=st.integers(0, 10**17)
)
def test_a_rolling_window_counts_at_least_as_long_as_its_name_says(window: Window, now: int, later: int) -> None:
    length = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 30 * 86_400}
    seconds = length[window.removeprefix("rolling_")] * SECOND
    slot, then = slot_at(window, "UTC", now), slot_at(window, "UTC", now + later)
    if later <= seconds:
        assert then.since <= slot.start, "still counted"
    assert (then.since > slot.start) == (now + later >= leaves_at(window, slot))
    assert lasts_ns(window) >= seconds


def test_a_month_begins_at_midnight_of_the_rules_zone() -> None:
    slot = slot_at("month", "Europe/Berlin", ns("2026-03-31T23:30:00"))
    assert slot.start == ns("2026-04-01T00:00:00", "Europe/Berlin")
    assert slot.end == ns("2026-05-01T00:00:00", "Europe/Berlin")


def test_a_day_on_which_clocks_change_is_as_long_as_it_is() -> None:
    slot = slot_at("day", "Europe/Berlin", ns("2026-10-25T12:00:00"))
    assert (slot.end - slot.start) // SECOND == 25 * 3600


def test_a_zone_that_there_is_not_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="time zone"):
        check_zone("Europe/Trimtab")
    with pytest.raises(InvalidRequest):
        check_zone("../../etc/passwd")
