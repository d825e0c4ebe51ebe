"""Every convention reads what its emitters write."""

import json
from typing import Any

import msgspec
import pytest
from conversing import ANSWER, ASKED, SAID, START, read, span
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.llm.types import Image, Message, Reasoning, Text, ToolCall, ToolResult, Usage
from trimtab.telemetry.conventions import CONVENTIONS, versions
from trimtab.telemetry.conventions._mapper import CORE_VERSION, Mapper
from trimtab.telemetry.foreign.spans import ForeignEvent
from trimtab.telemetry.foreign.texts import texts_of


def test_each_file_is_a_convention_of_its_own_name_and_version() -> None:
    for name, plug in CONVENTIONS.all().items():
        assert plug.name == name
        assert plug.version >= 1
        assert versions()[name] == CORE_VERSION * 1000 + plug.version


# --- kinds: first match wins ---------------------------------------------------------------------------------------

KINDS: list[tuple[dict[str, Any], str]] = [
    ({"gen_ai.operation.name": "chat"}, "llm"),
    ({"gen_ai.operation.name": "embeddings"}, "embedding"),
    ({"gen_ai.operation.name": "retrieval"}, "retriever"),
    ({"gen_ai.operation.name": "search_memory"}, "retriever"),
    ({"gen_ai.operation.name": "create_memory"}, "memory"),
    ({"gen_ai.operation.name": "execute_tool"}, "tool"),
    ({"gen_ai.operation.name": "invoke_workflow"}, "workflow"),
    ({"gen_ai.operation.name": "fetch_response", "gen_ai.response.model": "gpt-5"}, "span"),
    ({"gen_ai.tool.call.id": "1"}, "tool"),
    ({"mcp.method.name": "tools/call"}, "tool"),
    ({"openinference.span.kind": "RERANKER"}, "reranker"),
    ({"openinference.span.kind": "GUARDRAIL"}, "guardrail"),
    ({"openinference.span.kind": "DECISION"}, "llm"),
    ({"langfuse.observation.type": "generation", "openinference.span.kind": "CHAIN"}, "llm"),
    ({"openinference.span.kind": "AGENT", "gen_ai.operation.name": "chat"}, "agent"),
    ({"gen_ai.operation.name": "chat", "traceloop.span.kind": "task"}, "llm"),
    ({"traceloop.span.kind": "workflow"}, "workflow"),
    ({"llm.request.type": "rerank", "traceloop.entity.name": "x"}, "reranker"),
    ({"ai.operationId": "ai.generateText"}, "workflow"),
    ({"ai.operationId": "ai.streamText.doStream"}, "llm"),
    ({"ai.operationId": "ai.toolCall"}, "tool"),
    ({"mlflow.spanType": '"CHAT_MODEL"'}, "llm"),
    ({"langsmith.span.kind": "parser"}, "workflow"),
    ({"logfire.span_type": "log"}, "event"),
    ({"request_data": "{}", "gen_ai.request.model": "m", "gen_ai.operation.name": "embeddings"}, "embedding"),
    ({"gen_ai.request.model": "gpt-4o"}, "llm"),
    ({"http.request.method": "GET"}, "span"),
]


@pytest.mark.parametrize(("attributes", "kind"), KINDS, ids=[f"{kind}-{next(iter(a))}" for a, kind in KINDS])
def test_a_kind_is_told_by_the_first_convention_that_knows_it(attributes: dict[str, Any], kind: str) -> None:
    assert read(attributes).kind == kind


def test_a_moment_without_more_is_an_event() -> None:
    assert read({}, end_ns=START).kind == "event"


# --- messages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SAID)
def test_a_conversation_is_the_same_in_whatever_shape_it_comes(shape: str) -> None:
    attributes, events = SAID[shape]
    found = read(attributes, events=events)
    assert found.input_messages == ASKED
    assert found.output_messages == ANSWER
    assert found.input is None
    assert found.output is None


texts = st.text(max_size=6)
plain = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant"]),
        "parts": st.lists(st.fixed_dictionaries({"type": st.just("text"), "content": texts}), max_size=3),
    },
    optional={"finish_reason": st.sampled_from(["stop", "length"]), "name": texts},
)


@given(st.lists(plain, max_size=3))
def test_messages_of_texts_are_the_same_as_json_and_as_values(messages: list[dict[str, Any]]) -> None:
    base = {"gen_ai.operation.name": "chat"}
    as_json = read(
        {**base, "gen_ai.input.messages": json.dumps(messages), "gen_ai.output.messages": json.dumps(messages)}
    )
    as_values = read({**base, "gen_ai.input.messages": messages, "gen_ai.output.messages": messages})
    assert as_json == as_values


CALLS: dict[str, Any] = {
    "openai": {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": '{"a":1}'}}]},
    "anthropic": {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}}]},
    "gen_ai": {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "f", "arguments": {"a": 1}}]},
    "vercel": {
        "role": "assistant",
        "content": [{"type": "tool-call", "toolCallId": "1", "toolName": "f", "input": {"a": 1}}],
    },
    "langchain": {"type": "ai", "content": "", "tool_calls": [{"id": "1", "name": "f", "args": {"a": 1}}]},
    "responses": {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"a":1}'},
    "bedrock": {"role": "assistant", "content": [{"toolUse": {"toolUseId": "1", "name": "f", "input": {"a": 1}}}]},
}


@pytest.mark.parametrize("shape", CALLS)
def test_a_call_of_a_tool_is_the_same_in_whatever_shape_it_comes(shape: str) -> None:
    found = read({"gen_ai.operation.name": "chat", "gen_ai.output.messages": json.dumps([CALLS[shape]])})
    assert found.output_messages == (Message("assistant", (ToolCall("1", "f", '{"a":1}'),)),)


RESULTS: dict[str, Any] = {
    "openai": {"role": "tool", "tool_call_id": "1", "content": "sunny"},
    "anthropic": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "sunny"}]},
    "gen_ai": {"role": "tool", "parts": [{"type": "tool_call_response", "id": "1", "response": "sunny"}]},
    "older gen_ai": {"role": "user", "parts": [{"type": "tool_call_response", "id": "1", "result": "sunny"}]},
    "vercel": {
        "role": "tool",
        "content": [{"type": "tool-result", "toolCallId": "1", "output": {"type": "text", "value": "sunny"}}],
    },
    "langchain": {"type": "tool", "data": {"type": "tool", "content": "sunny", "tool_call_id": "1"}},
    "responses": {"type": "function_call_output", "call_id": "1", "output": "sunny"},
}


@pytest.mark.parametrize("shape", RESULTS)
def test_what_a_tool_gave_is_a_tools_message_in_whatever_shape_it_comes(shape: str) -> None:
    found = read({"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps([RESULTS[shape]])})
    assert found.input_messages == (Message("tool", (ToolResult("1", (Text("sunny"),)),)),)


def test_thinking_pictures_and_unknown_parts_are_kept() -> None:
    parts = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "QUJD"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
        {"type": "server_tool_call", "id": "1", "name": "search", "server_tool_call": {"q": 1}},
    ]
    found = read({"gen_ai.operation.name": "chat", "gen_ai.input.messages": [{"role": "user", "parts": parts}]})
    (message,) = found.input_messages
    assert message.parts[0] == Reasoning(text="hm", signature="s")
    assert message.parts[1] == Image(data="QUJD", media_type="image/png")
    assert message.parts[2] == Image(url="https://example.org/a.png", detail="low")
    assert b"server_tool_call" in msgspec.json.encode(message.parts[3])


# --- the rest of the map -------------------------------------------------------------------------------------------


def test_messages_stand_in_the_order_of_their_numbers_whatever_the_order_of_their_names() -> None:
    said = {f"llm.input_messages.{at}.message.content": f"number {at}" for at in (10, 2, 9)}
    for _ in range(2):  # the second is read by what was made for the names of the first
        found = read({"openinference.span.kind": "LLM", **said, "llm.input_messages.9.message.role": "assistant"})
        assert [(each.role, each.parts) for each in found.input_messages] == [
            ("user", (Text("number 2"),)),
            ("assistant", (Text("number 9"),)),
            ("user", (Text("number 10"),)),
        ]


def test_a_hostile_index_allocates_nothing_and_is_left_out() -> None:
    found = read(
        {
            "openinference.span.kind": "LLM",
            "llm.input_messages.99999999999999999999.message.content": "far",
            "llm.input_messages.7.message.role": "user",
            "llm.input_messages.7.message.content": "near",
            "llm.input_messages.__proto__.message.content": "no",
            "llm.input_messages.-1.message.content": "no",
        }
    )
    assert found.input_messages == (Message("user", (Text("near"),)),)


def test_a_streams_usage_that_logfire_tells_as_a_log_is_that_of_a_call() -> None:
    told = {
        "logfire.span_type": "log",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 8,
        "gen_ai.usage.output_tokens": 15,
        "gen_ai.output.messages": json.dumps(
            [{"role": "assistant", "parts": [{"type": "text", "content": "Hi."}], "finish_reason": "stop"}]
        ),
    }
    found = read(told)
    assert (found.kind, found.usage, found.stream, found.stop) == ("llm", Usage(input=8, output=15), True, "stop")
    assert found.output_messages == (Message("assistant", (Text("Hi."),)),)
    assert read({"logfire.span_type": "log", "gen_ai.operation.name": "chat"}).kind == "event"


def test_a_span_of_logfires_is_called_what_its_message_says() -> None:
    template = "Chat Completion with {request_data[model]!r}"
    told = {"logfire.msg_template": template, "logfire.msg": "Chat Completion with 'gpt-5'"}
    assert read(told, name=template).name == "Chat Completion with 'gpt-5'"
    assert read(told, name="chat gpt-5").name == "chat gpt-5"


def test_a_decision_has_its_model_whose_it_is_and_what_it_used() -> None:
    found = read(
        {
            "openinference.span.kind": "DECISION",
            "decision.system": "typesafe",
            "decision.provider": "vllm",
            "decision.request.model_name": "jev-latest",
            "decision.response.model_name": "jev-1.13.0",
            "decision.model_name": "jev-1.13.0",
            "decision.token_count.input": 412,
            "decision.token_count.output": 2,
            "output.value": '{"answers": {"cites": true}}',
        }
    )
    assert (found.model, found.model_used, found.provider) == ("jev-latest", "jev-1.13.0", "vllm")
    assert (found.usage, found.output) == (Usage(input=412, output=2), {"answers": {"cites": True}})


@pytest.mark.parametrize("word", ["annotation", "evaluation"])
@pytest.mark.parametrize(("before", "target"), [("", "span"), ("trace.", "trace"), ("session.", "session")])
def test_a_judgement_of_openinference_stands_under_either_word(word: str, before: str, target: str) -> None:
    row = f"{before}{word}s.0.{word}."
    told = {"openinference.span.kind": "LLM", f"{row}name": "clear", f"{row}score": 1, f"{row}annotator_kind": "HUMAN"}
    (score,) = read(told).scores
    assert (score.name, score.value, score.source, score.target) == ("clear", 1.0, "human", target)


def test_what_only_anthropics_client_has_names_for_is_read() -> None:
    """Its sums have the cache in the input, and leave out what its compactions used."""
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 9,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_write.input_tokens": 20,
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 5,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 15,
        "anthropic.response.service_tier": "priority",
        "anthropic.message.stop_reason": "tool_use",
    }
    found = read(told)
    usage = Usage(input=50, cache_read=30, cache_write=20, cache_write_1h=15, output=9, tier="priority")
    assert (found.kind, found.usage, found.stop) == ("llm", usage, "tool_calls")
    summed = {"anthropic.usage.compaction.input_tokens": 40, "anthropic.usage.compaction.output_tokens": 7}
    assert read(told | summed).usage == replace(usage, input=90, output=16)
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "f", "anthropic.tool_result.content": "17"}
    assert read(tool).output == "17"


def test_the_graph_of_a_langchain_agent_is_that_agents_run() -> None:
    """It is told as a chain, as its nodes are; nothing but its metadata says what it is."""
    about = {"ls_integration": "langchain_create_agent", "lc_agent_name": "forecaster"}
    told = {"openinference.span.kind": "CHAIN", "input.value": "x"}
    run = read(told | {"metadata": json.dumps(about)})
    assert (run.kind, run.agent_name) == ("agent", "forecaster")
    assert read(told | {"metadata": json.dumps(about | {"langgraph_node": "model"})}).kind == "workflow"
    assert read(told | {"metadata": json.dumps({"lc_agent_name": "forecaster"})}).kind == "workflow"


def test_session_user_tags_metadata_prompt_and_resource_are_found() -> None:
    found = read(
        {
            "langfuse.observation.type": "agent",
            "langfuse.session.id": "s",
            "langfuse.user.id": "u",
            "langfuse.trace.tags": ["a", "b"],
            "langfuse.trace.metadata.team": "blue",
            "langfuse.observation.metadata.langgraph_node": "planner",
            "langfuse.observation.prompt.name": "greet",
            "langfuse.observation.prompt.version": 3,
        },
        resource={
            "service.name": "shop",
            "service.version": "2.0",
            "deployment.environment.name": "production",
        },
    )
    assert (found.session, found.user, found.tags) == ("s", "u", ("a", "b"))
    assert found.metadata["team"] == "blue"
    assert found.node == "planner"
    assert (found.prompt_name, found.prompt_version) == ("greet", "3")
    assert (found.app, found.release, found.environment) == ("shop", "2.0", "production")


def test_documents_of_a_retrieval_are_found_in_each_convention() -> None:
    indexed = read(
        {
            "openinference.span.kind": "RETRIEVER",
            "retrieval.documents.0.document.id": "d",
            "retrieval.documents.0.document.content": "text",
            "retrieval.documents.0.document.score": 0.5,
        }
    )
    listed = read({"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.documents": '[{"id": "d", "score": 0.5}]'})
    listed_by_langfuse = read(
        {
            "langfuse.observation.type": "retriever",
            "langfuse.observation.output": '[{"id": "d", "score": 0.5, "page_content": "text"}]',
        }
    )
    assert (listed_by_langfuse.documents, listed_by_langfuse.kind) == (indexed.documents, "retriever")
    event = ForeignEvent("db.query.result", START, {"db.query.result.id": "d", "db.query.result.score": 0.5})
    vectors = read({"traceloop.entity.name": "store"}, events=(event,))
    assert [found.kind for found in (indexed, listed, vectors)] == ["retriever"] * 3
    assert {(found.documents[0].id, found.documents[0].score) for found in (indexed, listed, vectors)} == {("d", 0.5)}
    assert indexed.documents[0].content == "text"


def test_a_time_to_the_first_token_is_nanoseconds_whatever_it_was() -> None:
    assert read({"gen_ai.response.time_to_first_chunk": 0.25, "gen_ai.request.model": "m"}).ttft_ns == 250_000_000
    assert read({"ai.operationId": "ai.streamText.doStream", "ai.response.msToFirstChunk": 1.5}).ttft_ns == 1_500_000
    began = json.dumps("2023-11-14T22:13:20.500Z")
    found = read({"langfuse.observation.type": "generation", "langfuse.observation.completion_start_time": began})
    assert found.ttft_ns == 500_000_000


def test_a_reported_cost_is_whole_picodollars() -> None:
    assert read({"gen_ai.usage.cost": 0.000123}).cost_reported == 123_000_000
    assert read({"openinference.span.kind": "LLM", "llm.cost.total": 0.1}).cost_reported == 100_000_000_000
    details = json.dumps({"input": 0.25, "output": 0.5})
    found = read({"langfuse.observation.type": "generation", "langfuse.observation.cost_details": details})
    assert found.cost_reported == 750_000_000_000
    assert read({"gen_ai.usage.cost": "free"}).cost_reported is None


def test_an_error_has_its_type_and_message_and_a_cancelled_call_is_none() -> None:
    event = ForeignEvent("exception", START, {"exception.type": "ValueError", "exception.message": "bad"})
    failed = read({"gen_ai.operation.name": "chat"}, status_code=2, events=(event,))
    assert (failed.status, failed.error_type, failed.error_message) == ("error", "ValueError", "bad")
    left = read({"error.type": "asyncio.CancelledError"}, status_code=2)
    assert left.status == "cancelled"
    assert read({"gen_ai.response.finish_reason": "FinishReason.TOOL_CALLS"}).stop == "tool_calls"
    dealt_with = read({}, events=(event,))
    assert (dealt_with.status, dealt_with.error_type) == ("ok", "")


def test_a_span_of_logfires_failed_of_its_exception_and_a_log_of_what_it_says() -> None:
    told = {"logfire.level_num": 17, "logfire.msg": "Chat Completion with 'gpt-5'"}
    event = ForeignEvent("exception", START, {"exception.type": "ValueError", "exception.message": "too many"})
    span = read(told, scope_name="logfire.openai", status_code=2, events=(event,))
    assert (span.status, span.error_type, span.error_message) == ("error", "ValueError", "too many")
    described = read(told, scope_name="logfire", status_code=2, status_message="ValueError: too many")
    assert described.error_message == "ValueError: too many"
    log = read({**told, "logfire.span_type": "log"}, scope_name="logfire")
    assert (log.status, log.error_message) == ("error", "Chat Completion with 'gpt-5'")


def test_an_agents_run_is_shown_by_what_a_person_asked_and_a_call_by_what_came_last() -> None:
    messages: list[Any] = [
        {"role": "user", "parts": [{"type": "text", "content": "Is it sunny?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "1", "name": "look", "arguments": {}}]},
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "1", "result": "Sunny."}]},
    ]
    answer = {"role": "assistant", "parts": [{"type": "text", "content": "It is."}]}
    run = read({"pydantic_ai.all_messages": json.dumps([*messages, answer])}, scope_name="pydantic-ai")
    assert (run.kind, texts_of(run).asked, texts_of(run).answered) == ("agent", "Is it sunny?", "It is.")
    call = read({"gen_ai.operation.name": "chat", "gen_ai.input.messages": json.dumps(messages)})
    assert texts_of(call).asked == "Sunny."


def test_a_tool_that_waits_for_approval_did_not_fail() -> None:
    event = ForeignEvent("exception", START, {"exception.type": "pydantic_ai.exceptions.ApprovalRequired"})
    found = read({"gen_ai.operation.name": "execute_tool"}, scope_name="pydantic-ai", status_code=2, events=(event,))
    assert (found.kind, found.status) == ("tool", "ok")


def test_a_notice_of_a_span_that_began_is_marked_as_such() -> None:
    found = read(
        {"logfire.span_type": "pending_span", "logfire.pending_parent_id": "c" * 16},
        name="agent run (pending)",
        parent_span_id="d" * 16,
    )
    assert (found.pending, found.pending_for, found.name) == (True, "d" * 16, "agent run")


def test_an_evaluation_inside_a_span_is_a_judgement() -> None:
    event = ForeignEvent(
        "gen_ai.evaluation.result",
        START,
        {
            "gen_ai.evaluation.name": "relevance",
            "gen_ai.evaluation.score.value": 0.75,
            "gen_ai.evaluation.score.label": "good",
            "gen_ai.evaluation.explanation": "because",
        },
    )
    (score,) = read({"gen_ai.operation.name": "chat"}, events=(event,)).scores
    assert (score.name, score.value, score.label, score.explanation) == ("relevance", 0.75, "good", "because")


def test_what_an_application_wrote_beside_a_conventions_names_is_metadata_if_it_is_short() -> None:
    found = read(
        {
            "gen_ai.operation.name": "chat",
            "team": "blue",
            "shop.basket": 3,
            "shop.page": "x" * 501,
            "server.address": "api.openai.com",
            "logfire.msg": "chat",
        }
    )
    assert found.metadata == {"team": "blue", "shop.basket": "3"}


def test_a_reader_is_remembered_by_names_and_reads_each_span_anew() -> None:
    one = read({"gen_ai.operation.name": "chat", "gen_ai.request.model": "a", "gen_ai.usage.input_tokens": 1})
    two = read({"gen_ai.operation.name": "execute_tool", "gen_ai.request.model": "b", "gen_ai.usage.input_tokens": 2})
    assert (one.kind, one.model, two.kind, two.model) == ("llm", "a", "tool", "b")
    told = ForeignEvent("gen_ai.choice", START, {"message": '{"role": "assistant", "content": "Hi."}'})
    assert read({"team": "blue"}, events=(told,)).output_messages == ANSWER
    assert read({"team": "blue"}).output_messages == ()


def test_what_is_remembered_of_names_is_bounded_in_number_and_in_length() -> None:
    mapper = Mapper(CONVENTIONS.all())
    for number in range(2100):
        mapper(span({f"name{number}": 1}))
    mapper(span({"x" * 100_000: 1, "gen_ai.operation.name": "chat"}, scope_name="y" * 100_000))
    shapes = mapper._shapes  # pyright: ignore[reportPrivateUsage]
    names = mapper._names  # pyright: ignore[reportPrivateUsage]
    assert 0 < len(shapes) <= 2048
    assert max(map(len, names)) <= 256


def test_a_ranking_has_its_documents_with_the_best_first() -> None:
    found = read(
        {
            "ai.operationId": "ai.rerank.doRerank",
            "ai.documents": ['"sun"', '"rain"'],
            "ai.ranking": ['{"index": 1, "relevanceScore": 0.9}', '{"index": 0, "relevanceScore": 0.8}'],
        }
    )
    assert [(each.id, each.content, each.score) for each in found.documents] == [
        ("1", "rain", 0.9),
        ("0", "sun", 0.8),
    ]


@pytest.mark.parametrize(("version", "kind"), [("3.2.1", "llm"), ("3.3.0", "llm"), ("3.4.0", "span"), ("x", "span")])
def test_a_span_of_langfuses_python_sdk_up_to_3_3_is_a_generation_if_it_has_a_model(version: str, kind: str) -> None:
    found = read(
        {"langfuse.observation.type": "span", "langfuse.observation.usage_details": '{"input": 1}'},
        scope_name="langfuse-sdk",
        scope_version=version,
        resource={"telemetry.sdk.language": "python"},
    )
    assert found.kind == kind


def test_an_experiment_of_langfuse_is_metadata() -> None:
    found = read({"langfuse.observation.type": "span", "langfuse.experiment.dataset.id": "d"})
    assert found.metadata["experiment.dataset.id"] == "d"


def test_parameters_and_reasons_under_traceloops_older_names_are_read() -> None:
    found = read(
        {
            "traceloop.entity.name": "x",
            "llm.request.type": "chat",
            "llm.vendor": "OpenAI",
            "llm.request.model": "gpt-4o",
            "llm.top_k": 3,
            "llm.response.stop_reason": "max_tokens",
            "gen_ai.request.temperature": 0.5,
            "traceloop.prompt.key": "greet",
            "traceloop.prompt.version_name": "blue",
        }
    )
    assert (found.kind, found.model, found.provider, found.stop) == ("llm", "gpt-4o", "OpenAI", "length")
    assert found.params == {"top_k": 3, "temperature": 0.5}
    assert (found.prompt_name, found.prompt_version) == ("greet", "blue")


def test_a_span_of_no_convention_keeps_its_attributes_where_they_can_be_searched() -> None:
    found = read(
        {"http.request.method": "GET", "http.response.status_code": 503, "url.full": "https://a/b"}, name="GET"
    )
    assert (found.convention, found.kind, found.http_status) == ("otel", "span", 503)
    assert found.metadata["url.full"] == "https://a/b"


def test_the_spans_own_dialect_is_noted_with_the_version_of_its_mapper() -> None:
    both = read({"gen_ai.operation.name": "chat", "openinference.span.kind": "LLM"})
    assert (both.convention, both.mapper_version) == ("openinference", versions()["openinference"])
