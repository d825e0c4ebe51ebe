"""JSON as emitters write it, who do not all keep to the letter: one text that was cut in the middle of an emoji must
not cost a batch of five hundred spans.

JavaScript's ``JSON.stringify`` writes half a surrogate pair as an escape of its own (ECMA-262, 25.5.2.3), Python's
``json.dumps`` numbers that are none as ``NaN``; bytes that are no UTF-8 come from texts that were cut by bytes.
"""

import re
from typing import Any, Final

import msgspec

_PIECE: Final = re.compile(rb'"(?:[^"\\]+|\\.)*+"|\bNaN\b|-?\bInfinity\b', re.DOTALL)
_ESCAPE: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_REPLACED: Final = rb"\ufffd"


def decode(body: bytes) -> Any:
    """A value. What cannot stand in a text becomes U+FFFD, and a number that is none null. Raises `msgspec.DecodeError`
    for what is no JSON even so, and `RecursionError`."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        mended = _PIECE.sub(_mend, body.decode("utf-8", "replace").encode())
        try:
            return msgspec.json.decode(mended)
        except msgspec.DecodeError:
            if isinstance(error, msgspec.DecodeError):
                raise error from None  # its place is that in what was sent
            raise


def _mend(found: re.Match[bytes]) -> bytes:
    piece = found[0]
    if piece[:1] != b'"':
        return b"null"
    return _ESCAPE.sub(_whole, piece) if b"\\u" in piece else piece


def _whole(found: re.Match[bytes]) -> bytes:
    return found[0] if found[1] is None else _REPLACED
