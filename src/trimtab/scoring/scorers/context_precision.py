"""Whether the relevant texts of the context stand first: the average precision of their order (Manning, Raghavan,
Schütze, "Introduction to Information Retrieval", 2008, section 8.4). Relevance is the judgement of the head
`context_relevance`; no model is asked."""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from trimtab.scoring.heads import HeadFile
from trimtab.scoring.scorers.context_relevance import chances_of
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``threshold``: the chance from which on a text counts as relevant."""

    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.5


class ContextPrecision:
    """0 where no text is relevant."""

    name: Final = "context_precision"
    version: Final = "1"
    about: Final = "Whether the texts that are about the input stand first among the context: average precision."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "code"
    needs: Final = ("input", "context")
    options: Final = Options

    def __init__(self) -> None:
        self._head = HeadFile("context_relevance")

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        chances = await chances_of(self.name, sample.input, sample.context or (), self._head.get(), tools)
        if isinstance(chances, CannotScore):
            return chances
        relevant = [chance >= options.threshold for chance in chances]
        detail: dict[str, Any] = {"relevant": relevant, "head": self._head.get().version}
        return Scored(value=average_precision(relevant), detail=detail)


def average_precision(relevant: list[bool]) -> float:
    """The mean, over the relevant places, of the share of relevant ones up to there."""
    seen, total = 0, 0.0
    for place, hit in enumerate(relevant, 1):
        if hit:
            seen += 1
            total += seen / place
    return total / seen if seen else 0.0


PLUG = ContextPrecision()
