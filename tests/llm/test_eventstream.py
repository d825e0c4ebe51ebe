"""AWS's binary streams: whole messages out of any pieces, and no message whose sums are wrong."""

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.core.errors import UpstreamFailure
from trimtab.llm.eventstream import MAX_MESSAGE, EventStreamSplitter, messages

TEXT = st.text(max_size=20)


def header(name: str, kind: int, value: bytes) -> bytes:
    sized = struct.pack(">H", len(value)) + value if kind in (6, 7) else value
    return bytes([len(name.encode())]) + name.encode() + bytes([kind]) + sized


def frame(payload: bytes, *headers: bytes) -> bytes:
    head = b"".join(headers)
    prelude = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    whole = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return whole + struct.pack(">I", zlib.crc32(whole))


def test_a_message_of_awss_own_test_suite_is_read() -> None:
    # "payload_one_str_header" of the vectors that AWS's SDKs share
    head = header("content-type", 7, b"application/json")
    data = frame(b"{'foo':'bar'}", head)
    assert data[:12] == bytes.fromhex("0000003d0000002007fd8396")
    assert data[-4:] == bytes.fromhex("8d9c08b1")
    [message] = messages(EventStreamSplitter().feed(data))
    assert (message.headers, message.payload) == ({"content-type": "application/json"}, b"{'foo':'bar'}")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(TEXT, st.binary(max_size=40)), max_size=5), st.data())
def test_messages_come_whole_however_they_are_cut(said: list[tuple[str, bytes]], data: st.DataObject) -> None:
    wire = b"".join(frame(payload, header("n", 7, text.encode())) for text, payload in said)
    splitter, out, at = EventStreamSplitter(), b"", 0
    while at < len(wire):
        size = data.draw(st.integers(1, len(wire) - at))
        out += splitter.feed(wire[at : at + size])
        at += size
    assert out == wire
    assert not splitter.rest()
    assert [(m.headers["n"], m.payload) for m in messages(out)] == said


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 100), st.integers(1, 255))
def test_a_flipped_bit_anywhere_is_noticed(where: int, flip: int) -> None:
    wire = bytearray(frame(b'{"text":"the tide is out"}', header(":event-type", 7, b"contentBlockDelta")))
    wire[where % len(wire)] ^= flip
    with pytest.raises(UpstreamFailure):
        EventStreamSplitter().feed(bytes(wire))


def test_headers_of_every_type_are_passed_over() -> None:
    kinds = [(0, b""), (1, b""), (2, b"x"), (3, b"xx"), (4, b"x" * 4), (5, b"x" * 8), (6, b"xyz"), (8, b"x" * 8)]
    listed = [header(f"h{kind}", kind, value) for kind, value in kinds] + [header("h9", 9, b"x" * 16)]
    [message] = messages(frame(b"", *listed, header("last", 7, b"ok")))
    assert message.headers == {"last": "ok"}


@pytest.mark.parametrize(
    "data",
    [
        frame(b"", b"\x05ab"),
        frame(b"", header("a", 7, b"x") + b"\x01b\x07\x00\x99"),
        frame(b"", b"\x01a\x63"),
        struct.pack(">III", MAX_MESSAGE + 1, 0, zlib.crc32(struct.pack(">II", MAX_MESSAGE + 1, 0))),
        struct.pack(">III", 3, 0, zlib.crc32(struct.pack(">II", 3, 0))),
    ],
)
def test_what_says_more_than_it_holds_is_refused(data: bytes) -> None:
    with pytest.raises(UpstreamFailure):
        list(messages(EventStreamSplitter().feed(data)))
