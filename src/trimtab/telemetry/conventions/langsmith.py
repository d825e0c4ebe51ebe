"""LangSmith over OTLP, or by its own API (`server/doors/langsmith.py`): ``langsmith.*`` beside ``gen_ai.prompt`` and
``gen_ai.completion``, which hold a run's inputs and outputs as JSON.

Names: langchain-ai/docs, src/langsmith/trace-with-opentelemetry.mdx; langsmith's own exporter,
langsmith/_internal/otel/_otel_exporter.py.
"""

from typing import Any, Final

from trimtab.llm.types import Message, Role
from trimtab.telemetry.conventions._bodies import read_answer, read_request, tool_answer
from trimtab.telemetry.conventions._messages import looks_like_messages, messages_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    count,
    entries,
    first,
    is_list,
    is_object,
    label,
    mapping,
    parsed,
    picodollars,
    put,
    put_content,
    put_labels,
    tags,
    under,
)
from trimtab.telemetry.conventions.otel_genai import documents_of
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "langsmith"
VERSION: Final = 4

_KINDS: Final[dict[str, SpanKind]] = {
    "llm": "llm", "chain": "workflow", "tool": "tool", "retriever": "retriever", "embedding": "embedding",
    "prompt": "workflow", "parser": "workflow",
}  # fmt: skip
_METADATA: Final = "langsmith.metadata."
_LABELS: Final = (
    ("session", "langsmith.trace.session_id"),
    ("session", "langsmith.metadata.session_id"),
    ("session", "langsmith.metadata.thread_id"),
    ("session", "langsmith.metadata.conversation_id"),
    ("user", "langsmith.metadata.user_id"),
    ("node", "langsmith.metadata.langgraph_node"),
    ("model", "langsmith.metadata.ls_model_name"),
    ("provider", "langsmith.metadata.ls_provider"),
)


def kind(span: ForeignSpan) -> SpanKind | None:
    said = span.attributes.get("langsmith.span.kind")
    return _KINDS.get(said.lower()) if type(said) is str else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    if "gen_ai.request.model" not in attributes:
        put_labels(found, attributes, _LABELS)
    else:  # the model of the call goes before the metadata's
        put_labels(found, attributes, _LABELS[:6])
    if "langsmith.span.tags" in attributes:
        put(found, "tags", tags(attributes["langsmith.span.tags"]))
    properties = under(attributes, "langsmith.metadata.")
    if properties:
        put(found, "metadata", entries(properties))
    if attributes.get(f"{_METADATA}ls_integration") == "langchain_create_agent":
        _read_agents_graph(attributes, found)
    if found.get("kind") == "llm":
        _read_call(attributes, found)
        _read_stream(span, found)
    elif found.get("kind") != "embedding" and attributes.get("gen_ai.system") == "langchain":
        found["provider"] = ""  # so it names whatever is no call of a model
    for field, typed, name, role in (
        ("input", "input_messages", "gen_ai.prompt", "user"),
        ("output", "output_messages", "gen_ai.completion", "assistant"),
    ):
        value = parsed(attributes.get(name))
        if value is None:
            continue
        if found.get("kind") == "llm":
            put(found, typed, _messages(value, "user" if role == "user" else "assistant"))
        if field == "output":
            value = _bare(tool_answer(value) if found.get("kind") == "tool" else value)
        put_content(found, field, value)
    if found.get("kind") == "tool":
        put(found, "tool_name", label(span.name))
    elif found.get("kind") == "retriever":
        answer = mapping(attributes.get("gen_ai.completion"))
        put(found, "documents", documents_of(first(answer, ("output", "outputs", "documents"))))


def _read_agents_graph(attributes: Attributes, found: Found) -> None:
    """LangChain's `create_agent` is a graph, told as a chain; the run outside of its nodes is the agent's."""
    if found.get("kind") == "workflow" and f"{_METADATA}langgraph_node" not in attributes:
        found["kind"] = "agent"
        put_labels(found, attributes, (("agent_name", f"{_METADATA}lc_agent_name"),))


def _bare(value: Any) -> Any:
    """What a function gave that is no object: the SDKs put it under ``output``, JavaScript's under ``outputs``."""
    held = first(value, ("output", "outputs")) if is_object(value) and len(value) == 1 else None
    return value if held is None or is_object(held) else held


def _read_call(attributes: Attributes, found: Found) -> None:
    """A call of a client that LangSmith wraps is told as it was sent and answered."""
    asked, answered = mapping(attributes.get("gen_ai.prompt")), mapping(attributes.get("gen_ai.completion"))
    if "model" in asked:
        read_request(found, asked)
    read_answer(found, answered)
    if attributes.get("langsmith.request.streaming") is True:
        found.setdefault("stream", True)
    _read_generation(answered, found)
    told = _usage_told(attributes, answered)
    if "usage" not in found:
        _read_usage(told, found)
    if "cost_reported" not in found:
        cost = picodollars(told.get("total_cost"))
        if cost is not None:
            found["cost_reported"] = cost


def _read_stream(span: ForeignSpan, found: Found) -> None:
    """Each token of a stream is an event of the run; the first is when the answer began."""
    for event in span.events:
        if event.name == "new_token":
            found.setdefault("stream", True)
            if event.time_ns >= span.start_ns > 0:
                found.setdefault("ttft_ns", event.time_ns - span.start_ns)
            return


def _read_generation(answered: dict[str, Any], found: Found) -> None:
    """What LangChain's answer tells of how it came to be: why it ended, by which model, its id."""
    generation = _first_generation(answered)
    message = mapping(generation.get("message"))
    told = mapping(mapping(message.get("kwargs")).get("response_metadata"))
    about = mapping(generation.get("generation_info"))
    why = first(about, ("finish_reason", "stop_reason")) or first(told, ("finish_reason", "stop_reason"))
    if not why:  # Vercel's SDK, wrapped: a word, or the provider's beside its own
        why = first(answered, ("finish_reason", "finishReason"))
        why = why.get("unified") if is_object(why) else why
    put(found, "stop", stop_of(why))
    put(found, "model_used", label(first(told, ("model_name", "model")) or about.get("model_name")))
    put(found, "response_id", label(told.get("id")))


def _first_generation(answered: dict[str, Any]) -> dict[str, Any]:
    """Of ``{"generations": [[{…}]]}``, with one list or two."""
    head: Any = answered.get("generations")
    while is_list(head) and head:
        head = head[0]
    return mapping(head)


def _usage_told(attributes: Attributes, answered: dict[str, Any]) -> dict[str, Any]:
    """LangChain's ``usage_metadata``: beside the span, in the answer, or in the message of LangChain's own answer.
    ``gen_ai.usage.*`` has its two sums alone, in which what a cache gave cannot be told from the rest."""
    told = mapping(attributes.get("langsmith.metadata.usage_metadata")) or mapping(answered.get("usage_metadata"))
    if not told:
        told = mapping(mapping(mapping(_first_generation(answered).get("message")).get("kwargs")).get("usage_metadata"))
    return told


def _read_usage(told: dict[str, Any], found: Found) -> None:
    """Its input and output are whole, its details parts of them. What is worked on in another tier has that before its
    name (``flex_cache_read``)."""
    given, made = mapping(told.get("input_token_details")), mapping(told.get("output_token_details"))
    usage = buckets(
        Counts(
            input=count(told.get("input_tokens")),
            output=count(told.get("output_tokens")),
            total=count(told.get("total_tokens")),
            cache_read=count(first(given, ("cache_read", "priority_cache_read", "flex_cache_read"))),
            cache_write=count(given.get("cache_creation")),
            cache_write_5m=count(given.get("ephemeral_5m_input_tokens")),
            cache_write_1h=count(given.get("ephemeral_1h_input_tokens")),
            reasoning=count(first(made, ("reasoning", "priority_reasoning", "flex_reasoning"))),
            audio_input=count(given.get("audio")),
            audio_output=count(made.get("audio")),
        )
    )
    if usage is not None:
        found["usage"] = usage
        found["total_tokens"] = count(told.get("total_tokens"))


def _messages(value: Any, role: Role) -> tuple[Message, ...]:
    """LangChain's ``{"messages": [[…]]}`` and ``{"generations": [[{"message": …}]]}``, OpenAI's, or a text."""
    generations = mapping(value).get("generations")
    if is_list(generations) and generations:
        head = generations[0]
        held = mapping(head[0] if is_list(head) and head else head)
        return messages_of([held["message"]], role) if "message" in held else messages_of(held.get("text"), role)
    choices = mapping(value).get("choices")
    if type(choices) is list:
        return messages_of(choices, role)
    return messages_of(value, role) if type(value) is str or looks_like_messages(value) else ()


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"langsmith"}), scopes=("langsmith",), own=70, column=70, kinds=27,
    kind=kind, read=read,
)  # fmt: skip
