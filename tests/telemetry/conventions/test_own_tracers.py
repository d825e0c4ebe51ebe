"""Frameworks that trace themselves in names of their own: Haystack, LlamaIndex, AG2, LiteLLM. Payloads after their
code, and what the newest instrumentations put where older ones did not."""

import json
from typing import Any

import pytest

from trimtab.llm.types import Message, Reasoning, Text, ToolCall, ToolResult, Usage
from trimtab.telemetry.canonical import CanonicalSpan, Document
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.foreign.spans import ForeignEvent, ForeignSpan

START = 1_700_000_000_000_000_000
ASKED = (Message("system", (Text("Be brief."),)), Message("user", (Text("Which tide?"),)))
ANSWER = (Message("assistant", (Text("Low."),)),)
CALL = Message("assistant", (ToolCall("call_7", "get_tide", '{"port":"Brest"}'),))
RESULT = Message("tool", (ToolResult("call_7", (Text("low"),)),))


def read(
    attributes: dict[str, Any], name: str = "step", scope: str = "", events: tuple[ForeignEvent, ...] = ()
) -> CanonicalSpan:
    span = ForeignSpan(
        trace_id="a" * 32, span_id="b" * 16, name=name, start_ns=START, end_ns=START + 9_000_000,
        attributes=attributes, events=events, scope_name=scope,
    )  # fmt: skip
    return canonical(span)


# --- Haystack ------------------------------------------------------------------------------------------------------


def haystack_message(role: str, *content: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {"role": role, "meta": meta, "name": None, "content": list(content)}


OF_HAYSTACK = [
    haystack_message("system", {"text": "Be brief."}),
    haystack_message("user", {"text": "Which tide?"}),
    haystack_message(
        "assistant", {"tool_call": {"tool_name": "get_tide", "arguments": {"port": "Brest"}, "id": "call_7"}}
    ),
    haystack_message(
        "tool",
        {"tool_call_result": {"result": "low", "origin": {"tool_name": "get_tide", "id": "call_7"}, "error": False}},
    ),
]
REPLY = haystack_message(
    "assistant",
    {"reasoning": {"reasoning_text": "Hm.", "extra": {}}},
    {"text": "Low."},
    model="gpt-5-mini",
    finish_reason="length",
    usage={"prompt_tokens": 30, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}},
)
TIDES = {"type": "haystack.tools.tool.Tool", "data": {"name": "get_tide", "parameters": {"type": "object"}}}


def component(of: str, given: Any, made: Any) -> CanonicalSpan:
    attributes = {
        "haystack.component.name": "part",
        "haystack.component.type": of,
        "haystack.component.input": json.dumps(given),
        "haystack.component.output": json.dumps(made),
        "haystack.component.visits": 1,
    }
    return read(attributes, name="haystack.component.run", scope="my_application")


def test_a_haystack_generator_is_a_call_with_its_messages_tools_and_usage() -> None:
    given = {"messages": OF_HAYSTACK, "tools": [TIDES], "generation_kwargs": {"temperature": 0.5}}
    found = component("OpenAIChatGenerator", {**given, "streaming_callback": None}, {"replies": [REPLY]})
    assert (found.kind, found.name, found.convention) == ("llm", "part", "haystack")
    assert (found.model, found.model_used, found.provider) == ("gpt-5-mini", "gpt-5-mini", "openai")
    assert found.input_messages == (*ASKED, CALL, RESULT)
    assert found.output_messages == (Message("assistant", (Reasoning(text="Hm."), Text("Low."))),)
    assert found.tools_offered[0].name == "get_tide"
    assert (found.params, found.stop, found.stream) == ({"temperature": 0.5}, "length", False)
    assert found.usage == Usage(input=30, output=5, reasoning=4)
    assert found.metadata == {"component": "OpenAIChatGenerator", "visits": "1"}


def test_a_haystack_generator_of_texts_has_what_it_used_beside_its_replies() -> None:
    meta = {"model": "m", "finish_reason": "stop", "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    found = component("HuggingFaceAPIGenerator", {"prompt": "Which tide?"}, {"replies": ["Low."], "meta": [meta]})
    assert (found.input_messages, found.output_messages) == (ASKED[1:], ANSWER)
    assert (found.model, found.provider, found.usage) == ("m", "huggingface", Usage(input=3, output=2))


def test_what_haystacks_bedrock_wrote_to_the_cache_counts() -> None:
    used: dict[str, object] = {
        "prompt_tokens": 10, "completion_tokens": 3, "total_tokens": 313, "cache_read_input_tokens": 100,
        "cache_write_input_tokens": 200, "cache_details": {},
    }  # fmt: skip
    reply = haystack_message("assistant", {"text": "Low."}, model="m", usage=used)
    found = component("AmazonBedrockChatGenerator", {"messages": OF_HAYSTACK[:2]}, {"replies": [reply]})
    assert found.usage == Usage(input=10, output=3, cache_read=100, cache_write=200)


def test_a_stream_of_haystack_is_one() -> None:
    reply = haystack_message("assistant", {"text": "Low."}, model="m", completion_start_time="2026-01-01T10:00:00")
    found = component("AnthropicChatGenerator", {"messages": OF_HAYSTACK[:2]}, {"replies": [reply]})
    assert (found.stream, found.ttft_ns, found.provider, found.usage) == (True, None, "anthropic", None)


@pytest.mark.parametrize("key", ["text", "documents"])
def test_an_embedder_of_haystack_tells_texts_and_no_vectors(key: str) -> None:
    given = {"text": "a"} if key == "text" else {"documents": [{"id": "1", "content": "a"}, {"content": "b"}]}
    made = {"embedding": [0.5], "documents": [], "meta": {"model": "e", "usage": {"prompt_tokens": 2}}}
    found = component("OpenAIDocumentEmbedder", given, made)
    assert (found.kind, found.model, found.usage) == ("embedding", "e", Usage(input=2))
    assert found.input == ("a" if key == "text" else ["a", "b"])
    assert found.output is None


def test_a_retriever_of_haystack_shows_its_documents_without_vectors() -> None:
    row = {"id": "d1", "content": "Low at noon.", "score": 0.5, "embedding": [1.0], "blob": None, "port": "Brest"}
    found = component("InMemoryEmbeddingRetriever", {"query_embedding": [1.0], "top_k": 1}, {"documents": [row]})
    assert found.kind == "retriever"
    assert found.documents == (Document(id="d1", content="Low at noon.", score=0.5, metadata={"port": "Brest"}),)
    assert found.output == [{"id": "d1", "content": "Low at noon.", "score": 0.5, "metadata": {"port": "Brest"}}]
    assert (found.input, found.params) == ({"top_k": 1}, {"top_k": 1})


def test_an_agents_run_of_haystack_and_its_tool_are_told() -> None:
    said = {"messages": [*OF_HAYSTACK, REPLY]}
    run = read(
        {
            "haystack.agent.tools": json.dumps([{"data": {"tools": [TIDES]}}]),
            "haystack.agent.input": json.dumps({"messages": OF_HAYSTACK[:2]}),
            "haystack.agent.output": json.dumps(said),
            "haystack.agent.steps_taken": 2,
        },
        name="haystack.agent.run",
    )
    assert (run.kind, run.input_messages, run.usage) == ("agent", ASKED, None)
    assert run.output_messages[-1].parts[-1] == Text("Low.")
    assert len(run.output_messages) == 1
    assert ([tool.name for tool in run.tools_offered], run.metadata) == (["get_tide"], {"steps_taken": "2"})
    failed = read(
        {
            "haystack.tool.name": "get_tide",
            "haystack.tool.error": True,
            "haystack.agent.step.tool.input": '{"port": "Brest"}',
            "haystack.agent.step.tool.output": '{"error": "no such port"}',
        },
        name="haystack.agent.step.tool",
    )
    assert (failed.kind, failed.tool_name, failed.input) == ("tool", "get_tide", {"port": "Brest"})
    assert (failed.status, failed.error_message) == ("error", "no such port")


def test_haystacks_messages_are_read_where_langfuses_handler_tells_them() -> None:
    told = {"langfuse.observation.type": "generation", "langfuse.observation.input": json.dumps(OF_HAYSTACK)}
    assert read(told).input_messages == (*ASKED, CALL, RESULT)


# --- LlamaIndex ----------------------------------------------------------------------------------------------------


def llama(name: str, *events: tuple[str, dict[str, Any]], **attributes: Any) -> CanonicalSpan:
    made = tuple(ForeignEvent(event, START, said) for event, said in events)
    return read(attributes, name=name, scope="llamaindex.opentelemetry.tracer", events=made)


def block(kind: str, **said: Any) -> dict[str, Any]:
    return {"block_type": kind, **said}


CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "additional_kwargs": {}, "blocks": [block("text", text="Be brief.")]},
    {"role": "user", "additional_kwargs": {}, "blocks": [block("text", text="Which tide?")]},
    {
        "role": "assistant",
        "additional_kwargs": {"tool_calls": [{"id": "call_7", "function": {"name": "get_tide"}}]},
        "blocks": [
            block("tool_call", tool_call_id="call_7", tool_name="get_tide", tool_kwargs='{"port":"Brest"}'),
        ],
    },
    {"role": "tool", "additional_kwargs": {"tool_call_id": "call_7"}, "blocks": [block("text", text="low")]},
]


def test_a_call_of_llama_index_is_read_from_its_two_events() -> None:
    start = {
        "messages": json.dumps(CONVERSATION),
        "model_dict.model_name": "gpt-5-mini",
        "model_dict.class_name": "openai_llm",
        "model_dict.temperature": 0.5,
        "additional_kwargs.tools": json.dumps([{"type": "function", "function": {"name": "get_tide"}}]),
        "additional_kwargs.tool_choice": "auto",
    }
    end = {
        "response.message.role": "assistant",
        "response.message.blocks": json.dumps([block("text", text="Low.")]),
        "response.raw.id": "chatcmpl-9",
        "response.raw.model": "gpt-5-mini-2026",
        "response.raw.choices": json.dumps([{"finish_reason": "stop", "index": 0}]),
        "response.raw.usage.prompt_tokens": 30,
        "response.raw.usage.completion_tokens": 9,
        "response.raw.usage.prompt_tokens_details.cached_tokens": 20,
        "response.raw.usage.prompt_tokens_details.cache_write_tokens": "null",
        "response.additional_kwargs.prompt_tokens": 30,
    }
    found = llama("OpenAI.achat", ("LLMChatStartEvent", start), ("LLMChatEndEvent", end))
    assert (found.kind, found.convention, found.provider) == ("llm", "llama_index", "openai")
    assert (found.model, found.model_used, found.response_id) == ("gpt-5-mini", "gpt-5-mini-2026", "chatcmpl-9")
    assert found.input_messages == (*ASKED, CALL, RESULT)
    assert (found.output_messages, found.stop, found.stream) == (ANSWER, "stop", False)
    assert found.usage == Usage(input=10, cache_read=20, output=9)
    assert found.params == {"temperature": 0.5, "tool_choice": "auto"}
    assert found.tools_offered[0].name == "get_tide"


def test_of_a_stream_and_of_the_second_span_of_a_call_llama_index_says_less() -> None:
    start = {"messages": json.dumps(CONVERSATION[:2]), "model_dict.model": "m", "model_dict.class_name": "Ollama_llm"}
    streamed = llama("Ollama.stream_chat", ("LLMChatStartEvent", start))
    assert (streamed.kind, streamed.stream, streamed.provider, streamed.usage) == ("llm", True, "ollama", None)
    assert llama("Ollama.stream_chat").kind == "span"


def test_a_completion_vectors_and_a_retrieval_of_llama_index_are_told() -> None:
    completed = llama(
        "OpenAI.complete",
        ("LLMCompletionStartEvent", {"prompt": "Which tide?", "model_dict.model": "m"}),
        ("LLMCompletionEndEvent", {"prompt": "Which tide?", "response.text": "Low."}),
    )
    assert (completed.kind, completed.input_messages, completed.output_messages) == ("llm", ASKED[1:], ANSWER)
    vectors = llama(
        "OpenAIEmbedding.get_query_embedding",
        ("EmbeddingStartEvent", {"model_dict.model_name": "e", "model_dict.class_name": "OpenAIEmbedding"}),
        ("EmbeddingEndEvent", {"chunks": ["a"], "embeddings": "[[0.5]]"}),
    )
    assert (vectors.kind, vectors.model, vectors.input, vectors.output) == ("embedding", "e", "a", None)
    node = {"node": {"id_": "n1", "text": "Low at noon.", "metadata": {"port": "Brest"}}, "score": 0.5}
    retrieved = llama(
        "VectorIndexRetriever.retrieve",
        ("RetrievalStartEvent", {"str_or_query_bundle.query_str": "Which tide?"}),
        ("RetrievalEndEvent", {"nodes": json.dumps([node])}),
    )
    assert (retrieved.kind, retrieved.input) == ("retriever", "Which tide?")
    assert retrieved.output == [{"id": "n1", "content": "Low at noon.", "score": 0.5, "metadata": {"port": "Brest"}}]


CALLED = "tool_name='get_tide', tool_kwargs={'port': 'Brest'}, tool_id='call_7'"


@pytest.mark.parametrize(
    ("gave", "said"),
    [
        (
            f"ToolCallResult({CALLED}, tool_output=ToolOutput(blocks=[TextBlock(text='l\\'eau')], is_error=False))",
            "l'eau",
        ),
        (f"ToolCallResult({CALLED}, tool_output=ToolOutput(blocks=[TextBlock(text='low tide at...", "low tide at..."),
    ],
)
def test_a_tool_of_llama_indexs_agents_is_taken_from_pythons_texts(gave: str, said: str) -> None:
    more = {"llamaindex.step.input_summary": f"ToolCall({CALLED})", "llamaindex.run_id": "r1"}
    found = llama("BaseWorkflowAgent.call_tool", ("step.output", {"output": gave}), **more)
    assert (found.kind, found.tool_name, found.tool_call_id) == ("tool", "get_tide", "call_7")
    assert (found.input, found.output, found.metadata) == ({"port": "Brest"}, said, {"run_id": "r1"})


@pytest.mark.parametrize(
    "asked", ["{[]: 1}", "{'a': 1j}", "{(1, 2): 3}", "{'a': f()}", "{'a'}}", "{'a': " + "(" * 300 + "}", "{'a': ...}"]
)
def test_what_is_no_value_among_a_tools_arguments_stays_a_text(asked: str) -> None:
    summary = f"ToolCall(tool_name='get_tide', tool_kwargs={asked}, tool_id='call_7')"
    found = llama("BaseWorkflowAgent.call_tool", **{"llamaindex.step.input_summary": summary})
    assert (found.kind, found.input) == ("tool", asked)


def test_an_agents_run_of_llama_index_is_an_agent_and_its_steps_are_work() -> None:
    run = llama("FunctionAgent.run", ("workflow.output", {"output": "StopEvent(result='Low.')"}))
    assert (run.kind, run.agent_name, run.output) == ("agent", "FunctionAgent", "StopEvent(result='Low.')")
    summary = {"llamaindex.step.input_summary": "AgentInput()"}
    step = llama("BaseWorkflowAgent.setup_agent", ("step.output", {"output": "AgentSetup()"}), **summary)
    assert (step.kind, step.input, step.output) == ("workflow", "AgentInput()", "AgentSetup()")
    query = llama("RetrieverQueryEngine.query", ("QueryStartEvent", {"query": "Which tide?"}))
    assert (query.kind, query.input) == ("workflow", "Which tide?")


# --- AG2 -----------------------------------------------------------------------------------------------------------


def test_ag2s_note_of_a_call_is_no_call_and_its_note_of_a_compaction_is_one() -> None:
    used = {"ag2.span.type": "usage", "gen_ai.response.model": "m", "gen_ai.usage.input_tokens": 5}
    note = read({**used, "ag2.usage.kind": "model_call"})
    assert (note.kind, note.aggregated, note.convention) == ("span", True, "ag2")
    compacted = read({**used, "ag2.usage.kind": "compaction"})
    assert (compacted.kind, compacted.usage) == ("llm", Usage(input=5))
    assert compacted.metadata == {"usage.kind": "compaction"}


def test_what_a_person_was_asked_and_said_in_ag2_is_input_and_output() -> None:
    attributes = {
        "ag2.span.type": "human_input",
        "gen_ai.operation.name": "await_human_input",
        "ag2.human_input.prompt": "Sail?",
        "ag2.human_input.response": "Yes.",
    }
    found = read(attributes)
    assert (found.kind, found.input, found.output) == ("span", "Sail?", "Yes.")


# --- LiteLLM -------------------------------------------------------------------------------------------------------


def of_litellm(**more: Any) -> CanonicalSpan:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.cost.total_cost": 0.00025,
        "llm.is_streaming": "True",
        "llm.user": "u1",
        "litellm.call_id": "c-1",
        "metadata.user_api_key_team_alias": "crew",
    }
    return read({**attributes, **more}, name="litellm_request", scope="litellm")


def test_litellms_cost_user_stream_and_key_are_told() -> None:
    found = of_litellm()
    assert (found.cost_reported, found.user, found.stream) == (250_000_000, "u1", True)
    assert (found.convention, found.metadata["call_id"]) == ("litellm", "c-1")
    assert found.metadata["metadata.user_api_key_team_alias"] == "crew"
    assert of_litellm(**{"llm.is_streaming": "False"}).stream is False


def test_litellms_calls_of_tools_are_part_of_its_answer() -> None:
    functions = {
        "gen_ai.completion.0.function_call.name": "get_tide",
        "gen_ai.completion.0.function_call.arguments": '{"port":"Brest"}',
        "gen_ai.completion.1.function_call.name": "get_wind",
        "gen_ai.completion.1.function_call.arguments": "{}",
    }
    said = [{"role": "assistant", "parts": [{"type": "text", "content": "Low."}], "finish_reason": "tool_calls"}]
    found = of_litellm(**functions, **{"gen_ai.output.messages": json.dumps(said)})
    (answer,) = found.output_messages
    assert answer.parts == (Text("Low."), ToolCall("", "get_tide", '{"port":"Brest"}'), ToolCall("", "get_wind", "{}"))
    assert of_litellm(**functions).output_messages[0].parts == answer.parts[1:]


def test_a_guardrail_of_litellm_and_tools_under_its_newer_names_are_told() -> None:
    found = read({"guardrail_name": "pii", "guardrail_response": "masked"}, name="guardrail", scope="litellm")
    assert (found.kind, found.output) == ("guardrail", "masked")
    offered = {"gen_ai.tool.0.name": "get_tide", "gen_ai.tool.0.parameters": '{"type":"object"}'}
    (tool,) = of_litellm(**offered).tools_offered
    assert (tool.name, tool.parameters) == ("get_tide", {"type": "object"})


# --- newest instrumentations -----------------------------------------------------------------------------------------


def test_a_call_of_a_tool_among_openinferences_contents_is_one_call() -> None:
    message = "llm.output_messages.0.message"
    attributes = {
        "openinference.span.kind": "LLM",
        f"{message}.role": "assistant",
        f"{message}.contents.0.message_content.type": "text",
        f"{message}.contents.0.message_content.text": "Low.",
        f"{message}.contents.1.message_content.type": "tool_use",
    }
    call = {"id": "call_7", "function.name": "get_tide", "function.arguments": '{"port":"Brest"}'}
    beside = {f"{message}.tool_calls.0.tool_call.{name}": value for name, value in call.items()}
    within = {f"{message}.contents.1.tool_call.{name}": value for name, value in call.items()}
    expected = (Message("assistant", (Text("Low."), *CALL.parts)),)
    assert read({**attributes, **beside, **within}).output_messages == expected
    assert read({**attributes, **beside}).output_messages == expected


def test_tools_that_bedrock_was_offered_are_read() -> None:
    offered = {"toolSpec": {"name": "get_tide", "inputSchema": {"json": {"type": "object"}}}}
    told = {"openinference.span.kind": "LLM", "llm.tools.0.tool.json_schema": json.dumps(offered)}
    (tool,) = read(told).tools_offered
    assert (tool.name, tool.parameters) == ("get_tide", {"type": "object"})


def test_an_answers_id_is_no_conversation() -> None:
    call = {"gen_ai.operation.name": "chat"}
    assert read({**call, "gen_ai.conversation.id": "resp_0a1b"}).session == ""
    assert read({**call, "gen_ai.conversation.id": "conv_0a1b"}).session == "conv_0a1b"


def test_documents_that_are_told_alone_are_the_output_of_a_retrieval() -> None:
    documents = json.dumps([{"id": "d1", "score": 0.5}, {"id": "d2", "score": None}])
    found = read({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": documents})
    assert found.output == [{"id": "d1", "score": 0.5}, {"id": "d2"}]


def test_the_run_of_langchains_agent_is_an_agent_by_langfuse_and_mlflow_too() -> None:
    metadata = {"ls_integration": "langchain_create_agent", "lc_agent_name": "pilot"}
    langfuse = {f"langfuse.observation.metadata.{name}": value for name, value in metadata.items()}
    for told in (
        {"langfuse.observation.type": "chain", **langfuse},
        {"mlflow.spanType": '"CHAIN"', "metadata": json.dumps(metadata)},
    ):
        assert (read(told).kind, read(told).agent_name) == ("agent", "pilot")
    node = {"langfuse.observation.type": "chain", **langfuse, "langfuse.observation.metadata.langgraph_node": "tools"}
    assert read(node).kind == "workflow"


def test_a_framework_around_calls_is_not_the_provider_of_what_is_no_call() -> None:
    around = {"gen_ai.provider.name": "langgraph"}
    assert read({**around, "gen_ai.operation.name": "invoke_agent"}).provider == ""
    assert read({**around, "gen_ai.operation.name": "chat"}).provider == "langgraph"


def test_a_task_and_a_crew_of_openllmetry_are_no_agents() -> None:
    around = {"gen_ai.operation.name": "invoke_agent", "gen_ai.provider.name": "crewai"}
    task = read({**around, "traceloop.span.kind": "task", "crewai.task.description": "Tell the tide."})
    assert (task.kind, task.input, task.provider) == ("workflow", "Tell the tide.", "")
    assert read({**around, "traceloop.span.kind": "agent"}).kind == "agent"
    crew = {"crewai.crew.id": "1", "crewai.crew.name": "pilots", "crewai.crew.result": "Low."}
    run = read({**around, **crew}, name="crewai.workflow", scope="opentelemetry.instrumentation.crewai.instrumentation")
    assert (run.kind, run.workflow, run.output, run.convention) == ("workflow", "pilots", "Low.", "openllmetry")


def test_what_crewais_listener_tells_alone_is_a_call_of_a_tool_and_the_tools_offered() -> None:
    function = {"name": "get_tide", "arguments": '{"port":"Brest"}'}
    told = {
        "openinference.span.kind": "LLM",
        "llm.tools": json.dumps([{"type": "function", "function": {"name": "get_tide"}}]),
        "output.value": json.dumps([{"id": "call_7", "type": "function", "function": function}]),
    }
    found = read(told)
    assert (found.output_messages, found.output) == ((CALL,), None)
    assert [tool.name for tool in found.tools_offered] == ["get_tide"]
    assert read({**told, "output.value": '[{"port":"Brest"}]'}).output == [{"port": "Brest"}]


def test_a_call_of_pydantic_ai_with_a_first_piece_is_a_stream() -> None:
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    streamed = read({**call, "gen_ai.client.operation.time_to_first_chunk": 0.5}, scope="pydantic-ai")
    assert (streamed.stream, streamed.ttft_ns) == (True, 500_000_000)
    assert read(call, scope="pydantic-ai").stream is False
