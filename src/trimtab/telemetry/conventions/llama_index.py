"""LlamaIndex's own package (llama-index-observability-otel): what happens is in a span's events, flattened.

Names: llama_index/observability/otel of 0.7 (an event's fields as ``a.b.c``, lists and missing values as JSON), and of
llama-index-core 0.14 ``instrumentation/events``. A call has two spans of one name, of which one has the events. A
stream's end comes after its span was closed and is not sent: no answer, no usage. A tool that an agent calls is told by
the text that Python makes of its arguments and of its result.
"""

import ast
import re
from typing import Any, Final

import msgspec

from trimtab.telemetry.canonical import Document
from trimtab.telemetry.conventions._bodies import read_used
from trimtab.telemetry.conventions._indexed import tree
from trimtab.telemetry.conventions._messages import messages_of, tools_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    entries,
    first,
    is_object,
    label,
    mapping,
    number,
    put,
    put_content,
    sequence,
    text_of_value,
    under,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "llama_index"
VERSION: Final = 1

_EVENTS: Final[dict[str, SpanKind]] = {
    "LLMChatStartEvent": "llm", "LLMCompletionStartEvent": "llm", "EmbeddingStartEvent": "embedding",
    "RetrievalStartEvent": "retriever", "ReRankStartEvent": "reranker", "QueryStartEvent": "workflow",
    "SynthesizeStartEvent": "workflow", "GetResponseStartEvent": "workflow", "LLMPredictStartEvent": "workflow",
    "step.output": "workflow", "workflow.output": "workflow",
}  # fmt: skip
_STEP: Final = "llamaindex.step.input_summary"
_VENDORS: Final = (
    ("azure", "azure"), ("openai", "openai"), ("anthropic", "anthropic"), ("bedrock", "aws.bedrock"),
    ("vertex", "google"), ("gemini", "google"), ("googlegenai", "google"), ("mistral", "mistral"),
    ("cohere", "cohere"), ("ollama", "ollama"), ("groq", "groq"), ("deepseek", "deepseek"),
)  # fmt: skip
"""By a word in the class of the model, without its case and underscores."""
_PARAMS: Final = ("temperature", "max_tokens", "top_p", "top_k", "seed")
_QUERIES: Final = (
    "str_or_query_bundle.query_str", "str_or_query_bundle", "query.query_str", "query", "query_str",
)  # fmt: skip
_CALLED: Final = re.compile(
    r"ToolCall(?:Result)?\(tool_name='((?:[^'\\]|\\.){1,200})', tool_kwargs=(\{.{0,4000}?\}), tool_id='([^']{0,200})'",
    re.DOTALL,
)
_GAVE: Final = re.compile(r"""text=(?:'((?:[^'\\]|\\.)*)('?)|"((?:[^"\\]|\\.)*)("?))""", re.DOTALL)
_LONG: Final = 100_000
"""Characters of Python's texts that are taken apart."""


def kind(span: ForeignSpan) -> SpanKind | None:
    if span.name.endswith(".call_tool") and _STEP in span.attributes:
        return "tool"
    for event in span.events:
        known = _EVENTS.get(event.name)
        if known is not None:
            whole = event.name == "workflow.output"
            return "agent" if whole and span.name.partition(".")[0].endswith("Agent") else known
    return None


def read(span: ForeignSpan, found: Found) -> None:
    told: dict[str, Attributes] = {}
    for event in span.events[:100]:
        said = {name: value for name, value in event.attributes.items() if value is not None and value != "null"}
        told.setdefault(event.name, {}).update(said)
    for start, end, reader in _READERS:
        if start in told or end in told:
            reader(told.get(start, {}), told.get(end, {}), found)
    if found.get("kind") == "llm" and "stream" in span.name:
        found.setdefault("stream", True)
    attributes = span.attributes
    if found.get("kind") == "tool":
        _read_tool(attributes, told.get("step.output", {}), found)
    elif found.get("kind") == "agent":
        put(found, "agent_name", label(span.name.partition(".")[0]))
    put_content(found, "input", attributes.get(_STEP) if "step.output" in told else None)
    for name in ("step.output", "workflow.output"):
        put_content(found, "output", told.get(name, {}).get("output"))
    properties = [each for each in under(attributes, "llamaindex.") if each[0] != "step.input_summary"]
    if properties:
        put(found, "metadata", entries(properties))


def _read_model(start: Attributes, found: Found) -> None:
    put(found, "model", label(first(start, ("model_dict.model_name", "model_dict.model"))))
    word = label(start.get("model_dict.class_name")).lower().replace("_", "")
    put(found, "provider", next((vendor for part, vendor in _VENDORS if part in word), ""))


def _read_call(start: Attributes, end: Attributes, found: Found) -> None:
    _read_model(start, found)
    put(found, "input_messages", messages_of(first({**end, **start}, ("messages", "prompt"))))
    put(found, "tools_offered", tools_of(start.get("additional_kwargs.tools")))
    asked = {name: start[f"model_dict.{name}"] for name in _PARAMS if f"model_dict.{name}" in start}
    more = {name: value for name, value in under(start, "additional_kwargs.") if name != "tools" and "." not in name}
    put(found, "params", {**asked, **more})
    said = tree(end, "response.message.")
    if said:
        put(found, "output_messages", messages_of([_whole(said)], "assistant"))
    put(found, "output_messages", messages_of(end.get("response.text"), "assistant"))
    raw = tree(end, "response.raw.")
    put(found, "model_used", label(first(raw, ("model", "model_version"))))
    put(found, "response_id", label(raw.get("id")))
    head = mapping(next(iter(sequence(raw.get("choices"))), None))
    why = first(head, ("finish_reason",)) or first(raw, ("stop_reason", "finish_reason"))
    put(found, "stop", stop_of(why))
    used = raw.get("usage")
    if is_object(used):
        read_used(found, used)
    if "usage" not in found:  # what LlamaIndex itself notes of it
        read_used(found, dict(under(end, "response.additional_kwargs.")))


def _whole(said: dict[str, Any]) -> dict[str, Any]:
    """A message as it was before it was flattened: its lists are JSON."""
    more = mapping(said.get("additional_kwargs"))
    return {**said, "blocks": sequence(said.get("blocks")), "additional_kwargs": more}


def _read_vectors(start: Attributes, end: Attributes, found: Found) -> None:
    _read_model(start, found)
    chunks = sequence(end.get("chunks"))
    put_content(found, "input", chunks[0] if len(chunks) == 1 else chunks or None)


def _read_found(start: Attributes, end: Attributes, found: Found) -> None:
    put(found, "model", label(start.get("model_name")))
    put_content(found, "input", first(start, _QUERIES))
    if "top_n" in start:
        put(found, "params", {"top_n": start["top_n"]})
    put(found, "documents", _documents(end.get("nodes")))


def _documents(value: Any) -> tuple[Document, ...]:
    """``[{"node": {"id_", "text", "metadata"}, "score"}]``."""
    documents: list[Document] = []
    for each in sequence(value)[:1000]:
        row = mapping(each)
        node = mapping(row.get("node"))
        text = first(node, ("text",)) or mapping(node.get("text_resource")).get("text")
        documents.append(
            Document(
                id=label(first(node, ("id_", "node_id"))),
                content=text_of_value(text),
                score=number(row.get("score")),
                metadata=mapping(node.get("metadata")),
            )
        )
    return tuple(documents)


def _read_asked(start: Attributes, end: Attributes, found: Found) -> None:
    put_content(found, "input", first(start, _QUERIES))
    put_content(found, "output", first(end, ("response.response", "response", "output")))


def _read_tool(attributes: Attributes, step: Attributes, found: Found) -> None:
    """``ToolCall(tool_name='…', tool_kwargs={…}, tool_id='…')``; either is cut off where it is long."""
    gave = text_of_value(step.get("output"))[:_LONG]
    called = _CALLED.match(text_of_value(attributes.get(_STEP))) or _CALLED.match(gave)
    if called is not None:
        put(found, "tool_name", called.group(1))
        put(found, "tool_call_id", called.group(3))
        put_content(found, "input", _literal(called.group(2)))
    said = _GAVE.search(gave)
    if said is not None:
        one, closed, other, ended = said.groups()
        whole = bool(closed or ended)  # the end of a long one was cut off
        put_content(found, "output", _literal(said.group()[len("text=") :]) if whole else one or other)
    if ", is_error=True" in gave:
        found.setdefault("status", "error")


def _literal(text: str) -> Any:
    """What Python would make of it, if it is a value that JSON has; else the text."""
    try:
        return msgspec.json.decode(msgspec.json.encode(ast.literal_eval(text)))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, OverflowError, msgspec.MsgspecError):
        return text


_READERS: Final = (
    ("LLMChatStartEvent", "LLMChatEndEvent", _read_call),
    ("LLMCompletionStartEvent", "LLMCompletionEndEvent", _read_call),
    ("EmbeddingStartEvent", "EmbeddingEndEvent", _read_vectors),
    ("RetrievalStartEvent", "RetrievalEndEvent", _read_found),
    ("ReRankStartEvent", "ReRankEndEvent", _read_found),
    ("QueryStartEvent", "QueryEndEvent", _read_asked),
    ("SynthesizeStartEvent", "SynthesizeEndEvent", _read_asked),
    ("LLMPredictStartEvent", "LLMPredictEndEvent", _read_asked),
    ("GetResponseStartEvent", "GetResponseEndEvent", _read_asked),
)

PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"llamaindex"}), scopes=("llamaindex.",), own=74, column=74,
    kinds=33, kind=kind, read=read,
)  # fmt: skip
