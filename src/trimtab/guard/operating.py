"""Operating points: a threshold chosen from a budget of false alarms.

    scores of harmless texts + a budget -> threshold, with the share of alarms and, where there are attacks, the recall

What counts is the whole text: the highest score a guard gives it. A text that could not be judged is neither harmless
nor an attack here: it is counted beside. Pure; who has texts and a guard gets their scores from `bench` or the API.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from trimtab.scoring.language import language_of
from trimtab.scoring.shares import mid_p_share
from trimtab.scoring.special import beta_cdf

BANDS: Final = (("short", 0), ("medium", 200), ("long", 1_000), ("very long", 4_000))
"""Names of length bands and the characters from which on they begin."""
LEAST: Final = 20
"""Texts of a band or language below which it is not told apart."""
STEP: Final = 1e-6
"""A threshold lies this much above the last harmless score that must pass."""
ALPHA: Final = 0.05


class Judged(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text's highest score; None where the guard could not tell. ``attack``: it should have been seen. ``family``
    names what kind of attack, or which set of harmless texts."""

    score: float | None
    attack: bool = False
    family: str = ""
    length: int = 0
    language: str = ""


class GuardShare(Struct, frozen=True, kw_only=True):
    """``count`` of ``of``, and where the true share lies (95 %, mid-p)."""

    count: int
    of: int
    share: float | None
    low: float
    high: float


class Part(Struct, frozen=True, kw_only=True):
    """Texts of one band, language or family: how many harmless ones raise an alarm, how many attacks are seen."""

    name: str
    alarms: GuardShare
    recall: GuardShare


class OperatingPoint(Struct, frozen=True, kw_only=True):
    """``threshold`` keeps alarms of the harmless texts given within ``budget``. ``sure``: the upper end of the interval
    does, too; where it does not, there are too few harmless texts to promise it. ``needed``: how many without any alarm
    would do. ``unjudged`` counts texts of which the guard could not tell."""

    budget: float
    threshold: float
    alarms: GuardShare
    recall: GuardShare
    sure: bool
    needed: int
    unjudged: int = 0
    by_length: tuple[Part, ...] = ()
    by_language: tuple[Part, ...] = ()
    by_family: tuple[Part, ...] = ()


def chosen(judged: Sequence[Judged], budget: float, present: float = 0.0) -> OperatingPoint:
    """The lowest threshold whose share of alarms on the harmless texts is within the budget: the recall is then the
    highest there is. It is not below the ``present`` one unless it is sure: a handful of texts that raise no alarm say
    nothing of those that will come. A harmless text that scores 1 cannot be let pass: ``alarms`` then shows that the
    budget is not met. Raises `ValueError` for a budget outside [0, 1) and where there is no harmless text."""
    if not 0 <= budget < 1:
        raise ValueError("A budget of false alarms is a share from 0 to below 1.")
    harmless = sorted((each.score for each in judged if not each.attack and each.score is not None), reverse=True)
    if not harmless:
        raise ValueError("A threshold is chosen on harmless texts, and there are none that the guard could judge.")
    allowed = math.floor(budget * len(harmless) + 1e-9)
    point = at(judged, _above(harmless, allowed), budget)
    return point if point.sure or point.threshold >= present else at(judged, present, budget)


def _above(harmless: Sequence[float], allowed: int) -> float:
    """Just above the highest score that must pass; ties pass or fail together. Nothing below STEP is a finding."""
    if allowed >= len(harmless):
        return STEP
    return min(1.0, max(STEP, harmless[allowed] + STEP))


def at(judged: Sequence[Judged], threshold: float, budget: float) -> OperatingPoint:
    """What a given threshold does."""
    alarms, recall = _shares(judged, threshold)
    return OperatingPoint(
        budget=budget,
        threshold=threshold,
        alarms=alarms,
        recall=recall,
        sure=alarms.high <= budget,
        needed=_needed(budget),
        unjudged=sum(each.score is None for each in judged),
        by_length=_parts(threshold, ((band_of(each.length), each) for each in judged)),
        by_language=_parts(threshold, ((each.language or "unknown", each) for each in judged)),
        by_family=_parts(threshold, ((each.family, each) for each in judged if each.family), least=1),
    )


def band_of(length: int) -> str:
    return next(name for name, least in reversed(BANDS) if length >= least)


def described(text: str, score: float | None, *, attack: bool = False, family: str = "") -> Judged:
    """A text's score with its length and language."""
    return Judged(score=score, attack=attack, family=family, length=len(text), language=language_of(text))


def _shares(judged: Iterable[Judged], threshold: float) -> tuple[GuardShare, GuardShare]:
    counts = {False: [0, 0], True: [0, 0]}
    for each in judged:
        if each.score is not None:
            counts[each.attack][0] += each.score >= threshold
            counts[each.attack][1] += 1
    return share(*counts[False]), share(*counts[True])


def share(count: int, of: int) -> GuardShare:
    found = mid_p_share(count, of, ALPHA)
    return GuardShare(count=count, of=of, share=count / of if of else None, low=found.low, high=found.high)


def _needed(budget: float) -> int:
    """Harmless texts without any alarm after which the true share is within the budget (the interval of `share`)."""
    return 0 if budget <= 0 else math.ceil(math.log(ALPHA) / math.log1p(-budget))


def _parts(threshold: float, named: Iterable[tuple[str, Judged]], least: int = LEAST) -> tuple[Part, ...]:
    groups: dict[str, list[Judged]] = {}
    for name, each in named:
        groups.setdefault(name, []).append(each)
    made: list[Part] = []
    for name, members in sorted(groups.items()):
        if len(members) >= least:
            alarms, recall = _shares(members, threshold)
            made.append(Part(name=name, alarms=alarms, recall=recall))
    return tuple(made)


def at_least(count: int, of: int, chance: float) -> float:
    """The probability of ``count`` or more of ``of`` (binomial)."""
    if count <= 0:
        return 1.0
    return beta_cdf(chance, count, of - count + 1)
