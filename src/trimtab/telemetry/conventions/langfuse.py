"""Langfuse over OTLP (its SDKs from 3 on): ``langfuse.observation.*``, ``langfuse.trace.*``.

Names: langfuse/langfuse, packages/shared/src/server/otel/attributes.ts. Usage details are exclusive by design (each is
priced by itself) under Langfuse's names, and inclusive under OpenAI's.
"""

from typing import Any, Final

from trimtab.telemetry.conventions._bodies import read_agents_graph, tool_answer
from trimtab.telemetry.conventions._messages import looks_like_messages, messages_of, tools_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    count,
    entries,
    first,
    is_list,
    is_object,
    mapping,
    nanoseconds,
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

NAME: Final = "langfuse"
VERSION: Final = 5

_KINDS: Final[dict[str, SpanKind]] = {
    "generation": "llm", "embedding": "embedding", "retriever": "retriever", "tool": "tool", "agent": "agent",
    "chain": "workflow", "guardrail": "guardrail", "evaluator": "evaluator", "event": "event", "span": "span",
}  # fmt: skip
_O: Final = "langfuse.observation."
_LABELS: Final = (
    ("model", f"{_O}model.name"),
    ("model_used", f"{_O}model.name"),
    ("session", "langfuse.session.id"),
    ("user", "langfuse.user.id"),
    ("environment", "langfuse.environment"),
    ("release", "langfuse.release"),
    ("release", "langfuse.version"),
    ("workflow", "langfuse.trace.name"),
    ("prompt_name", f"{_O}prompt.name"),
    ("prompt_version", f"{_O}prompt.version"),
)
_FROM_METADATA: Final = (
    ("session", "langfuse_session_id"),
    ("user", "langfuse_user_id"),
    ("node", "langgraph_node"),
)
_NO_LIMIT: Final = ("Infinity", "inf", "")


def kind(span: ForeignSpan) -> SpanKind | None:
    said = span.attributes.get(f"{_O}type")
    found = _KINDS.get(said.lower()) if type(said) is str else None
    return "llm" if found == "span" and _generation(span) else found


_GENERATION: Final = frozenset(
    f"{_O}{name}"
    for name in ("model.name", "model.parameters", "usage_details", "cost_details", "completion_start_time")
)


def _generation(span: ForeignSpan) -> bool:
    """Its Python SDK wrote "span" for generations up to 3.3.0 (langfuse/langfuse#8682)."""
    if span.scope_name != "langfuse-sdk" or span.resource.get("telemetry.sdk.language") != "python":
        return False
    numbers = span.scope_version.split(".")[:2]
    if len(numbers) < 2 or not all(each.isdecimal() and len(each) < 5 for each in numbers):
        return False
    return (int(numbers[0]), int(numbers[1])) <= (3, 3) and not _GENERATION.isdisjoint(span.attributes)


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    metadata = _metadata(attributes)
    if metadata:
        put_labels(found, metadata, _FROM_METADATA)
        read_agents_graph(metadata, found)
        put(found, "metadata", entries(metadata.items()))
    for name in ("langfuse.trace.tags", "langfuse.tags"):
        if name in attributes:
            put(found, "tags", tags(attributes[name]))
    params = mapping(attributes.get(f"{_O}model.parameters"))
    if params:  # its wrapper of OpenAI's client writes infinity, or nothing, for what nobody set
        put(found, "params", {name: value for name, value in params.items() if value not in _NO_LIMIT})
    _read_content(attributes, found)
    _read_usage(attributes, found)
    _read_level(attributes, found)
    began = attributes.get(f"{_O}completion_start_time")
    if began is not None and "ttft_ns" not in found:
        at = nanoseconds(parsed(began))
        if at is not None and at >= span.start_ns:
            found["ttft_ns"] = at - span.start_ns
            found.setdefault("stream", True)
    if found.get("kind") == "tool":
        put(found, "tool_name", span.name[:500])
    elif found.get("kind") == "agent":
        put(found, "agent_name", span.name[:500])
    elif found.get("kind") == "retriever" and is_list(found.get("output")):
        put(found, "documents", documents_of(found["output"]))


def _metadata(attributes: Attributes) -> dict[str, Any]:
    """Of the observation and of the trace; either may be one JSON text or one attribute per name."""
    found: dict[str, Any] = {}
    for prefix in (f"{_O}metadata", "langfuse.trace.metadata"):
        for name, value in (*mapping(attributes.get(prefix)).items(), *under(attributes, f"{prefix}.")):
            quoted = type(value) is str and value[:1] == value[-1:] == '"'  # SDKs from 5 on write even text as JSON
            found.setdefault(name, parsed(value) if quoted else value)
    for name, value in under(attributes, "langfuse.experiment."):
        found.setdefault(f"experiment.{name}", value)
    return found


def _read_content(attributes: Attributes, found: Found) -> None:
    given = first(attributes, (f"{_O}input", "langfuse.trace.input"))
    made = first(attributes, (f"{_O}output", "langfuse.trace.output"))
    if found.get("kind") == "llm":
        value = parsed(given)
        if type(value) is dict and "tools" in value:
            put(found, "tools_offered", tools_of(value["tools"]))
        if is_list(value):
            value = _without_tools(value, found)
        if looks_like_messages(value):
            put(found, "input_messages", messages_of(value))
        if looks_like_messages(made) or type(parsed(made)) is str:
            put(found, "output_messages", messages_of(made, "assistant"))
    put_content(found, "input", given)
    put_content(found, "output", tool_answer(parsed(made)) if found.get("kind") == "tool" else made)


def _without_tools(listed: list[Any], found: Found) -> list[Any]:
    """Its handler for LangChain puts the tools that are offered behind the messages, as messages of a tool that answer
    no call (langfuse/langchain/CallbackHandler.py)."""
    cut = len(listed)
    while cut and _is_offer(listed[cut - 1]):
        cut -= 1
    if cut == len(listed):
        return listed
    put(found, "tools_offered", tools_of([each["content"] for each in listed[cut:]]))
    return listed[:cut]


def _is_offer(value: Any) -> bool:
    if not is_object(value) or value.get("role") != "tool" or value.get("tool_call_id"):
        return False
    content = value.get("content")
    return is_object(content) and content.get("type") == "function" and is_object(content.get("function"))


_READ: Final = ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens", "cached_tokens")
_WRITE: Final = ("input_cache_creation", "cache_creation_input_tokens", "input_cache_write")
_THOUGHT: Final = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens")


def _read_usage(attributes: Attributes, found: Found) -> None:
    details = mapping(attributes.get(f"{_O}usage_details"))
    if details and "usage" not in found:
        usage = buckets(_counts(details))
        if usage is not None:
            found["usage"] = usage
            found["total_tokens"] = count(first(details, ("total", "total_tokens")))
    costs = mapping(attributes.get(f"{_O}cost_details"))
    if costs and "cost_reported" not in found:
        total = costs.get("total")
        amounts = [total] if total is not None else list(costs.values())
        known = [amount for amount in map(picodollars, amounts) if amount is not None]
        if known:
            found["cost_reported"] = sum(known)


def _counts(details: dict[str, Any]) -> Counts:
    inclusive = "prompt_tokens" in details or ("input_tokens" in details and "input" not in details)
    asked = mapping(first(details, ("prompt_tokens_details", "input_tokens_details")))
    told = mapping(first(details, ("completion_tokens_details", "output_tokens_details")))
    read = first(details, _READ)
    thought = first(details, _THOUGHT)
    audio_in, audio_out = details.get("input_audio_tokens"), details.get("output_audio_tokens")
    counts = Counts(
        input=count(first(details, ("input", "prompt_tokens", "input_tokens", "promptTokens"))),
        output=count(first(details, ("output", "completion_tokens", "output_tokens", "completionTokens"))),
        cache_read=count(read if read is not None else asked.get("cached_tokens")),
        cache_write=count(first(details, _WRITE)),
        cache_write_5m=count(details.get("input_cache_creation_5m")),
        cache_write_1h=count(details.get("input_cache_creation_1h")),
        reasoning=count(thought if thought is not None else told.get("reasoning_tokens")),
        audio_input=count(audio_in),
        audio_output=count(audio_out),
        total=count(first(details, ("total", "total_tokens"))),
    )
    if not inclusive:  # each bucket is priced by itself there, audio too, which we keep within its side
        counts.input_excludes_cache = counts.output_excludes_reasoning = True
        counts.input = None if counts.input is None else counts.input + (counts.audio_input or 0)
        counts.output = None if counts.output is None else counts.output + (counts.audio_output or 0)
    return counts


def _read_level(attributes: Attributes, found: Found) -> None:
    message = attributes.get(f"{_O}status_message")
    if type(message) is str and message:
        found.setdefault("error_message", message)
    if attributes.get(f"{_O}level") == "ERROR":
        found.setdefault("status", "error")


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"langfuse"}), scopes=("langfuse",), own=10, column=40, kinds=10,
    kind=kind, read=read,
)  # fmt: skip
