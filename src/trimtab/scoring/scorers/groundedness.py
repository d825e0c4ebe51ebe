"""Which share of the answer's claims rests on the given context: a baseline without any model call, by words, names,
numbers, negation and meaning. It sees what was made up better than it understands a free paraphrase: the figures are in
docs/classifiers.md. Where that is not enough, let a model judge with `rubric`."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from trimtab.scoring.heads import HeadFile
from trimtab.scoring.sentences import MOST_TEXT
from trimtab.scoring.support import MOST_CLAIMS, MOST_PASSAGES, Claim, Grounds, claims_of, weigh
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``value``: the share of claims that are supported, or the chance of the weakest one. ``threshold``: the chance
    from which on a claim counts as supported."""

    value: Literal["share", "weakest"] = "share"
    threshold: Annotated[float, Meta(gt=0, lt=1)] = 0.5


class Groundedness:
    name: Final = "groundedness"
    version: Final = "1"
    about: Final = "The share of the answer's sentences that the given context supports; no model is asked."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "code"
    needs: Final = ("output", "context")
    options: Final = Options

    def __init__(self) -> None:
        self._head = HeadFile("groundedness")

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        if len(sample.output or "") > MOST_TEXT:
            return CannotScore(reason=f"groundedness reads answers of up to {MOST_TEXT:,} characters.")
        claims = claims_of(sample.output or "")
        if not claims:
            return CannotScore(reason="groundedness found no claim in the answer.")
        found = await supported(self.name, claims, sample, self._head, tools)
        if isinstance(found, CannotScore):
            return found
        return told(found, options.value, options.threshold, self._head.get().version)


async def supported(
    name: str, claims: list[str], sample: Sample, head: HeadFile, tools: Tools
) -> list[Claim] | CannotScore:
    """The claims with their chances, or why they cannot be weighed."""
    if tools.embed is None:
        return CannotScore(reason=f"{name} needs the local embedder: pip install 'trimtab[embed]'.")
    if len(claims) > MOST_CLAIMS:
        return CannotScore(reason=f"{name} weighs up to {MOST_CLAIMS} claims, and there are {len(claims)}.")
    if sum(len(text) for text in sample.context or ()) > MOST_TEXT:
        return CannotScore(reason=f"{name} reads up to {MOST_TEXT:,} characters of context, and there are more.")
    grounds = Grounds(sample.context or ())
    if not grounds.passages:
        return CannotScore(reason=f"{name} found no sentence in the context.")
    if grounds.cut:
        return CannotScore(reason=f"{name} reads up to {MOST_PASSAGES} sentences of context, and there are more.")
    return await weigh(claims, sample.input, sample.context or (), head.get(), tools.embed)


def told(claims: list[Claim], value: str, threshold: float, version: str) -> Scored:
    """The value, and every claim with what speaks for and against it."""
    missing = [claim for claim in claims if claim.chance < threshold]
    listed: list[dict[str, Any]] = [
        {
            "claim": claim.text, "supported": claim.chance >= threshold, "chance": round(claim.chance, 4),
            "nearest": claim.best, "numbers_missing": list(claim.numbers_missing),
            "names_missing": list(claim.names_missing),
        }
        for claim in claims
    ]  # fmt: skip
    explanation = "" if not missing else f"Not supported: {missing[0].text}"
    if len(missing) > 1:
        explanation += f" (and {len(missing) - 1} more)"
    share = 1 - len(missing) / len(claims)
    return Scored(
        value=share if value == "share" else min(claim.chance for claim in claims),
        explanation=explanation,
        detail={"claims": listed, "head": version},
    )


PLUG = Groundedness()
