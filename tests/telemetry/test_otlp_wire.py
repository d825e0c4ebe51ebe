"""Requests cut between spans: none is lost, doubled or moved to another resource, and what is no protobuf is told."""

from random import Random
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from trimtab.telemetry.otlp.wire import PIECE_BYTES, BadWire, pieces, request_of, spans_in


def request(rnd: Random) -> bytes:
    """Some resources, scopes and spans of all sizes; what need not be there is left out now and then."""
    made: Any = ExportTraceServiceRequest()
    for number in range(rnd.randint(1, 5)):
        group = made.resource_spans.add(schema_url=rnd.choice(("", "https://resource")))
        if rnd.random() < 0.8:
            text = f"r{number}" + "x" * rnd.choice((0, 100, 70_000))
            group.resource.attributes.add(key="service.name").value.string_value = text
        for _ in range(rnd.randint(0, 4)):
            scoped = group.scope_spans.add(schema_url=rnd.choice(("", "https://scope")))
            scoped.scope.name = "s" * rnd.choice((0, 5, 200))
            for _ in range(rnd.choice((0, 1, 40, 400))):
                name = "n" * rnd.choice((0, 20, 127, 128, 1_000, 20_000))
                scoped.spans.add(trace_id=rnd.randbytes(16), span_id=rnd.randbytes(8), name=name)
    return made.SerializeToString()


def told(body: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Resource, scope and span of each span, by the parser."""
    made: Any = ExportTraceServiceRequest.FromString(body)
    return [
        tuple(each.SerializeToString() for each in (group.resource, scoped.scope, span))
        for group in made.resource_spans
        for scoped in group.scope_spans
        for span in scoped.spans
    ]


@pytest.mark.parametrize("seed", range(12))
def test_the_pieces_of_a_request_hold_its_spans_with_what_is_around_them_in_their_order(seed: int) -> None:
    body = request(Random(seed))
    found = list(pieces(body))
    assert [each for piece in found for each in told(piece)] == told(body)
    assert len(found) >= min(2, len(body) // (2 * PIECE_BYTES))
    assert list(spans_in(body)) == told(body)
    for alone in list(spans_in(body))[:20]:
        assert told(request_of(*alone)) == [alone]


def test_a_trace_whose_spans_are_neighbours_is_cut_only_where_it_is_long() -> None:
    rnd = Random(9)

    def cut(spans_of_a_trace: int, name: int) -> list[list[bytes]]:
        made: Any = ExportTraceServiceRequest()
        scoped = made.resource_spans.add().scope_spans.add()
        for _ in range(3_000 // spans_of_a_trace):
            trace_id = rnd.randbytes(16)
            for _ in range(spans_of_a_trace):
                scoped.spans.add(trace_id=trace_id, span_id=rnd.randbytes(8), name="n" * name)
        body = made.SerializeToString()
        found = [[made.trace_id for made in _all(piece)] for piece in pieces(body)]
        assert [each for ids in found for each in ids] == [span.trace_id for span in _all(body)]
        return found

    ids = cut(7, 900)
    assert len(ids) > 5
    assert sum(len(set(each)) for each in ids) == 3_000 // 7  # no trace is in two pieces
    assert max(map(len, cut(3_000, 900))) <= PIECE_BYTES // 900 + 64 + 1
    assert max(map(len, cut(3_000, 20_000))) <= PIECE_BYTES * 5 // 4 // 20_000 + 1


def test_spans_with_something_between_them_and_a_scope_behind_them_are_cut_alike() -> None:
    rnd = Random(3)
    made: Any = ExportTraceServiceRequest()
    scoped = made.resource_spans.add().scope_spans.add()
    for _ in range(900):
        scoped.spans.add(trace_id=rnd.randbytes(16), span_id=rnd.randbytes(8), name="n" * 1_000)
    spans = [span for _, _, span in spans_in(made.SerializeToString())]
    between = (b"\x1a\x03url", b"\xf8\x01\x05", b"\xa5\x06abcd")  # a text, a number of a later version, four bytes
    mixed = b"".join(_field(2, span) + between[at % 3] for at, span in enumerate(spans))
    body = _field(1, _field(2, mixed + _field(1, _field(1, b"late"))))
    assert len(told(body)) == 900
    assert [each for piece in pieces(body) for each in told(piece)] == told(body)
    assert told(body)[0][1] == b"\x0a\x04late"


def test_what_is_no_protobuf_is_told_wherever_it_is_damaged() -> None:
    rnd = Random(5)
    body = next(each for each in (request(Random(seed)) for seed in range(99)) if len(each) > 3 * PIECE_BYTES)
    bad = 0
    for _ in range(60):
        damaged = bytearray(body[: rnd.randrange(PIECE_BYTES + 1, len(body))])
        damaged[rnd.randrange(len(damaged))] = rnd.randrange(256)
        try:
            found = list(pieces(bytes(damaged)))
        except BadWire:
            bad += 1
            continue
        for piece in found:  # the damage lies within a span: the parser finds it there, or it is none
            try:
                told(piece)
            except DecodeError:
                bad += 1
    assert bad > 50
    for tail in (b"\x0a\x05abc", b"\x0a", b"\x0a\xff\xff", b"\x0b", b"\x0d\x01\x02", b"\x08\x80"):
        with pytest.raises(BadWire, match=r"cut off|not in use"):
            list(pieces(body + tail))


def _all(body: bytes) -> list[Any]:
    made: Any = ExportTraceServiceRequest.FromString(body)
    return [span for group in made.resource_spans for scoped in group.scope_spans for span in scoped.spans]


def _field(number: int, content: bytes) -> bytes:
    length, head = len(content), bytearray((number << 3 | 2,))
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes((*head, length)) + content
