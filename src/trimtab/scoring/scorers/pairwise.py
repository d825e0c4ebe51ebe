"""A model says which of two answers is better, asked twice with the answers' places exchanged: a judge that prefers a
place rather than an answer contradicts itself, and its contradiction is no preference."""

import asyncio
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from trimtab.scoring.asking import ModelOptions, Question, Reply, added, ask, blocks_of
from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict

Place = Literal["first", "second", "tie"]
SHOWN: Final = ("system", "input", "context", "expected")
DEFAULT: Final = "Which of the two is the more helpful, correct and honest answer to the input?"
_TURNED: Final[dict[Place, Place]] = {"first": "second", "second": "first", "tie": "tie"}


class Options(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``disagreement``: what it is where the judge contradicts itself after the swap, a tie or no judgement."""

    criteria: Annotated[str, Meta(min_length=1, max_length=20_000)] = DEFAULT
    show: tuple[str, ...] = SHOWN
    disagreement: Literal["tie", "cannot_score"] = "tie"

    def __post_init__(self) -> None:
        if unknown := [name for name in self.show if name not in SHOWN]:
            raise ValueError(f"`show` knows {', '.join(SHOWN)}, not {unknown[0]!r}")


class Said(Struct, frozen=True, kw_only=True):
    better: Place | None
    reason: str = ""


class Pairwise:
    name: Final = "pairwise"
    version: Final = "1"
    about: Final = "A model says whether the answer is better than another one, asked in both orders."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "llm"
    needs: Final = ("output", "other")
    options: Final = Options

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        """1: the answer is better than the other; 0: worse; 0.5: a tie."""
        output, other = sample.output or "", sample.other or ""
        if output == other:
            return Scored(value=0.5, label="tie", explanation="The two answers are the same.")
        one, two = await asyncio.gather(
            ask(tools, options, _question(sample, options, output, other), Said),
            ask(tools, options, _question(sample, options, other, output), Said),
        )
        failed = _failed(one, two)
        if failed is not None:
            return failed
        assert isinstance(one, Reply)
        assert isinstance(two, Reply)
        return _joined(one, two, options)


def _failed(one: Reply[Said] | CannotScore, two: Reply[Said] | CannotScore) -> CannotScore | None:
    cost = added(one.cost, two.cost)
    for reply in (one, two):
        if isinstance(reply, CannotScore):
            return CannotScore(reason=reply.reason, retry=reply.retry, cost=cost)
        if reply.verdict.better is None:
            return CannotScore(reason=f"The judge could not compare: {reply.verdict.reason}", cost=cost)
    return None


def _joined(one: Reply[Said], two: Reply[Said], options: Options) -> Verdict:
    assert one.verdict.better is not None
    assert two.verdict.better is not None
    straight, swapped = one.verdict.better, _TURNED[two.verdict.better]
    cost, agrees = added(one.cost, two.cost), straight == swapped
    if not agrees and options.disagreement == "cannot_score":
        return CannotScore(
            reason=f"The judge {options.model} contradicts itself when the answers change places.", cost=cost
        )
    found: Place = straight if agrees else "tie"
    return Scored(
        value={"first": 1.0, "second": 0.0, "tie": 0.5}[found],
        label={"first": "better", "second": "worse", "tie": "tie"}[found],
        explanation=one.verdict.reason if agrees else f"{one.verdict.reason}\n\nSwapped: {two.verdict.reason}",
        detail={
            "straight": straight, "swapped": swapped, "agrees": agrees, "model": options.model, "judge": "pairwise.1",
            "traces": [*one.traces, *two.traces],
        },
        cost=cost,
    )  # fmt: skip


def _question(sample: Sample, options: Options, first: str, second: str) -> Question:
    empty = "(the answer is empty)"
    return Question(
        task=f"Two systems answered the same input: FIRST and SECOND. Compare them by this: {options.criteria}\n\n"
        "Their order says nothing, and neither does their length. Call it a tie where neither is better.",
        blocks=(*blocks_of(sample, options.show), ("first", first or empty), ("second", second or empty)),
        schema={
            "type": "object",
            "properties": {
                "reason": {"type": "string"},
                "better": {"anyOf": [{"type": "string", "enum": ["first", "second", "tie"]}, {"type": "null"}]},
            },
            "required": ["reason", "better"],
            "additionalProperties": False,
        },
        shape='{"reason": "why, in two or three sentences", "better": "first" or "second" or "tie"}',
    )


PLUG = Pairwise()
