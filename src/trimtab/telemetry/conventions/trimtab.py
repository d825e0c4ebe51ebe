"""What another Trimtab forwarded: its own words beside OpenTelemetry's, so that a trace is here what it was there.

Names: `telemetry/forward/payload.py`, which writes them. The rest of such a span is in ``gen_ai.*``. Other spans may
have attributes of that family, too (our SDK's): those are the application's metadata, as any other name is.
"""

from typing import Any, Final, cast, get_args

from trimtab.telemetry.conventions._plug import Convention
from trimtab.telemetry.conventions._values import LABEL, Found, entries, label, put, tags, under
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.views import SpanKind

NAME: Final = "trimtab"
VERSION: Final = 2
SCOPE: Final = "trimtab.forward"
"""The instrumentation scope of forwarded spans."""
SERVICE: Final = "trimtab"
"""Their ``service.name`` where the call was no app's."""

_FAMILY: Final = "trimtab."
_METADATA: Final = "trimtab.metadata."
_KINDS: Final = frozenset(get_args(SpanKind))
_READ: Final = frozenset({"trimtab.kind", "trimtab.status", "trimtab.tags", "trimtab.tier", "trimtab.feature"})


def kind(span: ForeignSpan) -> SpanKind | None:
    said = span.attributes.get("trimtab.kind")
    known = span.scope_name == SCOPE and type(said) is str and said in _KINDS
    return cast("SpanKind", said) if known else None


def read(span: ForeignSpan, found: Found) -> None:
    attributes = span.attributes
    if span.scope_name != SCOPE:
        if found["convention"] != "otel":  # one that is known by its attributes alone has all of them
            _add(found, [(name, value) for name, value in attributes.items() if name.startswith(_FAMILY)])
        return
    if attributes.get("trimtab.status") == "cancelled":
        found["status"] = "cancelled"
    put(found, "feature", label(attributes.get("trimtab.feature", "")))
    put(found, "tags", tags(attributes.get("trimtab.tags")))
    if span.resource.get("service.name") == SERVICE:
        found["app"] = ""
    own = [(name, value) for name, value in attributes.items() if name.startswith(_FAMILY) and name not in _READ]
    _add(found, under(attributes, _METADATA))
    _add(found, [pair for pair in own if not pair[0].startswith(_METADATA)])


def _add(found: Found, pairs: list[tuple[str, Any]]) -> None:
    """What is short and no structure."""
    short = [
        (name, value)
        for name, value in pairs
        if type(value) in (bool, int, float) or (type(value) is str and 0 < len(value) <= LABEL)
    ]
    if short:
        found["metadata"] = entries([*found.get("metadata", {}).items(), *short])


PLUG: Final = Convention(
    name=NAME, version=VERSION, families=frozenset(), also=frozenset({"trimtab"}), scopes=(SCOPE,), own=5, column=95,
    kinds=5, kind=kind, read=read,
)  # fmt: skip
