"""Stored questions by meaning: exact search over the vectors of one space, in memory, kept up to date from the store.

A space is everything that decides an answer but the last thing asked (`cache_key.py`): two questions are compared only
where system prompt, earlier turns, tools, parameters, model and whoever may share answers are the same. So a space is
small, and a dot product with all of it is exact and takes microseconds; what takes milliseconds is embedding the
question, which happens in the embedder's thread.
"""

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from msgspec import Struct

from trimtab.core.errors import Unavailable
from trimtab.gateway.kept.answers import Answers
from trimtab.gateway.kept.cache_store import Meaning, Stored
from trimtab.gateway.kept.lookalike import differs
from trimtab.llm.embedder import DIMENSION, Embedder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]

log = logging.getLogger("trimtab.semantic_cache")
THRESHOLD = 0.95
"""Where a policy gives none: the measured curve is in `docs/cache.md`."""
SPACES = 1024
PER_SPACE = 16_384
"""Questions of one space that are searched (24 MB); the newest count."""
CANDIDATES = 4
"""How many of the nearest are tried: one may have been dropped since, or be a look-alike."""


class Question(Struct, frozen=True):
    """What a semantic look-up goes by: everything but the last thing said, as a digest, and that text."""

    space: bytes
    text: str


class Near(Struct, frozen=True):
    """A stored question that means the same, and how near it is (cosine similarity)."""

    key: bytes
    similarity: float


class Space:
    """The questions of one space, each key once, in the order in which they were stored."""

    __slots__ = ("_matrix", "_places", "count", "keys", "questions", "seq")

    def __init__(self) -> None:
        self.seq = 0
        self.count = 0
        self.keys: list[bytes] = []
        self.questions: list[str] = []
        self._places: dict[bytes, int] = {}
        self._matrix: Matrix | None = None

    def add(self, meanings: list[Meaning]) -> None:
        import numpy as np

        for meaning in meanings:
            self.seq = max(self.seq, meaning.seq)
            vector = np.frombuffer(meaning.vector, dtype=np.float32)
            if vector.shape != (DIMENSION,):
                continue  # of another model
            place = self._places.get(meaning.key)
            if place is None:
                place = self._place(meaning.key)
            self.questions[place] = meaning.question
            self._rows(place)[place] = vector

    def forget(self, key: bytes) -> None:
        """Its answer is gone: it is found no more."""
        place = self._places.pop(key, None)
        if place is not None and self._matrix is not None:
            self._matrix[place] = 0

    def nearest(self, vector: "Matrix", least: float) -> list[tuple[Near, str]]:
        """At most `CANDIDATES` with a similarity of at least ``least``, the nearest first, each with its question."""
        import numpy as np

        if self._matrix is None or not self.count:
            return []
        similarity = self._matrix[: self.count] @ vector
        order = np.argsort(-similarity)[:CANDIDATES]
        return [
            (Near(self.keys[place], float(similarity[place])), self.questions[place])
            for place in map(int, order)
            if similarity[place] >= least
        ]

    def _place(self, key: bytes) -> int:
        if not self._places:  # all were forgotten, or none was there
            self.count = 0
            self.keys.clear()
            self.questions.clear()
        if self.count < PER_SPACE:
            place = self.count
            self.count += 1
            self.keys.append(key)
            self.questions.append("")
        else:  # instead of the oldest that is there
            oldest = next(iter(self._places))
            place = self._places.pop(oldest)
            self.keys[place] = key
        self._places[key] = place
        return place

    def _rows(self, place: int) -> "Matrix":
        import numpy as np

        if self._matrix is None or place >= len(self._matrix):
            grown = np.zeros((min(max(16, 2 * place), PER_SPACE), DIMENSION), dtype=np.float32)
            if self._matrix is not None:
                grown[: len(self._matrix)] = self._matrix
            self._matrix = grown
        return self._matrix


class SemanticIndex:
    """Makes vectors with the shared embedder and finds what is near."""

    def __init__(self, answers: Answers, embedder: Embedder) -> None:
        self._answers = answers
        self._embedder = embedder
        self._spaces: OrderedDict[bytes, Space] = OrderedDict()

    async def nearest(self, question: Question, threshold: float | None) -> list[Near]:
        """What was asked before, means the same and is no look-alike; the nearest first. Raises `Unavailable` where the
        question cannot be embedded, or not soon."""
        vector = await self._embed(question.text)
        if vector is None:
            return []
        space = self._space(question.space)
        space.add(await self._answers.meanings_since(question.space, space.seq))
        found = space.nearest(vector, THRESHOLD if threshold is None else threshold)
        return [near for near, stored in found if not differs(question.text, stored)]

    def forget(self, question: Question, key: bytes) -> None:
        self._space(question.space).forget(key)

    async def meaning(self, question: Question, answer: Stored) -> Meaning | None:
        """What to store so that this answer can be found by its meaning; None where the text is too long to compare, or
        cannot be embedded."""
        try:
            vector = await self._embed(question.text)
        except Unavailable as error:
            log.info("an answer is kept without its meaning: %s", error.message)
            return None
        if vector is None:
            return None
        return Meaning(
            space=question.space,
            key=answer.key,
            project_id=answer.project_id,
            name=answer.name,
            expires=answer.expires,
            question=question.text,
            vector=vector.tobytes(),
        )

    def _space(self, space: bytes) -> Space:
        found = self._spaces.get(space)
        if found is None:
            found = self._spaces[space] = Space()
            if len(self._spaces) > SPACES:
                self._spaces.popitem(last=False)
        else:
            self._spaces.move_to_end(space)
        return found

    async def _embed(self, text: str) -> "Matrix | None":
        """None for a text that is not read to its end."""
        vector, whole = await self._embedder.soon(text)
        return vector if whole else None
