"""JSON as emitters write it, who do not all keep to the letter: one text that was cut in the middle of an emoji must
not cost a batch of five hundred spans.

JavaScript writes halves of characters (`core.half_characters`), Python's ``json.dumps`` numbers that are none as
``NaN``; bytes that are no UTF-8 come from texts that were cut by bytes.
"""

import re
from typing import Any, Final

import msgspec

from trimtab.core.half_characters import whole_characters

_PIECE: Final = re.compile(rb'"(?:[^"\\]+|\\.)*+(?:"|\\?\Z)|\bNaN\b|-?\bInfinity\b', re.DOTALL)
"""A text, or a number that is none. A text without an end goes on to the last byte: were it no match, each quote in it
would be tried as the beginning of another, and a megabyte of them take hours."""


def decode(body: bytes) -> Any:
    """A value. What cannot stand in a text becomes U+FFFD, and a number that is none null. Raises `msgspec.DecodeError`
    for what is no JSON even so, and `RecursionError`."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        named = _PIECE.sub(_mend, body.decode("utf-8", "replace").encode())
        try:
            return msgspec.json.decode(whole_characters(named))
        except msgspec.DecodeError:
            if isinstance(error, msgspec.DecodeError):
                raise error from None  # its place is that in what was sent
            raise


def _mend(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0][:1] == b'"' else b"null"
