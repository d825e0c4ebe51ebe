"""Two subjects on the same cases: the difference of their means, a test that there is none, and what follows from both.

What is compared is what each case says of itself: the value of the first less that of the second. So cases that are
hard for both make neither unsure.
"""

import math
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct, structs

from trimtab.scoring.means import design_words, effective_number, step_size, t_interval, t_test, unseen_share
from trimtab.scoring.sequential import Interval
from trimtab.scoring.shares import mcnemar_mid_p, mcnemar_score, paired_shares
from trimtab.scoring.units import LEAST_SPREAD, Observed, Spread, spread

Scale = Literal["difference", "ratio", "log_ratio"]
"""``difference`` of means; ``ratio`` of means less 1; ``log_ratio``: the ratio of geometric means less 1."""


class Pair(Struct, frozen=True):
    """One case: what the first and the second got there, as means over their repeats."""

    first: float
    second: float
    weight: float = 1.0
    group: str = ""
    stratum: str = ""


class Compared(Struct, frozen=True, kw_only=True):
    """First less second (``relative``: first over second, less 1). ``p`` is two-sided, of no difference; ``interval``
    and ``p`` are null where nothing can be said, which ``method`` then explains."""

    difference: float | None
    interval: Interval | None
    p: float | None
    relative: bool
    pairs: int
    clusters: int
    method: str


def compare_pairs(
    pairs: Sequence[Pair], alpha: float = 0.05, scale: Scale = "difference", *, bounded: bool = False
) -> Compared:
    """``bounded``: all values lie within [0, 1]. A ratio needs both means above 0 (a ratio of logarithms all values);
    where they are not, the difference is compared, and ``relative`` says so."""
    if not pairs:
        return _nothing(0, 0, "no case was scored for both")
    if scale == "log_ratio" and all(pair.first > 0 and pair.second > 0 for pair in pairs):
        return _of_logs(pairs, alpha)
    if scale == "ratio":
        found = _of_ratio(pairs, alpha)
        if found is not None:
            return found
    observed = _observed(pairs, [pair.first - pair.second for pair in pairs])
    found = spread(observed)
    if bounded and _by_counts(observed):
        return _of_counts(observed, found, alpha)
    return _of_means(found, alpha, 1.0 if bounded else _range(pairs), bounded=bounded)


def _by_counts(observed: Sequence[Observed]) -> bool:
    """Whether how many cases differ is most of what there is to know: passes and failures, or half of the cases or more
    do not differ."""
    alike = sum(each.value == 0 for each in observed)
    return 2 * alike >= len(observed) or all(each.value in (-1, 0, 1) for each in observed)


def _range(pairs: Sequence[Pair]) -> float:
    """How far values lie apart: as far a case may differ that was not seen, where values have no bounds."""
    values = [value for pair in pairs for value in (pair.first, pair.second)]
    return max(values) - min(values)


def _observed(pairs: Sequence[Pair], values: Sequence[float]) -> list[Observed]:
    return [
        Observed(value, pair.weight, pair.group, pair.stratum) for pair, value in zip(pairs, values, strict=True)
    ]  # fmt: skip


def _nothing(pairs: int, clusters: int, why: str, difference: float | None = None) -> Compared:
    return Compared(
        difference=difference, interval=None, p=None, relative=False, pairs=pairs, clusters=clusters, method=why
    )


def _of_counts(observed: list[Observed], found: Spread, alpha: float) -> Compared:
    """Gains and losses, as many as they are worth: of cases that hang together fewer than there are, and of those that
    differ by less than all as many of one size as have the same sum and the same sum of squares."""
    number, whole = effective_number(found, alpha), math.fsum(each.weight for each in observed)
    share = number / whole
    gain = share * math.fsum(each.weight * each.value for each in observed if each.value > 0)
    loss = -share * math.fsum(each.weight * each.value for each in observed if each.value < 0)
    size = step_size(gain + loss, share * math.fsum(each.weight * each.value**2 for each in observed))
    own = paired_shares(gain / size, loss / size, number, alpha)
    if found.plain and size == 1:
        p = mcnemar_mid_p(round(gain), round(loss))
        words = "McNemar's test (exact, mid-p), score interval for paired shares"
    else:
        p = mcnemar_score(gain / size, loss / size)
        words = f"{'score' if size == 1 else 'scaled score'} interval and test for paired shares"
    return Compared(
        difference=found.mean,
        interval=Interval(max(-1.0, own.low * size), min(1.0, own.high * size)),
        p=p,
        relative=False,
        pairs=found.n,
        clusters=found.clusters,
        method=", ".join(filter(None, (words, design_words(found)))),
    )


def _of_means(found: Spread, alpha: float, most: float, *, bounded: bool) -> Compared:
    """``most``: by how much a case can differ."""
    if found.clusters < 2 and not bounded:
        return _nothing(found.n, found.clusters, "no interval: a single unit", found.mean)
    if found.variance <= LEAST_SPREAD**2:
        interval = _unseen(found, found.mean, alpha, most)
        p, words = (1.0 if abs(found.mean) <= LEAST_SPREAD else None), "exact bound on how many cases may differ"
    else:
        interval, p, words = t_interval(found, alpha), t_test(found), "paired t"
    if bounded:
        interval = Interval(max(-1.0, interval.low), min(1.0, interval.high))
    return Compared(
        difference=found.mean,
        interval=interval,
        p=p,
        relative=False,
        pairs=found.n,
        clusters=found.clusters,
        method=", ".join(filter(None, (words, design_words(found)))),
    )


def _unseen(found: Spread, mean: float, alpha: float, most: float) -> Interval:
    """Of a difference that was the same in all cases: a share of cases that was not seen may differ by ``most``."""
    unseen = unseen_share(found, alpha)
    low, high = min(-most, mean), max(most, mean)
    return Interval(mean - unseen * (mean - low), mean + unseen * (high - mean))


def _of_logs(pairs: Sequence[Pair], alpha: float) -> Compared:
    found = spread(_observed(pairs, [math.log(pair.first / pair.second) for pair in pairs]))
    values = [value for pair in pairs for value in (pair.first, pair.second)]
    most = math.log(max(values) / min(values))
    words = ", ".join(filter(None, ("paired t of logarithms (ratio of geometric means)", design_words(found))))
    return _grown(found, found.mean, alpha, most, words)


def _of_ratio(pairs: Sequence[Pair], alpha: float) -> Compared | None:
    """The delta method on the logarithm of the ratio of both means (W. G. Cochran 1977, Sampling Techniques, 6.4). A
    case's part in it, x - y with x and y its parts of both sums, is taken as the relative difference (x - y) / size
    with its size (x + y) / 2 as weight: so a few large cases make few degrees of freedom, and none pulls the mean to
    its own side unnoticed."""
    whole = math.fsum(pair.weight for pair in pairs)
    first = math.fsum(pair.weight * pair.first for pair in pairs) / whole
    second = math.fsum(pair.weight * pair.second for pair in pairs) / whole
    if first <= 0 or second <= 0:
        return None
    parts: list[Observed] = []
    for pair in pairs:
        x, y = pair.first / first, pair.second / second
        if x + y > 0:
            size = (x + y) / 2
            parts.append(Observed((x - y) / size, pair.weight * size, pair.group, pair.stratum))
    found = structs.replace(spread(parts), n=len(pairs))
    words = design_words(spread(_observed(pairs, [0.0] * len(pairs))))
    most = math.log1p(_range(pairs) / second)
    own = ", ".join(filter(None, ("paired t of the logarithm of the ratio", words)))
    return _grown(found, math.log(first / second), alpha, most, own)


def _grown(found: Spread, log: float, alpha: float, most: float, words: str) -> Compared:
    """From the logarithm of a ratio to the ratio less 1. ``found`` has its variance, around a mean of its own."""
    ratio = math.expm1(min(log, 700.0))
    if found.clusters < 2:
        return structs.replace(_nothing(found.n, found.clusters, "no interval: a single unit", ratio), relative=True)
    if found.variance <= LEAST_SPREAD**2:
        ends = _unseen(found, log, alpha, most)
        p, words = (1.0 if abs(log) <= LEAST_SPREAD else None), "exact bound on how many cases may differ"
    else:
        at_zero = t_interval(found, alpha)
        ends = Interval(at_zero.low + log - found.mean, at_zero.high + log - found.mean)
        p = t_test(found, found.mean - log)
    low, high = (math.expm1(min(end, 700.0)) for end in (ends.low, ends.high))
    return Compared(
        difference=ratio,
        interval=Interval(low, high),
        p=p,
        relative=True,
        pairs=found.n,
        clusters=found.clusters,
        method=words,
    )
