"""Sentences of a text by their offsets, and how they are packed into chunks of a size.

Everything here is linear in the text: expressions match a bounded stretch, and each character is looked at a bounded
number of times.
"""

import re
from collections.abc import Iterator
from typing import Final

from trimtab.retrieval.types import ChunkerSpec, Span

LONGEST: Final = 32
"""Characters of a word: what is longer (Base64, say) counts as several. Of so many for each word it may have a chunk
has at most, whatever stands between its words."""
_UNSPACED: Final = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]{{1,{LONGEST}}}")
_SPLIT: Final = re.compile(
    r"""\n[ \t]*\n        # a paragraph ends
    | \n(?=[ \t]*(?:[-*+•|]|\d{1,3}[.)])[ \t])  # a list's item or a table's row begins
    | (?<=[.!?…])["'”’»)\]]{0,2}[ \t\n]+(?=["'“„«(\[]?[A-ZÀ-ÞА-ЯΑ-Ω\d])  # a sentence ends and another begins
    | (?<=[。！？])       # marks that stand without a space
    """,
    re.VERBOSE,
)
_SHORT: Final = re.compile(
    r"(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|e\.g|i\.e|cf|Inc|Ltd|Jr|Sr|approx|ca|Nr)\.$"
)
_SHORTEST: Final = 12


def words_in(text: str, start: int = 0, end: int | None = None) -> int:
    """How many words a stretch counts as; a character of a script without spaces is one."""
    return sum(1 for _ in _words(text, start, len(text) if end is None else end))


def _words(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    return _WORD.finditer(text, start, end)


def units(text: str, start: int, end: int, most: int) -> list[tuple[int, int, int]]:
    """Sentences and items as (start, end, words), without space at their ends; one of more than ``most`` words is cut
    between words. What has no word at all belongs to the unit before it, and to none where that is long already."""
    found: list[tuple[int, int, int]] = []
    at = start
    for mark in _SPLIT.finditer(text, start, end):
        cut = mark.end()
        if mark.group()[:1] != "\n" and _SHORT.search(text, max(at, mark.start() - _SHORTEST), mark.start()):
            continue
        _add(found, text, at, cut, most)
        at = cut
    _add(found, text, at, end, most)
    return found


def _add(found: list[tuple[int, int, int]], text: str, start: int, end: int, most: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start == end:
        return
    number = words_in(text, start, end)
    if number == 0 and found:
        if end - found[-1][0] <= most * LONGEST:
            found[-1] = (found[-1][0], end, found[-1][2])
    elif number <= most and end - start <= most * LONGEST:
        found.append((start, end, number))
    else:
        found.extend(_cut(text, start, end, most))


def _cut(text: str, start: int, end: int, most: int) -> Iterator[tuple[int, int, int]]:
    at, number, last = start, 0, start
    for word in _words(text, start, end):
        if number == most or word.end() - at > most * LONGEST:
            if number:
                yield at, last, number
            at, number = word.start(), 0
        number, last = number + 1, word.end()
    if number:
        yield at, end if end - at <= most * LONGEST else last, number


def pack(text: str, start: int, end: int, spec: ChunkerSpec, under: str = "") -> list[Span]:
    """Chunks of at most ``spec.size`` words each, made of whole sentences where those are not longer; each begins with
    the last sentences of the one before, up to ``spec.overlap`` words."""
    parts = units(text, start, end, spec.size)
    made: list[Span] = []
    held: list[tuple[int, int, int]] = []
    size = 0
    for part in parts:
        if held and (size + part[2] > spec.size or _is_far(held, part, spec)):
            made.append(Span(held[0][0], held[-1][1], under))
            held, size = _tail(held, min(spec.overlap, spec.size - part[2]))
            if held and _is_far(held, part, spec):
                held, size = [], 0
        held.append(part)
        size += part[2]
    if held:
        made.append(Span(held[0][0], held[-1][1], under))
    return made


def _is_far(held: list[tuple[int, int, int]], part: tuple[int, int, int], spec: ChunkerSpec) -> bool:
    return part[1] - held[0][0] > spec.size * LONGEST


def _tail(held: list[tuple[int, int, int]], most: int) -> tuple[list[tuple[int, int, int]], int]:
    """The last units with at most so many words, never all of them: a chunk is no part of the next."""
    size, first = 0, len(held)
    while first > 1 and size + held[first - 1][2] <= most:
        first -= 1
        size += held[first][2]
    return held[first:], size
