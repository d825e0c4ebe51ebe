"""Cases of a dataset that say the same, or nearly: by the hash of a normal form, by MinHash over word sequences, or by
the local embedder. Pairs in two splits are counted apart: what was tuned on one was not unseen in the other."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation import likeness
from trimtab.evaluation.cases import input_text
from trimtab.evaluation.types import Case

Method = Literal["words", "meaning"]
AT_LEAST: Final[dict[Method, float]] = {"words": 0.8, "meaning": 0.95}
MOST_PAIRS: Final = 1_000
MOST_CANDIDATES: Final = 200_000
MOST_EMBEDDED: Final = 1_000
"""Cases that the embedder compares at most: it reads about a hundred a second."""
SHOWN: Final = 200


class Twins(Struct, frozen=True, kw_only=True):
    """Two cases that are nearly the same; ``likeness`` in [0, 1] by the method; ``split``: they are in different ones.
    ``text`` is the beginning of the first."""

    one: str
    other: str
    likeness: float
    split: bool
    text: str


class Duplicates(Struct, frozen=True, kw_only=True):
    """``exact``: groups of ids whose inputs are the same but for case, width and white space. ``near``: pairs of the
    rest, the most alike first; ``more``: there are more than are told. ``across`` counts those of both kinds that lie
    in different splits."""

    method: Method
    cases: int
    exact: list[list[str]]
    near: list[Twins]
    across: int
    more: bool
    says: str


class Slim(Struct, frozen=True):
    """What is compared of a case."""

    id: str
    split: str
    text: str


def slim(case: Case) -> Slim:
    return Slim(case.id, case.split, input_text(case)[: likeness.MAX_CHARACTERS])


def find(cases: Sequence[Slim], at_least: float) -> Duplicates:
    """By shared words. For a thread: 7 s of a processor for 100,000 cases of 400 characters."""
    groups, first = _same(cases)
    left = [cases[places[0]] for places in groups.values()]
    sets = [likeness.shingles(case.text) for case in left]
    pairs, more = likeness.candidates(likeness.signatures(sets), MOST_CANDIDATES)
    near = [(likeness.jaccard(sets[one], sets[other]), one, other) for one, other in pairs]
    return _report("words", cases, first, left, [each for each in near if each[0] >= at_least], more=more)


def find_by_meaning(cases: Sequence[Slim], vectors: Any, at_least: float) -> Duplicates:
    """By the cosine of unit vectors, one for each of `distinct` of the cases."""
    import numpy as np

    groups, first = _same(cases)
    left = [cases[places[0]] for places in groups.values()]
    close = np.triu(vectors @ vectors.T, k=1)
    near = [(float(close[one, other]), int(one), int(other)) for one, other in np.argwhere(close >= at_least)]
    return _report("meaning", cases, first, left, near, more=False)


def distinct(cases: Sequence[Slim]) -> list[Slim]:
    """One of each that say the same. Raises `InvalidRequest` where there are too many to embed."""
    groups, _ = _same(cases)
    if len(groups) > MOST_EMBEDDED:
        raise InvalidRequest(
            f"By meaning, at most {MOST_EMBEDDED:,} different cases are compared; there are {len(groups):,}.",
            fix="Compare by words, or one split at a time.",
            param="method",
        )
    return [cases[places[0]] for places in groups.values()]


def _same(cases: Sequence[Slim]) -> tuple[dict[str, list[int]], list[list[Slim]]]:
    """Places by normal form, in order; and those of more than one case."""
    groups: dict[str, list[int]] = {}
    for at, case in enumerate(cases):
        groups.setdefault(likeness.key(case.text), []).append(at)
    return groups, [[cases[at] for at in places] for places in groups.values() if len(places) > 1]


def _report(
    method: Method,
    cases: Sequence[Slim],
    exact: list[list[Slim]],
    left: Sequence[Slim],
    near: list[tuple[float, int, int]],
    *,
    more: bool,
) -> Duplicates:
    near.sort(key=lambda each: (-each[0], left[each[1]].id, left[each[2]].id))
    twins = [
        Twins(
            one=left[one].id,
            other=left[other].id,
            likeness=round(alike, 4),
            split=left[one].split != left[other].split,
            text=left[one].text[:SHOWN],
        )
        for alike, one, other in near
    ]
    across = sum(each.split for each in twins) + sum(len({case.split for case in group}) > 1 for group in exact)
    told = [[case.id for case in group] for group in exact]
    return Duplicates(
        method=method,
        cases=len(cases),
        exact=told[:MOST_PAIRS],
        near=twins[:MOST_PAIRS],
        across=across,
        more=more or len(twins) > MOST_PAIRS or len(told) > MOST_PAIRS,
        says=_says(len(cases), told, len(twins), across),
    )


def _says(cases: int, exact: list[list[str]], near: int, across: int) -> str:
    if not exact and not near:
        return f"None of {cases:,} cases says what another says."
    spare = sum(len(group) - 1 for group in exact)
    said = f"Of {cases:,} cases {spare:,} say exactly what another says, and {near:,} pairs say nearly the same"
    return f"{said}; {across:,} of them lie in different splits." if across else f"{said}."
