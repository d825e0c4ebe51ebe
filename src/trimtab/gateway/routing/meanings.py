"""What was asked, compared by meaning: embeddings of calls and of the examples of semantic nodes, each made once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trimtab.core.errors import Unavailable
from trimtab.llm.embedder import Embedder

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
    """The examples of one semantic node, topic by topic; which is nearest."""

    def __init__(self, topics: Sequence[Sequence[str]], meanings: Meanings) -> None:
        self._texts = [text for topic in topics for text in topic]
        self._of = [place for place, topic in enumerate(topics) for _ in topic]
        self._meanings = meanings
        self._matrix: npt.NDArray[np.float32] | None = None

    def nearest(self, vector: "Vector") -> tuple[int, float] | None:
        """The topic of the nearest example and its cosine similarity; None while the examples are not learnt."""
        if self._matrix is None:
            known = self._meanings.known(self._texts)
            if known is None:
                return None
            import numpy

            self._matrix = numpy.stack(known)
        similarities = self._matrix @ vector
        best = int(similarities.argmax())
        return self._of[best], float(similarities[best])


def why_blind(error: Unavailable) -> str:
    """Why nothing is known of a text's meaning, in a few words for the record."""
    return f"the text could not be embedded: {error.message}"[:200]
