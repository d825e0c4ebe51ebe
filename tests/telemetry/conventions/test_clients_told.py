"""What emitters that patch clients and LangChain tell of calls and tools: payloads as their newest versions sent."""

import json
from typing import Any

import pytest

from trimtab.llm.types import Message, Text, ToolCall, ToolResult, Usage
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.foreign.spans import ForeignEvent, ForeignSpan

START = 1_700_000_000_000_000_000
ASKED = (Message("system", (Text("Be brief."),)), Message("user", (Text("Say hello."),)))
OFFER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
}
SAID = {"content": "It is sunny.", "type": "tool", "name": "get_weather", "tool_call_id": "call_1", "status": "success"}
SERIALISED = {"lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "ToolMessage"], "kwargs": SAID}
ANSWER = {
    "id": "resp_1",
    "object": "response",
    "model": "gpt-4o-mini-2024",
    "status": "completed",
    "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello!"}]}],
    "usage": {"input_tokens": 10, "output_tokens": 15, "total_tokens": 25},
}
REQUEST = {"model": "gpt-4o-mini", "input": "Say hello.", "instructions": "Be brief.", "temperature": 0.5}


def read(attributes: dict[str, Any], events: tuple[ForeignEvent, ...] = (), scope: str = "") -> CanonicalSpan:
    span = ForeignSpan(
        trace_id="a" * 32, span_id="b" * 16, name="step", start_ns=START, end_ns=START + 9_000_000,
        attributes=attributes, events=events, scope_name=scope,
    )  # fmt: skip
    return canonical(span)


def of_mlflow(kind: str, given: Any, made: Any, **more: Any) -> dict[str, Any]:
    said = {"mlflow.spanType": kind, "mlflow.spanInputs": given, "mlflow.spanOutputs": made, **more}
    return {name: json.dumps(value) for name, value in said.items()}


def of_langsmith(kind: str, given: Any, made: Any, **more: Any) -> dict[str, Any]:
    operation = {"llm": "chat", "tool": "execute_tool", "retriever": "embeddings", "prompt": "chat"}[kind]
    said = {"langsmith.span.kind": kind, "gen_ai.operation.name": operation, "gen_ai.system": "openai"}
    return {**said, "gen_ai.prompt": json.dumps(given), "gen_ai.completion": json.dumps(made), **more}


@pytest.mark.parametrize("attributes", [of_mlflow("CHAT_MODEL", REQUEST, ANSWER), of_langsmith("llm", REQUEST, ANSWER)])
def test_a_call_of_responses_that_is_told_whole_has_its_messages(attributes: dict[str, Any]) -> None:
    found = read(attributes)
    assert (found.kind, found.model, found.model_used) == ("llm", "gpt-4o-mini", "gpt-4o-mini-2024")
    assert found.input_messages == ASKED
    assert found.output_messages == (Message("assistant", (Text("Hello!"),)),)
    assert (found.stop, found.response_id, found.params["temperature"]) == ("stop", "resp_1", 0.5)
    assert found.input is None
    assert found.output is None


@pytest.mark.parametrize(
    ("more", "stop"),
    [
        ({"output": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}, "tool_calls"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
    ],
)
def test_why_responses_ended_is_read(more: dict[str, Any], stop: str) -> None:
    assert read(of_mlflow("CHAT_MODEL", REQUEST, {**ANSWER, **more})).stop == stop


def test_mlflows_chat_and_claudes_have_their_stops_tools_parameters_and_stream() -> None:
    asked: dict[str, Any] = {
        "model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi?"}], "tools": [OFFER], "stream": True,
        "temperature": 0.5,
    }  # fmt: skip
    made = {"id": "c1", "model": "gpt-4o-mini", "choices": [
        {"finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}]}}]}  # fmt: skip
    pieces = (ForeignEvent("mlflow.chunk.item.0", START + 3), ForeignEvent("mlflow.chunk.item.1", START + 5))
    found = read(of_mlflow("CHAT_MODEL", asked, made), pieces)
    assert (found.stop, found.stream, found.ttft_ns, found.params) == ("tool_calls", True, 3, {"temperature": 0.5})
    assert [tool.name for tool in found.tools_offered] == ["get_weather"]
    assert found.output_messages == (Message("assistant", (ToolCall("1", "get_weather", "{}"),)),)
    claude = {"model": "claude-haiku-4-5", "max_tokens": 9, "system": "Be brief.", "messages": [
        {"role": "user", "content": "Say hello."}]}  # fmt: skip
    made = {"id": "m1", "type": "message", "role": "assistant", "model": "claude-haiku-4-5",
            "stop_reason": "max_tokens", "content": [{"type": "text", "text": "Hel"}]}  # fmt: skip
    found = read(of_mlflow("CHAT_MODEL", claude, made))
    assert (found.input_messages, found.stop) == (ASKED, "length")
    assert found.output_messages == (Message("assistant", (Text("Hel"),)),)


def test_mlflows_vectors_count_and_are_not_shown() -> None:
    made = {"object": "list", "data": [{"embedding": [0.1] * 1536}], "model": "m-1", "usage": {"prompt_tokens": 7}}
    found = read(of_mlflow("EMBEDDING", {"model": "m", "input": ["tide"]}, made))
    assert (found.kind, found.model, found.model_used, found.usage) == ("embedding", "m", "m-1", Usage(input=7))
    assert (found.input, found.output) == (["tide"], None)


def test_mlflow_tells_sessions_and_users_of_langchain_and_tags_of_traces() -> None:
    said = {"session_id": "s", "thread_id": "t", "user_id": "u", "langgraph_node": "model", "ls_provider": "openai"}
    found = read({**of_mlflow("CHAIN", {}, {}, metadata=said), "mlflow.traceTag.team": "tide"})
    assert (found.session, found.user, found.node) == ("s", "u", "model")
    assert (found.metadata["team"], found.metadata["ls_provider"]) == ("tide", "openai")


def test_langsmiths_kind_is_believed_where_it_calls_the_operation_another() -> None:
    documents = {"output": [{"page_content": "tide table", "type": "Document", "metadata": {"source": "x"}}]}
    found = read(of_langsmith("retriever", {"q": "tide"}, documents))
    assert found.kind == "retriever"
    assert [(each.content, each.metadata) for each in found.documents] == [("tide table", {"source": "x"})]
    assert read(of_langsmith("prompt", {"q": "tide"}, {"output": "x"})).kind == "workflow"


def test_what_is_no_call_has_no_provider_in_langsmiths_spans() -> None:
    system = {"gen_ai.system": "langchain"}
    assert read({**of_langsmith("tool", {"city": "Paris"}, {"output": 1}), **system}).provider == ""
    assert read({**of_langsmith("llm", REQUEST, ANSWER), **system}).provider == "langchain"


def test_a_client_that_langsmith_wraps_tells_tools_parameters_and_stream() -> None:
    asked: dict[str, Any] = {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hi?"}],
        "tools": [OFFER],
        "top_p": 0.5,
    }
    made = {"id": "c1", "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "Hi."}}]}
    found = read({**of_langsmith("llm", asked, made), "langsmith.request.streaming": True})
    assert (found.stream, found.stop, found.params) == (True, "stop", {"top_p": 0.5})
    assert [tool.name for tool in found.tools_offered] == ["get_weather"]
    assert found.output_messages == (Message("assistant", (Text("Hi."),)),)


@pytest.mark.parametrize(
    "attributes",
    [
        of_mlflow("TOOL", {"city": "Paris"}, SAID),
        of_langsmith("tool", {"city": "Paris"}, {"output": SAID}),
        {
            "langfuse.observation.type": "tool",
            "langfuse.observation.input": '{"city": "Paris"}',
            "langfuse.observation.output": json.dumps(SAID),
        },
        {
            "traceloop.span.kind": "tool",
            "traceloop.entity.input": json.dumps({"inputs": {"city": "Paris"}}),
            "traceloop.entity.output": json.dumps({"output": SERIALISED, "kwargs": {"name": "get_weather"}}),
        },
    ],
)
def test_what_a_tool_of_langchain_said_is_shown_without_the_message_around_it(attributes: dict[str, Any]) -> None:
    found = read(attributes)
    assert (found.kind, found.input, found.output) == ("tool", {"city": "Paris"}, "It is sunny.")


def test_a_tool_that_answers_something_of_its_own_is_shown_as_it_answered() -> None:
    own = {"type": "tool", "content": "a hammer"}
    assert read(of_mlflow("TOOL", {}, own)).output == own
    assert read(of_mlflow("TOOL", {}, {"output": [1], "kwargs": 2, "more": 3})).output["more"] == 3


def test_tools_that_langfuses_handler_puts_behind_the_messages_are_those_offered() -> None:
    said: list[dict[str, Any]] = [
        {"role": "user", "content": "Say hello."},
        {"role": "assistant", "content": "", "tool_calls": [{"name": "get_weather", "args": {}, "id": "1"}]},
        {"role": "tool", "content": "sunny", "tool_call_id": "1"},
        {"role": "tool", "content": OFFER},
        {"role": "tool", "content": OFFER},
    ]
    attributes = {
        "langfuse.observation.type": "generation",
        "langfuse.observation.input": json.dumps(said),
        "langfuse.observation.model.parameters": json.dumps({"temperature": 1, "max_tokens": "Infinity"}),
    }
    found = read(attributes)
    assert [message.role for message in found.input_messages] == ["user", "assistant", "tool"]
    assert found.input_messages[-1].parts == (ToolResult("1", (Text("sunny"),)),)
    assert [tool.name for tool in found.tools_offered] == ["get_weather", "get_weather"]
    assert found.params == {"temperature": 1}


def test_traceloop_tells_streams_by_a_newer_name_and_their_first_piece_by_an_event() -> None:
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.is_streaming": True}
    pieces = (
        ForeignEvent("gen_ai.content.completion.chunk", START + 4),
        ForeignEvent("gen_ai.content.completion.chunk", START + 8),
    )
    found = read(attributes, pieces, scope="opentelemetry.instrumentation.openai.v1")
    assert (found.stream, found.ttft_ns) == (True, 4)
    attributes["gen_ai.is_streaming"] = False
    assert read(attributes, scope="opentelemetry.instrumentation.openai.v1").stream is False


def test_what_langsmiths_javascript_tells_reads_as_what_its_python_does() -> None:
    """Payloads as its 0.12 sent them: what is no object stands under a name, LangChain's message under another."""
    tool = {"langsmith.span.kind": "tool"}
    plain = read({**tool, "gen_ai.completion": json.dumps({"outputs": "It is sunny."})}, scope="langsmith-runs")
    inner = {"status": "success", "content": "It is sunny.", "tool_call_id": "call_1"}
    said = {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "ToolMessage"], "kwargs": inner}
    message = read({**tool, "gen_ai.completion": json.dumps({"output": said})}, scope="langsmith-runs")
    assert plain.output == message.output == "It is sunny."
    kept = read({**tool, "gen_ai.completion": json.dumps({"output": {"a": 1}})}, scope="langsmith-runs")
    assert kept.output == {"output": {"a": 1}}


def test_an_agent_of_langchain_and_why_vercels_answer_ended_are_told_by_langsmith() -> None:
    about = {"langsmith.metadata.ls_integration": "langchain_create_agent"}
    about["langsmith.metadata.lc_agent_name"] = "forecaster"
    run = read({"langsmith.span.kind": "chain", **about}, scope="langsmith-runs")
    assert (run.kind, run.agent_name) == ("agent", "forecaster")
    node = read({"langsmith.span.kind": "chain", "langsmith.metadata.langgraph_node": "tools", **about})
    assert node.kind == "workflow"
    for told in ({"unified": "tool-calls", "raw": "tool_calls"}, "tool-calls"):
        answer = {"content": [{"type": "text", "text": "Hi."}], "finishReason": told}
        call = read({"langsmith.span.kind": "llm", "gen_ai.completion": json.dumps(answer)}, scope="langsmith-runs")
        assert call.stop == "tool_calls"
