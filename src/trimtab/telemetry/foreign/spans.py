"""One span as another tool sent it: OTLP's fields, with its AnyValues as plain JSON values, and nothing interpreted.

`ForeignSpan` is what every door makes and what `conventions/` reads. Fields mean what they mean in OTLP
(https://github.com/open-telemetry/opentelemetry-proto, opentelemetry/proto/trace/v1/trace.proto); ids are lower-case
hex, times Unix nanoseconds. Bytes become base64 text, as in OTLP's JSON encoding.
"""

import base64
from collections.abc import Iterable
from typing import Any, Final

from msgspec import Struct

AnyJson = None | bool | int | float | str | list[Any] | dict[str, Any]
Attributes = dict[str, Any]
"""Names to `AnyJson` values. A name that comes twice has the value that came last."""

KINDS: Final = ("", "internal", "server", "client", "producer", "consumer")
"""`Span.SpanKind` by number; "" is unspecified."""
CONTENT_MARK: Final = "trimtab.content"
"""An attribute, ``off`` on spans whose content was taken out at the door (`otlp/content_off.py`)."""
STATUS_UNSET, STATUS_OK, STATUS_ERROR = 0, 1, 2
"""`Status.StatusCode` by number."""


class ForeignEvent(Struct, frozen=True, array_like=True, gc=False):
    """Something that happened at ``time_ns`` during a span."""

    name: str
    time_ns: int
    attributes: Attributes = {}


class ForeignLink(Struct, frozen=True, array_like=True, gc=False):
    """A pointer to a span, of this trace or another."""

    trace_id: str
    span_id: str
    attributes: Attributes = {}


class ForeignSpan(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """``status_code`` is one of `STATUS_UNSET`, `STATUS_OK`, `STATUS_ERROR`; ``kind`` one of `KINDS`.

    ``resource`` holds the attributes of what emitted the span; ``parent_span_id`` is empty for a root.
    A ``partial`` one only adds to a span that is told elsewhere (an event that came as a log record), and is no span of
    its own; its ``start_ns`` is when what it adds happened.
    """

    trace_id: str
    span_id: str
    parent_span_id: str = ""
    name: str = ""
    kind: str = ""
    start_ns: int
    end_ns: int
    status_code: int = 0
    status_message: str = ""
    attributes: Attributes = {}
    events: tuple[ForeignEvent, ...] = ()
    links: tuple[ForeignLink, ...] = ()
    scope_name: str = ""
    scope_version: str = ""
    resource: Attributes = {}
    partial: bool = False


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
    events, links = span.events, span.links
    return ForeignSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
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


class ForeignBatch(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One project's spans as they came in together: a record of the spool (`kinds.py`).

    ``otlp`` is an ``ExportTraceServiceRequest`` in protobuf, checked by the door (`otlp.py`) and otherwise as it
    travelled: cheaper to keep than anything made of it. ``spans`` are those of doors that speak something else.
    ``expands`` is about how many bytes its spans take once they are rows (`weigh` in `kinds.py`).
    """

    project: str
    arrived_ns: int
    key_id: str = ""
    otlp: bytes = b""
    spans: tuple[ForeignSpan, ...] = ()
    expands: int = 0
    format: int = 1

    def all_spans(self) -> list[ForeignSpan]:
        """Every span. Imports protobuf when there is need of it."""
        if not self.otlp:
            return list(self.spans)
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        return [*spans_of(ExportTraceServiceRequest.FromString(self.otlp)), *self.spans]

    def trace_ids(self) -> set[str]:
        """Of every span, without reading more of it."""
        found = {span.trace_id for span in self.spans}
        if self.otlp:
            from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

            for group in ExportTraceServiceRequest.FromString(self.otlp).resource_spans:
                found |= {span.trace_id.hex() for scoped in group.scope_spans for span in scoped.spans}
        return found


class RefusedSpan(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A span that a door could not take, on its way to the dead letters: a record of the spool. ``span`` is it as JSON
    where it could be read, ``wire`` its bytes where not, cut to `LETTER_BYTES`. ``what`` it is where it is no span: one
    of `REFUSED`."""

    project: str
    arrived_ns: int
    reason: str
    span: bytes = b""
    wire: bytes = b""
    key_id: str = ""
    what: str = ""
    format: int = 1


REFUSED: Final = ("", "log_record", "metrics", "event")
"""What a door refuses beside spans: a log record or metrics of OTLP, an event of another vendor's own API."""
LETTER_BYTES: Final = 64 << 10
