"""Markdown by its headings (https://spec.commonmark.org/0.31.2/#atx-headings and #setext-headings): no chunk holds
parts of two sections, and each knows the headings it stands below. A long section is cut as `sentences` does; a text
without headings is one section."""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from trimtab.retrieval.chunkers import Chunker
from trimtab.retrieval.chunkers._packing import pack, words_in
from trimtab.retrieval.types import ChunkerSpec, Span

_ATX: Final = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|-+)[ \t]*$")
_LONGEST: Final = 200
"""Characters of a heading: what is longer is none that anybody reads."""


class _Section(Struct, frozen=True):
    """What stands from ``start`` to before ``end``, below the headings ``under``. ``alone`` is the heading itself where
    neither text nor a deeper heading may follow it: (start, end) of its line."""

    start: int
    end: int
    under: str
    alone: tuple[int, int] | None


def cut(text: str, spec: ChunkerSpec) -> list[Span]:
    made: list[Span] = []
    for section in _sections(text):
        found = pack(text, section.start, section.end, spec, section.under)
        if found and words_in(text, found[0].start, found[-1].end):
            made += found
        elif section.alone is not None:
            made += pack(text, *section.alone, spec, section.under)
    return made or pack(text, 0, len(text), spec)


def _sections(text: str) -> Iterator[_Section]:
    """What stands between headings, these left out."""
    path: list[tuple[int, str]] = []
    begun, own, level = 0, None, 0
    for start, end, next_level, title in _headings(text):
        yield _Section(begun, start, _under(path), own if next_level <= level else None)
        path = [each for each in path if each[0] < next_level]
        if title:
            path.append((next_level, title))
        begun, own, level = end, (start, end), next_level
    yield _Section(begun, len(text), _under(path), own)


def _under(path: list[tuple[int, str]]) -> str:
    return " > ".join(name for _, name in path)


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
            if found is not None and len(line) <= _LONGEST:
                title = (found.group(2) or "").strip().rstrip("#").strip()
                yield start, end, len(found.group(1)), title
                before = ""
                continue
            if before and _UNDERLINE.match(line) is not None:
                yield before_at, end, 1 if "=" in line else 2, before
                before = ""
                continue
        # Only a paragraph of one line is taken for a heading: rules below lists and tables are none.
        plain = not fence and line.strip() and line.lstrip()[:1] not in "-*+>|#" and mark is None
        short = plain and len(line) <= _LONGEST and not before
        before, before_at = (line.strip() if short else "", start)


def _lines(text: str) -> Iterator[tuple[int, int, str]]:
    at = 0
    for whole in text.splitlines(keepends=True):
        yield at, at + len(whole), whole.rstrip("\r\n")
        at += len(whole)


PLUG: Final = Chunker(version=2, cut=cut)
