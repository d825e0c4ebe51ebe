"""How many cases it takes, before a comparison on the same cases is made and after it was not enough."""

import math

from trimtab.scoring.special import normal_quantile, t_quantile

MOST = 10**15
"""More cases than anybody will ever have; more than that is not counted."""


def paired_deviation(deviation: float, correlation: float, other: float | None = None) -> float:
    """The standard deviation of a case's difference, from those of both subjects and their correlation over cases."""
    second = deviation if other is None else other
    return math.sqrt(max(0.0, deviation**2 + second**2 - 2 * correlation * deviation * second))


def share_deviation(share: float, difference: float = 0.0, correlation: float = 0.0) -> float:
    """The same for passes and failures: ``share`` of the second, ``share + difference`` of the first. The correlation
    is cut to what two such shares can have."""
    first = min(1.0, max(0.0, share + difference))
    product = math.sqrt(first * (1 - first) * share * (1 - share))
    both = min(first, share, max(0.0, first + share - 1, first * share + correlation * product))
    return math.sqrt(max(0.0, first + share - 2 * both - (first - share) ** 2))


def cases_for(margin: float, deviation: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """How many independent cases show a difference of ``margin`` (or, of equal subjects, that neither is worse by so
    much) with that power, two-sided, looked at once, by the paired t test. Raises ValueError for no margin.

    n = ((t + t') deviation / margin)^2 with Student's quantiles at n - 1 degrees of freedom (J. Cohen 1988, Statistical
    Power Analysis, 2.4, by iteration). Without any deviation it is the number after which a difference that was never
    seen is ruled out: ln(alpha) / ln(1 - margin)."""
    if margin <= 0:
        raise ValueError("A margin is larger than 0.")
    if deviation <= 0:
        return math.ceil(min(MOST, math.log(alpha) / math.log1p(-min(max(margin, 1 / MOST), 1 - 1e-9))))
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    n = max(2.0, min(math.sqrt(MOST), z * (deviation / margin)) ** 2)
    if n > 1e6:
        return math.ceil(n)
    for _ in range(20):
        freedom = max(1.0, n - 1)
        factor = t_quantile(1 - alpha / 2, freedom) + t_quantile(power, freedom)
        following = max(2.0, (factor * deviation / margin) ** 2)
        if abs(following - n) < 0.01:
            break
        n = (n + following) / 2  # halfway: where n is small the steps would swing
    return math.ceil(n - 1e-9)


def margin_for(cases: int, deviation: float, alpha: float = 0.05, power: float = 0.8) -> float | None:
    """The smallest difference that so many independent cases show; null below two."""
    if cases < 2:
        return None
    freedom = cases - 1
    return (t_quantile(1 - alpha / 2, freedom) + t_quantile(power, freedom)) * deviation / math.sqrt(cases)


def with_groups(cases: int, size: float, alike: float) -> int:
    """The same where cases come in groups of ``size`` on average whose members are alike with this intra-class
    correlation (L. Kish 1965, Survey Sampling, 5.4)."""
    return math.ceil(min(MOST, cases * (1 + max(0.0, size - 1) * alike)))


def with_repeats(deviation: float, wavering: float, repeats: int) -> float:
    """The deviation of a case's difference if each subject answers each case so many times: ``wavering`` is the part of
    the variance that lies between repeats of one case."""
    return deviation * math.sqrt(1 - wavering + wavering / repeats)
