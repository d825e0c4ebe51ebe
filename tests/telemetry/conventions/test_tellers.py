"""OpenLIT, Laminar, Logfire around agents and clients, and what others tell of streams, thoughts, results and failures
that no other emitter tells so. Payloads of our own in the shapes of theirs."""

import json
from typing import Any

import pytest

from trimtab.llm.types import Message, Text, ToolCall, ToolResult, Usage
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.foreign.spans import STATUS_ERROR, ForeignEvent, ForeignSpan

START = 1_700_000_000_000_000_000
CALL = Message("assistant", (ToolCall("1", "f", '{"a":1}'),))


def read(attributes: dict[str, Any], name: str = "", scope: str = "", **more: Any) -> CanonicalSpan:
    at = {"start_ns": START, "end_ns": START + 1_000_000}
    ids = {"trace_id": "a" * 32, "span_id": "b" * 16}
    return canonical(ForeignSpan(**ids, **at, name=name, attributes=attributes, scope_name=scope, **more))


def event(name: str, attributes: dict[str, Any]) -> ForeignEvent:
    return ForeignEvent(name=name, time_ns=START, attributes=attributes)


# --- OpenLIT -------------------------------------------------------------------------------------------------------


def openlit(more: dict[str, Any], client: str = "openai") -> CanonicalSpan:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": client,
        "gen_ai.request.model": "m",
        "gen_ai.server.time_to_first_token": 0.25,
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 14,
    }
    return read(attributes | more, "chat m", f"openlit.instrumentation.{client}")


def test_openlits_first_token_is_one_only_where_the_call_was_streamed() -> None:
    assert openlit({"gen_ai.request.stream": False}).ttft_ns is None
    streamed = openlit({"gen_ai.request.stream": True})
    assert (streamed.ttft_ns, streamed.stream) == (250_000_000, True)


def test_openlits_cost_of_zero_is_no_price() -> None:
    assert openlit({"gen_ai.usage.cost": 0}).cost_reported is None
    assert openlit({"gen_ai.usage.cost": 0.5}).cost_reported == 500_000_000_000


@pytest.mark.parametrize(
    ("client", "used"),
    [
        ("google_ai_studio", Usage(input=20, output=14, reasoning=7)),
        ("openai", Usage(input=20, output=7, reasoning=7)),
    ],
)
def test_openlit_tells_googles_thoughts_beside_the_output_and_others_inside(client: str, used: Usage) -> None:
    assert openlit({"gen_ai.usage.reasoning_tokens": 7}, client).usage == used


def test_an_openlit_call_that_failed_before_it_said_anything_is_a_call_of_the_model_in_its_name() -> None:
    broken = event("exception", {"exception.type": "OverloadedError", "exception.message": "Too busy."})
    found = read(
        {},
        "chat claude-haiku-4-5",
        "openlit.instrumentation.anthropic",
        status_code=STATUS_ERROR,
        status_message="OverloadedError: Too busy.",
        events=(broken,),
    )
    assert (found.kind, found.model, found.convention) == ("llm", "claude-haiku-4-5", "openlit")
    assert (found.status, found.error_type) == ("error", "OverloadedError")
    assert found.error_message == "OverloadedError: Too busy."
    assert read({}, "vectorize", "openlit.instrumentation.chroma").kind == "span"


# --- Laminar -------------------------------------------------------------------------------------------------------


def test_laminars_functions_have_kind_content_session_user_tags_and_metadata() -> None:
    found = read(
        {
            "lmnr.span.type": "TOOL",
            "lmnr.span.path": ["turn", "look_up"],
            "lmnr.span.input": '{"city": "Paris"}',
            "lmnr.span.output": '"sunny"',
            "lmnr.association.properties.session_id": "session-1",
            "lmnr.association.properties.user_id": "user-1",
            "lmnr.association.properties.tags": ["a", "b"],
            "lmnr.association.properties.metadata.team": "shop",
        },
        "look_up",
    )
    assert (found.convention, found.kind, found.tool_name) == ("laminar", "tool", "look_up")
    assert (found.input, found.output) == ({"city": "Paris"}, "sunny")
    assert (found.session, found.user, found.tags, found.metadata) == (
        "session-1",
        "user-1",
        ("a", "b"),
        {"team": "shop"},
    )


@pytest.mark.parametrize(("said", "kind"), [("DEFAULT", "span"), ("EVALUATOR", "evaluator"), ("EXECUTOR", "workflow")])
def test_laminars_kinds(said: str, kind: str) -> None:
    assert read({"lmnr.span.type": said}).kind == kind


def test_laminars_vectors_are_what_opentelemetry_calls_them() -> None:
    assert read({"lmnr.span.type": "LLM", "gen_ai.operation.name": "embeddings"}).kind == "embedding"


# --- Logfire -------------------------------------------------------------------------------------------------------


def agents(template: str, **more: Any) -> CanonicalSpan:
    attributes = {"logfire.msg_template": template, "logfire.span_type": "span", "gen_ai.system": "openai"}
    return read(attributes | more, template, "logfire.openai_agents")


def test_logfires_runs_turns_functions_and_guardrails_of_agents_have_their_kinds() -> None:
    run = agents("Agent run: {name!r}", name="forecaster", **{"logfire.msg": "Agent run: 'forecaster'"})
    assert (run.kind, run.agent_name, run.name) == ("agent", "forecaster", "Agent run: 'forecaster'")
    assert agents("Turn {turn} for agent a").kind == agents("Task: Agent workflow").kind == "workflow"
    assert agents("Guardrail {name!r} {triggered=}").kind == "guardrail"
    assert agents("Handoff: {from_agent} → {to_agent}").kind == "span"
    assert agents("OpenAI Agents trace: {name}", group_id="session-1").session == "session-1"
    assert agents("OpenAI Agents trace: {name}", group_id="null").session == ""


def test_logfires_function_of_an_agent_has_its_arguments_its_result_and_why_it_failed() -> None:
    found = agents("Function: {name}", name="f", input='{"a": 1}', output="sunny")
    assert (found.kind, found.tool_name, found.input, found.output) == ("tool", "f", {"a": 1}, "sunny")
    error = json.dumps({"message": "Error running tool", "data": {"tool_name": "f", "error": "It broke."}})
    failed = agents("Function: {name}", name="f", error=error, **{"logfire.level_num": 17})
    assert (failed.status, failed.error_message) == ("error", "Error running tool: It broke.")


def test_logfires_chat_completion_of_an_agent_keeps_the_answer_apart_and_counts_caches() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    asked = [{"role": "user", "content": "Hello?"}]
    made = [{"role": "assistant", "content": None, "tool_calls": [call]}]
    usage = {"input_tokens": 20, "output_tokens": 9, "total_tokens": 29, "input_tokens_details": {"cached_tokens": 8}}
    found = agents(
        "Chat completion with {gen_ai.request.model!r}",
        input=json.dumps(asked),
        output=json.dumps(made),
        request_data=json.dumps({"messages": [*asked, *made], "model": "m"}),
        usage=json.dumps(usage),
        **{"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 20, "gen_ai.usage.output_tokens": 9},
    )
    assert found.kind == "llm"
    assert found.input_messages == (Message("user", (Text("Hello?"),)),)
    assert found.output_messages == (CALL,)
    assert found.usage == Usage(input=12, cache_read=8, output=9)


def test_logfires_response_of_an_agent_has_answer_stop_id_and_tools() -> None:
    item = {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"a":1}'}
    tool = {"type": "function", "name": "f", "parameters": {"type": "object"}}
    response = {"id": "resp_1", "object": "response", "model": "m-1", "status": "completed", "output": [item]}
    events = [
        {"event.name": "gen_ai.system.message", "role": "system", "content": "Be brief."},
        {"event.name": "gen_ai.user.message", "role": "user", "content": "Hello?"},
        {"event.name": "gen_ai.assistant.message", "role": "assistant", "tool_calls": [item]},
    ]
    found = agents(
        "Responses API with {gen_ai.request.model!r}",
        response=json.dumps({**response, "tools": [tool]}),
        response_id="resp_1",
        events=json.dumps(events),
        **{"gen_ai.request.model": "m", "gen_ai.operation.name": "chat"},
    )
    assert found.input_messages == (Message("system", (Text("Be brief."),)), Message("user", (Text("Hello?"),)))
    assert (found.output_messages, found.stop, found.response_id) == ((CALL,), "tool_calls", "resp_1")
    assert [each.name for each in found.tools_offered] == ["f"]


# --- others --------------------------------------------------------------------------------------------------------


def test_a_stream_of_bedrocks_is_known_by_the_method_of_awss_client() -> None:
    told = {"gen_ai.system": "aws.bedrock", "gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    assert read({**told, "rpc.method": "ConverseStream"}).stream
    assert not read({**told, "rpc.method": "Converse"}).stream
    assert not read({**told, "rpc.method": ["ConverseStream"]}).stream


def test_a_stream_of_groqs_is_known_by_openllmetrys_own_word() -> None:
    told = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    assert read({**told, "gen_ai.is_streaming": True}).stream
    assert not read({**told, "gen_ai.is_streaming": False}).stream


def test_results_of_tools_that_are_told_twice_are_there_once_and_say_which_failed() -> None:
    result = {"toolResult": {"toolUseId": "1", "content": [{"text": "sunny"}], "status": "error"}}
    events = (
        event("gen_ai.user.message", {"body": {"content": [{"text": "Hello?"}]}}),
        event("gen_ai.tool.message", {"body": {"id": "1", "content": [{"text": "sunny"}]}}),
        event("gen_ai.user.message", {"body": {"content": [result]}}),
    )
    found = read({"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}, events=events)
    assert found.input_messages == (
        Message("user", (Text("Hello?"),)),
        Message("tool", (ToolResult("1", (Text("sunny"),), True),)),
    )


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "{'message': 'Error running tool', 'data': {'tool_name': 'f', 'error': 'It broke.'}}",
            "Error running tool: It broke.",
        ),
        ("{'message': 'Guardrail tripped', 'data': None}", "Guardrail tripped"),
        ("Plain words.", "Plain words."),
    ],
)
def test_openllmetrys_failures_of_agents_are_sentences(said: str, shown: str) -> None:
    found = read({"traceloop.span.kind": "tool"}, "f.tool", status_code=STATUS_ERROR, status_message=said)
    assert (found.status, found.error_message) == ("error", shown)


def test_instructions_that_openinference_tells_among_the_parameters_are_a_message() -> None:
    told = {
        "openinference.span.kind": "LLM",
        "llm.invocation_parameters": json.dumps({"max_tokens": 5, "system": "Be brief."}),
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "Hello?",
    }
    found = read(told)
    assert found.input_messages == (Message("system", (Text("Be brief."),)), Message("user", (Text("Hello?"),)))
    assert found.params == {"max_tokens": 5}


def test_what_a_tool_of_langchain_in_javascript_gave_is_shown_without_the_message_around_it() -> None:
    message = {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "ToolMessage"]}
    held = {"output": {**message, "kwargs": {"content": "It is sunny.", "tool_call_id": "1", "status": "success"}}}
    found = read({"openinference.span.kind": "TOOL", "output.value": json.dumps(held)}, "f")
    assert found.output == "It is sunny."
