"""Names that are not to be said, competitors' above all: found as words, whatever their case, accents and endings."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from trimtab.guard.detect.terms import Terms, any_of, places
from trimtab.guard.types import Action, Finding, Look, Needs, Stage, Subject, Tools

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``names`` may have several words. ``except_phrases``: where a name is part of one of these, it is not meant
    (``apple pie``). ``exact_case``: only as it is written here."""

    names: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=2_000)]
    except_phrases: Annotated[tuple[Name, ...], Meta(max_length=2_000)] = ()
    exact_case: bool = False


class CompetitorsGuard:
    name: Final = "competitors"
    version: Final = "1"
    about: Final = "Names that are not to be said, such as competitors'."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_arguments", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = 256
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Terms:
        phrases = any_of(options.except_phrases, options.exact_case) if options.except_phrases else None
        return Terms(any_of(options.names, options.exact_case), phrases)

    def look(self, subject: Subject, ready: Terms, tools: Tools) -> Look:
        del tools
        findings = [
            Finding(piece=at, start=start, end=end, kind="name")
            for at, piece in enumerate(subject.pieces)
            for start, end in places(piece.text, ready)
        ]
        if not findings:
            return Look()
        return Look(score=1.0, reason=f"A name on the list is said {len(findings)} times.", findings=tuple(findings))


PLUG = CompetitorsGuard()
