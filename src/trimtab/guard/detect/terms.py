"""Words and names of a list, found in a text whatever their case, accents, hyphens and endings of possession."""

import re
import unicodedata
from collections.abc import Sequence

from msgspec import Struct


class Terms(Struct, frozen=True):
    """``pattern`` of what is looked for; where it is part of what ``excused`` finds, it is not meant."""

    pattern: re.Pattern[str]
    excused: re.Pattern[str] | None = None


def any_of(terms: Sequence[str], exact_case: bool = False) -> re.Pattern[str]:
    """Longest first; between words any space or hyphen; ``'s`` may follow."""
    bared = {"".join(_bare(letter) for letter in term.strip()) for term in terms if term.strip()}
    written = sorted(bared, key=lambda term: (-len(term), term))
    ways = (r"[\s\u00a0_-]{1,3}".join(re.escape(word) for word in re.split(r"[\s_-]+", term)) for term in written)
    body = "|".join(ways) or r"(?!)"
    return re.compile(rf"(?<!\w)(?:{body})(?:['’]?s)?(?!\w)", re.NOFLAG if exact_case else re.IGNORECASE)


def places(text: str, terms: Terms) -> list[tuple[int, int]]:
    """Where they stand. Accents are taken off letter by letter, so that places stay what they are."""
    plain = text if text.isascii() else "".join(_bare(letter) for letter in text)
    excused = [match.span() for match in terms.excused.finditer(plain)] if terms.excused else []
    return [
        match.span()
        for match in terms.pattern.finditer(plain)
        if not any(start <= match.start() and match.end() <= end for start, end in excused)
    ]


def _bare(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]
