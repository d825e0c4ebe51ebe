"""Frameworks that bring their own names: Genkit, Agenta, Google ADK, LiveKit, MCP, Flue. Payloads after their code."""

import json
from typing import Any

import pytest

from trimtab.llm.types import Image, Message, Reasoning, Text, ToolCall, ToolResult, Usage
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.foreign.spans import ForeignEvent, ForeignSpan

START = 1_700_000_000_000_000_000
ASKED = (Message("system", (Text("Be brief."),)), Message("user", (Text("Hello?"),)))
ANSWER = (Message("assistant", (Text("Hi."),)),)
CALL = Message("assistant", (ToolCall("1", "f", '{"a":1}'),))
RESULT = Message("tool", (ToolResult("1", (Text("sunny"),)),))


def read(attributes: dict[str, Any], name: str = "", scope: str = "", **more: Any) -> CanonicalSpan:
    return canonical(
        ForeignSpan(
            trace_id="a" * 32,
            span_id="b" * 16,
            name=name,
            start_ns=START,
            end_ns=START + 1_000_000,
            attributes=attributes,
            scope_name=scope,
            **more,
        )
    )


# --- Genkit --------------------------------------------------------------------------------------------------------


def genkit(subtype: str, given: Any = None, made: Any = None, **more: Any) -> CanonicalSpan:
    attributes: dict[str, Any] = {
        "genkit:name": "googleai/gemini-2.5-flash",
        "genkit:path": "/{chatFlow,t:flow}/{x,t:action}",
        "genkit:type": "action",
        "genkit:metadata:subtype": subtype,
        "genkit:state": "success",
    }
    if given is not None:
        attributes["genkit:input"] = json.dumps(given)
    if made is not None:
        attributes["genkit:output"] = json.dumps(made)
    return read({**attributes, **more}, name=attributes["genkit:name"], scope="genkit-tracer")


def test_a_genkit_model_has_messages_tools_parameters_and_exclusive_usage() -> None:
    found = genkit(
        "model",
        {
            "messages": [
                {"role": "system", "content": [{"text": "Be brief."}]},
                {"role": "user", "content": [{"text": "Hello?"}]},
                {"role": "model", "content": [{"toolRequest": {"name": "f", "ref": "1", "input": {"a": 1}}}]},
                {"role": "tool", "content": [{"toolResponse": {"name": "f", "ref": "1", "output": "sunny"}}]},
            ],
            "config": {"temperature": 0.5},
            "tools": [{"name": "f", "description": "A tool.", "inputSchema": {"type": "object"}}],
        },
        {
            "message": {"role": "model", "content": [{"reasoning": "hm"}, {"text": "Hi."}]},
            "finishReason": "stop",
            "usage": {
                "inputTokens": 100, "outputTokens": 20, "thoughtsTokens": 30, "cachedContentTokens": 60,
                "totalTokens": 150,
            },
        },
    )  # fmt: skip
    assert (found.kind, found.model, found.provider, found.stop) == ("llm", "gemini-2.5-flash", "google", "stop")
    assert found.input_messages == (*ASKED, CALL, RESULT)
    assert found.output_messages == (Message("assistant", (Reasoning(text="hm"), Text("Hi."))),)
    assert found.tools_offered[0].name == "f"
    assert found.params == {"temperature": 0.5}
    assert found.usage == Usage(input=40, cache_read=60, output=20, reasoning=30)
    assert (found.convention, found.aggregated) == ("genkit", False)


def test_a_picture_for_a_genkit_model_is_an_image_and_candidates_of_old_are_read() -> None:
    media = {"media": {"url": "data:image/png;base64,QUJD", "contentType": "image/png"}}
    found = genkit(
        "model",
        {"messages": [{"role": "user", "content": [media]}]},
        {"candidates": [{"message": {"role": "model", "content": [{"text": "Hi."}]}, "finishReason": "length"}]},
    )
    assert found.input_messages == (Message("user", (Image(data="QUJD", media_type="image/png"),)),)
    assert (found.output_messages, found.stop) == (ANSWER, "length")


@pytest.mark.parametrize(
    ("subtype", "kind"),
    [
        ("embedder", "embedding"), ("retriever", "retriever"), ("reranker", "reranker"), ("tool", "tool"),
        ("tool.v2", "tool"), ("flow", "workflow"), ("prompt", "workflow"), ("agent", "agent"),
        ("evaluator", "evaluator"), ("background-model", "llm"), ("indexer", "span"),
    ],
)  # fmt: skip
def test_a_genkit_action_has_the_kind_of_its_subtype(subtype: str, kind: str) -> None:
    assert genkit(subtype).kind == kind


def test_what_a_genkit_tool_of_the_second_kind_gave_is_shown_without_its_envelope() -> None:
    assert genkit("tool.v2", {"city": "Paris"}, {"output": "sunny"}).output == "sunny"
    assert genkit("tool.v2", {"city": "Paris"}, {"output": "sunny", "content": []}).output["content"] == []


def test_a_genkit_retriever_has_its_query_and_documents() -> None:
    found = genkit(
        "retriever",
        {"query": {"content": [{"text": "parcel"}]}, "options": {"k": 1}},
        {"documents": [{"content": [{"text": "It is late."}], "metadata": {"id": "d", "score": 0.5}}]},
    )
    assert (found.kind, found.input) == ("retriever", "parcel")
    assert [(each.id, each.content, each.score) for each in found.documents] == [("d", "It is late.", 0.5)]


def test_a_genkit_step_that_failed_says_so_and_its_metadata_is_kept() -> None:
    found = genkit(
        "tool", {"city": "Paris"}, **{"genkit:state": "error", "genkit:error": "no such city", "genkit:metadata:k": "v"}
    )
    assert (found.status, found.error_message, found.tool_name) == (
        "error",
        "no such city",
        "googleai/gemini-2.5-flash",
    )
    assert (found.input, found.metadata["k"]) == ({"city": "Paris"}, "v")


# --- Agenta --------------------------------------------------------------------------------------------------------


def test_an_agenta_call_is_read_from_names_that_lists_were_flattened_into() -> None:
    found = read(
        {
            "ag.type.node": "chat",
            "ag.data.inputs.prompt.0.role": "system",
            "ag.data.inputs.prompt.0.content": "Be brief.",
            "ag.data.inputs.prompt.1.role": "user",
            "ag.data.inputs.prompt.1.content": "Hello?",
            "ag.data.outputs.completion.role": "assistant",
            "ag.data.outputs.completion.content": "Hi.",
            "ag.meta.configuration.model": "gpt-4o",
            "ag.meta.configuration.temperature": 0.5,
            "ag.metrics.unit.tokens.prompt": 100.0,
            "ag.metrics.unit.tokens.completion": 20.0,
            "ag.metrics.unit.tokens.total": 120.0,
            "ag.metrics.unit.tokens.cache_read": 60.0,
            "ag.metrics.unit.costs.total": 0.25,
            "ag.session.id": "s",
            "ag.user.id": "u",
            "ag.refs.application.slug": "greeter",
            "ag.refs.variant.version": "3",
            "ag.refs.environment.slug": "staging",
        }
    )
    assert (found.kind, found.model, found.convention) == ("llm", "gpt-4o", "agenta")
    assert (found.input_messages, found.output_messages) == (ASKED, ANSWER)
    assert found.usage == Usage(input=40, cache_read=60, output=20)
    assert found.cost_reported == 250_000_000_000
    assert (found.session, found.user, found.environment) == ("s", "u", "staging")
    assert (found.prompt_name, found.prompt_version) == ("greeter", "3")
    assert found.params == {"temperature": 0.5}


def test_an_agenta_tool_has_values_behind_their_mark_and_a_workflow_repeats_usage() -> None:
    tool = read({"ag.type.node": "tool", "ag.data.inputs": '@ag.type=json:{"city": "Paris"}', "ag.data.outputs": "x"})
    assert (tool.kind, tool.input, tool.output) == ("tool", {"city": "Paris"}, "x")
    flow = read({"ag.type.node": "workflow", "ag.metrics.tokens.incremental.prompt": 10})
    assert (flow.kind, flow.aggregated) == ("workflow", True)


# --- Google ADK ----------------------------------------------------------------------------------------------------

ADK = "gcp.vertex.agent"


def test_an_adk_call_of_the_older_schema_is_read_from_its_request_and_response() -> None:
    request: dict[str, Any] = {
        "model": "gemini-2.5-flash",
        "config": {
            "system_instruction": "Be brief.",
            "tools": [{"function_declarations": [{"name": "f", "description": "A tool.", "parameters": {}}]}],
        },
        "contents": [
            {"role": "user", "parts": [{"text": "Hello?"}]},
            {"role": "model", "parts": [{"function_call": {"id": "1", "name": "f", "args": {"a": 1}}}]},
            {"role": "user", "parts": [{"function_response": {"id": "1", "name": "f", "response": "sunny"}}]},
        ],
    }
    response: dict[str, Any] = {
        "content": {"role": "model", "parts": [{"text": "hm", "thought": True}, {"text": "Hi."}]},
        "finish_reason": "STOP",
        "usage_metadata": {
            "prompt_token_count": 100, "candidates_token_count": 20, "thoughts_token_count": 30,
            "total_token_count": 150, "cached_content_token_count": 60,
        },
    }  # fmt: skip
    found = read(
        {
            "gen_ai.system": ADK,
            "gen_ai.request.model": "gemini-2.5-flash",
            "gcp.vertex.agent.session_id": "s",
            "gcp.vertex.agent.invocation_id": "i",
            "gcp.vertex.agent.llm_request": json.dumps(request),
            "gcp.vertex.agent.llm_response": json.dumps(response),
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 20,
            "gen_ai.usage.experimental.reasoning_tokens": 30,
        },
        name="call_llm",
        scope=ADK,
    )
    assert (found.kind, found.model, found.provider, found.stop) == ("llm", "gemini-2.5-flash", "gcp.gemini", "stop")
    assert found.input_messages == (*ASKED, CALL, RESULT)
    assert found.output_messages == (Message("assistant", (Reasoning(text="hm"), Text("Hi."))),)
    assert [tool.name for tool in found.tools_offered] == ["f"]
    assert found.usage == Usage(input=40, cache_read=60, output=20, reasoning=30)
    assert (found.session, found.metadata["invocation_id"], found.convention) == ("s", "i", "google_adk")


def test_an_adk_tool_has_its_arguments_and_result_and_no_id_that_is_none() -> None:
    found = read(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "get_weather",
            "gen_ai.tool.call.id": "<not specified>",
            "gcp.vertex.agent.llm_request": "{}",
            "gcp.vertex.agent.llm_response": "{}",
            "gcp.vertex.agent.tool_call_args": '{"city": "Paris"}',
            "gcp.vertex.agent.tool_response": '{"result": "sunny"}',
        },
        name="execute_tool get_weather",
        scope=ADK,
    )
    assert (found.kind, found.tool_name, found.tool_call_id) == ("tool", "get_weather", "")
    assert (found.input, found.output) == ({"city": "Paris"}, {"result": "sunny"})


def test_an_adk_model_by_way_of_litellm_is_its_vendors() -> None:
    found = read({"gen_ai.system": ADK, "gen_ai.request.model": "openai/gpt-4o"}, name="call_llm", scope=ADK)
    assert (found.kind, found.provider, found.model) == ("llm", "openai", "gpt-4o")


def test_an_adk_invocation_is_a_workflow_and_its_agent_runs_are_agents() -> None:
    assert read({}, name="invocation", scope=ADK).kind == "workflow"
    run = read({}, name="agent_run [forecaster]", scope=ADK)
    assert (run.kind, run.agent_name) == ("agent", "forecaster")


# --- LiveKit -------------------------------------------------------------------------------------------------------

TALK = {
    "items": [
        {"type": "message", "role": "system", "content": ["Be brief."]},
        {"type": "message", "role": "user", "content": ["Hello?"]},
        {"type": "function_call", "id": "item/fnc_0", "call_id": "1", "name": "f", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "1", "output": "sunny", "is_error": False},
    ]
}


@pytest.mark.parametrize("marked", ["lk.pii.", "lk."])
def test_a_livekit_turn_of_the_model_has_its_conversation_whatever_its_names(marked: str) -> None:
    found = read(
        {
            f"{marked}chat_ctx": json.dumps(TALK),
            f"{marked}response.text": "Hi.",
            f"{marked}response.function_calls": [json.dumps({"call_id": "1", "name": "f", "arguments": '{"a":1}'})],
            f"{marked}room_name": "room",
            "lk.response.ttft": 0.25,
        },
        name="llm_node",
        scope="livekit-agents",
    )
    assert (found.kind, found.session, found.ttft_ns) == ("workflow", "room", 250_000_000)
    assert found.input_messages == (*ASKED, CALL, RESULT)
    assert found.output_messages == (Message("assistant", (Text("Hi."), ToolCall("1", "f", '{"a":1}'))),)


def test_a_livekit_call_of_the_provider_counts_and_the_node_around_it_does_not() -> None:
    usage = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20, "gen_ai.usage.input_cached_tokens": 60}
    call = read({"gen_ai.request.model": "gpt-4o", **usage}, name="llm_request", scope="livekit-agents")
    assert (call.kind, call.usage, call.aggregated) == ("llm", Usage(input=40, cache_read=60, output=20), False)
    node = read(usage, name="llm_node", scope="livekit-agents")
    assert (node.kind, node.aggregated) == ("workflow", True)


def test_a_livekit_tool_has_arguments_result_and_its_failure() -> None:
    found = read(
        {
            "lk.function_tool.id": "1",
            "lk.function_tool.name": "f",
            "lk.pii.function_tool.arguments": '{"a": 1}',
            "lk.pii.function_tool.output": "no",
            "lk.function_tool.is_error": True,
            "lk.speech_id": "speech",
        },
        name="function_tool",
        scope="livekit-agents",
    )
    assert (found.kind, found.tool_name, found.tool_call_id, found.status) == ("tool", "f", "1", "error")
    assert (found.input, found.output, found.metadata["speech_id"]) == ({"a": 1}, "no", "speech")


def test_what_a_livekit_user_said_is_the_input_of_the_agents_turn() -> None:
    found = read(
        {"lk.pii.user_input": "Hello?", "lk.pii.response.text": "Hi.", "lk.agent_label": "main"},
        name="agent_turn",
        scope="livekit-agents",
    )
    assert (found.kind, found.agent_name, found.input) == ("agent", "main", "Hello?")
    assert found.output_messages == ANSWER


# --- MCP -----------------------------------------------------------------------------------------------------------


def test_a_call_over_mcp_is_a_tool_on_the_clients_and_on_the_servers_side() -> None:
    client = read(
        {"mcp.method.name": "tools/call", "jsonrpc.request.id": "7"}, name="tools/call f", scope="mcp-python-sdk"
    )
    assert (client.kind, client.tool_name, client.operation, client.convention) == ("tool", "f", "tools/call", "mcp")
    assert client.metadata["jsonrpc.request.id"] == "7"
    server = read(
        {
            "mcp.method.name": "tools/call",
            "mcp.protocol.version": "2025-11-25",
            "mcp.session.id": "s",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "f",
            "mcp.request.argument": '{"a": 1}',
            "mcp.response.value": "sunny",
        },
        name="tools/call f",
    )
    assert (server.kind, server.tool_name, server.session) == ("tool", "f", "s")
    assert (server.input, server.output) == ({"a": 1}, "sunny")
    assert server.metadata["mcp.protocol.version"] == "2025-11-25"


def test_the_rest_of_mcp_are_spans_that_say_which_method_they_are() -> None:
    found = read({"mcp.method.name": "resources/read", "mcp.resource.uri": "file:///a"}, name="resources/read")
    assert (found.kind, found.operation) == ("span", "resources/read")
    assert found.metadata["mcp.resource.uri"] == "file:///a"


# --- Flue ----------------------------------------------------------------------------------------------------------


def test_a_flue_turn_of_before_the_messages_had_a_standard_is_read() -> None:
    asked = {
        "systemPrompt": "Be brief.",
        "messages": [
            {"role": "user", "content": "Hello?"},
            {"role": "assistant", "content": [{"type": "toolCall", "id": "1", "name": "f", "arguments": {"a": 1}}]},
            {"role": "toolResult", "toolCallId": "1", "content": [{"type": "text", "text": "sunny"}]},
        ],
        "tools": [{"name": "f", "description": "A tool.", "parameters": {"type": "object"}}],
    }
    told = {"role": "assistant", "content": [{"type": "text", "text": "Hi."}]}
    found = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-4o",
            "flue.turn.input": json.dumps(asked),
            "flue.turn.output": json.dumps(told),
            "flue.session.name": "s",
        },
        scope="@flue/opentelemetry",
    )
    assert (found.kind, found.session, found.convention) == ("llm", "s", "flue")
    assert found.input_messages == (*ASKED, CALL, RESULT)
    assert found.output_messages == ANSWER
    assert found.tools_offered[0].name == "f"


def test_flue_operations_are_agents_and_tools_and_repeat_what_their_turns_used() -> None:
    agent = read(
        {
            "gen_ai.operation.name": "invoke_agent",
            "flue.operation.kind": "prompt",
            "flue.agent.name": "coder",
            "gen_ai.usage.input_tokens": 10,
        },
        name="invoke_agent coder",
    )
    assert (agent.kind, agent.agent_name, agent.aggregated) == ("agent", "coder", True)
    shell = read({"flue.tool.origin": "caller"}, name="flue.operation shell")
    assert (shell.kind, shell.tool_name) == ("tool", "shell")
    assert read({"flue.compaction.reason": "full"}, name="flue.compaction").kind == "workflow"


# --- Strands -------------------------------------------------------------------------------------------------------

CONTENT = {
    "gen_ai.system.message": {"content": '[{"text": "Be brief."}]'},
    "gen_ai.user.message": {"content": '[{"text": "Hello?"}]'},
    "gen_ai.assistant.message": {"content": '[{"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}}]'},
    "gen_ai.tool.message": {
        "content": '[{"toolResult": {"toolUseId": "1", "status": "success", "content": [{"text": "sunny"}]}}]'
    },
}
"""As its versions write it that are not told to follow the newest conventions: Bedrock's blocks in older events."""


def strands(operation: str, events: dict[str, dict[str, Any]], **more: Any) -> CanonicalSpan:
    told = {"gen_ai.operation.name": operation, "gen_ai.system": "strands-agents", **more}
    listed = tuple(ForeignEvent(name, START, said) for name, said in events.items())
    return read(told, scope="strands.telemetry.tracer", events=listed)


def test_a_call_of_strands_has_its_conversation_its_answer_and_why_it_ended() -> None:
    choice = {"finish_reason": "tool_use", "message": CONTENT["gen_ai.assistant.message"]["content"]}
    found = strands("chat", {**CONTENT, "gen_ai.choice": choice})
    assert found.input_messages == (*ASKED, CALL, RESULT)
    assert (found.output_messages, found.stop) == ((CALL,), "tool_calls")
    said = strands("invoke_agent", {"gen_ai.choice": {"message": "Hi.", "finish_reason": "end_turn"}})
    assert (said.kind, said.output_messages, said.stop) == ("agent", ANSWER, "stop")
    assert strands("execute_event_loop_cycle", {}).kind == "workflow"


def test_strands_names_no_provider_and_tells_milliseconds() -> None:
    found = strands("chat", {}, **{"gen_ai.server.time_to_first_token": 410})
    assert (found.provider, found.ttft_ns) == ("", 410_000_000)
    others = read({"gen_ai.operation.name": "chat", "gen_ai.server.time_to_first_token": 0.41})
    assert others.ttft_ns == 410_000_000


def test_a_tool_of_strands_has_what_it_was_given_and_what_it_gave_in_either_generation() -> None:
    older = strands(
        "execute_tool",
        {
            "gen_ai.tool.message": {"role": "tool", "content": '{"a": 1}', "id": "1"},
            "gen_ai.choice": {"message": '[{"text": "sunny"}]', "id": "1"},
        },
    )
    blocks = [{"text": "sunny"}]
    asked = [{"role": "tool", "parts": [{"type": "tool_call", "name": "f", "id": "1", "arguments": {"a": 1}}]}]
    gave = [{"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": blocks}]}]
    newest = read(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.provider.name": "strands-agents",
            "gen_ai.tool.call.result": json.dumps(blocks),
            "gen_ai.input.messages": json.dumps(asked),
            "gen_ai.output.messages": json.dumps(gave),
        }
    )
    for found in (older, newest):
        assert (found.input, found.output) == ({"a": 1}, "sunny")
        assert (found.input_messages, found.output_messages) == ((), ())


def test_a_tool_that_is_offered_as_bedrock_has_it_has_its_parameters() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    offered = [{"name": "f", "description": "Does.", "inputSchema": {"json": schema}}]
    (tool,) = strands("invoke_agent", {}, **{"gen_ai.tool.definitions": json.dumps(offered)}).tools_offered
    assert (tool.name, tool.parameters) == ("f", schema)


# --- Mastra --------------------------------------------------------------------------------------------------------


def mastra(kind: str, operation: str, **said: Any) -> CanonicalSpan:
    told = {f"mastra.{kind}.{name}": json.dumps(value) for name, value in said.items()}
    about = {"mastra.metadata.sessionId": "s", "mastra.metadata.userId": "u", "mastra.metadata.body": "{}"}
    more = {"gen_ai.operation.name": operation, "mastra.span.type": kind, "mastra.tags": '["a", "b"]'}
    return read({**more, **about, **told}, scope="@mastra/otel-exporter")


def test_a_run_of_mastra_and_its_steps_have_what_was_asked_and_answered() -> None:
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]
    calls = [{"toolCallId": "1", "toolName": "f", "args": {"a": 1}}]
    run = mastra("agent_run", "invoke_agent", input="Hello?", output={"text": "Hi.", "files": []})
    every = mastra("model_generation", "model_generation", input={"messages": asked}, output={"text": "Hi."})
    step = mastra("model_step", "agent_step", input=asked, output={"text": "", "toolCalls": calls})
    assert [found.kind for found in (run, every, step)] == ["agent", "workflow", "workflow"]
    assert (run.input_messages, run.output_messages) == (ASKED[1:], ANSWER)
    assert (every.input_messages, every.output_messages) == (ASKED, ANSWER)
    assert (step.input_messages, step.output_messages) == (ASKED, (CALL,))
    assert (run.session, run.user, run.tags) == ("s", "u", ("a", "b"))
    assert run.metadata == {"sessionId": "s", "userId": "u"}


def test_what_mastra_does_around_its_calls_has_its_kind_and_its_values() -> None:
    step = mastra("workflow_step", "workflow_step", input={"city": "Rome"}, output={"sunny": True})
    assert (step.kind, step.input, step.output) == ("workflow", {"city": "Rome"}, {"sunny": True})
    assert mastra("processor_run", "processor_run").kind == "workflow"
    assert mastra("scorer_run", "scorer_run").kind == "evaluator"
    assert mastra("generic", "generic").kind == "span"
    assert mastra("model_generation", "chat").kind == "llm"


def test_mastras_first_token_is_when_the_answer_began() -> None:
    told = {"gen_ai.operation.name": "chat", "mastra.completion_start_time": "2023-11-14T22:13:20.250Z"}
    assert read(told, scope="@mastra/otel-exporter").ttft_ns == 250_000_000
    late = {**told, "mastra.completion_start_time": "2023-11-14T22:13:19.000Z"}
    assert read(late, scope="@mastra/otel-exporter").ttft_ns is None
