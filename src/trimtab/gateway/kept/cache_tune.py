"""Choosing the threshold of a semantic cache from labelled pairs of questions, with honest intervals. Pure.

A pair is a question, one that was asked before, and whether the answer to the one will do for the other. At a
threshold the cache would answer a pair (a hit) when the two are at least that similar and no look-alikes. What matters
is how many of the hits are wrong: a wrong answer is worse than a missed saving. The interval is Wilson's at 95 %
(E. B. Wilson, Probable Inference, 1927), and a threshold is only chosen when the interval's upper end is within the
budget, so that a few pairs never look like good ones.
"""

from collections.abc import Sequence

from msgspec import Struct

from trimtab.scoring.stats import wilson

Z = 1.959963984540054
"""Of a two-sided 95 % interval."""
THRESHOLDS = (0.7, 0.75, 0.8, 0.825, 0.85, 0.875, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)


class Judged(Struct, frozen=True):
    """One pair: how similar its texts are, why they are look-alikes (empty: they are not), and the truth about it."""

    similarity: float
    differs: str
    same: bool


class Point(Struct, frozen=True, kw_only=True):
    """``hit_rate``: of the pairs that mean the same, how many are answered. ``wrong_rate``: of all hits, how many are
    wrong, with its interval; None where there is no hit."""

    threshold: float
    hits: int
    wrong: int
    hit_rate: float | None
    wrong_rate: float | None
    low: float | None
    high: float | None


class Tuning(Struct, frozen=True, kw_only=True):
    """``threshold`` is the lowest that keeps the budget; None means not enough data, and ``say`` why. ``spared`` counts
    the pairs that only the check for look-alikes kept from being wrong hits at that threshold (or at the highest)."""

    pairs: int
    same: int
    budget: float
    points: list[Point]
    threshold: float | None
    spared: int
    say: str


MOST_NEEDED = 1e15
"""Nobody has so many; a budget that wants more is as good as none."""


def needed(budget: float) -> int:
    """How many hits without a single wrong one it takes to show that at most ``budget`` are wrong."""
    return int(min(Z * Z * (1 - budget) / budget, MOST_NEEDED)) + 1


def tune(pairs: Sequence[Judged], budget: float, thresholds: Sequence[float] = THRESHOLDS) -> Tuning:
    """The curve, and the threshold for a budget of wrong hits (a share of all hits, in (0, 1))."""
    same = sum(pair.same for pair in pairs)
    points = [_point(pairs, threshold, same) for threshold in sorted(thresholds)]
    chosen = next((point for point in points if point.high is not None and point.high <= budget), None)
    at = points[-1].threshold if chosen is None else chosen.threshold
    spared = sum(1 for pair in pairs if not pair.same and pair.differs and pair.similarity >= at)
    return Tuning(
        pairs=len(pairs),
        same=same,
        budget=budget,
        points=points,
        threshold=None if chosen is None else chosen.threshold,
        spared=spared,
        say=_say(points, chosen, budget),
    )


def _point(pairs: Sequence[Judged], threshold: float, same: int) -> Point:
    hits = [pair for pair in pairs if pair.similarity >= threshold and not pair.differs]
    wrong = sum(not pair.same for pair in hits)
    interval = wilson(wrong, len(hits)) if hits else None
    return Point(
        threshold=threshold,
        hits=len(hits),
        wrong=wrong,
        hit_rate=(len(hits) - wrong) / same if same else None,
        wrong_rate=wrong / len(hits) if hits else None,
        low=interval.low if interval else None,
        high=interval.high if interval else None,
    )


def _say(points: Sequence[Point], chosen: Point | None, budget: float) -> str:
    if chosen is not None:
        return (
            f"At {chosen.threshold:g}, {chosen.wrong} of {chosen.hits} hits are wrong; with 95 % confidence at most "
            f"{chosen.high:.1%}, within the budget of {budget:.1%}."
        )
    best = min((point for point in points if point.high is not None), key=lambda point: point.high or 1.0, default=None)
    least = f"It takes at least {needed(budget)} hits without a wrong one to show a rate below {budget:.1%}."
    if best is None:
        return f"Not enough data: no pair is similar enough to be a hit. {least}"
    return (
        f"Not enough data: the best threshold, {best.threshold:g}, has {best.wrong} wrong of {best.hits} hits, "
        f"which may be up to {best.high:.1%}. {least}"
    )
