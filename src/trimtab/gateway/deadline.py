"""By when a caller wants its answer.

``trimtab-deadline: 20`` (seconds, also ``1500ms``, ``20s``, ``2m``) bounds the whole call from its arrival, every
attempt, pause and queue included. The vendors' own clients tell how long they wait for bytes (``x-stainless-timeout``
and ``x-stainless-read-timeout``, in seconds): after that nobody reads, so the first byte is due by then and nothing new
is begun later.
"""

from trimtab.core.errors import DeadlineExceeded, InvalidRequest
from trimtab.gateway.call import Call
from trimtab.gateway.staying_up.gate import PRIORITIES
from trimtab.gateway.staying_up.told_limits import duration_s

SECOND = 1_000_000_000
LONGEST_S = 86_400.0


def read_deadlines(call: Call) -> None:
    """Fill in `Call.deadline_ns` and `Call.first_by_ns`. Raises `InvalidRequest` for a deadline that is none."""
    header = call.exchange.header
    told = None if call.exchange.quiet else header(b"trimtab-deadline")
    if told is not None:
        seconds = duration_s(told.decode("latin-1"))
        if seconds is None or not 0 < seconds <= LONGEST_S:
            raise InvalidRequest(
                f"The trimtab-deadline header {told[:40].decode('latin-1')!r} is no time.",
                fix="Send the seconds the whole call may take, for example 'trimtab-deadline: 20' or '1500ms'.",
                code="invalid_deadline",
                param="trimtab-deadline",
            )
        call.deadline_ns = call.first_by_ns = call.started_ns + round(seconds * SECOND)
    told = header(b"x-stainless-timeout") or header(b"x-stainless-read-timeout")
    if told is not None:
        seconds = duration_s(told.decode("latin-1"))
        if seconds:
            by = call.started_ns + round(seconds * SECOND)
            call.first_by_ns = min(call.first_by_ns or by, by)


def read_priority(call: Call) -> None:
    """``trimtab-priority: high``, ``normal`` or ``low``: who goes first where calls have to wait, at most as high as
    the key may. Raises `InvalidRequest` for any other word."""
    assert call.principal is not None
    highest = call.principal.highest_priority
    told = None if call.exchange.quiet else call.exchange.header(b"trimtab-priority")
    if told is not None:
        word = told.decode("latin-1").strip().lower()
        if word not in PRIORITIES:
            raise InvalidRequest(
                f"The trimtab-priority header {word[:40]!r} is no priority.",
                fix="Send high, normal or low, or leave it out for normal.",
                code="invalid_priority",
                param="trimtab-priority",
            )
        call.priority = PRIORITIES.index(word)
    if highest is not None and call.priority < highest:
        call.priority = highest


def bound(call: Call, deadline_s: float | None) -> None:
    """The deadline that a model's or provider's own policy sets, where the caller's is not sooner."""
    if deadline_s is not None:
        by = call.operators_ns = call.started_ns + round(deadline_s * SECOND)
        call.deadline_ns = min(call.deadline_ns or by, by)
        call.first_by_ns = min(call.first_by_ns or by, by)


def is_hung(call: Call, began_ns: int) -> bool:
    """Whether an attempt that ends as the call's time is over, before a word of an answer, speaks against its target:
    the operator's bound ended it, nobody's sooner one, and it had at least half of that."""
    by, start = call.operators_ns, call.started_ns
    if not by or 2 * (began_ns - start) > by - start:
        return False
    return (not call.deadline_ns or call.deadline_ns >= by) and (not call.first_by_ns or call.first_by_ns >= by)


def left_s(call: Call, now_ns: int) -> float | None:
    """Seconds until the first byte is due; None without a deadline, never negative."""
    return None if not call.first_by_ns else max(0.0, (call.first_by_ns - now_ns) / SECOND)


def exceeded(call: Call, last: str = "") -> DeadlineExceeded:
    """``last`` says what had gone wrong until then."""
    waited = ((call.deadline_ns or call.first_by_ns) - call.started_ns) / SECOND
    before = f" Before that: {last}" if last else ""
    return DeadlineExceeded(
        f"No answer came within the {waited:g} s this call was given.{before}",
        fix="Allow more time (trimtab-deadline, or the client's timeout), or call a faster model.",
    )
