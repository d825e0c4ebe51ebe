"""The most informative of many items: those that differ most from each other, those that fail, those that scores
dispute. Pure, and the same for the same seed."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

Strategy = Literal["diverse", "failing", "disputed", "random"]
MOST_DIVERSE: Final = 20_000
"""Items that are compared for diversity at most; of more, a random sample of so many."""


class Judged(Struct, frozen=True, kw_only=True):
    """What is known of an item by one score: the values it got in [0, 1], where a pass is 1, by whom."""

    name: str
    values: tuple[float, ...]


class Picked(Struct, frozen=True, kw_only=True):
    """An item that was chosen by its place among the given, and why; ``value``: a distance, mean or spread."""

    at: int
    why: str
    value: float | None = None


def at_random(amount: int, size: int, seed: int) -> list[Picked]:
    chosen = random.Random(seed).sample(range(amount), min(size, amount))  # noqa: S311 - a sample, no secret
    return [Picked(at=at, why="chosen at random") for at in sorted(chosen)]


def diverse(vectors: Any, size: int, seed: int) -> list[Picked]:
    """Greedy k-center (Gonzalez 1985): each is the one farthest from all chosen before it, so no item is farther from
    the sample than twice the best possible. ``vectors`` are unit rows; distance is 1 - cosine. The first is the one
    nearest to the mean, the most ordinary; ties go by the seed."""
    import numpy as np

    amount = len(vectors)
    order = np.random.default_rng(seed).permutation(amount)
    given = vectors[order]
    if not amount:
        return []
    at = int(np.argmax(given @ given.mean(axis=0)))
    picked = [Picked(at=int(order[at]), why="the most ordinary")]
    distance = 1 - given @ given[at]
    while len(picked) < min(size, amount):
        at = int(np.argmax(distance))
        far = float(distance[at])
        if far <= 1e-6:  # all that are left say what one of the chosen says
            break
        picked.append(Picked(at=int(order[at]), why=f"{far:.2f} from the nearest chosen before", value=round(far, 4)))
        distance = np.minimum(distance, 1 - given @ given[at])
    return picked


def failing(judged: Sequence[Sequence[Judged]], size: int, seed: int) -> list[Picked]:
    """Those with the lowest scores: the lowest mean of any one score first; items without a score are left out."""
    found: list[tuple[float, int, str]] = []
    for at, scores in enumerate(judged):
        means = [(sum(each.values) / len(each.values), each.name) for each in scores if each.values]
        if means:
            low, name = min(means)
            if low < 1:
                found.append((low, at, f"{name} is {low:.2f}"))
    return _first(found, size, seed)


def disputed(judged: Sequence[Sequence[Judged]], size: int, seed: int) -> list[Picked]:
    """Those whose scores disagree the most: judgements of one name among each other (repeats, judges, people)."""
    found: list[tuple[float, int, str]] = []
    for at, scores in enumerate(judged):
        spreads = [(max(each.values) - min(each.values), each) for each in scores if len(each.values) > 1]
        if spreads:
            spread, of = max(spreads, key=lambda pair: (pair[0], pair[1].name))
            if spread > 0:
                says = f"{of.name} is between {min(of.values):.2f} and {max(of.values):.2f}"
                found.append((-spread, at, says))
    return [Picked(at=each.at, why=each.why, value=-(each.value or 0)) for each in _first(found, size, seed)]


def _first(found: list[tuple[float, int, str]], size: int, seed: int) -> list[Picked]:
    """The lowest; of those that are as low as the last one, which by the seed."""
    random.Random(seed).shuffle(found)  # noqa: S311
    found.sort(key=lambda each: each[0])
    return [Picked(at=at, why=why, value=round(value, 4)) for value, at, why in found[:size]]


def collected(scores: Mapping[str, Sequence[float]]) -> list[Judged]:
    return [Judged(name=name, values=tuple(values)) for name, values in sorted(scores.items())]


def unscored(judged: Sequence[Sequence[Judged]]) -> int:
    return sum(not any(each.values for each in scores) for scores in judged)
