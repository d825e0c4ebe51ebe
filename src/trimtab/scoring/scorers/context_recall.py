"""Which share of what the case expects can be found in the given context: whether the retrieval brought what an answer
needs. By the head of `groundedness`; no model is asked."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from trimtab.scoring.heads import HeadFile
from trimtab.scoring.scorers.groundedness import supported, told
from trimtab.scoring.sentences import MOST_TEXT
from trimtab.scoring.support import claims_of
from trimtab.scoring.texts import expected_texts
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Source, Tools, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``threshold``: the chance from which on an expected sentence counts as found."""

    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.5


class ContextRecall:
    name: Final = "context_recall"
    version: Final = "1"
    about: Final = "The share of the expected answer's sentences that the given context supports."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "code"
    needs: Final = ("expected", "context")
    options: Final = Options

    def __init__(self) -> None:
        self._head = HeadFile("groundedness")

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        if sum(len(text) for text in expected_texts(sample)) > MOST_TEXT:
            return CannotScore(reason=f"context_recall reads expected texts of up to {MOST_TEXT:,} characters.")
        claims = [claim for text in expected_texts(sample) for claim in claims_of(text)]
        if not claims:
            return CannotScore(reason="context_recall needs an expected text that says something.")
        found = await supported(self.name, claims, sample, self._head, tools)
        if isinstance(found, CannotScore):
            return found
        return told(found, "share", options.threshold, self._head.get().version)


PLUG = ContextRecall()
