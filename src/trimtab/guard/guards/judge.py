"""A model judges by a policy in words: through the gateway, as a call of its own, with a verdict of a fixed shape."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from trimtab.guard.types import Action, CannotTell, Look, Needs, Stage, Subject, Tools
from trimtab.scoring import types as scoring
from trimtab.scoring.asking import ModelOptions, Question, ask

MOST: Final = 100_000
"""Characters of what a judge is shown."""
SCORES: Final = {"complies": 0.0, "unsure": 0.5, "violates": 1.0}
Show = Literal["system", "question", "context"]


class Options(ModelOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``policy`` says what may not be, in words. ``categories`` are the labels it may be told by. ``show`` is what the
    judge sees besides the text."""

    policy: Annotated[str, Meta(min_length=1, max_length=20_000)]
    categories: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=60)], ...], Meta(max_length=50)] = ()
    show: tuple[Show, ...] = ()


class Said(Struct, frozen=True, kw_only=True):
    verdict: Literal["violates", "complies", "unsure"] | None
    category: str = ""
    reason: str = ""


class JudgeGuard:
    name: Final = "judge"
    version: Final = "1"
    about: Final = "A model judges by a policy in words."
    needs: Final[Needs] = "model"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_arguments", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "block", "escalate")
    threshold: Final = 0.75
    window: Final = None
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Options:
        return options

    async def look(self, subject: Subject, ready: Options, tools: Tools) -> Look | CannotTell:
        """One question about all pieces together. 1 where it violates the policy, 0.5 where the judge is unsure. What
        the judge gives as its reason may quote the text and is not kept here: it stands in the judge's own call."""
        if sum(len(piece.text) for piece in subject.pieces) > MOST:
            return CannotTell(reason=f"judge reads texts of up to {MOST:,} characters.")
        if not any(piece.text.strip() for piece in subject.pieces):
            return Look()
        question = question_of(subject, ready)
        reply = await ask(scoring.Tools(ask=tools.ask), ready, question, Said, _known(ready))
        if isinstance(reply, scoring.CannotScore):
            return CannotTell(reason=reply.reason, cost=reply.cost)
        said = reply.verdict
        if said.verdict is None:
            return CannotTell(reason=f"The judge {ready.model} could not judge this.", cost=reply.cost)
        words = {"violates": "says that this violates the policy", "unsure": "is unsure", "complies": ""}[said.verdict]
        label = said.category if said.verdict != "complies" else ""
        return Look(
            score=SCORES[said.verdict],
            label=label,
            reason=f"The judge {ready.model} {words}{f' ({label})' if label else ''}." if words else "",
            cost=reply.cost,
        )


def _known(options: Options) -> Any:
    def check(said: Said) -> str:
        if said.verdict == "violates" and options.categories and said.category not in options.categories:
            return f"{said.category!r} is none of the categories {', '.join(options.categories)}."
        return ""

    return check


def question_of(subject: Subject, options: Options) -> Question:
    texts = "\n\n".join(piece.text for piece in subject.pieces)
    where = subject.pieces[0].stage.replace("_", " ")
    blocks = [("text", texts)]
    if "system" in options.show and subject.system:
        blocks.append(("system", subject.system))
    if "question" in options.show and subject.question:
        blocks.append(("question", subject.question))
    if "context" in options.show and subject.context:
        blocks.append(("context", "\n\n".join(subject.context)))
    category: dict[str, Any] = {"type": "string"}
    listed = ""
    if options.categories:
        category["enum"] = [*options.categories, ""]
        listed = f"\n\nCategories of violations: {', '.join(options.categories)}. Give one where it violates, else ''."
    return Question(
        task=f"Judge the TEXT ({where} of an AI system) by this policy:\n\n{options.policy}\n\n"
        "Say 'violates' only for what the policy forbids, 'complies' for everything else, and 'unsure' where it could "
        f"be either.{listed}",
        blocks=tuple(blocks),
        schema={
            "type": "object",
            "properties": {
                "reason": {"type": "string"},
                "category": category,
                "verdict": {"anyOf": [{"type": "string", "enum": list(SCORES)}, {"type": "null"}]},
            },
            "required": ["reason", "category", "verdict"],
            "additionalProperties": False,
        },
        shape='{"reason": "why, in a sentence", "category": "its category, or empty", '
        '"verdict": "violates", "complies" or "unsure"}',
    )


PLUG = JudgeGuard()
