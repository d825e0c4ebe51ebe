"""Personal data: told by checksums, shapes and the words around them; taken out, hashed, or replaced by tokens that are
put back into the answer."""

import re
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from trimtab.core.errors import InvalidRequest
from trimtab.guard.detect import personal
from trimtab.guard.detect.people import People
from trimtab.guard.types import Action, CannotTell, Finding, Look, Needs, Stage, Subject, Tools

Redaction = Literal["redact", "hash", "tokenise"]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``kinds`` to look for (all but ``location``, if none is named) and ``except_kinds``. ``locales``: countries whose
    numbers are looked for (``us``, ``gb``, ...); all, if none is named. ``mode``: what the action ``redact`` puts in
    their place: their kind (``[EMAIL]``), a stand-in that is the same for the same datum and cannot be undone, or one
    that is undone in the answer. ``names``: how names of people are found: by the words around them, or besides by the
    spaCy model of that name, which finds ``location``, too."""

    kinds: tuple[str, ...] = ()
    except_kinds: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    mode: Redaction = "redact"
    names: Annotated[str, Meta(pattern=r"^(cues|[a-z]{2,3}_[a-z0-9_]{3,60})$")] = "cues"


class Ready(Struct, frozen=True):
    kinds: frozenset[str]
    mode: Redaction
    people: People | None


class PiiGuard:
    name: Final = "pii"
    version: Final = "1"
    about: Final = "Personal data: taken out, hashed, or replaced by tokens that are put back into the answer."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_arguments", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = 256
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Ready:
        known = (*personal.KINDS, "location")
        for name, values, allowed in (
            ("kinds", options.kinds, known),
            ("except_kinds", options.except_kinds, known),
            ("locales", options.locales, tuple(personal.LOCALES)),
        ):
            if wrong := [value for value in values if value not in allowed]:
                raise InvalidRequest(
                    f"`{name}` knows no {wrong[0][:40]!r}.", fix=f"There are: {', '.join(allowed)}.", param="options"
                )
        kinds = set(options.kinds or personal.KINDS)
        if options.locales:
            kinds -= {
                kind for pack, kinds_ in personal.LOCALES.items() if pack not in options.locales for kind in kinds_
            }
        people = None if options.names == "cues" else People(options.names)
        if "location" in kinds and people is None:
            raise InvalidRequest("Places are found by a model only.", fix="Name one in 'names'.", param="options")
        if not (kinds := kinds - set(options.except_kinds)):
            raise InvalidRequest("These options leave nothing to look for.", fix="Name 'kinds'.", param="options")
        return Ready(frozenset(kinds), options.mode, people)

    def look(self, subject: Subject, ready: Ready, tools: Tools) -> Look | CannotTell:
        """The surest one's score; ``reason`` counts kinds."""
        if ready.mode != "redact" and tools.pseudonym is None:
            return CannotTell(reason="There is no key to make stand-ins with: set 'mode' to redact.")
        findings: list[Finding] = []
        for at, piece in enumerate(subject.pieces):
            for seen in found_in(piece.text, ready):
                instead = None
                if ready.mode != "redact" and tools.pseudonym is not None:
                    instead = token(seen.kind, piece.text[seen.start : seen.end], ready.mode, tools)
                findings.append(
                    Finding(
                        piece=at, start=seen.start, end=seen.end, kind=seen.kind, score=seen.score, instead=instead,
                        restore=ready.mode == "tokenise",
                    )
                )  # fmt: skip
        if not findings:
            return Look()
        kinds = ", ".join(sorted({each.kind for each in findings}))
        return Look(
            score=max(each.score for each in findings),
            reason=f"There is personal data in it ({kinds}).",
            findings=tuple(findings),
        )


def found_in(text: str, ready: Ready) -> list[personal.Seen]:
    found = personal.find(text, ready.kinds)
    if ready.people is None:
        return found
    return personal.apart([*found, *(each for each in ready.people.find(text) if each.kind in ready.kinds)])


def token(kind: str, text: str, mode: Redaction, tools: Tools) -> str:
    """``[EMAIL_7k3fd2]`` to be undone, ``[EMAIL#7k3fd2]`` not to be. The same for the same datum however it is written,
    and nobody who does not know the key can make one up."""
    assert tools.pseudonym is not None
    plain = text.lower() if kind in ("email", "ip") else re.sub(r"[\W_]", "", text).lower()
    made = re.sub(r"[^a-z0-9]", "", tools.pseudonym(kind, plain).lower().rpartition("_")[2])[:8]
    return f"[{kind.upper()}{'_' if mode == 'tokenise' else '#'}{made}]"


PLUG = PiiGuard()
