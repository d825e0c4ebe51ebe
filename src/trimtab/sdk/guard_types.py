"""What the API says about guards; docs/guards.md. Times are Unix ms; costs are decimals."""

from typing import Any

from msgspec import Struct


class GuardKind(Struct, frozen=True, kw_only=True):
    """``options`` is the JSON Schema of its settings, ``window`` what it must see of a stream at once (characters; null
    where it judges whole answers only)."""

    name: str
    version: str
    about: str
    needs: str
    stages: list[str]
    actions: list[str]
    threshold: float
    window: int | None
    options: dict[str, Any]


class Guard(Struct, frozen=True, kw_only=True):
    """One version. ``spec`` is what its file says; ``pinned`` is how an app names this version."""

    name: str
    version: int
    spec: dict[str, Any]
    hash: str
    author: str
    message: str
    pinned: str
    archived: int | None
    created: int


class PushedGuard(Struct, frozen=True, kw_only=True):
    """``created`` is false where the newest version says the same already."""

    guard: Guard
    created: bool


class GuardChange(Struct, frozen=True, kw_only=True):
    field: str
    before: Any
    after: Any


class GuardDiff(Struct, frozen=True, kw_only=True):
    before: int
    after: int
    changes: list[GuardChange]


class TriedFinding(Struct, frozen=True, kw_only=True):
    """Characters ``start`` to ``end`` of the text of that number."""

    text: int
    start: int
    end: int
    kind: str
    score: float


class TrialStage(Struct, frozen=True, kw_only=True):
    stage: str
    action: str
    score: float
    threshold: float
    reason: str
    label: str
    failed: str
    took_us: int
    cost: str | None
    findings: list[TriedFinding]


class GuardTried(Struct, frozen=True, kw_only=True):
    """``texts`` as they would go on; ``action`` is the weightiest of all stages."""

    action: str
    stages: list[TrialStage]
    texts: list[str]


class GuardExample(Struct, frozen=True, kw_only=True):
    trace_id: str
    request_id: str
    model: str
    started: int
    action: str
    mode: str
    preview: str


class GuardReport(Struct, frozen=True, kw_only=True):
    """``calls`` are those it looked at, each counted once with the weightiest action it asked for: ``enforced``, and
    what it ``would_have`` done in shadow mode. ``failed``: times it could not tell."""

    name: str
    since: int
    until: int
    calls: int
    enforced: dict[str, int]
    would_have: dict[str, int]
    failed: int
    say: str
    examples: list[GuardExample]


class GuardVerdict(Struct, frozen=True, kw_only=True):
    guard: str
    version: int
    kind: str
    detector: str
    stage: str
    action: str
    mode: str
    score: float
    threshold: float
    reason: str
    label: str
    found: dict[str, int]
    failed: str
    took_us: int
    cost: str | None


class GuardWhy(Struct, frozen=True, kw_only=True):
    """``held``: the most tokens of a stream that guards held back at a time."""

    request_id: str
    trace_id: str
    model: str
    started: int
    held: int
    verdicts: list[GuardVerdict]


class GuardRefusal(Struct, frozen=True, kw_only=True):
    """What users are told; an empty ``app`` or ``language`` is any."""

    name: str
    app: str
    language: str
    text: str
