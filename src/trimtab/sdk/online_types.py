"""What `Client.online` answers. Times are Unix milliseconds, money is dollars as decimal strings."""

from typing import Any

from msgspec import Struct


class OnlineRule(Struct, frozen=True, kw_only=True):
    """``kind`` is ``online`` or ``schedule``; what ``spec`` says is in docs/online-scoring.md. Counts are today's."""

    name: str
    kind: str
    spec: dict[str, Any]
    paused: bool
    spent: str
    unpriced: int
    scored: int
    unscored: int
    passed_over: int
    last: int | None
    next: int | None
    experiment: str
    trouble: str
    revision: int
    created: int
    updated: int


class Quality(Struct, frozen=True, kw_only=True):
    """``low`` and ``high`` are the 95 % interval; ``corrected`` is the share people would have passed, where the judge
    is calibrated. ``unscored`` could not be scored; ``worst`` and ``best`` are what the value would be if all of those
    were as bad, or as good, as can be."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    clusters: int
    unscored: int
    worst: float | None
    best: float | None
    corrected: float | None
    corrected_low: float | None
    corrected_high: float | None
    method: str


class QualityLine(Struct, frozen=True, kw_only=True):
    """``day`` is when it began; null for the whole window. ``source``: ``human``, ``user``, ``code`` or ``llm``."""

    app: str
    release: str
    day: int | None
    judges: list[str]
    quality: Quality
    source: str = ""


class QualityReport(Struct, frozen=True, kw_only=True):
    score: str
    start: int
    end: int
    releases: list[QualityLine]
    days: list[QualityLine]
    says: str


class SampleSize(Struct, frozen=True, kw_only=True):
    """``cases`` needed; ``margin_seen`` is the smallest difference that the number asked about shows."""

    cases: int
    deviation: float
    margin_seen: float | None
    says: str
