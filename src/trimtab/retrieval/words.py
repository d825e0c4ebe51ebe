"""Words of a text as search compares them: lower-case, without accents, without the s of a plural; of scripts that are
written without spaces, pairs of characters.

An index holds no word, but 64 bits of its BLAKE2b hash (RFC 7693): looked up by bisection in an array that is mapped
into memory, and nothing to read for who finds the file. Two words of one corpus that share a hash are one word to it:
of a million words that happens with a chance of 3 in 10^8.
"""

import re
import unicodedata
from collections import Counter
from hashlib import blake2b
from typing import Final

VERSION: Final = 1
"""Goes up whenever the same text might give other words."""
LONGEST: Final = 64
"""Characters of a word; more of it are not compared."""
_WORD: Final = re.compile(r"[^\W_]+")
_UNSPACED: Final = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SIGNS: Final = re.compile(r"[^\w\s]{31,}")
_MOST_MARKS: Final = 30
_JOINER: Final = "\u034f"
_APOSTROPHE: Final = re.compile(r"(?<=\w)['’](?:s\b)?")


def words(text: str) -> list[str]:
    """In their order, with those that come again."""
    folded = text.lower()
    if not folded.isascii():
        bare = unicodedata.normalize("NFKD", stream_safe(folded))
        folded = unicodedata.normalize("NFC", "".join(char for char in bare if not unicodedata.combining(char)))
    found: list[str] = []
    for match in _WORD.finditer(_APOSTROPHE.sub("", folded)):
        word = match.group()
        if word.isascii():
            found.append(_singular(word[:LONGEST]))
        elif _UNSPACED.search(word):
            found += _pairs(word)
        else:
            found.append(word[:LONGEST])
    return found


def stream_safe(text: str) -> str:
    """With a joiner after every 30 marks above one letter (Unicode Standard Annex 15, section 13): to normalise a
    longer row of them takes the square of its length."""
    return text if text.isascii() else _SIGNS.sub(lambda found: _divided(found.group()), text)


def _divided(signs: str) -> str:
    made: list[str] = []
    row = 0
    for sign in signs:
        row = row + 1 if unicodedata.combining(sign) else 0
        if row > _MOST_MARKS:
            made.append(_JOINER)
            row = 1
        made.append(sign)
    return "".join(made)


def _singular(word: str) -> str:
    """D. Harman, "How effective is suffixing?", JASIS 42(1), 1991: the S stemmer."""
    if len(word) < 4 or word[-1] != "s" or word[-2] in "us":
        return word
    if word.endswith("ies") and word[-4] not in "ea":
        return f"{word[:-3]}y"
    if word.endswith("es") and word[-3] in "aeo":
        return word
    return word[:-1]


def _pairs(word: str) -> list[str]:
    if len(word) == 1:
        return [word]
    return [word[at : at + 2] for at in range(len(word) - 1)]


def mark(word: str) -> int:
    """The word's 64 bits."""
    return int.from_bytes(blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def counted(text: str) -> Counter[str]:
    return Counter(words(text))
