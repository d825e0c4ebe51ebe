"""Bodies as nobody should send them, at every door: what is good of a batch is stored once, what is bad is counted,
with a reason, and lies among the dead letters; nothing of it is lost between door and store."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from ways import NOW, Way

from trimtab.server.doors.langfuse_events import read_batch
from trimtab.telemetry.foreign.spans import RefusedSpan
from trimtab.telemetry.kinds import decode_any, encode_any
from trimtab.telemetry.otlp import logs, traces
from trimtab.telemetry.otlp.logs import take_logs, take_metrics
from trimtab.telemetry.otlp.sink import MAX_PARTS, MAX_SPAN_BYTES, Origin, Taken, encoded
from trimtab.telemetry.otlp.traces import take_json, take_protobuf
from trimtab.telemetry.otlp.wire import PIECE_BYTES, request_of

TRACE = "ab" * 16
KEPT = ""
"""Of a case: the span is taken."""
FAR = 1 << 64


def nested(depth: int) -> bytes:
    return b'{"kvlistValue":{"values":[{"key":"k","value":' * depth + b"{}" + b"}]}}" * depth


def attribute(key: Any, value: Any) -> dict[str, Any]:
    return {"attributes": [{"key": key, "value": value}]}


def link(**fields: Any) -> dict[str, Any]:
    return {"links": [{"traceId": TRACE, "spanId": "cd" * 8, **fields}]}


def event(**fields: Any) -> dict[str, Any]:
    return {"events": [{"name": "e", "timeUnixNano": str(NOW), **fields}]}


JSON_SPANS: dict[str, tuple[dict[str, Any], str]] = {
    "values nested 100 deep": (attribute("a", {"doubleValue": "DEEP100"}), KEPT),
    "values nested 2,000 deep": (attribute("a", {"doubleValue": "DEEP2000"}), "nested more than 500 deep"),
    "a number that is none": (attribute("a", {"doubleValue": float("nan")}), KEPT),
    "a number that is none, as text": (attribute("a", {"doubleValue": "-Infinity"}), KEPT),
    "a number as words": (attribute("a", {"doubleValue": "many"}), "could not convert"),
    "a whole number over 64 bits": (attribute("a", {"intValue": str(1 << 63)}), "out of range"),
    "a name twice": ({"attributes": [{"key": "a", "value": {"intValue": n}} for n in (1, 2)]}, KEPT),
    "a name that is none": (attribute(7, {"stringValue": "x"}), "'7' is no text"),
    "no name": (attribute("", {"stringValue": "x"}), KEPT),
    "a name with every control character": (attribute("".join(map(chr, range(32))), {"stringValue": "x"}), KEPT),
    "a name of a megabyte": (attribute("n" * (1 << 20), {"stringValue": "x"}), KEPT),
    "a text of a megabyte": (attribute("gen_ai.input.messages", {"stringValue": "\0'\\" * 350_000}), KEPT),
    "a text larger than any": (attribute("a", {"stringValue": "x" * (MAX_SPAN_BYTES + 1)}), "larger than"),
    "20,000 attributes": (
        {"attributes": [{"key": f"a{n}", "value": {"intValue": n}} for n in range(20_000)]},
        KEPT,
    ),
    "5,000 events": ({"events": [{"name": f"e{n}", "timeUnixNano": str(NOW)} for n in range(5_000)]}, KEPT),
    "half an emoji": (attribute("gen_ai.request.model", {"stringValue": "\ud83d"}), KEPT),
    "turned writing": ({"name": "\u202e\u2066\ufeff\u0000"}, KEPT),
    "a value of two kinds": (attribute("a", {"intValue": "1", "stringValue": "x"}), KEPT),
    "a value of no kind": (attribute("a", {"wrongValue": 7}), KEPT),
    "a bare list": (attribute("a", [1]), "a value is an object"),
    "bytes that are none": (attribute("a", {"bytesValue": "!"}), "."),
    "bytes that are a number": (attribute("a", {"bytesValue": 7}), "."),
    "attributes that are an object": ({"attributes": {"a": 1}}, "a list of keys"),
    "an attribute that is null": ({"attributes": [None]}, KEPT),
    "events that are text": ({"events": "x"}, "'events' is a list"),
    "an event that is a number": ({"events": [7]}, "an object is missing"),
    "an event before all time": (event(timeUnixNano="-1"), "out of range"),
    "an event in the year 2554": (event(timeUnixNano=str(FAR - 1)), KEPT),
    "a link to nothing": (link(traceId="xyz", spanId=""), KEPT),
    "a link that is a number": (link(traceId=7), "'7' is no text"),
    "a status that is a number": ({"status": 2}, "an object is missing"),
    "a status nobody knows": ({"status": {"code": 99}}, KEPT),
    "a kind nobody knows": ({"kind": -5}, KEPT),
    "a kind in words": ({"kind": "SPAN_KIND_SOMETHING"}, KEPT),
    "a kind in other words": ({"kind": "something"}, "."),
    "a name that is a number": ({"name": 7}, "'7' is no text"),
    "no name of its own": ({"name": None}, KEPT),
    "a trace id that is no hex": ({"traceId": "zz" * 16}, "not hex"),
    "a trace id that is nearly base64": ({"traceId": "zz" * 10 + "z!"}, "not hex"),
    "a trace id with spaces": ({"traceId": "ab " * 16}, "hex"),
    "a trace id that is short": ({"traceId": "abcd"}, "2 bytes and must be 16"),
    "a trace id of zeros": ({"traceId": "0" * 32}, "all zero"),
    "a trace id that is a number": ({"traceId": 12}, "no text"),
    "a span id that is long": ({"spanId": "cd" * 9}, "9 bytes and must be 8"),
    "no span id": ({"spanId": None}, "0 bytes and must be 8"),
    "a parent that is no hex": ({"parentSpanId": "'; DROP TABLE spans"}, KEPT),
    "a parent that is long": ({"parentSpanId": "e" * 5_000}, KEPT),
    "a parent of zeros": ({"parentSpanId": "0" * 16}, KEPT),
    "its own parent": ({"parentSpanId": "5a" * 8, "spanId": "5a" * 8}, KEPT),
    "no times": ({"startTimeUnixNano": 0, "endTimeUnixNano": "0"}, "neither a start nor an end"),
    "no start": ({"startTimeUnixNano": "0"}, KEPT),
    "no end": ({"endTimeUnixNano": None}, KEPT),
    "a time below zero": ({"startTimeUnixNano": -5}, "out of range"),
    "a time in seconds": ({"startTimeUnixNano": NOW // 10**9, "endTimeUnixNano": NOW // 10**9}, "before the year 2000"),
    "a time far ahead": ({"startTimeUnixNano": str(FAR - 1), "endTimeUnixNano": str(FAR - 1)}, "a day ahead"),
    "a time beyond 64 bits": ({"endTimeUnixNano": str(FAR)}, "out of range"),
    "a time in words": ({"startTimeUnixNano": "yesterday"}, "invalid literal"),
    "a time with a point": ({"startTimeUnixNano": "1.5"}, "invalid literal"),
    "a time that is true": ({"startTimeUnixNano": True}, "no whole number"),
    "an end hours before its start": ({"endTimeUnixNano": str(NOW - 2 * 3600 * 10**9)}, "before it starts"),
    "fields of a later version": ({"flags": 1 << 40, "newer": [{}], "droppedAttributesCount": "x"}, KEPT),
}


def json_span(number: int, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "traceId": TRACE, "spanId": f"{number:016x}", "name": f"span {number}",
        "startTimeUnixNano": str(NOW), "endTimeUnixNano": str(NOW + 5), **more,
    }  # fmt: skip


def as_body(spans: list[Any], **around: Any) -> bytes:
    group = {"scopeSpans": [{"scope": {"name": "lib"}, "spans": spans}], **around}
    body = json.dumps({"resourceSpans": [group]}).encode()
    return re.sub(rb'{"doubleValue": "DEEP(\d+)"}', lambda found: nested(int(found[1])), body)


def origin(way: Way) -> Origin:
    return Origin(way.name, "key_1", NOW)


def stored(way: Way, taken: Taken) -> tuple[int, int]:
    """Through spool and writer: how many spans are in the store, and how many dead letters."""
    records = [decode_any(encode_any(record)) for record in (*taken.records, *taken.letters)]
    way.put(*records)
    while way.writer.drain_once():
        pass
    return len(way.rows("span_id", "span_raw")), way.writer._spool.rejected_count()  # pyright: ignore[reportPrivateUsage]


def expect(way: Way, taken: Taken, cases: dict[str, str], good: int) -> None:
    """``cases`` are what was sent between ``good`` spans, and the reason of each that is not kept."""
    reasons = [reason for reason in cases.values() if reason]
    told = [letter.reason for letter in taken.letters]
    assert (taken.accepted, taken.refused) == (good + len(cases) - len(reasons), len(reasons)), told
    for reason, said in zip(reasons, told, strict=True):
        assert re.search(reason, said), (reason, said)
    assert all(letter.wire or letter.span for letter in taken.letters)
    assert stored(way, taken) == (taken.accepted, taken.refused)


def test_spans_as_json_each_cost_themselves_alone(way: Way) -> None:
    sent: list[dict[str, Any]] = []
    for number, (fields, _) in enumerate(JSON_SPANS.values()):
        sent += [json_span(2 * number + 1, {}), json_span(2 * number + 2, fields)]
    taken = take_json(as_body(sent), origin(way))
    expect(way, taken, {name: reason for name, (_, reason) in JSON_SPANS.items()}, len(JSON_SPANS))


def test_bytes_that_are_no_utf8_and_keys_that_come_twice_cost_nothing(way: Way) -> None:
    body = as_body([json_span(1, {"name": "BROKEN"}), json_span(2, {})]).replace(b"BROKEN", b"\xff\xfe\xc3(")
    body = body.replace(b'"traceId"', b'"name": "first", "traceId"')
    taken = take_json(body, origin(way))
    expect(way, taken, {}, 2)
    assert way.rows("name") == [["\ufffd\ufffd\ufffd("], ["span 2"]]


AROUND: dict[str, tuple[Any, int, str]] = {
    "a group that is text": ("x", 1, "an object is missing"),
    "scopes that are an object": ({"scopeSpans": {}}, 1, "'scopeSpans' is a list"),
    "a scope that is a number": ({"scopeSpans": [7]}, 1, "an object is missing"),
    "spans that are text": ({"scopeSpans": [{"spans": "x"}]}, 1, "'spans' is a list"),
    "a scope without spans that is none": ({"scopeSpans": [{"scope": 3}]}, 1, "scope is none"),
    "a scope's name that is a number": ({"scopeSpans": [{"scope": {"name": 7}, "spans": [{}, {}]}]}, 2, "its scope"),
    "a resource that is a list": ({"resource": [], "scopeSpans": [{"spans": [{}]}]}, 1, "its resource is none"),
    "a span that is a number": ({"scopeSpans": [{"spans": [7, None, "x"]}]}, 3, "a span is an object"),
}


def test_what_is_around_spans_costs_its_own_spans_alone(way: Way) -> None:
    good = {"scopeSpans": [{"spans": [json_span(1, {})]}]}
    groups = [good, *(group for group, _, _ in AROUND.values())]
    taken = take_json(json.dumps({"resourceSpans": groups}).encode(), origin(way))
    wanted = {f"{name} {n}": reason for name, (_, count, reason) in AROUND.items() for n in range(count)}
    expect(way, taken, wanted, 1)


def test_a_resource_is_read_once_however_many_scopes_and_letters_repeat_it(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bodies of a few megabytes kept a worker busy for minutes."""
    read, written = list[int](), list[int]()
    attributes = traces.json_attributes

    def counted(pairs: Any) -> Any:
        read.append(len(pairs or ()))
        return attributes(pairs)

    def measured(value: Any) -> bytes:
        found = encoded(value)
        written.append(len(found))
        return found

    monkeypatch.setattr(traces, "json_attributes", counted)
    monkeypatch.setattr(traces, "encoded", measured)
    large = {"attributes": [{"key": f"a{n}", "value": {"stringValue": "x" * 100}} for n in range(1_000)]}
    scopes = [{"spans": [json_span(n + 1, {}), {"traceId": n}]} for n in range(60)] + [{}] * 100
    groups: list[Any] = [
        {"resource": large, "scopeSpans": scopes},
        {"resource": 7, "scopeSpans": [{"spans": [{}] * 3}] * 20},
    ]
    taken = take_json(json.dumps({"resourceSpans": groups}).encode(), origin(way))
    assert (taken.accepted, taken.refused, len(taken.letters)) == (0, 180, 100)
    assert read.count(1_000) == 1
    assert sum(size > 50_000 for size in written) == 2, "to see how large it is, and whether a letter has room for it"


# --- protobuf ------------------------------------------------------------------------------------------------------

Change = Callable[[Any], object]


def valued(key: str, set_to: Change) -> Change:
    def change(span: Any) -> None:
        pair = span.attributes.add(key=key)
        set_to(pair.value)

    return change


def deep(levels: int) -> Change:
    def change(value: Any) -> None:
        for _ in range(levels):
            value = value.array_value.values.add()
        value.int_value = 1

    return change


def fields(**given: Any) -> Change:
    return lambda span: [setattr(span, name, value) for name, value in given.items()]


def many(count: int) -> Change:
    def change(span: Any) -> None:
        for number in range(count):
            span.attributes.add(key=f"a{number}").value.int_value = number

    return change


PROTO_SPANS: dict[str, tuple[Change, str]] = {
    "values nested 20 deep": (valued("a", deep(20)), KEPT),
    "values nested 90 deep": (valued("a", deep(90)), "cannot be parsed"),
    "a number that is none": (valued("a", lambda value: setattr(value, "double_value", float("nan"))), KEPT),
    "the least number": (valued("gen_ai.usage.input_tokens", lambda v: setattr(v, "int_value", -(1 << 63))), KEPT),
    "a value of no kind": (valued("gen_ai.request.model", lambda _: None), KEPT),
    "bytes for a model": (valued("gen_ai.request.model", lambda v: setattr(v, "bytes_value", b"\xff\0")), KEPT),
    "bytes that are no text": (fields(name="BROKEN"), "cannot be parsed"),
    "a text of NULs": (valued("gen_ai.input.messages", lambda v: setattr(v, "string_value", "\0" * 100_000)), KEPT),
    "a text larger than any": (
        valued("a", lambda v: setattr(v, "string_value", "x" * (MAX_SPAN_BYTES + 1))),
        "larger than",
    ),
    "20,000 attributes": (many(20_000), KEPT),
    "a status nobody knows": (lambda span: setattr(span.status, "code", 99), KEPT),
    "a status below zero": (lambda span: setattr(span.status, "code", -1), KEPT),
    "a kind nobody knows": (fields(kind=77), KEPT),
    "a trace id of 15 bytes": (fields(trace_id=b"a" * 15), "15 bytes"),
    "no span id": (fields(span_id=b""), "0 bytes"),
    "a span id of zeros": (fields(span_id=bytes(8)), "all zero"),
    "a parent of 3 bytes": (fields(parent_span_id=b"abc"), KEPT),
    "a parent of 9,000 bytes": (fields(parent_span_id=b"abc" * 3_000), KEPT),
    "no times": (fields(start_time_unix_nano=0, end_time_unix_nano=0), "neither"),
    "the last of all times": (fields(start_time_unix_nano=FAR - 1, end_time_unix_nano=FAR - 1), "a day ahead"),
    "an event at the last of all times": (lambda span: span.events.add(time_unix_nano=FAR - 1), KEPT),
    "a link of one byte": (lambda span: span.links.add(trace_id=b"a", span_id=b"b"), KEPT),
    "all that is dropped": (fields(dropped_attributes_count=(1 << 32) - 1, trace_state="x" * 5_000), KEPT),
}


def test_spans_as_protobuf_each_cost_themselves_alone(way: Way) -> None:
    request: Any = ExportTraceServiceRequest()
    spans = request.resource_spans.add().scope_spans.add().spans
    given = {"trace_id": bytes.fromhex(TRACE), "start_time_unix_nano": NOW, "end_time_unix_nano": NOW + 5}
    for number, (change, _) in enumerate(PROTO_SPANS.values()):
        for place in (2 * number + 1, 2 * number + 2):
            spans.add(span_id=place.to_bytes(8, "big"), name=f"span {place}", **given)
        change(spans[-1])
    body = request.SerializeToString().replace(b"BROKEN", b"\xff\xfeOKEN")
    taken = take_protobuf(body, origin(way))
    # what cannot be parsed is found when its piece is, so reasons come in the order of pieces, not of spans
    wanted = {name: reason for name, (_, reason) in PROTO_SPANS.items()}
    taken = taken._replace(letters=sorted(taken.letters, key=lambda letter: _place(letter, wanted)))
    expect(way, taken, wanted, len(PROTO_SPANS))


def _place(letter: RefusedSpan, wanted: dict[str, str]) -> int:
    """Where among the reasons that are waited for this one stands."""
    reasons = [reason for reason in wanted.values() if reason]
    return next((place for place, reason in enumerate(reasons) if re.search(reason, letter.reason)), -1)


# --- logs and metrics ----------------------------------------------------------------------------------------------


def log_record(number: int, **more: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE, "spanId": f"{number:016x}", "timeUnixNano": str(NOW), "eventName": "gen_ai.choice",
        "body": {"stringValue": "x"}, **more,
    }  # fmt: skip


UNKEPT = "-"
"""Of a case: the record is accepted, and not kept."""
OLD_NAME = attribute("event.name", {"stringValue": "gen_ai.choice"})["attributes"]
JSON_RECORDS: dict[str, tuple[Any, str]] = {
    "a whole number over 64 bits": (attribute("a", {"intValue": 10**400}), "out of range"),
    "a body over 64 bits": ({"body": {"intValue": 1 << 64}}, "out of range"),
    "the same of what is not kept": ({**attribute("a", {"intValue": 10**400}), "eventName": "http"}, UNKEPT),
    "attributes that are none of what is not kept": ({"attributes": 7, "eventName": "", "body": []}, UNKEPT),
    "attributes that are an object": ({"attributes": {"a": 1}}, "a list of keys"),
    "an older name beside what is wrong": (
        {"eventName": None, "attributes": [*OLD_NAME, {"key": 7}]},
        "'7' is no text",
    ),
    "a name that is a number": ({"eventName": 7}, UNKEPT),
    "no ids": ({"traceId": "", "spanId": ""}, UNKEPT),
    "ids of zeros": ({"traceId": "0" * 32, "spanId": "0" * 16}, UNKEPT),
    "an id that is no hex": ({"traceId": "zz" * 16}, "not hex"),
    "an id that is long": ({"spanId": "a" * 18}, "9 bytes and must be 8"),
    "no time": ({"timeUnixNano": 0}, "neither a start nor an end"),
    "a time below zero": ({"timeUnixNano": "-1"}, "out of range"),
    "a time far ahead": ({"timeUnixNano": str(FAR - 1)}, "a day ahead"),
    "a body nested deeply": ({"body": {"doubleValue": "DEEP3000"}}, "nested more than 500 deep"),
    "a body larger than any": ({"body": {"stringValue": "x" * (MAX_SPAN_BYTES + 1)}}, "larger than"),
    "half an emoji and a NUL": ({"body": {"stringValue": "\ud83d\0"}}, KEPT),
    "a number that is none": ({"body": {"doubleValue": float("nan")}}, KEPT),
}


def expect_records(way: Way, taken: Taken, cases: dict[str, str], good: int) -> None:
    kept = {name: reason for name, reason in cases.items() if reason != UNKEPT}
    assert taken.unkept == len(cases) - len(kept)
    expect(way, taken, kept, good)


TINY = {"attributes": b"\x4a\x00", "events": b"\x5a\x00", "links": b"\x6a\x00"}
"""The least of each that a span may have, on the wire."""


def with_raw(span: Any, tail: bytes) -> bytes:
    """A request of a good span, one with ``tail`` behind its own fields, and a good one."""
    spans: list[bytes] = []
    for number, more in enumerate((b"", tail, b""), 1):
        span.span_id = number.to_bytes(8, "big")
        spans.append(span.SerializeToString() + more)
    return b"".join(request_of(b"", b"", each) for each in spans)


class Watched:
    """A message's class that tells how large a body it was ever given to parse."""

    def __init__(self, parses: Any) -> None:
        self._parses = parses
        self.most = 0

    def FromString(self, body: bytes) -> Any:  # noqa: N802  protobuf's name
        self.most = max(self.most, len(body))
        return self._parses.FromString(body)


@pytest.mark.parametrize("what", TINY)
def test_a_span_that_is_too_large_is_refused_before_it_is_parsed(
    what: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two bytes of it take some seventy in memory: 60 MB took 2 GB, and a minute to be refused."""
    watched = Watched(ExportTraceServiceRequest)
    monkeypatch.setattr(traces, "ExportTraceServiceRequest", watched)
    given: Any = ExportTraceServiceRequest().resource_spans.add().scope_spans.add().spans.add()
    given.trace_id, given.start_time_unix_nano = bytes.fromhex(TRACE), NOW
    body = with_raw(given, TINY[what] * MAX_SPAN_BYTES)
    expect(way, take_protobuf(body, origin(way)), {what: "larger than"}, 2)
    assert watched.most <= PIECE_BYTES


def test_a_log_record_that_is_too_large_is_refused_before_it_is_parsed(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(ExportLogsServiceRequest)
    monkeypatch.setattr(logs, "ExportLogsServiceRequest", watched)
    record: Any = ExportLogsServiceRequest().resource_logs.add().scope_logs.add().log_records.add()
    record.trace_id, record.time_unix_nano, record.event_name = bytes.fromhex(TRACE), NOW, "gen_ai.choice"
    body = with_raw(record, b"\x32\x00" * MAX_SPAN_BYTES)
    expect_records(way, take_logs(body, origin(way), json=False), {"attributes": "larger than"}, 2)
    assert watched.most <= PIECE_BYTES


@pytest.mark.parametrize("what", TINY)
def test_a_span_of_very_many_parts_costs_itself_alone(what: str, way: Way) -> None:
    """One of 8 MB kept all others from the store for most of a minute."""
    given: Any = ExportTraceServiceRequest().resource_spans.add().scope_spans.add().spans.add()
    given.trace_id, given.start_time_unix_nano = bytes.fromhex(TRACE), NOW
    body = with_raw(given, TINY[what] * (3 * MAX_PARTS))
    expect(way, take_protobuf(body, origin(way)), {what: "more than 100000 attributes, events and links"}, 2)


def test_a_span_of_very_many_parts_in_json_costs_itself_alone(way: Way) -> None:
    many_links = {"links": [{"traceId": TRACE, "spanId": "cd" * 8}] * (MAX_PARTS + 1)}
    body = as_body([json_span(1, {}), json_span(2, many_links), json_span(3, {})])
    expect(way, take_json(body, origin(way)), {"links": "more than 100000 attributes, events and links"}, 2)


@pytest.mark.parametrize("form", ["json", "protobuf"])
def test_a_parent_of_zeros_is_none(form: str, way: Way) -> None:
    """Its trace was one without a root: for half a minute it was in no list."""
    if form == "json":
        taken = take_json(as_body([json_span(1, {"parentSpanId": "0" * 16})]), origin(way))
    else:
        given: Any = ExportTraceServiceRequest().resource_spans.add().scope_spans.add().spans.add()
        given.trace_id, given.span_id, given.start_time_unix_nano = bytes.fromhex(TRACE), b"8 bytes.", NOW
        given.parent_span_id = bytes(8)
        taken = take_protobuf(request_of(b"", b"", given.SerializeToString()), origin(way))
    assert stored(way, taken) == (1, 0)
    assert way.rows("parent_span_id, entry") == [["", 1]]


def test_log_records_as_json_each_cost_themselves_alone(way: Way) -> None:
    records: list[Any] = []
    for number, (fields, _) in enumerate(JSON_RECORDS.values()):
        records += [log_record(2 * number + 1), log_record(2 * number + 2, **fields)]
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
    body = re.sub(rb'{"doubleValue": "DEEP(\d+)"}', lambda found: nested(int(found[1])), body)
    taken = take_logs(body, origin(way), json=True)
    expect_records(way, taken, {name: reason for name, (_, reason) in JSON_RECORDS.items()}, len(JSON_RECORDS))
    assert "log records were set aside" in taken.message()


def test_what_is_around_log_records_costs_its_own_alone(way: Way) -> None:
    good = {"scopeLogs": [{"logRecords": [log_record(1)]}], "resource": {"attributes": [{"value": {"intValue": FAR}}]}}
    groups = ["x", good, {"scopeLogs": 7}, {"scopeLogs": [3, {"logRecords": "x"}, {"logRecords": [None, 7]}]}]
    taken = take_logs(json.dumps({"resourceLogs": groups}).encode(), origin(way), json=True)
    reasons = ["an object", "a list", "an object", "a list", "an object"]
    expect_records(way, taken, {"null": UNKEPT, **{str(n): why for n, why in enumerate(reasons)}}, 1)


PROTO_RECORDS: dict[str, tuple[Change, str]] = {
    "bytes that are no text": (lambda record: setattr(record.body, "string_value", "BROKEN"), "cannot be parsed"),
    "the same of what is not kept": (fields(event_name="BROKEN"), "cannot be parsed"),
    "a body nested deeply": (lambda record: deep(90)(record.body), "cannot be parsed"),
    "a trace id of a byte": (fields(trace_id=b"a"), "1 bytes and must be 16"),
    "no span": (fields(span_id=b""), UNKEPT),
    "zeros": (fields(trace_id=bytes(16), span_id=bytes(8)), UNKEPT),
    "no time": (fields(time_unix_nano=0), "neither"),
    "the last of all times": (fields(time_unix_nano=FAR - 1), "a day ahead"),
    "a severity nobody knows": (fields(severity_number=99), KEPT),
    "a name that is bytes": (
        lambda record: valued("event.name", lambda v: setattr(v, "bytes_value", b"gen_ai."))(record),
        KEPT,
    ),
}


def test_log_records_as_protobuf_each_cost_themselves_alone(way: Way) -> None:
    request: Any = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.add(key="BROKEN")
    records = group.scope_logs.add().log_records
    given = {"trace_id": bytes.fromhex(TRACE), "time_unix_nano": NOW, "event_name": "gen_ai.choice"}
    for number, (change, _) in enumerate(PROTO_RECORDS.values()):
        for place in (2 * number + 1, 2 * number + 2):
            records.add(span_id=place.to_bytes(8, "big"), **given)
        change(records[-1])
    body = request.SerializeToString().replace(b"BROKEN", b"\xff\xfeOKEN")
    wanted = {name: reason for name, (_, reason) in PROTO_RECORDS.items()}
    expect_records(way, take_logs(body, origin(way), json=False), wanted, len(PROTO_RECORDS))


def test_metrics_are_counted_whatever_they_hold(way: Way) -> None:
    request: Any = ExportMetricsServiceRequest()
    metrics = request.resource_metrics.add().scope_metrics.add().metrics
    for name in ("BROKEN", "tokens"):
        metrics.add(name=name)
    body = request.SerializeToString().replace(b"BROKEN", b"\xff\xfeOKEN")
    assert take_metrics(body, origin(way), json=False)[1:3] == (0, 0)
    assert take_metrics(body, origin(way), json=False).unkept == 2
    points = [{"name": 7, "sum": {"dataPoints": [{"asInt": 10**400, "timeUnixNano": "x"}]}}, None]
    groups = [{"scopeMetrics": [{"metrics": points}, 7]}, "x"]
    taken = take_metrics(json.dumps({"resourceMetrics": groups}).encode(), origin(way), json=True)
    assert (taken.unkept, taken.refused, stored(way, taken)) == (2, 2, (0, 2))
    assert "2 metrics were set aside" in taken.message()


# --- Langfuse's ----------------------------------------------------------------------------------------------------

EVENTS: dict[str, tuple[Any, str]] = {
    "an event that is a number": (7, "an event is no object"),
    "no type": ({"type": None, "body": {}}, "There is no event of type"),
    "a body that is a list": ({"body": []}, "'body' is no object"),
    "no id": ({"body": {"id": "", "traceId": "t"}}, "'id' is missing"),
    "an id of 501 characters": ({"body": {"id": "x" * 501, "traceId": "t"}}, "'id' is missing"),
    "an id of NULs": ({"body": {"id": "\0", "traceId": "\0"}}, KEPT),
    "a time in words": ({"body": {"id": "a", "traceId": "t", "startTime": "yesterday"}}, "is no time"),
    "a time far ahead": ({"body": {"id": "a", "traceId": "t", "startTime": "9999-12-31T23:59:59Z"}}, "far ahead"),
    "a time of 1970": ({"body": {"id": "a", "traceId": "t", "startTime": "1970-01-01T00:00:00Z"}}, "before 2000"),
    "a time that is a list": ({"body": {"id": "a", "traceId": "t", "startTime": [1]}}, "is no time"),
    "an end before its start": (
        {"body": {"id": "e", "traceId": "t", "startTime": "2026-01-02T00:00:00Z", "endTime": "2026-01-01T00:00:00Z"}},
        "ends more than an hour before",
    ),
    "fields of other types": (
        {"body": {"id": "f", "traceId": "t", "name": {"a": 1}, "level": 7, "usage": "x", "metadata": [None, 1e300]}},
        KEPT,
    ),
    "usage beyond 64 bits": ({"body": {"id": "g", "traceId": "t", "usageDetails": {"input": 10**30}}}, KEPT),
    "a text larger than any": (
        {"body": {"id": "h", "traceId": "t", "input": "x" * (MAX_SPAN_BYTES + 1)}},
        "larger than",
    ),
    "a score of no name": ({"type": "score-create", "body": {"value": 1, "traceId": "t"}}, "'name' is missing"),
}


def test_events_of_langfuses_each_cost_themselves_alone(way: Way) -> None:
    at = "2026-01-01T00:00:00Z"
    given: list[Any] = []
    for number, (fields, _) in enumerate(EVENTS.values()):
        good = {"id": f"good {number}", "type": "generation-create", "timestamp": at}
        given.append({**good, "body": {"id": f"span {number}", "traceId": "t"}})
        given.append({**good, "id": f"odd {number}", **fields} if isinstance(fields, dict) else fields)
    found = read_batch(given, NOW, "key_1")
    reasons = [reason for _, reason in EVENTS.values() if reason]
    assert len(found.taken) == len(given) - len(reasons)
    for reason, (_, said), unread in zip(reasons, found.refused, found.unread, strict=True):
        assert re.search(reason, said), (reason, said)
        assert unread.why == said
    assert {unread.span.name for unread in found.unread if unread.span} == {""}
    way.send(*found.spans)
    ids = {line[0] for line in way.rows()}
    assert len(ids) == 2 + len(found.taken)  # the roots of both traces
