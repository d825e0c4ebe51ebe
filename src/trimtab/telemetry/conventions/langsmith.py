"""LangSmith over OTLP: ``langsmith.*`` beside ``gen_ai.prompt`` and ``gen_ai.completion``, which hold a run's inputs
and outputs as JSON.

Names: langchain-ai/docs, src/langsmith/trace-with-opentelemetry.mdx; langsmith's own exporter,
langsmith/_internal/otel/_otel_exporter.py.
"""

from typing import Any, Final

from trimtab.llm.types import Message, Role
from trimtab.telemetry.conventions._messages import looks_like_messages, messages_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import (
    Found,
    entries,
    is_list,
    label,
    mapping,
    parsed,
    put,
    put_content,
    put_labels,
    tags,
    under,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "langsmith"
VERSION: Final = 1

_KINDS: Final[dict[str, SpanKind]] = {
    "llm": "llm", "chain": "workflow", "tool": "tool", "retriever": "retriever", "embedding": "embedding",
    "prompt": "workflow", "parser": "workflow",
}  # fmt: skip
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
    for field, typed, name, role in (
        ("input", "input_messages", "gen_ai.prompt", "user"),
        ("output", "output_messages", "gen_ai.completion", "assistant"),
    ):
        value = parsed(attributes.get(name))
        if value is None:
            continue
        if found.get("kind") == "llm":
            put(found, typed, _messages(value, "user" if role == "user" else "assistant"))
        put_content(found, field, value)
    if found.get("kind") == "tool":
        put(found, "tool_name", label(span.name))


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
    name=NAME, version=VERSION, families=frozenset({"langsmith"}), scopes=("langsmith",), own=70, column=70, kinds=70,
    kind=kind, read=read,
)  # fmt: skip
