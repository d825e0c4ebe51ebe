"""Dates as people and exports write them, as Unix milliseconds."""

from datetime import UTC, datetime, timedelta

from trimtab.core.errors import InvalidRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(text: str, param: str = "date") -> int:
    """``2026-01-31``, or ISO 8601 with a time; without a zone it is UTC. Raises `InvalidRequest`."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidRequest(
            f"{text[:60]!r} is not a date.", fix="Write 2026-01-31, or 2026-01-31T12:00:00+01:00.", param=param
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return (found - _EPOCH) // timedelta(milliseconds=1)  # whole numbers: a float would lose some milliseconds


def day_of(ms: int) -> str:
    """The UTC day of a moment, ``2026-01-31``."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC).strftime("%Y-%m-%d")
