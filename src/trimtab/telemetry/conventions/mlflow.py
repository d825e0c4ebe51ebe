"""MLflow tracing over OTLP: ``mlflow.*``, each value being JSON in a string.

Names: mlflow/mlflow, mlflow/tracing/constant.py.
"""

from typing import Final

from trimtab.telemetry.conventions._bodies import read_agents_graph, read_answer, read_request, tool_answer
from trimtab.telemetry.conventions._messages import looks_like_messages, messages_of, tools_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Found,
    count,
    entries,
    first,
    is_object,
    label,
    mapping,
    parsed,
    picodollars,
    put,
    put_content,
    put_labels,
    under,
)
from trimtab.telemetry.conventions.otel_genai import documents_of
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "mlflow"
VERSION: Final = 3

_KINDS: Final[dict[str, SpanKind]] = {
    "CHAT_MODEL": "llm", "LLM": "llm", "EMBEDDING": "embedding", "RETRIEVER": "retriever", "RERANKER": "reranker",
    "TOOL": "tool", "AGENT": "agent", "CHAIN": "workflow", "PARSER": "workflow", "WORKFLOW": "workflow",
    "TASK": "workflow", "GUARDRAIL": "guardrail", "EVALUATOR": "evaluator", "MEMORY": "memory", "UNKNOWN": "span",
}  # fmt: skip
_LABELS: Final = (
    ("model", "mlflow.llm.model"),
    ("provider", "mlflow.llm.provider"),
    ("session", "mlflow.trace.session"),
    ("user", "mlflow.trace.user"),
)
_FROM_METADATA: Final = (
    ("session", "session_id"),
    ("session", "thread_id"),
    ("session", "conversation_id"),
    ("user", "user_id"),
    ("node", "langgraph_node"),
)
_CHUNK: Final = "mlflow.chunk.item.0"


def kind(span: ForeignSpan) -> SpanKind | None:
    return _KINDS.get(label(parsed(span.attributes.get("mlflow.spanType"))).upper())


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    for field, name in _LABELS:
        put(found, field, label(parsed(attributes.get(name))))
    given, made = parsed(attributes.get("mlflow.spanInputs")), parsed(attributes.get("mlflow.spanOutputs"))
    kind_now = found.get("kind")
    if kind_now in ("llm", "embedding"):
        if is_object(given):
            read_request(found, given)
        if is_object(made):
            read_answer(found, made)
        if kind_now == "llm" and looks_like_messages(given):
            put(found, "input_messages", messages_of(given))
        _read_stream(span, found)
    elif kind_now == "retriever":
        put(found, "documents", documents_of(made))
    elif kind_now == "tool":
        put(found, "tool_name", label(span.name))
        made = tool_answer(made)
    _read_metadata(span, found)
    put(found, "tools_offered", tools_of(attributes.get("mlflow.chat.tools")))
    put_content(found, "input", given)
    put_content(found, "output", made)
    _read_usage(span, found)


def _read_stream(span: ForeignSpan, found: Found) -> None:
    """Each piece of a stream is an event; the first is when the answer began."""
    for event in span.events:
        if event.name == _CHUNK:
            found.setdefault("stream", True)
            if event.time_ns >= span.start_ns:
                found.setdefault("ttft_ns", event.time_ns - span.start_ns)
            return


def _read_metadata(span: ForeignSpan, found: Found) -> None:
    """LangChain's, as its callbacks are told it, and the tags of the trace (``mlflow.update_current_trace``)."""
    said = mapping(span.attributes.get("metadata"))
    put_labels(found, said, _FROM_METADATA)
    read_agents_graph(said, found)
    tagged = [(name, parsed(value)) for name, value in under(span.attributes, "mlflow.traceTag.")]
    if said or tagged:
        put(found, "metadata", entries([*tagged, *said.items()]))


def _read_usage(span: ForeignSpan, found: Found) -> None:
    said = mapping(span.attributes.get("mlflow.chat.tokenUsage"))
    if said and "usage" not in found:
        usage = buckets(
            Counts(
                input=count(said.get("input_tokens")),
                output=count(said.get("output_tokens")),
                total=count(said.get("total_tokens")),
                cache_read=count(first(said, ("cache_read_input_tokens", "cached_input_tokens"))),
                cache_write=count(said.get("cache_creation_input_tokens")),
                reasoning=count(said.get("reasoning_tokens")),
            )
        )
        if usage is not None:
            found["usage"] = usage
            found["total_tokens"] = count(said.get("total_tokens"))
    cost = mapping(span.attributes.get("mlflow.llm.cost"))
    amount = picodollars(cost.get("total_cost")) if cost else None
    if amount is not None and "cost_reported" not in found:
        found["cost_reported"] = amount


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"mlflow"}), own=60, column=60, kinds=60, kind=kind, read=read
)
