"""Money and steps of time, as people are shown them."""

from decimal import Decimal
from typing import Final

_STEPS_S: Final = (1, 5, 10, 30, 60, 300, 900, 1800, 3600, 10800, 21600, 43200, 86400, 604800, 2592000)
_MOST_BUCKETS: Final = 96


def dollars(picodollars: int | None) -> str | None:
    """A decimal string, exact and without an exponent: ``"0.000125"``."""
    if picodollars is None:
        return None
    text = f"{Decimal(picodollars).scaleb(-12):f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def step_ms(span_ms: int) -> int:
    """The shortest step of a watch or a calendar that cuts a window into at most 96."""
    for step in _STEPS_S:
        if span_ms <= step * 1000 * _MOST_BUCKETS:
            return step * 1000
    return -(-span_ms // _MOST_BUCKETS)
