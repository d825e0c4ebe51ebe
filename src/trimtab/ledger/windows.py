"""The stretches of time that limits count over: fixed ones of the calendar, and rolling ones.

A fixed window is one slot: a minute, hour, day, week (from Monday) or month. Minutes and hours are those of UTC; days,
weeks and months begin at midnight of the rule's time zone, so they are an hour shorter or longer where clocks change.

A rolling window is cut into equal slots. What was counted stays until its whole slot has left the window, so the window
is up to one slot longer than its name says: never more than the bound in any stretch of that length, a little less
where the bound is reached. The price of counting each call by its own time would be a row per call.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from trimtab.core.errors import InvalidRequest

Window = Literal[
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "rolling_minute",
    "rolling_hour",
    "rolling_day",
    "rolling_week",
    "rolling_month",
    "none",
]
"""``none`` is for concurrency, which is counted at a moment. ``rolling_month`` is 30 days."""

WINDOWS: tuple[Window, ...] = (
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "rolling_minute",
    "rolling_hour",
    "rolling_day",
    "rolling_week",
    "rolling_month",
    "none",
)

SECOND = 1_000_000_000
FOREVER = 2**62
"""Nanoseconds after 1970 that no clock of ours will show."""

_EVEN = {"minute": 60 * SECOND, "hour": 3600 * SECOND}
_ROLLING: dict[str, tuple[int, int]] = {
    "rolling_minute": (60 * SECOND, 12),
    "rolling_hour": (3600 * SECOND, 20),
    "rolling_day": (86_400 * SECOND, 24),
    "rolling_week": (7 * 86_400 * SECOND, 28),
    "rolling_month": (30 * 86_400 * SECOND, 30),
}
"""Length in nanoseconds, and into how many slots it is cut."""


class Slot(Struct, frozen=True):
    """``[start, end)`` in Unix nanoseconds: what one counter counts. ``since`` is the start of the oldest slot that
    still counts beside it: its own for a fixed window."""

    start: int
    end: int
    since: int


def slot_at(window: Window, zone: str, now_ns: int) -> Slot:
    """The slot that a call at ``now_ns`` falls into."""
    if window == "none":
        return Slot(0, FOREVER, 0)
    if window in _ROLLING:
        length, parts = _ROLLING[window]
        step = length // parts
        start = now_ns - now_ns % step
        return Slot(start, start + step, start - length)
    if window in _EVEN:
        step = _EVEN[window]
        start = now_ns - now_ns % step
        return Slot(start, start + step, start)
    return _calendar(window, zone, now_ns // SECOND)


def leaves_at(window: Window, slot: Slot) -> int:
    """When what was counted in a slot counts no more, Unix nanoseconds."""
    return slot.end + (_ROLLING[window][0] if window in _ROLLING else 0)


def lasts_ns(window: Window) -> int:
    """How long after its start a slot of this window still counts, at the least; 0 for ``none``."""
    if window in _ROLLING:
        length, parts = _ROLLING[window]
        return length + length // parts
    days = {"day": 1, "week": 7, "month": 31}
    return _EVEN[window] if window in _EVEN else days.get(window, 0) * 86_400 * SECOND


def check_zone(zone: str) -> None:
    """Raises `InvalidRequest` for a time zone that this machine does not know."""
    try:
        _zone(zone)
    except (ValueError, OSError, LookupError):
        raise InvalidRequest(
            f"There is no time zone {zone[:80]!r} on this machine.",
            fix="Use a name such as 'UTC' or 'Europe/Berlin'; a slim image may first need the package 'tzdata'.",
            param="timezone",
        ) from None


@lru_cache(maxsize=256)
def _calendar(window: Window, zone: str, now_s: int) -> Slot:
    local = datetime.fromtimestamp(now_s, tz=_zone(zone))
    midnight = datetime(local.year, local.month, local.day, tzinfo=local.tzinfo)
    if window == "day":
        first, following = midnight, midnight + timedelta(days=1)
    elif window == "week":
        first = midnight - timedelta(days=midnight.weekday())
        following = first + timedelta(days=7)
    else:
        first = midnight.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
    start = int(first.timestamp()) * SECOND
    return Slot(start, int(following.timestamp()) * SECOND, start)


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)
