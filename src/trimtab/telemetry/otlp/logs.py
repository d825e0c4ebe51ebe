"""OTLP's log records and metrics, as far as they say something about spans.

GenAI instrumentations tell prompts, answers and evaluations as events, and OpenTelemetry's events are log records
(https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events/). One that names its span is added to that span as an
event; all other records and all metrics are accepted, counted, and not kept: an exporter that sends everything to one
place is not told of an error that is none.
"""

from collections.abc import Iterator
from typing import Any, Final, cast

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.foreign.check import check_span
from trimtab.telemetry.foreign.spans import Attributes, ForeignBatch, ForeignEvent, ForeignSpan, attributes_of, value_of
from trimtab.telemetry.otlp import traces as otlp
from trimtab.telemetry.otlp.content_off import without_content

WANTED: Final = "gen_ai."
"""What the names of the events begin with that are kept."""


def take_logs(body: bytes, origin: otlp.Origin, *, json: bool) -> tuple[list[ForeignBatch], int, int]:
    """Records for the spool, how many events they hold, and how many log records are not kept. Raises
    `InvalidRequest` for a body that is no ``ExportLogsServiceRequest``."""
    spans: list[ForeignSpan] = []
    unkept = 0
    for span in _json_events(body) if json else _events(body):
        if span is None or check_span(span, origin.arrived_ns):
            unkept += 1
        else:
            spans.append(span if origin.content else without_content(span))
    project, key_id, arrived_ns, _ = origin
    records = [
        ForeignBatch(
            project=project,
            key_id=key_id,
            arrived_ns=arrived_ns,
            spans=tuple(spans[first : first + otlp.PIECE_SPANS]),
        )
        for first in range(0, len(spans), otlp.PIECE_SPANS)
    ]
    return records, len(spans), unkept


def count_metrics(body: bytes, *, json: bool) -> int:
    """How many metrics are in a body. Raises `InvalidRequest` for one that is no ``ExportMetricsServiceRequest``."""
    if json:
        request = otlp.json_object(body, "resourceMetrics")
        try:
            scopes = _nested(request, ("resourceMetrics", "scopeMetrics"))
            return sum(len(otlp.listed(scope, "metrics")) for _, scope in scopes)
        except otlp.NO_SPAN as error:
            raise InvalidRequest(f"The body is not OTLP: {error}.", fix=otlp.JSON_FIX, code="not_otlp") from None
    count = 0
    for piece in otlp.pieces_of(body, "ExportMetricsServiceRequest"):
        try:
            request: Any = ExportMetricsServiceRequest.FromString(piece)
        except DecodeError:
            raise otlp.no_request("ExportMetricsServiceRequest", "a metric cannot be parsed") from None
        count += sum(len(scope.metrics) for group in request.resource_metrics for scope in group.scope_metrics)
    return count


def _events(body: bytes) -> Iterator[ForeignSpan | None]:
    """Of each log record what it adds to a span; None for one that adds nothing."""
    for piece in otlp.pieces_of(body, "ExportLogsServiceRequest"):
        try:
            request: Any = ExportLogsServiceRequest.FromString(piece)
        except DecodeError:
            raise otlp.no_request("ExportLogsServiceRequest", "a log record cannot be parsed") from None
        for group in request.resource_logs:
            for scope in group.scope_logs:
                for record in scope.log_records:
                    yield _event(record)


def _event(record: Any) -> ForeignSpan | None:
    attributes = attributes_of(record.attributes)
    name = getattr(record, "event_name", "") or attributes.get("event.name", "")
    if not record.span_id or not str(name).startswith(WANTED):
        return None
    time_ns = record.time_unix_nano or record.observed_time_unix_nano
    return _added(
        (record.trace_id.hex(), record.span_id.hex()), str(name), time_ns, (attributes, value_of(record.body))
    )


def _added(ids: tuple[str, str], name: str, time_ns: int, said: tuple[Attributes, Any]) -> ForeignSpan:
    attributes, body = said
    if isinstance(body, dict):
        attributes = {**attributes, **cast("Attributes", body)}
    elif body is not None:
        attributes = {**attributes, "body": body}
    event = ForeignEvent(name, time_ns, attributes)
    return ForeignSpan(trace_id=ids[0], span_id=ids[1], start_ns=time_ns, end_ns=0, events=(event,), partial=True)


def _json_events(body: bytes) -> Iterator[ForeignSpan | None]:
    request = otlp.json_object(body, "resourceLogs")
    try:
        for _, scope in _nested(request, ("resourceLogs", "scopeLogs")):
            for record in otlp.listed(scope, "logRecords"):
                yield _json_event(record)
    except otlp.NO_SPAN as error:
        raise InvalidRequest(f"The body is not OTLP: {error}.", fix=otlp.JSON_FIX, code="not_otlp") from None


def _json_event(record: Any) -> ForeignSpan | None:
    attributes = otlp.json_attributes(otlp.got(record, "attributes"))
    name = otlp.got(record, "eventName") or attributes.get("event.name", "")
    span_id = otlp.got(record, "spanId")
    if not span_id or not str(name).startswith(WANTED):
        return None
    time_ns = otlp.whole(otlp.got(record, "timeUnixNano")) or otlp.whole(otlp.got(record, "observedTimeUnixNano"))
    ids = (str(otlp.got(record, "traceId") or "").lower(), str(span_id).lower())
    return _added(ids, str(name), time_ns, (attributes, otlp.json_value(otlp.got(record, "body"))))


def _nested(request: Any, names: tuple[str, str]) -> Iterator[tuple[Any, Any]]:
    for group in otlp.listed(request, names[0]):
        for scope in otlp.listed(group, names[1]):
            yield group, scope
