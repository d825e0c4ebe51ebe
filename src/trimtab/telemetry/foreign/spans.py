"""One span as another tool sent it: OTLP's fields, with its AnyValues as plain JSON values, and nothing interpreted.

`ForeignSpan` is what every door makes and what `conventions/` reads. Fields mean what they mean in OTLP
(https://github.com/open-telemetry/opentelemetry-proto, opentelemetry/proto/trace/v1/trace.proto); ids are lower-case
hex, times Unix nanoseconds. Bytes become base64 text, as in OTLP's JSON encoding.
"""

from typing import Any, Final

from msgspec import Struct

AnyJson = None | bool | int | float | str | list[Any] | dict[str, Any]
Attributes = dict[str, Any]
"""Names to `AnyJson` values. A name that comes twice has the value that came last."""

KINDS: Final = ("", "internal", "server", "client", "producer", "consumer")
"""`Span.SpanKind` by number; "" is unspecified."""
NO_PARENT: Final = "0" * 16
"""An id that is none (https://www.w3.org/TR/trace-context/#parent-id): some emitters write it for a root's parent."""
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
