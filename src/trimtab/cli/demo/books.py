"""Checking: what the server's own API says of every call that was made. Nothing is taken for granted here."""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from trimtab.cli.demo.calls import Answer
from trimtab.cli.demo.release import Rollback
from trimtab.core.errors import NotFound, Unavailable
from trimtab.sdk import Client
from trimtab.sdk import types as t

WAIT_S = 120.0
POLL_S = 0.2


class Entry(Struct, frozen=True, kw_only=True):
    """One call and its trace, as the API tells it; ``trace`` None where it never came."""

    answer: Answer
    trace: t.Trace | None

    @property
    def span(self) -> t.Span | None:
        """The call's entry span, found by its request id."""
        if self.trace is None:
            return None
        return next(
            (s for s in self.trace.spans if s.request_id == self.answer.request_id and not s.parent_span_id), None
        )

    @property
    def traced(self) -> bool:
        """The trace is there, it is this call's, it says how it ended, and it counted tokens."""
        span = self.span
        return span is not None and span.status == "ok" and self.trace is not None and self.trace.tokens.total > 0

    @property
    def costed(self) -> bool:
        """A cost with a price row behind it, for every part of the call that used tokens."""
        trace = self.trace
        if trace is None or trace.cost is None or trace.unpriced:
            return False
        return any(span.price for span in trace.spans)

    @property
    def fell_back(self) -> bool:
        return self.span is not None and self.span.fallbacks > 0


class Summary(Struct, frozen=True, kw_only=True):
    """What `--json` prints. ``cost`` is US dollars; times are milliseconds as the clients felt them: the median
    and 95th percentile over answered calls; ``ttft_ms`` is the median over streamed ones. None: nothing to measure.
    ``rollback`` is what the second act came to; the other figures are of the first."""

    calls: int
    answered: int
    traced: int
    costed: int
    fallbacks: int
    tokens: int
    cost: float | None
    p50_ms: float | None
    p95_ms: float | None
    ttft_ms: float | None
    rollback: Rollback | None = None

    @property
    def complete(self) -> bool:
        whole = self.calls > 0 and self.calls == self.answered == self.traced == self.costed
        return whole and (self.rollback is None or self.rollback.complete)


def look_up(client: Client, project: str, answers: Sequence[Answer], tell: Callable[[Entry], None]) -> list[Entry]:
    """Every call's trace by its id, waiting (bounded) for those still on their way to the store."""
    deadline = time.monotonic() + WAIT_S
    entries: list[Entry] = []
    for answer in answers:
        entry = Entry(answer=answer, trace=_trace(client, project, answer.trace_id, deadline))
        entries.append(entry)
        tell(entry)
    return entries


def _trace(client: Client, project: str, trace_id: str, deadline: float) -> t.Trace | None:
    if not trace_id:
        return None
    while True:
        try:
            return client.trace(project, trace_id)
        except (NotFound, Unavailable):
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_S)


def listed(client: Client, project: str) -> int:
    """How many traces the list shows: it must agree with the calls that were made."""
    return sum(1 for _ in client.traces(project))


def summarise(entries: Sequence[Entry]) -> Summary:
    answered = [entry.answer for entry in entries if entry.answer.answered]
    took = sorted(answer.took_ms for answer in answered)
    first = sorted(answer.ttft_ms for answer in answered if answer.ttft_ms is not None)
    costs = [Decimal(e.trace.cost) for e in entries if e.trace is not None and e.trace.cost is not None]
    return Summary(
        calls=len(entries),
        answered=len(answered),
        traced=sum(entry.traced for entry in entries),
        costed=sum(entry.costed for entry in entries),
        fallbacks=sum(entry.fell_back for entry in entries),
        tokens=sum(entry.trace.tokens.total for entry in entries if entry.trace is not None),
        cost=float(sum(costs, Decimal())) if costs else None,
        p50_ms=quantile(took, 0.50),
        p95_ms=quantile(took, 0.95),
        ttft_ms=quantile(first, 0.50),
    )


def quantile(ordered: Sequence[float], q: float) -> float | None:
    """The nearest-rank quantile of sorted values, to a tenth; None of none."""
    if not ordered:
        return None
    rank = max(1, -(-int(q * 1000) * len(ordered) // 1000))
    return round(ordered[rank - 1], 1)
