"""How likely the answer is about what was asked, by a small head over the local embedder. Whether it is right is
another question."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from trimtab.scoring.heads import HeadFile
from trimtab.scoring.scorers.context_relevance import chances_of
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``value``: the chance, or whether it is above ``threshold`` (1) or not (0)."""

    value: Literal["chance", "flag"] = "chance"
    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.5


class AnswerRelevance:
    name: Final = "answer_relevance"
    version: Final = "1"
    about: Final = "The chance that the answer is about the input; no model is asked."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "code"
    needs: Final = ("input", "output")
    options: Final = Options

    def __init__(self) -> None:
        self._head = HeadFile("answer_relevance")

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        answer = (sample.output or "").strip()
        if not answer:
            return CannotScore(reason="answer_relevance cannot read an empty answer.")
        chances = await chances_of(self.name, sample.input, (answer,), self._head.get(), tools)
        if isinstance(chances, CannotScore):
            return chances
        [chance] = chances
        detail: dict[str, Any] = {"chance": round(chance, 4), "head": self._head.get().version}
        value = float(chance >= options.threshold) if options.value == "flag" else chance
        return Scored(value=value, detail=detail)


PLUG = AnswerRelevance()
