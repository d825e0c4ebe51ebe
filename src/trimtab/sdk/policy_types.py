"""What the API says about policies, data classes and data terms; docs/policies.md. Times are Unix ms."""

from typing import Any

from msgspec import Struct


class PolicyAbout(Struct, frozen=True, kw_only=True):
    """One policy of a set: ``effect`` is ``permit`` or ``forbid``."""

    id: str
    effect: str
    actions: list[str]
    reason: str
    fix: str


class PolicySet(Struct, frozen=True, kw_only=True):
    """``scope`` is ``project`` or ``organisation``; ``in_force`` the number of the version that decides, None where
    the set is off; ``broken`` why it cannot be read, and then forbids."""

    name: str
    scope: str
    in_force: int | None
    newest: int
    otherwise: str
    policies: list[PolicyAbout]
    tests: int
    note: str
    author: str
    updated: int
    broken: str
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class PolicyVersion(Struct, frozen=True, kw_only=True):
    number: int
    text: str
    otherwise: str
    tests: list[dict[str, Any]]
    note: str
    hash: str
    author: str
    created: int
    in_force: bool


class PolicySetDetail(Struct, frozen=True, kw_only=True):
    """``versions``: the newest first."""

    set: PolicySet
    versions: list[PolicyVersion]


class Mistake(Struct, frozen=True, kw_only=True):
    line: int
    column: int
    message: str
    fix: str
    policy: str


class TestOutcome(Struct, frozen=True, kw_only=True):
    """``got`` is ``allow`` or ``deny``; ``why`` says what is wrong, empty where it passed."""

    name: str
    passed: bool
    got: str
    policy: str
    why: str


class PolicyCheck(Struct, frozen=True, kw_only=True):
    ok: bool
    mistakes: list[Mistake]
    tests: list[TestOutcome]


class PolicyLine(Struct, frozen=True, kw_only=True):
    """So many calls that are alike, and what becomes of them: ``outcome`` is ``refused``, ``rerouted`` (to the model
    ``to``) or ``allowed_again``."""

    outcome: str
    calls: int
    key: str
    key_name: str
    app: str
    environment: str
    model: str
    chosen: str
    provider: str
    to: str
    data_class: str
    set: str
    policy: str
    reason: str
    trace_id: str
    last: int


class PolicyShare(Struct, frozen=True, kw_only=True):
    name: str
    refused: int
    rerouted: int


class PolicyEffect(Struct, frozen=True, kw_only=True):
    """Counts of calls."""

    calls: int
    refused: int
    rerouted: int
    allowed_again: int
    unchanged: int
    unknown: int
    lines: list[PolicyLine]
    by_key: list[PolicyShare]
    by_app: list[PolicyShare]
    by_policy: list[PolicyShare]
    notes: list[str]


class ToolLine(Struct, frozen=True, kw_only=True):
    tool: str
    calls: int
    dropped: bool
    set: str
    policy: str
    reason: str
    trace_id: str


class PolicyPlan(Struct, frozen=True, kw_only=True):
    """``tools`` is about the newest ``tools_read`` calls alone."""

    window: dict[str, int]
    effect: PolicyEffect
    tools: list[ToolLine]
    tools_read: int


class PolicyAnswer(Struct, frozen=True, kw_only=True):
    allowed: bool
    set: str
    policy: str
    why: str
    fix: str


class DataClassMark(Struct, frozen=True, kw_only=True):
    subject: str
    name: str
    data_class: str


class DataClasses(Struct, frozen=True, kw_only=True):
    """``classes``: the least sensitive first."""

    classes: list[str]
    standard: str
    marks: list[DataClassMark]
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class DataTerms(Struct, frozen=True, kw_only=True):
    """What is stated of a ``provider`` or a ``model``; None where nothing is."""

    subject: str
    name: str
    region: str | None
    data_classes: list[str] | None
    terms: list[str] | None
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class ModelTerms(Struct, frozen=True, kw_only=True):
    """What comes of it for a model."""

    model: str
    provider: str
    region: str
    local: bool
    data_classes: list[str]
    terms: list[str]


class DataTermsList(Struct, frozen=True, kw_only=True):
    items: list[DataTerms]
    models: list[ModelTerms]
