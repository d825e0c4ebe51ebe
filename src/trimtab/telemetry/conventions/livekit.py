"""LiveKit Agents: ``lk.*``, beside OpenTelemetry GenAI (`otel_genai`) on the calls themselves.

Names: livekit/agents, livekit-agents/livekit/agents/telemetry/trace_types.py; contents have ``pii`` in their names from
1.5 on (``lk.pii.chat_ctx``, before: ``lk.chat_ctx``). The provider's call is ``llm_request`` with ``gen_ai.*``; the
``llm_node`` around it has the conversation.
"""

from typing import Any, Final

from trimtab.llm.types import Message, Part, Text
from trimtab.telemetry.conventions._messages import messages_of, tool_calls_of
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import (
    Attributes,
    Found,
    entries,
    first,
    mapping,
    number,
    parsed,
    put,
    put_content,
    put_labels,
    sequence,
    under,
)
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "livekit"
VERSION: Final = 1

_SCOPE: Final = "livekit-agents"
_KINDS: Final[dict[str, SpanKind]] = {
    "llm_node": "workflow", "llm_request": "llm", "function_tool": "tool", "agent_turn": "agent",
    "agent_session": "workflow", "job_entrypoint": "workflow",
    "judge_evaluation": "evaluator", "realtime_inference": "llm", "realtime_metrics": "llm",
}  # fmt: skip


def _both(field: str, name: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """A content's name, and what it was called before."""
    return (field, f"lk.pii.{name}"), (field, f"lk.{name}")


_LABELS: Final = (
    ("agent_name", "lk.agent_name"),
    ("agent_name", "lk.agent_label"),
    ("tool_name", "lk.function_tool.name"),
    ("tool_call_id", "lk.function_tool.id"),
    ("session", "gen_ai.conversation.id"),
    *_both("session", "room_name"),
    ("session", "lk.job_id"),
    *_both("user", "participant_identity"),
)
_CONTENTS: Final = (
    *_both("input", "function_tool.arguments"),
    *_both("output", "function_tool.output"),
    *_both("input", "user_input"),
    *_both("input", "input_text"),
    *_both("input", "user_transcript"),
)
_OTHER: Final = frozenset(
    {
        "chat_ctx", "response.text", "response.function_calls", "user_input", "input_text", "user_transcript",
        "function_tool.arguments", "function_tool.output", "instructions", "agent_name", "agent_label",
        "function_tool.name", "function_tool.id",
    }
)  # fmt: skip
"""What has a field of its own, and is no metadata."""


def kind(span: ForeignSpan) -> SpanKind | None:
    attributes = span.attributes
    if "lk.function_tool.name" in attributes:
        return "tool"
    if span.scope_name == _SCOPE:
        return _KINDS.get(span.name)
    return None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    _read_talk(attributes, found)
    for field, name in _CONTENTS:
        value = attributes.get(name)
        if value is not None:
            put_content(found, field, value)
    if attributes.get("lk.function_tool.is_error") is True:
        found.setdefault("status", "error")
    seconds = number(attributes.get("lk.response.ttft"))
    if seconds is not None and 0 <= seconds < 1e9 and "ttft_ns" not in found:
        found["ttft_ns"] = int(seconds * 1_000_000_000)
    properties = [(name.removeprefix("pii."), value) for name, value in under(attributes, "lk.")]
    properties = [each for each in properties if each[0] not in _OTHER]
    if properties:
        put(found, "metadata", entries(properties))


def _read_talk(attributes: Attributes, found: Found) -> None:
    """``chat_ctx`` is ``{"items": [{"type": "message", "role": …, "content": […]}, {"type": "function_call", …}]}``."""
    talk = _content(attributes, "chat_ctx")
    if talk is not None and "gen_ai.input.messages" not in attributes:
        put(found, "input_messages", messages_of(mapping(talk).get("items")))
    if "gen_ai.output.messages" in attributes:
        return
    parts: list[Part] = []
    said = _content(attributes, "response.text")
    if type(said) is str and said:
        parts.append(Text(said))
    calls = [parsed(each) for each in sequence(_content(attributes, "response.function_calls"))]
    parts += tool_calls_of(calls)
    if parts and "output_messages" not in found:
        found["output_messages"] = (Message("assistant", tuple(parts)),)


def _content(attributes: Attributes, name: str) -> Any:
    return first(attributes, (f"lk.pii.{name}", f"lk.{name}"))


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"lk"}), scopes=(_SCOPE,), own=68, column=68, kinds=36, kind=kind,
    read=read,
)  # fmt: skip
