"""Foreign spans out of OTLP's protobuf messages, parsed and otherwise as they came.

Field numbers and types: https://github.com/open-telemetry/opentelemetry-proto (trace.proto, common.proto).
"""

import base64
from collections.abc import Iterable
from typing import Any, Final

from trimtab.telemetry.foreign.spans import (
    KINDS,
    NO_PARENT,
    AnyJson,
    Attributes,
    ForeignBatch,
    ForeignEvent,
    ForeignLink,
    ForeignSpan,
)


def all_spans(record: ForeignBatch) -> list[ForeignSpan]:
    """Every span of a record. Imports protobuf when there is need of it."""
    if not record.otlp:
        return list(record.spans)
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return [*spans_of(ExportTraceServiceRequest.FromString(record.otlp)), *record.spans]


def spans_of(request: Any) -> list[ForeignSpan]:
    """Every span of a parsed ``ExportTraceServiceRequest`` (a protobuf message), in its order, unchecked."""
    found: list[ForeignSpan] = []
    for group in request.resource_spans:
        resource = attributes_of(group.resource.attributes)
        for scoped in group.scope_spans:
            scope = scoped.scope
            name, version = scope.name, scope.version
            found += [span_of(span, name, version, resource) for span in scoped.spans]
    return found


def span_of(span: Any, scope_name: str, scope_version: str, resource: Attributes) -> ForeignSpan:
    """One protobuf ``Span``. Reads each field once: a batch has thousands."""
    status = span.status if span.HasField("status") else None
    kind: int = span.kind
    parent: str = span.parent_span_id.hex()
    events, links = span.events, span.links
    return ForeignSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id="" if parent == NO_PARENT else parent,
        name=span.name,
        kind=KINDS[kind] if 0 <= kind < len(KINDS) else "",
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status_code=0 if status is None else status.code,
        status_message="" if status is None else status.message,
        attributes=attributes_of(span.attributes),
        events=tuple(map(_event, events)) if events else (),
        links=tuple(map(_link, links)) if links else (),
        scope_name=scope_name,
        scope_version=scope_version,
        resource=resource,
    )


def attributes_of(pairs: Iterable[Any]) -> Attributes:
    """A repeated ``KeyValue`` as a dictionary."""
    found: Attributes = {}
    for pair in pairs:
        value = pair.value
        text: str = value.string_value
        if text:  # nearly always; an empty one looks like what is not set
            found[pair.key] = text
            continue
        kind: str | None = value.WhichOneof("value")
        found[pair.key] = getattr(value, kind) if kind in _PLAIN else _value(value, kind)
    return found


_PLAIN: Final = frozenset({"int_value", "double_value", "bool_value", "string_value"})
"""What of an ``AnyValue`` is taken as it is."""


def value_of(value: Any) -> AnyJson:
    """One protobuf ``AnyValue``; a value that is not set is None."""
    return _value(value, value.WhichOneof("value"))


def _value(value: Any, kind: str | None) -> AnyJson:
    if kind is None:
        return None
    if kind == "array_value":
        return [value_of(each) for each in value.array_value.values]
    if kind == "kvlist_value":
        return attributes_of(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)


def _event(event: Any) -> ForeignEvent:
    return ForeignEvent(event.name, event.time_unix_nano, attributes_of(event.attributes))


def _link(link: Any) -> ForeignLink:
    return ForeignLink(link.trace_id.hex(), link.span_id.hex(), attributes_of(link.attributes))
