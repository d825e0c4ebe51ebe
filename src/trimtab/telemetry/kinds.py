"""What may lie in the spool beside calls: kinds of records, each told by its first bytes.

A call's record is a bare msgpack map, as it always was: the hot path writes nothing more. Any other kind is the byte
0xC1, which no msgpack value begins with (https://github.com/msgpack/msgpack/blob/master/spec.md), a byte that says
which kind, and the record as msgpack. A kind is registered once, in `KINDS`; what it becomes is its mapper's business
(`writer.py`). A kind that a newer server wrote is told by name, not misread.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.governance.sealing import Keyring, weight_of
from trimtab.telemetry.foreign.spans import ForeignBatch, RefusedSpan
from trimtab.telemetry.records import CallRecord, decode_record, encode_record
from trimtab.telemetry.remap import RemapBatch
from trimtab.telemetry.scores.types import ScoreBatch

MARK: Final = 0xC1

KINDS: Final[dict[int, type[Struct]]] = {
    1: ScoreBatch,
    2: ForeignBatch,
    3: RefusedSpan,
    4: RemapBatch,
}
"""By number. A number is never given twice."""

_NUMBERS: Final = {kind: number for number, kind in KINDS.items()}
_DECODERS: Final = {number: msgspec.msgpack.Decoder(kind) for number, kind in KINDS.items()}
_FOREIGN: Final = bytes((MARK, 2))
_encode = msgspec.msgpack.Encoder().encode


def encode_any(record: Struct) -> bytes:
    """A record of any kind as it lies in the spool."""
    if type(record) is CallRecord:
        return encode_record(record)
    return bytes((MARK, _NUMBERS[type(record)])) + _encode(record)


class _Expands(Struct):
    expands: int = 0


_expands: Final = msgspec.msgpack.Decoder(_Expands)


def weigh(body: bytes) -> int:
    """About how many bytes the rows of a spooled body take in memory: its own, or what its door knows that it expands
    to. All else of the record is passed over. A body that cannot be read weighs what it is."""
    if body[:2] != _FOREIGN:
        return weight_of(body) or len(body)
    try:
        return max(len(body), _expands.decode(memoryview(body)[2:]).expands)
    except msgspec.DecodeError:
        return len(body)


class _Owned(Struct):
    project: str = ""


_owned: Final = msgspec.msgpack.Decoder(_Owned)


def sealed(ring: Keyring, body: bytes) -> bytes:
    """A body of any kind as it goes into the spool: sealed where its project is encrypted."""
    if ring.is_empty:
        return body
    project = _owned.decode(body if body[:1] != b"\xc1" else memoryview(body)[2:]).project
    return ring.seal_record(project, body, weigh(body)) if ring.seals(project) else body


def decode_any(body: bytes) -> Any:
    """The record in a spooled body: a `CallRecord`, or one of `KINDS`. Raises `msgspec.DecodeError`."""
    if body[:1] != b"\xc1":
        return decode_record(body)
    decoder = _DECODERS.get(body[1]) if len(body) > 1 else None
    if decoder is None:
        which = body[1] if len(body) > 1 else "none"
        raise msgspec.DecodeError(f"a record of kind {which} is not known here: a newer server wrote it")
    return decoder.decode(memoryview(body)[2:])
