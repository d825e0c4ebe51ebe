"""MLflow tracing over OTLP: ``mlflow.*``, each value being JSON in a string.

Names: mlflow/mlflow, mlflow/tracing/constant.py.
"""

from typing import Final

from trimtab.telemetry.conventions._messages import looks_like_messages, messages_of, tools_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Found,
    count,
    first,
    is_object,
    label,
    mapping,
    parsed,
    picodollars,
    put,
    put_content,
)
from trimtab.telemetry.conventions.otel_genai import documents_of
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "mlflow"
VERSION: Final = 1

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


def kind(span: ForeignSpan) -> SpanKind | None:
    return _KINDS.get(label(parsed(span.attributes.get("mlflow.spanType"))).upper())


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    for field, name in _LABELS:
        put(found, field, label(parsed(attributes.get(name))))
    given, made = parsed(attributes.get("mlflow.spanInputs")), parsed(attributes.get("mlflow.spanOutputs"))
    kind_now = found.get("kind")
    if kind_now == "llm":
        if looks_like_messages(given):
            put(found, "input_messages", messages_of(given))
        if is_object(given):
            put(found, "model", label(given.get("model")))
            put(found, "tools_offered", tools_of(given.get("tools")))
        if is_object(made) and type(made.get("choices")) is list:
            put(found, "output_messages", messages_of(made["choices"], "assistant"))
            put(found, "model_used", label(made.get("model")))
            put(found, "response_id", label(made.get("id")))
    elif kind_now == "retriever":
        put(found, "documents", documents_of(made))
    elif kind_now == "tool":
        put(found, "tool_name", label(span.name))
    put(found, "tools_offered", tools_of(attributes.get("mlflow.chat.tools")))
    put_content(found, "input", given)
    put_content(found, "output", made)
    _read_usage(span, found)


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
