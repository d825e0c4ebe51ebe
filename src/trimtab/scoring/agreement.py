"""How far two judges, or many, say the same of the same things, beyond what chance would make them agree.

Cohen's kappa for two who judged everything (weighted where labels have an order), Krippendorff's alpha for any number
who judged some of it. Intervals are bootstrapped over what is judged, or over its groups.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct

from trimtab.scoring.resample import bootstrap
from trimtab.scoring.sequential import Interval
from trimtab.scoring.shares import mid_p_share

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
else:
    Array = Any

Weights = Literal["none", "linear", "quadratic"]
Level = Literal["nominal", "ordinal", "interval"]
_NONE: Final = 1e-12


class Confusion(Struct, frozen=True, kw_only=True):
    """``counts[i][j]``: how many the first gave ``labels[i]`` and the second ``labels[j]``."""

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    @property
    def n(self) -> int:
        return sum(sum(row) for row in self.counts)

    @property
    def agreed(self) -> int:
        return sum(row[place] for place, row in enumerate(self.counts))


class Agreement(Struct, frozen=True, kw_only=True):
    """1: always the same; 0: as often as by chance. ``value`` is null where it is not defined (nothing judged, or only
    one label ever used: then there is no chance to beat). ``share``: how often they said the same, of ``n``."""

    value: float | None
    interval: Interval | None
    n: int
    share: float | None
    method: str


def confusion(pairs: Sequence[tuple[str, str]], labels: Sequence[str] | None = None) -> Confusion:
    """``labels`` in their order, where they have one; else all that occur, sorted. Raises ValueError for one that is
    not among them."""
    order = tuple(labels) if labels is not None else tuple(sorted({label for pair in pairs for label in pair}))
    place = {label: number for number, label in enumerate(order)}
    counts = [[0] * len(order) for _ in order]
    for first, second in pairs:
        if first not in place or second not in place:
            raise ValueError(f"{first!r} or {second!r} is not among the labels.")
        counts[place[first]][place[second]] += 1
    return Confusion(labels=order, counts=tuple(tuple(row) for row in counts))


def cohen_kappa(
    pairs: Sequence[tuple[str, str]],
    weights: Weights = "none",
    labels: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> Agreement:
    """J. Cohen 1960, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20; weighted: J. Cohen 1968,
    Psychol. Bull. 70. ``groups`` (one a pair) ties pairs together that are not independent. With ``weights`` the order
    of ``labels`` counts."""
    table = confusion(pairs, labels)
    if not pairs:
        return Agreement(value=None, interval=None, n=0, share=None, method="Cohen's kappa")
    size = len(table.labels)
    patterns, counts = _patterns(pairs, table.labels, groups)
    loss = _loss(size, weights)

    def statistic(drawn: Array) -> Array:
        return _kappas((drawn @ patterns).reshape(len(drawn), size, size), loss)

    value = float(statistic(_row(counts))[0])
    words = "Cohen's kappa" if weights == "none" else f"Cohen's kappa, {weights} weights"
    method = f"{words}, bootstrap (BCa){' over groups' if groups is not None else ''}"
    interval = None if value != value else bootstrap(statistic, counts, alpha, seed)
    if interval is not None and table.agreed == table.n:
        interval, method = _never_apart(table, alpha), f"{words}, exact bound on how many may differ"
    return Agreement(
        value=None if value != value else value,
        interval=interval,
        n=len(pairs),
        share=table.agreed / table.n,
        method=method,
    )


def _never_apart(table: Confusion, alpha: float) -> Interval:
    """Of judges that were never seen to differ: kappa, if as many differ as may have stayed unseen."""
    n = table.n
    chance = sum((sum(row) / n) ** 2 for row in table.counts)
    apart = mid_p_share(0, n, alpha).high
    return Interval(max(-1.0, 1 - apart / (1 - chance)), 1.0)


def _patterns(
    pairs: Sequence[tuple[str, str]], labels: tuple[str, ...], groups: Sequence[str] | None
) -> tuple[Array, list[int]]:
    """Per pattern its confusion matrix, flat, and how many units have it. Without groups a unit is a pair."""
    import numpy

    size = len(labels)
    place = {label: number for number, label in enumerate(labels)}
    cells = [place[first] * size + place[second] for first, second in pairs]
    if groups is None:
        there = sorted(set(cells))
        matrix = numpy.zeros((len(there), size * size))
        matrix[numpy.arange(len(there)), there] = 1
        return matrix, [cells.count(cell) for cell in there]
    rows = {group: row for row, group in enumerate(dict.fromkeys(groups))}
    matrix = numpy.zeros((len(rows), size * size))
    for cell, group in zip(cells, groups, strict=True):
        matrix[rows[group], cell] += 1
    return matrix, [1] * len(rows)


def _row(counts: Sequence[int]) -> Array:
    import numpy

    return numpy.asarray([counts], dtype=float)


def _loss(size: int, weights: Weights) -> Array:
    """How bad each pair of labels is."""
    import numpy

    apart = numpy.abs(numpy.subtract.outer(numpy.arange(size), numpy.arange(size))).astype(float)
    if weights == "linear":
        return apart
    return apart**2 if weights == "quadratic" else (apart > 0).astype(float)


def _kappas(tables: Array, loss: Array) -> Array:
    """1 - observed loss over that expected from the margins; NaN where nothing can be lost."""
    import numpy

    n = tables.sum(axis=(1, 2))
    seen = (tables * loss).sum(axis=(1, 2))
    expected = numpy.einsum("bi,ij,bj->b", tables.sum(axis=2), loss, tables.sum(axis=1))
    with numpy.errstate(divide="ignore", invalid="ignore"):
        return numpy.where(expected > _NONE, 1 - seen * n / expected, numpy.nan)


# --- many judges ----------------------------------------------------------------------------------------------------


def krippendorff_alpha(
    units: Sequence[Sequence[float | str | None]],
    level: Level = "nominal",
    order: Sequence[str] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> Agreement:
    """K. Krippendorff 2019, Content Analysis, 4th ed., chapter 12 (2011: Computing Krippendorff's alpha-reliability,
    https://repository.upenn.edu/asc_papers/43): 1 - observed over expected disagreement.

    ``units``: for each thing what each judge said of it, null where a judge said nothing; things of which fewer than
    two were said tell nothing. ``level``: labels (any words), ``ordinal`` (numbers, or words in the order given), or
    ``interval`` (numbers, by their square distance). The interval is bootstrapped over things."""
    said = [[value for value in unit if value is not None] for unit in units]
    said = [unit for unit in said if len(unit) > 1]
    method = f"Krippendorff's alpha, {level}, bootstrap (BCa) over what was judged"
    if not said:
        return Agreement(value=None, interval=None, n=0, share=None, method=method)
    places, scale = _coded(said, level, order)
    keys = sorted({tuple(sorted(unit)) for unit in places})
    counts = [0] * len(keys)
    at = {key: number for number, key in enumerate(keys)}
    for unit in places:
        counts[at[tuple(sorted(unit))]] += 1
    statistic = _alphas(keys, scale, level)
    value = float(statistic(_row(counts))[0])
    interval = None if value != value else bootstrap(statistic, counts, alpha, seed)
    agreed = sum(len(set(unit)) == 1 for unit in places)
    if interval is not None and agreed == len(places):
        apart = mid_p_share(0, len(places), alpha).high
        interval = Interval(max(-1.0, 1 - apart / _chance_apart(places)), 1.0)
        method = f"Krippendorff's alpha, {level}, exact bound on how many may differ"
    return Agreement(
        value=None if value != value else value,
        interval=interval,
        n=len(places),
        share=agreed / len(places),
        method=method,
    )


def _chance_apart(places: list[list[int]]) -> float:
    """How often two values drawn from all that was said differ."""
    values = [value for unit in places for value in unit]
    alike = sum((values.count(value) / len(values)) ** 2 for value in set(values))
    return 1 - alike


def _coded(
    said: list[list[float | str]], level: Level, order: Sequence[str] | None
) -> tuple[list[list[int]], list[float]]:
    """Values as places among all that occur, in order, and the numbers at those places."""
    found = {value for unit in said for value in unit}
    if order is not None:
        values: list[Any] = list(order)
    elif level == "nominal":
        values = sorted(found, key=str)
    else:
        values = sorted(float(value) for value in found)
        said = [[float(value) for value in unit] for unit in said]
    place = {value: number for number, value in enumerate(values)}
    missing = [value for unit in said for value in unit if value not in place]
    if missing:
        raise ValueError(f"{missing[0]!r} is not in the order given.")
    numbers = [float(value) if not isinstance(value, str) else float(number) for number, value in enumerate(values)]
    return [[place[value] for value in unit] for unit in said], numbers


def _alphas(keys: list[tuple[int, ...]], scale: list[float], level: Level) -> Any:
    """Of counts of units that say the same, alpha. Coincidences are linear in the counts."""
    import numpy

    size = len(scale)
    pairs = numpy.zeros((len(keys), size, size))
    for row, key in enumerate(keys):
        each = numpy.bincount(key, minlength=size).astype(float)
        pairs[row] = (numpy.outer(each, each) - numpy.diag(each)) / (len(key) - 1)
    flat = pairs.reshape(len(keys), size * size)
    numbers = numpy.asarray(scale)
    fixed = numpy.subtract.outer(numbers, numbers) ** 2 if level == "interval" else 1.0 - numpy.eye(size)

    def statistic(drawn: Array) -> Array:
        tables = (drawn @ flat).reshape(len(drawn), size, size)
        margins = tables.sum(axis=2)
        n = margins.sum(axis=1)
        loss = _ordinal(margins) if level == "ordinal" else numpy.broadcast_to(fixed, tables.shape)
        seen = (tables * loss).sum(axis=(1, 2))
        expected = numpy.einsum("bi,bij,bj->b", margins, loss, margins)
        with numpy.errstate(divide="ignore", invalid="ignore"):
            return numpy.where(expected > _NONE, 1 - (n - 1) * seen / expected, numpy.nan)

    return statistic


def _ordinal(margins: Array) -> Array:
    """(sum of n_g from g = c to k - (n_c + n_k) / 2)^2: how many values lie between two, in each draw."""
    import numpy

    upto = numpy.cumsum(margins, axis=1) - margins / 2
    return (upto[:, :, None] - upto[:, None, :]) ** 2
