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


class GuardShare(Struct, frozen=True, kw_only=True):
    """``count`` of ``of``, and where the true share lies (95 %)."""

    count: int
    of: int
    share: float | None
    low: float
    high: float


class GuardPart(Struct, frozen=True, kw_only=True):
    """Texts of one length band, language or family."""

    name: str
    alarms: GuardShare
    recall: GuardShare


class GuardOperatingPoint(Struct, frozen=True, kw_only=True):
    """What a threshold does. ``sure``: the upper end of the interval of false alarms is within the budget, too;
    ``needed`` says how many harmless texts without an alarm that takes. ``unjudged``: the guard could not tell."""

    budget: float
    threshold: float
    alarms: GuardShare
    recall: GuardShare
    sure: bool
    needed: int
    unjudged: int
    by_length: list[GuardPart]
    by_language: list[GuardPart]
    by_family: list[GuardPart]


class GuardChecked(Struct, frozen=True, kw_only=True):
    """How a threshold does with a newer detector: ``fine``, ``unsure`` or ``worse``. ``compared``: attacks that were
    judged then and now."""

    detector: str
    outcome: str
    reasons: list[str]
    alarms: GuardShare
    recall: GuardShare
    compared: int
    at: int


class GuardPointOf(Struct, frozen=True, kw_only=True):
    """What a version's threshold was chosen with; ``say`` is empty where nothing is to be said of it."""

    budget: float
    threshold: float
    stage: str
    alarms: GuardShare
    recall: GuardShare
    detector: str
    detector_now: str
    by: str
    chosen: int
    checked: GuardChecked | None
    say: str


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
    point: GuardPointOf | None = None


class GuardPoint(Struct, frozen=True, kw_only=True):
    """``point`` is the threshold that fits the budget, ``now`` the guard's own on the same texts; ``guard`` the version
    that has it, where it was applied."""

    guard: Guard | None
    stage: str
    detector: str
    point: GuardOperatingPoint
    now: GuardOperatingPoint
    traffic: int
    without_text: int
    benign_datasets: list[str]
    attack_datasets: list[str]
    say: str


class GuardPointCheck(Struct, frozen=True, kw_only=True):
    guard: Guard
    checked: GuardChecked
    traffic: int
    without_text: int


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
    what it ``would_have`` done in shadow mode. ``failed``: times it could not tell; ``unread``: calls that had
    something it cannot read."""

    name: str
    since: int
    until: int
    calls: int
    enforced: dict[str, int]
    would_have: dict[str, int]
    failed: int
    say: str
    examples: list[GuardExample]
    unread: int = 0


class GuardVerdict(Struct, frozen=True, kw_only=True):
    """``unread`` counts what it could not read (image, audio, video, file). Where its ``data_class`` raised that of the
    call, it did so from ``raised_from`` to ``raised_to``."""

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
    data_class: str = ""
    unread: dict[str, int] = {}
    raised_from: str = ""
    raised_to: str = ""


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
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class GuardService(Struct, frozen=True, kw_only=True):
    """A program that guards ask. ``secret_hint`` is the end of what is sent in ``header``; ``problem``: why it cannot
    be asked."""

    name: str
    url: str
    header: str
    secret_hint: str
    problem: str
    created: int
    updated: int
    revision: int = 0
    """Goes up with every change; 0 where the config file declares it. See ``expected_revision``."""
