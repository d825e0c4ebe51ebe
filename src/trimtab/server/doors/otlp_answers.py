"""What OTLP's clients are answered, in the encoding they came with (https://opentelemetry.io/docs/specs/otlp/).

An answer to an export is ``Export…ServiceResponse``: empty, or with ``partial_success`` where something was set aside.
An error is a ``google.rpc.Status`` (https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto). Both
are two fields long, and written here without a protobuf library.
"""

from typing import Final

import msgspec

from trimtab.core.errors import TrimtabError

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

# google/rpc/code.proto, by HTTP status
_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 3, 415: 3, 429: 8, 500: 13, 503: 14}
_UNKNOWN: Final = 2

REJECTED: Final = {"traces": "rejectedSpans", "logs": "rejectedLogRecords", "metrics": "rejectedDataPoints"}
"""What ``partial_success`` counts, by signal; field 1 of each message, ``error_message`` is field 2."""


def code_of(error: TrimtabError) -> int:
    """The gRPC status code (https://grpc.io/docs/guides/status-codes/) that says what ``error`` says."""
    return _CODES.get(error.status, _UNKNOWN)


def exported(kind: str, signal: str, rejected: int, message: str) -> bytes:
    """The body of a 200. ``kind`` is the media type that the client used."""
    if kind == JSON:
        partial = {REJECTED[signal]: str(rejected), "errorMessage": message}
        return msgspec.json.encode({"partialSuccess": partial} if message else {})
    if not message:
        return b""
    counted = b"\x08" + _varint(rejected) if rejected else b""
    return _field(1, counted + _field(2, message.encode("utf-8", "replace")))


def refused(kind: str, error: TrimtabError) -> bytes:
    """The body of an error."""
    code = code_of(error)
    if kind == JSON:
        return msgspec.json.encode({"code": code, "message": error.sentence()})
    return b"\x08" + _varint(code) + _field(2, error.sentence().encode("utf-8", "replace"))


def status_with_retry(error: TrimtabError) -> bytes:
    """A ``google.rpc.Status`` that carries a ``google.rpc.RetryInfo``: after how many seconds to come again."""
    delay = b"\x08" + _varint(max(1, round(error.retry_after_s or 1)))
    packed = _field(1, b"type.googleapis.com/google.rpc.RetryInfo") + _field(2, _field(1, delay))
    return refused(PROTOBUF, error) + _field(3, packed)


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
