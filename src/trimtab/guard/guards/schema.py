"""Answers, tool arguments and tool results that are no JSON, or JSON that does not fit its JSON Schema."""

from typing import Any, Final

from msgspec import Struct

from trimtab.guard.types import Action, CannotTell, Look, Needs, Piece, Stage, Subject, Tools
from trimtab.scoring.json_schema import mistakes
from trimtab.scoring.linear import TooMuch
from trimtab.scoring.texts import NoJson, json_of

Json = Any
MOST: Final = 1_000_000
"""Characters of a text that is read."""


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``schema`` (draft 2020-12) is what answers have to fit; without it the one that the call asked for.
    ``tools`` has a schema for the arguments of each tool it names, ``results`` one for what a tool gives back.
    ``fence``: JSON in an answer's only code fence counts."""

    schema: Json = None
    tools: dict[str, Json] = {}
    results: dict[str, Json] = {}
    fence: bool = False


class SchemaGuard:
    name: Final = "schema"
    version: Final = "1"
    about: Final = "Answers and tool arguments that do not fit their JSON Schema."
    needs: Final[Needs] = "cpu"
    stages: Final[tuple[Stage, ...]] = ("tool_arguments", "tool_result", "output")
    actions: Final[tuple[Action, ...]] = ("flag", "block", "escalate")
    threshold: Final = 0.5
    window: Final = None
    seam: Final = None
    options: Final = Options

    def made(self, options: Options) -> Options:
        """Reads every schema once on a value, so that one which cannot be used is refused here."""
        for schema in (options.schema, *options.tools.values(), *options.results.values()):
            if schema is not None:
                mistakes({}, schema)
        return options

    def look(self, subject: Subject, ready: Options, tools: Tools) -> Look | CannotTell:
        del tools
        wrong: list[str] = []
        for piece in subject.pieces:
            schema = _schema_for(piece, subject, ready)
            if schema is None:
                continue
            if len(piece.text) > MOST:
                return CannotTell(reason=f"schema reads texts of up to {MOST:,} characters.")
            try:
                value = json_of(piece.text, within=ready.fence and piece.stage == "output")
                found = mistakes(value, schema)
            except NoJson:
                wrong.append("it is no JSON")
            except TooMuch:
                return CannotTell(reason="Holding this text against its schema takes too long.")
            else:
                wrong += [_without_values(each) for each in found[:1]]
        return Look(score=1.0, reason=f"A text does not fit its schema: {wrong[0]}.") if wrong else Look()


def _schema_for(piece: Piece, subject: Subject, ready: Options) -> Json:
    if piece.stage == "tool_arguments":
        return ready.tools.get(piece.tool)
    if piece.stage == "tool_result":
        return ready.results.get(piece.tool)
    return ready.schema if ready.schema is not None else subject.schema


def _without_values(mistake: str) -> str:
    """A mistake names the value it met ("/age is -3 and must be ..."), which may be somebody's: what must be stays."""
    place = mistake.partition(" ")[0] if mistake.startswith("/") else "the value"
    at = mistake.find(" must ")
    return f"{place}{mistake[at:]}" if at >= 0 else f"{place} is not as it must be"


PLUG = SchemaGuard()
