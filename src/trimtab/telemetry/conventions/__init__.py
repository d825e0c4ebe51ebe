"""Foreign spans, whichever convention they speak, as canonical ones: one module per convention, found by their files.

Specifications, in the state of 2026: OpenTelemetry GenAI (open-telemetry/semantic-conventions-genai and the
generations before it), OpenInference, OpenLLMetry, Langfuse, Vercel's AI SDK, pydantic-ai and Logfire, MLflow,
LangSmith. A span may speak several at once, and often does. docs/conventions.md says what each maps.
"""

from functools import cache

from trimtab.core.registry import Registry
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.conventions._mapper import Mapper, mapper_version
from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.foreign.spans import ForeignSpan

CONVENTIONS: Registry[Convention] = Registry("conventions", "trimtab.telemetry.conventions")


@cache
def _mapper() -> Mapper:
    return Mapper(CONVENTIONS.all())


def canonical(span: ForeignSpan) -> CanonicalSpan:
    """What a foreign span says, in our words."""
    return _mapper()(span)


def versions() -> dict[str, int]:
    """The mapper version that each convention's spans get now, by what is noted as their convention."""
    return {"otel": mapper_version(None), **{name: mapper_version(plug) for name, plug in CONVENTIONS.all().items()}}
