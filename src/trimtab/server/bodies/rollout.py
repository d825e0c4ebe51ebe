"""Bodies of the management API about what an environment runs, and how that changes."""

from msgspec import Struct

from trimtab.releases.rollout import Action
from trimtab.releases.rules import Decision
from trimtab.releases.types import Plan, State


class RolloutView(Struct, frozen=True, kw_only=True):
    """How an environment moves from release ``stable`` (null: it was empty) to ``candidate``. ``share`` is the
    candidate's now, ``actions`` what can be done. ``reason`` says why it is in this state, ``evidence`` what that was
    decided by; ``override`` why it began without what the environment demands. Unix ms; steps count from 0."""

    id: str
    app: str
    environment: str
    stable: int | None
    candidate: int
    plan: Plan
    state: State
    step: int
    step_started: int
    started: int
    ended: int | None
    author: str
    author_name: str
    note: str
    reason: str
    evidence: Decision | None
    override: str | None
    revision: int
    updated: int
    share: float
    actions: list[Action]


class RolloutDetail(RolloutView, frozen=True, kw_only=True):
    """Of an open rollout ``evidence`` is what the figures say now, and ``decided`` what its last move was decided by.
    ``waits`` says what keeps the controller from deciding (the figures are away, something the environment demands
    lacks); empty where nothing does."""

    decided: Decision | None
    waits: str


class RolloutPage(Struct, frozen=True, kw_only=True):
    items: list[RolloutView]
    cursor: str | None


class PlacementView(Struct, frozen=True, kw_only=True):
    """What an environment runs of an app: the number of its ``stable`` release (null: nothing), and the id of an open
    rollout, which ``open`` shows. ``revision`` is 0 where nothing ever ran. ``back_to`` is what a rollback without more
    words would bring: null where nothing ran before."""

    app: str
    environment: str
    stable: int | None
    rollout: str | None
    open: RolloutView | None
    revision: int
    updated: int
    back_to: int | None


class GuardMetricView(Struct, frozen=True, kw_only=True):
    """What a guard may watch, and how it is compared where the guard says nothing else: ``method`` with ``margin``,
    which is relative to the stable release's value where ``relative``."""

    name: str
    about: str
    unit: str
    method: str
    better: str
    margin: float
    relative: bool


class GuardMetricPage(Struct, frozen=True, kw_only=True):
    items: list[GuardMetricView]
    cursor: str | None


class PlacementPage(Struct, frozen=True, kw_only=True):
    items: list[PlacementView]
    cursor: str | None


class NewRollout(Struct, kw_only=True, forbid_unknown_fields=True):
    """``release`` is a reference (``12``, ``r12``, ``latest``, an environment's name). ``expected_revision`` is that of
    the placement that this was decided on, 0 where nothing ever ran: a change meanwhile is then refused (409).
    Without a
    ``plan`` it is a canary by the default steps where something runs already, and direct where nothing does.
    ``override``: in an emergency, why it is done without what the environment demands."""

    release: str
    plan: Plan | None = None
    note: str = ""
    expected_revision: int | None = None
    override: str = ""


class MoveRollout(Struct, kw_only=True, forbid_unknown_fields=True):
    """``expected_revision`` is that of the rollout that this was decided on."""

    reason: str = ""
    expected_revision: int | None = None
    override: str = ""


class RollBack(Struct, kw_only=True, forbid_unknown_fields=True):
    """``to`` refers to a release that ran there some time; left out, back to what ran before. ``expected_revision`` is
    the placement's."""

    to: str | None = None
    reason: str = ""
    expected_revision: int | None = None
