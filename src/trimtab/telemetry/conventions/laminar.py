"""Laminar (lmnr, Python and TypeScript): ``lmnr.*``; calls by OpenTelemetry GenAI (`otel_genai`) and `openllmetry`.

Names: lmnr, opentelemetry_lib/tracing/attributes.py. ``lmnr.span.type`` says what a span is, functions under
``@observe`` have their arguments and result in ``lmnr.span.input`` and ``.output``. Session, user, tags and metadata
stand in ``lmnr.association.properties.*``.
"""

from typing import Final

from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import Found, entries, label, put, put_content, put_labels, tags, under
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "laminar"
VERSION: Final = 1

_KINDS: Final[dict[str, SpanKind]] = {
    "TOOL": "tool", "LLM": "llm", "EVALUATOR": "evaluator", "HUMAN_EVALUATOR": "evaluator",
    "EVALUATION": "workflow", "EXECUTOR": "workflow",
}  # fmt: skip
_ASSOCIATED: Final = "lmnr.association.properties."
_METADATA: Final = f"{_ASSOCIATED}metadata."
_LABELS: Final = (("session", f"{_ASSOCIATED}session_id"), ("user", f"{_ASSOCIATED}user_id"))


def kind(span: ForeignSpan) -> SpanKind | None:
    said = span.attributes.get("lmnr.span.type")
    return _KINDS.get(said) if type(said) is str else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    put_labels(found, attributes, _LABELS)
    put(found, "tags", tags(attributes.get(f"{_ASSOCIATED}tags")))
    properties = under(attributes, _METADATA)
    if properties:
        put(found, "metadata", entries(properties))
    put_content(found, "input", attributes.get("lmnr.span.input"))
    put_content(found, "output", attributes.get("lmnr.span.output"))
    if found.get("kind") == "tool" and "gen_ai.tool.name" not in attributes:
        put(found, "tool_name", label(span.name))


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"lmnr"}), own=63, column=63, kinds=37, kind=kind, read=read,
)  # fmt: skip
