"""Bodies of the management API about guards. Times are Unix milliseconds; money is a decimal of the book's currency."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from trimtab.guard.operating import GuardShare
from trimtab.guard.points import Checked
from trimtab.guard.types import NAME, Action, GuardSpec, Json, Needs, Stage
from trimtab.server.bodies.common import ExpectedRevision
from trimtab.telemetry.views import GuardVerdictLine

GuardName = Annotated[str, Meta(pattern=rf"^{NAME}$", max_length=64)]
Text = Annotated[str, Meta(max_length=1_000_000)]


class GuardKind(Struct, frozen=True, kw_only=True):
    """``options`` is the JSON Schema of its settings; ``threshold`` holds where a guard says none. ``window``:
    characters of a stream that it must see together, null where it judges whole answers only. ``needs``: ``cpu``, the
    local ``embed``der, or a ``model``, which costs money."""

    name: str
    version: str
    about: str
    needs: Needs
    stages: list[Stage]
    actions: list[Action]
    threshold: float
    window: int | None
    options: dict[str, Any]


class GuardKinds(Struct, frozen=True, kw_only=True):
    items: list[GuardKind]


class NewGuardVersion(Struct, kw_only=True, forbid_unknown_fields=True):
    """``expected_version`` is the version it was made from; 0: it is to be new; left out: whatever is newest."""

    spec: GuardSpec
    message: Annotated[str, Meta(max_length=2000)] = ""
    expected_version: Annotated[int, Meta(ge=0)] | None = None


class GuardPointView(Struct, frozen=True, kw_only=True):
    """What a version's threshold was chosen with. ``detector`` is the version of its kind then, ``detector_now`` that
    of today. ``say``: what is to be known of that, empty for nothing."""

    budget: float
    threshold: float
    stage: Stage
    alarms: GuardShare
    recall: GuardShare
    detector: str
    detector_now: str
    by: str
    chosen: int
    checked: Checked | None
    say: str


class GuardView(Struct, frozen=True, kw_only=True):
    """One version of a guard. ``pinned`` is how an app names this version. ``point`` is null where nobody chose its
    threshold by a budget of false alarms."""

    name: str
    version: int
    spec: GuardSpec
    hash: str
    author: str
    message: str
    pinned: str
    archived: int | None
    created: int
    point: GuardPointView | None = None


class PushedGuard(Struct, frozen=True, kw_only=True):
    """``created`` is false where the newest version says the same already."""

    guard: GuardView
    created: bool


class GuardPage(Struct, frozen=True, kw_only=True):
    items: list[GuardView]
    cursor: str | None


class GuardPlace(Struct, kw_only=True, forbid_unknown_fields=True):
    """An archived guard guards nothing by its ``applies_to``; releases that have it go on with it.
    ``expected_version``: the newest that was seen; it is refused (409) where somebody added another."""

    archived: bool
    expected_version: int | None = None


class GuardChange(Struct, frozen=True, kw_only=True):
    """``field`` is a field of the spec, or of its options (``options.kinds``); what is not there is null."""

    field: str
    before: Json
    after: Json


class GuardDiff(Struct, frozen=True, kw_only=True):
    before: int
    after: int
    changes: list[GuardChange]


class TriedText(Struct, kw_only=True, forbid_unknown_fields=True):
    stage: Stage = "input"
    text: Text
    role: Annotated[str, Meta(max_length=20)] = "user"
    tool: Annotated[str, Meta(max_length=200)] = ""


class GuardTrial(Struct, kw_only=True, forbid_unknown_fields=True):
    """A guard that need not be kept, tried on texts. ``system``, ``question``, ``context`` and ``schema`` are what it
    may judge them by."""

    spec: GuardSpec
    texts: Annotated[list[TriedText], Meta(min_length=1, max_length=50)]
    system: Text = ""
    question: Text = ""
    context: Annotated[list[Text], Meta(max_length=50)] = []
    schema: Json = None


class TriedFinding(Struct, frozen=True, kw_only=True):
    text: int
    start: int
    end: int
    kind: str
    score: float


class TrialStage(Struct, frozen=True, kw_only=True):
    """What it decides at one stage. ``cost`` is null where it is unknown; ``failed``: why it could not tell."""

    stage: Stage
    action: Action
    score: float
    threshold: float
    reason: str
    label: str
    failed: str
    took_us: int
    cost: str | None
    findings: list[TriedFinding]


class GuardTried(Struct, frozen=True, kw_only=True):
    """``texts`` as they would go on. ``action`` is the weightiest of all stages."""

    action: Action
    stages: list[TrialStage]
    texts: list[str]


class RefusalView(Struct, kw_only=True, forbid_unknown_fields=True):
    """What users are told: ``name`` is the template that guards name (``default`` for those that name none); an empty
    ``app`` or ``language`` (``de``, ``pt-br``) is any. ``{reference}`` becomes the request's id."""

    name: GuardName = "default"
    app: Annotated[str, Meta(max_length=64, pattern=rf"^({NAME})?$")] = ""
    language: Annotated[str, Meta(max_length=16, pattern=r"^([a-z]{2,3}(-[a-z0-9]{2,8})*)?$")] = ""
    text: Annotated[str, Meta(min_length=1, max_length=10_000)]


class PutRefusal(RefusalView, kw_only=True, forbid_unknown_fields=True):
    expected_revision: ExpectedRevision = None


class ShownRefusal(RefusalView, kw_only=True, forbid_unknown_fields=True):
    revision: int


class RefusalList(Struct, frozen=True, kw_only=True):
    items: list[ShownRefusal]


class GuardExample(Struct, frozen=True, kw_only=True):
    trace_id: str
    request_id: str
    model: str
    started: int
    action: str
    mode: str
    preview: str


class GuardReport(Struct, frozen=True, kw_only=True):
    """What a guard did with the ``calls`` that it looked at, each counted once with the weightiest action it asked for:
    ``enforced``, and what it ``would_have`` done in shadow mode. ``failed`` counts the times it could not tell,
    ``unread`` the calls that had something it cannot read; ``say`` is the report in a sentence. ``examples`` are the
    newest calls in which it minded something, those that it stopped (or would have) first."""

    name: str
    since: int
    until: int
    calls: int
    enforced: dict[str, int]
    would_have: dict[str, int]
    failed: int
    unread: int
    say: str
    examples: list[GuardExample]


class GuardWhy(Struct, frozen=True, kw_only=True):
    """What guards decided about one request, by the reference that its user was given."""

    request_id: str
    trace_id: str
    model: str
    started: int
    held: int
    verdicts: list[GuardVerdictLine]
