"""One Trimtab forwards to another: what is told there is what was told here, once, whatever had to be sent twice."""

import os
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from live import PLAIN, Live, admin, live, simulated, until
from receivers import Answer, Receiver

from patience import PATIENCE_S

pytestmark = pytest.mark.promise

FROM = """
providers:
  sim: {{dialect: openai_chat, base_url: "{sim}/v1", api_key: "k"}}
models:
  quick:
    provider: sim
    model: gpt-4o-mini?tokens=8
    price: {{input: 1, output: 50}}
forwards:
  central:
    kind: otlp
    url: {to}/v1/traces
    content: full
    quiet_s: 1
    headers: {{authorization: "{key}"}}
"""
ALLOW = {"TRIMTAB_FORWARD_ALLOW": "127.0.0.1"}
TAGS = ["red", "two words"]
ITS_OWN = frozenset(("key_id", "request_id", "http_status", "attempts", "ttft", "price"))
"""What a span says of the server alone that took it, and not of what was done. A price that only we know is `reported`
there; what was paid is the same."""


class Between:
    """A server, another that it forwards to, and what stands between them: it hands on what it gets and says now and
    then that it did not, so that the same comes again."""

    def __init__(self, here: Live, there: Live, doubled: list[int]) -> None:
        self.here = here
        self.there = there
        self.doubled = doubled


@pytest.fixture(scope="module")
def between(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Between]:
    doubled: list[int] = []
    with (
        live(tmp_path_factory.mktemp("there")) as there,
        Relay(f"{there.url}/v1/traces", doubled) as relay,
        simulated() as sim,
    ):
        config = FROM.format(sim=sim, to=relay.url, key=admin()["authorization"])
        with live(tmp_path_factory.mktemp("here"), config, env=ALLOW) as here:
            until(lambda: (here.data / "forwards.json").exists(), PATIENCE_S, here.told)
            yield Between(here, there, doubled)


class Relay(Receiver):
    """Takes what is sent to the other server there, and answers 503 to every second time, after it was taken."""

    def __init__(self, to: str, doubled: list[int]) -> None:
        super().__init__()
        self._to = to
        self._doubled = doubled

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        number = len(self.asked)
        told = {name: headers[name] for name in ("authorization", "content-type", "content-encoding")}
        answer = PLAIN.post(self._to, content=body, headers=told)
        assert answer.status_code == 200, answer.text
        self.asked.append((path, 200))
        if number % 2 == 0:
            self._doubled.append(number)
            return 503, {"retry-after": "0"}
        return 200, {}


def call(server: Live, **more: Any) -> str:
    body = {"model": "quick", "messages": [{"role": "user", "content": "How are you?"}], **more}
    of = {"feature": "shop", "session": "s-1", "user": "ann", "tags": ",".join(TAGS)}
    headers = admin() | {f"trimtab-{name}": value for name, value in of.items()}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, headers=headers, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    return answer.headers["trimtab-trace-id"]


def tell(server: Live, trace_id: str = "", first: int = 1) -> str:
    """A trace of another tool: an agent, its call with tokens, a tool. Or more of one, with numbers from there on."""
    now, trace_id = time.time_ns(), trace_id or os.urandom(16).hex()
    said = {"session.id": "s-2", "user.id": "bob"}
    model = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 200,
    }
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper", "team": "blue"}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
    spans = [
        {
            "traceId": trace_id,
            "spanId": f"{number:016x}",
            "parentSpanId": "" if number == 1 else f"{1:016x}",
            "name": name,
            "startTimeUnixNano": str(now + number),
            "endTimeUnixNano": str(now + number * 1_000_000),
            "attributes": [
                {"key": key, "value": {"intValue": value} if type(value) is int else {"stringValue": value}}
                for key, value in {**said, **own}.items()
            ],
        }
        for number, (name, own) in enumerate((("helper", agent), ("chat", model), ("search", tool)), first)
    ]
    body: dict[str, Any] = {
        "resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "their.tool"}, "spans": spans}]}]
    }
    sent = httpx.post(f"{server.url}/v1/traces", json=body, headers=admin(), timeout=PATIENCE_S)
    assert sent.status_code == 200, sent.text
    return trace_id


def sent(between: Between) -> int:
    """How many closed traces the other has taken, as this one knows it."""
    return between.here.api("/projects/default/forwards/central")["delivered"]


def totals(server: Live) -> dict[str, Any]:
    now = int(time.time() * 1000)
    return server.api("/projects/default/costs", start=now - 3_600_000, end=now + 60_000)["totals"]


def same(span: dict[str, Any]) -> dict[str, Any]:
    """What is said of a span at both ends. A time is told in whole nanoseconds of seconds."""
    told = {name: value for name, value in span.items() if name not in ITS_OWN}
    return told | {"ttft": None if span["ttft"] is None else round(span["ttft"], 3)}


def check_same(between: Between, trace_id: str) -> dict[str, Any]:
    """Every span is there once and says the same; so do the trace's tokens and cost. Gives the trace as it is there."""
    ours, theirs = between.here.trace(trace_id), between.there.trace(trace_id)
    assert len({span["span_id"] for span in theirs["spans"]}) == len(theirs["spans"])
    said, meant = ({span["span_id"]: same(span) for span in found["spans"]} for found in (theirs, ours))
    assert said.keys() == meant.keys()
    differing = [
        (meant[span]["name"], name, value, said[span][name])
        for span in meant
        for name, value in meant[span].items()
        if said[span][name] != value
    ]
    assert not differing
    assert (theirs["tokens"], theirs["cost"], theirs["unpriced"]) == (ours["tokens"], ours["cost"], ours["unpriced"])
    assert theirs["tokens"]["total"] > 0
    assert Decimal(theirs["cost"]) > 0
    assert theirs["metadata"].items() >= ours["metadata"].items()
    return theirs


def test_traces_of_calls_and_of_other_tools_are_there_what_they_are_here_though_they_were_sent_twice(
    between: Between,
) -> None:
    here, there = between.here, between.there
    answered = call(here)
    streamed = call(here, stream=True, stream_options={"include_usage": True})
    foreign = tell(here)
    until(lambda: sent(between) == 3, PATIENCE_S, here.told)
    assert between.doubled, "something was sent again"
    there.settled()
    listed = there.traces()
    assert sorted(row["trace_id"] for row in listed) == sorted((answered, streamed, foreign))
    for trace_id in (answered, streamed):
        check = check_same(between, trace_id)
        request, attempt = sorted(check["spans"], key=lambda span: span["kind"], reverse=True)
        assert (request["kind"], attempt["kind"], attempt["parent_span_id"]) == ("span", "llm", request["span_id"])
        assert (request["session"], request["user"], request["feature"]) == ("s-1", "ann", "shop")
        assert request["tags"] == TAGS
        assert check["metadata"]["trimtab.request_id"].startswith("req_")
        io = there.api(f"/projects/default/traces/{trace_id}/spans/{attempt['span_id']}/io")
        assert "How are you?" in str(io["input"])
        assert io["output"]
    theirs = check_same(between, foreign)
    assert {span["kind"] for span in theirs["spans"]} == {"agent", "llm", "tool"}
    assert {(span["session"], span["user"]) for span in theirs["spans"]} == {("s-2", "bob")}
    assert theirs["metadata"]["team"] == "blue"
    assert totals(there) == totals(here)
    assert totals(there)["calls"] == 3


def test_spans_that_come_late_join_their_trace_there_and_nothing_is_counted_again(between: Between) -> None:
    here, there = between.here, between.there
    before, taken = totals(here)["calls"], sent(between)
    trace_id = tell(here)
    until(lambda: sent(between) == taken + 1, PATIENCE_S, here.told)
    tell(here, trace_id, first=4)
    until(lambda: sent(between) == taken + 2, PATIENCE_S, here.told)
    there.settled()
    assert len(check_same(between, trace_id)["spans"]) == 6
    assert totals(there) == totals(here)
    assert totals(there)["calls"] == before + 2
