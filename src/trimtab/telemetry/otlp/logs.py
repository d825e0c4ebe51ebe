"""OTLP's log records and metrics, as far as they say something about spans.

GenAI instrumentations tell prompts, answers and evaluations as events, and OpenTelemetry's events are log records
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events/). One that names its span is added to that span as an
event; all other records and all metrics are accepted, counted, and not kept: an exporter that sends everything to one
place is not told of an error that is none. So nothing is asked of those but that they can be counted; an event that is
wanted and cannot be read costs itself, as a span does.
"""

from collections.abc import Iterator
from typing import Any, Final, cast

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from trimtab.telemetry.foreign.check import check_span
from trimtab.telemetry.foreign.protobuf import attributes_of, value_of
from trimtab.telemetry.foreign.spans import Attributes, ForeignEvent, ForeignSpan
from trimtab.telemetry.otlp import traces as otlp
from trimtab.telemetry.otlp.content_off import without_content
from trimtab.telemetry.otlp.header_secrets import hide_json
from trimtab.telemetry.otlp.sink import MAX_LETTERS, MAX_SPAN_BYTES, Origin, Sink, Taken, encoded, many
from trimtab.telemetry.otlp.wire import BadWire, count_spans, request_of, spans_in

WANTED: Final = "gen_ai."
"""What the names of the events begin with that are kept."""
_RECORDS: Final = "log records"
_NAME: Final = "event.name"
"""The attribute that an event's name stood in before records had a field for it."""


def take_logs(body: bytes, origin: Origin, *, json: bool) -> Taken:
    """What becomes of an ``ExportLogsServiceRequest``: its events are what is accepted. Raises `InvalidRequest` for a
    body that is none."""
    sink = Sink(origin, len(body), _RECORDS)
    block: list[ForeignSpan] = []
    for span in _json_events(body, sink) if json else _events(body, sink):
        if span is None:
            sink.unkept += 1
            continue
        hide_json(span.events[0].attributes)
        fault = check_span(span, origin.arrived_ns) or many(span.events[0].attributes)
        if fault := fault or sink.too_large(lambda span=span: len(encoded(span))):
            sink.refuse(fault, span=span)
            continue
        block.append(span if origin.content else without_content(span))
        if len(block) >= otlp.PIECE_SPANS:
            sink.keep(len(block), spans=tuple(block))
            block.clear()
    if block:
        sink.keep(len(block), spans=tuple(block))
    return sink.taken()


def take_metrics(body: bytes, origin: Origin, *, json: bool) -> Taken:
    """What becomes of an ``ExportMetricsServiceRequest``: its metrics are counted, and not looked at. Raises
    `InvalidRequest` for a body that is none."""
    sink = Sink(origin, len(body), "metrics")
    if json:
        request = otlp.json_object(body, "resourceMetrics")
        for _, _, metrics in otlp.json_scopes(request, ("resourceMetrics", "scopeMetrics", "metrics"), sink):
            sink.unkept += len(metrics)
        return sink.taken()
    try:
        sink.unkept = count_spans(body)
    except BadWire as error:
        raise otlp.no_request("ExportMetricsServiceRequest", str(error)) from None
    return sink.taken()


def _events(body: bytes, sink: Sink) -> Iterator[ForeignSpan | None]:
    """Of each log record what it adds to a span; None for one that adds nothing."""
    for piece in otlp.pieces_of(body, "ExportLogsServiceRequest"):
        if len(piece) > otlp.LARGE_PIECE:
            yield from _one_by_one(piece, sink)
            continue
        try:
            request: Any = ExportLogsServiceRequest.FromString(piece)
        except DecodeError:
            yield from _one_by_one(piece, sink)
        else:
            yield from _events_of(request)


def _events_of(request: Any) -> Iterator[ForeignSpan | None]:
    for group in request.resource_logs:
        for scope in group.scope_logs:
            for record in scope.log_records:
                yield _event(record)


def _one_by_one(piece: bytes, sink: Sink) -> Iterator[ForeignSpan | None]:
    """A piece that does not parse as a whole, or has a record that is too large: each alone. Nothing is kept of what is
    around them."""
    try:
        for _, _, record in spans_in(piece):
            if len(record) > MAX_SPAN_BYTES:
                sink.refuse(otlp.TOO_LARGE, wire=record)
                continue
            try:
                request: Any = ExportLogsServiceRequest.FromString(request_of(b"", b"", record))
            except DecodeError as error:
                sink.refuse(f"it cannot be parsed: {str(error)[:200]}", wire=record)
            else:
                yield from _events_of(request)
    except BadWire as error:
        raise otlp.no_request("ExportLogsServiceRequest", str(error)) from None


def _event(record: Any) -> ForeignSpan | None:
    trace_id, span_id = record.trace_id.hex(), record.span_id.hex()
    if not _named(trace_id, span_id):
        return None
    name: str = record.event_name
    names = (value_of(each.value) for each in record.attributes if each.key == _NAME)
    if not (name.startswith(WANTED) or (not name and _is_wanted(names))):
        return None
    attributes = attributes_of(record.attributes)
    time_ns = record.time_unix_nano or record.observed_time_unix_nano
    said = (attributes, value_of(record.body))
    return _added((trace_id, span_id), name or str(attributes[_NAME]), time_ns, said)


def _named(trace_id: str, span_id: str) -> bool:
    """Whether a record names a span: what was written outside of one has no ids, or zeros."""
    return bool(trace_id.strip("0") and span_id.strip("0"))


def _is_wanted(names: Iterator[Any]) -> bool:
    """Whether the last of them, which is the one that counts, is that of an event to be kept."""
    last = next(reversed([*names]), None)
    return isinstance(last, str) and last.startswith(WANTED)


def _added(ids: tuple[str, str], name: str, time_ns: int, said: tuple[Attributes, Any]) -> ForeignSpan:
    attributes, body = said
    if isinstance(body, dict):
        attributes = {**attributes, **cast("Attributes", body)}
    elif body is not None:
        attributes = {**attributes, "body": body}
    event = ForeignEvent(name, time_ns, attributes)
    return ForeignSpan(trace_id=ids[0], span_id=ids[1], start_ns=time_ns, end_ns=0, events=(event,), partial=True)


def _json_events(body: bytes, sink: Sink) -> Iterator[ForeignSpan | None]:
    request = otlp.json_object(body, "resourceLogs")
    for _, _, records in otlp.json_scopes(request, ("resourceLogs", "scopeLogs", "logRecords"), sink):
        for record in records:
            try:
                found = json_event(record)
            except otlp.NO_SPAN as error:
                wire = encoded(record) if len(sink.letters) < MAX_LETTERS else b""
                sink.refuse(f"it is no log record: {str(error)[:200]}", wire=wire)
            else:
                yield found


def json_event(record: Any) -> ForeignSpan | None:
    """What a log record adds to a span; None for one that adds nothing, of which no more is read. Raises one of
    `otlp.NO_SPAN`."""
    name, attributes = otlp.got(record, "eventName"), otlp.got(record, "attributes")
    ids = ((otlp.got(record, name), size) for name, size in (("traceId", 16), ("spanId", 8)))
    trace_id, span_id = (otlp.id_of(str(each or ""), size) for each, size in ids)
    if not _named(trace_id, span_id):
        return None
    if not (str(name or "").startswith(WANTED) or (not name and _is_wanted(_json_names(attributes)))):
        return None
    read = otlp.json_attributes(attributes)
    time_ns = otlp.whole(otlp.got(record, "timeUnixNano")) or otlp.whole(otlp.got(record, "observedTimeUnixNano"))
    said = (read, otlp.json_value(otlp.got(record, "body")))
    return _added((trace_id, span_id), str(name or read[_NAME]), time_ns, said)


def _json_names(attributes: Any) -> Iterator[Any]:
    """What attributes, of whatever form, have as a name of an event."""
    for pair in cast("list[Any]", attributes) if isinstance(attributes, list) else ():
        if isinstance(pair, dict) and cast("dict[str, Any]", pair).get("key") == _NAME:
            value = cast("dict[str, Any]", pair).get("value")
            yield cast("dict[str, Any]", value).get("stringValue") if isinstance(value, dict) else value
