"""Attempts to talk a model out of its instructions: by a user, and hidden in what it reads.

What hides a text is undone first (invisible characters, look-alikes, letters set apart, Base64, hex, ROT13, URLs and
more). Then turns of phrase, and two light classifiers, sentence by sentence: one for texts of users, one for texts that
are found or given back by tools, where any order to a model is out of place.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from trimtab.guard.detect import plain, scan
from trimtab.guard.detect.head import HeadFile
from trimtab.guard.types import Action, CannotTell, Finding, Look, Needs, Notes, Piece, Stage, Subject, Tools
from trimtab.scoring.texts import squeezed

FAMILIES: Final = frozenset(
    (
        "override", "extraction", "fake_turn", "payload", "to_the_model", "exfiltration", "tool_call", "secrecy",
        "before_task", "role",
    )
)  # fmt: skip
DOCUMENTS: Final[tuple[Stage, ...]] = ("retrieved", "tool_result")
MOST: Final = 200_000
"""Characters of all texts of one look."""
Canary = Annotated[str, Meta(min_length=6, max_length=200)]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``canaries``: texts that stand in the system prompt or in documents and nowhere else; what names one knows what
    it must not. ``classifier`` and ``decode`` may be switched off; rules always look."""

    canaries: Annotated[tuple[Canary, ...], Meta(max_length=100)] = ()
    classifier: bool = True
    decode: bool = True


class InjectionGuard:
    name: Final = "injection"
    version: Final = "2"
    about: Final = "Prompt injection: by a user, and hidden in what a model reads."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_arguments", "tool_result")
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = None
    seam: Final = " "
    options: Final = Options

    def __init__(self) -> None:
        self._direct = HeadFile("injection_direct")
        self._indirect = HeadFile("injection_indirect")

    def made(self, options: Options) -> Options:
        return options

    def look(self, subject: Subject, ready: Options, tools: Tools) -> Look | CannotTell:
        """The surest sentence's score. Findings are sentences, so that `redact` takes the order out and leaves the
        document; what stood encoded is found as the whole run."""
        if sum(len(piece.text) for piece in subject.pieces) > MOST:
            return CannotTell(reason=f"injection reads texts of up to {MOST:,} characters.")
        findings = [
            each for at, piece in enumerate(subject.pieces) for each in self.found(at, piece, ready, tools.notes)
        ]
        worst = max(findings, key=lambda each: each.score, default=None)
        if worst is None:
            return Look()
        where = (
            "A text that the model reads gives it orders"
            if subject.pieces[worst.piece].stage in DOCUMENTS
            else ("The text tries to talk the model out of its instructions")
        )
        return Look(
            score=worst.score, label=worst.kind, reason=f"{where} ({worst.kind.replace('_', ' ')}).",
            findings=tuple(findings),
        )  # fmt: skip

    def found(self, at: int, piece: Piece, ready: Options, notes: Notes | None = None) -> list[Finding]:
        """What reads as an attack in one piece with more than hardly a chance; ``kind`` is the family."""
        squeezed_text = squeezed(piece.text) if ready.canaries else ""
        found = [
            _whole(at, piece.text, "canary", 1.0) for canary in ready.canaries if squeezed(canary) in squeezed_text
        ]
        if plain.hidden(piece.text) >= 12:
            found.append(_whole(at, piece.text, "invisible", 0.95))
        document = piece.stage in DOCUMENTS
        for reading in scan.readings(piece.text, decode=ready.decode, notes=notes):
            for hit in self._hits(scan.read(reading.text, shape=document, notes=notes), ready, document=document):
                same = not reading.how and reading.text == piece.text
                kind = f"hidden_{hit.by}" if reading.how else hit.by
                start, end = (hit.start, hit.end) if same else (reading.start, reading.end)
                text = piece.text[start:end]
                if not same and not reading.how:
                    start, end, text = 0, len(piece.text), piece.text
                end = start + len(text.rstrip()) if text.strip() else min(end, len(piece.text))
                if start < end <= len(piece.text):
                    found.append(Finding(piece=at, start=start, end=end, kind=kind, score=hit.score, instead=REMOVED))
        return found

    def _hits(self, read: scan.Read, ready: Options, *, document: bool) -> list[scan.Hit]:
        """Of rules of these families, and of the classifiers where they say more than a tenth."""
        hits = [
            scan.Hit(each.start, each.end, tell.score, tell.family)
            for each, met in zip(read.sentences, read.met, strict=True)
            for tell, _ in met
            if tell.family in FAMILIES
        ]
        if ready.classifier:
            heads = (self._direct, self._indirect) if document else (self._direct,)
            hits += [hit for head in heads for hit in scan.chances(read, head.get(), LEAST)]
        return hits


LEAST: Final = 0.1
REMOVED: Final = "[removed]"


def _whole(at: int, text: str, kind: str, score: float) -> Finding:
    return Finding(piece=at, start=0, end=len(text), kind=kind, score=score, instead=REMOVED)


PLUG = InjectionGuard()
