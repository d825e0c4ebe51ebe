"""What this worker knows of its targets from the calls under way and the last ones: load, latency, limits, breaker.

It is memory only, belongs to one event loop, and is asked on every call; nothing here waits, and the clock is passed in
(Unix ns). The router reads it to choose (`TargetState.latency`, `.in_flight`, `.load`), `attempts.py` writes it.
"""

from collections.abc import Iterable, Iterator
from math import exp

from trimtab.gateway.policy import DEFAULT, Concurrency
from trimtab.gateway.route import Target
from trimtab.gateway.staying_up.breaker import SET_BACK_NS, Breaker
from trimtab.gateway.staying_up.gate import Gate
from trimtab.gateway.targets import Provider

SECOND = 1_000_000_000
LATENCY_MEMORY_NS = 10 * SECOND
"""How fast latency forgets: after so long without a sample 63 % of it is gone."""
KEPT_SAMPLES = 128
FEW_SAMPLES = 20
"""Below so many samples no quantile is told: it would be chance."""
MAX_TARGETS = 5000
"""Clients may call any model of a provider by its path, so the oldest targets without a call give way."""


class PeakEwma:
    """Peak-sensitive moving average of latency: it jumps up to a worse sample at once and comes down with time.

    ``w = exp(-dt / memory)``; a sample above the average replaces it, one below is mixed in with weight ``1 - w``. So a
    target that turns slow is avoided from its first slow answer on (the load metric of Finagle's peak EWMA balancer).
    """

    __slots__ = ("_at_ns", "_value")

    def __init__(self) -> None:
        self._value = 0.0
        self._at_ns = 0

    def note(self, sample_ns: int, now_ns: int) -> None:
        value, at_ns = self._value, self._at_ns
        self._at_ns = now_ns
        if sample_ns >= value:
            self._value = float(sample_ns)
        elif now_ns > at_ns:  # at the same moment the worse of the two stands
            self._value = sample_ns + (value - sample_ns) * exp((at_ns - now_ns) / LATENCY_MEMORY_NS)

    def at(self, now_ns: int) -> float:
        """ns; without new samples it fades, so that a target once slow is tried again. 0 where nothing is known."""
        since_ns = self._at_ns - now_ns
        return self._value * exp(since_ns / LATENCY_MEMORY_NS) if since_ns < 0 else self._value

    def last(self) -> float:
        """ns, as of the last sample: what people are told, for whom a target that nobody calls has not become fast.
        0 where nothing is known."""
        return self._value


class Still(PeakEwma):
    """The latency of a target over a whole window: the median of its records."""

    __slots__ = ("_median_ns",)

    def __init__(self, median_ns: float) -> None:
        super().__init__()
        self._median_ns = median_ns

    def at(self, now_ns: int) -> float:  # noqa: ARG002  the same at any time
        return self._median_ns


class Recent:
    """The last samples of something, and their quantile."""

    __slots__ = ("_next", "_ordered", "_samples")

    def __init__(self) -> None:
        self._samples: list[int] = []
        self._next = 0
        self._ordered: list[int] | None = None

    def note(self, sample: int) -> None:
        samples = self._samples
        if len(samples) < KEPT_SAMPLES:
            samples.append(sample)
        else:
            at = self._next
            samples[at] = sample
            self._next = at = (at + 1) % KEPT_SAMPLES
            if at & 15:
                return  # of a full ring every sixteenth change is early enough to sort it anew
        self._ordered = None

    def tells(self) -> bool:
        """Whether there are samples enough for a quantile."""
        return len(self._samples) >= FEW_SAMPLES

    def quantile(self, share: float) -> int | None:
        """None below `FEW_SAMPLES` samples."""
        if len(self._samples) < FEW_SAMPLES:
            return None
        if self._ordered is None:
            self._ordered = sorted(self._samples)
        return self._ordered[min(len(self._ordered) - 1, int(share * len(self._ordered)))]


class KeyState:
    """One of a provider's keys, as used for one model: passed over before ``until_ns``, for the reason ``why``, since
    ``since_ns``."""

    __slots__ = ("in_flight", "limits_in_a_row", "refused", "since_ns", "told", "until_ns", "why")

    def __init__(self) -> None:
        self.in_flight = 0
        self.until_ns = self.since_ns = 0
        self.why = ""
        self.limits_in_a_row = 0
        self.refused = False
        self.told = b""
        """The provider's rate-limit headers of its last refusal, as lines."""

    def set_aside(self, until_ns: int, why: str, now_ns: int) -> None:
        self.until_ns = until_ns
        self.since_ns = now_ns
        self.why = why
        self.refused = False

    def aside_until_ns(self, now_ns: int) -> int:
        """When it may be used again, 0 for now. Where the clock was set back meanwhile, the wait goes on from there:
        else it would last until the old time comes again."""
        if self.until_ns <= now_ns:
            return 0
        back_ns = self.since_ns - now_ns
        if back_ns > SET_BACK_NS:
            self.since_ns -= back_ns
            self.until_ns -= back_ns
        return self.until_ns


class TargetState:
    """A model at its provider. ``in_flight``: attempts under way in this worker, relayed streams included.
    ``retry_tokens``: how often it may still be asked again (`resilience.fill_budget`). ``keys`` are in the provider's
    order; ``policy``, ``declared`` and ``target`` are policy, provider and target as this state last saw them,
    ``variants`` its targets with each of several keys."""

    __slots__ = (
        "answered",
        "breaker",
        "declared",
        "failed",
        "gate",
        "hedge_tokens",
        "in_flight",
        "key_names",
        "keys",
        "latency",
        "policy",
        "project",
        "provider",
        "retry_at_ns",
        "retry_tokens",
        "streams",
        "target",
        "upstream",
        "variants",
        "wholes",
    )

    def __init__(self, project: str, provider: str, upstream: str) -> None:
        self.project = project
        self.provider = provider
        self.upstream = upstream
        self.in_flight = 0
        self.answered = 0
        self.failed = 0
        self.policy = DEFAULT
        self.breaker = Breaker()
        self.key_names: tuple[str, ...] = ()
        self.keys: list[KeyState] = [KeyState()]
        self.streams = Recent()
        self.wholes = Recent()
        self.declared: Provider | None = None
        self.target: Target | None = None
        self.variants: dict[Target, tuple[Target, ...]] = {}
        self.retry_tokens = 0.0
        self.hedge_tokens = 1.0
        self.gate: Gate | None = None
        self.retry_at_ns = 0
        self.latency = PeakEwma()
        """Of the time to the first token (to the whole answer where nobody streams)."""

    def note_latency(self, waited_ns: int, now_ns: int, *, stream: bool) -> None:
        """An attempt's first token (of a stream) or whole answer came after ``waited_ns``."""
        if stream:
            self.streams.note(waited_ns)
        else:
            self.wholes.note(waited_ns)
            if self.streams.tells():
                return  # whole answers are another kind of wait: only where no stream tells
        self.latency.note(waited_ns, now_ns)

    def load(self, now_ns: int) -> float:
        """Latency times calls under way: the lower, the sooner a call would be answered here."""
        return self.latency.at(now_ns) * (self.in_flight + 1)

    def limited_until_ns(self, now_ns: int) -> int:
        """When the first of its keys may be used again, if all are set aside; else 0."""
        return min(key.aside_until_ns(now_ns) for key in self.keys)

    def is_well(self, at_ns: int) -> bool:
        """Whether its breaker and one of its keys let a call through. It may be a while ago: see `would_admit`."""
        return self.breaker.would_admit(at_ns) and any(key.until_ns <= at_ns for key in self.keys)


class Live:
    """All targets that were called lately, by project id, provider name and the provider's id of the model. ``states``
    are to be read only: `at` makes one that is not there."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str, str], TargetState] = {}
        self._of_provider: dict[tuple[str, str], dict[str, TargetState]] = {}
        self._gates: dict[tuple[str, str, str], Gate] = {}

    def of(self, project: str, provider: str, upstream: str) -> TargetState:
        """The state of a target, made at its first mention."""
        return self.at((project, provider, upstream))

    def at(self, key: tuple[str, str, str]) -> TargetState:
        """As `of`, by the three together."""
        found = self.states.get(key)
        if found is None:
            if len(self.states) >= MAX_TARGETS:
                self._make_room()
            found = self.states[key] = TargetState(*key)
            self._of_provider.setdefault(key[:2], {})[key[2]] = found
        return found

    def known(self, project: str, provider: str, upstream: str) -> TargetState | None:
        """The state of a target if it was ever called."""
        return self.states.get((project, provider, upstream))

    def of_provider(self, project: str, provider: str) -> Iterable[TargetState]:
        """Every known target of one provider."""
        return self._of_provider.get((project, provider), {}).values()

    def each(self) -> Iterator[tuple[tuple[str, str, str], TargetState]]:
        """Every known target, for metrics and health."""
        return iter(tuple(self.states.items()))

    def gate(self, project: str, provider: str, upstream: str, rules: Concurrency) -> Gate:
        """The gate of a provider (``upstream`` empty), or of one model there that has its own. It takes on changed
        rules."""
        found = self._gates.get((project, provider, upstream))
        if found is None:
            name = f"{provider}/{upstream}" if upstream else f"The provider {provider!r}"
            found = self._gates[project, provider, upstream] = Gate(name, rules)
        found.rules = rules
        return found

    def gates(self) -> Iterator[tuple[tuple[str, str, str], Gate]]:
        return iter(tuple(self._gates.items()))

    def _make_room(self) -> None:
        for key, state in self.states.items():
            if not state.in_flight:
                del self.states[key]
                of_provider = self._of_provider[key[:2]]
                del of_provider[key[2]]
                if not of_provider:
                    del self._of_provider[key[:2]]
                return
