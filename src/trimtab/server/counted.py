"""What the calls add to the numbers of `metrics.py`, as they end. Every call comes here, so that this is compiled
(docs/decisions/0019); prometheus_client's own series get it when somebody asks."""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

from trimtab.telemetry.records import Attempt, CacheNote, CallRecord

LATENCY_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Samples:
    """What a histogram is to be told, already in its bins. It has no way of its own to take several at once, so that
    its bins are added to directly; the version of prometheus_client is pinned, and a test compares the two."""

    def __init__(self, histogram: Any) -> None:
        self._histogram = histogram
        self._bins = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self._sum: float = 0.0

    def observe(self, seconds: float) -> None:
        self._sum += seconds
        self._bins[bisect_left(LATENCY_BUCKETS_S, seconds)] += 1

    def pour(self) -> None:
        bins = self._histogram._buckets  # noqa: SLF001
        for place, count in enumerate(self._bins):
            if count:
                bins[place].inc(count)
                self._bins[place] = 0
        if self._sum:
            self._histogram._sum.inc(self._sum)  # noqa: SLF001
            self._sum = 0.0


class CallSeries:
    """The series one kind of call is counted in: a counter and two histograms of prometheus_client."""

    def __init__(self, counter: Any, latency: Any, ttft: Any) -> None:
        self._counter = counter
        self.count: int = 0
        self.latency = Samples(latency)
        self.ttft = Samples(ttft)

    def pour(self) -> None:
        if self.count:
            self._counter.inc(self.count)
            self.count = 0
            self.latency.pour()
            self.ttft.pour()


class AttemptSeries:
    """The series one kind of attempt is counted in, each a counter of prometheus_client; ``cost`` is in picodollars
    until it is poured."""

    def __init__(self, count: Any, tokens: dict[str, Any], cost: Any, unpriced: Any) -> None:
        self._series: dict[str, Any] = {"count": count, **tokens, "cost": cost, "unpriced": unpriced}
        self.count: int = 0
        self.cost: int = 0
        self.unpriced: int = 0
        self.input: int = 0
        self.cache_read: int = 0
        self.cache_write: int = 0
        self.output: int = 0
        self.reasoning: int = 0

    def observe(self, attempt: Attempt) -> None:
        self.count += 1
        usage = attempt.usage
        if usage is None:
            return
        self.input += usage.input
        self.output += usage.output
        if usage.cache_read or usage.cache_write or usage.reasoning:
            self.cache_read += usage.cache_read
            self.cache_write += usage.cache_write
            self.reasoning += usage.reasoning
        amount = attempt.cost.amount
        if amount is None:
            self.unpriced += 1
        else:
            self.cost += amount

    def pour(self) -> None:
        if not self.count:
            return
        for name, series in self._series.items():
            counted = getattr(self, name)
            if counted:
                series.inc(counted / 1e12 if name == "cost" else counted)
                setattr(self, name, 0)


class Counted:
    """Looking a series up by its labels costs more than counting in it, so found ones are kept. ``find_call`` and
    ``find_attempt`` make what is not there yet, and keep it. ``cached`` is told what the cache had to do with a call.
    ``after`` is done after each, where it is there."""

    def __init__(
        self,
        find_call: Callable[[CallRecord, str], CallSeries],
        find_attempt: Callable[[tuple[str, str, str, int]], AttemptSeries],
        cached: Callable[[str, CacheNote], None],
        after: Callable[[], None] | None,
    ) -> None:
        self.calls: dict[tuple[str, str, str], CallSeries] = {}
        self.attempts: dict[tuple[str, str, str, int], AttemptSeries] = {}
        self._find_call = find_call
        self._find_attempt = find_attempt
        self._cached = cached
        self._after = after

    def observe(self, record: CallRecord) -> None:
        """Count one call; about a microsecond."""
        model = record.route
        if not model and record.decision:
            model = record.decision[0].model
        project, started_ns = record.project, record.started_ns
        call = self.calls.get((project, model, record.outcome)) or self._find_call(record, model)
        call.count += 1
        call.latency.observe((record.ended_ns - started_ns) / 1e9)
        if record.first_token_ns and record.stream:
            call.ttft.observe((record.first_token_ns - started_ns) / 1e9)
        if record.cache is not None:
            self._cached(project, record.cache)
        for attempt in record.attempts:
            key = (project, attempt.provider, attempt.outcome, attempt.status)
            series = self.attempts.get(key) or self._find_attempt(key)
            series.observe(attempt)
        if self._after is not None:
            self._after()

    def pour(self) -> None:
        """Add what was counted since the last time to prometheus_client's own series."""
        for call in self.calls.values():
            call.pour()
        for attempt in self.attempts.values():
            attempt.pour()
