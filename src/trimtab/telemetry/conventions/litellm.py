"""LiteLLM's callback ``otel``: beside OpenTelemetry GenAI (`otel_genai`) and OpenLLMetry's older names what it adds.

Names: litellm/integrations/opentelemetry.py of 1.106, and litellm/integrations/otel for what ``LITELLM_OTEL_V2`` turns
on. A call of a tool is missing in its ``gen_ai.output.messages`` and stands, by its number and not by that of a
choice, under ``gen_ai.completion.N.function_call.{name,arguments}``. Truths are texts (``"True"``).
"""

from typing import Final

from msgspec.structs import replace

from trimtab.llm.types import Message, ToolCall
from trimtab.telemetry.conventions._indexed import rows, tree
from trimtab.telemetry.conventions._messages import messages_of, tool_calls_of, tools_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    entries,
    first,
    is_object,
    mapping,
    picodollars,
    put,
    put_content,
    put_labels,
    under,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "litellm"
VERSION: Final = 1

_COSTS: Final = ("gen_ai.cost.total_cost", "litellm.cost.total")
_LABELS: Final = (
    ("user", "litellm.end_user.id"),
    ("user", "metadata.user_api_key_end_user_id"),
    ("user", "llm.user"),
)
_GUARDRAILS: Final = ("litellm.guardrail.name", "guardrail_name")
_FUNCTIONS: Final = "gen_ai.completion.0.function_call.name"
_OFFERED: Final = "gen_ai.tool.0.name"


def kind(span: ForeignSpan) -> SpanKind | None:
    return "guardrail" if first(span.attributes, _GUARDRAILS) is not None else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    if "cost_reported" not in found:
        amount = picodollars(first(attributes, _COSTS))
        if amount is not None:
            found["cost_reported"] = amount
    streams = first(attributes, ("litellm.request.streaming", "llm.is_streaming"))
    if streams is True or streams == "True":
        found.setdefault("stream", True)
    if _FUNCTIONS in attributes and "output_messages" not in found:
        put(found, "output_messages", _with_calls(attributes))
    if _OFFERED in attributes:
        put(found, "tools_offered", tools_of(rows(tree(attributes, "gen_ai.tool."))))
    if found.get("kind") == "guardrail":
        put_content(found, "output", first(attributes, ("litellm.guardrail.response", "guardrail_response")))
    properties = under(attributes, "litellm.")
    if properties:
        put(found, "metadata", entries(properties))


def _with_calls(attributes: Attributes) -> tuple[Message, ...]:
    said = messages_of(attributes.get("gen_ai.output.messages"), "assistant")
    if any(type(part) is ToolCall for message in said for part in message.parts):
        return said
    told = [mapping(row).get("function_call") for row in rows(tree(attributes, "gen_ai.completion."))]
    calls = tuple(tool_calls_of([each for each in told if is_object(each)]))
    if not said:
        return (Message("assistant", calls),) if calls else ()
    return (*said[:-1], replace(said[-1], parts=(*said[-1].parts, *calls)))


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"litellm"}), scopes=("litellm",), own=72, column=72, kinds=29,
    kind=kind, read=read,
)  # fmt: skip
