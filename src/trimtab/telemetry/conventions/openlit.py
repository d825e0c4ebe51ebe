"""OpenLIT (openlit, Python): its scopes are ``openlit.instrumentation.*``; calls by OpenTelemetry GenAI (`otel_genai`).

What it says otherwise than others, as its 1.4x does: the time to the first token of each call, which of a call that was
not streamed is its whole time; a cost of 0 where its list has no price; thoughts of Google's models apart from the
output; and of a call that failed before it had an answer, in some clients, the name alone (``chat MODEL``).
"""

from typing import Final

from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._usage import Counts, buckets
from trimtab.telemetry.conventions._values import Found, count, label, put
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "openlit"
VERSION: Final = 1

_NAMED: Final[dict[str, SpanKind]] = {"chat": "llm", "text_completion": "llm", "embeddings": "embedding"}
_GOOGLE: Final = "openlit.instrumentation.google_ai_studio"
_U: Final = "gen_ai.usage."


def kind(span: ForeignSpan) -> SpanKind | None:
    """Of a span that says nothing but its name."""
    if "gen_ai.operation.name" in span.attributes:
        return None
    operation, _, model = span.name.partition(" ")
    return _NAMED.get(operation) if model else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    if "gen_ai.operation.name" not in attributes and found.get("kind") in _NAMED.values():
        put(found, "model", label(span.name.partition(" ")[2]))
    if attributes.get("gen_ai.request.stream") is not True:
        found["ttft_ns"] = None
    if attributes.get("gen_ai.usage.cost") == 0:
        found["cost_reported"] = None
    if span.scope_name == _GOOGLE and f"{_U}reasoning_tokens" in attributes:
        usage = buckets(
            Counts(
                input=count(attributes.get(f"{_U}input_tokens")),
                output=count(attributes.get(f"{_U}output_tokens")),
                cache_read=count(attributes.get(f"{_U}cache_read.input_tokens")),
                reasoning=count(attributes[f"{_U}reasoning_tokens"]),
                output_excludes_reasoning=True,
            )
        )
        if usage is not None:
            found["usage"] = usage


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset({"openlit"}), scopes=("openlit.",), own=61, column=61, kinds=39,
    kind=kind, read=read,
)  # fmt: skip
