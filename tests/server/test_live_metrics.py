"""Targets and queues as Prometheus reads them."""

from prometheus_client.parser import text_string_to_metric_families

from trimtab.gateway.apps.assigned import Copy
from trimtab.gateway.call import Call
from trimtab.gateway.policy import Concurrency
from trimtab.gateway.shadow import Shadows
from trimtab.gateway.staying_up.gate import Gate
from trimtab.gateway.staying_up.live import Live
from trimtab.server.live_metrics import live_lines, shadow_lines


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


def test_copies_of_calls_are_told_by_project_and_why_they_were_not_made() -> None:
    async def serve(call: Call, copy: Copy) -> None:
        """No copy is made here."""

    shadows = Shadows(serve, Gate("This server", Concurrency(limit=10)), lambda: 0)
    shadows.made["prj_1"] += 2
    shadows.dropped["prj_1", "budget"] += 3
    text = shadow_lines(shadows, lambda _: "default").decode()
    found = {
        (sample.name, sample.labels["project"], sample.labels.get("why")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["trimtab_shadow_calls_total", "default", None] == 2
    assert found["trimtab_shadow_dropped_total", "default", "budget"] == 3
