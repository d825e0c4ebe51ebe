"""Credentials in the headers of spans are hidden at the door, in both encodings, and nothing else is."""

from typing import Any

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trimtab.telemetry.otlp.header_secrets import HIDDEN, hides
from trimtab.telemetry.otlp.sink import Origin
from trimtab.telemetry.otlp.traces import take_json, take_protobuf

NOW = 1_790_000_002_000_000_000
ORIGIN = Origin("prj", "key", NOW)
SECRET = "canary-in-a-header"
SHOWN = {"http.request.header.content-type": "application/json", "http.route": "/x", "gen_ai.system": "lab"}
HELD = {
    "http.request.header.authorization": f"Bearer {SECRET}",
    "http.request.header.x_api_key": SECRET,
    "http.response.header.Set-Cookie": SECRET,
    "rpc.grpc.request.metadata.authorization": SECRET,
}


def wire(attributes: dict[str, str]) -> bytes:
    request: Any = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = b"\x01" * 16, b"\x02" * 8, "GET"
    span.start_time_unix_nano, span.end_time_unix_nano = NOW - 10**9, NOW
    for holder in (span, span.events.add()):
        for key, value in attributes.items():
            holder.attributes.add(key=key).value.string_value = value
    return request.SerializeToString()


def json(attributes: dict[str, str]) -> bytes:
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
    span = {
        "traceId": "01" * 16, "spanId": "02" * 8, "name": "GET", "startTimeUnixNano": str(NOW - 10**9),
        "endTimeUnixNano": str(NOW), "attributes": pairs, "events": [{"name": "sent", "attributes": pairs}],
    }  # fmt: skip
    return msgspec.json.encode({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


@pytest.mark.parametrize(("take", "body"), [(take_protobuf, wire), (take_json, json)])
def test_credentials_in_headers_are_hidden_and_other_attributes_are_kept(take: Any, body: Any) -> None:
    taken = take(body({**SHOWN, **HELD}), ORIGIN)
    assert (taken.accepted, taken.refused) == (1, 0)
    kept = msgspec.json.encode(taken.records)
    raw = b"".join(record.otlp for record in taken.records)
    assert SECRET.encode() not in kept + raw
    assert (kept + raw).count(HIDDEN.encode()) >= (2 * len(HELD) if take is take_json else 1)
    if take is take_protobuf:
        assert raw.count(HIDDEN.encode()) == 2 * len(HELD)
        assert raw.count(b"application/json") == 2


def test_a_body_without_such_headers_is_kept_as_it_travelled() -> None:
    body = wire(SHOWN)
    assert take_protobuf(body, ORIGIN).records[0].otlp == body


def test_only_names_that_carry_credentials_are_hidden() -> None:
    assert all(hides(key) for key in HELD)
    assert not any(hides(key) for key in (*SHOWN, "authorization", "http.request.header.x-request-id"))
