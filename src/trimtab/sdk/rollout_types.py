"""What the API says about environments, rollouts and the audit trail; docs/environments.md and docs/rollouts.md. Times
are Unix ms."""

from typing import Any

from msgspec import Struct


class Environment(Struct, frozen=True, kw_only=True):
    """``protection``: ``gate``, ``gate_days``, ``approvals``, ``note``, ``freezes``; what is not there is not asked."""

    name: str
    position: int
    default: bool
    protection: dict[str, Any]
    revision: int
    updated: int


class Check(Struct, frozen=True, kw_only=True):
    """One demand of an environment: ``gate``, ``approvals``, ``note`` or ``freeze``."""

    demand: str
    met: bool
    detail: str
    fix: str


class Readiness(Struct, frozen=True, kw_only=True):
    app: str
    environment: str
    release: int
    ready: bool
    checks: list[Check]


class Approval(Struct, frozen=True, kw_only=True):
    environment: str
    author: str
    author_name: str
    note: str
    created: int
    revoked: bool
    counts: bool
    own: bool = False


class GateVerdict(Struct, frozen=True, kw_only=True):
    """``outcome`` is better, not_worse, worse or not_enough_data; ``author`` is the id of the key that wrote it
    down."""

    id: str
    release: int
    hash: str
    outcome: str
    source: str
    detail: str
    created: int
    author: str = ""
    author_name: str = ""


class Rollout(Struct, frozen=True, kw_only=True):
    """``state`` is running, held, promoted, rolled_back or stopped; ``share`` the candidate's now. ``evidence`` is what
    the last decision was made by; of one rollout that is open (`Rollouts.get`), what the figures say now, and ``waits``
    what keeps the controller from deciding."""

    id: str
    app: str
    environment: str
    stable: int | None
    candidate: int
    plan: dict[str, Any]
    state: str
    step: int
    step_started: int
    started: int
    ended: int | None
    author: str
    author_name: str
    note: str
    reason: str
    evidence: dict[str, Any] | None
    override: str | None
    revision: int
    updated: int
    share: float
    actions: list[str]
    waits: str = ""


class Placement(Struct, frozen=True, kw_only=True):
    """What an environment runs of an app: its stable release, and an open rollout."""

    app: str
    environment: str
    stable: int | None
    rollout: str | None
    open: Rollout | None
    revision: int
    updated: int
    back_to: int | None = None


class GuardMetric(Struct, frozen=True, kw_only=True):
    """What a guard may watch, and how it is compared where the guard says nothing else."""

    name: str
    about: str
    unit: str
    method: str
    better: str
    margin: float
    relative: bool


class AuditEntry(Struct, frozen=True, kw_only=True):
    """``actor`` is a key's id, empty where something acts by itself."""

    id: str
    at: int
    actor: str
    actor_name: str
    action: str
    subject: str
    detail: dict[str, Any]


class AuditLink(AuditEntry, frozen=True, kw_only=True):
    """An entry with its place in the chain of hashes (docs/audit.md); ``text`` is ``detail`` as it is hashed."""

    seq: int
    prev: str
    hash: str
    text: str


class AuditHead(Struct, frozen=True, kw_only=True):
    seq: int
    hash: str


class AuditCheckpoint(Struct, frozen=True, kw_only=True):
    """A signed place in the chain: ``key`` and ``signature`` are Ed25519's, as hex."""

    chain: str
    seq: int
    hash: str
    at: int
    key: str
    signature: str


class AuditProblem(Struct, frozen=True, kw_only=True):
    seq: int
    what: str


class AuditVerified(Struct, frozen=True, kw_only=True):
    """``signed``: the last entry that a checkpoint vouches for; ``found``: how many ``problems`` there are in all."""

    chain: str
    ok: bool
    entries: int
    head: AuditHead
    checkpoints: int
    signed: int
    signed_at: int | None
    key: str
    problems: tuple[AuditProblem, ...]
    found: int


class AuditExport(Struct, frozen=True, kw_only=True):
    chain: str
    items: tuple[AuditLink, ...]
    checkpoint: AuditCheckpoint | None
    cursor: str | None
