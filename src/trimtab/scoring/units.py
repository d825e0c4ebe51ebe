"""Observations that may hang together, weigh differently and come from strata: their mean and how sure it is.

Everything here is a weighted mean over units that are independent of each other: clusters (all observations with one
``group``), or single observations. Strata are parts of the whole whose shares are fixed, so that only what differs
within them makes the mean unsure.
"""

import math
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

LEAST_SPREAD: Final = 1e-12


class Observed(Struct, frozen=True):
    """One observation: a case's value, or a difference. ``group`` "" is a unit of its own."""

    value: float
    weight: float = 1.0
    group: str = ""
    stratum: str = ""


class Unit(Struct, frozen=True):
    """A cluster within its stratum: the sum of its weights, and of weight times value."""

    stratum: str
    weight: float
    total: float


class Spread(Struct, frozen=True, kw_only=True):
    """A weighted mean; its variance between units; the degrees of freedom which that variance has (Satterthwaite).

    ``clusters`` independent units in ``strata``; ``worth`` is how many units of equal weight would tell as much (Kish).
    ``simple`` is the variance which the mean of as many independent observations of equal weight would have, and
    ``skew`` the skewness of the mean (third central moment over the variance to the power 3/2). ``units`` stand in the
    order of their first observation.
    """

    mean: float
    variance: float
    freedom: float
    n: int
    clusters: int
    strata: int
    worth: float
    simple: float
    skew: float
    units: tuple[Unit, ...]

    @property
    def error(self) -> float:
        return math.sqrt(self.variance)

    @property
    def plain(self) -> bool:
        """Whether all observations are independent, weigh the same and lie in one stratum."""
        weights = {unit.weight for unit in self.units}
        return self.clusters == self.n and self.strata == 1 and len(weights) == 1

    @property
    def effect(self) -> float:
        """The design effect (L. Kish 1965, Survey Sampling, 8.2); 1 where nothing varies."""
        return self.variance / self.simple if self.simple > LEAST_SPREAD**2 else 1.0


def units_of(observed: Sequence[Observed]) -> tuple[Unit, ...]:
    """A group that lies in several strata is one unit, and then there are no strata: what hangs together counts first.
    Strata with a single unit, which tell nothing of their own spread, are put together."""
    strata: dict[str, set[str]] = {}
    for each in observed:
        if each.group:
            strata.setdefault(each.group, set()).add(each.stratum)
    crossed = any(len(found) > 1 for found in strata.values())
    if not strata:
        return _merged([Unit(each.stratum, each.weight, each.weight * each.value) for each in observed])
    sums: dict[str | int, list[float]] = {}
    where: dict[str | int, str] = {}
    for place, each in enumerate(observed):
        key = each.group or place
        cell = sums.setdefault(key, [0.0, 0.0])
        cell[0] += each.weight
        cell[1] += each.weight * each.value
        where[key] = "" if crossed else each.stratum
    found = [Unit(where[key], weight, total) for key, (weight, total) in sums.items()]
    return _merged(found)


def _merged(units: list[Unit]) -> tuple[Unit, ...]:
    counts: dict[str, int] = {}
    for unit in units:
        counts[unit.stratum] = counts.get(unit.stratum, 0) + 1
    alone = {name for name, count in counts.items() if count == 1}
    if not alone or len(counts) == 1:
        return tuple(units)
    if len(alone) == 1 and len(counts) > 1:
        rest = {name: count for name, count in counts.items() if name not in alone}
        alone.add(min(rest, key=lambda name: (rest[name], name)))
    name = min(alone)
    return tuple(Unit(name if unit.stratum in alone else unit.stratum, unit.weight, unit.total) for unit in units)


def spread(observed: Sequence[Observed]) -> Spread:
    """Raises ValueError without observations or with a weight that is not positive.

    The variance of a stratum's mean is the sum over its units of (w_c (x_c - mean) / W)^2 / (1 - w_c / W): for units of
    equal weight the usual one, else with what a unit itself pulls the mean to its side put back (the correction CR2 of
    R. M. Bell, D. F. McCaffrey 2002, Bias reduction in standard errors for linear regression with multi-stage samples,
    Survey Methodology 28, for a mean). Strata add up by the squares of their shares (W. G. Cochran 1977, Sampling
    Techniques, 5.4).
    """
    if not observed:
        raise ValueError("There is nothing to take the mean of.")
    if any(not each.weight > 0 for each in observed):
        raise ValueError("A weight is larger than 0.")
    units = units_of(observed)
    whole = math.fsum(unit.weight for unit in units)
    mean = math.fsum(unit.total for unit in units) / whole
    by_stratum: dict[str, list[Unit]] = {}
    for unit in units:
        by_stratum.setdefault(unit.stratum, []).append(unit)
    variance, against, third = 0.0, 0.0, 0.0
    for members in by_stratum.values():
        part, freedom, cubes = _stratum(members, whole)
        variance, third = variance + part, third + cubes
        against += part * part / freedom
    worth = whole * whole / math.fsum(unit.weight * unit.weight for unit in units)
    return Spread(
        mean=mean,
        variance=variance,
        freedom=variance * variance / against if against > 0 else max(1.0, worth - len(by_stratum)),
        n=len(observed),
        clusters=len(units),
        strata=len(by_stratum),
        worth=worth,
        simple=_simple(observed, mean),
        skew=third / variance**1.5 if variance > LEAST_SPREAD**2 else 0.0,
        units=units,
    )


def _stratum(members: list[Unit], whole: float) -> tuple[float, float, float]:
    """What one stratum adds to the mean's variance, its degrees of freedom, and what it adds to the third moment."""
    weight = math.fsum(unit.weight for unit in members)
    mean = math.fsum(unit.total for unit in members) / weight
    variance, cubes = 0.0, 0.0
    for unit in members:
        pull = unit.weight / weight
        if pull >= 1:
            continue
        off = (unit.total - unit.weight * mean) / whole
        variance += off * off / (1 - pull)
        cubes += off**3 / ((1 - pull) * max(1 - 2 * pull, pull))
    worth = weight * weight / math.fsum(unit.weight * unit.weight for unit in members)
    return variance, max(1.0, worth - 1), cubes


def _simple(observed: Sequence[Observed], mean: float) -> float:
    n = len(observed)
    if n < 2:
        return 0.0
    weights = math.fsum(each.weight for each in observed)
    squares = math.fsum(each.weight * (each.value - mean) ** 2 for each in observed)
    return squares / weights / (n - 1)
