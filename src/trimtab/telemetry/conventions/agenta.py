"""Agenta's SDK: ``ag.*``.

Names: Agenta-AI/agenta, sdk/agenta/sdk/engines/tracing/{conventions,attributes}.py and sdk/decorators/tracing.py. What
is no text or number is JSON behind ``@ag.type=json:``, and mappings are flattened into names
(``ag.data.inputs.prompt.0.role``). ``ag.metrics.unit.*`` (the SDK's) and ``.incremental.*`` (as its server writes
them) are a span's own; ``.acc.*`` and ``.cumulative.*`` repeat what is below it.
"""

from typing import Any, Final

from trimtab.telemetry.conventions._indexed import rows, tree
from trimtab.telemetry.conventions._messages import looks_like_messages, messages_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    count,
    entries,
    first,
    is_object,
    label,
    parsed,
    picodollars,
    put,
    put_content,
    put_labels,
    under,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "agenta"
VERSION: Final = 1

_JSON: Final = "@ag.type=json:"
_KINDS: Final[dict[str, SpanKind]] = {
    "chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "reranker", "query": "retriever",
    "tool": "tool", "agent": "agent", "chain": "workflow", "workflow": "workflow", "task": "workflow",
}  # fmt: skip
_LABELS: Final = (
    ("session", "ag.session.id"),
    ("session", "ag.meta.session_id"),
    ("user", "ag.user.id"),
    ("model", "ag.meta.request.model"),
    ("model", "ag.meta.configuration.model"),
    ("provider", "ag.meta.system"),
    ("environment", "ag.refs.environment.slug"),
    ("prompt_name", "ag.refs.application.slug"),
    ("prompt_version", "ag.refs.application_revision.version"),
    ("prompt_version", "ag.refs.variant.version"),
)
_TOKENS: Final = ("ag.metrics.tokens.incremental.", "ag.metrics.unit.tokens.")
_COSTS: Final = ("ag.metrics.costs.incremental.total", "ag.metrics.unit.costs.total")


def kind(span: ForeignSpan) -> SpanKind | None:
    said = span.attributes.get("ag.type.node")
    return _KINDS.get(said) if type(said) is str else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    given, made = _value(attributes, "ag.data.inputs"), _value(attributes, "ag.data.outputs")
    kind_now = found.get("kind")
    if kind_now == "llm":  # LiteLLM's handler: {"prompt": messages}, {"completion": a message}
        if looks_like_messages(given):
            put(found, "input_messages", messages_of(given))
        held = first(made, ("completion", "message")) if is_object(made) else made
        if type(held) is str or looks_like_messages(held):
            put(found, "output_messages", messages_of(held, "assistant"))
    elif kind_now == "tool":
        put(found, "tool_name", label(span.name))
    elif kind_now == "agent":
        put(found, "agent_name", label(span.name))
    put_content(found, "input", given)
    put_content(found, "output", made)
    _read_usage(attributes, found)
    properties = [(name, _plain(value)) for name, value in under(attributes, "ag.meta.")]
    if properties:
        if kind_now == "llm":
            put(found, "params", _params(properties))
        put(found, "metadata", entries(properties))


def _params(properties: list[tuple[str, Any]]) -> dict[str, Any]:
    """``configuration.temperature``, and so on: what the model was asked with."""
    cut = "configuration."
    given = {name[len(cut) :]: value for name, value in properties if name.startswith(cut) and value is not None}
    given.pop("model", None)
    return given


def _read_usage(attributes: Attributes, found: Found) -> None:
    if "usage" not in found:
        for prefix in _TOKENS:
            counts = Counts(
                input=count(attributes.get(f"{prefix}prompt")),
                output=count(attributes.get(f"{prefix}completion")),
                total=count(attributes.get(f"{prefix}total")),
                cache_read=count(first(attributes, (f"{prefix}cache_read", f"{prefix}cached"))),
            )
            usage = buckets(counts)
            if usage is not None:
                found["usage"] = usage
                found["total_tokens"] = counts.total
                break
    amount = picodollars(first(attributes, _COSTS))
    if amount is not None and "cost_reported" not in found:
        found["cost_reported"] = amount


def _plain(value: Any) -> Any:
    """A value without its mark."""
    if type(value) is str and value.startswith(_JSON):
        return parsed(value[len(_JSON) :])
    return value


def _value(attributes: Attributes, name: str) -> Any:
    """The whole value, or what its flattened names come to."""
    whole = attributes.get(name)
    if whole is not None:
        return _plain(whole)
    found = tree(attributes, f"{name}.")
    return _unmarked(found) if found else None


def _unmarked(held: Any) -> Any:
    if not is_object(held):
        return _plain(held)
    listed = rows(held)
    if len(listed) == len(held):  # all names are indices
        return [_unmarked(each) for each in listed]
    return {name: _unmarked(value) for name, value in held.items()}


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"ag"}), own=66, column=66, kinds=65, kind=kind, read=read
)
