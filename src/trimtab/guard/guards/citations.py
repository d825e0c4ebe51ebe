"""Citations, quotations and links in an answer that lead into none of the texts it was given."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from trimtab.guard.types import Action, CannotTell, Look, Needs, Stage, Subject, Tools
from trimtab.scoring.rule import MOST
from trimtab.scoring.scorers import citation_check
from trimtab.scoring.types import CannotScore, Sample


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``quote_words``: from how many words on something in quotation marks is a quotation. ``links``: web addresses
    must stand in the context. ``required``: an answer that cites nothing is one to act on."""

    quote_words: Annotated[int, Meta(ge=2)] = 5
    links: bool = True
    required: bool = False


class CitationsGuard:
    name: Final = "citations"
    version: Final = "1"
    about: Final = "Citations, quotations and links that lead into none of the given texts."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("output",)
    actions: Final[tuple[Action, ...]] = ("flag", "block", "escalate")
    threshold: Final = 0.01
    """The score is the share of citations that lead nowhere: one of a hundred acts."""
    window: Final = None
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Options:
        return options

    def look(self, subject: Subject, ready: Options, tools: Tools) -> Look | CannotTell:
        del tools
        worst = Look()
        how = citation_check.Options(quote_words=ready.quote_words, links=ready.links)
        for piece in subject.pieces:
            if len(piece.text) > MOST:
                return CannotTell(reason=f"citations reads answers of up to {MOST:,} characters.")
            sample = Sample(output=piece.text, input=subject.question, context=subject.context)
            said = citation_check.PLUG.judge(sample, how)
            if isinstance(said, CannotScore):  # it cites nothing
                found = Look(score=1.0, reason="The answer cites nothing.") if ready.required else Look()
            else:
                missing = len(said.detail["wrong"])
                found = Look(
                    score=1 - (said.value or 0.0),
                    reason=f"{missing} of {missing + said.detail['right']} citations lead into no given text."
                    if missing
                    else "",
                )
            worst = max(worst, found, key=lambda look: look.score)
        return worst


PLUG = CitationsGuard()
