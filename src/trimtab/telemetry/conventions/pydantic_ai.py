"""pydantic-ai (instrumentation versions 1 to 6) and Logfire: ``pydantic_ai.*``, ``logfire.*``, and names without a dot.

Names: pydantic/pydantic-ai, pydantic_ai_slim/pydantic_ai/{_instrumentation,_otel_messages,usage}.py; pydantic/logfire,
logfire/_internal/constants.py. Model spans carry OpenTelemetry GenAI (`otel_genai`) from version 2 on; before, a list
of events in ``events``. An agent run repeats its calls' usage (``gen_ai.aggregated_usage.*`` when asked to). A tool
that is deferred (its call waits for approval or runs elsewhere) did not fail.
"""

from typing import Any, Final

from trimtab.llm.types import Message
from trimtab.telemetry.conventions import _logfire_agents
from trimtab.telemetry.conventions._bodies import read_used
from trimtab.telemetry.conventions._messages import messages_of, tools_of, with_system
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    count,
    entries,
    first,
    label,
    mapping,
    number,
    parsed,
    picodollars,
    put,
    put_content,
    put_labels,
    sequence,
    tags,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "pydantic_ai"
VERSION: Final = 7

_ERROR, _WARN = 17, 13
"""OpenTelemetry's severity numbers, which ``logfire.level_num`` uses."""
_DEFERRED: Final = frozenset({"CallDeferred", "ApprovalRequired"})
_SCOPE: Final = "pydantic-ai"


def kind(span: ForeignSpan) -> SpanKind | None:
    attributes, name = span.attributes, span.name
    if span.scope_name.startswith(_SCOPE):
        if name == "agent run" or "pydantic_ai.all_messages" in attributes or "all_messages_events" in attributes:
            return "agent"
        if name.startswith("running tool"):
            # Version 2 has a span around a step's tools, "running 2 tools", which is no tool itself.
            return "workflow" if name.startswith("running tools") or name.endswith(" tools") else "tool"
        if name.startswith("running output function"):
            return "tool"
    if span.scope_name == _logfire_agents.SCOPE:
        return _logfire_agents.kind_of(attributes)
    if attributes.get("logfire.span_type") == "log":
        return "llm" if _is_streamed_answer(attributes) else "event"
    if "request_data" in attributes and "gen_ai.request.model" in attributes:
        return "embedding" if attributes.get("gen_ai.operation.name") == "embeddings" else "llm"
    return None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    span_type = attributes.get("logfire.span_type")
    if span_type == "pending_span":
        # Logfire announces a span by a child of it with the span's own name and " (pending)" in older versions.
        found["pending"] = True
        put(found, "pending_for", span.parent_span_id)
    if span.name.endswith(" (pending)"):
        found["name"] = label(span.name.removesuffix(" (pending)"))
    if "{" in span.name and attributes.get("logfire.msg_template") == span.name:
        put(found, "name", label(attributes.get("logfire.msg")))  # the name is what the message is made of
    if "logfire.tags" in attributes:
        put(found, "tags", tags(attributes["logfire.tags"]))
    put_labels(found, attributes, (("agent_name", "gen_ai.agent.name"), ("agent_name", "agent_name")))
    put_labels(found, attributes, (("agent_id", "gen_ai.agent.call.id"), ("model", "model_name")))
    if "metadata" in attributes:
        put(found, "metadata", entries(mapping(attributes["metadata"]).items()))
    if span.scope_name == _logfire_agents.SCOPE:
        _logfire_agents.read(attributes, found)
    elif found.get("kind") == "agent":
        _read_run(attributes, found)
    else:
        _read_call(attributes, found)
    if "gen_ai.usage.raw" in attributes:  # Logfire: the vendor's own, where alone caches and thoughts stand
        read_used(found, mapping(attributes["gen_ai.usage.raw"]))
    cost = attributes.get("operation.cost")
    amount = picodollars(cost) if cost is not None else None
    if amount is not None and "cost_reported" not in found:
        found["cost_reported"] = amount
    _read_status(span, found)


def _read_run(attributes: Attributes, found: Found) -> None:
    """An agent's run: everything that was said, cut where its last answer begins."""
    every = first(attributes, ("pydantic_ai.all_messages", "all_messages_events"))
    if every is not None and "input_messages" not in found:
        listed = sequence(every)
        messages = with_system(messages_of(listed), parsed(attributes.get("gen_ai.system_instructions")))
        cut = len(messages)
        while cut > 0 and messages[cut - 1].role == "assistant":
            cut -= 1
        put(found, "input_messages", messages[:cut])
        if "final_result" not in attributes:
            put(found, "output_messages", messages[cut:])
    if "input_messages" not in found:
        put_content(found, "input", attributes.get("prompt"))  # before messages were told
    result = attributes.get("final_result")
    if result is not None:
        put(found, "output_messages", messages_of(result if type(result) is str and result[:1] not in "{[" else None,
                                                  "assistant"))  # fmt: skip
        put_content(found, "output", result)


def _is_streamed_answer(attributes: Attributes) -> bool:
    """Logfire's instrumentation of the clients tells a stream's answer and usage as a log, once it is over; the span of
    the call, which was over before, has neither."""
    return attributes.get("logfire.span_type") == "log" and any(
        name in attributes for name in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")
    )


def _read_call(attributes: Attributes, found: Found) -> None:
    if _is_streamed_answer(attributes):
        found.setdefault("stream", True)
    if "tool_arguments" in attributes or "tool_response" in attributes:
        put_content(found, "input", attributes.get("tool_arguments"))
        put_content(found, "output", attributes.get("tool_response"))
    events = attributes.get("events")
    if events is not None and "input_messages" not in found:
        _read_events(sequence(events), found)
    asked = mapping(attributes.get("request_data"))
    if asked:  # Logfire's instrumentation of the OpenAI and Anthropic clients
        put(found, "input_messages", with_system(messages_of(first(asked, ("messages", "input"))), asked.get("system")))
        put(found, "tools_offered", tools_of(asked.get("tools")))
        if asked.get("stream") is True:
            found.setdefault("stream", True)
        told = mapping(attributes.get("response_data"))
        answer = told.get("message")
        if answer is not None:
            put(found, "output_messages", messages_of(answer, "assistant"))
        else:
            text = first(told, ("combined_chunk_content", "text"))
            put(found, "output_messages", messages_of(text, "assistant"))
    offered = mapping(attributes.get("model_request_parameters")).get("function_tools")
    if offered:
        put(found, "tools_offered", tools_of(offered))
    seconds = number(attributes.get("gen_ai.client.operation.time_to_first_chunk"))
    if seconds is not None and 0 <= seconds < 1e9 and "ttft_ns" not in found:
        found["ttft_ns"] = int(seconds * 1_000_000_000)
        found.setdefault("stream", True)  # nothing else says so


def _read_events(events: list[Any], found: Found) -> None:
    """Version 1: ``[{"event.name": "gen_ai.user.message", "content": …}, …, {"event.name": "gen_ai.choice", …}]``."""
    asked: list[Message] = []
    answered: list[Message] = []
    for each in events:
        held = mapping(each)
        if held.get("event.name") == "gen_ai.choice":
            answered += messages_of([held], "assistant")
        elif held:
            asked += messages_of([held])
    put(found, "input_messages", tuple(asked))
    put(found, "output_messages", tuple(answered))


def _read_status(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    level = count(attributes.get("logfire.level_num"))
    if any(name.startswith("pydantic_ai.tool.deferral.") for name in attributes) or _deferred(span):
        found["status"] = "ok"
    elif level is not None and level >= _ERROR:
        found.setdefault("status", "error")
        if not span.status_message and not any(event.name == "exception" for event in span.events):
            # A log says in its message what went wrong; a span what it was about to do.
            put(found, "error_message", attributes.get("logfire.msg"))


def _deferred(span: ForeignSpan) -> bool:
    if not span.scope_name.startswith(_SCOPE):
        return False
    types = (label(event.attributes.get("exception.type")) for event in span.events if event.name == "exception")
    return any(name.rpartition(".")[2] in _DEFERRED for name in types)


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"logfire", "pydantic_ai"}), scopes=(_SCOPE, "logfire"),
    own=30, column=55, kinds=25, kind=kind, read=read,
)  # fmt: skip
