"""Answers and tool arguments that give the system prompt away: as it stands, backwards, spaced out, in Base64, in
ROT13; or that hold a canary put into it."""

from typing import Any, Final

from trimtab.guard.types import Action, CannotTell, Look, Needs, Stage, Subject, Tools
from trimtab.scoring.scorers import prompt_leak
from trimtab.scoring.types import CannotScore, Sample

Options = prompt_leak.Options
MOST: Final = 100_000


class PromptLeakGuard:
    name: Final = "prompt_leak"
    version: Final = "1"
    about: Final = "The system prompt, or a canary put into it, in what a model says or tells a tool."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("tool_arguments", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "block", "escalate")
    threshold: Final = 0.5
    window: Final = 1_500
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Options:
        return options

    def look(self, subject: Subject, ready: Options, tools: Tools) -> Look | CannotTell:
        """A part of a stream shows rows of words and canaries; the share of scattered ones only a whole answer."""
        del tools
        if not subject.system.strip() and not ready.canaries:
            return Look()
        worst = Look()
        for piece in subject.pieces:
            if len(piece.text) > MOST:
                return CannotTell(reason=f"prompt_leak reads texts of up to {MOST:,} characters.")
            sample = Sample(output=piece.text, system=subject.system, input=subject.question)
            said = prompt_leak.PLUG.judge(sample, ready)
            if isinstance(said, CannotScore):
                return CannotTell(reason=said.reason)
            if said.label == "leak":
                return Look(score=1.0, label="leak", reason=_reason(said.explanation))
            detail: Any = said.detail
            share = float(detail["share"]) if detail else 0.0
            worst = Look(score=max(worst.score, 0.5 * share / ready.share))
        return worst


def _reason(explanation: str) -> str:
    """Without the words of the prompt."""
    return explanation.partition(": ")[0].rstrip(".") + "."


PLUG = PromptLeakGuard()
