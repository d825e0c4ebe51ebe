"""How hard the gateway tries, as data: the ``resilience`` of a provider, or of a model, whose own replaces it whole.

Every number has a default that is safe for a provider that nobody has configured.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

FailureClass = Literal["connection", "timeout", "server", "rate_limited", "broken", "key", "absent", "request"]
"""``connection``: not reached, or closed before it answered. ``timeout``: a bound of ours was over. ``server``: 5xx.
``rate_limited``: 429. ``broken``: an answer that is none (cut, garbled, an error inside the stream) before the first
token. ``key``: 401 or 403, the provider refused our key. ``absent``: it has no such model or cannot do what is asked.
``request``: the caller's to mend, never repeated anywhere."""
Times = Annotated[int, Meta(ge=0, le=20)]


class BreakerPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """It opens after ``failures_in_a_row``, or when at least ``failure_rate`` of at least ``min_calls`` attempts within
    ``window_s`` failed. It stays open for ``open_s``, twice as long after each failed probe, at most ``max_open_s``.
    Then up to ``probes`` calls at a time may try, and as many answers close it.

    A failure of an attempt that began before the last answer is not one "in a row": a burst's stalled streams all reach
    their bound together, seconds after the target has answered everything else. It counts in the rate alone."""

    failures_in_a_row: Annotated[int, Meta(ge=1, le=10_000)] = 10
    failure_rate: Annotated[float, Meta(gt=0, le=1)] = 0.6
    min_calls: Annotated[int, Meta(ge=1, le=100_000)] = 40
    window_s: Annotated[float, Meta(ge=1, le=3600)] = 30.0
    open_s: Annotated[float, Meta(ge=0.01, le=3600)] = 1.0
    max_open_s: Annotated[float, Meta(ge=0.01, le=3600)] = 60.0
    probes: Annotated[int, Meta(ge=1, le=100)] = 2


class Retries(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many times one call may ask a target again after each class of failure. ``timeout`` holds for streams only: a
    whole answer that took too long would do so again."""

    connection: Times = 7
    timeout: Times = 3
    server: Times = 7
    rate_limited: Times = 7
    broken: Times = 7


class Hedge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask a second target when the first has not begun to answer after ``after_ms``, or after the 95th percentile of
    its last answers (``after: p95``); the first token wins. At most ``max_extra_ratio`` of calls are asked twice."""

    after_ms: Annotated[float, Meta(ge=1, le=600_000)] | None = None
    after: Literal["p95"] | None = None
    max_extra_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.05


class Concurrency(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most ``limit`` calls at a time per worker process; ``queue`` more may wait, each at most ``max_wait_s``."""

    limit: Annotated[int, Meta(ge=1, le=1_000_000)]
    queue: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
    max_wait_s: Annotated[float, Meta(ge=0, le=3600)] = 30.0


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``attempts`` bounds all attempts of one call. Before asking a target again it waits at random up to
    ``backoff_ms``, doubled each time up to ``max_backoff_ms`` (full jitter). Repeats are paid from a budget that each
    call fills by ``retry_ratio`` and each second by ``retry_per_s``, so that they cannot amplify an outage. A call
    waits for a provider's limit to end if that takes at most ``limit_wait_s``. ``deadline_s`` bounds a whole call."""

    attempts: Annotated[int, Meta(ge=1, le=20)] = 8
    retries: Retries = Retries()
    backoff_ms: Annotated[float, Meta(ge=0, le=60_000)] = 50.0
    max_backoff_ms: Annotated[float, Meta(ge=0, le=600_000)] = 500.0
    retry_ratio: Annotated[float, Meta(ge=0, le=10)] = 1.0
    retry_per_s: Annotated[float, Meta(ge=0, le=10_000)] = 1.0
    limit_wait_s: Annotated[float, Meta(ge=0, le=600)] = 1.0
    deadline_s: Annotated[float, Meta(ge=0.01, le=86_400)] | None = None
    breaker: BreakerPolicy = BreakerPolicy()
    hedge: Hedge | None = None
    concurrency: Concurrency | None = None


DEFAULT = Policy()
