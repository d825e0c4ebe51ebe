"""Bodies of the management API about policies, data classes and data terms. Times are Unix milliseconds."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from trimtab.gateway.policy_effect import PolicyEffect
from trimtab.governance.data_classes import DataTerms
from trimtab.governance.policies import Scope
from trimtab.governance.policy_eval import Otherwise
from trimtab.governance.policy_examples import Asker, PolicyExample, PolicySubject, Situation, TestedExample
from trimtab.governance.policy_schema import Action
from trimtab.governance.policy_text import Mistake
from trimtab.server.bodies.common import ExpectedRevision
from trimtab.telemetry.views import Window

Text = Annotated[str, Meta(max_length=100_000, description="Policies in Cedar's language.")]


class AccessPolicyBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """A version. ``otherwise`` is the answer of an action that the set speaks of, where none of its policies fits.
    ``tests`` must hold. ``on``: it is in force when this returns; otherwise what was in force stays."""

    text: Text
    otherwise: Otherwise = "allow"
    tests: list[PolicyExample] = []
    note: str = ""
    on: bool = True
    expected_revision: ExpectedRevision = None


class PolicyDraft(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be checked, and not kept."""

    text: Text
    otherwise: Otherwise = "allow"
    tests: list[PolicyExample] = []


class PolicyCheck(Struct, frozen=True, kw_only=True):
    """``ok``: nothing is wrong, and every test holds. Tests are run only where the text can be read."""

    ok: bool
    mistakes: list[Mistake]
    tests: list[TestedExample]


class PolicySwitch(Struct, kw_only=True, forbid_unknown_fields=True):
    """The version to put in force; null: none."""

    version: int | None = None
    expected_revision: ExpectedRevision = None


class PolicyAbout(Struct, frozen=True, kw_only=True):
    """One policy of a text: its ``@id`` (or ``policy0``), what it does, and its annotations."""

    id: str
    effect: Literal["permit", "forbid"]
    actions: list[str]
    reason: str
    fix: str


class PolicySetView(Struct, frozen=True, kw_only=True):
    """``in_force`` is null where the set is off. ``broken`` says why a set in force cannot be read by this server: then
    it forbids everything that it might decide about."""

    name: str
    scope: Scope
    in_force: int | None
    newest: int
    otherwise: Otherwise
    policies: list[PolicyAbout]
    tests: int
    note: str
    author: str
    updated: int
    broken: str
    revision: int


class PolicySetPage(Struct, frozen=True, kw_only=True):
    items: list[PolicySetView]
    cursor: str | None = None


class PolicyVersionView(Struct, frozen=True, kw_only=True):
    number: int
    text: str
    otherwise: Otherwise
    tests: list[PolicyExample]
    note: str
    hash: str
    author: str
    created: int
    in_force: bool


class PolicySetDetail(Struct, frozen=True, kw_only=True):
    """``versions``: the newest first."""

    set: PolicySetView
    versions: list[PolicyVersionView]


class PolicyPlanRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """``text`` in place of the set ``name``, or beside all that are in force where there is none of that name; null:
    without it. ``start`` and ``end`` are last week where they are left out; ``q`` narrows the calls."""

    name: str = "planned"
    text: Text | None = None
    otherwise: Otherwise = "allow"
    q: str = ""
    start: int | None = None
    end: int | None = None


class PolicyToolLine(Struct, frozen=True, kw_only=True):
    """A tool that calls offered, and that would be refused or dropped."""

    tool: str
    calls: int
    dropped: bool
    set: str
    policy: str
    reason: str
    trace_id: str


class PolicyPlan(Struct, frozen=True, kw_only=True):
    """What the change would have done with the calls of that time. ``tools`` is about the newest ``tools_read`` calls
    that were recorded with their text; empty where the change says nothing of tools."""

    window: Window
    effect: PolicyEffect
    tools: list[PolicyToolLine]
    tools_read: int


class PolicyQuestion(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the policies in force say of one request; as in a test."""

    action: Action
    principal: Asker = Asker()
    resource: PolicySubject = PolicySubject()
    context: Situation = Situation()


class PolicyAnswer(Struct, frozen=True, kw_only=True):
    """``why`` is empty where it is allowed."""

    allowed: bool
    set: str
    policy: str
    why: str
    fix: str


class DataClassesBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """``classes``: the least sensitive first. ``standard`` is that of calls of which nobody declared any; empty: they
    have none."""

    classes: list[str]
    standard: str = ""
    expected_revision: ExpectedRevision = None


class DataClassMark(Struct, frozen=True, kw_only=True):
    """A key (by id), an app or a dataset, and the class of what comes through it."""

    subject: Literal["key", "app", "dataset"]
    name: str
    data_class: str


class DataClassesView(Struct, frozen=True, kw_only=True):
    """``revision`` is that of the list, not of what is marked."""

    classes: list[str]
    standard: str
    marks: list[DataClassMark]
    revision: int


class DataClassBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """An empty class removes it. ``expected_class``: the one that it is to have had so far, empty for none; it is
    refused (409) where it has another by now, by whichever way."""

    data_class: str
    expected_class: str | None = None


class PutDataTerms(DataTerms, frozen=True, kw_only=True, forbid_unknown_fields=True):
    expected_revision: ExpectedRevision = None


class DataTermsView(Struct, frozen=True, kw_only=True):
    """What is stated of a provider or a model, null where nothing is."""

    subject: Literal["provider", "model"]
    name: str
    region: str | None
    data_classes: list[str] | None
    terms: list[str] | None
    revision: int


class ModelTermsView(Struct, frozen=True, kw_only=True):
    """What holds for a model, by its own word or its provider's."""

    model: str
    provider: str
    region: str
    local: bool
    data_classes: list[str]
    terms: list[str]


class DataTermsPage(Struct, frozen=True, kw_only=True):
    """``items`` are what is stated, ``models`` what comes of it for each model."""

    items: list[DataTermsView]
    models: list[ModelTermsView]
