"""Google's Agent Development Kit: ``gcp.vertex.agent.*`` beside OpenTelemetry GenAI (`otel_genai`).

Names: google/adk-python, src/google/adk/telemetry/tracing.py. Up to 2.12, and later where
``ADK_TELEMETRY_SCHEMA_VERSION_OPT_IN=1`` asks for it, contents stand in ``gcp.vertex.agent.{llm_request,llm_response,
tool_call_args,tool_response}`` as JSON ("{}" where they are not to be captured), and a ``call_llm`` span lies around
the model's own ``generate_content`` span and repeats its usage. From 2.13 on it speaks OpenTelemetry GenAI, with
``gcp.vertex.agent.{invocation_id,event_id}`` beside.
"""

from typing import Any, Final

from trimtab.telemetry.conventions._messages import messages_of, tools_of, with_system
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._stops import stop_of
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import (
    Found,
    count,
    entries,
    label,
    mapping,
    parsed,
    put,
    put_content,
    put_labels,
    sequence,
    under,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "google_adk"
VERSION: Final = 1

_P: Final = "gcp.vertex.agent."
_SCOPE: Final = "gcp.vertex.agent"
_CONTENT: Final = frozenset({"llm_request", "llm_response", "tool_call_args", "tool_response", "data"})
_LABELS: Final = (("session", f"{_P}session_id"),)


def kind(span: ForeignSpan) -> SpanKind | None:
    attributes = span.attributes
    if f"{_P}tool_call_args" in attributes or f"{_P}tool_response" in attributes:
        return "tool"
    if span.name == "call_llm" or mapping(attributes.get(f"{_P}llm_request")):
        return "llm"
    if span.scope_name == _SCOPE:
        if span.name == "invocation":
            return "workflow"
        if span.name.startswith("agent_run"):  # up to 1.14
            return "agent"
    return None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    kind_now = found.get("kind")
    if attributes.get("gen_ai.tool.call.id") == "<not specified>":
        found["tool_call_id"] = ""
    if kind_now == "tool":
        put(found, "input", _said(attributes.get(f"{_P}tool_call_args")))
        put(found, "output", _said(attributes.get(f"{_P}tool_response")))
        put(found, "tool_name", label(span.name.removeprefix("execute_tool ")))
    elif kind_now == "llm":
        _read_call(span, found)
    elif kind_now == "agent":
        name = span.name.partition("[")[2].rstrip("]") if span.name.startswith("agent_run") else ""
        put(found, "agent_name", label(name))
    put_content(found, "input", _said(attributes.get(f"{_P}data")))
    _read_vendor(span, found)
    properties = [each for each in under(attributes, _P) if each[0] not in _CONTENT]
    if properties:
        put(found, "metadata", entries(properties))


def _said(value: Any) -> Any:
    """A content; "{}" says that it was not to be told."""
    value = parsed(value)
    return value if value != {} else None


def _read_call(span: ForeignSpan, found: Found) -> None:
    asked = mapping(span.attributes.get(f"{_P}llm_request"))
    config = mapping(asked.get("config"))
    put(found, "input_messages", with_system(messages_of(asked.get("contents")), config.get("system_instruction")))
    offered: list[Any] = []
    for each in sequence(config.get("tools")):
        offered += sequence(mapping(each).get("function_declarations"))
    put(found, "tools_offered", tools_of(offered))
    put(found, "model", label(asked.get("model")))
    told = mapping(span.attributes.get(f"{_P}llm_response"))
    put(found, "output_messages", messages_of(told.get("content"), "assistant"))
    put(found, "stop", stop_of(told.get("finish_reason")))
    said = mapping(told.get("usage_metadata"))
    if said and "usage" not in found:  # it has a total, by which thoughts are told from candidates
        asked_for = count(said.get("prompt_token_count"))
        counts = Counts(
            input=None if asked_for is None else asked_for + (count(said.get("tool_use_prompt_token_count")) or 0),
            output=count(said.get("candidates_token_count")),
            reasoning=count(said.get("thoughts_token_count")),
            cache_read=count(said.get("cached_content_token_count")),
            total=count(said.get("total_token_count")),
        )
        usage = buckets(counts)
        if usage is not None:
            found["usage"] = usage
            found["total_tokens"] = counts.total


def _read_vendor(span: ForeignSpan, found: Found) -> None:
    """``gen_ai.system`` names the kit and no vendor; a model of another vendor's is ``openai/gpt-5-mini`` (LiteLLM)."""
    if span.attributes.get("gen_ai.system") != _SCOPE:
        return
    model = label(span.attributes.get("gen_ai.request.model"))
    vendor, _, rest = model.partition("/")
    if rest and vendor not in ("projects", "models"):
        put(found, "provider", vendor)
        put(found, "model", rest)
    elif model:
        put(found, "provider", "gcp.gemini")


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset(), also=frozenset({"gcp"}), scopes=(_SCOPE,), own=62, column=62,
    kinds=28, kind=kind, read=read,
)  # fmt: skip
