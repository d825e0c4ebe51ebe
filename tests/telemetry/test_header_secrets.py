"""Credentials in the headers of spans are hidden at the door, in both encodings, and nothing else is."""

from typing import Any

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trimtab.telemetry.otlp.header_secrets import HIDDEN, hides
from trimtab.telemetry.otlp.logs import take_logs
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


def spoilt(where: str) -> bytes:
    """The span as JSON with something around or in it that cannot be read."""
    body = msgspec.json.decode(json(HELD))
    group = body["resourceSpans"][0]
    scope = group["scopeSpans"][0]
    (span,) = scope["spans"]
    match where:
        case "span":
            span["kind"] = "something"
        case "attributes":
            span["attributes"] = HELD
        case "scope":
            scope["scope"] = 3
        case "resource":
            group["resource"] = []
        case _:
            scope["spans"] = {"spans": [span]}
    return msgspec.json.encode(body)


@pytest.mark.parametrize("where", ["span", "attributes", "scope", "resource", "spans"])
def test_what_cannot_be_read_lies_among_the_dead_letters_without_them(where: str) -> None:
    taken = take_json(spoilt(where), ORIGIN)
    (letter,) = taken.letters
    assert (taken.refused, letter.span, SECRET.encode() in letter.wire) == (1, b"", False)
    assert letter.wire.count(HIDDEN.encode()) == 2 * len(HELD)
    assert msgspec.json.decode(letter.wire), "it can still be mended"


def test_a_log_record_that_cannot_be_read_lies_there_without_them() -> None:
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in {**SHOWN, **HELD}.items()]
    record = {
        "traceId": "01" * 16, "spanId": "02" * 8, "eventName": "gen_ai.x", "timeUnixNano": "noon", "attributes": pairs,
    }  # fmt: skip
    body = msgspec.json.encode({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})
    (letter,) = take_logs(body, ORIGIN, json=True).letters
    assert SECRET.encode() not in letter.wire
    assert b"application/json" in letter.wire


def test_of_bytes_that_cannot_be_read_none_are_kept_where_they_hold_one() -> None:
    broken = b"\xff\xffT"
    (letter,) = take_protobuf(wire({**SHOWN, **HELD}).replace(b"GET", broken), ORIGIN).letters
    assert (letter.span, letter.wire) == (b"", b"")
    assert letter.reason.endswith("hold a credential in a header, and are not kept")
    (letter,) = take_protobuf(wire(SHOWN).replace(b"GET", broken), ORIGIN).letters
    assert (broken in letter.wire, "credential" in letter.reason) == (True, False)


def test_only_names_that_carry_credentials_are_hidden() -> None:
    assert all(hides(key) for key in HELD)
    assert not any(hides(key) for key in (*SHOWN, "authorization", "http.request.header.x-request-id"))
