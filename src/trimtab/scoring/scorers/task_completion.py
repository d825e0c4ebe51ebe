"""A model judges whether the user's task was done, from the whole course of it: what was asked, which steps were taken,
and how it ended. What an answer says it did counts only where a step shows it."""

import json
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from trimtab.scoring.asking import ModelOptions, Question, ask, blocks_of
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict

MOST_STEPS: Final = 200
MOST_TEXT: Final = 2_000
"""Characters of a step's input and output each that the judge sees: enough to tell what it did."""
VALUES: Final = {"done": 1.0, "partly": 0.5, "not_done": 0.0}


class Options(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``task`` says what is to be done, where the input alone does not. ``partly`` is the value of a task that was done
    in part."""

    task: Annotated[str, Meta(max_length=20_000)] = ""
    partly: Annotated[float, Meta(ge=0, le=1)] = 0.5


class Said(Struct, frozen=True, kw_only=True):
    outcome: Literal["done", "partly", "not_done"] | None
    reason: str = ""
    missing: tuple[str, ...] = ()


class TaskCompletion:
    name: Final = "task_completion"
    version: Final = "1"
    about: Final = "A model judges whether the task was done, from the steps taken and the answer."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "llm"
    needs: Final = ("output",)
    options: Final = Options

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        if not (sample.input or sample.messages or options.task):
            return CannotScore(reason="task_completion needs input, or a task in its options.")
        reply = await ask(tools, options, _question(sample, options), Said)
        if isinstance(reply, CannotScore):
            return reply
        said = reply.verdict
        if said.outcome is None:
            return CannotScore(reason=f"The judge {options.model} could not judge this: {said.reason}", cost=reply.cost)
        detail: dict[str, Any] = {
            "missing": list(said.missing), "steps": len(sample.steps), "model": options.model,
            "judge": f"{self.name}.{self.version}", "traces": list(reply.traces),
        }  # fmt: skip
        value = options.partly if said.outcome == "partly" else VALUES[said.outcome]
        return Scored(value=value, label=said.outcome, explanation=said.reason, detail=detail, cost=reply.cost)


def _question(sample: Sample, options: Options) -> Question:
    rules = (
        "Judge whether the task was completed. Done: all that was asked is achieved. Partly: some of it. Not done: "
        "none of it, or something else. An answer's own claim to have done something counts only where a step shows it "
        "or where nothing but the answer was asked for. Asking back for something that is really needed is not done, "
        "and neither is a refusal."
    )
    task = f"{rules}\n\nThe task: {options.task}" if options.task else rules
    blocks = blocks_of(sample, ("system", "input", "expected", "output"))
    if sample.steps:
        blocks = (*blocks, ("steps", _steps(sample)))
    return Question(
        task=task,
        blocks=blocks,
        schema={
            "type": "object",
            "properties": {
                "reason": {"type": "string"},
                "missing": {"type": "array", "items": {"type": "string"}},
                "outcome": {"anyOf": [{"type": "string", "enum": list(VALUES)}, {"type": "null"}]},
            },
            "required": ["reason", "missing", "outcome"],
            "additionalProperties": False,
        },
        shape='{"reason": "why, in two or three sentences", "missing": ["what was not done"], '
        '"outcome": "done" or "partly" or "not_done"}',
    )


def _steps(sample: Sample) -> str:
    lines = [
        json.dumps(
            {
                "step": place, "kind": step.kind, "name": step.name, "input": step.input[:MOST_TEXT],
                "output": step.output[:MOST_TEXT], "error": step.error[:MOST_TEXT],
            },
            ensure_ascii=False,
        )
        for place, step in enumerate(sample.steps[:MOST_STEPS], 1)
    ]  # fmt: skip
    if len(sample.steps) > MOST_STEPS:
        lines.append(f"(and {len(sample.steps) - MOST_STEPS} more steps)")
    return "\n".join(lines)


PLUG = TaskCompletion()
