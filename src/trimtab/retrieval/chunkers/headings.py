"""Markdown by its headings (https://spec.commonmark.org/0.31.2/#atx-headings and #setext-headings): no chunk holds
parts of two sections, and each knows the headings it stands below. A long section is cut as `sentences` does; a text
without headings is one section."""

import re
from collections.abc import Iterator
from typing import Final

from trimtab.retrieval.chunkers import Chunker
from trimtab.retrieval.chunkers._packing import pack, words_in
from trimtab.retrieval.types import ChunkerSpec, Span

_ATX: Final = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_LONGEST: Final = 200
"""Characters of a heading that are kept: what is longer is no heading that anybody reads."""


def cut(text: str, spec: ChunkerSpec) -> list[Span]:
    made: list[Span] = []
    for start, end, under in _sections(text):
        found = pack(text, start, end, spec, under)
        if found and words_in(text, found[0].start, found[-1].end):
            made += found
    return made or pack(text, 0, len(text), spec)


def _sections(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, headings) of what stands between headings, these left out."""
    path: list[tuple[int, str]] = []
    begun = 0
    for start, end, level, title in _headings(text):
        yield begun, start, " > ".join(name for _, name in path)
        path = [each for each in path if each[0] < level]
        if title:
            path.append((level, title))
        begun = end
    yield begun, len(text), " > ".join(name for _, name in path)


def _headings(text: str) -> Iterator[tuple[int, int, int, str]]:
    """(start, end, level, title) of each heading that stands in no block of code."""
    fence, before, before_at = "", "", 0
    for start, end, line in _lines(text):
        mark = _FENCE.match(line)
        if mark is not None:
            kind = mark.group(1)
            if not fence:
                fence = kind
            elif kind[0] == fence[0] and len(kind) >= len(fence) and not line[mark.end() :].strip():
                fence = ""
        elif not fence:
            found = _ATX.match(line)
            if found is not None:
                title = (found.group(2) or "").strip().rstrip("#").strip()
                yield start, end, len(found.group(1)), title[:_LONGEST]
                before = ""
                continue
            if before and _UNDERLINE.match(line) is not None:
                yield before_at, end, 1 if "=" in line else 2, before[:_LONGEST]
                before = ""
                continue
        # Only a paragraph of one line is taken for a heading: rules below lists and tables are none.
        plain = not fence and line.strip() and line.lstrip()[:1] not in "-*+>|#" and mark is None
        before, before_at = (line.strip() if plain and not before else "", start)


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    at = 0
    for whole in text.splitlines(keepends=True):
        yield at, at + len(whole), whole.rstrip("\r\n")
        at += len(whole)


PLUG: Final = Chunker(version=1, cut=cut)
