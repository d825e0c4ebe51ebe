"""What is split over several messages: a few words on either side of where two texts of one voice meet, read as one.

    user: "ignore all previous" | user: "instructions" --between--> "ignore all previous instructions"

A model reads its messages one after the other, so an order or a key may begin in one and end in the next, with another
role's turn between them. Guards that look for such things (their ``seam`` says what stands where two texts meet) look
at these stretches besides. Only what reaches over a seam counts, and only where no guard has found a part of it by
itself: the rest was looked at whole. Stretches that would overlap are one, so the work is at most that of one more look
at everything, and of long texts a few hundred characters each.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.guard.types import CannotTell, Finding, Look, Outcome, Piece

WIDTH: Final = 256
"""Characters on either side of a seam."""
SPLIT: Final = " It is split over several texts."


class Span(Struct, frozen=True):
    """Characters ``start`` to ``end`` of a piece, which stand at ``at`` in the stretch."""

    piece: int
    start: int
    end: int
    at: int = 0


class Stretch(Struct, frozen=True):
    """A text over one or more seams, and where it came from."""

    piece: Piece
    spans: tuple[Span, ...]


def between(pieces: Sequence[Piece], glue: str) -> list[Stretch]:
    """All stretches over the seams of these pieces, which are of one stage, in the order of the conversation."""
    voices: dict[str, list[Span]] = {}
    for number, piece in enumerate(pieces):
        if voice := _voice(piece):
            voices.setdefault(voice, []).extend(_parts(number, piece))
    return [_stretch(pieces, spans, glue) for found in voices.values() if len(found) > 1 for spans in _windows(found)]


def added(seen: Look, over: Outcome, stretches: Sequence[Stretch], threshold: float) -> Outcome:
    """What a guard saw, with what it saw over seams alone."""
    if isinstance(over, CannotTell):
        return replace(over, cost=None if over.cost is None or seen.cost is None else over.cost + seen.cost)
    known: dict[int, list[Finding]] = {}
    for each in seen.findings:
        if each.score >= threshold:
            known.setdefault(each.piece, []).append(each)
    crossing: list[Finding] = []
    worst: Finding | None = None
    for each in over.findings:
        if each.score < threshold:
            continue
        shares = _shares(stretches[each.piece], each)
        if len(shares) < 2 or any(_overlap(one, other) for one in shares for other in known.get(one.piece, ())):
            continue
        crossing += shares
        worst = each if worst is None or each.score > worst.score else worst
    cost = None if over.cost is None or seen.cost is None else over.cost + seen.cost
    if worst is None:
        return replace(seen, cost=cost)
    findings = (*seen.findings, *crossing)
    if worst.score <= seen.score:
        return replace(seen, findings=findings, cost=cost)
    return Look(score=worst.score, reason=over.reason + SPLIT, label=over.label, findings=findings, cost=cost)


def _voice(piece: Piece) -> str:
    """Whose words may go on in the next piece; empty where each stands for itself."""
    return piece.role if piece.role in ("user", "tool") else ""


def _parts(number: int, piece: Piece) -> Iterator[Span]:
    """A piece in the parts it came in, without the white space about them; those of no words are none. Parts whose
    words would run into one are looked at as one already (`parts.py`)."""
    text = piece.text
    loose = [cut for cut in piece.cuts if 0 < cut < len(text) and (text[cut - 1].isspace() or text[cut].isspace())]
    for start, end in zip((0, *loose), (*loose, len(text)), strict=True):
        part = text[start:end]
        if bare := part.strip():
            first = start + len(part) - len(part.lstrip())
            yield Span(number, first, first + len(bare))


def _windows(found: Sequence[Span]) -> Iterator[list[Span]]:
    """The stretches about all seams of one voice; those that meet are one."""
    ends: list[int] = []
    for each in found:
        ends.append((ends[-1] if ends else 0) + each.end - each.start)
    total, begin, until = ends[-1], -1, -1
    for seam in ends[:-1]:
        if begin >= 0 and seam - WIDTH > until:
            yield _cut(found, ends, begin, until)
            begin = -1
        begin = max(0, seam - WIDTH) if begin < 0 else begin
        until = min(total, seam + WIDTH)
    yield _cut(found, ends, begin, until)


def _cut(found: Sequence[Span], ends: Sequence[int], begin: int, until: int) -> list[Span]:
    made: list[Span] = []
    for number in range(bisect_right(ends, begin), len(found)):
        each, end = found[number], ends[number]
        at = end - (each.end - each.start)
        if at >= until:
            break
        made.append(Span(each.piece, each.start + max(0, begin - at), each.end - max(0, end - until)))
    return made


def _stretch(pieces: Sequence[Piece], spans: Sequence[Span], glue: str) -> Stretch:
    texts: list[str] = []
    placed: list[Span] = []
    at = 0
    for each in spans:
        texts.append(pieces[each.piece].text[each.start : each.end])
        placed.append(replace(each, at=at))
        at += each.end - each.start + len(glue)
    first = pieces[spans[0].piece]
    return Stretch(Piece(stage=first.stage, text=glue.join(texts), role=first.role), tuple(placed))


def _shares(stretch: Stretch, found: Finding) -> list[Finding]:
    """What of each piece was found. What stands for all of it stands where it began, and it is counted there."""
    made: list[Finding] = []
    for each in stretch.spans:
        start = max(each.start, each.start + found.start - each.at)
        end = min(each.end, each.start + found.end - each.at)
        if start < end:
            first = not made
            made.append(
                replace(
                    found, piece=each.piece, start=start, end=end, restore=False, goes_on=not first,
                    instead=found.instead if first else "",
                )
            )  # fmt: skip
    return made


def _overlap(one: Finding, other: Finding) -> bool:
    return one.start < other.end and other.start < one.end
