"""LangSmith's SDKs and LangChain's tracer as they are, without OpenTelemetry: their run API is taken here."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pages
import pytest
from live import ADMIN, Live
from moving_langsmith import CHAINED, TRACED
from test_moving import by_name, judged, key, run, trace

from patience import PATIENCE_S

pytestmark = pytest.mark.clients


@pytest.fixture(scope="session")
def sent(moved: Live) -> dict[str, str]:
    """What each program printed; both run at a time."""
    with ThreadPoolExecutor(2) as pool:
        programs = {"traced": TRACED, "chained": CHAINED}
        runs = {name: pool.submit(run, pages.installed.NEWEST, each, moved) for name, each in programs.items()}
    return {name: each.result() for name, each in runs.items()}


def test_traceable_functions_are_spans_and_feedback_is_a_score(moved: Live, sent: dict[str, str]) -> None:
    found = trace(moved, sent["traced"].split()[0].replace("-", ""), 4, 1)
    spans = by_name(found)
    top, chain, ask, tool = (spans[name] for name in ("top", "chain", "ask", "look_up"))
    assert (top["parent_span_id"], chain["parent_span_id"]) == ("", top["span_id"])
    assert {ask["parent_span_id"], tool["parent_span_id"]} == {chain["span_id"]}
    assert [span["kind"] for span in (top, chain, ask, tool)] == ["workflow", "workflow", "llm", "tool"]
    assert (ask["model"], ask["provider"], ask["stop"]) == ("gpt-4o-mini", "openai", "stop")
    assert [ask["tokens"][name] for name in ("input", "cache_read", "output")] == [4, 6, 5]
    assert (ask["input_preview"], ask["output_preview"]) == ("Where?", "There.")
    assert (tool["status"], tool["error_message"]) == ("error", "ValueError('it broke')")
    assert (chain["session"], chain["tags"], chain["output_preview"]) == ("s-5", ["beta"], "There.")
    assert (found["metadata"]["plan"], found["tokens"]["total"]) == ("pro", 15)
    assert found["metadata"]["attachment.photo"] == "image/png, 3 bytes, not kept"
    assert judged(found) == {("helpful", 0.75, "", "span")}
    assert found["scores"][0]["span_id"] == chain["span_id"]


def test_runs_one_at_a_time_and_feedback_without_a_trace(moved: Live, sent: dict[str, str]) -> None:
    _, run_id, refusal = sent["traced"].split("\n", 2)
    found = trace(moved, run_id, 1, 1)
    [alone] = found["spans"]
    assert (alone["name"], alone["input_preview"], alone["output_preview"]) == ("alone", '{"q":1}', '{"a":2}')
    assert [(score["name"], score["label"], score["source"]) for score in found["scores"]] == [("tone", "warm", "llm")]
    assert "Trimtab does not offer GET /runs/" in refusal


def test_langchains_tracer_is_read_as_it_was_asked(moved: Live, sent: dict[str, str]) -> None:
    invoked, streamed = (each.replace("-", "") for each in sent["chained"].split())
    found = trace(moved, invoked, 5, 1)
    spans = by_name(found)
    top, model, tool = spans["RunnableSequence"], spans["Model"], spans["find"]
    assert (top["kind"], top["user"], top["session"], top["tags"]) == ("workflow", "ada", "t-1", ["beta"])
    assert (model["parent_span_id"], tool["parent_span_id"]) == (top["span_id"], spans["RunnableLambda"]["span_id"])
    assert (model["kind"], model["model"], model["model_used"]) == ("llm", "gpt-4o-mini", "gpt-4o-mini-2024-07-18")
    assert (model["provider"], model["stop"], model["output_preview"]) == ("openai", "length", "There.")
    tokens = {name: found["tokens"][name] for name in ("input", "cache_read", "output", "reasoning", "total")}
    assert tokens == {"input": 4, "cache_read": 6, "output": 3, "reasoning": 2, "total": 15}
    assert (tool["kind"], tool["input_preview"]) == ("tool", '{"word":"There."}')
    assert {score["name"] for score in found["scores"]} == {"truncated"}  # our detector's, of why it ended
    said = _io(moved, invoked, model["span_id"])
    assert [message["role"] for message in said["input"]] == ["system", "user"]
    [answer] = trace(moved, streamed, 1)["spans"]
    assert (answer["stream"], answer["output_preview"]) == (True, "It is over there.")
    assert 0 < answer["ttft"] <= answer["duration"]


def test_javascripts_calls_streams_tools_and_errors_are_read(moved: Live) -> None:
    argv = [str(pages.installed.node_folder() / "node"), str(Path(__file__).with_name("moving_langsmith.mjs"))]
    environment = {**os.environ, "KEY": key(moved), "URL": moved.url, "NODE_HOME": str(pages.installed.NODE_HOME)}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    found = trace(moved, done.stdout.replace("-", ""), 5, 1)
    spans = by_name(found)
    top, tool, failed = spans["app"], spans["look_up"], spans["fail"]
    called, streamed = sorted(
        (span for span in found["spans"] if span["kind"] == "llm"), key=lambda span: span["stream"]
    )
    assert {span["parent_span_id"] for span in (tool, failed, called, streamed)} == {top["span_id"]}
    assert (top["session"], top["user"], top["tags"], top["kind"]) == ("s-6", "ada", ["beta"], "workflow")
    for span in (called, streamed):
        assert [span["tokens"][name] for name in ("input", "cache_read", "output")] == [10, 6, 3]
        assert (span["provider"], span["model"], span["session"]) == ("openai", "gpt-4o-mini", "s-6")
        assert span["model_used"] == "gpt-4o-mini-2024-07-18"
    assert (called["stop"], called["stream"], called["ttft"]) == ("tool_calls", False, None)
    assert (streamed["stop"], streamed["output_preview"], streamed["ttft"] >= 0) == ("stop", "There.", True)
    said = _io(moved, found["trace_id"], called["span_id"])
    assert [message["role"] for message in said["input"]] == ["system", "user"]
    assert (said["output"][0]["parts"][0]["name"], said["tools"][0]["name"]) == ("look_up", "look_up")
    assert (tool["kind"], tool["input_preview"], tool["output_preview"]) == ("tool", '{"word":"x"}', "x is there.")
    assert (failed["status"], failed["error_message"]) == ("error", "TypeError: it broke")
    assert judged(found) == {("helpful", 1.0, "", "trace")}


def _io(server: Live, trace_id: str, span_id: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{server.url}/api/v1/projects/moved/traces/{trace_id}/spans/{span_id}/io",
        headers={"authorization": f"Bearer {ADMIN}"},
        timeout=PATIENCE_S,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()
