"""OTLP's JSON as plain protobuf writes it: ids in base64, enumerations by their names."""

import base64

import pytest
from google.protobuf.json_format import MessageToJson
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from trimtab.telemetry.otlp.logs import json_event
from trimtab.telemetry.otlp.loose_json import decode
from trimtab.telemetry.otlp.traces import id_of, json_span


@example(bytes(16), bytes(8), bytes(8))
@given(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8))
def test_what_protobuf_writes_as_json_has_its_ids(trace_id: bytes, span_id: bytes, parent: bytes) -> None:
    span = Span(trace_id=trace_id, span_id=span_id, parent_span_id=parent, name="n", kind=Span.SPAN_KIND_CLIENT)
    span.links.add(trace_id=trace_id, span_id=parent)
    span.start_time_unix_nano, span.end_time_unix_nano = 1_700_000_000_000_000_000, 1_700_000_000_000_000_005
    span.status.code = Status.STATUS_CODE_ERROR
    found = json_span(decode(MessageToJson(span).encode()), ("", ""), {})
    above = "" if parent == bytes(8) else parent.hex()  # zeros are no parent
    assert (found.trace_id, found.span_id, found.parent_span_id) == (trace_id.hex(), span_id.hex(), above)
    assert (found.links[0].trace_id, found.links[0].span_id) == (trace_id.hex(), parent.hex())
    assert (found.kind, found.status_code, found.end_ns - found.start_ns) == ("client", 2, 5)


@given(st.binary(min_size=16, max_size=16), st.booleans(), st.booleans())
def test_an_id_is_the_same_in_each_way_to_write_it(given_id: bytes, padded: bool, plain: bool) -> None:
    text = (base64.b64encode if plain else base64.urlsafe_b64encode)(given_id).decode()
    assert id_of(text if padded else text.rstrip("="), 16) == given_id.hex()
    assert id_of(given_id.hex().upper(), 16) == given_id.hex()


@pytest.mark.parametrize("text", ["", "abcd", "zz" * 16, "A" * 21 + "!", "A" * 22 + "=", "A" * 22 + "===", "A" * 23])
def test_what_is_no_id_stays_what_it_is(text: str) -> None:
    assert id_of(text, 16) == text.lower()


def test_a_log_record_finds_its_span_by_base64_too() -> None:
    found = json_event(
        {
            "eventName": "gen_ai.choice",
            "traceId": base64.b64encode(b"\x01" * 16).decode(),
            "spanId": base64.b64encode(b"\x02" * 8).decode(),
            "timeUnixNano": "1700000000000000000",
        }
    )
    assert found is not None
    assert (found.trace_id, found.span_id) == ("01" * 16, "02" * 8)


def test_a_kind_and_a_status_of_a_newer_version_are_none() -> None:
    span = {"kind": "SPAN_KIND_NEW", "status": {"code": "STATUS_CODE_NEW"}}
    found = json_span(span, ("", ""), {})
    assert (found.kind, found.status_code) == ("", 0)
