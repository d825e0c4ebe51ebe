"""Several models judge the answer by the same rubric, each without knowing of the others; how far they agree is shown
beside what they say together."""

import asyncio
import statistics
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from trimtab.scoring.asking import added, ask
from trimtab.scoring.scorers.rubric import SHOWN, Example, Said, could_not, question_of, value_of, within
from trimtab.scoring.scorers.rubric import Options as RubricOptions
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``models`` are 2 to 9, best of different families: models prefer answers like their own. ``quorum``: so many of
    them must have judged. ``least_agreement``: where fewer than this share of their pairs are at most one step apart,
    there is no judgement. The rest is as with a rubric."""

    models: Annotated[tuple[str, ...], Meta(min_length=2, max_length=9)]
    criteria: Annotated[str, Meta(min_length=1, max_length=20_000)]
    scale: Annotated[int, Meta(ge=2, le=10)] = 5
    levels: dict[str, str] = {}
    pass_at: int | None = None
    show: tuple[str, ...] = SHOWN
    examples: tuple[Example, ...] = ()
    prompt: Annotated[str, Meta(max_length=50_000)] = ""
    combine: Literal["median", "mean"] = "median"
    quorum: Annotated[int, Meta(ge=1, le=9)] = 2
    least_agreement: Annotated[float, Meta(ge=0, le=1)] = 0.0
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = 0.0
    max_tokens: Annotated[int, Meta(ge=16, le=65_536)] = 1024

    def __post_init__(self) -> None:
        if self.quorum > len(self.models):
            raise ValueError(f"`quorum` is {self.quorum}, and there are {len(self.models)} models")
        if len(set(self.models)) < len(self.models):
            raise ValueError("a model stands twice in `models`")
        self.rubric(self.models[0])

    def rubric(self, model: str) -> RubricOptions:
        """The same question, put to one of the models."""
        shared = {name: getattr(self, name) for name in RubricOptions.__struct_fields__ if name != "model"}
        return RubricOptions(model=model, **shared)


class Panel:
    name: Final = "panel"
    version: Final = "1"
    about: Final = "Several models judge the answer by the same rubric; their agreement is shown."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "llm"
    needs: Final = ("output",)
    options: Final = Options

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        rubrics = [options.rubric(model) for model in options.models]
        replies = await asyncio.gather(
            *(ask(tools, one, question_of(sample, one), Said, within(one.scale)) for one in rubrics)
        )
        cost: int | None = 0
        scores: dict[str, int] = {}
        reasons: dict[str, str] = {}
        absent: dict[str, str] = {}
        retry = False
        for model, reply in zip(options.models, replies, strict=True):
            cost = added(cost, reply.cost)
            if isinstance(reply, CannotScore):
                absent[model], retry = reply.reason, retry or reply.retry
            elif reply.verdict.score is None:
                absent[model] = could_not(reply.verdict)
            else:
                scores[model], reasons[model] = reply.verdict.score, reply.verdict.reason
        agreement = agreement_of(list(scores.values()))
        if len(scores) < options.quorum:
            why = "; ".join(f"{model}: {reason}" for model, reason in absent.items())
            return CannotScore(reason=f"{len(scores)} of {options.quorum} judges judged. {why}", retry=retry, cost=cost)
        if agreement is not None and agreement < options.least_agreement:
            told = ", ".join(f"{model} {score}" for model, score in scores.items())
            return CannotScore(reason=f"The judges do not agree: {told} of {options.scale}.", cost=cost)
        detail: dict[str, Any] = {
            "scores": scores, "absent": absent, "agreement": agreement, "scale": options.scale,
            "judge": f"{self.name}.{self.version}",
        }  # fmt: skip
        return Scored(value=_value(scores, options), explanation=_told(scores, reasons), detail=detail, cost=cost)


def agreement_of(scores: list[int]) -> float | None:
    """The share of pairs at most one step apart; null for fewer than two."""
    pairs = [abs(one - two) <= 1 for place, one in enumerate(scores) for two in scores[place + 1 :]]
    return sum(pairs) / len(pairs) if pairs else None


def _value(scores: dict[str, int], options: Options) -> float:
    """The median (or mean) of the values; where there is a bar, of the votes for it: half for a draw."""
    one = options.rubric(options.models[0])
    values = [value_of(score, one) for score in scores.values()]
    return statistics.median(values) if options.combine == "median" else statistics.fmean(values)


def _told(scores: dict[str, int], reasons: dict[str, str]) -> str:
    return "\n\n".join(f"{model} ({score}): {reasons[model]}" for model, score in scores.items())


PLUG = Panel()
