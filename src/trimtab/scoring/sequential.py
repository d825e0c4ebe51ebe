"""Confidence sequences: intervals that hold at every moment at once, so that one may look all the time and stop.

Two kinds, both functions of `Sums` alone. For shares, and anything else within [0, 1]: beta-binomial mixtures, exact
for independent observations at any count. For means: Robbins' normal mixture over the linearised estimate, valid as
counts grow. Units that have several observations each (a user with many calls) weigh less, as they should.
docs/rollout-statistics.md tells what each assumes and what was measured.
"""

import math
from typing import Final

from msgspec import Struct

from trimtab.scoring.special import crossing, log_beta, t_for
from trimtab.scoring.sums import Sums

PRIOR: Final = 0.5
"""Both parameters of the beta mixture: Jeffreys' (Krichevsky and Trofimov's), at home with small shares."""
LEAST_EVENTS: Final = 5.0
"""Effective n p (1 - p) of each arm before a share is treated as normal."""
_EDGE: Final = 1e-12


class Interval(Struct, frozen=True):
    low: float
    high: float


class Counts(Struct, frozen=True):
    """What a share's observations are worth as independent ones: ``n`` of them, ``s`` in sum; ``effect`` is the design
    effect by which they were divided."""

    n: float
    s: float
    effect: float

    @property
    def share(self) -> float:
        return self.s / self.n if self.n else 0.0


def mixture_bound(information: float, alpha: float) -> float:
    """How many standard errors to either side an estimate may be off at any time, with probability alpha.

    Robbins' normal mixture (H. Robbins 1970, Statistical methods related to the law of the iterated logarithm, Ann.
    Math. Statist. 41), as in I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy, A. Ramdas 2024, Time-uniform central
    limit theory and asymptotic confidence sequences, Ann. Statist. 52, Theorem 2.2, with t rho^2 = ``information`` =
    tau^2 / variance; tau^2 is the variance of the mixture over the effect, fixed beforehand. The bound is narrowest in
    relation to a fixed-sample interval at information of about 8 (alpha 0.05).
    """
    if information <= 0:
        return math.inf
    return math.sqrt((1 + 1 / information) * (math.log1p(information) - 2 * math.log(alpha)))


# --- shares ---------------------------------------------------------------------------------------------------------


def effective(arms: tuple[Sums, ...]) -> tuple[Counts, ...]:
    """The arms' counts divided by their design effects, as Korn and Graubard do for proportions of few events in
    clustered samples (E. L. Korn, B. I. Graubard 1998, Confidence intervals for proportions with small expected number
    of positive counts estimated from survey data, Survey Methodology 24, section 2).

    A design effect is the variance of the share by units (`residual_squares`) over the binomial one. What the arms say
    together is smoothed by one imagined unit of the usual size that is all of a piece at a share of a half (its
    square is size^2 / 4, its binomial variance size / 4): without any event, all units are supposed to be of a piece.
    An arm whose own events are clumped more than that counts by its own. With one observation per unit every effect is
    1 and nothing is smoothed.
    """
    squares = [residual_squares(arm) for arm in arms]
    expected = [arm.s * (1 - arm.s / arm.n) if arm.n else 0.0 for arm in arms]
    n, nn = sum(arm.n for arm in arms), sum(arm.nn for arm in arms)
    if not n:
        return tuple(Counts(0.0, 0.0, 1.0) for _ in arms)
    size = nn / n
    together = (sum(squares) + size * size / 4) / (sum(expected) + size / 4)
    alike = min(1.0, max(0.0, (together - 1) / (size - 1))) if size > 1 else 0.0
    found: list[Counts] = []
    for arm, square, plain in zip(arms, squares, expected, strict=True):
        largest = arm.nn / arm.n if arm.n else 1.0
        own = square / plain if plain > _EDGE else 1.0
        effect = max(1.0, min(largest, max(own, 1 + alike * (largest - 1))))
        found.append(Counts(arm.n / effect, arm.s / effect, effect))
    return tuple(found)


def residual_squares(arm: Sums) -> float:
    """Sum over units of (s_i - mean n_i)^2, with the usual correction for the mean being their own: n^2 times the
    variance of the arm's mean by Taylor linearisation (W. G. Cochran 1977, Sampling Techniques, section 2.11)."""
    if arm.units < 2:
        return 0.0
    mean = arm.s / arm.n
    return max(0.0, arm.ss - 2 * mean * arm.ns + mean * mean * arm.nn) * arm.units / (arm.units - 1)


def share_sequence(counts: Counts, alpha: float) -> Interval:
    """Of one arm's share: the shares p whose likelihood is at least alpha times that of the beta mixture (S. R. Howard,
    A. Ramdas, J. McAuliffe, J. Sekhon 2021, Time-uniform, nonparametric, nonasymptotic confidence sequences, Ann.
    Statist. 49, Proposition 7, of the sub-Bernoulli kind: also for values anywhere within [0, 1])."""
    n, s = counts.n, counts.s
    threshold = _evidence(counts) + math.log(alpha)

    def outside(p: float) -> float:
        return threshold - _log_likelihood(n, s, p)

    low = 0.0 if s <= 0 else crossing(lambda x: -outside(x), 0.0, counts.share)
    high = 1.0 if s >= n else crossing(outside, counts.share, 1.0)
    return Interval(low, high)


def shares_sequence(a: Counts, b: Counts, alpha: float) -> Interval:
    """Of the difference b - a of two shares: those for which some pair of shares is in the joint confidence sequence,
    the product of both arms' beta mixtures over their likelihoods. For each pair that product is a martingale whatever
    the order and the sizes of the arms, so the region holds at all times (Ville's inequality), and its shadow does."""
    threshold = _evidence(a) + _evidence(b) + math.log(alpha)

    def outside(d: float) -> float:
        p = restricted(a, b, d)
        return threshold - _log_likelihood(a.n, a.s, p) - _log_likelihood(b.n, b.s, p + d)

    seen = b.share - a.share
    return Interval(crossing(lambda d: -outside(d), -1.0, seen), crossing(outside, seen, 1.0))


def restricted(a: Counts, b: Counts, d: float) -> float:
    """The likeliest share of arm a, if b's is larger by ``d``: O. Miettinen, M. Nurminen 1985, Comparative analysis of
    two rates, Statistics in Medicine 4, appendix I, the root of a cubic."""
    least, most = max(0.0, -d), min(1.0, 1.0 - d)
    n, x = a.n + b.n, a.s + b.s
    if n <= 0 or most <= least:
        return least
    l3, l2 = n, (b.n + 2 * a.n) * d - n - x
    l1 = (a.n * d - n - 2 * a.s) * d + x
    l0 = a.s * d * (1 - d)
    q = (l2 / (3 * l3)) ** 3 - l1 * l2 / (6 * l3 * l3) + l0 / (2 * l3)
    p = math.copysign(math.sqrt(max(0.0, (l2 / (3 * l3)) ** 2 - l1 / (3 * l3))), q)
    if p == 0:
        return min(most, max(least, -l2 / (3 * l3)))
    angle = (math.pi + math.acos(max(-1.0, min(1.0, q / p**3)))) / 3
    return min(most, max(least, 2 * p * math.cos(angle) - l2 / (3 * l3)))


def shares_normal(a: Counts, b: Counts, margin: float, alpha: float) -> Interval | None:
    """The same difference by the normal mixture, narrower once there are enough events in both arms; None before. An
    arm's variance is never taken to be less than that of the share of both together."""
    pooled = (a.s + b.s) / (a.n + b.n) if a.n + b.n else 0.0
    spread = pooled * (1 - pooled)
    if min(a.n, b.n) * spread < LEAST_EVENTS:
        return None
    variance = sum(max(arm.share * (1 - arm.share), spread) / arm.n for arm in (a, b))
    width = math.sqrt(variance) * mixture_bound(margin * margin / variance, alpha)
    seen = b.share - a.share
    return Interval(max(-1.0, seen - width), min(1.0, seen + width))


def _evidence(counts: Counts) -> float:
    """The logarithm of the beta mixture of the likelihood of what was counted."""
    return log_beta(PRIOR + counts.s, PRIOR + counts.n - counts.s) - log_beta(PRIOR, PRIOR)


def _log_likelihood(n: float, s: float, p: float) -> float:
    some = s * math.log(p) if p > 0 else (0.0 if s <= 0 else -math.inf)
    rest = (n - s) * math.log1p(-p) if p < 1 else (0.0 if s >= n else -math.inf)
    return some + rest


# --- means ----------------------------------------------------------------------------------------------------------


class Estimate(Struct, frozen=True):
    """A mean, its variance by units, and that variance's degrees of freedom."""

    mean: float
    variance: float
    freedom: float


def units_worth(arm: Sums) -> float:
    """How many units of one size would tell as much (Kish): n^2 / sum of n_i^2. Few heavy users are few."""
    return arm.n * arm.n / arm.nn if arm.nn else 0.0


def estimates(a: Sums, b: Sums) -> tuple[Estimate, Estimate]:
    """Both means with cluster-robust variances. An arm of few units, whose large values have not yet come, would think
    itself sure; so neither's spread is taken to be less than that of both together."""
    worth = [units_worth(arm) for arm in (a, b)]
    spreads = [residual_squares(arm) / arm.nn if arm.nn else 0.0 for arm in (a, b)]
    together = sum(spread * of for spread, of in zip(spreads, worth, strict=True)) / max(sum(worth), _EDGE)
    first, second = (
        Estimate(arm.s / arm.n, max(spread, together) / of, max(of - 1, 1.0)) if arm.n else Estimate(0.0, math.inf, 1.0)
        for arm, spread, of in zip((a, b), spreads, worth, strict=True)
    )
    return first, second


def mean_sequence(of: Estimate, scale: float, alpha: float) -> Interval:
    """Of one mean; ``scale`` is the size of effect at which it should be narrow (`mixture_bound`)."""
    width = _width(of.variance, of.freedom, scale, alpha)
    return Interval(of.mean - width, of.mean + width)


def means_sequence(a: Estimate, b: Estimate, scale: float, alpha: float) -> Interval:
    """Of the difference b - a of two means."""
    variance = a.variance + b.variance
    width = _width(variance, _freedom(a, b), scale, alpha)
    return Interval(b.mean - a.mean - width, b.mean - a.mean + width)


def ratio_sequence(a: Estimate, b: Estimate, scale: float, alpha: float) -> Interval:
    """Of log(b / a), for positive means: the variance by the delta method; ``scale`` is of the logarithm, too."""
    logs = [Estimate(math.log(each.mean), each.variance / (each.mean * each.mean), each.freedom) for each in (a, b)]
    return means_sequence(logs[0], logs[1], scale, alpha)


def _width(variance: float, freedom: float, scale: float, alpha: float) -> float:
    """A variance that few units tell makes the interval wider, as Student's t does."""
    if variance <= 0:
        return 0.0
    return math.sqrt(variance) * t_for(mixture_bound(scale * scale / variance, alpha), freedom)


def _freedom(a: Estimate, b: Estimate) -> float:
    """Of a sum of two variances (Welch and Satterthwaite)."""
    total = a.variance + b.variance
    if not 0 < total < math.inf:
        return 1.0
    return total * total / (a.variance**2 / a.freedom + b.variance**2 / b.freedom)
