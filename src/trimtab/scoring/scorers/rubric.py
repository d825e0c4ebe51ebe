"""A model judges the answer by criteria in words, on a scale whose steps can be described."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from trimtab.scoring.asking import ModelOptions, Question, ask, blocks_of
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict

SHOWN: Final = ("system", "input", "context", "expected", "output")


class Example(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer that people have judged, to show the judge where the steps lie."""

    output: str
    score: int
    input: str = ""
    reason: str = ""


class Options(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``criteria`` say what a good answer is. ``scale`` is the best score (the worst is 1); 2 asks for no or yes.
    ``levels`` describe scores by number. ``pass_at``: from this score on the value is 1, below it 0; without it the
    value is the score's place on the scale, in [0, 1]. ``show`` is what the judge gets to see of a case. ``prompt``
    replaces our words around the criteria; ``{{input}}``, ``{{output}}``, ``{{expected}}``, ``{{context}}`` and
    ``{{system}}`` in it stand for the fenced texts."""

    criteria: Annotated[str, Meta(min_length=1, max_length=20_000)]
    scale: Annotated[int, Meta(ge=2, le=10)] = 5
    levels: dict[str, str] = {}
    pass_at: int | None = None
    show: tuple[str, ...] = SHOWN
    examples: tuple[Example, ...] = ()
    prompt: Annotated[str, Meta(max_length=50_000)] = ""

    def __post_init__(self) -> None:
        if unknown := [name for name in self.show if name not in SHOWN]:
            raise ValueError(f"`show` knows {', '.join(SHOWN)}, not {unknown[0]!r}")
        steps = {str(step) for step in range(1, self.scale + 1)}
        if wrong := [level for level in self.levels if level not in steps]:
            raise ValueError(f"`levels` describes {wrong[0]!r}, which is no step from 1 to {self.scale}")
        if self.pass_at is not None and not 1 < self.pass_at <= self.scale:
            raise ValueError(f"`pass_at` must be within 2 and {self.scale}")
        if any(not 1 <= example.score <= self.scale for example in self.examples):
            raise ValueError(f"an example's score is not within 1 and {self.scale}")


class Said(Struct, frozen=True, kw_only=True):
    """A judge's verdict. Null: it could not judge."""

    score: int | None
    reason: str = ""


class Rubric:
    name: Final = "rubric"
    version: Final = "1"
    about: Final = "A model judges the answer by your criteria, on a scale."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "llm"
    needs: Final = ("output",)
    options: Final = Options

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        reply = await ask(tools, options, question_of(sample, options), Said, within(options.scale))
        if isinstance(reply, CannotScore):
            return reply
        said = reply.verdict
        if said.score is None:
            return CannotScore(reason=f"The judge {options.model} {could_not(said)}", cost=reply.cost)
        detail = {
            "score": said.score, "scale": options.scale, "model": options.model, "judge": f"{self.name}.{self.version}",
            "traces": list(reply.traces),
        }  # fmt: skip
        return Scored(value=value_of(said.score, options), explanation=said.reason, detail=detail, cost=reply.cost)


def value_of(score: int, options: Options) -> float:
    if options.pass_at is not None:
        return float(score >= options.pass_at)
    return (score - 1) / (options.scale - 1)


def could_not(said: Said) -> str:
    return f"could not judge this: {said.reason or 'it gave no reason.'}"


def within(scale: int) -> Callable[[Said], str]:
    """Says what is wrong with a score that is none."""

    def check(said: Said) -> str:
        if said.score is not None and not 1 <= said.score <= scale:
            return f"{said.score} is no score from 1 to {scale}."
        return ""

    return check


def question_of(sample: Sample, options: Options) -> Question:
    return Question(
        task=_task(options),
        blocks=blocks_of(sample, options.show),
        schema={
            "type": "object",
            "properties": {
                "reason": {"type": "string"},
                "score": {"anyOf": [{"type": "integer", "enum": list(range(1, options.scale + 1))}, {"type": "null"}]},
            },
            "required": ["reason", "score"],
            "additionalProperties": False,
        },
        shape=f'{{"reason": "why, in two or three sentences", "score": a whole number from 1 to {options.scale}}}',
    )


def _task(options: Options) -> str:
    parts: list[str] = []
    if options.prompt:
        parts += [options.prompt, f"Criteria: {options.criteria}"]
    else:
        parts += ["Judge the OUTPUT, the system's answer, by these criteria:", options.criteria]
    parts.append(_scale(options))
    parts += [_example(example) for example in options.examples]
    return "\n\n".join(parts)


def _scale(options: Options) -> str:
    if options.scale == 2 and not options.levels:
        return "Score 2 if the criteria are met, and 1 if they are not."
    lines = [f"Score from 1 (worst) to {options.scale} (best)."]
    lines += [f"{step}: {text}" for step, text in sorted(options.levels.items(), key=lambda level: int(level[0]))]
    return "\n".join(lines)


def _example(example: Example) -> str:
    told: dict[str, Any] = {"score": example.score, "reason": example.reason}
    asked = f"\nInput: {example.input}" if example.input else ""
    return f"An example, judged by people:{asked}\nOutput: {example.output}\nVerdict: {told}"


PLUG = Rubric()
