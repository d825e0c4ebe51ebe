"""What the API says of the cache, as the SDK has it."""

from typing import Any

from msgspec import Struct


class CacheName(Struct, frozen=True, kw_only=True):
    """What the cache did for one called name; ``saved`` is US dollars."""

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


class CacheStats(Struct, frozen=True, kw_only=True):
    days: int
    items: list[CacheName]
    total: CacheName
    embedder: str


class Purged(Struct, frozen=True, kw_only=True):
    purged: int


class Point(Struct, frozen=True, kw_only=True):
    threshold: float
    hits: int
    wrong: int
    hit_rate: float | None
    wrong_rate: float | None
    low: float | None
    high: float | None


class Tuning(Struct, frozen=True, kw_only=True):
    """``threshold`` is None where there is not enough data."""

    pairs: int
    same: int
    skipped: int
    budget: float
    threshold: float | None
    spared: int
    say: str
    points: list[Point]


class Policy(Struct, frozen=True, kw_only=True):
    """Cache and context policy of a called name, as in docs/cache.md."""

    name: str
    cache: dict[str, Any] | None
    context: dict[str, Any] | None
    source: str
    in_force: bool
    updated: int | None
    revision: int = 0
    """Goes up with every change; 0 where the config file declares it. See ``expected_revision``."""


class PolicyPage(Struct, frozen=True, kw_only=True):
    items: list[Policy]
    cursor: str | None = None
