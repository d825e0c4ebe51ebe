"""Flue (@flue/opentelemetry): ``flue.*`` beside OpenTelemetry GenAI (`otel_genai`).

Names: dist/index.mjs of @flue/opentelemetry 2.1. A model's turn is a ``chat`` span with ``gen_ai.*``; the operation
around it (``flue.operation.kind`` prompt, skill, shell or task) repeats its usage. Before 2.0 a turn's messages stood
in ``flue.turn.{input,output}``: ``{systemPrompt, messages, tools}`` and one message.
"""

from typing import Final

from trimtab.telemetry.conventions._messages import messages_of, tools_of, with_system
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import Found, entries, mapping, put, put_labels, under
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "flue"
VERSION: Final = 1

_KINDS: Final[dict[str, SpanKind]] = {"prompt": "agent", "skill": "agent", "task": "agent", "shell": "tool"}
_LABELS: Final = (
    ("agent_name", "gen_ai.agent.name"),
    ("agent_name", "flue.agent.name"),
    ("session", "gen_ai.conversation.id"),
    ("session", "flue.session.name"),
)
_CONTENT: Final = frozenset({"turn.input", "turn.output"})


def kind(span: ForeignSpan) -> SpanKind | None:
    attributes = span.attributes
    if "flue.turn.input" in attributes or "flue.turn.output" in attributes:
        return "llm"
    said = attributes.get("flue.operation.kind")
    if type(said) is str and said in _KINDS:
        return _KINDS[said]
    if span.name == "flue.operation shell":
        return "tool"
    return "workflow" if span.name in ("flue.compaction", "flue.coordinator") else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    asked = mapping(attributes.get("flue.turn.input"))
    if asked:
        put(found, "input_messages", with_system(messages_of(asked.get("messages")), asked.get("systemPrompt")))
        put(found, "tools_offered", tools_of(asked.get("tools")))
    told = attributes.get("flue.turn.output")
    if told is not None:
        put(found, "output_messages", messages_of(told, "assistant"))
    if found.get("kind") == "tool":
        put(found, "tool_name", "shell" if "gen_ai.tool.name" not in attributes else "")
    properties = [each for each in under(attributes, "flue.") if each[0] not in _CONTENT]
    if properties:
        put(found, "metadata", entries(properties))


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"flue"}), scopes=("@flue/opentelemetry",), own=69, column=69,
    kinds=37, kind=kind, read=read,
)  # fmt: skip
