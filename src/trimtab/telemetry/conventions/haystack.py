"""Haystack's own spans (haystack.tracing, sent by opentelemetry-haystack): ``haystack.*``.

Names: haystack/core/pipeline, haystack/components/agents and haystack/tracing/utils.py of haystack-ai 3.4, and
haystack_integrations/tracing/opentelemetry of opentelemetry-haystack 2.0. Values that are no plain ones are JSON.
Inputs and outputs are there with ``HAYSTACK_CONTENT_TRACING_ENABLED=true``; without it no span tells its model or what
it used. All components' spans have one name, so a span is called as its component is in the pipeline. What a component
is its class says: there is no other word for it. Which vendor an agent's call goes to nothing says.
"""

from collections.abc import Iterable
from typing import Any, Final

from trimtab.telemetry.canonical import Document
from trimtab.telemetry.conventions._bodies import read_used
from trimtab.telemetry.conventions._messages import messages_of, tools_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    entries,
    first,
    is_list,
    is_object,
    label,
    mapping,
    number,
    parsed,
    put,
    put_content,
    put_labels,
    sequence,
    text_of_value,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "haystack"
VERSION: Final = 1

_TYPE: Final = "haystack.component.type"
_SPANS: Final[dict[str, SpanKind]] = {
    "haystack.pipeline.run": "workflow", "haystack.async_pipeline.run": "workflow", "haystack.agent.run": "agent",
    "haystack.agent.step": "workflow", "haystack.agent.step.llm": "llm", "haystack.agent.step.tool": "tool",
}  # fmt: skip
_ENDINGS: Final[tuple[tuple[str, SpanKind], ...]] = (
    ("Generator", "llm"), ("Embedder", "embedding"), ("Retriever", "retriever"), ("WebSearch", "retriever"),
    ("Ranker", "reranker"), ("ToolInvoker", "tool"), ("Evaluator", "evaluator"), ("Agent", "workflow"),
)  # fmt: skip
"""Of a component's class. The run of an agent is a span of its own, inside that of the component."""
_VENDORS: Final = (
    ("AzureOpenAI", "azure"), ("OpenAI", "openai"), ("Anthropic", "anthropic"), ("AmazonBedrock", "aws.bedrock"),
    ("GoogleGenAI", "google"), ("GoogleAI", "google"), ("VertexAI", "google"), ("Mistral", "mistral"),
    ("Cohere", "cohere"), ("Ollama", "ollama"), ("OpenRouter", "openrouter"), ("TogetherAI", "together"),
    ("HuggingFace", "huggingface"), ("Nvidia", "nvidia"), ("Jina", "jina"), ("Voyage", "voyageai"),
)  # fmt: skip
"""By what a component's class begins with."""
_INPUTS: Final = (
    "haystack.component.input", "haystack.agent.step.llm.input", "haystack.agent.step.tool.input",
    "haystack.agent.input", "haystack.pipeline.input_data",
)  # fmt: skip
_OUTPUTS: Final = (
    "haystack.component.output", "haystack.agent.step.llm.output", "haystack.agent.step.tool.output",
    "haystack.agent.output", "haystack.pipeline.output_data",
)  # fmt: skip
_VECTORS: Final = frozenset({"embedding", "sparse_embedding", "query_embedding", "query_sparse_embedding"})
_FIELDS: Final = frozenset({"id", "content", "score", "blob", "meta", "dataframe"}) | _VECTORS
_METADATA: Final = (
    ("component", _TYPE),
    ("visits", "haystack.component.visits"),
    ("step", "haystack.agent.step"),
    ("steps_taken", "haystack.agent.steps_taken"),
    ("max_steps", "haystack.agent.max_steps"),
)


def kind(span: ForeignSpan) -> SpanKind | None:
    known = _SPANS.get(span.name)
    if known is not None:
        return known
    said = span.attributes.get(_TYPE)
    if type(said) is str:
        for ending, word in _ENDINGS:
            if said.endswith(ending):
                return word
        return "span"
    return None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, (("name", "haystack.component.name"), ("tool_name", "haystack.tool.name")))
    given, made = parsed(first(attributes, _INPUTS)), parsed(first(attributes, _OUTPUTS))
    if is_object(given):
        given = {name: value for name, value in given.items() if value is not None and name not in _VECTORS}
    read_kind = _READERS.get(found.get("kind", ""))
    if read_kind is not None:
        read_kind(attributes, mapping(given), mapping(made), found)
    put_content(found, "input", given)
    put_content(found, "output", made)
    properties = [(name, attributes[key]) for name, key in _METADATA if key in attributes]
    properties += mapping(attributes.get("haystack.pipeline.metadata")).items()
    if properties:
        put(found, "metadata", entries(properties))


def _read_call(attributes: Attributes, given: dict[str, Any], made: dict[str, Any], found: Found) -> None:
    _read_vendor(attributes, found)
    asked = given.get("messages") or given.get("prompt")
    put(found, "input_messages", messages_of(asked))
    put(found, "tools_offered", _tools(given.get("tools")))
    put(found, "params", mapping(given.get("generation_kwargs")))
    replies = sequence(made.get("replies"))
    put(found, "output_messages", messages_of(replies, "assistant"))
    # Of chats each reply has its own, of what completes texts there is a list beside them.
    metas = sequence(made.get("meta")) or [mapping(each).get("meta") for each in replies]
    _read_meta(mapping(metas[0]) if metas else {}, found)


def _read_meta(meta: dict[str, Any], found: Found) -> None:
    model = label(meta.get("model"))
    put(found, "model", model)  # what was asked for nothing says
    put(found, "model_used", model)
    put(found, "response_id", label(meta.get("id")))
    put(found, "stop", stop_of(meta.get("finish_reason")))
    if meta.get("completion_start_time") is not None:  # when it began has no time zone
        found.setdefault("stream", True)
    read_used(found, mapping(meta.get("usage")))


def _read_vendor(attributes: Attributes, found: Found) -> None:
    said = label(attributes.get(_TYPE))
    put(found, "provider", next((vendor for start, vendor in _VENDORS if said.startswith(start)), ""))


def _read_vectors(attributes: Attributes, given: dict[str, Any], made: dict[str, Any], found: Found) -> None:
    _read_vendor(attributes, found)
    put_content(found, "input", given.get("text"))
    texts = [mapping(each).get("content") for each in sequence(given.get("documents"))[:1000]]
    put(found, "input", [text for text in texts if type(text) is str])
    _read_meta(mapping(made.get("meta")), found)
    found.setdefault("output", None)  # thousands of numbers, which nobody reads


def _read_found(_attributes: Attributes, given: dict[str, Any], made: dict[str, Any], found: Found) -> None:
    documents = _documents(sequence(made.get("documents")))
    if documents:
        put(found, "documents", documents)
        found.setdefault("output", None)  # they are shown, without the vectors
    put_content(found, "input", given.get("query"))
    put(found, "params", {name: given[name] for name in ("top_k", "filters") if name in given})


def _documents(listed: Iterable[Any]) -> tuple[Document, ...]:
    """What a document's metadata says stands beside its content."""
    documents: list[Document] = []
    for each in listed:
        row = mapping(each)
        if row and len(documents) < 1000:
            more = {name: value for name, value in row.items() if name not in _FIELDS}
            documents.append(
                Document(
                    id=label(row.get("id")),
                    content=text_of_value(row.get("content")),
                    score=number(row.get("score")),
                    metadata={**mapping(row.get("meta")), **more},
                )
            )
    return tuple(documents)


def _read_agent(attributes: Attributes, given: dict[str, Any], made: dict[str, Any], found: Found) -> None:
    asked, said = sequence(given.get("messages")), sequence(made.get("messages"))
    put(found, "input_messages", messages_of(asked))
    last = made.get("last_message")
    put(found, "output_messages", messages_of([last] if is_object(last) else said[-1:], "assistant"))
    put(found, "tools_offered", _tools(attributes.get("haystack.agent.tools")))


def _read_tool(attributes: Attributes, _given: dict[str, Any], made: dict[str, Any], found: Found) -> None:
    if attributes.get("haystack.tool.error") is True:
        found.setdefault("status", "error")
        put(found, "error_message", text_of_value(made.get("error")))


def _tools(value: Any) -> tuple[Any, ...]:
    """``{"type", "data"}`` of each tool, or of a set of them."""
    value = parsed(value)
    offered: list[Any] = []
    for each in value if is_list(value) else [value]:
        data = mapping(mapping(each).get("data"))
        offered += sequence(data.get("tools")) if "tools" in data else [each]
    return tools_of([mapping(mapping(each).get("data")) for each in offered])


_READERS: Final = {
    "llm": _read_call, "embedding": _read_vectors, "retriever": _read_found, "reranker": _read_found,
    "agent": _read_agent, "tool": _read_tool,
}  # fmt: skip

PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"haystack"}), own=73, column=73, kinds=32, kind=kind, read=read
)
