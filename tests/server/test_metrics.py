"""Counting calls in plain numbers first must tell what prometheus_client would have told of each."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.server.counted import LATENCY_BUCKETS_S
from trimtab.server.metrics import Gauges, Metrics
from trimtab.telemetry.records import Attempt, CallRecord

SECOND = 1_000_000_000


def record(seconds: float, **changes: Any) -> CallRecord:
    attempt = Attempt(
        span_id="1",
        provider="mock",
        kind="openai",
        model="m",
        dialect="openai_chat",
        started_ns=0,
        ended_ns=1,
        status=200,
        usage=Usage(input=7, cache_read=2, output=3),
        cost=Cost(amount=1_500_000, price="p"),
    )
    fields: dict[str, Any] = {
        "request_id": "r", "trace_id": "t", "span_id": "s", "project": "p1", "key_id": "k", "front": "openai_chat",
        "model": "fast", "route": "fast", "started_ns": 0, "ended_ns": round(seconds * SECOND), "attempts": (attempt,),
    }  # fmt: skip
    return CallRecord(**{**fields, **changes})


def lines_of(metrics: Metrics, start: str) -> dict[str, float]:
    found = (line.rpartition(" ") for line in metrics.text().decode().splitlines() if line.startswith(start))
    return {name: float(value) for name, _, value in found if "_created" not in name}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(Gauges({}), lambda project: f"slug-{project}")


@given(st.lists(st.sampled_from([0.0, 0.04, 400.0, *LATENCY_BUCKETS_S]), max_size=20))
def test_a_histogram_is_told_what_each_call_would_have_told_it(seconds: list[float]) -> None:
    import prometheus_client as prom

    metrics = Metrics(Gauges({}), lambda project: f"slug-{project}")
    registry = prom.CollectorRegistry()
    plain = prom.Histogram("trimtab_call_seconds", "", ["project"], buckets=LATENCY_BUCKETS_S, registry=registry)
    for value in seconds:
        plain.labels("slug-p1").observe(value)
        metrics.observe(record(value))
    told = lines_of(metrics, "trimtab_call_seconds")
    for line in prom.generate_latest(registry).decode().splitlines():
        if line.startswith("trimtab_call_seconds_") and "_created" not in line:
            name, _, value = line.rpartition(" ")
            assert told[name] == pytest.approx(float(value))


def test_what_was_told_once_is_not_told_again(metrics: Metrics) -> None:
    metrics.observe(record(0.2))
    first = metrics.text()
    assert metrics.text() == first
    metrics.observe(record(0.2, stream=True, first_token_ns=SECOND // 10))
    assert lines_of(metrics, "trimtab_calls_total") == {
        'trimtab_calls_total{model="fast",outcome="answer",project="slug-p1"}': 2
    }
    assert lines_of(metrics, "trimtab_first_token_seconds_count") == {
        'trimtab_first_token_seconds_count{project="slug-p1"}': 1
    }


def test_tokens_and_cost_are_summed_and_an_unknown_price_is_counted_as_such(metrics: Metrics) -> None:
    metrics.observe(record(0.2))
    attempt = record(0.2).attempts[0]
    metrics.observe(record(0.2, attempts=(attempt, replace(attempt, cost=Cost()))))
    tokens = lines_of(metrics, "trimtab_tokens_total")
    of = 'project="slug-p1",provider="mock"'
    assert tokens[f'trimtab_tokens_total{{bucket="input",{of}}}'] == 21
    assert tokens[f'trimtab_tokens_total{{bucket="cache_read",{of}}}'] == 6
    assert tokens[f'trimtab_tokens_total{{bucket="output",{of}}}'] == 9
    assert lines_of(metrics, "trimtab_cost_usd_total") == {f"trimtab_cost_usd_total{{{of}}}": pytest.approx(3e-6)}
    assert lines_of(metrics, "trimtab_unpriced_attempts_total") == {f"trimtab_unpriced_attempts_total{{{of}}}": 1}
