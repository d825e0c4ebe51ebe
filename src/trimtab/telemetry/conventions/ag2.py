"""AG2 from version 1 on (its `TelemetryMiddleware` and hub): ``ag2.*`` beside OpenTelemetry GenAI (`otel_genai`).

Names: ag2/_telemetry_consts.py and ag2/middleware/builtin/telemetry.py of ag2 1.2.1. Each call of a model is told twice
in one trace: by the span of the call, and by one that notes its use (``record_usage model_call``). A note of another
kind (a worker's whole run, a compaction, an aggregation) is of what no span of a call tells, and counts.
"""

from typing import Final

from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import Found, entries, put, put_content, put_labels, under
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "ag2"
VERSION: Final = 1

_KINDS: Final[dict[str, SpanKind]] = {
    "agent": "agent", "llm": "llm", "tool": "tool", "human_input": "span", "envelope": "span", "channel": "workflow",
    "task": "workflow", "agent_lifetime": "span", "agent_event": "event",
}  # fmt: skip
_READ: Final = frozenset({"span.type", "human_input.prompt", "human_input.response"})


def kind(span: ForeignSpan) -> SpanKind | None:
    said = span.attributes.get("ag2.span.type")
    if said == "usage":
        return "span" if span.attributes.get("ag2.usage.kind") == "model_call" else "llm"
    return _KINDS.get(said) if type(said) is str else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, (("session", "ag2.network.channel_id"), ("agent_id", "ag2.agent.id")))
    put_content(found, "input", attributes.get("ag2.human_input.prompt"))
    put_content(found, "output", attributes.get("ag2.human_input.response"))
    properties = [each for each in under(attributes, "ag2.") if each[0] not in _READ]
    if properties:
        put(found, "metadata", entries(properties))


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"ag2"}), scopes=("opentelemetry.instrumentation.ag2",), own=71,
    column=71, kinds=29, kind=kind, read=read,
)  # fmt: skip
