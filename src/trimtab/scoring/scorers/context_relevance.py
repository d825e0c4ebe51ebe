"""Which share of the given context is about the question, by a small head over the local embedder."""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from trimtab.scoring.heads import Head, HeadFile
from trimtab.scoring.sentences import MOST_TEXT
from trimtab.scoring.support import relevance
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict

MOST: Final = 200
"""Texts of context that are weighed."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``threshold``: the chance from which on a text counts as relevant."""

    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.5


class ContextRelevance:
    name: Final = "context_relevance"
    version: Final = "1"
    about: Final = "The share of the given texts that are about the input; no model is asked."
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
        detail: dict[str, Any] = {"chances": [round(chance, 4) for chance in chances], "head": self._head.get().version}
        return Scored(value=sum(relevant) / len(relevant), detail=detail)


async def chances_of(
    name: str, asked: str, texts: tuple[str, ...], head: Head, tools: Tools
) -> list[float] | CannotScore:
    """How likely each text is about what was asked."""
    if tools.embed is None:
        return CannotScore(reason=f"{name} needs the local embedder: pip install 'trimtab[embed]'.")
    if len(texts) > MOST:
        return CannotScore(reason=f"{name} weighs up to {MOST} texts, and there are {len(texts)}.")
    if len(asked) + sum(len(text) for text in texts) > MOST_TEXT:
        return CannotScore(reason=f"{name} reads up to {MOST_TEXT:,} characters, and there are more.")
    vectors = await tools.embed([asked, *texts])
    near: list[float] = (vectors[1:] @ vectors[0]).tolist()
    return [head.chance(relevance(asked, text, cosine)) for text, cosine in zip(texts, near, strict=True)]


PLUG = ContextRelevance()
