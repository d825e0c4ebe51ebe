"""The list of scorers for people and programs: what each reads, says and may be told."""

from typing import Any

import msgspec
from msgspec import Struct

from trimtab.scoring.scorers import REGISTRY
from trimtab.scoring.types import Better, Kind, Scorer, Source


class ScorerEntry(Struct, frozen=True, kw_only=True):
    """``options`` is the JSON Schema of the scorer's settings. ``needs`` are the fields of a sample without which it
    cannot score. ``source``: ``code``, or ``llm`` where it asks a model, which costs money."""

    name: str
    version: str
    about: str
    kind: Kind
    better: Better | None
    source: Source
    needs: tuple[str, ...]
    options: dict[str, Any]


def entries() -> tuple[ScorerEntry, ...]:
    """Every scorer there is, by name."""
    return tuple(entry(scorer) for scorer in REGISTRY.all().values())


def entry(scorer: Scorer) -> ScorerEntry:
    return ScorerEntry(
        name=scorer.name,
        version=scorer.version,
        about=scorer.about,
        kind=scorer.kind,
        better=scorer.better,
        source=scorer.source,
        needs=tuple(scorer.needs),
        options=options_schema(scorer.options),
    )


def options_schema(options: type[Struct]) -> dict[str, Any]:
    """One schema without references to elsewhere: the Struct's own at the top, others of it under ``$defs``."""
    (top,), others = msgspec.json.schema_components([options], ref_template="#/$defs/{name}")
    schema = others.pop(top["$ref"].rpartition("/")[2]) if "$ref" in top else top
    schema.pop("title", None)
    return {**schema, "$defs": others} if others else schema
