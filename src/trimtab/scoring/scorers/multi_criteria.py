"""A model judges the answer by several criteria in one question; the value is their weighted mean."""

import math
from collections.abc import Callable
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from trimtab.scoring.asking import ModelOptions, Question, ask, blocks_of
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict

SHOWN: Final = ("system", "input", "context", "expected", "output")
MOST: Final = 20


class Options(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``criteria`` are names with what each asks for; ``weights`` default to 1. ``scale`` is the best score, the worst
    is 1. ``least``: where a criterion of that name scores lower, the whole is 0 (what no other merit makes up for)."""

    criteria: dict[str, str]
    weights: dict[str, float] = {}
    least: dict[str, int] = {}
    scale: Annotated[int, Meta(ge=2, le=10)] = 5
    show: tuple[str, ...] = SHOWN

    def __post_init__(self) -> None:
        if not 1 <= len(self.criteria) <= MOST:
            raise ValueError(f"`criteria` has 1 to {MOST} names")
        for name in (*self.weights, *self.least):
            if name not in self.criteria:
                raise ValueError(f"{name!r} is none of the criteria")
        if any(not (weight >= 0 and math.isfinite(weight)) for weight in self.weights.values()):
            raise ValueError("`weights` are numbers from 0")
        if not any(self.weights.get(name, 1.0) for name in self.criteria):
            raise ValueError("one of the `weights` must be above 0")
        if unknown := [name for name in self.show if name not in SHOWN]:
            raise ValueError(f"`show` knows {', '.join(SHOWN)}, not {unknown[0]!r}")


class One(Struct, frozen=True, kw_only=True):
    score: int | None
    reason: str = ""


class Said(Struct, frozen=True, kw_only=True):
    criteria: dict[str, One]


class MultiCriteria:
    name: Final = "multi_criteria"
    version: Final = "1"
    about: Final = "A model judges the answer by several criteria; the value is their weighted mean."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "llm"
    needs: Final = ("output",)
    options: Final = Options

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        reply = await ask(tools, options, _question(sample, options), Said, _whole(options))
        if isinstance(reply, CannotScore):
            return reply
        said = reply.verdict.criteria
        scores: dict[str, int] = {}
        for name in options.criteria:
            score = said[name].score
            if score is None:
                reason = f"The judge {options.model} could not judge {name!r}: {said[name].reason}"
                return CannotScore(reason=reason, cost=reply.cost)
            scores[name] = score
        value, missed = _value(scores, options)
        lines = [f"{name}: {scores[name]}/{options.scale}. {said[name].reason}".strip() for name in options.criteria]
        if missed:
            lines.insert(0, f"Below what {', '.join(missed)} must reach.")
        detail: dict[str, Any] = {
            "scores": scores, "scale": options.scale, "missed": missed, "model": options.model,
            "judge": f"{self.name}.{self.version}", "traces": list(reply.traces),
        }  # fmt: skip
        return Scored(value=value, explanation="\n".join(lines), detail=detail, cost=reply.cost)


def _whole(options: Options) -> Callable[[Said], str]:
    """Says which criterion was left out, or scored with what is no score."""

    def check(said: Said) -> str:
        for name in options.criteria:
            one = said.criteria.get(name)
            if one is None:
                return f"{name!r} is missing in `criteria`."
            if one.score is not None and not 1 <= one.score <= options.scale:
                return f"{one.score} of {name!r} is no score from 1 to {options.scale}."
        return ""

    return check


def _value(scores: dict[str, int], options: Options) -> tuple[float, list[str]]:
    missed = [name for name, least in options.least.items() if scores[name] < least]
    if missed:
        return 0.0, missed
    weights = {name: options.weights.get(name, 1.0) for name in scores}
    total = math.fsum(weights[name] * (score - 1) / (options.scale - 1) for name, score in scores.items())
    return min(1.0, total / math.fsum(weights.values())), []


def _question(sample: Sample, options: Options) -> Question:
    listed = "\n".join(f"- {name}: {text}" for name, text in options.criteria.items())
    score = {"anyOf": [{"type": "integer", "enum": list(range(1, options.scale + 1))}, {"type": "null"}]}
    one = {
        "type": "object",
        "properties": {"reason": {"type": "string"}, "score": score},
        "required": ["reason", "score"],
        "additionalProperties": False,
    }
    inside = ", ".join(
        f'"{name}": {{"reason": "why, in a sentence", "score": 1 to {options.scale}}}' for name in options.criteria
    )
    return Question(
        task="Judge the OUTPUT, the system's answer, by each of these criteria on its own: a flaw in one must not "
        f"lower another.\n\n{listed}\n\nScore each from 1 (worst) to {options.scale} (best).",
        blocks=blocks_of(sample, options.show),
        schema={
            "type": "object",
            "properties": {
                "criteria": {
                    "type": "object",
                    "properties": dict.fromkeys(options.criteria, one),
                    "required": list(options.criteria),
                    "additionalProperties": False,
                }
            },
            "required": ["criteria"],
            "additionalProperties": False,
        },
        shape=f'{{"criteria": {{{inside}}}}}',
    )


PLUG = MultiCriteria()
