"""The token-accounting conformance suite: traces as emitters write them, and what they used, counted once.

Each ``*.json`` beside this file is a list of cases of one convention, written by us after the emitters' code and their
known bugs. A case is a trace of a few spans and the exclusive buckets it must come to (`llm.types.Usage`; what is not
named is 0), with the ids of the spans that count. Any tool may use them: docs/token-accounting.md describes the format.
"""

from collections.abc import Callable
from importlib import resources
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.llm.types import Usage
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.foreign.spans import ForeignEvent, ForeignSpan
from trimtab.telemetry.mapping.usage_once import UsageNode, counted

BUCKETS: Final = ("input", "cache_read", "cache_write", "output", "reasoning")
PARTS: Final = ("cache_write_1h", "audio_input", "audio_output")
"""Breakdowns of buckets, which are never added."""


class CaseEvent(Struct, frozen=True, kw_only=True):
    name: str
    attributes: dict[str, Any] = {}


class CaseSpan(Struct, frozen=True, kw_only=True):
    """``id`` and ``parent`` are names within the case; ``scope`` is the instrumentation's."""

    id: str
    name: str
    parent: str = ""
    scope: str = ""
    attributes: dict[str, Any]
    events: tuple[CaseEvent, ...] = ()


class Case(Struct, frozen=True, kw_only=True):
    """``expected`` are the trace's buckets and parts; ``counted`` the ids of the spans that make them up."""

    id: str
    about: str
    spans: tuple[CaseSpan, ...]
    expected: dict[str, int]
    counted: tuple[str, ...]


class Verdict(Struct, frozen=True, kw_only=True):
    """What a case came to. ``wrong`` has (expected, found) by bucket, and is empty where all is right."""

    case: str
    wrong: dict[str, tuple[int, int]] = {}
    counted: tuple[str, ...] = ()


def cases() -> dict[str, tuple[Case, ...]]:
    """Every case by convention."""
    folder = resources.files(__name__)
    found = sorted(each.name for each in folder.iterdir() if each.name.endswith(".json"))
    read = msgspec.json.Decoder(tuple[Case, ...])
    return {name.removesuffix(".json"): read.decode((folder / name).read_bytes()) for name in found}


def span_ids(case: Case) -> dict[str, str]:
    """A span id of 16 hex digits for each of a case's names, in their order."""
    return {span.id: f"{at + 1:016x}" for at, span in enumerate(case.spans)}


def foreign_spans(case: Case, trace_id: str, start_ns: int) -> list[ForeignSpan]:
    """A case as a door would take it: the first span begins at ``start_ns``, each next a millisecond later."""
    ids = span_ids(case)
    return [
        ForeignSpan(
            trace_id=trace_id,
            span_id=ids[span.id],
            parent_span_id=ids[span.parent] if span.parent else "",
            name=span.name,
            kind="client",
            start_ns=start_ns + at * 1_000_000,
            end_ns=start_ns + 1_000_000_000 - at * 1_000_000,
            attributes=span.attributes,
            events=tuple(ForeignEvent(event.name, start_ns, event.attributes) for event in span.events),
            scope_name=span.scope,
        )
        for at, span in enumerate(case.spans)
    ]


def otlp_json(case: Case, trace_id: str, start_ns: int) -> dict[str, Any]:
    """A case as an ``ExportTraceServiceRequest`` in OTLP's JSON encoding."""
    scopes: dict[str, list[dict[str, Any]]] = {}
    for span in foreign_spans(case, trace_id, start_ns):
        events = [
            {"name": event.name, "timeUnixNano": str(event.time_ns), "attributes": _attributes(event.attributes)}
            for event in span.events
        ]
        scopes.setdefault(span.scope_name, []).append(
            {
                "traceId": span.trace_id,
                "spanId": span.span_id,
                "parentSpanId": span.parent_span_id,
                "name": span.name,
                "kind": 3,
                "startTimeUnixNano": str(span.start_ns),
                "endTimeUnixNano": str(span.end_ns),
                "attributes": _attributes(span.attributes),
                "events": events,
            }
        )
    resource = {"attributes": _attributes({"service.name": "token-accounting"})}
    scope_spans = [{"scope": {"name": name}, "spans": spans} for name, spans in scopes.items()]
    return {"resourceSpans": [{"resource": resource, "scopeSpans": scope_spans}]}


def judge(
    case: Case, read: Callable[[ForeignSpan], CanonicalSpan], trace_id: str = "0" * 31 + "1", start_ns: int = 1
) -> Verdict:
    """What a mapper makes of a case, without any server."""
    spans = foreign_spans(case, trace_id, start_ns)
    told = {span.span_id: read(span) for span in spans}
    leaves = counted(_node(span, told[span.span_id]) for span in spans if not told[span.span_id].pending)
    found: dict[str, int] = dict.fromkeys((*BUCKETS, *PARTS), 0)
    for span_id in leaves:
        usage = told[span_id].usage or Usage()
        for name in found:
            found[name] += getattr(usage, name)
    names = {span_id: name for name, span_id in span_ids(case).items()}
    return verdict(case, found, tuple(sorted(names[span_id] for span_id in leaves)))


def verdict(case: Case, found: dict[str, int], leaves: tuple[str, ...]) -> Verdict:
    """Compare what was found with what must be, bucket by bucket, as far as ``found`` knows them."""
    wrong = {
        name: (case.expected.get(name, 0), value)
        for name, value in found.items()
        if case.expected.get(name, 0) != value
    }
    return Verdict(case=case.id, wrong=wrong, counted=leaves)


def _node(span: ForeignSpan, told: CanonicalSpan) -> UsageNode:
    usage = told.usage is not None and told.usage.total() > 0
    return UsageNode(
        span.span_id, span.parent_span_id, told.kind, usage, told.aggregated, told.response_id, span.start_ns
    )


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _any_value(value)} for name, value in values.items()]


def _any_value(value: Any) -> dict[str, Any]:
    """https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding: whole numbers are text."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any_value(each) for each in value]}}  # pyright: ignore[reportUnknownVariableType]
    return {"kvlistValue": {"values": _attributes(value or {})}}
