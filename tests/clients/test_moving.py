"""People who move change an address: their clients as they are, a running server, and the traces they leave."""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pages
import pytest
from live import ADMIN, Live, simulated
from moving import LANGFUSE_NEW, LANGFUSE_OLD, LANGSMITH, PHOENIX
from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from patience import PATIENCE_S
from trimtab.sdk import Client, tracing
from trimtab.sdk.tracing.process import PROCESS

pytestmark = pytest.mark.clients


def key(server: Live) -> str:
    with Client(server.url, ADMIN) as client:
        return client.create_key("moved", "app").secret


def run(python: Path, program: str, server: Live) -> str:
    environment = {**os.environ, "KEY": key(server), "URL": server.url}
    done = subprocess.run([python, "-c", program], env=environment, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


def trace(server: Live, trace_id: str, spans: int, scores: int = 0) -> dict[str, Any]:
    """The trace, once so many spans of it are there, each once and as all that came of it says."""
    end = time.monotonic() + PATIENCE_S
    while True:
        server.settled(PATIENCE_S)
        answer = httpx.get(
            f"{server.url}/api/v1/projects/moved/traces/{trace_id}",
            headers={"authorization": f"Bearer {ADMIN}"},
            timeout=PATIENCE_S,
        )
        found: dict[str, Any] = answer.json()
        there = answer.status_code == 200 and (len(found["spans"]), len(found["scores"])) == (spans, scores)
        if there and found["updating"] is None:
            return found
        assert time.monotonic() < end, found
        time.sleep(0.1)


def by_name(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {span["name"]: span for span in found["spans"]}


def judged(found: dict[str, Any]) -> set[tuple[str, float | None, str, str]]:
    return {(score["name"], score["value"], score["label"], score["target"]) for score in found["scores"]}


@pytest.fixture(scope="session")
def told(moved: Live) -> dict[str, str]:
    """What each program printed; two run at a time."""
    newest, older = pages.installed.PYTHON, pages.installed.OLDER
    programs = {"new": (newest, LANGFUSE_NEW), "old": (older, LANGFUSE_OLD)}
    programs |= {"phoenix": (newest, PHOENIX), "langsmith": (newest, LANGSMITH)}
    with ThreadPoolExecutor(2) as pool:
        runs = {name: pool.submit(run, *program, moved) for name, program in programs.items()}
    return {name: each.result() for name, each in runs.items()}


def test_langfuse_of_today_works_by_its_host(moved: Live, told: dict[str, str]) -> None:
    _new(moved, told["new"])


def test_langfuse_of_yesterday_works_by_its_host(moved: Live, told: dict[str, str]) -> None:
    _old(moved, told["old"])


def test_phoenix_works_by_its_endpoint(moved: Live, told: dict[str, str]) -> None:
    (span,) = trace(moved, told["phoenix"].split()[-1], 1)["spans"]
    assert (span["name"], span["kind"], span["model"], span["tokens"]["input"]) == ("ask", "llm", "m-1", 7)


def test_langsmith_works_by_its_endpoint(moved: Live, told: dict[str, str]) -> None:
    assert "langsmith" in told
    moved.settled(PATIENCE_S)
    (entry,) = [row for row in moved.traces("moved") if row["name"] == "chain"]
    spans = by_name(trace(moved, entry["trace_id"], 2))
    assert (spans["chain"]["kind"], spans["ask"]["kind"]) == ("workflow", "llm")
    assert spans["ask"]["parent_span_id"] == spans["chain"]["span_id"]
    assert spans["ask"]["output_preview"] == "There."


def _new(moved: Live, told: str) -> None:
    trace_id, refusal = told.splitlines()[:2]
    found = trace(moved, trace_id, 3, 2)
    spans = by_name(found)
    top, ask = spans["top"], spans["ask"]
    assert (top["kind"], top["parent_span_id"]) == ("agent", "")
    assert {span["parent_span_id"] for span in (ask, spans["look_up"])} == {top["span_id"]}
    assert (ask["kind"], ask["model"], ask["session"], ask["user"]) == ("llm", "gpt-4o-mini", "s-5", "ada")
    assert (ask["tokens"]["input"], ask["tokens"]["cache_read"], ask["tokens"]["output"]) == (10, 6, 5)
    assert (ask["input_preview"], ask["output_preview"]) == ("Where?", "There.")
    assert judged(found) == {("helpful", 0.75, "", "trace"), ("tone", None, "warm", "span")}
    assert {score["span_id"] for score in found["scores"]} == {"", ask["span_id"]}
    assert found["metadata"]["plan"] == "pro"
    assert refusal.startswith("501 Trimtab does not offer GET /api/public/v2/prompts/greeting")


def _old(moved: Live, told: str) -> None:
    found = trace(moved, told.split()[0].replace("-", ""), 5, 2)
    spans = by_name(found)
    root, ask = spans["chat"], spans["ask"]
    assert (root["parent_span_id"], root["session"], root["user"], root["tags"]) == ("", "s-2", "ada", ["beta"])
    assert spans["look up"]["parent_span_id"] == root["span_id"]
    assert ask["parent_span_id"] == spans["look up"]["span_id"]
    assert (ask["kind"], ask["model"], ask["tokens"]["total"]) == ("llm", "gpt-4o-mini", 15)
    assert (spans["bad"]["status"], spans["bad"]["error_message"]) == ("error", "it broke")
    assert (root["input_preview"], root["output_preview"]) == ("Where?", "There.")
    assert found["metadata"]["plan"] == "pro"
    assert judged(found) == {("helpful", 0.75, "", "trace"), ("tone", None, "warm", "span")}


def exported(server: Live, path: str, headers: dict[str, str], attributes: dict[str, Any]) -> str:
    """One span by OpenTelemetry's real exporter; the id of its trace."""
    provider = TracerProvider(resource=Resource({"openinference.project.name": "old-home"}), shutdown_on_exit=False)
    provider.add_span_processor(
        SimpleSpanProcessor(OTLPSpanExporter(f"{server.url}{path}", headers=headers, timeout=PATIENCE_S))
    )
    with provider.get_tracer("theirs").start_as_current_span("ask", attributes=attributes) as span:
        context = span.get_span_context()
    provider.shutdown()
    return f"{context.trace_id:032x}"


def test_every_vendors_headers_find_their_door(moved: Live) -> None:
    own, bearer = key(moved), {"authorization": f"Bearer {ADMIN}"}
    phoenix = {"openinference.span.kind": "LLM", "llm.model_name": "m-1", "llm.token_count.prompt": 7}
    traces = {
        exported(moved, "/v1/traces", {"api_key": own, "x-phoenix-project-name": "any"}, phoenix): "m-1",
        exported(moved, "/v1/traces", {**bearer, "x-phoenix-project-name": "moved"}, phoenix): "m-1",
        exported(
            moved,
            "/v1/traces",
            {"authorization": f"Bearer {own}", "x-mlflow-experiment-id": "0"},
            {"mlflow.spanType": '"CHAT_MODEL"', "mlflow.llm.model": '"m-2"'},
        ): "m-2",
        exported(
            moved,
            "/otel/v1/traces",
            {"x-api-key": own, "Langsmith-Project": "any"},
            {"langsmith.span.kind": "llm", "gen_ai.request.model": "m-3"},
        ): "m-3",
        exported(moved, "/api/public/otel/v1/traces", {"authorization": f"Bearer {own}"}, phoenix): "m-1",
    }  # fmt: skip
    assert len(traces) == 5
    for trace_id, model in traces.items():
        (span,) = trace(moved, trace_id, 1)["spans"]
        assert (span["name"], span["kind"], span["model"]) == ("ask", "llm", model)


def test_helicones_headers_carry_key_user_session_and_properties_through_the_official_client(
    moved: Live, tmp_path: Path
) -> None:
    with simulated() as upstream:
        with Client(moved.url, ADMIN) as client:
            client.create_provider("moved", "lab", kind="openai", base_url=f"{upstream}/v1", api_key="k")
            client.create_model("moved", "fast", provider="lab", upstream="gpt-4o-mini")
        headers = {"Helicone-Auth": f"Bearer {key(moved)}", "Helicone-User-Id": "ada", "Helicone-Session-Id": "s-9"}
        headers |= {"Helicone-Property-Plan": "pro", "Helicone-Cache-Enabled": "true"}
        theirs = OpenAI(base_url=f"{moved.url}/v1", api_key="sk-of-the-provider", default_headers=headers)
        asked: Any = [{"role": "user", "content": "Say hello."}]
        told = [
            theirs.chat.completions.with_raw_response.create(model="fast", messages=asked, temperature=0)
            for _ in range(2)
        ]
        assert [answer.headers["trimtab-cache"].partition(";")[0] for answer in told] == ["miss", "hit"]
        found = trace(moved, told[0].headers["trimtab-trace-id"], 2)
        assert (found["spans"][0]["user"], found["spans"][0]["session"]) == ("ada", "s-9")
        assert found["metadata"]["plan"] == "pro"
        refused = OpenAI(base_url=f"{moved.url}/v1", api_key="sk-of-the-provider", max_retries=0)
        with pytest.raises(Exception, match="not known here"):
            refused.models.list()
        _traced_through_the_gateway(moved)


def _traced_through_the_gateway(moved: Live) -> None:
    """An application's own spans and the gateway's row of its model call are one trace, and a score is of it."""
    own = key(moved)
    before = PROCESS.put(None)
    tracing.configure(url=moved.url, api_key=own, service="shop", environment="test", release="r7")
    try:
        model = OpenAI(base_url=f"{moved.url}/v1", api_key=own, http_client=tracing.http_client())

        @tracing.trace(kind="agent")
        def answer(question: str) -> str:
            asked: Any = [{"role": "user", "content": question}]
            said = model.chat.completions.create(model="fast", messages=asked)
            tracing.score("helpful", 0.5, source="human")
            return said.choices[0].message.content or ""

        with tracing.span("request", session="s-1", user="bo", tags=["vip"]) as top:
            assert "Say hello" in answer("Say hello.")
        assert tracing.flush(60)
        stats = tracing.stats()
        assert stats is not None
        assert (stats.sent, stats.lost, stats.dropped, stats.waiting) == (3, 0, 0, 0)
    finally:
        mine = PROCESS.put(before)
        if mine is not None:
            mine.close(5)
    found = trace(moved, top.trace_id, 4, 1)
    spans = by_name(found)
    agent, request = spans["answer"], spans["request fast"]
    assert (agent["kind"], agent["session"], agent["user"], agent["tags"]) == ("agent", "s-1", "bo", ["vip"])
    assert (agent["environment"], agent["release"]) == ("test", "r7")
    assert request["parent_span_id"] == agent["span_id"]
    assert (request["session"], request["user"], request["tags"]) == ("s-1", "bo", ["vip"])
    assert found["tokens"]["total"] > 0
    assert [(score["name"], score["value"], score["source"]) for score in found["scores"]] == [("helpful", 0.5, "user")]
