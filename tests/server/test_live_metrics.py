"""Targets and queues as Prometheus reads them."""

from prometheus_client.parser import text_string_to_metric_families

from trimtab.gateway.apps.assigned import Copy
from trimtab.gateway.call import Call
from trimtab.gateway.policy import Concurrency
from trimtab.gateway.shadow import Shadows
from trimtab.gateway.staying_up.gate import Gate
from trimtab.gateway.staying_up.live import Live
from trimtab.server.live_metrics import follow, live_lines
from trimtab.server.metrics import Gauges, Metrics


def test_breakers_load_and_queues_are_told_in_a_form_that_prometheus_reads() -> None:
    live = Live()
    state = live.of("prj_1", "lab", 'odd "name"\\ of\na model')
    state.in_flight = 3
    for _ in range(state.breaker.policy.failures_in_a_row):
        state.breaker.failed(1)
    gate = live.gate("prj_1", "lab", "", Concurrency(limit=2))
    gate.try_enter()
    server = Gate("This server", Concurrency(limit=10))
    text = live_lines(live, server, lambda _: "default").decode()
    found = {
        (sample.name, sample.labels.get("state", sample.labels.get("of", ""))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["trimtab_target_breaker", "open"] == 1
    assert found["trimtab_target_breaker", "closed"] == 0
    assert found["trimtab_target_in_flight", ""] == 3
    assert found["trimtab_gate_running", "lab"] == 1
    assert found["trimtab_gate_running", "server"] == 0


def told(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_what_targets_queues_and_copies_counted_is_told_once_however_often_it_is_asked_for() -> None:
    async def serve(call: Call, copy: Copy) -> None:
        """No copy is made here."""

    live, server = Live(), Gate("This server", Concurrency(limit=10))
    shadows = Shadows(serve, server, lambda: 0)
    metrics = Metrics(Gauges({}), lambda _: "default")
    follow(metrics, live, server, shadows, lambda _: "default")
    state, gate = live.of("prj_1", "lab", "odd\nname"), live.gate("prj_1", "lab", "", Concurrency(limit=2))
    shadows.made["prj_1"] += 2
    shadows.dropped["prj_1", "budget"] += 3
    gate.shed = 5
    for _ in range(2):
        found = told(metrics)
        assert found["trimtab_shadow_calls_total", "default"] == 2
        assert found["trimtab_shadow_dropped_total", "default", "budget"] == 3
        assert found["trimtab_gate_shed_total", "lab", "default"] == 5
        assert found["trimtab_gate_shed_total", "server", ""] == 0
        assert found["trimtab_target_breaker_openings_total", "odd\nname", "default", "lab"] == 0
    shadows.made["prj_1"] += 1
    gate.shed = 2  # a new one, with other rules
    for _ in range(state.breaker.policy.failures_in_a_row):
        state.breaker.failed(1)
    found = told(metrics)
    assert found["trimtab_shadow_calls_total", "default"] == 3
    assert found["trimtab_gate_shed_total", "lab", "default"] == 7
    assert found["trimtab_target_breaker_openings_total", "odd\nname", "default", "lab"] == 1
