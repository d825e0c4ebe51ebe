"""What every span says, whichever convention it speaks: name, status, error, resource, session, user, HTTP status.

OpenTelemetry's general conventions: resource ``service.*`` and ``deployment.*``, ``error.type``, the event
``exception``, ``http.*``, ``session.id``, ``user.id``, ``enduser.id``.
"""

import re
from collections.abc import Collection
from typing import Any, Final

from msgspec.structs import replace

from trimtab.llm.tiers import asked_tier, tier_of
from trimtab.telemetry.conventions._values import (
    LABEL,
    Attributes,
    Found,
    count,
    entries,
    first,
    label,
    present,
    put,
    put_labels,
)
from trimtab.telemetry.foreign.spans import STATUS_ERROR, ForeignEvent, ForeignSpan

_CANCELLED: Final = frozenset(
    {"CancelledError", "asyncio.CancelledError", "asyncio.exceptions.CancelledError", "GeneratorExit", "AbortError"}
)
_EXCEPTIONS: Final = frozenset({"exception", "gen_ai.client.operation.exception"})
_MESSAGE: Final = 4_000

_FROM_SPAN: Final = (
    ("session", "session.id"),
    ("user", "user.id"),
    ("user", "enduser.id"),
    ("error_type", "error.type"),
)
_FAMILY: Final = re.compile("[.:]")
_TECHNICAL: Final = frozenset(
    {
        "server", "client", "network", "net", "peer", "http", "url", "rpc", "db", "thread", "code", "exception",
        "error", "otel", "telemetry", "process", "host", "os", "service", "session", "user", "enduser", "span",
        "jsonrpc", "gcp", "openai", "operation", "resource", "user_agent", "deployment", "annotations", "trace",
        "agent", "prompt", "tool",
    }
)  # fmt: skip
_DOTLESS: Final = frozenset(
    {
        "metadata", "events", "prompt", "all_messages_events", "final_result", "tool_arguments", "tool_response",
        "agent_name", "model_name", "model_request_parameters", "request_data", "response_data", "async", "input",
        "output", "tools",
    }
)  # fmt: skip
_TIERS: Final = (
    "openai.response.service_tier",
    "gen_ai.openai.response.service_tier",
    "gen_ai.response.service_tier",
    "anthropic.response.service_tier",
    "gen_ai.usage.service_tier",
    "gen_ai.usage.speed",
    "gen_ai.usage.inference_geo",
    "trimtab.tier",
)
"""What a span says of the tier that it was worked on in. OpenTelemetry's name, the one before it, and what
instrumentations make of usage that holds it; the last is ours, as it is forwarded."""
_TIERS_ASKED: Final = (
    "openai.request.service_tier",
    "gen_ai.openai.request.service_tier",
    "gen_ai.request.service_tier",
)
_STATUSES: Final = ("http.response.status_code", "http.status_code")
_FROM_RESOURCE: Final = (
    ("app", "service.name"),
    ("release", "service.version"),
    ("environment", "deployment.environment.name"),
    ("environment", "deployment.environment"),
)


class Common:
    """The fields of `CanonicalSpan` that no convention found, of spans with these names."""

    __slots__ = ("_asked", "_labels", "_rest", "_statuses", "_tiers")

    def __init__(self, names: Collection[str], families: Collection[str]) -> None:
        """``families`` are those that a convention reads."""
        self._labels = present(names, _FROM_SPAN)
        self._rest = [name for name in names if _FAMILY.split(name, 1)[0] not in families and not _technical(name)]
        self._statuses = tuple(name for name in _STATUSES if name in names)
        self._tiers = tuple(name for name in _TIERS if name in names)
        self._asked = tuple(name for name in _TIERS_ASKED if name in names)

    def __call__(self, span: ForeignSpan, found: Found, emitter: tuple[tuple[str, str], ...]) -> None:
        """``emitter`` is what `of_resource` found."""
        attributes = span.attributes
        if self._labels:
            put_labels(found, attributes, self._labels)
        for field, text in emitter:
            if field not in found:
                found[field] = text
        if "name" not in found:
            found["name"] = label(span.name)
        if "kind" not in found:
            found["kind"] = _kind(span, found)
        _read_error(span, found)
        if self._statuses:
            code = count(first(attributes, self._statuses))
            if code is not None and code < 1000:
                found["http_status"] = code
        if self._tiers and "usage" in found:
            _read_tier(attributes, self._tiers, found)
        if self._asked:
            put(found, "tier_asked", asked_tier(first(attributes, self._asked)))
        if found["convention"] == "otel" and "metadata" not in found:
            # A span that speaks no convention of ours is known by its attributes alone.
            put(found, "metadata", entries(attributes.items()))
        elif self._rest:
            _read_rest(attributes, self._rest, found)


def _read_tier(attributes: Attributes, names: tuple[str, ...], found: Found) -> None:
    told: list[Any] = []
    for name in names:
        value = attributes[name]
        told += value.split("+") if name == "trimtab.tier" and isinstance(value, str) else [value]
    if tier := tier_of(*told):
        found["usage"] = replace(found["usage"], tier=tier)


def _technical(name: str) -> bool:
    """Whether a name is of OpenTelemetry's own, or one of pydantic-ai's, which have no dot."""
    return name in _DOTLESS or name.partition(".")[0] in _TECHNICAL


def _read_rest(attributes: Attributes, names: list[str], found: Found) -> None:
    """What the application itself wrote beside a convention's names: metadata, if it is short and no structure."""
    more: list[tuple[str, Any]] = []
    for name in names:
        value = attributes[name]
        if type(value) in (bool, int, float) or (type(value) is str and 0 < len(value) <= LABEL):
            more.append((name, value))
    if more:
        metadata = found.get("metadata")
        found["metadata"] = entries(more) if metadata is None else entries([*metadata.items(), *more])


def of_resource(resource: Attributes) -> tuple[tuple[str, str], ...]:
    """Fields and texts that the emitter of spans is known by."""
    said: Found = {}
    put_labels(said, resource, _FROM_RESOURCE)
    if str(said.get("app", "")).startswith("unknown_service"):  # what SDKs write where nobody named it
        del said["app"]
    return tuple(said.items())


def _kind(span: ForeignSpan, found: Found) -> str:
    if found.get("model") or found.get("model_used"):
        return "llm"
    return "event" if span.start_ns == span.end_ns and span.start_ns else "span"


def _read_error(span: ForeignSpan, found: Found) -> None:
    if span.status_code != STATUS_ERROR and "status" not in found and "error_type" not in found:
        found.pop("error_message", None)
        return
    event = _exception(span.events) if span.events else None
    if span.status_code == STATUS_ERROR:
        found.setdefault("status", "error")
    if found.get("status", "ok") == "ok":
        found.pop("error_type", None)
        found.pop("error_message", None)
        return
    if event is not None:
        put_labels(found, event.attributes, (("error_type", "exception.type"),))
    message = found.get("error_message") or span.status_message
    if not message and event is not None:
        message = event.attributes.get("exception.message")
    if type(message) is str and message:
        found["error_message"] = message[:_MESSAGE]
    if found.get("error_type") in _CANCELLED:
        found["status"] = "cancelled"


def _exception(events: tuple[ForeignEvent, ...]) -> ForeignEvent | None:
    """The last exception of a span: earlier ones may have been dealt with."""
    for event in reversed(events):
        if event.name in _EXCEPTIONS:
            return event
    return None
