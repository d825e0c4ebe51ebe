"""``application/vnd.amazon.eventstream``: AWS's binary framing of streams.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html and the SDKs' own tests. A message is: its
total length and that of its headers (4 bytes each, big endian), the CRC-32 of these 8 bytes; the headers; the payload;
the CRC-32 of everything before. A header is: a byte of length and its name, a byte of type, and a value.
"""

import struct
import zlib
from collections.abc import Iterator

from msgspec import Struct

from trimtab.core.errors import UpstreamFailure

PRELUDE = 12
TRAILER = 4
MAX_MESSAGE = 24 * 1024 * 1024
"""Bytes of one message: what AWS's own SDKs take at most (16 MB of payload, 128 KB of headers), and some room."""

_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of a value by type; types 6 and 7 (bytes, text) carry their length in two bytes."""
_TEXT = 7


class Message(Struct, frozen=True, kw_only=True):
    """Of the headers only those that hold text: ``:message-type``, ``:event-type``, ``:exception-type``, ..."""

    headers: dict[str, str]
    payload: bytes


class EventStreamSplitter:
    """Turns chunks as received into blocks of one or more complete messages whose checksums are right."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = bytearray()

    def feed(self, data: bytes) -> bytes:
        tail = self._tail
        tail += data
        end = 0
        while len(tail) - end >= PRELUDE:
            length = _length_at(tail, end)
            if len(tail) - end < length:
                break
            (told,) = struct.unpack_from(">I", tail, end + length - TRAILER)
            if zlib.crc32(memoryview(tail)[end : end + length - TRAILER]) != told:
                raise _broken("a message's checksum is wrong")
            end += length
        block = bytes(tail[:end])
        del tail[:end]
        return block

    def rest(self) -> bytes:
        return bytes(self._tail)


def messages(block: bytes) -> Iterator[Message]:
    """The messages of a block made by the splitter. Raises `UpstreamFailure` for headers that cannot be read."""
    at = 0
    while len(block) - at >= PRELUDE:
        length = _length_at(block, at)
        (head,) = struct.unpack_from(">I", block, at + 4)
        start = at + PRELUDE
        if len(block) - at < length or start + head > at + length - TRAILER:
            raise _broken("a message's parts are longer than the message")
        yield Message(
            headers=_headers(block[start : start + head]), payload=block[start + head : at + length - TRAILER]
        )
        at += length


def _length_at(data: bytes | bytearray, at: int) -> int:
    length, _, told = struct.unpack_from(">III", data, at)
    if zlib.crc32(bytes(data[at : at + 8])) != told:
        raise _broken("the checksum of a message's beginning is wrong")
    if not PRELUDE + TRAILER <= length <= MAX_MESSAGE:
        raise _broken(f"a message says that it has {length} bytes")
    return length


def _headers(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name, kind, at = data[at + 1 : name_end], data[name_end], name_end + 1
            size = _FIXED.get(kind)
            if size is None:
                if kind not in (6, _TEXT):
                    raise _broken(f"a header has the unknown type {kind}")
                (size,) = struct.unpack_from(">H", data, at)
                at += 2
            if at + size > len(data):
                raise _broken("a header is longer than the headers")
            if kind == _TEXT:
                found[name.decode("utf-8", "replace")] = data[at : at + size].decode("utf-8", "replace")
            at += size
    except (IndexError, struct.error):
        raise _broken("a header is cut off") from None
    return found


def _broken(why: str) -> UpstreamFailure:
    return UpstreamFailure(f"The provider's event stream cannot be read: {why}.", code="upstream_garbage")
