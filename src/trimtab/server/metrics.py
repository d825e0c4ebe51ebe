"""Numbers for Prometheus, in its text format: the calls as they end, and the state of what the server depends on.

With several workers each keeps its counters in files of a shared folder (prometheus_client's multiprocess mode), so
that whichever worker answers ``/metrics`` tells the sum of all.

What a call adds is counted in plain numbers first and poured into prometheus_client's series, which lock at each step,
when somebody asks (with several workers, also `POUR_S` after it was counted: another worker may be asked).
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.server.counted import LATENCY_BUCKETS_S, AttemptSeries, CallSeries, Counted
from trimtab.telemetry.records import CacheNote, CallRecord
from trimtab.telemetry.views import StoreHealth

if TYPE_CHECKING:
    from prometheus_client import Counter

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
        self._followed: list[_Followed] = []
        self._is_due = False
        shared = MULTIPROCESS in os.environ
        self._counted = Counted(self._call, self._attempt, self._note_cache, self._pour_soon if shared else None)
        self.observe: Callable[[CallRecord], None] = self._counted.observe
        """Count one call."""

    def _pour_soon(self) -> None:
        if self._is_due:
            return
        try:
            asyncio.get_running_loop().call_later(POUR_S, self._pour)
        except RuntimeError:  # no loop runs here, so there is no later
            self._pour()
        else:
            self._is_due = True

    def _pour(self) -> None:
        """Add what was counted since the last time to prometheus_client's own series."""
        self._is_due = False
        self._counted.pour()
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

    def _call(self, record: CallRecord, model: str) -> CallSeries:
        known = self._counted.calls
        if len(known) >= MAX_SERIES:
            model = "other"  # a few more series at most: one per project and outcome
            if other := known.get((record.project, model, record.outcome)):
                return other
        slug = self._slug_of(record.project)
        series = CallSeries(
            self._calls.labels(slug, model, record.outcome), self._latency.labels(slug), self._ttft.labels(slug)
        )
        known[record.project, model, record.outcome] = series
        return series

    def _attempt(self, key: tuple[str, str, str, int]) -> AttemptSeries:
        project, provider, outcome, status = self._slug_of(key[0]), *key[1:]
        series = self._counted.attempts[key] = AttemptSeries(
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
