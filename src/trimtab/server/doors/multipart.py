"""``multipart/form-data`` (RFC 7578, RFC 2046) of a body that is in memory whole: its parts in their order. Pure."""

import re
from typing import Final, NamedTuple

from trimtab.core.errors import InvalidRequest

MOST_PARTS: Final = 100_000
"""Parts of one body: each costs some microseconds, also where it is empty."""
_HEAD: Final = 8 << 10
"""Bytes of the headers of one part."""
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s";]{1,200}))', re.IGNORECASE)
_NAME = re.compile(r';\s*name="([^"]*)"', re.IGNORECASE)


class Part(NamedTuple):
    """``kind`` is its content-type without parameters, ``encoding`` its content-encoding."""

    name: str
    kind: str
    encoding: str
    content: bytes


def boundary_of(content_type: str) -> bytes:
    """Raises `InvalidRequest` where there is none."""
    kind, _, rest = content_type.partition(";")
    found = _BOUNDARY.search(rest)
    if kind.strip().lower() != "multipart/form-data" or found is None:
        raise InvalidRequest(
            "The content-type is not 'multipart/form-data' with a boundary.",
            fix="Send 'multipart/form-data; boundary=...'.",
            code="not_multipart",
            status=415,
        )
    return (found[1] or found[2]).encode("latin-1", "replace")


def parts_of(body: bytes, boundary: bytes) -> list[Part]:
    """Raises `InvalidRequest` for what is cut off, or is no such body. What stands before the first boundary and behind
    the last is nobody's."""
    mark = b"--" + boundary
    if not body.startswith(mark):
        start = body.find(b"\r\n" + mark)
        if start < 0:
            raise _wrong("its boundary is not in it")
        body = body[start + 2 :]
    found: list[Part] = []
    at = len(mark)
    while True:
        if body[at : at + 2] == b"--":
            return found
        if body[at : at + 2] != b"\r\n":
            raise _wrong("what follows a boundary is no part")
        if len(found) == MOST_PARTS:
            raise _wrong(f"it has more than {MOST_PARTS} parts")
        end = body.find(b"\r\n" + mark, at)
        if end < 0:
            raise _wrong("it is cut off")
        found.append(_part(body, at, end))
        at = end + 2 + len(mark)


def _part(body: bytes, at: int, end: int) -> Part:
    head = body.find(b"\r\n\r\n", at, min(end, at + _HEAD))
    if head < 0:
        raise _wrong("a part has no headers, or too many")
    headers = dict[str, str]()
    for line in body[at + 2 : head].decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    named = _NAME.search(headers.get("content-disposition", ""))
    if named is None:
        raise _wrong("a part has no name")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return Part(named[1], kind, headers.get("content-encoding", ""), body[head + 4 : end])


def _wrong(why: str) -> InvalidRequest:
    return InvalidRequest(f"The body is no multipart/form-data: {why}.", fix="Send it whole.", code="not_multipart")
