"""Personal data by Microsoft's Presidio: its own HTTP service (``POST /analyze`` of its REST API, one text a request),
or its library in a thread of this process (the extra ``pii``)."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta, Struct

from trimtab.guard.detect import presidio
from trimtab.guard.detect.outside import MOST, MOST_FINDINGS, NAMED, asked, word
from trimtab.guard.detect.presidio import Engines, Entity
from trimtab.guard.guards.pii import Redaction, token
from trimtab.guard.types import Action, CannotTell, Finding, Look, Needs, Stage, Subject, Tools

AT_ONCE: Final = 4
"""Texts of one look that a service is asked about at a time."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``service`` is a guard service of the project that speaks Presidio's REST API, by its name; empty: its library in
    this process, with the spaCy ``pipeline``. ``entities``: its entity types to look for (``PERSON``); all of its
    ``language``, if none is named. ``mode``: what the action ``redact`` puts in their place, as of the kind `pii`."""

    service: Annotated[str, Meta(pattern=f"^({NAMED})?$")] = ""
    pipeline: Annotated[str, Meta(pattern=r"^[a-z]{2,3}_[a-z0-9_]{3,60}$")] = "en_core_web_sm"
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")] = "en"
    entities: Annotated[tuple[Annotated[str, Meta(pattern=r"^[A-Z][A-Z0-9_]{1,59}$")], ...], Meta(max_length=200)] = ()
    mode: Redaction = "redact"


class Analyser(Protocol):
    async def analyze(
        self, texts: Sequence[str], entities: Sequence[str], key: tuple[str, str]
    ) -> list[list[Entity]]: ...


class _Asked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    text: str
    language: str = msgspec.field(name="language")
    entities: tuple[str, ...] = ()


_read: Final = msgspec.json.Decoder(Annotated[list[Entity], Meta(max_length=MOST_FINDINGS)]).decode


class PresidioGuard:
    name: Final = "presidio"
    version: Final = "1"
    about: Final = "Personal data by Presidio, as a service or in this process."
    needs: Final[Needs] = "service"
    stages: Final[tuple[Stage, ...]] = ("input", "retrieved", "tool_arguments", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "redact", "block", "escalate")
    threshold: Final = 0.5
    window: Final = None
    seam: Final = None
    options: Final = Options

    def __init__(self, engines: Analyser | None = None) -> None:
        self._engines: Analyser = engines or Engines()

    def made(self, options: Options) -> Options:
        if not options.service:
            presidio.check(options.pipeline)
        return options

    async def look(self, subject: Subject, ready: Options, tools: Tools) -> Look | CannotTell:
        """The surest entity's score; ``reason`` counts kinds."""
        if ready.mode != "redact" and tools.pseudonym is None:
            return CannotTell(reason="There is no key to make stand-ins with: set 'mode' to redact.")
        if sum(len(piece.text) for piece in subject.pieces) > MOST:
            return CannotTell(reason=f"presidio reads texts of up to {MOST:,} characters.")
        at = [number for number, piece in enumerate(subject.pieces) if piece.text.strip()]
        texts = [subject.pieces[number].text for number in at]
        seen = await self._entities(texts, ready, tools)
        if isinstance(seen, CannotTell):
            return seen
        findings: list[Finding] = []
        for number, text, entities in zip(at, texts, seen, strict=True):
            for each in entities:
                kind, instead = word(each.entity_type), None
                if ready.mode != "redact" and tools.pseudonym is not None:
                    instead = token(kind, text[max(0, each.start) : each.end], ready.mode, tools)
                findings.append(
                    Finding(
                        piece=number, start=each.start, end=each.end, kind=kind, score=each.score, instead=instead,
                        restore=ready.mode == "tokenise",
                    )
                )  # fmt: skip
        if not findings:
            return Look()
        kinds = ", ".join(sorted({each.kind for each in findings})[:20])
        return Look(
            score=max(each.score for each in findings),
            reason=f"There is personal data in it ({kinds})."[:500],
            findings=tuple(findings),
        )

    async def _entities(self, texts: list[str], ready: Options, tools: Tools) -> list[list[Entity]] | CannotTell:
        if not texts:
            return []
        if not ready.service:
            return await self._engines.analyze(texts, ready.entities, (ready.pipeline, ready.language))
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(text: str) -> list[Entity] | CannotTell:
            async with gate:
                body = _Asked(text=text, language=ready.language, entities=ready.entities)
                answer = await asked(ready.service, body, tools)
            if isinstance(answer, CannotTell):
                return answer
            try:
                return _read(answer)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return CannotTell(reason=f"The guard service {ready.service!r} does not answer as Presidio does.")

        found: list[list[Entity]] = []
        for each in await asyncio.gather(*map(one, texts)):
            if isinstance(each, CannotTell):
                return each
            found.append(each)
        return found


PLUG = PresidioGuard()
