"""Bodies of the API for routes."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from trimtab.gateway.routing.replay import Report
from trimtab.gateway.routing.types import Affinity, Node
from trimtab.server.bodies.common import ExpectedRevision
from trimtab.telemetry.views import DecisionLine, StepLine, Window


class LeafView(Struct, frozen=True, kw_only=True):
    """A target of a route and how it fares on this worker. ``breaker`` is closed, open or half_open; ``latency`` the
    peak EWMA of the time to the first byte in milliseconds as of the last answer, null where none has come yet."""

    model: str
    provider: str
    node: str
    health: Literal["unknown", "healthy", "failing"]
    breaker: str
    in_flight: int
    latency: float | None


class RouteView(Struct, frozen=True, kw_only=True):
    """``trouble`` says what of it cannot be used now, ``advice`` what would make it decide better.
    One from the config file is edited there, and has no version."""

    name: str
    about: str
    tree: Node
    affinity: Affinity
    version: int
    revision: int
    source: Literal["config", "catalog"]
    trouble: str
    advice: list[str]
    created: int | None
    updated: int | None
    targets: list[LeafView]


class RoutePage(Struct, frozen=True, kw_only=True):
    items: list[RouteView]
    cursor: str | None = None


class NewRoute(Struct, kw_only=True, forbid_unknown_fields=True):
    name: str
    tree: Node
    affinity: Affinity = Affinity()
    about: str = ""


class RoutePatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays; ``tree`` is replaced whole."""

    tree: Node | UnsetType = UNSET
    affinity: Affinity | UnsetType = UNSET
    about: str | UnsetType = UNSET
    expected_revision: ExpectedRevision = None


class ExplainRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """A request as a client would send it. ``tree`` explains another tree than the one in force. ``draw`` takes the
    place of chance, in [0, 1)."""

    body: dict[str, Any]
    headers: dict[str, str] = {}
    dialect: str = "openai_chat"
    key_id: str = ""
    tree: Node | None = None
    draw: float | None = None


class Explanation(Struct, frozen=True, kw_only=True):
    """What the route would decide for such a call now, on this worker. ``doubts`` are those for which a whole answer
    would be asked of the stronger target again."""

    route: str
    steps: list[StepLine]
    candidates: list[DecisionLine]
    doubts: list[str]
    trouble: str
    advice: list[str]


class ReplayRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """``q`` is a search as of traces: which calls. ``start`` and ``end`` in Unix milliseconds, the last day if
    left out. At most ``limit`` calls are taken, the newest. The same ``seed`` draws the same."""

    name: str = ""
    tree: Node | None = None
    affinity: Affinity | None = None
    q: str = ""
    start: int | None = None
    end: int | None = None
    limit: int = 1000
    seed: int = 0


class ReplayedCall(Struct, frozen=True, kw_only=True):
    """A call that would go elsewhere. ``before_provider`` and ``before_model`` were asked first in fact; ``provider``,
    ``model`` (the provider's id) and ``name`` would be, and are empty where the route would refuse it. Amounts are US
    dollars: ``cost`` of the whole call on record, ``expected`` of an answer of its new target, by the mean length of
    those on record; null where nothing can be said."""

    trace_id: str
    at: int
    before_provider: str
    before_model: str
    provider: str
    model: str
    name: str
    cost: str | None
    expected: str | None


class ReplayReport(Struct, frozen=True, kw_only=True):
    """``found`` counts all calls of the window that the search finds; the report is of those that were taken.
    ``changes`` are those that would not go where they went, a hundred at most: what the route would refuse first, then
    by how much money it is about."""

    found: int
    window: Window
    report: Report
    changes: list[ReplayedCall]


class Reloaded(Struct, frozen=True, kw_only=True):
    """``changed`` is false where the file said what was in force already."""

    changed: bool
    config_file: str
