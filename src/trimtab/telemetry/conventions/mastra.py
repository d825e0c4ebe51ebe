"""Mastra (@mastra/otel-exporter): ``mastra.*`` beside OpenTelemetry GenAI (`otel_genai`).

Names: dist/index.js of @mastra/otel-exporter 1.4. ``mastra.span.type`` says what a span is; what is no call of a model
or a tool has its input and output under ``mastra.{type}.input`` and ``.output``. A run's answer, and that of a step
and of all its steps (``model_generation``), is ``{text, toolCalls, …}``; a call's own has the text alone.
"""

from typing import Any, Final

from trimtab.llm.types import Message
from trimtab.telemetry.conventions._messages import looks_like_messages, messages_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import (
    Found,
    entries,
    is_object,
    nanoseconds,
    parsed,
    put,
    put_content,
    put_labels,
    tags,
    under,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "mastra"
VERSION: Final = 1

_METADATA: Final = "mastra.metadata."
_KINDS: Final[dict[str, SpanKind]] = {
    "agent_run": "agent", "client_tool_call": "tool", "memory_operation": "memory", "model_chunk": "event",
    "model_generation": "workflow", "model_step": "workflow", "processor_run": "workflow", "scorer_run": "evaluator",
    "scorer_step": "evaluator", "classifier_evaluation": "evaluator", "rag_vector_operation": "retriever",
}  # fmt: skip
"""Of those that are called after themselves; calls of models and tools are `otel_genai`'s."""
_SPEAKS: Final = frozenset({"agent_run", "model_generation", "model_step"})
_LABELS: Final = (
    ("session", "gen_ai.conversation.id"),
    ("session", f"{_METADATA}threadId"),
    ("session", f"{_METADATA}sessionId"),
    ("user", f"{_METADATA}userId"),
    ("user", f"{_METADATA}resourceId"),
)
_WHOLE: Final = frozenset({"headers", "body"})
"""Of the metadata: the provider's answer as it came."""


def kind(span: ForeignSpan) -> SpanKind | None:
    said = span.attributes.get("mastra.span.type")
    if type(said) is not str:
        return None
    return _KINDS.get(said) or ("workflow" if said.startswith("workflow_") else None)


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    put(found, "tags", tags(parsed(attributes.get("mastra.tags"))))
    began = nanoseconds(attributes.get("mastra.completion_start_time"))
    if began is not None and began >= span.start_ns > 0:
        found.setdefault("ttft_ns", began - span.start_ns)
    said = attributes.get("mastra.span.type")
    if type(said) is str:
        _read_said(said, parsed(attributes.get(f"mastra.{said}.input")), "input", found)
        _read_said(said, parsed(attributes.get(f"mastra.{said}.output")), "output", found)
    properties = [each for each in under(attributes, _METADATA) if each[0] not in _WHOLE]
    if properties:
        put(found, "metadata", entries(properties))


def _read_said(said: str, value: Any, field: str, found: Found) -> None:
    if said in _SPEAKS and value is not None:
        if field == "output":
            put(found, "output_messages", _answer(value))
        elif type(value) is str or looks_like_messages(value):
            put(found, "input_messages", messages_of(value))
    put_content(found, field, value)


def _answer(value: Any) -> tuple[Message, ...]:
    if not is_object(value):
        return messages_of(value, "assistant") if type(value) is str else ()
    said = {"role": "assistant", "content": value.get("text"), "tool_calls": value.get("toolCalls")}
    return tuple(message for message in messages_of([said], "assistant") if message.parts)


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"mastra"}), scopes=("@mastra/",), own=67, column=67, kinds=31,
    kind=kind, read=read,
)  # fmt: skip
