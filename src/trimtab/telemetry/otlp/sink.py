"""What becomes of one body of an OTLP export: records for the spool, and what is refused, as dead letters."""

from collections.abc import Callable, Sized
from typing import Any, Final, NamedTuple

import msgspec

from trimtab.telemetry.foreign.spans import LETTER_BYTES, ForeignBatch, ForeignSpan, RefusedSpan
from trimtab.telemetry.otlp.content_off import without_content
from trimtab.telemetry.otlp.header_secrets import hidden_in
from trimtab.telemetry.otlp.wire import MAX_AROUND, SPAN_BYTES

MAX_SPAN_BYTES: Final = 8 << 20
MAX_PARTS: Final = 100_000
"""Attributes, events and links of one span. Each takes some hundred bytes and microseconds of whoever maps it, and two
bytes of whoever sends it: without a bound one span of 8 MB kept all others from the store for most of a minute."""
REPEATED_FREELY: Final = 1 << 20
REPEATED: Final = 32
"""A request's spans may repeat their resources and scopes to so many bytes, and so many times the bytes of its body
more: else a small body with many tiny spans below a large resource would fill the memory of whoever maps it."""
MAX_LETTERS: Final = 100
"""Of the spans that one request is refused, so many are kept as dead letters; the rest is counted."""

MAX_REASON: Final = 500
"""Characters of what is said of one: it may quote what it is about."""
_WHAT: Final = {"log records": "log_record", "metrics": "metrics", "events": "event"}
"""As dead letters call what is no span (`foreign.spans.REFUSED`)."""
_KEPT_NONE: Final = "; its bytes hold a credential in a header, and are not kept"


class Taken(NamedTuple):
    """What became of a body: records for the spool, how many spans they hold, and those that are refused.

    ``refused`` counts every refused span; ``letters`` keeps the first `MAX_LETTERS`. ``what`` they are called in the
    answer; ``unkept`` are those that are accepted and say nothing that is kept (of logs and metrics).
    """

    records: list[ForeignBatch]
    accepted: int
    refused: int
    letters: list[RefusedSpan]
    what: str = "spans"
    unkept: int = 0

    def message(self) -> str:
        """For people, as ``partial_success`` carries it; empty where nothing is wrong."""
        if not self.refused:
            return ""
        reasons = list(dict.fromkeys(letter.reason for letter in self.letters))
        shown = "; ".join(reasons[:5])
        return f"{self.refused} {self.what} were set aside, see the dead letters: {shown}"


class Origin(NamedTuple):
    """Whose spans they are, with which key they came, and when; ``content`` is false where the project keeps none."""

    project: str
    key_id: str
    arrived_ns: int
    content: bool = True


class Sink:
    """Gathers what becomes of one body of so many bytes; ``what`` it holds are spans, log records, metrics, or a
    vendor's events."""

    def __init__(self, origin: Origin, size: int, what: str = "spans") -> None:
        self.origin = origin
        self.unkept = 0
        self.room = REPEATED_FREELY + REPEATED * size
        self.records: list[ForeignBatch] = []
        self.letters: list[RefusedSpan] = []
        self.accepted = 0
        self.refused = 0
        self._large = size > MAX_SPAN_BYTES
        self._what = what
        self._repeated = 0

    def keep(self, count: int, *, otlp: bytes = b"", spans: tuple[ForeignSpan, ...] = ()) -> None:
        project, key_id, arrived_ns, _ = self.origin
        expands = len(otlp) + self._repeated + count * SPAN_BYTES
        record = ForeignBatch(
            project=project, key_id=key_id, arrived_ns=arrived_ns, otlp=otlp, spans=spans, expands=expands
        )
        self._repeated = 0
        self.records.append(record)
        self.accepted += count

    def surround(self, around: int, spans: int) -> str:
        """So many spans repeat ``around`` bytes: why they cannot be taken, empty where they can."""
        if around > MAX_AROUND:
            return f"its resource and scope are larger than {MAX_AROUND} bytes"
        if around * spans > self.room:
            return "its request repeats large resources for too many spans: send fewer at once, or smaller resources"
        self.room -= around * spans
        self._repeated += around * spans
        return ""

    def too_large(self, written: Callable[[], int]) -> str:
        """Why a span that takes so many bytes cannot be taken; only in a large body is it ``written`` to see."""
        return f"it is larger than {MAX_SPAN_BYTES} bytes" if self._large and written() > MAX_SPAN_BYTES else ""

    def refuse(self, reason: str, *, span: ForeignSpan | None = None, wire: bytes = b"") -> None:
        self.refused += 1
        if len(self.letters) >= MAX_LETTERS:
            return
        project, key_id, arrived_ns, content = self.origin
        if not content:  # bytes that nobody can read may hold anything
            span, wire = None if span is None else without_content(span), b""
        known = b"" if span is None else encoded(span)
        whole = len(known) <= LETTER_BYTES
        shown = b"" if known and whole else hidden_in(wire or known)
        if shown is None:
            shown, reason = b"", f"{reason[: MAX_REASON - len(_KEPT_NONE)]}{_KEPT_NONE}"
        self.letters.append(
            RefusedSpan(
                project=project,
                key_id=key_id,
                arrived_ns=arrived_ns,
                reason=reason[:MAX_REASON],
                span=known if whole else b"",
                wire=shown[:LETTER_BYTES],
                what=_WHAT.get(self._what, ""),
            )
        )

    def taken(self) -> Taken:
        return Taken(self.records, self.accepted, self.refused, self.letters, self._what, self.unkept)


def many(*parts: Sized) -> str:
    """Why a span that has so many attributes, events and links cannot be taken; empty where it can."""
    return f"it has more than {MAX_PARTS} attributes, events and links" if sum(map(len, parts)) > MAX_PARTS else ""


def encoded(value: Any) -> bytes:
    """As JSON, for a dead letter; empty where it cannot be."""
    try:
        return msgspec.json.encode(value)
    except (ValueError, RecursionError):  # deeper than it can be written again
        return b""
