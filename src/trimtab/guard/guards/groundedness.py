"""Sentences of an answer that the given texts do not support, by the head `groundedness` of the scorers."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from trimtab.guard.types import Action, CannotTell, Finding, Look, Needs, Stage, Subject, Tools
from trimtab.scoring import types as scoring
from trimtab.scoring.heads import HeadFile
from trimtab.scoring.scorers.groundedness import supported
from trimtab.scoring.sentences import MOST_TEXT
from trimtab.scoring.support import claims_of


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``value``: the score is the share of unsupported sentences, or how little the weakest one is supported.
    ``supported_from``: the chance from which on a sentence counts as supported. ``without_context``: what to say where
    a call has no texts to rest on."""

    value: Literal["share", "weakest"] = "share"
    supported_from: Annotated[float, Meta(gt=0, lt=1)] = 0.5
    without_context: Literal["cannot_tell", "pass"] = "cannot_tell"


class GroundednessGuard:
    name: Final = "groundedness"
    version: Final = "1"
    about: Final = "Sentences of an answer that the given texts do not support; no model is asked."
    needs: Final[Needs] = "embed"
    stages: Final[tuple[Stage, ...]] = ("output",)
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = None
    seam: Final = None
    options: Final = Options

    def __init__(self) -> None:
        self._head = HeadFile("groundedness")

    def made(self, options: Options) -> Options:
        return options

    async def look(self, subject: Subject, ready: Options, tools: Tools) -> Look | CannotTell:
        if not any(text.strip() for text in subject.context):
            if ready.without_context == "pass":
                return Look()
            return CannotTell(reason="The call has no texts that the answer could rest on.")
        worst = Look()
        for at, piece in enumerate(subject.pieces):
            found = await self._piece(at, piece.text, subject, ready, tools)
            if isinstance(found, CannotTell):
                return found
            worst = Look(
                score=max(worst.score, found.score),
                reason=worst.reason or found.reason,
                findings=worst.findings + found.findings,
            )
        return worst

    async def _piece(self, at: int, text: str, subject: Subject, ready: Options, tools: Tools) -> Look | CannotTell:
        if len(text) > MOST_TEXT:
            return CannotTell(reason=f"groundedness reads answers of up to {MOST_TEXT:,} characters.")
        claims = claims_of(text)
        if not claims:
            return Look()
        sample = scoring.Sample(output=text, input=subject.question, context=subject.context)
        found = await supported(self.name, claims, sample, self._head, scoring.Tools(embed=tools.embed))
        if isinstance(found, scoring.CannotScore):
            return CannotTell(reason=found.reason)
        weak = [claim for claim in found if claim.chance < ready.supported_from]
        score = len(weak) / len(found) if ready.value == "share" else 1 - min(claim.chance for claim in found)
        return Look(
            score=score,
            reason=f"{len(weak)} of {len(found)} sentences are not supported." if weak else "",
            findings=tuple(_finding(at, text, claim.text, 1 - claim.chance) for claim in weak if claim.text in text),
        )


def _finding(at: int, text: str, claim: str, score: float) -> Finding:
    start = text.index(claim)
    return Finding(piece=at, start=start, end=start + len(claim), kind="unsupported", score=score)


PLUG = GroundednessGuard()
