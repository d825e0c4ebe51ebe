"""Rates and means as people would have judged them, from many verdicts of a judge that errs and few of people.

Two ways. Rogan and Gladen's turns a judged rate round by the judge's sensitivity and specificity, measured anywhere.
Prediction-powered inference needs people's labels on a random part of what is judged, then assumes nothing of the
judge: a bad one only helps less. Both say how unsure the few labels leave them.
"""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from trimtab.scoring.sequential import Interval
from trimtab.scoring.shares import mid_p_share
from trimtab.scoring.special import normal_quantile, t_quantile
from trimtab.scoring.units import LEAST_SPREAD, Observed, spread

LEAST_LABELS: Final = 2
IMAGINED: Final = 1.0


class Corrected(Struct, frozen=True, kw_only=True):
    """``value`` is null where nothing can be said, and ``method`` says why. ``raw`` is what the judge said. ``tuning``
    is how far the judge was trusted (PPI++'s lambda, 0 to 1)."""

    value: float | None
    interval: Interval | None
    raw: float | None
    labels: int
    judged: int
    method: str
    tuning: float | None = None


class Operating(Struct, frozen=True, kw_only=True):
    """How a judge does against people: of ``positives`` by people it passed ``hits``, of ``negatives`` it failed
    ``rejections``."""

    hits: int
    positives: int
    rejections: int
    negatives: int

    @property
    def sensitivity(self) -> float | None:
        return self.hits / self.positives if self.positives else None

    @property
    def specificity(self) -> float | None:
        return self.rejections / self.negatives if self.negatives else None

    def sensitivity_interval(self, alpha: float = 0.05) -> Interval:
        return mid_p_share(self.hits, self.positives, alpha)

    def specificity_interval(self, alpha: float = 0.05) -> Interval:
        return mid_p_share(self.rejections, self.negatives, alpha)


def operating(pairs: Sequence[tuple[bool, bool]]) -> Operating:
    """From pairs (people's verdict, the judge's)."""
    return Operating(
        hits=sum(people and judge for people, judge in pairs),
        positives=sum(people for people, _ in pairs),
        rejections=sum(not people and not judge for people, judge in pairs),
        negatives=sum(not people for people, _ in pairs),
    )


def rogan_gladen(passed: float, judged: float, known: Operating, alpha: float = 0.05) -> Corrected:
    """The share that people would pass, from ``passed`` of ``judged`` by the judge: (p + specificity - 1) /
    (sensitivity + specificity - 1) (W. J. Rogan, B. Gladen 1978, Estimating prevalence from the results of a screening
    test, Am. J. Epidemiol. 107), cut to [0, 1].

    The interval carries that sensitivity and specificity are themselves estimates: Z. Lang, J. Reiczigel 2014,
    Confidence limits for prevalence of disease adjusted for estimated sensitivity and specificity, Prev. Vet. Med. 113.
    It is all of [0, 1] while the labels do not show that the judge is better than chance."""
    labels = known.positives + known.negatives
    raw = passed / judged if judged > 0 else None
    se, sp = known.sensitivity, known.specificity

    def nothing(why: str) -> Corrected:
        return Corrected(value=None, interval=None, raw=raw, labels=labels, judged=int(judged), method=why)

    if raw is None:
        return nothing("not corrected: nothing was judged")
    if se is None or sp is None:
        return nothing("not corrected: people's labels hold passes only, or failures only")
    if se + sp - 1 <= LEAST_SPREAD:
        return nothing("not corrected: the judge is no better than chance")
    value = min(1.0, max(0.0, (raw + sp - 1) / (se + sp - 1)))
    found = _lang_reiczigel(raw, judged, known, alpha)
    return Corrected(
        value=value,
        interval=Interval(min(found.low, value), max(found.high, value)),
        raw=raw,
        labels=labels,
        judged=int(judged),
        method="Rogan and Gladen, interval by Lang and Reiczigel",
    )


def _lang_reiczigel(raw: float, judged: float, known: Operating, alpha: float) -> Interval:
    """Their section 2.2: all three shares are drawn to the middle first, as Agresti and Coull do."""
    z = normal_quantile(1 - alpha / 2)
    n = judged + z * z
    p = (judged * raw + z * z / 2) / n
    n_se, n_sp = known.positives + 2, known.negatives + 2
    se, sp = (known.hits + 1) / n_se, (known.rejections + 1) / n_sp
    youden = se + sp - 1
    spread_of_youden = math.sqrt(se * (1 - se) / n_se + sp * (1 - sp) / n_sp)
    if youden - z * spread_of_youden <= 0:
        return Interval(0.0, 1.0)
    share = min(1.0, max(0.0, (p + sp - 1) / youden))
    in_se, in_sp = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    shift = 2 * z * z * (share * in_se - (1 - share) * in_sp)
    width = z * math.sqrt(p * (1 - p) / n + (1 - share) ** 2 * in_sp + share**2 * in_se) / youden
    return Interval(max(0.0, share + shift - width), min(1.0, share + shift + width))


class Labelled(Struct, frozen=True):
    """What people said of one thing, and what the judge did; pass 1, failure 0, or any score. For a comparison both are
    differences of two subjects on the same case."""

    people: float
    judge: float
    group: str = ""


def prediction_powered(
    labelled: Sequence[Labelled],
    judged: Sequence[Observed],
    alpha: float = 0.05,
    bounds: tuple[float, float] | None = None,
) -> Corrected:
    """The mean that people would have given everything: lambda mean(judged) + mean(people - lambda judge), the second
    over what people labelled, a random part of the same traffic. ``judged`` are verdicts on things people did not
    label.

    A. N. Angelopoulos, J. C. Duchi, T. Zrnic 2023, PPI++: Efficient prediction-powered inference,
    https://arxiv.org/abs/2311.01453: lambda = cov(people, judge) / ((1 + n / N) var(judge)), example 6.1, cut to
    [0, 1]; lambda 0 is the plain mean of people's labels. Variances between groups; Student's t with the labels'
    degrees of freedom, less the one that lambda takes, instead of the normal for the few labels there usually are."""
    n, total = len(labelled), len(judged)
    raw = math.fsum(each.value for each in judged) / total if total else None
    if n < LEAST_LABELS:
        why = f"not corrected: {n} {'label' if n == 1 else 'labels'} of people"
        return Corrected(value=None, interval=None, raw=raw, labels=n, judged=total, method=why)
    known = [*((each, 1.0) for each in labelled), *_imagined(labelled, bounds)]
    tuning = _tuned(known, n / total) if total > 1 else 0.0
    rectified = spread([Observed(each.people - tuning * each.judge, weight, each.group) for each, weight in known])
    whole = spread(judged) if total > 1 and tuning > 0 else None
    value = rectified.mean + (tuning * whole.mean if whole else 0.0)
    variance = rectified.variance + (tuning**2 * whole.variance if whole else 0.0)
    interval = _ppi_interval(value, variance, rectified.freedom - (1 if tuning > 0 else 0), alpha, bounds)
    if variance <= LEAST_SPREAD**2 and bounds is not None:
        unseen = mid_p_share(0, rectified.worth, alpha).high
        interval = Interval(value - unseen * (value - bounds[0]), value + unseen * (bounds[1] - value))
    return Corrected(
        value=value if bounds is None else min(bounds[1], max(bounds[0], value)),
        interval=interval,
        raw=raw,
        labels=n,
        judged=total,
        method=f"prediction-powered (PPI++, lambda {tuning:.2f})" if tuning > 0 else "people's labels alone",
        tuning=tuning,
    )


def _imagined(labelled: Sequence[Labelled], bounds: tuple[float, float] | None) -> list[tuple[Labelled, float]]:
    """Of verdicts that are passes and failures, few labels may show no error of the judge, or none of one kind. So one
    label of each kind is imagined, as Agresti and Coull do for one share; of differences, one to each side."""
    if bounds is None:
        return []
    low, high = bounds
    ends = [(low, low), (low, high), (high, low), (high, high)]
    if low == -high:
        ends = [(low, 0.0), (high, 0.0), (0.0, low), (0.0, high)]
    allowed = {low, high, 0.0} if low == -high else {low, high}
    if any(each.people not in allowed or each.judge not in allowed for each in labelled):
        return []
    return [(Labelled(people, judge), IMAGINED) for people, judge in ends]


def _tuned(known: Sequence[tuple[Labelled, float]], ratio: float) -> float:
    """``ratio`` is that of labels to what is judged alone."""
    whole = math.fsum(weight for _, weight in known)
    people = math.fsum(weight * each.people for each, weight in known) / whole
    judge = math.fsum(weight * each.judge for each, weight in known) / whole
    together = math.fsum(weight * (each.people - people) * (each.judge - judge) for each, weight in known)
    own = math.fsum(weight * (each.judge - judge) ** 2 for each, weight in known)
    return min(1.0, max(0.0, together / ((1 + ratio) * own))) if own > LEAST_SPREAD else 0.0


def _ppi_interval(
    value: float, variance: float, freedom: float, alpha: float, bounds: tuple[float, float] | None
) -> Interval | None:
    if variance <= LEAST_SPREAD**2:
        return None
    width = t_quantile(1 - alpha / 2, max(1.0, freedom)) * math.sqrt(variance)
    low, high = value - width, value + width
    return Interval(low, high) if bounds is None else Interval(max(bounds[0], low), min(bounds[1], high))
