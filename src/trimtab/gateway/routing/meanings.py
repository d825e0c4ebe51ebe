"""What was asked, compared by meaning: embeddings of calls and of the examples of semantic nodes, each made once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trimtab.core.errors import Unavailable
from trimtab.gateway.routing.types import Semantic
from trimtab.llm.embedder import Embedder

LEAST, MOST = 0.5, 0.65
"""Between these lies a threshold that is taken from a topic's examples (`bench/routing/semantic.py` has the curve)."""
OF_ONE = 0.55
"""Of a topic with one example, which says nothing of how alike they are."""
ENOUGH = 5
"""Examples of a topic, below which it is said that there are few."""

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from trimtab.llm.embedder import Vector


class Meanings:
    """Outlives snapshots, so an example is embedded once however often the configuration changes."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._examples: dict[str, Vector] = {}

    async def of(self, text: str) -> "Vector":
        """The embedding of a call's text. Raises `Unavailable`, and before a call has waited for long."""
        return (await self._embedder.soon(text))[0]

    async def learn(self, examples: Sequence[str]) -> None:
        """Embed what is new among the examples. Raises `Unavailable`."""
        new = [text for text in dict.fromkeys(examples) if text not in self._examples]
        for text, vector in zip(new, await self._embedder.embed(new), strict=True):
            self._examples[text] = vector

    def known(self, examples: Sequence[str]) -> "list[Vector] | None":
        """The examples' embeddings, None where one has not been learnt."""
        found = [self._examples.get(text) for text in examples]
        vectors = [vector for vector in found if vector is not None]
        return vectors if len(vectors) == len(found) else None


class Topics:
    """The examples of one semantic node, topic by topic; which is nearest, and how near is near enough."""

    def __init__(self, node: Semantic, meanings: Meanings) -> None:
        self._node = node
        self._texts = [text for topic in node.of for text in dict.fromkeys(topic.examples)]
        self._of = [place for place, topic in enumerate(node.of) for _ in dict.fromkeys(topic.examples)]
        self._meanings = meanings
        self._matrix: npt.NDArray[np.float32] | None = None
        self._thresholds: list[float] = []

    def _learnt(self) -> "npt.NDArray[np.float32] | None":
        if self._matrix is None:
            known = self._meanings.known(self._texts)
            if known is None:
                return None
            import numpy

            self._matrix = numpy.stack(known)
            self._thresholds = [self._threshold(place) for place in range(len(self._node.of))]
        return self._matrix

    def _threshold(self, topic: int) -> float:
        """The one given, else as near as three quarters of the topic's examples are to their nearest fellow."""
        if self._node.threshold is not None:
            return self._node.threshold
        assert self._matrix is not None
        own = self._matrix[[place for place, of in enumerate(self._of) if of == topic]]
        if len(own) < 2:
            return OF_ONE
        alike = own @ own.T
        alike[range(len(own)), range(len(own))] = -1.0
        nearest = sorted(alike.max(axis=1).tolist())
        return min(max(nearest[len(nearest) // 4], LEAST), MOST)

    def nearest(self, vector: "Vector") -> tuple[int, float, float] | None:
        """The topic of the nearest example, its cosine similarity and the topic's threshold; None while the examples
        are not learnt."""
        matrix = self._learnt()
        if matrix is None:
            return None
        similarities = matrix @ vector
        best = int(similarities.argmax())
        topic = self._of[best]
        return topic, float(similarities[best]), self._thresholds[topic]

    def advice(self) -> list[str]:
        """What keeps the topics from being told apart: too few examples, a threshold that lets much through, and (once
        they are learnt) examples that are nearer to another topic's."""
        names = [topic.name for topic in self._node.of]
        found = [
            f"The topic {name!r} has {count} example{'s' * (count != 1)}. With fewer than {ENOUGH} many questions that "
            "belong to it are not known: add more, each said in another way."
            for place, name in enumerate(names)
            if (count := self._of.count(place)) < ENOUGH
        ]
        if self._node.threshold is not None and self._node.threshold < LEAST:
            found.append(
                f"A threshold of {self._node.threshold:g} lets questions through that are about something near: "
                f"give at least {LEAST:g}, or leave it out."
            )
        strays = self._strays()
        for topic, texts in strays.items():
            found.append(
                f"{len(texts)} of the examples of {names[topic]!r} are nearer to another topic's, e.g. "
                f"{texts[0][:80]!r}: move them, or make the two topics one."
            )
        return found

    def _strays(self) -> dict[int, list[str]]:
        """By topic, its examples that lie nearer to one of another topic."""
        matrix = self._learnt()
        if matrix is None:
            return {}
        alike = matrix @ matrix.T
        found: dict[int, list[str]] = {}
        for place, topic in enumerate(self._of):
            others = [(float(alike[place, other]), of != topic) for other, of in enumerate(self._of) if other != place]
            if others and max(others)[1] and self._of.count(topic) > 1:
                found.setdefault(topic, []).append(self._texts[place])
        return found


def why_blind(error: Unavailable) -> str:
    """Why nothing is known of a text's meaning, in a few words for the record."""
    return f"the text could not be embedded: {error.message}"[:200]
