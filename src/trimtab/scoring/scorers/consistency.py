"""How much answers agree: to the same question asked again, and to the question in other words.

The value is the mean over pairs of answers, which estimates how like two answers drawn at random are. Repeats and
paraphrases are told apart in the detail; the value is over all pairs with the sample's own answer among them.
"""

from itertools import combinations
from typing import Any, Final, Literal

from msgspec import Struct

from trimtab.scoring.alike import f_measure, shared
from trimtab.scoring.numbers import numbers
from trimtab.scoring.texts import plain, words
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict

MOST_ANSWERS: Final = 50
MOST: Final = 50_000


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``by`` what two answers agree: ``words`` (the F1 of their words), ``exact`` (the same text, without its case),
    ``number`` (the last number in them is the same), ``meaning`` (the cosine of their vectors, by the local embedder).
    ``over``: which other answers."""

    by: Literal["words", "exact", "number", "meaning"] = "words"
    over: Literal["repeats", "paraphrases", "both"] = "both"


class Consistency:
    name: Final = "consistency"
    version: Final = "1"
    about: Final = "How much answers to the same question, and to it in other words, agree."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "code"
    needs: Final = ("output",)
    options: Final = Options

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        repeats = sample.repeats if options.over != "paraphrases" else ()
        paraphrases = sample.paraphrases if options.over != "repeats" else ()
        answers = [sample.output or "", *repeats, *paraphrases]
        if len(answers) < 2:
            return CannotScore(reason="consistency needs other answers: repeats, paraphrases, or both.")
        if len(answers) > MOST_ANSWERS or any(len(text) > MOST for text in answers):
            return CannotScore(reason=f"consistency compares at most {MOST_ANSWERS} answers of {MOST:,} characters.")
        read = await _read(answers, options.by, tools)
        if isinstance(read, CannotScore):
            return read
        places = combinations(range(len(read)), 2)
        pairs = {(one, other): _agree(read[one], read[other], options.by) for one, other in places}
        ends = 1 + len(repeats)
        return Scored(
            value=_mean(list(pairs.values())),
            detail={
                "answers": len(answers),
                "repeats": _mean([worth for pair, worth in pairs.items() if max(pair) < ends]),
                "paraphrases": _mean([worth for pair, worth in pairs.items() if max(pair) >= ends > min(pair)]),
            },
        )


async def _read(answers: list[str], by: str, tools: Tools) -> Any:
    """What of each answer is compared; `CannotScore` where that cannot be had."""
    if by == "exact":
        return [" ".join(plain(text, ignore_case=True).split()) for text in answers]
    if by == "words":
        return [words(text) for text in answers]
    if by == "number":
        found = [numbers(text) for text in answers]
        return [each[-1].value if each else None for each in found]
    if tools.embed is None:
        return CannotScore(reason="consistency by meaning needs the local embedder, which is not here.")
    if not all(text.strip() for text in answers):
        return CannotScore(reason="An empty answer has no meaning to compare.")
    return list(await tools.embed(answers))


def _agree(one: Any, other: Any, by: str) -> float:
    if by == "words":
        return f_measure(shared(one, other), len(one), len(other)) if one or other else 1.0
    if by == "meaning":
        return min(1.0, max(0.0, float(one @ other)))
    return float(one == other)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


PLUG = Consistency()
