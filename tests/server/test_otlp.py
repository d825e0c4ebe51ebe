"""The OTLP door over HTTP: what is acknowledged is kept, one bad span costs one span, nothing makes it fail."""

import asyncio
import base64
import gzip
import json
import math
import os
import zlib
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from backports import zstd
from house import ADMIN, House
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from trimtab.core.errors import InvalidRequest, RateLimited, TrimtabError, Unavailable
from trimtab.server.doors import otlp
from trimtab.server.doors.otlp import OtlpDoor
from trimtab.server.doors.otlp_answers import status_with_retry
from trimtab.server.unpack import unpack
from trimtab.telemetry.foreign.protobuf import all_spans
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan, RefusedSpan
from trimtab.telemetry.kinds import decode_any, encode_any, weigh
from trimtab.telemetry.otlp.sink import MAX_LETTERS, REPEATED, REPEATED_FREELY, Origin
from trimtab.telemetry.otlp.traces import take_json, take_protobuf
from trimtab.telemetry.otlp.wire import MAX_AROUND, PIECE_EXPANDS, pieces
from trimtab.telemetry.spool.intake import Intake

if TYPE_CHECKING:
    from house import Run

NOW = 1_750_000_000_000_000_000
"""What the house's clock says."""
ORIGIN = Origin("p", "k", NOW)
PROTOBUF = {"content-type": "application/x-protobuf"}


class Kept(Intake):
    """Keeps what it is given in a list; ``trouble`` is raised while it is set."""

    def __init__(self) -> None:
        super().__init__(_no_spool, 1)
        self.bodies: list[bytes] = []
        self.trouble: TrimtabError | None = None

    def require_room(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    async def keep_bodies(self, bodies: Sequence[bytes]) -> None:
        self.require_room()
        self.bodies += bodies

    def spans(self) -> list[ForeignSpan]:
        batches = [each for each in map(decode_any, self.bodies) if isinstance(each, ForeignBatch)]
        return [span for batch in batches for span in all_spans(batch)]


def _no_spool() -> Any:
    raise AssertionError("no spool is opened here")


class Front:
    """The app with its door, and a client that has the admin key."""

    def __init__(self, house: House) -> None:
        self.kept = Kept()
        self.door = OtlpDoor(house.deps, self.kept)
        transport = httpx.ASGITransport(self.door)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://t", headers={"authorization": ADMIN_BEARER})

    async def post(self, body: bytes, path: str = "/v1/traces", **headers: str) -> httpx.Response:
        given = {**PROTOBUF, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.http.post(path, content=body, headers=given)


ADMIN_BEARER = f"Bearer {ADMIN}"


def request(count: int = 3, **fields: Any) -> ExportTraceServiceRequest:
    made = ExportTraceServiceRequest()
    group = made.resource_spans.add()
    named = group.resource.attributes.add()
    named.key, named.value.string_value = "service.name", "shop"
    scope = group.scope_spans.add()
    scope.scope.name = "lib"
    for number in range(count):
        given: dict[str, Any] = {
            "trace_id": os.urandom(16),
            "span_id": os.urandom(8),
            "name": f"span {number}",
            "start_time_unix_nano": NOW,
            "end_time_unix_nano": NOW + 1000,
            **fields,
        }
        scope.spans.add(**given)
    return made


def as_json(count: int = 2) -> dict[str, Any]:
    spans = [
        {
            "traceId": os.urandom(16).hex().upper(),
            "spanId": os.urandom(8).hex(),
            "name": f"span {number}",
            "kind": 3,
            "startTimeUnixNano": str(NOW),
            "endTimeUnixNano": NOW + 1000,
            "status": {"code": "STATUS_CODE_ERROR", "message": "no"},
            "attributes": [
                {"key": "n", "value": {"intValue": "7"}},
                {"key": "l", "value": {"arrayValue": {"values": [{"boolValue": True}, {"doubleValue": 0.5}]}}},
                {"key": "m", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"bytesValue": "AQI="}}]}}},
            ],
        }
        for number in range(count)
    ]
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "lib"}, "spans": spans}]}]}


# --- what is taken -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate", "raw deflate", "zstd"])
def test_a_batch_is_kept_in_every_encoding_before_it_is_acknowledged(run: "Run", encoding: str) -> None:
    plain = request().SerializeToString()
    raw = zlib.compressobj(wbits=-15)
    packed = {
        "identity": plain,
        "gzip": gzip.compress(plain[:40]) + gzip.compress(plain[40:]),
        "deflate": zlib.compress(plain),
        "raw deflate": raw.compress(plain) + raw.flush(),
        "zstd": zstd.compress(plain[:40]) + zstd.compress(plain[40:]),
    }[encoding]

    async def story(house: House) -> None:
        front = Front(house)
        answer = await front.post(packed, content_encoding=encoding.removeprefix("raw "))
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "application/x-protobuf"
        assert [span.name for span in front.kept.spans()] == ["span 0", "span 1", "span 2"]
        assert front.kept.spans()[0].resource == {"service.name": "shop"}

    run(story)


@pytest.mark.parametrize(
    "number", ["null", "NaN", "-Infinity", '"NaN"', "1e999", "-1E400", "9" * 400 + ".5", "9" * 5_000]
)
def test_a_number_that_is_none_costs_no_span_in_json(run: "Run", number: str) -> None:
    """JavaScript's exporters write ``null`` for it, Python's ``json`` the bare word; others digits that no computer
    counts with."""

    async def story(house: House) -> None:
        front = Front(house)
        sent = json.dumps(as_json(1)).replace('"doubleValue": 0.5', f'"doubleValue": {number}')
        answer = await front.post(sent.encode(), content_type="application/json")
        assert (answer.status_code, answer.json()) == (200, {})
        [span] = front.kept.spans()
        kept = span.attributes["l"]
        assert kept[0] is True
        assert kept[1] is None or math.isnan(kept[1])

    run(story)


def test_a_whole_number_beyond_64_bits_costs_its_span_alone(run: "Run") -> None:
    async def story(house: House) -> None:
        front = Front(house)
        sent = as_json(3)
        sent["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["attributes"][0]["value"]["intValue"] = 10**400
        answer = await front.post(json.dumps(sent).encode(), content_type="application/json")
        told = answer.json()["partialSuccess"]
        assert (answer.status_code, told["rejectedSpans"]) == (200, "1")
        assert [span.name for span in front.kept.spans()] == ["span 0", "span 2"]

    run(story)


def test_a_resource_that_is_none_costs_its_own_spans_and_not_those_of_others() -> None:
    bad, good = as_json(2), as_json(1)
    bad["resourceSpans"][0]["resource"]["attributes"][0]["value"] = {"intValue": 10**400}
    sent = {"resourceSpans": bad["resourceSpans"] + good["resourceSpans"]}
    taken = take_json(json.dumps(sent).encode(), Origin("p", "k", NOW))
    assert (taken.accepted, taken.refused) == (1, 2)
    assert "its resource is none: 1000" in taken.message()
    alone = [json.loads(letter.wire)["resourceSpans"][0]["scopeSpans"][0]["spans"] for letter in taken.letters]
    assert [[span["name"] for span in spans] for spans in alone] == [["span 0"], ["span 1"]]


def test_json_says_the_same_as_protobuf(run: "Run") -> None:
    async def story(house: House) -> None:
        front = Front(house)
        answer = await front.post(json.dumps(as_json()).encode(), content_type="application/json; charset=utf-8")
        assert (answer.status_code, answer.json()) == (200, {})
        first = front.kept.spans()[0]
        assert first.attributes == {"n": 7, "l": [True, 0.5], "m": {"a": "AQI="}}
        assert (first.kind, first.status_code, first.status_message, first.scope_name) == ("client", 2, "no", "lib")
        assert (first.start_ns, first.end_ns, first.trace_id) == (NOW, NOW + 1000, first.trace_id.lower())

    run(story)


def test_half_an_emoji_in_one_span_costs_no_span(run: "Run") -> None:
    async def story(house: House) -> None:
        front = Front(house)
        body = json.dumps(as_json(2)).replace('"span 1"', '"cut \\ud83d"').encode()
        answer = await front.post(body, content_type="application/json")
        assert (answer.status_code, answer.json()) == (200, {})
        assert [span.name for span in front.kept.spans()] == ["span 0", "cut \ufffd"]
        await front.door.aclose()

    run(story)


def test_bad_spans_are_set_aside_with_their_reasons_and_the_others_are_kept(run: "Run") -> None:
    made = request(6)
    spans = made.resource_spans[0].scope_spans[0].spans
    spans[0].trace_id = b"short"
    spans[1].span_id = bytes(8)
    spans[2].start_time_unix_nano = 5
    spans[3].start_time_unix_nano = NOW + 2 * 86_400 * 10**9
    spans[4].end_time_unix_nano = NOW - 7_200 * 10**9

    async def story(house: House) -> None:
        front = Front(house)
        answer = await front.post(made.SerializeToString())
        assert answer.status_code == 200
        told = ExportTraceServiceResponse.FromString(answer.content).partial_success
        assert told.rejected_spans == 5
        assert "trace id" in told.error_message
        assert [span.name for span in front.kept.spans()] == ["span 5"]
        letters = [each for each in map(decode_any, front.kept.bodies) if isinstance(each, RefusedSpan)]
        assert len(letters) == 5
        assert all(letter.reason and letter.span for letter in letters)

    run(story)


def test_clocks_that_disagree_by_less_than_an_hour_are_no_fault() -> None:
    made = request(2, end_time_unix_nano=NOW - 60 * 10**9)
    made.resource_spans[0].scope_spans[0].spans[1].start_time_unix_nano = 0
    assert take_protobuf(made.SerializeToString(), ORIGIN).accepted == 2


def test_of_very_many_bad_spans_some_are_kept_and_all_are_counted() -> None:
    taken = take_protobuf(request(500, trace_id=b"").SerializeToString(), ORIGIN)
    assert (taken.accepted, taken.refused, len(taken.letters)) == (0, 500, MAX_LETTERS)


def test_a_span_that_cannot_be_parsed_costs_only_itself() -> None:
    made = request(3)
    whole = made.SerializeToString()
    broken = whole.replace(b"span 1", b"span \xff")  # no UTF-8
    taken = take_protobuf(broken, ORIGIN)
    assert (taken.accepted, taken.refused) == (2, 1)
    assert "cannot be parsed" in taken.letters[0].reason


@pytest.mark.parametrize("depth", [20, 90, 200, 5_000, 100_000])
def test_a_value_nested_very_deeply_costs_its_span_at_most(depth: int) -> None:
    body = json.dumps(as_json(2))
    deep = '{"arrayValue":{"values":[' * depth + '{"stringValue":"x"}' + "]}}" * depth
    body = body.replace('{"intValue": "7"}', deep, 1)
    taken = take_json(body.encode(), ORIGIN)
    assert taken.accepted + taken.refused == 2
    assert taken.accepted >= 1
    if depth > 1000:
        assert "a value is nested more than 500 deep" in taken.message()
    for record in (*taken.records, *taken.letters):
        assert encode_any(record)


def test_a_large_batch_is_cut_between_spans_and_nothing_of_it_is_lost() -> None:
    made = request(4000)
    for group in range(3):
        made.resource_spans.append(request(700, name=f"group {group} " + "x" * 300).resource_spans[0])
    body = made.SerializeToString()
    cut = list(pieces(body))
    assert len(cut) > 3
    names = [span.name for span in _all(body)]
    assert [span.name for piece in cut for span in _all(piece)] == names
    taken = take_protobuf(body, ORIGIN)
    assert taken.accepted == len(names) == 6100
    kept = [span for record in taken.records for span in all_spans(record)]
    assert [span.name for span in kept] == names
    assert all(span.resource == {"service.name": "shop"} and span.scope_name == "lib" for span in kept)


@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_a_large_resource_cannot_be_multiplied_by_many_small_spans(form: str) -> None:
    def kept_of(resource: int, spans: int) -> tuple[int, int, int, int]:
        made = request(spans)
        made.resource_spans[0].resource.attributes[0].value.string_value = "x" * resource
        body = made.SerializeToString()
        if form == "json":
            said = as_json(spans)
            said["resourceSpans"][0]["resource"]["attributes"][0]["value"]["stringValue"] = "x" * resource
            body = json.dumps(said).encode()
        taken = take_json(body, ORIGIN) if form == "json" else take_protobuf(body, ORIGIN)
        mapped = sum(len(span.resource["service.name"]) for each in taken.records for span in all_spans(each))
        assert mapped <= REPEATED_FREELY + REPEATED * len(body)
        assert sum(len(encode_any(each)) for each in taken.letters) < MAX_LETTERS * 2000
        return taken.accepted, taken.refused, sum(len(encode_any(each)) for each in taken.records), len(body)

    assert kept_of(MAX_AROUND, 300)[:2] == (0, 300)  # a little too large in itself
    accepted, refused, _, _ = kept_of(60_000, 800)  # so many of them are too many
    assert (accepted, refused) == (0, 800)
    accepted, refused, kept, body = kept_of(60_000, 20)  # a few are none
    assert (accepted, refused) == (20, 0)
    assert kept < REPEATED_FREELY + REPEATED * body
    assert kept_of(2_000, 600)[:2] == (600, 0)  # and a common one never


def test_a_body_below_a_large_resource_is_cut_into_few_pieces() -> None:
    made = request(3000, name="x" * 500)
    made.resource_spans[0].resource.attributes[0].value.string_value = "y" * 400_000
    body = made.SerializeToString()
    assert sum(map(len, pieces(body))) < 2 * len(body)
    broken = body.replace(b"x" * 500, b"\xff" * 500)  # no UTF-8: each span is looked at alone
    taken = take_protobuf(broken, ORIGIN)
    assert (taken.accepted, taken.refused) == (0, 3000)
    assert "larger than" in taken.letters[0].reason


def test_what_a_small_record_expands_to_is_bounded_and_told_to_the_writer() -> None:
    made = request(2_000, name="")
    made.resource_spans[0].resource.attributes[0].value.string_value = "y" * 60_000
    pad = made.resource_spans.add().scope_spans.add().spans
    pad.add(**{**_span(), "name": "x" * (7 << 20)})  # so that the request may repeat that much
    taken = take_protobuf(made.SerializeToString(), ORIGIN)
    assert (taken.accepted, taken.refused) == (2_001, 0)
    for record in taken.records:
        expanded = sum(len(encode_any(span_json)) for span_json in _expanded(record))
        assert expanded <= record.expands + 1
        assert weigh(encode_any(record)) == max(record.expands, len(encode_any(record)))
        assert expanded <= PIECE_EXPANDS + (8 << 20)
    assert weigh(encode_any(ForeignBatch(project="p", arrived_ns=1, otlp=b"abc"))) < 100
    assert weigh(b"\xc1\x02 no msgpack") == 13


def _expanded(record: ForeignBatch) -> list[ForeignBatch]:
    return [ForeignBatch(project="", arrived_ns=0, spans=(span,)) for span in all_spans(record)]


def _span() -> dict[str, Any]:
    return {
        "trace_id": os.urandom(16),
        "span_id": os.urandom(8),
        "start_time_unix_nano": NOW,
        "end_time_unix_nano": NOW + 1000,
    }


def _all(body: bytes) -> list[Any]:
    parsed: Any = ExportTraceServiceRequest.FromString(body)
    return [span for group in parsed.resource_spans for scope in group.scope_spans for span in scope.spans]


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_is_refused_at_the_limit_and_told_so(run: "Run", encoding: str) -> None:
    zeros = bytes(80 << 20)
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstd.compress}[encoding](zeros)

    async def story(house: House) -> None:
        front = Front(house)
        answer = await front.post(packed, content_encoding=encoding)
        assert answer.status_code == 413
        assert b"64 MB" in answer.content
        assert b"TRIMTAB_OTLP_MAX_BODY_MB" in answer.content
        assert front.kept.bodies == []

    run(story)


def test_a_body_that_drips_for_ever_keeps_no_other_out(run: "Run", monkeypatch: pytest.MonkeyPatch) -> None:
    """As many bytes as may be in memory are held by clients that never come to an end; then there is room again."""
    monkeypatch.setattr(otlp, "ARRIVES_S", 0.1)

    async def story(house: House) -> None:
        front = Front(house)

        async def dripping() -> AsyncIterator[bytes]:
            yield bytes(60 << 20)
            while True:
                yield b"x"
                await asyncio.sleep(0.01)

        async def drip() -> httpx.Response:
            return await front.http.post("/v1/traces", content=dripping(), headers=PROTOBUF)

        answers = await asyncio.gather(*(drip() for _ in range(otlp.BODIES_IN_MEMORY)))
        assert {answer.status_code for answer in answers} == {408}
        assert b"was not here within" in answers[0].content
        assert front.door._in_memory == 0  # pyright: ignore[reportPrivateUsage]
        monkeypatch.undo()
        assert (await front.post(request().SerializeToString())).status_code == 200

    run(story)


def test_what_is_no_otlp_is_told_in_the_clients_own_encoding(run: "Run") -> None:
    async def story(house: House) -> None:
        front = Front(house)
        for body in (b"\xff\xff", b"\n\x05ab", os.urandom(300)):
            answer = await front.post(body)
            assert answer.status_code == 400
            assert answer.content.startswith(b"\x08\x03\x12")  # google.rpc.Status: code 3, message
        for text in ("[]", "{", '{"resourceSpans": 7}', "7", "null"):
            answer = await front.post(text.encode(), content_type="application/json")
            assert (answer.status_code, answer.json()["code"]) == (400, 3)
        assert (await front.post(b"", content_type="text/plain")).status_code == 415
        assert (await front.post(b"x", content_encoding="br")).status_code == 415
        assert (await front.post(b"x", content_encoding="gzip")).status_code == 400
        assert (await front.http.get("/v1/traces")).status_code == 405
        announced = await front.post(b"x", content_length=str(1 << 40))
        assert announced.status_code == 413
        assert front.kept.bodies == []

    run(story)


def test_the_key_may_come_in_each_header_that_exporters_use(run: "Run") -> None:
    async def story(house: House) -> None:
        front = Front(house)
        body = request(1).SerializeToString()
        del front.http.headers["authorization"]
        basic = base64.b64encode(f"user:{ADMIN}".encode()).decode()
        basic_first = base64.b64encode(f"{ADMIN}:".encode()).decode()
        for name, value in (
            ("authorization", ADMIN_BEARER),
            ("x-api-key", ADMIN),
            ("api-key", ADMIN),
            ("authorization", f"Basic {basic}"),
            ("authorization", f"Basic {basic_first}"),
        ):
            assert (await front.http.post("/v1/traces", content=body, headers={**PROTOBUF, name: value})).is_success
        for headers in ({}, {"authorization": "Bearer tt_wrong"}, {"authorization": "Basic !"}):
            refused = await front.http.post("/v1/traces", content=body, headers={**PROTOBUF, **headers})
            assert refused.status_code == 401
        assert len(front.kept.spans()) == 5

    run(story)


def test_while_nothing_can_be_kept_exporters_are_told_when_to_come_again(run: "Run") -> None:
    async def story(house: House) -> None:
        front = Front(house)
        for trouble, status in (
            (RateLimited("behind", retry_after_s=5), 429),
            (Unavailable("disk", retry_after_s=5), 503),
        ):
            front.kept.trouble = trouble
            answer = await front.post(request().SerializeToString())
            assert (answer.status_code, answer.headers["retry-after"]) == (status, "5")
            assert status_with_retry(trouble).endswith(b"\x0a\x02\x08\x05")
        front.kept.trouble = None
        assert (await front.post(request().SerializeToString())).status_code == 200

    run(story)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=6)), max_size=6), form=st.booleans())
def test_a_mutated_body_never_fails_us(cuts: list[tuple[int, bytes]], form: bool) -> None:
    body = bytearray(json.dumps(as_json()).encode() if form else request().SerializeToString())
    for place, piece in cuts:
        at = place % (len(body) + 1)
        body[at : at + len(piece)] = piece
    take = take_json if form else take_protobuf
    try:
        taken = take(bytes(body), ORIGIN)
    except InvalidRequest:
        return  # a 400
    for record in (*taken.records, *taken.letters):
        assert decode_any(encode_any(record)) == record
    assert sum(len(all_spans(record)) for record in taken.records) == taken.accepted


# --- logs and metrics ----------------------------------------------------------------------------------------------


def test_events_of_spans_are_kept_and_everything_else_is_accepted_and_counted(run: "Run") -> None:
    logs: Any = ExportLogsServiceRequest()
    records = logs.resource_logs.add().scope_logs.add().log_records
    one = records.add(trace_id=b"t" * 16, span_id=b"s" * 8, time_unix_nano=NOW, event_name="gen_ai.choice")
    value = one.body.kvlist_value.values.add()
    value.key, value.value.string_value = "finish_reason", "stop"
    records.add(trace_id=b"t" * 16, span_id=b"s" * 8, time_unix_nano=NOW, event_name="http.request")
    records.add(time_unix_nano=NOW, event_name="gen_ai.choice")
    metrics: Any = ExportMetricsServiceRequest()
    metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="gen_ai.client.token.usage")
    in_json = {
        "resourceLogs": [
            {"scopeLogs": [{"logRecords": [
                {"traceId": "74" * 16, "spanId": "73" * 8, "timeUnixNano": str(NOW),
                 "attributes": [{"key": "event.name", "value": {"stringValue": "gen_ai.user.message"}}],
                 "body": {"stringValue": "Hello"}},
            ]}]}
        ]
    }  # fmt: skip

    async def story(house: House) -> None:
        front = Front(house)
        assert (await front.post(logs.SerializeToString(), "/v1/logs")).status_code == 200
        sent = json.dumps(in_json).encode()
        assert (await front.post(sent, "/v1/logs", content_type="application/json")).json() == {}
        assert (await front.post(metrics.SerializeToString(), "/v1/metrics")).status_code == 200
        empty = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{}, {}]}]}]}).encode()
        assert (await front.post(empty, "/v1/metrics", content_type="application/json")).status_code == 200
        for path in ("/v1/logs", "/v1/metrics"):
            assert (await front.post(b"\xff", path)).status_code == 400
            assert (await front.post(b"[]", path, content_type="application/json")).status_code == 400
        first, second = front.kept.spans()
        assert (first.partial, first.events[0].name, first.events[0].attributes) == (
            True, "gen_ai.choice", {"finish_reason": "stop"},
        )  # fmt: skip
        assert second.events[0].attributes["body"] == "Hello"
        assert front.kept.unkept == 5

    run(story)


def test_unpacking_stays_within_its_limit_whatever_it_is_given() -> None:
    plain = os.urandom(1000)
    for encoding, packed in (
        ("gzip", gzip.compress(plain)),
        ("zstd", zstd.compress(plain)),
        ("deflate", zlib.compress(plain)),
    ):
        assert unpack(packed, encoding, 1000, "S") == plain
        with pytest.raises(TrimtabError, match="more than"):
            unpack(packed, encoding, 999, "S")
        with pytest.raises(TrimtabError, match=r"cut off|not"):
            unpack(packed[:-7], encoding, 1000, "S")
