"""Which lines of one text are in another: Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its Variations",
Algorithmica 1, 1986), with a bound on the work, so that no pair of texts is dear."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

MOST: Final = 800
"""Lines that may differ between two texts before the middle of one counts as replaced by the other's."""

Mark = Literal["same", "removed", "added"]


class Line(Struct, frozen=True):
    """``before`` and ``after`` count lines from 1; None where the line is not in that text."""

    mark: Mark
    text: str
    before: int | None
    after: int | None


def compare(before: Sequence[str], after: Sequence[str]) -> list[Line]:
    """Every line of both, in order; removed ones stand before added ones."""
    made: list[Line] = []
    old = new = 0
    for i, j in [*pairs(before, after), (len(before), len(after))]:
        made += [Line("removed", before[at], at + 1, None) for at in range(old, i)]
        made += [Line("added", after[at], None, at + 1) for at in range(new, j)]
        if i < len(before) and j < len(after):
            made.append(Line("same", after[j], i + 1, j + 1))
        old, new = i + 1, j + 1
    return made


def pairs(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Indexes of lines that are the same in both, ascending in both."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    middle = _middle(before[start : len(before) - end], after[start : len(after) - end])
    head = [(at, at) for at in range(start)]
    tail = [(len(before) - at, len(after) - at) for at in range(end, 0, -1)]
    return [*head, *((i + start, j + start) for i, j in middle), *tail]


def _middle(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]]:
    if not a or not b:
        return []
    furthest = {1: 0}
    trail: list[dict[int, int]] = []
    for edits in range(min(len(a) + len(b), MOST) + 1):
        trail.append(dict(furthest))
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            while x < len(a) and x - k < len(b) and a[x] == b[x - k]:
                x += 1
            furthest[k] = x
            if x >= len(a) and x - k >= len(b):
                return _walked(trail, len(a), len(b))
    return []


def _walked(trail: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    """The diagonals of the path that `_middle` found, walked from its end to its beginning."""
    found: list[tuple[int, int]] = []
    for edits in range(len(trail) - 1, -1, -1):
        furthest, k = trail[edits], x - y
        down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
        previous = k + 1 if down else k - 1
        from_x = furthest[previous] if edits else 0
        stop = (from_x if down else from_x + 1) if edits else 0
        while x > stop:
            x, y = x - 1, y - 1
            found.append((x, y))
        x, y = from_x, from_x - previous
    return found[::-1]
