"""A text that its sender cut into parts: looked at as one, and put back as the parts it was.

What is cut in two may be one word (`AKIA|IOSF...`) or two (`ignore all previous|instructions`), and models read either.
So such a text is looked at twice: as it is with nothing between its parts, and with a blank where two words would run
into one. What is found in either is found.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.guard.types import CannotTell, Finding, Outcome, Piece, Subject

BLANK: Final = " "


class Apart(Struct, frozen=True):
    """A subject with blanks between parts; ``blanks``: of each piece the places at which they were put."""

    subject: Subject
    blanks: tuple[tuple[int, ...], ...]


def joined(texts: Sequence[str]) -> tuple[str, tuple[int, ...]]:
    """The parts as one text, and where they meet in it."""
    cuts: list[int] = []
    at = 0
    for text in texts[:-1]:
        at += len(text)
        cuts.append(at)
    return "".join(texts), tuple(cuts)


def split(text: str, cuts: Sequence[int]) -> list[str]:
    """The parts: one more than there are cuts."""
    return [text[start:end] for start, end in zip((0, *cuts), (*cuts, len(text)), strict=True)]


def sliced(cuts: Sequence[int], start: int, end: int, *, last: bool) -> tuple[int, ...]:
    """The cuts of a stretch of the text, counted from its start. One at the end of a stretch belongs to the next."""
    first, behind = bisect_left(cuts, start), bisect_right(cuts, end) if last else bisect_left(cuts, end)
    return tuple(cut - start for cut in cuts[first:behind])


def moved(cuts: Sequence[int], swapped: Sequence[tuple[int, int, int]]) -> tuple[int, ...]:
    """The cuts after stretches ``(start, end, new length)``, in order and apart, were replaced. What stands for a
    stretch over a cut stands in the part that it began in."""
    made: list[int] = []
    at = shift = 0  # of the stretches that end before the cut: how many, and how much longer or shorter they became
    for cut in cuts:
        while at < len(swapped) and swapped[at][1] <= cut:
            start, end, length = swapped[at]
            shift += length - (end - start)
            at += 1
        inside = at < len(swapped) and swapped[at][0] < cut
        made.append(swapped[at][0] + shift + swapped[at][2] if inside else cut + shift)
    return tuple(made)


def apart(subject: Subject) -> Apart | None:
    """With blanks between parts whose words would run into one; None where there are none."""
    places = [_tight(piece) for piece in subject.pieces]
    if not any(places):
        return None
    pieces = tuple(
        replace(piece, text=BLANK.join(split(piece.text, found)), cuts=()) if found else piece
        for piece, found in zip(subject.pieces, places, strict=True)
    )
    blanks = tuple(tuple(cut + number for number, cut in enumerate(found)) for found in places)
    return Apart(replace(subject, pieces=pieces), blanks)


def _tight(piece: Piece) -> list[int]:
    text = piece.text
    return [
        cut
        for cut in dict.fromkeys(piece.cuts)
        if 0 < cut < len(text) and not text[cut - 1].isspace() and not text[cut].isspace()
    ]


def back(outcome: Outcome, looked: Apart) -> Outcome:
    """What was found, at its places without the blanks. What is a blank alone is nothing."""
    if isinstance(outcome, CannotTell):
        return outcome
    findings: list[Finding] = []
    for each in outcome.findings:
        blanks = looked.blanks[each.piece]
        start, end = each.start - bisect_left(blanks, each.start), each.end - bisect_left(blanks, each.end)
        if start < end:
            findings.append(replace(each, start=start, end=end))
    return replace(outcome, findings=tuple(findings))


def both(one: Outcome, other: Outcome) -> Outcome:
    """Two looks at one text: the worse's words, and what either found."""
    if isinstance(one, CannotTell) or isinstance(other, CannotTell):
        cost = None if one.cost is None or other.cost is None else one.cost + other.cost
        failed = one if isinstance(one, CannotTell) else other
        assert isinstance(failed, CannotTell)
        return replace(failed, cost=cost)
    worse, better = (one, other) if one.score >= other.score else (other, one)
    findings = tuple(dict.fromkeys((*worse.findings, *better.findings)))
    cost = None if one.cost is None or other.cost is None else one.cost + other.cost
    return replace(worse, findings=findings, cost=cost)
