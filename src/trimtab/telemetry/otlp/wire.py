"""OTLP requests along protobuf's wire format, without parsing what they hold: cut between spans into smaller requests.

https://protobuf.dev/programming-guides/encoding/. Requests of all signals are built alike: resources, below each of
them scopes, below each of those spans (or log records, or metrics). Neighbours are copied together, as they lie in the
body: nothing of a span is looked at but how long it is and, where a piece is full, whether the next one has the same
beginning, which is the id of its trace. A trace that is cut in two may come into two batches of the writer, and then
its rows are made anew.
"""

from collections.abc import Iterator
from typing import Final

PIECE_BYTES: Final = 256 << 10
PIECE_EXPANDS: Final = 16 << 20
"""Bytes that a piece's spans take with a copy each of what is around them."""
SPAN_BYTES: Final = 2_000
"""What a span takes in memory however little it says: its objects, its row, its raw JSON."""
MAX_AROUND: Final = 64 << 10
"""Bytes of a resource and a scope together. Each span is kept with its own copy of them."""

_TRACE: Final = 18
"""Bytes that a span begins with where its trace's id comes first, as all emitters write it."""
_SLACK: Final = 64
"""So many spans more a piece may have to end with a trace, and a quarter more bytes."""

_Entry = tuple[int, int, int]
"""A field of a message: where its tag begins, where its content does, and behind its end."""
_Stretch = tuple[int, int]
"""Spans that lie one behind the other, with their tags and lengths: from where to where."""


class BadWire(ValueError):
    """Not protobuf, or cut off."""


def pieces(body: bytes) -> Iterator[bytes]:
    """The request as smaller ones of about `PIECE_BYTES`, cut between spans. A small one is given as it is. Pieces
    repeat their resource and scope, so below large ones they are larger. Raises `BadWire`."""
    if len(body) <= PIECE_BYTES:
        yield body
        return
    view = memoryview(body)
    gathered: list[tuple[bytes, bytes, list[_Stretch]]] = []
    size = expands = 0
    for group, scope, entries in _scopes(body):
        around = len(group) + len(scope)
        enough = max(PIECE_BYTES, 4 * around)
        most = enough + enough // 4
        each = SPAN_BYTES + (around if around <= MAX_AROUND else 0)  # else they are refused
        stretches: list[_Stretch] = []
        first = last = -1
        trace, slack = b"", 0
        for tag, begins, ends in entries:
            if slack:
                slack -= 1
                if not slack or body[begins : begins + _TRACE] != trace or size >= most or expands >= PIECE_EXPANDS:
                    stretches.append((first, last))
                    gathered.append((group, scope, stretches))
                    yield _assembled(view, gathered)
                    gathered, stretches, size, expands, first, slack = [], [], 0, 0, -1, 0
            if first < 0:
                first = tag
                size += around
            elif tag != last:
                stretches.append((first, last))
                first = tag
            last = ends
            size += ends - begins
            expands += ends - begins + each
            if not slack and (size >= enough or expands >= PIECE_EXPANDS):
                trace, slack = body[begins : begins + _TRACE], _SLACK
        if first >= 0:
            stretches.append((first, last))
            gathered.append((group, scope, stretches))
        if slack:
            yield _assembled(view, gathered)
            gathered, size, expands = [], 0, 0
    if gathered:
        yield _assembled(view, gathered)


def spans_in(body: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each span's bytes, after its resource's and its scope's. Raises `BadWire`."""
    for group, scope, entries in _scopes(body):
        for _, begins, ends in entries:
            yield group, scope, body[begins:ends]


def count_spans(body: bytes) -> int:
    """How many a request has. Raises `BadWire`."""
    return sum(1 for _, _, entries in _scopes(body) for _ in entries)


def request_of(group: bytes, scope: bytes, span: bytes) -> bytes:
    """A request of one span, from what `spans_in` gives."""
    parts: list[bytes | memoryview] = [_head(2, len(span)), span]
    return b"".join(_around(group, scope, parts))


def _scopes(body: bytes) -> Iterator[tuple[bytes, bytes, Iterator[_Entry]]]:
    """Of each scope its resource and itself, as bytes, and where its spans lie."""
    for _, first, end in _entries(body, 0, len(body), 1):
        group = _first(body, first, end)
        for _, at, stop in _entries(body, first, end, 2):
            yield group, _first(body, at, stop), _entries(body, at, stop, 2)


def _first(body: bytes, at: int, end: int) -> bytes:
    """What a message has as its field 1; mostly it begins with it."""
    for _, begins, ends in _entries(body, at, end, 1):
        return body[begins:ends]
    return b""


def _entries(body: bytes, at: int, end: int, number: int) -> Iterator[_Entry]:
    """The length-delimited fields with that number of the message in [at, end); the others are passed over."""
    wanted = number << 3 | 2
    while at < end:
        tag = at
        key = body[at]
        at += 1
        if key >= 0x80:
            key, at = _varint(body, tag, end)
        if key & 7 == 2:
            length, at = _length(body, at, end)
            if length > end - at:
                raise BadWire(f"a field of {length} bytes is cut off after {end - at}")
            if key == wanted:
                yield tag, at, at + length
            at += length
        else:
            at = _passed(body, at, end, key & 7)
    if at > end:
        raise BadWire("it is cut off")


def _length(body: bytes, at: int, end: int) -> tuple[int, int]:
    """A varint, in one or two bytes as most lengths are, and where it ends."""
    if at + 1 < end:
        low = body[at]
        if low < 0x80:
            return low, at + 1
        high = body[at + 1]
        if high < 0x80:
            return low & 0x7F | high << 7, at + 2
    return _varint(body, at, end)


def _passed(body: bytes, at: int, end: int, wire: int) -> int:
    """Behind a value that has no length."""
    if wire == 0:
        return _varint(body, at, end)[1]
    if wire in (1, 5):
        return at + (8 if wire == 1 else 4)
    raise BadWire(f"wire type {wire} is not in use")


def _varint(body: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise BadWire("a number is cut off")


def _assembled(view: memoryview, gathered: list[tuple[bytes, bytes, list[_Stretch]]]) -> bytes:
    """A request of these resources, scopes and spans; every byte is copied once."""
    whole: list[bytes | memoryview] = []
    for group, scope, stretches in gathered:
        whole += _around(group, scope, [view[first:last] for first, last in stretches])
    return b"".join(whole)


def _around(group: bytes, scope: bytes, spans: list[bytes | memoryview]) -> list[bytes | memoryview]:
    """Spans, with their tags and lengths, below their scope below their resource, as the parts of a request."""
    head_of_scope = _head(1, len(scope))
    scoped = len(head_of_scope) + len(scope) + sum(map(len, spans))
    before = [_head(1, len(group)), group, _head(2, scoped)]
    return [_head(1, sum(map(len, before)) + scoped), *before, head_of_scope, scope, *spans]


def _head(number: int, length: int) -> bytes:
    """Tag and length of a field."""
    head = bytearray((number << 3 | 2,))
    while length >= 0x80:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head)
