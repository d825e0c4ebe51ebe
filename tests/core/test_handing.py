"""Messages whose bodies lie in memory that is handed over."""

import os
import socket
import struct
from collections.abc import Iterator

import pytest

from trimtab.core.handing import Handing, HandingBroken, Message


@pytest.fixture
def pair() -> Iterator[tuple[Handing, Handing, socket.socket]]:
    one, other = socket.socketpair()
    yield Handing(one), Handing(other), one
    one.close()
    other.close()


@pytest.mark.parametrize("body", [b"", b"x", os.urandom(5 << 20)])
def test_a_body_of_any_size_arrives_before_anybody_reads(
    pair: tuple[Handing, Handing, socket.socket], body: bytes
) -> None:
    ours, theirs, _ = pair
    ours.send(3, 7, body)
    theirs.send(4, 8, body)
    ours.send(3, 9, b"next")
    assert theirs.receive(5.0) == Message(3, 7, body)
    assert ours.receive(5.0) == Message(4, 8, body)
    assert theirs.receive(5.0) == Message(3, 9, b"next")


def test_no_descriptor_is_left_open(pair: tuple[Handing, Handing, socket.socket]) -> None:
    ours, theirs, _ = pair
    before = len(os.listdir("/dev/fd"))
    for number in range(20):
        ours.send(1, number, b"body")
        theirs.receive(5.0)
    assert len(os.listdir("/dev/fd")) == before


def test_who_waits_too_long_or_is_alone_is_told(pair: tuple[Handing, Handing, socket.socket]) -> None:
    ours, theirs, _ = pair
    with pytest.raises(HandingBroken, match=r"nothing came for 0\.01 s"):
        ours.receive(0.01)
    theirs.close()
    with pytest.raises(HandingBroken, match="is gone"):
        ours.receive(1.0)
    with pytest.raises(HandingBroken, match="nothing can be sent"):
        ours.send(1, 1, b"x")


@pytest.mark.parametrize("length", [0, 4, 1 << 62])
def test_a_head_that_lies_about_its_body_is_no_message(
    pair: tuple[Handing, Handing, socket.socket], length: int
) -> None:
    _, theirs, raw = pair
    handle = os.memfd_create("x")
    os.write(handle, b"abc")
    socket.send_fds(raw, [struct.pack("<IIQ", 1, 1, length)], [handle])
    os.close(handle)
    with pytest.raises(HandingBroken, match="not as long as it says"):
        theirs.receive(5.0)


@pytest.mark.parametrize("said", [b"hello", struct.pack("<IIQ", 1, 1, 0)])
def test_what_comes_without_a_body_is_no_message(pair: tuple[Handing, Handing, socket.socket], said: bytes) -> None:
    _, theirs, raw = pair
    raw.send(said)
    with pytest.raises(HandingBroken, match="no message"):
        theirs.receive(5.0)
