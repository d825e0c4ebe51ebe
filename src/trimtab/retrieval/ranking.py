"""From a question to the best chunks of several indexes: two lists, one by meaning and one by words, joined by their
ranks. Pure.

Reciprocal rank fusion (G. Cormack, C. Clarke, S. Buettcher, "Reciprocal Rank Fusion outperforms Condorcet and
individual Rank Learning Methods", SIGIR 2009): a chunk's score is the sum of 1 / (60 + rank) over the lists it is in.
It asks nothing of the scores themselves, so that cosines and BM25 need not be made alike.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from trimtab.gateway.apps.knowledge import Mode
from trimtab.retrieval import words
from trimtab.retrieval.index import Index

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Mask = npt.NDArray[np.bool_]

K: Final = 60
POOL: Final = 100
"""Chunks of each list that are joined, at least."""
MOST_WORDS: Final = 200
"""Different words of a question that are looked for."""


class Side(Struct, frozen=True):
    """One index to search. ``admitted`` None: every chunk; ``question`` None: by words alone. Cosines of sides with one
    ``space`` can be compared."""

    index: Index
    admitted: "Mask | None"
    question: "Floats | None"
    space: str = ""


class Ranked(Struct, frozen=True, kw_only=True):
    """A chunk of a side. Ranks begin at 1; None where a list does not have it. ``meaning`` is its cosine also where it
    was found by words alone."""

    side: int
    chunk: int
    score: float
    meaning: float | None
    meaning_rank: int | None
    words: float | None
    words_rank: int | None


def marks_of(text: str) -> dict[str, int]:
    """The words of a question with their marks, each once."""
    found = dict.fromkeys(words.words(text))
    return {word: words.mark(word) for _, word in zip(range(MOST_WORDS), found, strict=False)}


def ranked(sides: Sequence[Side], marks: Sequence[int], mode: Mode, top: int, least: float | None) -> list[Ranked]:
    """The best, best first; of equal ones that of the first side and chunk."""
    pool = max(POOL, 4 * top)
    meaning = _by_meaning(sides, pool) if mode != "words" else {}
    by_words = _by_words(sides, marks, pool) if mode != "meaning" else {}
    made = [_joined(sides, key, meaning, by_words, mode) for key in {**meaning, **by_words}]
    if least is not None and mode != "words":
        made = [each for each in made if each.meaning is None or each.meaning >= least]
    made.sort(key=lambda each: (-each.score, each.side, each.chunk))
    return made[:top]


Places = dict[tuple[int, int], tuple[int, float]]
"""By side and chunk: the rank and the score."""


def _by_meaning(sides: Sequence[Side], pool: int) -> Places:
    spaces: dict[str, list[tuple[float, int, int]]] = {}
    for number, side in enumerate(sides):
        if side.question is not None:
            found = side.index.meaning(side.question, side.admitted, pool)
            rows = zip(found.chunks.tolist(), found.scores.tolist(), strict=True)
            spaces.setdefault(side.space, []).extend((-score, number, chunk) for chunk, score in rows)
    return {place: at for rows in spaces.values() for place, at in _places(rows, pool).items()}


def _by_words(sides: Sequence[Side], marks: Sequence[int], pool: int) -> Places:
    rows: list[tuple[float, int, int]] = []
    for number, side in enumerate(sides):
        found = side.index.words(marks, side.admitted, pool)
        rows += (
            (-score, number, chunk) for chunk, score in zip(found.chunks.tolist(), found.scores.tolist(), strict=True)
        )
    return _places(rows, pool)


def _places(rows: list[tuple[float, int, int]], pool: int) -> Places:
    rows.sort()
    return {(side, chunk): (rank, -score) for rank, (score, side, chunk) in enumerate(rows[:pool], start=1)}


def _joined(sides: Sequence[Side], key: tuple[int, int], meaning: Places, by_words: Places, mode: Mode) -> Ranked:
    import numpy as np

    side, chunk = key
    near, said = meaning.get(key), by_words.get(key)
    cosine = None if near is None else near[1]
    question = sides[side].question
    if cosine is None and question is not None and mode == "hybrid" and sides[side].index.about.dimension:
        cosine = float(sides[side].index.cosines(question, np.array([chunk]))[0])
    score = sum(1 / (K + each[0]) for each in (near, said) if each is not None)
    if mode != "hybrid":
        score = (near or said or (0, 0.0))[1]
    return Ranked(
        side=side,
        chunk=chunk,
        score=score,
        meaning=cosine,
        meaning_rank=None if near is None else near[0],
        words=None if said is None else said[1],
        words_rank=None if said is None else said[0],
    )
