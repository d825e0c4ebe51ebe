"""Attempts to make a model drop its manners: personas without rules, modes without filters, games in which refusing
loses. By turns of phrase and a light classifier over sentences, runs of sentences and the whole text."""

from typing import Final

from msgspec import Struct

from trimtab.guard.detect import scan
from trimtab.guard.detect.head import HeadFile
from trimtab.guard.types import Action, CannotTell, Finding, Look, Needs, Stage, Subject, Tools

FAMILIES: Final = frozenset(("persona", "refusal_suppression"))
MOST: Final = 200_000
LEAST: Final = 0.1
RULED: Final = 0.45
"""What a turn of phrase counts by itself: below the threshold, for people write of such personas, too. The classifier
knows of it besides."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``classifier`` and ``decode`` may be switched off; rules always look."""

    classifier: bool = True
    decode: bool = True


class JailbreakGuard:
    name: Final = "jailbreak"
    version: Final = "2"
    about: Final = "Jailbreaks: personas without rules, modes without filters, games against refusing."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_result")
    actions: Final[tuple[Action, ...]] = ("flag", "block", "escalate")
    threshold: Final = 0.5
    window: Final = None
    seam: Final = " "
    options: Final = Options

    def __init__(self) -> None:
        self._head = HeadFile("jailbreak")

    def made(self, options: Options) -> Options:
        return options

    def look(self, subject: Subject, ready: Options, tools: Tools) -> Look | CannotTell:
        """The surest window's score. A window may be the whole text, so findings only show where to look."""
        if sum(len(piece.text) for piece in subject.pieces) > MOST:
            return CannotTell(reason=f"jailbreak reads texts of up to {MOST:,} characters.")
        findings: list[Finding] = []
        for at, piece in enumerate(subject.pieces):
            for reading in scan.readings(piece.text, decode=ready.decode, notes=tools.notes):
                hit = self._worst(scan.read(reading.text, shape=False, notes=tools.notes), ready)
                if hit is not None and piece.text:
                    kind = f"hidden_{hit.by}" if reading.how else hit.by
                    findings.append(Finding(piece=at, start=0, end=len(piece.text), kind=kind, score=hit.score))
        if not findings:
            return Look()
        worst = max(findings, key=lambda each: each.score)
        return Look(
            score=worst.score,
            label=worst.kind,
            reason=f"The text reads like a jailbreak ({worst.kind.replace('_', ' ')}).",
            findings=tuple(findings),
        )

    def _worst(self, read: scan.Read, ready: Options) -> scan.Hit | None:
        hits = [
            scan.Hit(each.start, each.end, min(tell.score, RULED), tell.family)
            for each, met in zip(read.sentences, read.met, strict=True)
            for tell, _ in met
            if tell.family in FAMILIES
        ]
        if ready.classifier:
            hits += scan.chances(read, self._head.get(), LEAST)
        return max(hits, key=lambda hit: hit.score, default=None)


PLUG = JailbreakGuard()
