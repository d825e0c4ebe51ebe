"""Texts that are too long or too short, counted in characters, words or lines."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from trimtab.core.errors import InvalidRequest
from trimtab.guard.types import Action, Finding, Look, Needs, Stage, Subject, Tools

Unit = Literal["characters", "words", "lines"]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``at_most`` and ``at_least`` of ``unit``, for each text on its own; one of them has to be given."""

    unit: Unit = "characters"
    at_most: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None
    at_least: Annotated[int, Meta(ge=0, le=100_000_000)] | None = None


class LengthGuard:
    name: Final = "length"
    version: Final = "1"
    about: Final = "Texts that are longer or shorter than allowed."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_arguments", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = None
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Options:
        if options.at_most is None and options.at_least is None:
            raise InvalidRequest(
                "The guard length has nothing to hold texts to.", fix="Give 'at_most' or 'at_least'.", param="options"
            )
        if options.at_most is not None and (options.at_least or 0) > options.at_most:
            raise InvalidRequest(
                "No text is as long as 'at_least' and no longer than 'at_most'.",
                fix="Make 'at_most' the larger one.",
                param="options",
            )
        return options

    def look(self, subject: Subject, ready: Options, tools: Tools) -> Look:
        del tools
        reasons: list[str] = []
        findings: list[Finding] = []
        for at, piece in enumerate(subject.pieces):
            long = measured(piece.text, ready.unit)
            if ready.at_most is not None and long > ready.at_most:
                reasons.append(f"A text has {long:,} {ready.unit}, and {ready.at_most:,} are allowed.")
                cut = place_of(piece.text, ready.unit, ready.at_most)
                findings.append(Finding(piece=at, start=cut, end=len(piece.text), kind="too_long", instead=""))
            elif ready.at_least is not None and long < ready.at_least and subject.whole:
                reasons.append(f"A text has {long:,} {ready.unit}, and {ready.at_least:,} are asked for.")
        return Look(score=1.0, reason=reasons[0], findings=tuple(findings)) if reasons else Look()


def measured(text: str, unit: Unit) -> int:
    if unit == "characters":
        return len(text)
    return len(text.split()) if unit == "words" else len(text.splitlines())


def place_of(text: str, unit: Unit, most: int) -> int:
    """The character behind the last one allowed."""
    if unit == "characters":
        return most
    if unit == "lines":
        return sum(len(line) for line in text.splitlines(keepends=True)[:most])
    place = 0
    for word in text.split()[:most]:
        place = text.index(word, place) + len(word)
    return place


PLUG = LengthGuard()
