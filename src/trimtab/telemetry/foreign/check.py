"""Whether a foreign span can be taken: it needs ids to be told from others, and a time that can be."""

from typing import Final

from trimtab.telemetry.foreign.spans import ForeignSpan

OLDEST_NS: Final = 946_684_800_000_000_000
"""1 January 2000: a time before it is a clock that was never set."""
AHEAD_NS: Final = 86_400_000_000_000
"""A clock may be ahead of ours by a day."""
SKEW_NS: Final = 3_600_000_000_000
"""A span may end before it starts by an hour of two clocks that disagree: it then lasted for 0."""
_NO_TRACE, _NO_SPAN = bytes(16), bytes(8)


def fault_of(trace_id: bytes, span_id: bytes, start_ns: int, end_ns: int, now_ns: int) -> str:
    """Why a span with these values cannot be taken; empty where it can. A time of 0 is one that was not set: one of the
    two is enough."""
    if (
        OLDEST_NS <= start_ns <= end_ns <= now_ns + AHEAD_NS
        and len(trace_id) == 16
        and len(span_id) == 8
        and trace_id != _NO_TRACE
        and span_id != _NO_SPAN
    ):
        return ""  # nearly always, and then no more is asked
    for what, given, size in (("trace", trace_id, 16), ("span", span_id, 8)):
        if len(given) != size:
            return f"its {what} id is {len(given)} bytes and must be {size}"
        if not any(given):
            return f"its {what} id is all zero"
    began, ended = start_ns or end_ns, end_ns or start_ns
    if not began:
        return "it has neither a start nor an end"
    if began < OLDEST_NS or ended < OLDEST_NS:
        return "its time lies before the year 2000"
    if began > now_ns + AHEAD_NS or ended > now_ns + AHEAD_NS:
        return "its time lies more than a day ahead"
    if ended + SKEW_NS < began:
        return "it ends more than an hour before it starts"
    return ""


def check_span(span: ForeignSpan, now_ns: int) -> str:
    """The same for a span as other doors make it."""
    try:
        trace_id, span_id = bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)
    except ValueError:
        return "its ids are not hex"
    if span.trace_id != trace_id.hex() or span.span_id != span_id.hex():
        return "its ids are not lower-case hex"
    return fault_of(trace_id, span_id, span.start_ns, span.end_ns, now_ns)
