"""What the API answers about routes. A tree is plain JSON here: `docs/routing.md` shows every node."""

from typing import Any

from msgspec import Struct

from trimtab.sdk.types import DecisionLine, StepLine


class Leaf(Struct, frozen=True, kw_only=True):
    """``latency``: peak EWMA of the time to the first byte, milliseconds."""

    model: str
    provider: str
    node: str
    health: str
    breaker: str
    in_flight: int
    latency: float | None


class Route(Struct, frozen=True, kw_only=True):
    name: str
    about: str
    tree: Any
    affinity: dict[str, Any]
    version: int
    source: str
    trouble: str
    targets: list[Leaf]
    advice: list[str] = []
    """What would make it decide better."""
    revision: int = 0
    """Goes up with every change; 0 where the config file declares it. See ``expected_revision``."""


class RoutePage(Struct, frozen=True, kw_only=True):
    items: list[Route] = []
    cursor: str | None = None


class Explanation(Struct, frozen=True, kw_only=True):
    route: str
    steps: list[StepLine]
    candidates: list[DecisionLine]
    doubts: list[str]
    trouble: str
    advice: list[str] = []


class Reloaded(Struct, frozen=True, kw_only=True):
    changed: bool
    config_file: str


class Estimate(Struct, frozen=True, kw_only=True):
    value: float
    low: float
    high: float


class Sides(Struct, frozen=True, kw_only=True):
    recorded: float | None
    replayed: Estimate | None


class TargetShare(Struct, frozen=True, kw_only=True):
    name: str
    provider: str
    model: str
    recorded: int
    replayed: int
    attempts: int
    estimated: bool


class UpShare(Struct, frozen=True, kw_only=True):
    """No more than ``share`` of the judged calls lie above ``difficulty``."""

    share: float
    difficulty: float


class ReplayFigures(Struct, frozen=True, kw_only=True):
    calls: int
    same: int
    moved: int
    refused: int
    not_enough_data: int
    compared: int
    priced: int
    cost: Sides
    latency_p50: Sides
    latency_p95: Sides
    failures: Sides
    refusals: Sides
    sent_up: int
    targets: list[TargetShare]
    notes: list[str]
    cut_off: int = 0
    judged: int = 0
    thresholds: list[UpShare] = []


class ReplayedCall(Struct, frozen=True, kw_only=True):
    """A call that would go elsewhere, or, with no ``model``, nowhere. Amounts are US dollars."""

    trace_id: str
    at: int
    before_provider: str
    before_model: str
    provider: str
    model: str
    name: str
    cost: str | None
    expected: str | None


class Replay(Struct, frozen=True, kw_only=True):
    """``changes`` are calls that would not go where they went: what would be refused first, then by money."""

    found: int
    report: ReplayFigures
    changes: list[ReplayedCall] = []
