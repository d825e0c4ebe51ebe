"""JSON as emitters write it, who do not all keep to the letter: one text that was cut in the middle of an emoji must
not cost a batch of five hundred spans.

JavaScript writes halves of characters (`core.half_characters`), Python's ``json.dumps`` numbers that are none as
``NaN``; bytes that are no UTF-8 come from texts that were cut by bytes. A number may be larger than any that a computer
counts with (``1e999``): it is none either. What is nested deeper than a decoder goes is one value's fault, too.
"""

import codecs
import re
from typing import Any, Final

import msgspec

from trimtab.core.errors import TooLarge
from trimtab.core.half_characters import whole_characters

_PIECE: Final = re.compile(
    rb'"(?:[^"\\]+|\\.)*+(?:"|\\?\Z)|\bNaN\b|-?\bInfinity\b'
    rb"|(?<![0-9.])-?(?:[0-9.]{300,}+|[0-9.]++[eE])[0-9.eE+-]*+",
    re.DOTALL,
)
"""A text, a number that is none, or one with an exponent or so many digits that it may be too large. A text without an
end goes on to the last byte: were it no match, each quote in it would be tried as the beginning of another, and a
megabyte of them take hours; nor is a number tried from each of its digits."""
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
"""A number as JSON has it."""

MOST_DEEP: Final = 500
"""Levels that are read where a body has more of them than the decoder goes, which is about twice as many."""
TOO_DEEP: Final = "[nested too deeply]"
"""Stands in place of what lies deeper."""
_BRACKETS: Final = re.compile(rb'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))*+([\[{]++|[\]}]++|\Z)', re.DOTALL)
"""Brackets that open or that close, as many as stand together, or the end, behind all before them, texts too: in those
none counts. So each match begins where the last one ended."""
MOST_RUNS: Final = 500_000
"""So many times brackets that close may follow ones that open in a body that is nested too deeply: to look through them
takes a tenth of a second of the server's, whatever is sent."""


MOST_HOLDERS: Final = 1_000_000
"""Lists and objects that a body of any size may have; a larger one has one for each `HOLDER_BYTES`."""
HOLDER_BYTES: Final = 16
"""OTLP's densest JSON, an array of small numbers, takes more for each; so does whatever people write."""
_OPENS: Final = re.compile(rb'[^"\[{]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|([\[{]++)', re.DOTALL)
"""Brackets that open, as many as stand together, or what is between them, a whole text among it."""

MOST_VALUES: Final = 6_000_000
"""Values and names of one body: each takes up to some 85 bytes of memory, so that all of them take half a gigabyte. A
body of 64 MB has so many where nothing in it is longer than ten bytes."""
_TEXT: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_STEP: Final = 1 << 20


class TooMuch(msgspec.DecodeError):
    """JSON that would take far more memory than its bytes."""


def decode(body: bytes) -> Any:
    """A value. What cannot stand in a text becomes U+FFFD, a number that is none null, and what is nested too deeply
    `TOO_DEEP`. Raises `msgspec.DecodeError` for what is no JSON even so, and `TooMuch` for what would take a hundred
    times its size in memory."""
    _bound(body)
    try:
        return _decoded(body)
    except RecursionError:
        return _decoded(_shallow(body))


def too_much(error: TooMuch) -> TooLarge:
    """For the caller."""
    return TooLarge(f"To read the body takes too much memory: {error}.", fix="Send smaller batches.")


def _bound(body: bytes) -> None:
    """Raises `TooMuch`. A list takes 56 bytes, an object 64 and soon 232, and two bytes of a body: where there are too
    many brackets, those in texts are left out of the count. So it is with what stands between values."""
    most = max(MOST_HOLDERS, len(body) // HOLDER_BYTES)
    if body.count(b"[") + body.count(b"{") > most:
        count = 0
        for found in _OPENS.finditer(body):
            if found.lastindex:
                count += found.end() - found.start()
                if count > most:
                    raise TooMuch(f"it has more than {most} lists and objects")
    if _separators(body, 0, len(body)) > MOST_VALUES:
        _bound_values(body)


def _separators(body: bytes, start: int, end: int) -> int:
    return body.count(b",", start, end) + body.count(b":", start, end)


def _bound_values(body: bytes) -> None:
    """Raises `TooMuch`. Each text has something that separates it from the next one, or the body is no JSON."""
    count = texts = at = 0
    for found in _TEXT.finditer(body):
        start, end = found.span()
        count += _separators(body, at, start)
        texts += 1
        at = end
        if max(count, texts) > MOST_VALUES:
            break
    else:
        count += _separators(body, at, len(body))
    if max(count, texts) > MOST_VALUES:
        raise TooMuch(f"it has more than {MOST_VALUES} values and names")


def _decoded(body: bytes) -> Any:
    """The same, but for depth: raises `RecursionError`."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        try:
            return msgspec.json.decode(whole_characters(_with_nulls(_readable(body))))
        except msgspec.DecodeError:
            if isinstance(error, msgspec.DecodeError):
                raise error from None  # its place is that in what was sent
            raise


def _readable(body: bytes) -> bytes:
    """With U+FFFD for bytes that are no UTF-8; in steps, for a text takes up to four times its bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    whole = bytearray()
    for at in range(0, len(body), _STEP):
        whole += decoder.decode(body[at : at + _STEP], at + _STEP >= len(body)).encode()
    return bytes(whole)


def _with_nulls(body: bytes) -> bytes:
    """With null for numbers that are none. Of what stays no piece is made: there may be one for each two bytes."""
    whole, kept = bytearray(), 0
    for found in _PIECE.finditer(body):
        start, end = found.span()
        if body[start] != _QUOTE and (body[end - 1] in b"Ny" or _is_too_large(found[0])):
            whole += body[kept:start]
            whole += b"null"
            kept = end
    return bytes(whole + body[kept:]) if kept else body


_QUOTE: Final = ord('"')


def _is_too_large(number: bytes) -> bool:
    if _NUMBER.fullmatch(number) is None:  # told at its place
        return False
    try:
        msgspec.json.decode(number)
    except msgspec.DecodeError:
        return True
    return False


def _shallow(body: bytes) -> bytes:
    """JSON with `TOO_DEEP` in place of each list and object below `MOST_DEEP` others."""
    parts: list[bytes] = []
    kept = depth = 0
    for runs, found in enumerate(_BRACKETS.finditer(body)):
        if runs == MOST_RUNS:
            raise msgspec.DecodeError(f"it is nested more than {MOST_DEEP} deep, and too large to leave only that out")
        at, end = found.span(1)
        if at == end:
            break
        if body[at] in b"[{":
            if depth <= MOST_DEEP < depth + end - at:
                parts += body[kept : at + MOST_DEEP - depth], b'"', TOO_DEEP.encode(), b'"'
            depth += end - at
        else:
            if depth - (end - at) <= MOST_DEEP < depth:
                kept = at + depth - MOST_DEEP
            depth -= end - at
    return b"".join(parts) if depth > MOST_DEEP else b"".join((*parts, body[kept:]))
