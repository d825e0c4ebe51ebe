"""Hateful and abusive sentences, by the head `toxicity` of the scorers. What it is biased against is in
docs/classifiers.md: a reason to look, and no more."""

from typing import Final

from trimtab.guard.types import Action, CannotTell, Finding, Look, Needs, Stage, Subject, Tools
from trimtab.scoring import toxic
from trimtab.scoring.heads import EMBEDDER, HeadFile
from trimtab.scoring.rule import Nothing
from trimtab.scoring.sentences import MOST_TEXT, sentences

MOST: Final = 256
"""Sentences that are read."""


class ToxicityGuard:
    name: Final = "toxicity"
    version: Final = "1"
    about: Final = "Hateful and abusive sentences, by a small classifier; English."
    needs: Final[Needs] = "embed"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = 600
    seam: Final = None
    options: Final = Nothing

    def __init__(self) -> None:
        self._head = HeadFile("toxicity")

    def made(self, options: Nothing) -> Nothing:
        return options

    async def look(self, subject: Subject, ready: Nothing, tools: Tools) -> Look | CannotTell:
        """The worst sentence's chance; those above a half are findings."""
        del ready
        if tools.embed is None:
            return CannotTell(reason="toxicity needs the local embedder: pip install 'trimtab[embed]'.")
        if sum(len(piece.text) for piece in subject.pieces) > MOST_TEXT:
            return CannotTell(reason=f"toxicity reads texts of up to {MOST_TEXT:,} characters.")
        found = [(at, each) for at, piece in enumerate(subject.pieces) for each in sentences(piece.text)]
        if not found:
            return Look()
        if len(found) > MOST:
            return CannotTell(reason=f"toxicity reads up to {MOST} sentences, and there are {len(found)}.")
        head = self._head.get()
        vectors = await tools.embed([toxic.normal(sentence) for _, sentence in found])
        if vectors.shape[1] != head.dimension:
            return CannotTell(reason=f"toxicity was trained on {EMBEDDER}, and this embedder is another one.")
        worst, findings = 0.0, list[Finding]()
        for (at, sentence), row in zip(found, vectors.tolist(), strict=True):
            chance = head.chance(toxic.features(sentence), row)
            worst = max(worst, chance)
            start = subject.pieces[at].text.find(sentence)
            if chance >= head.threshold and start >= 0:
                findings.append(
                    Finding(piece=at, start=start, end=start + len(sentence), kind="toxic", score=round(chance, 4))
                )
        bad = len(findings)
        return Look(
            score=worst,
            reason=f"{bad} of {len(found)} sentences read as hateful or abusive." if bad else "",
            findings=tuple(findings),
        )


PLUG = ToxicityGuard()
