"""Real frameworks with their real instrumentations, sent to a real server: what it makes of their traces.

They run in the environments of the clients that docs/clients is tested with (`scripts/install_clients.py`), in front of
the simulated provider. With ``TRIMTAB_ALL_EMITTERS=1`` only: LlamaIndex and DSPy, which take long to import, CrewAI and
Google's ADK, which bring hundreds of packages.
"""

import json

import pytest
from sections import AGENTS, ALL, ASKED, CLAUDE, FRAMEWORKS, OPENAI, Trace

# The first test waits for all emitters, which take a minute on a slow machine.
pytestmark = pytest.mark.clients


def of_kind(trace: Trace, kind: str) -> list[Trace]:
    return [span for span in trace["spans"] if span["kind"] == kind]


def counted(trace: Trace) -> list[Trace]:
    return [span for span in trace["spans"] if span["tokens"]["total"]]


@pytest.mark.parametrize("name", OPENAI)
def test_a_call_and_a_stream_are_two_llm_spans_with_their_messages(traces: dict[str, Trace], name: str) -> None:
    called, streamed = sorted(of_kind(traces[name], "llm"), key=lambda span: span["started"])
    assert {called["model"], called["model_used"], streamed["model"]} == {"gpt-4o-mini"}
    assert called["provider"] == "openai"
    assert called["stop"] == "tool_calls"
    assert called["app"] == name
    assert called["release"] == "1.2.3"
    asked, answered = called["io"]["input"], called["io"]["output"]
    assert [message["role"] for message in asked] == ["system", "user"]
    assert asked[1]["parts"] == [{"type": "text", "text": ASKED}]
    (call,) = answered[0]["parts"]
    assert (call["type"], call["name"]) == ("tool_call", "get_weather")
    assert json.loads(call["arguments"]).keys() == {"city"}
    assert streamed["io"]["output"][0]["parts"][0]["text"].startswith("You asked: Say hello.")


def test_langfuses_client_tells_its_calls_once_with_session_user_and_tools(traces: dict[str, Trace]) -> None:
    """Sent twice, by Langfuse's own processor and by the application's."""
    trace = traces["langfuse_openai"]
    called, streamed = sorted(of_kind(trace, "llm"), key=lambda span: span["started"])
    assert (trace["tokens"]["input"], trace["tokens"]["output"]) == (24, 18)
    for span in (called, streamed):
        assert (span["session"], span["user"], span["tags"]) == ("session-1", "user-1", ["a", "b"])
    assert [message["role"] for message in called["io"]["input"]] == ["system", "user"]
    assert called["io"]["output"][0]["parts"][0]["name"] == "get_weather"
    assert called["io"]["tools"][0]["name"] == "get_weather"
    assert "max_tokens" not in called["io"]["params"]
    assert (streamed["stream"], streamed["ttft"] > 0) == (True, True)
    assert streamed["io"]["output"][0]["parts"][0]["text"].startswith("You asked: Say hello.")


@pytest.mark.parametrize("name", ["openllmetry_openai", "langsmith_openai"])
def test_parameters_tools_and_streams_of_a_client_are_told(traces: dict[str, Trace], name: str) -> None:
    called, streamed = sorted(of_kind(traces[name], "llm"), key=lambda span: span["started"])
    assert called["io"]["params"]["temperature"] == 0.5
    assert called["io"]["tools"][0]["name"] == "get_weather"
    assert (called["stream"], streamed["stream"]) == (False, True)


def test_opentelemetrys_own_instrumentation_tells_responses_as_calls(traces: dict[str, Trace]) -> None:
    trace = traces["otel_genai_openai"]
    _, streamed, response = sorted(of_kind(trace, "llm"), key=lambda span: span["started"])
    assert (trace["tokens"]["input"], trace["tokens"]["output"]) == (34, 33)
    assert streamed["stream"]
    assert streamed["ttft"] > 0
    assert (response["provider"], response["model"], response["tokens"]["total"]) == ("openai", "gpt-4o-mini", 25)
    assert [message["role"] for message in response["io"]["input"]] == ["system", "user"]
    assert response["io"]["output"][0]["parts"][0]["text"].startswith("You asked: Say hello.")


@pytest.mark.parametrize("name", CLAUDE)
def test_anthropics_client_tells_its_calls_by_itself_and_is_counted_once(traces: dict[str, Trace], name: str) -> None:
    """Once also where OpenTelemetry's instrumentation around it tells them again."""
    trace = traces[name]
    assert (trace["tokens"]["input"], trace["tokens"]["output"]) == (17, 18)
    called, streamed = sorted(counted(trace), key=lambda span: span["started"])
    assert {span["model"] for span in (called, streamed)} == {"claude-haiku-4-5"}
    assert {span["session"] for span in (called, streamed)} == {"session-1"}
    assert (called["provider"], called["stop"], streamed["stream"]) == ("anthropic", "tool_calls", True)
    assert float(trace["cost"]) > 0
    assert [message["role"] for message in called["io"]["input"]] == ["system", "user"]
    assert called["io"]["output"][0]["parts"][0]["name"] == "get_weather"
    assert streamed["io"]["output"][0]["parts"][0]["text"].startswith("You asked: Say hello.")


def test_the_run_of_anthropics_tool_runner_has_its_calls_and_its_tool(traces: dict[str, Trace]) -> None:
    trace = traces["anthropics_runner"]
    assert [span["name"] for span in of_kind(trace, "agent")] == ["anthropic.messages.tool_runner"]
    assert [span["kind"] for span in counted(trace)] == ["llm", "llm"]
    (tool,) = of_kind(trace, "tool")
    given = json.loads(tool["io"]["output"][0]["parts"][0]["text"])
    assert given == [{"type": "text", "text": "It is sunny in tide."}]


@pytest.mark.parametrize("name", [*OPENAI, "vercel_5"])
def test_usage_of_a_trace_is_that_of_its_calls(traces: dict[str, Trace], name: str) -> None:
    # The simulated provider counts the same tokens whoever asks; Vercel's three calls are those and one with a result.
    expected = (51, 26) if name == "vercel_5" else (24, 18)
    assert (traces[name]["tokens"]["input"], traces[name]["tokens"]["output"]) == expected
    assert {span["kind"] for span in counted(traces[name])} == {"llm"}


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_with_a_tool_counts_its_two_calls_once(traces: dict[str, Trace], name: str) -> None:
    trace = traces[name]
    assert (trace["tokens"]["input"], trace["tokens"]["output"]) == (43, 11)
    assert sorted(span["tokens"]["total"] for span in counted(trace)) == [19, 35]
    assert {span["kind"] for span in counted(trace)} == {"llm"}
    assert of_kind(trace, "agent")
    assert all(span["status"] == "ok" for span in trace["spans"])


@pytest.mark.parametrize("name", [*AGENTS, "vercel_5"])
def test_a_tool_has_its_arguments_and_its_result(traces: dict[str, Trace], name: str) -> None:
    (tool,) = of_kind(traces[name], "tool")
    asked, answered = tool["io"]["input"][0]["parts"][0]["text"], tool["io"]["output"][0]["parts"][0]["text"]
    city = asked if name == "langchain" else json.loads(asked)["city"]
    assert answered == f"It is sunny in {city}."


@pytest.mark.parametrize("name", [*AGENTS, "vercel_5"])
def test_a_second_call_shows_the_tools_result_as_a_tools(traces: dict[str, Trace], name: str) -> None:
    last = next(span for span in counted(traces[name]) if span["tokens"]["total"] == 35)
    roles = [message["role"] for message in last["io"]["input"]]
    assert roles == ["system", "user", "assistant", "tool"]
    result = last["io"]["input"][-1]["parts"][0]
    assert result["type"] == "tool_result"
    assert result["parts"][0]["text"].startswith("It is sunny in ")
    assert last["io"]["output"][0]["parts"][0]["text"].startswith("The tool says: It is sunny in ")


def test_two_instrumentations_of_one_call_are_both_shown_and_counted_once(traces: dict[str, Trace]) -> None:
    spans = of_kind(traces["langchain"], "llm")
    assert sorted(span["name"] for span in spans) == ["ChatCompletion", "ChatCompletion", "ChatOpenAI", "ChatOpenAI"]
    assert len(counted(traces["langchain"])) == 2


def test_session_user_tags_and_time_to_the_first_token_are_found(traces: dict[str, Trace]) -> None:
    assert {span["session"] for span in of_kind(traces["langchain"], "agent")} == {"session-1"}
    calls = of_kind(traces["vercel_5"], "llm")
    assert {(call["session"], call["user"], tuple(call["tags"])) for call in calls} == {
        ("session-5", "user-5", ("a", "b"))
    }
    (streamed,) = [call for call in calls if call["stream"]]
    assert streamed["ttft"] > 0
    runs = of_kind(traces["pydantic_ai_5"], "agent")
    assert runs[0]["session"]


@pytest.mark.skipif(not ALL, reason="set TRIMTAB_ALL_EMITTERS=1: they take long to import")
def test_llama_index_and_dspy_are_read(traces: dict[str, Trace]) -> None:
    llama = of_kind(traces["llama_index"], "llm")
    assert len(counted(traces["llama_index"])) == 1
    assert any(span["io"]["input"][0]["role"] == "system" for span in llama)
    assert of_kind(traces["dspy"], "llm")


@pytest.mark.skipif(not ALL, reason="set TRIMTAB_ALL_EMITTERS=1: they bring hundreds of packages")
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_with_a_tool_counts_its_two_calls_once(traces: dict[str, Trace], name: str) -> None:
    trace = traces[name]
    calls = counted(trace)
    assert [span["kind"] for span in calls] == ["llm", "llm"]
    for side in ("input", "output"):
        assert trace["tokens"][side] == sum(call["tokens"][side] for call in calls)
    assert any("forecaster" in span["name"] for span in of_kind(trace, "agent"))
    (tool,) = of_kind(trace, "tool")
    city = json.loads(tool["io"]["input"][0]["parts"][0]["text"])["city"]
    assert f"It is sunny in {city}." in tool["io"]["output"][0]["parts"][0]["text"]
    assert all(span["status"] == "ok" for span in trace["spans"])


@pytest.mark.skipif(not ALL, reason="set TRIMTAB_ALL_EMITTERS=1: they bring hundreds of packages")
@pytest.mark.parametrize("name", ["google_adk_1", "google_adk_2"])
def test_both_schemas_of_adk_show_the_conversation_and_its_session(traces: dict[str, Trace], name: str) -> None:
    calls = [span for span in of_kind(traces[name], "llm") if span["io"]["input"]]
    last = max(calls, key=lambda span: span["started"])
    assert [message["role"] for message in last["io"]["input"]] == ["system", "user", "assistant", "tool"]
    assert {span["session"] for span in of_kind(traces[name], "llm")} == {"session-1"}
    assert {span["model"] for span in calls} == {"gemini-2.5-flash"}
