"""How near the answer's meaning is to what is expected: the cosine of their vectors by the local embedder.

The embedder knows English best and reads the first 256 tokens of a text; of longer ones only the beginning is
compared. Below zero counts as 0. A cosine is no share of anything: hold it against what good answers of your own get.
"""

from typing import Any, Final

from msgspec import Struct

from trimtab.scoring.rule import MOST, too_long
from trimtab.scoring.texts import expected_texts
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``at_least``: from this cosine on the value is 1, and below it 0; without it the value is the cosine. Of several
    expected texts the nearest counts."""

    at_least: float | None = None


class EmbeddingSimilarity:
    name: Final = "embedding_similarity"
    version: Final = "1"
    about: Final = "How near the answer's meaning is to the expected text's, by the local embedder."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "code"
    needs: Final = ("output", "expected")
    options: Final = Options

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        expected = [text for text in expected_texts(sample)[:20] if text.strip()]
        if reason := too_long(sample, self.name, MOST):
            return CannotScore(reason=reason)
        if not expected or not (sample.output or "").strip():
            return CannotScore(reason="embedding_similarity compares texts: the answer or what is expected is none.")
        if tools.embed is None:
            return CannotScore(reason="embedding_similarity needs the local embedder, which is not here.")
        vectors: Any = await tools.embed([sample.output or "", *expected])
        cosine = max(float(vectors[0] @ vector) for vector in vectors[1:])
        value = min(1.0, max(0.0, cosine))
        passed = value if options.at_least is None else float(cosine >= options.at_least)
        return Scored(value=passed, detail={"cosine": round(cosine, 4)})


PLUG = EmbeddingSimilarity()
