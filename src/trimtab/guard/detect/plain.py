"""What a text says once nothing hides it: without invisible characters, with look-alikes as the letters they stand for,
letters set apart joined, and what is encoded in it decoded.

Look-alikes are from Unicode's confusables (UTS 39) for Cyrillic, Greek and the letter-like symbols that NFKC leaves.
"""

import base64
import binascii
import codecs
import html
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

MOST_ENCODED: Final = 8_000
"""Characters of an encoded run that are decoded."""
MOST_RUNS: Final = 20
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0100-\U000e01ef]"
)
_TAGS: Final = re.compile("[\U000e0020-\U000e007e]+")
_VARIED: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_ALIKE: Final = str.maketrans(
    "аеорсухіјѕԁһԛԝмтвкнАВЕКМНОРСТУХІЈЅαοενρτικυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧıɡɩʟꜱ",
    "aeopcyxijsdhqwmtbkhABEKMHOPCTYXIJSaoevptikuxABEZHIKMNOPTYXigils",
)
_MIXED: Final = re.compile(r"[^\W\d_]+")
_OTHER: Final = re.compile("[\u0370-\u04ff\u0250-\u02af\u0500-\u052f]")
_APART: Final = re.compile(r"(?<!\w)[^\W\d_]([ .\-_*·])(?:[^\W\d_]\1){1,200}[^\W\d_](?!\w)")
_ALONE: Final = re.compile(r"([ .\-_*·])[^\W\d_]\1[^\W\d_](?!\w)")
"""How every match of `_APART` ends: it begins with a mark, which is quickly looked for."""
_LEET: Final = re.compile(
    r"(?<![\w])(?=[a-z@$!]{0,19}[0134578@$])(?=[0-9@$!]{0,19}[a-z])[a-z013457@$!8]{3,20}(?!\w)", re.IGNORECASE
)
"""Its bounds are those of the word: without them a run of ``!`` takes the square of its length."""
_FIGURES: Final = str.maketrans("0134578@$!", "oieastbasi")


class Reading(Struct, frozen=True):
    """``text`` as it is read, ``how`` it was hidden, and where in the whole text it stood."""

    how: str
    text: str
    start: int
    end: int


def normal(text: str) -> str:
    """The text itself where it is plain ASCII without letters set apart, as most are, and most lines of others."""
    if not text.isascii():
        lines = text.split("\n")
        others = False
        for at, line in enumerate(lines):
            if not line.isascii():
                line = _TAGS.sub(_untagged, line)
                lines[at] = line = unicodedata.normalize("NFKC", _INVISIBLE.sub("", line))
                others = others or bool(_OTHER.search(line))
        text = "\n".join(lines)
        if others:
            text = _MIXED.sub(_latin, text)
    return _APART.sub(_together, text) if _ALONE.search(text) else text


def _untagged(match: re.Match[str]) -> str:
    return "".join(chr(ord(mark) - 0xE0000) for mark in match[0])


def _together(match: re.Match[str]) -> str:
    return re.sub(r"[ .\-_*·]", "", match[0])


def _latin(match: re.Match[str]) -> str:
    """A word of two scripts, or one that is nothing but look-alikes beside Latin words."""
    word = match[0]
    if word.isascii() or not _OTHER.search(word):
        return word
    read = word.translate(_ALIKE)
    mixed = any(letter.isascii() for letter in word)
    return read if mixed or (read.isascii() and re.search("[a-z]{2}", match.string, re.IGNORECASE)) else word


def hidden(text: str) -> int:
    """How many characters carry text that nobody sees: tags, and runs of variation selectors."""
    if text.isascii():
        return 0
    lines = [line for line in text.split("\n") if not line.isascii()]
    return sum(len(run) for line in lines for run in (*_TAGS.findall(line), *_VARIED.findall(line)))


def _unbroken(text: str) -> bool:
    """Whether there are twenty characters without a space among them."""
    at, end = 0, len(text) - 20
    while at <= end:
        space = text.rfind(" ", at, at + 20)
        if space < 0:
            return True
        at = space + 1
    return False


def _four_escaped(text: str) -> bool:
    return "%" in text and len(_PERCENT.findall(text)) >= 4


_PERCENT: Final = re.compile("%[0-9A-Fa-f]{2}")
_HEX: Final = re.compile(r"[0-9][0-9a-fA-F]?[ :,]?(?:(?:\\x|0x)?[0-9a-fA-F]{2}[ :,]?){3}")
"""Words stand in hex with spaces between them: in each a figure, and three bytes behind the first."""
_BITS: Final = re.compile("[01]{8}")


def _has(part: str) -> Callable[[str], bool]:
    return lambda text: part in text


_RUNS: Final[tuple[tuple[str, Callable[[str], object], re.Pattern[str]], ...]] = (
    # how, what is true of a text that has one, the run
    ("Base64", _unbroken, re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/_-]{20,}={0,2}(?![\w+/])")),
    ("hex", _HEX.search, re.compile(r"(?<!\w)(?:(?:\\x|0x)?[0-9a-fA-F]{2}[ :,]?){12,}(?!\w)")),
    ("binary", _BITS.search, re.compile(r"(?<!\w)(?:[01]{8}[ ,]?){6,}(?!\w)")),
    ("percent encoding", _four_escaped, re.compile(r"(?:[\w.~+-]{0,40}%[0-9A-Fa-f]{2}){4,}[\w.~+-]{0,40}")),
    ("entities", _has("&#"), re.compile(r"(?:&#(?:x[0-9a-fA-F]{1,6}|\d{1,7});[ ]?){4,}")),
    ("escapes", _has("\\u"), re.compile(r"(?:\\u[0-9a-fA-F]{4}){4,}")),
)
_ROT13: Final = (
    b"vtaber", b"vafgehpgvba", b"cebzcg", b"qvfertneq", b"flfgrz", b"cerivbhf", b"erirny", b"sbetrg", b"olcnff",
    b"cnffjbeq", b"erfgevpgvba",
)  # fmt: skip
_BACKWARDS: Final = (
    b"erongi", b"noitcurtsni", b"tpmorp", b"metsys", b"suoiverp", b"dragersid", b"laever", b"tegrof", b"drowssap",
    b"noitcirtser",
)  # fmt: skip
"""Words of attacks, written so."""
_ATTACKS: Final = tuple(codecs.decode(word.decode(), "rot13") for word in _ROT13)
_PLAIN_ATTACKS: Final = tuple(word.encode() for word in _ATTACKS)
_PLAIN_FIGURES: Final = bytes.maketrans(b"0134578@$!", b"oieastbasi")
_SET_IN: Final = re.compile(r"[0134578@$!](?<=(?i:[a-z]).)[0134578@$!]{0,8}(?i:[a-z])")
"""A figure between letters, without which no word is written with figures for letters."""


def decoded(text: str) -> Iterator[Reading]:
    """What stands encoded in a text and reads as words once it is decoded."""
    for how, there, pattern in _RUNS:
        if not there(text):
            continue
        for number, match in enumerate(pattern.finditer(text)):
            if number >= MOST_RUNS:
                break
            read = _decode(how, match[0][:MOST_ENCODED])
            if wordy(read):
                yield Reading(how, normal(read), match.start(), match.end())
    lowered = text.lower().encode("ascii", "replace")  # the words looked for are ASCII, and so found in half the time
    if _any_in(_ROT13, lowered):
        yield Reading("ROT13", codecs.encode(text, "rot13"), 0, len(text))
    if _any_in(_BACKWARDS, lowered):
        yield Reading("backwards", text[::-1], 0, len(text))
    if (
        _SET_IN.search(text)
        and _any_in(_PLAIN_ATTACKS, lowered.translate(_PLAIN_FIGURES))
        and _tells(_LEET.findall(text))
    ):
        yield Reading("figures for letters", _LEET.sub(_letters, text), 0, len(text))


def _any_in(words: Sequence[bytes], text: bytes) -> bool:
    return any(word in text for word in words)


def _tells(written: list[str]) -> bool:
    """Whether words with figures in them are words of attacks: ``1st`` and ``mp3`` are in many a harmless text."""
    return len(written) >= 2 and any(word in each.lower().translate(_FIGURES) for each in written for word in _ATTACKS)


def _letters(match: re.Match[str]) -> str:
    return match[0].lower().translate(_FIGURES)


def _decode(how: str, run: str) -> str:
    """Empty where it cannot be."""
    try:
        if how == "Base64":
            plain = run.rstrip("=").replace("-", "+").replace("_", "/")
            plain = plain[: len(plain) - (len(plain) % 4 == 1)]
            return base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-8", "strict")
        if how == "hex":
            figures = re.sub(r"\\x|0x|[^0-9a-fA-F]", "", run)
            return bytes.fromhex(figures[: len(figures) // 2 * 2]).decode("utf-8", "strict")
        if how == "binary":
            return "".join(chr(int(byte, 2)) for byte in re.findall("[01]{8}", run))
        if how == "percent encoding":
            return unquote(run.replace("+", " "), errors="strict")
        if how == "entities":
            return html.unescape(run.replace("; ", ";"))
        return re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), run)
    except (binascii.Error, ValueError):
        return ""


def wordy(text: str) -> bool:
    """Whether a text is made of words: letters and spaces for the most part, and more than one word."""
    if len(text) < 12:
        return False
    good = sum(mark.isalpha() or mark in " \n'.,!?:;\"" for mark in text)
    return good / len(text) > 0.85 and len(text.split()) >= 3
