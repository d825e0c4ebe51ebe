"""Cheap looks at a text that tell dear patterns where to look, and that there is nothing to be found.

    Glance: the text in lower case, and the rows of figures in it
    stretches, matches_at: a pattern tried where it may match, and nowhere else

A row is figures with a few marks between them at most (``030 / 90 18 20``). What has a number of so many figures has a
row of so many, so that it is enough to look around such rows. Python's `re` looks for the first character of a pattern
quickly if nothing stands before it: ``(?<!\\w)x`` is slow to find, ``x(?<!\\wx)`` is the same and is not.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

LONGEST: Final = 1_000_000
"""Characters of a text that are looked at."""
AROUND: Final = 64
"""Characters before and behind a row that are looked at with it: no pattern of numbers reaches farther from the row
that it needs (an IBAN of 48 characters, of which the first two figures may be the only ones)."""
_ROW: Final = re.compile(r"\d(?:[ ./()+:-]{0,5}\d)*")
_ASCII_ROW: Final = re.compile(r"[0-9](?:[ ./()+:-]{0,5}[0-9])*")
_ODD_CASES: Final = str.maketrans("ſıİ", "sii")


def folded(text: str) -> str:
    """In lower case, each character at its place, with an ``s`` and an ``i`` for whatever `re.IGNORECASE` takes for
    one."""
    if not text.isascii() and any(odd in text for odd in "ſıİ"):
        text = text.translate(_ODD_CASES)
    return text.lower()


def places(text: bytes, words: Iterable[bytes]) -> list[int]:
    """Where any of these words begins, in order. A text in ASCII (``encode("ascii", "replace")``, each character at its
    place) is searched several times as fast as another."""
    found: set[int] = set()
    for word in words:
        at = text.find(word)
        while at >= 0:
            found.add(at)
            at = text.find(word, at + 1)
    return sorted(found)


class Glance:
    """A text as far as `LONGEST`. ``lowered`` is `folded`; ``longest`` the number of figures of the longest row."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = min(len(text), LONGEST)
        self.lowered = folded(text[:LONGEST])
        self.longest = 0
        self._rows: list[tuple[int, int, int]] = []
        self._around: dict[int, list[tuple[int, int]]] = {}
        self._plain = True
        for match in _ROW.finditer(text, 0, LONGEST):
            row = match[0]
            if not row.isascii():  # rows of several scripts say nothing about patterns that know the figures 0 to 9
                self._plain = False
                self.longest = longest_row(text)
                break
            count = len(row) if row.isdecimal() else sum(map(str.isdecimal, row))
            self._rows.append((*match.span(), count))
            if count > self.longest:
                self.longest = count

    def has(self, hints: Iterable[str]) -> bool:
        """Whether one of them stands in the text, whatever its case."""
        lowered = self.lowered
        return any(hint in lowered for hint in hints)

    def around(self, least: int) -> list[tuple[int, int]]:
        """Stretches in order and apart, in which all rows of ``least`` figures stand with `AROUND` characters on either
        side; all of a text with figures of other scripts."""
        if not self._plain:
            return [(0, self.end)]
        found = self._around.get(least)
        if found is None:
            places = ((start, end) for start, end, count in self._rows if count >= least)
            found = self._around[least] = stretches(places, AROUND, AROUND, self.end)
        return found

    def coded(self) -> list[tuple[int, int]]:
        """Stretches around figures that follow a capital of A to Z at once, with one more capital before it at most
        (``SW1A 1AA``, ``DE89 3704``)."""
        if not self._plain:
            return [(0, self.end)]
        text = self.text
        return stretches(
            ((start, end) for start, end, _ in self._rows if start and "A" <= text[start - 1] <= "Z"),
            2, AROUND, self.end,
        )  # fmt: skip


def longest_row(text: str) -> int:
    """Of the figures 0 to 9, with a few marks between them at most: how many the longest row has."""
    rows = _ASCII_ROW.findall(text[:LONGEST])
    return max((sum(map(str.isdecimal, row)) for row in rows), default=0)


def stretches(places: Iterable[tuple[int, int]], before: int, behind: int, end: int) -> list[tuple[int, int]]:
    """Around places in order: so many characters before and behind each, as far as ``end``, those that meet as one."""
    made: list[tuple[int, int]] = []
    for start, stop in places:
        start, stop = max(0, start - before), min(end, stop + behind)
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], stop))
        else:
            made.append((start, stop))
    return made


def matches_in(pattern: re.Pattern[str], text: str, places: Iterable[tuple[int, int]]) -> Iterator[re.Match[str]]:
    """As `finditer`, in these stretches."""
    for start, end in places:
        yield from pattern.finditer(text, start, end)


def matches_at(
    pattern: re.Pattern[str], text: str, places: Iterable[int], until: int = LONGEST
) -> Iterator[re.Match[str]]:
    """As `finditer` as far as ``until``, for a pattern that can begin at these places alone, which are in order."""
    end = 0
    for place in places:
        if place >= end and (match := pattern.match(text, place, until)):
            end = match.end()
            yield match


def begun(words: Sequence[str], letter: Callable[[str], str] = re.escape) -> str:
    """A pattern of any of these words (plain, or patterns behind a plain first letter) at the beginning of a word,
    which is looked for by first letters."""
    by_first: dict[str, list[str]] = {}
    for word in words:
        by_first.setdefault(letter(word[0]), []).append(word[1:])
    return "|".join(rf"{first}(?<!\w{first})(?:{'|'.join(rest)})" for first, rest in by_first.items())
