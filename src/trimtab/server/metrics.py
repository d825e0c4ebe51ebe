"""Numbers for Prometheus, in its text format: the calls as they end, and the state of what the server depends on.

With several workers each keeps its counters in files of a shared folder (prometheus_client's multiprocess mode), so
that whichever worker answers ``/metrics`` tells the sum of all.

What a call adds is counted in plain numbers first and poured into prometheus_client's series, which lock at each step,
when somebody asks (with several workers, also `POUR_S` after it was counted: another worker may be asked).
"""

import asyncio
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trimtab.telemetry.records import Attempt, CacheNote, CallRecord
from trimtab.telemetry.views import StoreHealth

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

LATENCY_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
BUCKETS = ("input", "cache_read", "cache_write", "output", "reasoning")
MAX_SERIES = 2000
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
Counts = Callable[[], Iterable[tuple[tuple[str, ...], int]]]
"""The values of labels, and how much was counted there since this process started."""
POUR_S = 0.25
"""With several workers: how long what one has counted is known to itself only."""


def share_metrics(folder: Path) -> None:
    """Make this process and those it starts count together. Call it before a `Metrics` is made, on an empty folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()
    os.environ[MULTIPROCESS] = str(folder)


class Gauges:
    """Readings taken when somebody asks; each returns a number now."""

    def __init__(self, readings: dict[str, tuple[str, Callable[[], float]]]) -> None:
        self.readings = readings


class Metrics:
    """Counts every record. Series are bounded: past `MAX_SERIES` new label values are counted as ``other``, so that a
    client cannot make series without end by the names it calls. ``slug_of`` gives a project's slug by its id."""

    def __init__(self, gauges: Gauges, slug_of: Callable[[str], str]) -> None:
        import prometheus_client as prom

        self._prom = prom
        self._gauges = gauges
        self._slug_of = slug_of
        self._registry = prom.CollectorRegistry()
        to = self._registry
        self._calls = prom.Counter(
            "trimtab_calls", "Calls by how they ended", ["project", "model", "outcome"], registry=to
        )
        about = "Upstream calls by how they ended"
        self._attempts = prom.Counter("trimtab_attempts", about, ["provider", "outcome", "status"], registry=to)
        about = "Tokens in exclusive buckets"
        self._tokens = prom.Counter("trimtab_tokens", about, ["project", "provider", "bucket"], registry=to)
        self._cost = prom.Counter("trimtab_cost_usd", "Cost in US dollars", ["project", "provider"], registry=to)
        about = "Attempts with usage but no known price"
        self._unpriced = prom.Counter("trimtab_unpriced_attempts", about, ["project", "provider"], registry=to)
        about = "Calls the cache had a say in, by what it did"
        self._cached = prom.Counter("trimtab_cache_calls", about, ["project", "outcome", "mode"], registry=to)
        about = "US dollars that hits and replays did not cost again"
        self._saved = prom.Counter("trimtab_cache_saved_usd", about, ["project"], registry=to)
        bounds = LATENCY_BUCKETS_S
        self._latency = prom.Histogram("trimtab_call_seconds", "Whole calls", ["project"], buckets=bounds, registry=to)
        about = "Start of a stream to its first token"
        self._ttft = prom.Histogram("trimtab_first_token_seconds", about, ["project"], buckets=bounds, registry=to)
        about = "Calls that a limit refused, or that went on over a soft one"
        self._limits = prom.Counter("trimtab_limit_verdicts", about, ["project", "limit", "verdict"], registry=to)
        # Looking a series up by its labels costs more than counting in it, so found ones are kept.
        self._call_series: dict[tuple[str, str, str], _CallSeries] = {}
        self._attempt_series: dict[tuple[str, str, str, int], _AttemptSeries] = {}
        self._followed: list[_Followed] = []
        self._is_shared = MULTIPROCESS in os.environ
        self._is_due = False

    def observe(self, record: CallRecord) -> None:
        """Count one call; about a microsecond."""
        model = record.route or (record.decision[0].model if record.decision else "")
        project, started_ns = record.project, record.started_ns
        call = self._call_series.get((project, model, record.outcome)) or self._call(record, model)
        call.count += 1
        call.latency.observe((record.ended_ns - started_ns) / 1e9)
        if record.first_token_ns and record.stream:
            call.ttft.observe((record.first_token_ns - started_ns) / 1e9)
        if record.cache is not None:
            self._note_cache(project, record.cache)
        for attempt in record.attempts:
            key = (project, attempt.provider, attempt.outcome, attempt.status)
            (self._attempt_series.get(key) or self._attempt(key)).observe(attempt)
        if self._is_shared and not self._is_due:
            self._pour_soon()

    def _pour_soon(self) -> None:
        try:
            asyncio.get_running_loop().call_later(POUR_S, self._pour)
        except RuntimeError:  # no loop runs here, so there is no later
            self._pour()
        else:
            self._is_due = True

    def _pour(self) -> None:
        """Add what was counted since the last time to prometheus_client's own series."""
        self._is_due = False
        for call in self._call_series.values():
            call.pour()
        for attempt in self._attempt_series.values():
            attempt.pour()
        for followed in self._followed:
            followed.pour()

    def follow(self, name: str, about: str, labels: tuple[str, ...], read: Counts) -> None:
        """Tell a count that is kept elsewhere in this process, by its labels: of all workers together."""
        counter = self._prom.Counter(name, about, labels, registry=self._registry)
        self._followed.append(_Followed(counter, read))

    def limit(self, project: str, limit: str, verdict: str) -> None:
        """Count what a limit said of a call: ``refused`` or ``over``. Limits are few, so their names are labels."""
        self._limits.labels(self._slug_of(project), limit, verdict).inc()

    def _note_cache(self, project: str, note: CacheNote) -> None:
        slug = self._slug_of(project)
        self._cached.labels(slug, note.outcome, note.mode).inc()
        if note.saved and note.outcome in ("hit", "replay"):
            self._saved.labels(slug).inc(note.saved / 1e12)

    def _call(self, record: CallRecord, model: str) -> "_CallSeries":
        if len(self._call_series) >= MAX_SERIES:
            model = "other"  # a few more series at most: one per project and outcome
            if known := self._call_series.get((record.project, model, record.outcome)):
                return known
        slug = self._slug_of(record.project)
        series = _CallSeries(
            self._calls.labels(slug, model, record.outcome), self._latency.labels(slug), self._ttft.labels(slug)
        )
        self._call_series[record.project, model, record.outcome] = series
        return series

    def _attempt(self, key: tuple[str, str, str, int]) -> "_AttemptSeries":
        project, provider, outcome, status = self._slug_of(key[0]), *key[1:]
        series = self._attempt_series[key] = _AttemptSeries(
            self._attempts.labels(provider, outcome, str(status)),
            {bucket: self._tokens.labels(project, provider, bucket) for bucket in BUCKETS},
            self._cost.labels(project, provider),
            self._unpriced.labels(project, provider),
        )
        return series

    def text(self) -> bytes:
        """Everything in Prometheus' text format, version 0.0.4."""
        prom = self._prom
        self._pour()
        if MULTIPROCESS in os.environ:
            from prometheus_client import multiprocess

            registry = prom.CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
        else:
            registry = self._registry
        return prom.generate_latest(registry) + self._readings()

    def _readings(self) -> bytes:
        lines: list[str] = []
        for name, (about, read) in self._gauges.readings.items():
            lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge", f"{name} {read():g}"]
        return ("\n".join(lines) + "\n").encode() if lines else b""


class _Samples:
    """What a histogram is to be told, already in its bins. It has no way of its own to take several at once, so that
    its bins are added to directly; the version of prometheus_client is pinned, and a test compares the two."""

    __slots__ = ("_bins", "_histogram", "_sum")

    def __init__(self, histogram: Any) -> None:
        self._histogram = histogram
        self._bins = [0] * (len(LATENCY_BUCKETS_S) + 1)
        self._sum = 0.0

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


class _Followed:
    """``known`` is what each count was when it was poured last. One that is less than that has begun anew, as a queue's
    does under other rules."""

    __slots__ = ("_counter", "_known", "_read")

    def __init__(self, counter: "Counter", read: Counts) -> None:
        self._counter = counter
        self._read = read
        self._known: dict[tuple[str, ...], int] = {}

    def pour(self) -> None:
        for labels, count in self._read():
            before = self._known.get(labels)
            if count != before:
                grown = count - before if before is not None and count > before else count
                self._counter.labels(*labels).inc(grown)
                self._known[labels] = count


class _CallSeries:
    """The series one kind of call is counted in."""

    __slots__ = ("_counter", "count", "latency", "ttft")

    def __init__(self, counter: "Counter", latency: "Histogram", ttft: "Histogram") -> None:
        self._counter = counter
        self.count = 0
        self.latency = _Samples(latency)
        self.ttft = _Samples(ttft)

    def pour(self) -> None:
        if self.count:
            self._counter.inc(self.count)
            self.count = 0
            self.latency.pour()
            self.ttft.pour()


class _AttemptSeries:
    """The series one kind of attempt is counted in; ``cost`` is in picodollars until it is poured."""

    __slots__ = ("_series", "cache_read", "cache_write", "cost", "count", "input", "output", "reasoning", "unpriced")

    def __init__(self, count: "Counter", tokens: dict[str, "Counter"], cost: "Counter", unpriced: "Counter") -> None:
        self._series = {"count": count, **tokens, "cost": cost, "unpriced": unpriced}
        self.count = self.cost = self.unpriced = 0
        self.input = self.cache_read = self.cache_write = self.output = self.reasoning = 0

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


STORE_STATES = ("ok", "starting", "down", "full")


def store_lines(health: StoreHealth) -> bytes:
    """The telemetry store's state as gauges: one series per state, 1 for the one it is in."""
    lines = ["# HELP trimtab_store_state The telemetry store's state", "# TYPE trimtab_store_state gauge"]
    lines += [f'trimtab_store_state{{state="{state}"}} {int(state == health.state)}' for state in STORE_STATES]
    for name, about, value in (
        ("trimtab_store_waiting", "Records on disk that the store does not have yet", health.waiting),
        ("trimtab_store_behind_seconds", "Age of the oldest of them", health.behind_ms / 1000),
        ("trimtab_store_rejected", "Records set aside because they could not be read", health.rejected),
        ("trimtab_store_unmade_traces", "Traces that could not be made anew and are tried again", health.unmade),
        ("trimtab_store_mappers", "Processes that help to map foreign spans in a backlog", health.mappers),
        ("trimtab_store_mappers_lost", "Of those, how many died or hung since the start", health.mappers_lost),
    ):
        lines += [f"# HELP {name} {about}", f"# TYPE {name} gauge", f"{name} {value:g}"]
    return ("\n".join(lines) + "\n").encode()
