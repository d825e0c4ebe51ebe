"""Nothing that a span says can break the reading."""

import json

import msgspec
from conversing import SAID, START, span
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trimtab.telemetry.conventions import CONVENTIONS, canonical
from trimtab.telemetry.conventions._mapper import Mapper
from trimtab.telemetry.foreign.spans import ForeignEvent, ForeignSpan
from trimtab.telemetry.foreign.texts import texts_of

NAMES = sorted(
    {name for attributes, _ in SAID.values() for name in attributes}
    | {
        "gen_ai.usage.input_tokens", "gen_ai.usage.cache_read.input_tokens", "gen_ai.response.finish_reasons",
        "gen_ai.retrieval.documents", "gen_ai.tool.definitions", "gen_ai.tool.call.arguments", "gen_ai.usage.cost",
        "openinference.span.kind", "llm.token_count.prompt", "llm.invocation_parameters", "metadata", "tag.tags",
        "retrieval.documents.0.document.metadata", "annotations.0.annotation.name", "llm.tools.0.tool.json_schema",
        "traceloop.entity.input", "traceloop.association.properties.x", "llm.request.functions.0.name",
        "langfuse.observation.usage_details", "langfuse.observation.cost_details", "langfuse.observation.metadata",
        "langfuse.observation.completion_start_time", "langfuse.observation.model.parameters",
        "ai.response.toolCalls", "ai.response.providerMetadata", "ai.prompt.tools", "ai.values", "ai.usage.inputTokens",
        "ai.telemetry.metadata.langfusePrompt", "pydantic_ai.all_messages", "final_result", "model_request_parameters",
        "mlflow.chat.tokenUsage", "mlflow.llm.cost", "mlflow.chat.tools", "langsmith.span.tags", "error.type",
        "langsmith.metadata.thread_id", "http.response.status_code", "logfire.level_num", "output.value",
        "genkit:metadata:subtype", "genkit:type", "genkit:name", "genkit:input", "genkit:output", "genkit:state",
        "genkit:metadata:flow:name", "ag.type.node", "ag.data.inputs", "ag.data.inputs.prompt.0.role",
        "ag.data.inputs.prompt.0.content", "ag.data.outputs", "ag.metrics.unit.tokens.prompt",
        "ag.metrics.unit.costs.total", "ag.meta.configuration.model", "gcp.vertex.agent.llm_request",
        "gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_call_args", "gcp.vertex.agent.tool_response",
        "gcp.vertex.agent.session_id", "lk.pii.chat_ctx", "lk.response.text", "lk.pii.response.function_calls",
        "lk.function_tool.name", "lk.function_tool.is_error", "lk.response.ttft", "mcp.method.name",
        "mcp.request.argument", "mcp.session.id", "flue.turn.input", "flue.turn.output", "flue.operation.kind",
        "mastra.span.type", "mastra.agent_run.input", "mastra.agent_run.output", "mastra.completion_start_time",
        "haystack.component.type", "haystack.component.input", "haystack.component.output", "haystack.agent.tools",
        "haystack.agent.step.tool.output", "haystack.tool.error", "haystack.pipeline.metadata",
        "llamaindex.step.input_summary", "ag2.span.type", "ag2.human_input.prompt", "litellm.call_id",
        "lmnr.span.type", "lmnr.span.input", "lmnr.association.properties.tags", "rpc.method", "gen_ai.usage.raw",
        "logfire.msg_template", "response", "events", "error", "gen_ai.usage.total_tokens",
        "gen_ai.cost.total_cost", "gen_ai.completion.0.function_call.name", "gen_ai.tool.0.name",
        "ai.ranking", "ai.documents", "langfuse.experiment.id", "llm.top_k", "team",
        "llm.input_messages.0.message.role", "llm.input_messages.0.message.content",
        "llm.input_messages.2.message.role", "llm.output_messages.0.message.content",
        "llm.input_messages.1.message.tool_calls.0.tool_call.function.name",
        "llm.token_count.completion", "llm.token_count.prompt_details.cache_read", "llm.cost.total",
        "llm.finish_reason", "llm.model_name", "graph.node.id", "tool.name", "input.value", "llm.request.type",
        "gen_ai.prompt.0.content", "gen_ai.completion.0.finish_reason", "gen_ai.prompt.1.tool_calls.0.name",
        "traceloop.entity.name", "traceloop.entity.output", "llm.is_streaming", "llm.response.finish_reason",
        "trimtab.kind", "trimtab.tags", "trimtab.status", "trimtab.metadata.team", "trimtab.yielded",
    }
)  # fmt: skip
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(1 << 70), 1 << 70), st.floats(), st.text(max_size=12), st.sampled_from(
        ["LLM", "chat", "tool", "RETRIEVER", "ai.embed.doEmbed", "generation", '"CHAT_MODEL"', "[", '"{', "{}", "model",
         "retriever", "tools/call", "prompt", "ai.rerank.doRerank"]
    )
)  # fmt: skip
words = st.sampled_from(
    ["role", "content", "parts", "type", "text", "tool_calls", "function", "name", "arguments", "messages", "message",
     "kwargs", "lc", "id", "data", "items", "contents", "config", "usage_metadata", "toolRequest", "ref", "media",
     "documents", "metadata", "query", "index", "image_url", "tool_use", "usage", "generations", "choices", "input",
     "output"]
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=4)),
    max_leaves=8,
)
said = st.one_of(values, values.map(lambda value: json.dumps(value)), values.map(lambda v: json.dumps(json.dumps(v))))
spans = st.builds(
    span,
    st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=10)), said, max_size=8),
    events=st.lists(
        st.builds(
            ForeignEvent,
            st.sampled_from(
                ["gen_ai.choice", "gen_ai.user.message", "exception", "gen_ai.evaluation.result", "db.query.result",
                 "LLMChatStartEvent", "LLMChatEndEvent", "RetrievalEndEvent", "EmbeddingEndEvent", "step.output"]
            ),
            st.just(START),
            st.dictionaries(st.one_of(words, st.sampled_from(NAMES)), said, max_size=3),
        ),
        max_size=2,
    ).map(tuple),
    scope_name=st.sampled_from(
        ["", "ai", "pydantic-ai", "openinference.instrumentation.openai", "gcp.vertex.agent", "livekit-agents",
         "trimtab.forward", "logfire.openai_agents", "openlit.instrumentation.google_ai_studio"]
    ),
    status_code=st.integers(0, 2),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@example(
    ForeignSpan(
        trace_id="a" * 32, span_id="b" * 16, name="chat", start_ns=START, end_ns=START + 1,
        attributes={"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3},
    )
)  # fmt: skip
@given(spans)
def test_whatever_a_span_holds_it_is_read_and_can_be_stored(foreign: ForeignSpan) -> None:
    found = canonical(foreign)
    texts = texts_of(found)
    assert isinstance(texts.request, bytes)
    if found.usage is not None:
        buckets = msgspec.structs.asdict(found.usage)
        assert type(buckets.pop("tier")) is str
        assert buckets.pop("charged") is None
        assert all(type(value) in (int, bool) and 0 <= value < 1 << 60 for value in buckets.values())
    assert all(type(each) is str for each in (found.name, found.model, found.session, found.user, found.stop))
    assert all(type(value) is str for value in found.metadata.values())
    assert Mapper(CONVENTIONS.all())(foreign) == found  # whatever was remembered of spans before
