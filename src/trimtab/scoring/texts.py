"""How scorers read texts: one form of the same characters, their words, what is expected, JSON within prose."""

import re
import unicodedata
from typing import Any, Final, cast

import msgspec

from trimtab.scoring.types import Sample

_WORD: Final = re.compile(r"\w+(?:['’]\w+)*")
_FENCE: Final = re.compile(r"```[A-Za-z0-9_+-]*[ \t]*\r?\n?")
_decode: Final = msgspec.json.Decoder().decode


def plain(text: str, *, ignore_case: bool = False, strip: bool = True) -> str:
    """The text in Unicode's form NFC, so that the same letters are the same characters."""
    text = unicodedata.normalize("NFC", text)
    text = text.strip() if strip else text
    return text.casefold() if ignore_case else text


def words(text: str) -> list[str]:
    """Words in lower case, without punctuation; figures are words."""
    return _WORD.findall(unicodedata.normalize("NFC", text).lower())


def squeezed(text: str) -> str:
    """For finding a passage whatever its spaces, quotation marks, dashes and case."""
    text = unicodedata.normalize("NFKC", text)
    return " ".join(text.translate(_MARKS).casefold().split())


_MARKS: Final = {ord(mark): "'" for mark in "‘’‚‛´`"} | {ord(mark): '"' for mark in "“”„‟«»"} | {
    ord(mark): "-" for mark in "‐‑‒–—−"
}  # fmt: skip


def expected_texts(sample: Sample) -> list[str]:
    """What a case expects, where that is a text or a list of texts; empty otherwise."""
    expected = sample.expected
    if isinstance(expected, str):
        return [expected]
    if isinstance(expected, list):
        found = cast("list[object]", expected)
        return [text for text in found if isinstance(text, str)] if all(isinstance(t, str) for t in found) else []
    return []


class NoJson(Exception):
    """Why a text is no JSON."""


def json_of(text: str, *, within: bool = True) -> Any:
    """The JSON value that a text is. ``within``: or that it has in its only code fence. Raises `NoJson`."""
    try:
        return read_json(text)
    except NoJson:
        inner = fenced(text) if within else None
        if inner is None:
            raise
    return read_json(inner)


def fenced(text: str) -> str | None:
    """What stands in a text's only code fence; None where there is none, or several."""
    parts = _FENCE.split(text)
    return parts[1] if len(parts) == 3 else None


def read_json(text: str) -> Any:
    """One JSON value (RFC 8259). Raises `NoJson`."""
    try:
        return _decode(text)
    except msgspec.DecodeError as error:
        raise NoJson(str(error).removeprefix("JSON is malformed: ")) from error
    except (UnicodeEncodeError, RecursionError) as error:
        raise NoJson(f"{type(error).__name__}") from error


def shown(value: Any, most: int = 80) -> str:
    """A value as JSON in a sentence, cut."""
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        text = repr(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"
