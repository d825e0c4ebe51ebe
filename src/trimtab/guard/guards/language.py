"""Texts in a language that is not among those allowed."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from trimtab.guard.types import Action, Look, Needs, Stage, Subject, Tools
from trimtab.scoring.language import language_of

Code = Annotated[str, Meta(pattern="^[a-z]{2}$")]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``allowed``: codes of ISO 639-1. ``least``: characters from which on a text is judged. A text whose language
    cannot be told (a few words, or a mixture) passes."""

    allowed: Annotated[tuple[Code, ...], Meta(min_length=1, max_length=100)]
    least: Annotated[int, Meta(ge=1)] = 20


class LanguageGuard:
    name: Final = "language"
    version: Final = "1"
    about: Final = "Texts in a language that is not allowed."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "block", "escalate")
    threshold: Final = 0.5
    window: Final = None
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Options:
        return options

    def look(self, subject: Subject, ready: Options, tools: Tools) -> Look:
        del tools
        for piece in subject.pieces:
            if len(piece.text) < ready.least:
                continue
            language = language_of(piece.text)
            if language and language not in ready.allowed:
                allowed = ", ".join(ready.allowed)
                return Look(score=1.0, label=language, reason=f"A text is in {language!r}; allowed: {allowed}.")
        return Look()


PLUG = LanguageGuard()
