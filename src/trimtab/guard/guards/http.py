"""A guard service of your own or of somebody else's, asked by HTTP.

The wire format, version 1. Trimtab posts JSON:

    {"version": 1, "stage": "input", "texts": [{"text": "...", "role": "user", "tool": ""}],
     "whole": true, "system": "...", "question": "...", "context": ["..."]}

``system``, ``question`` and ``context`` are there where the option ``show`` names them; ``whole`` is false while more
of an answer is to come. The service answers 200 and

    {"score": 0.93, "label": "self_harm", "findings": [{"text": 0, "start": 4, "end": 9, "kind": "name", "score": 0.9}]}

``score`` from 0 (nothing) to 1; the rest may be left out, and other fields are ignored. ``start`` and ``end`` count
characters (Unicode code points) of ``texts[text]``. Whatever else it answers is a guard that could not tell.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from trimtab.guard.detect.outside import MOST, MOST_FINDINGS, NAMED, asked, word
from trimtab.guard.types import Action, CannotTell, Finding, Look, Needs, Stage, Subject, Tools

VERSION: Final = 1
Show = Literal["system", "question", "context"]


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``service`` is a guard service of the project by its name (`trimtab guards services`). ``show`` is what it is
    told besides the texts."""

    service: Annotated[str, Meta(pattern=f"^{NAMED}$")]
    show: tuple[Show, ...] = ()


class _Text(Struct, frozen=True):
    text: str
    role: str
    tool: str


class _Question(Struct, frozen=True, kw_only=True, omit_defaults=True):
    version: int = msgspec.field(name="version")
    stage: Stage
    texts: tuple[_Text, ...]
    whole: bool = msgspec.field(name="whole")
    system: str | None = None
    question: str | None = None
    context: tuple[str, ...] | None = None


class _Found(Struct, frozen=True, kw_only=True):
    text: Annotated[int, Meta(ge=0)] = 0
    start: int
    end: int
    kind: str = "finding"
    score: Annotated[float, Meta(ge=0, le=1)] = 1.0


class _Said(Struct, frozen=True, kw_only=True):
    score: Annotated[float, Meta(ge=0, le=1)]
    label: str = ""
    findings: Annotated[tuple[_Found, ...], Meta(max_length=MOST_FINDINGS)] = ()


_read: Final = msgspec.json.Decoder(_Said).decode


class HttpGuard:
    name: Final = "http"
    version: Final = "1"
    about: Final = "A guard service, asked by HTTP."
    needs: Final[Needs] = "service"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_arguments", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = None
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Options:
        return options

    async def look(self, subject: Subject, ready: Options, tools: Tools) -> Look | CannotTell:
        """What the service says; its own words are not kept, since they may quote the text."""
        if not any(piece.text.strip() for piece in subject.pieces):
            return Look()
        if sum(len(piece.text) for piece in subject.pieces) > MOST:
            return CannotTell(reason=f"http sends texts of up to {MOST:,} characters.")
        answer = await asked(ready.service, _question(subject, ready), tools)
        if isinstance(answer, CannotTell):
            return answer
        try:
            said = _read(answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return CannotTell(reason=f"The guard service {ready.service!r} answered what is no verdict.")
        texts = [piece.text for piece in subject.pieces]
        label = word(said.label, texts) if said.label else ""
        return Look(
            score=said.score,
            label=label,
            reason=f"The guard service {ready.service} objects{f' ({label})' if label else ''}." if said.score else "",
            findings=tuple(
                Finding(piece=each.text, start=each.start, end=each.end, kind=word(each.kind, texts), score=each.score)
                for each in said.findings
            ),
        )


def _question(subject: Subject, ready: Options) -> _Question:
    return _Question(
        version=VERSION,
        stage=subject.pieces[0].stage,
        texts=tuple(_Text(each.text, each.role, each.tool) for each in subject.pieces),
        whole=subject.whole,
        system=subject.system if "system" in ready.show else None,
        question=subject.question if "question" in ready.show else None,
        context=subject.context if "context" in ready.show else None,
    )


PLUG = HttpGuard()
