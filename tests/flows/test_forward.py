"""Closed traces reach a collector and a webhook that fails now and then, through kill -9 of the server, each once or
again under the same id; what is poison shows on the failed list and can be replayed."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from live import ADMIN, Live, admin, live, simulated, until
from receivers import Answer, Receiver

from patience import PATIENCE_S

pytestmark = pytest.mark.promise

SECRET = "a-secret-of-the-tests-0123456789"
CONFIG = """
providers:
  sim: {{dialect: openai_chat, base_url: "{sim}/v1", api_key: "k"}}
models:
  quick: {{provider: sim, model: "gpt-4o-mini?tokens=8"}}
forwards:
  collector:
    kind: otlp
    url: {to}/v1/traces
    content: full
    quiet_s: 1
    headers: {{authorization: "Bearer their-key"}}
  shop:
    kind: webhook
    url: {to}/hook
    secret: {secret}
    content: previews
    quiet_s: 1
    filter: feature:shop
"""
ALLOW = {"TRIMTAB_FORWARD_ALLOW": "127.0.0.1"}
CALLS = 4


def trimtab(*argv: str, url: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "trimtab.cli.main", *argv, "--json"],
        env={**os.environ, "TRIMTAB_ADMIN_KEY": ADMIN, "TRIMTAB_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def call(server: Live, number: int, feature: str) -> str:
    body = {"model": "quick", "messages": [{"role": "user", "content": f"question {number}"}]}
    headers = {**admin(), "trimtab-feature": feature, "trimtab-session": "s-1"}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    return answer.headers["trimtab-trace-id"]


class Sometimes:
    """The first two requests of each path fail, and one later: as a receiver does that is being deployed."""

    def __init__(self) -> None:
        self.poison: set[str] = set()
        self._asked: Counter[str] = Counter()

    def __call__(self, path: str, number: int) -> Answer:
        if path in self.poison:
            return 422, {}
        self._asked[path] += 1
        failing = self._asked[path] in (1, 2, 5)
        if path == "/v1/traces":
            return (503, {"retry-after": "0"}) if failing else (200, {})
        return (500, {}) if failing else (204, {})


class Shop:
    """A server that forwards, and what it forwards to. ``poison`` are paths that take nothing."""

    def __init__(self, server: Live, receiver: Receiver, poison: set[str]) -> None:
        self.server = server
        self.receiver = receiver
        self.poison = poison


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    sometimes = Sometimes()
    with simulated() as sim, Receiver(sometimes, SECRET) as receiver:
        config = CONFIG.format(sim=sim, to=receiver.url, secret=SECRET)
        with live(tmp_path_factory.mktemp("forward"), config, env=ALLOW) as server:
            until(lambda: (server.data / "forwards.json").exists(), PATIENCE_S, server.told)
            yield Shop(server, receiver, sometimes.poison)


def test_every_trace_arrives_through_failures_and_kill_9(shop: Shop) -> None:
    server, receiver = shop.server, shop.receiver
    traces = [call(server, number, "shop") for number in range(CALLS)]
    until(lambda: bool(receiver.spans) and bool(receiver.events), PATIENCE_S, server.told)
    server.kill()
    server.start()
    traces += [call(server, number, "shop") for number in range(CALLS)]
    others = [call(server, number, "other") for number in range(2)]

    def all_arrived() -> bool:
        spans = {span["trace_id"] for span in receiver.spans}
        events = {event["trace"]["trace_id"] for event in receiver.events}
        return {*traces, *others} <= spans and {*traces} <= events

    until(all_arrived, PATIENCE_S, server.told)
    until(lambda: state(server, "shop")["passed_over"] >= len(others), PATIENCE_S, server.told)
    check_spans(receiver, {*traces, *others})
    check_events(receiver, {*traces})
    told = {each["name"]: each for each in server.api("/projects/default/forwards")["items"]}
    assert told["collector"]["source"] == "config"
    assert "their-key" not in str(told)
    metrics = httpx.get(f"{server.url}/metrics", headers=admin(), timeout=PATIENCE_S).text
    assert 'trimtab_forward_delivered{project="default",destination="collector"}' in metrics
    assert 'trimtab_forward_lag_seconds{project="default",destination="shop"}' in metrics
    assert "Bearer their-key" in {each.get("authorization") for each in receiver.headers}


def test_late_spans_of_a_foreign_trace_follow_and_no_span_goes_twice(shop: Shop) -> None:
    server, receiver = shop.server, shop.receiver
    trace_id, root, child, late = os.urandom(16).hex(), "1" * 16, "2" * 16, "3" * 16

    def arrived(*span_ids: str) -> bool:
        return {span["span_id"] for span in receiver.spans if span["trace_id"] == trace_id} == set(span_ids)

    tell(server, trace_id, (child, root))
    tell(server, trace_id, (root, ""))
    until(lambda: arrived(root, child), PATIENCE_S, server.told)
    tell(server, trace_id, (late, root), (child, root))
    until(lambda: arrived(root, child, late), PATIENCE_S, server.told)
    found = [span["span_id"] for span in receiver.spans if span["trace_id"] == trace_id]
    assert sorted(found) == [root, child, late]


def tell(server: Live, trace_id: str, *spans: tuple[str, str]) -> None:
    """Spans by OTLP, each with its parent."""
    now = time.time_ns()
    listed = [
        {
            "traceId": trace_id,
            "spanId": span_id,
            "parentSpanId": parent,
            "name": f"step {span_id[0]}",
            "kind": 1,
            "startTimeUnixNano": str(now),
            "endTimeUnixNano": str(now + 1000),
        }
        for span_id, parent in spans
    ]
    body: dict[str, Any] = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": listed}]}]}
    answer = httpx.post(f"{server.url}/v1/traces", json=body, headers=admin(), timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text


def state(server: Live, name: str) -> Any:
    return server.api(f"/projects/default/forwards/{name}")


def check_spans(receiver: Receiver, traces: set[str]) -> None:
    """Each trace whole: the request, its attempt below it, usage once, content and cost with it."""
    for trace_id in traces:
        spans = {span["span_id"]: span for span in receiver.spans if span["trace_id"] == trace_id}
        [request] = [span for span in spans.values() if not span["parent_span_id"]]
        [attempt] = [span for span in spans.values() if span["parent_span_id"] == request["span_id"]]
        assert attempt["gen_ai.operation.name"] == "chat"
        assert attempt["gen_ai.response.model"].startswith("gpt-4o-mini")
        assert attempt["gen_ai.usage.output_tokens"] > 0
        assert "gen_ai.usage.output_tokens" not in request
        assert attempt["gen_ai.conversation.id"] == "s-1"
        [said] = json.loads(request["gen_ai.input.messages"])
        assert said["role"] == "user"
        assert said["parts"][0]["content"].startswith("question ")
        assert request["start"] <= attempt["start"] <= attempt["end"] <= request["end"]


def check_events(receiver: Receiver, traces: set[str]) -> None:
    """Only what the filter finds; what came twice came under the same id."""
    assert {event["trace"]["trace_id"] for event in receiver.events} == traces
    assert len({event["id"] for event in receiver.events}) == len(traces)
    for event in receiver.events:
        assert (event["type"], event["project"], event["revision"], event["late"]) == (
            "trace.closed",
            "default",
            1,
            False,
        )
        assert event["trace"]["spans"][0]["input_preview"].startswith("question ")


def test_poison_is_put_aside_and_replayed_and_a_private_address_is_refused(shop: Shop) -> None:
    server, receiver = shop.server, shop.receiver
    add = ("forwards", "add", "hook", "--kind", "webhook", "--secret", SECRET, "--quiet", "1")
    shop.poison.add("/poison")
    trimtab(*add, "--to", f"{receiver.url}/poison", url=server.url)
    trace_id = call(server, 1, "poison")
    until(lambda: state(server, "hook")["failed_now"] == 1, PATIENCE_S, server.told)
    [event] = server.api("/projects/default/forwards/hook/events")["items"]
    assert (event["state"], event["trace_id"], event["status"]) == ("failed", trace_id, 422)
    shop.poison.clear()
    assert trimtab("forwards", "replay", "hook", "--all", url=server.url) == {"events": 1}
    until(lambda: event["id"] in {each["id"] for each in receiver.events}, PATIENCE_S, server.told)
    until(lambda: state(server, "hook")["failed_now"] == 0, PATIENCE_S, server.told)
    body = {"name": "inside", "kind": "otlp", "url": "http://169.254.169.254/latest"}
    refused = httpx.post(
        f"{server.url}/api/v1/projects/default/forwards", json=body, headers=admin(), timeout=PATIENCE_S
    )
    assert refused.status_code == 400
    assert "TRIMTAB_FORWARD_ALLOW" in refused.text
