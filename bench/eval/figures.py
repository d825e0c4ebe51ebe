"""Figures of a classifier with 95 % intervals: bootstrap over groups, since rows of one group are not independent."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
ROUNDS = 1000


class Figure(Struct, frozen=True):
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return "n/a" if self.value != self.value else f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class Figures(Struct, frozen=True, kw_only=True):
    n: int
    positive: int
    groups: int
    accuracy: Figure
    precision: Figure
    recall: Figure
    f1: Figure
    auc: Figure

    def row(self, name: str) -> str:
        return (
            f"| {name} | {self.n} ({self.positive}) | {self.accuracy} | {self.precision} | {self.recall} | {self.f1} "
            f"| {self.auc} |"
        )


HEADER = "| split | n (positive) | accuracy | precision | recall | F1 | AUC |\n|---|---|---|---|---|---|---|"


def auc(truth: Flags, chance: Floats) -> float:
    """The chance that a positive is ranked above a negative; ties count half. NaN without both."""
    ones = int(truth.sum())
    if not 0 < ones < len(truth):
        return float("nan")
    values, inverse, counts = np.unique(chance, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    assert len(values) <= len(chance)
    return float((ranks[truth].sum() - ones * (ones + 1) / 2) / (ones * (len(truth) - ones)))


def _counts(truth: Flags, said: Flags) -> tuple[float, float, float, float]:
    hit, alarm = float((truth & said).sum()), float((~truth & said).sum())
    missed = float((truth & ~said).sum())
    accuracy = float((truth == said).mean())
    precision = hit / (hit + alarm) if hit + alarm else float("nan")
    recall = hit / (hit + missed) if hit + missed else float("nan")
    f1 = 2 * hit / (2 * hit + alarm + missed) if 2 * hit + alarm + missed else float("nan")
    return accuracy, precision, recall, f1


def measure(truth: Flags, chance: Floats, groups: Sequence[str], threshold: float = 0.5) -> Figures:
    """``chance`` is of the positive class. The draw is fixed, so that the same data give the same intervals."""
    draw = np.random.default_rng(20261121)
    members: dict[str, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    rows: list[npt.NDArray[np.int64]] = [np.array(each, dtype=np.int64) for each in members.values()]
    drawn: list[list[float]] = []
    for _ in range(ROUNDS):
        chosen: list[int] = draw.integers(0, len(rows), len(rows)).tolist()
        pick = np.concatenate([rows[place] for place in chosen])
        drawn.append([*_counts(truth[pick], chance[pick] >= threshold), auc(truth[pick], chance[pick])])
    values = [*_counts(truth, chance >= threshold), auc(truth, chance)]
    found = np.array(drawn)
    made: list[Figure] = []
    for place, value in enumerate(values):
        column = found[:, place][~np.isnan(found[:, place])]
        low, high = np.quantile(column, (0.025, 0.975)) if len(column) else (float("nan"), float("nan"))
        made.append(Figure(value, float(low), float(high)))
    return Figures(
        n=len(truth), positive=int(truth.sum()), groups=len(rows), accuracy=made[0], precision=made[1], recall=made[2],
        f1=made[3], auc=made[4],
    )  # fmt: skip


def wilson(hits: int, n: int) -> Figure:
    """A share with Wilson's 95 % interval."""
    z = 1.959963984540054
    share, wide = hits / n, z * z / n
    middle = (share + wide / 2) / (1 + wide)
    half = z / (1 + wide) * (share * (1 - share) / n + wide / (4 * n)) ** 0.5
    return Figure(share, max(0.0, middle - half), min(1.0, middle + half))
