"""What the doors for people who move have in common: what their vendors' events come to, ids, and fields read from JSON
that anybody may have sent. Pure.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.foreign.check import check_span
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.otlp.sink import MAX_SPAN_BYTES
from trimtab.telemetry.scores.types import Score

MAX_ID: Final = 500
_HEX32 = re.compile(r"[0-9a-f]{32}")
_HEX16 = re.compile(r"[0-9a-f]{16}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Body = dict[str, Any]


class UnfitSpan(InvalidRequest):
    """An event that makes a span which no door takes: a dead letter that can be mended."""

    def __init__(self, span: ForeignSpan, message: str, *, fix: str) -> None:
        super().__init__(message, fix=fix)
        self.span = span


class Unread(NamedTuple):
    """An event that was refused, why, and the span that it makes, where it makes one."""

    event: Any
    why: str
    span: ForeignSpan | None


class Batch:
    """What a batch comes to: ``taken`` are ids of events, ``refused`` ids with the reason, of the events in ``unread``
    in the same order."""

    def __init__(self) -> None:
        self.spans: list[ForeignSpan] = []
        self.scores: list[Score] = []
        self.taken: list[str] = []
        self.refused: list[tuple[str, str]] = []
        self.unread: list[Unread] = []

    def refuse(self, name: str, why: str, event: Any, span: ForeignSpan | None) -> None:
        self.refused.append((name, why))
        self.unread.append(Unread(event, why, span))


def checked(span: ForeignSpan, now_ns: int) -> ForeignSpan:
    """The same as every door asks of a span. Raises `InvalidRequest`."""
    if fault := check_span(span, now_ns):
        raise UnfitSpan(span, f"The span cannot be kept: {fault}.", fix="Correct the clock of what sends it.")
    if _is_large(span):
        raise UnfitSpan(
            span,
            f"The span cannot be kept: it is larger than {MAX_SPAN_BYTES} bytes.",
            fix="Send less of its input, output and metadata.",
        )
    return span


def _is_large(span: ForeignSpan) -> bool:
    """Whether its texts, wherever they stand, take more than `MAX_SPAN_BYTES`."""
    values = [*span.attributes.values(), *(value for event in span.events for value in event.attributes.values())]
    texts = [span.name, span.status_message, *(value for value in values if isinstance(value, str))]
    if sum(map(len, texts)) * _BYTES_OF_ONE <= MAX_SPAN_BYTES:
        return False
    return sum(len(text.encode("utf-8", "replace")) for text in texts) > MAX_SPAN_BYTES


_BYTES_OF_ONE: Final = 4
"""The most that a character takes in UTF-8."""


def trace_id_of(given: str) -> str:
    """A W3C trace id: the given one where it is one (or a UUID), else one that follows from it."""
    lower = given.lower()
    if _UUID.fullmatch(lower):
        lower = lower.replace("-", "")
    return lower if _HEX32.fullmatch(lower) and lower.strip("0") else hashlib.sha256(given.encode()).hexdigest()[:32]


def span_id_of(given: str) -> str:
    lower = given.lower()
    return lower if _HEX16.fullmatch(lower) and lower.strip("0") else hashlib.sha256(given.encode()).hexdigest()[:16]


def an_object(value: Any, what: str) -> Body:
    if not isinstance(value, dict):
        raise InvalidRequest(f"{what} is no object.", fix="Send an object, as its API describes.")
    return cast("Body", value)


def needed(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_ID:
        raise InvalidRequest(f"{name!r} is missing, or is no text of 1 to {MAX_ID} characters.", fix=f"Give {name!r}.")
    return value


def put(attributes: Body, name: str, value: Any, make: Callable[[Any], Any]) -> None:
    if value is not None and (made := make(value)) != "":
        attributes[name] = made


def as_label(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else as_text(value)


def as_text(value: Any) -> str:
    """As the vendors' OpenTelemetry SDKs put it into an attribute: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def put_metadata(attributes: Body, prefix: str, value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in cast("Body", value).items():
            if inner is not None:
                attributes[f"{prefix}.{key}"] = as_text(inner)
    elif value is not None:
        attributes[prefix] = as_text(value)


def time_ns(value: Any, name: str) -> int:
    """An ISO 8601 time as Unix ns, 0 where none is given. Without an offset it is UTC."""
    if value is None or value == "":
        return 0
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidRequest(f"{name!r} is no time: {str(value)[:40]!r}.", fix="Give it as ISO 8601.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
    if not 946_684_800_000_000 <= micros < 9_000_000_000_000_000:
        raise InvalidRequest(f"{name!r} lies before 2000 or far ahead.", fix="Correct the clock.")
    return micros * 1000


_MICROSECOND: Final = datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
