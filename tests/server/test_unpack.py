"""Compressed bodies: opened as they were, however they are cut, within bounds of size and of work."""

import gzip
import time
import zlib
from random import Random

import pytest
from backports import zstd

from trimtab.core.errors import InvalidRequest, TooLarge
from trimtab.server.unpack import MOST_MEMBERS, unpack

LIMIT = 8 << 20
NOISE = Random(7).randbytes(300_000)


def deflate(body: bytes) -> bytes:
    return zlib.compress(body)


def raw_deflate(body: bytes) -> bytes:
    made = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return made.compress(body) + made.flush()


WAYS = {"gzip": gzip.compress, "deflate": deflate, "raw": raw_deflate, "zstd": zstd.compress}


def opened(body: bytes, way: str, limit: int = LIMIT) -> bytes:
    return unpack(body, "deflate" if way == "raw" else way, limit, "A_SETTING")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("body", [b"", b"x", NOISE, b"\0" * LIMIT, NOISE + b"\0" * 3_000_000 + NOISE], ids=len)
def test_what_was_compressed_is_what_comes_out(way: str, body: bytes) -> None:
    assert opened(WAYS[way](body), way) == body


@pytest.mark.parametrize("way", WAYS)
def test_what_is_larger_or_cut_off_or_no_such_thing_is_refused(way: str) -> None:
    with pytest.raises(TooLarge, match="A_SETTING"):
        opened(WAYS[way](b"\0" * (LIMIT + 1)), way)
    whole = WAYS[way](NOISE + b"\0" * 1_000_000)
    for length in (1, 20, 65_536, 70_000, len(whole) - 1):
        with pytest.raises(InvalidRequest, match=f"The body is not {'deflate' if way == 'raw' else way}"):
            opened(whole[:length], way)
    with pytest.raises(InvalidRequest):
        opened(b"\xff" * 100, way)


@pytest.mark.parametrize("way", ["gzip", "zstd"])
def test_several_members_are_one_body(way: str) -> None:
    pieces = [NOISE, b"", b"\0" * 2_000_000, b"end"]
    assert opened(b"".join(map(WAYS[way], pieces)), way) == b"".join(pieces)
    with pytest.raises(TooLarge):
        opened(WAYS[way](b"\0" * LIMIT) + WAYS[way](b"x"), way)


@pytest.mark.parametrize("way", ["gzip", "zstd"])
def test_a_body_of_very_many_empty_members_costs_no_more_than_its_bound(way: str) -> None:
    """Each end was followed by a copy of all that was left: 4 MB of them took minutes."""
    empty = WAYS[way](b"")
    assert opened(empty * MOST_MEMBERS, way) == b""
    began = time.process_time()
    with pytest.raises(InvalidRequest, match="more than 10000 members"):
        opened(empty * (48_000_000 // len(empty)), way)
    assert time.process_time() - began < 20
