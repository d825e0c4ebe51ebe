"""Bodies of the API for the cache and for the policies of called names."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from trimtab.gateway.call_policy import CachePolicy, ContextPolicy
from trimtab.gateway.kept.cache_tune import Point
from trimtab.server.bodies.common import ExpectedRevision


class CacheNameView(Struct, frozen=True, kw_only=True):
    """What the cache did for one called name. ``answers`` and ``bytes`` are stored now; the counts are of the days
    asked for: ``exact`` and ``semantic`` hits, ``misses``, and ``bypassed`` calls, which were not to be kept.
    ``hit_rate`` is hits per look-up, null without one; ``tokens`` and ``saved`` (US dollars) were not used and not paid
    again."""

    name: str
    answers: int
    bytes: int
    exact: int
    semantic: int
    misses: int
    bypassed: int
    hit_rate: float | None
    tokens: int
    saved: str


class CacheView(Struct, frozen=True, kw_only=True):
    """``embedder`` says why nothing can be found by meaning, empty where it can."""

    days: int
    items: list[CacheNameView]
    total: CacheNameView
    embedder: str


class PurgeRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """``name``: of one called name only."""

    name: str | None = None


class Purged(Struct, frozen=True, kw_only=True):
    purged: int


class LabelledPair(Struct, kw_only=True, forbid_unknown_fields=True):
    """``same``: whether the answer to ``stored`` will do for ``asked``."""

    asked: Annotated[str, Meta(min_length=1, max_length=4000)]
    stored: Annotated[str, Meta(min_length=1, max_length=4000)]
    same: bool


class TuneRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """``budget``: the share of hits that may be wrong."""

    pairs: Annotated[list[LabelledPair], Meta(min_length=1, max_length=2000)]
    budget: Annotated[float, Meta(gt=0, lt=1)] = 0.02


class TuningView(Struct, frozen=True, kw_only=True):
    """``threshold`` is the lowest that keeps the budget with 95 % confidence; null means not enough data, and ``say``
    tells what lacks. ``spared``: pairs that only the check for look-alikes kept from being wrong hits. ``skipped``:
    pairs with a text too long to compare."""

    pairs: int
    same: int
    skipped: int
    budget: float
    threshold: float | None
    spared: int
    say: str
    points: list[Point]


class PolicyBody(Struct, kw_only=True, forbid_unknown_fields=True):
    cache: CachePolicy | None = None
    context: ContextPolicy | None = None
    expected_revision: ExpectedRevision = None


class PolicyView(Struct, frozen=True, kw_only=True):
    """``in_force``: whether calls of that name are served by it; not where nothing has that name."""

    name: str
    cache: CachePolicy | None
    context: ContextPolicy | None
    source: Literal["config", "catalog"]
    in_force: bool
    updated: int | None
    revision: int


class PolicyPage(Struct, frozen=True, kw_only=True):
    items: list[PolicyView]
    cursor: str | None = None
