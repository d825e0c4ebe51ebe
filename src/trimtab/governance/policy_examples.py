"""Tests of the policies themselves: examples that are kept beside a set and run at each of its changes.

An example says who asks what of which resource, in which context, and what must come of it. It is judged by its own set
alone, so that it says the same wherever the set is in force.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.governance.policy_eval import Engine, Facts, PolicySet, Verdict, What, Who, engine_of
from trimtab.governance.policy_schema import Action, Kind

MOST: Final = 200
"""Examples of one set."""


class Asker(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``id`` is a key's id or a person's e-mail address; ``owner`` whose key it is: a service account's id, or a
    person's address. ``groups`` are a person's, or those of the person whose key it is."""

    kind: Kind = "Key"
    id: str = "someone"
    name: str = ""
    role: str = "client"
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    owner: str = ""
    project: str = "default"
    organisation: str = "default"


class PolicySubject(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is asked for: a model, a tool, an app or content, by ``name``. The other fields are a model's; ``kind`` is
    also content's (``trace``, ``dataset``)."""

    name: str = "something"
    provider: str = ""
    kind: str = ""
    upstream: str = ""
    region: str = ""
    local: bool = False
    data_classes: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


class Situation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The context. ``class_rank`` is by the standard list of classes where it is left out. ``at`` is Unix seconds."""

    data_class: str = ""
    class_rank: int | None = None
    app: str = ""
    environment: str = ""
    feature: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    at: int = 0


class PolicyExample(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``policy`` is the ``@id`` of the policy that must have forbidden it, where that matters."""

    name: str
    expect: Literal["allow", "deny"]
    action: Action
    principal: Asker = Asker()
    resource: PolicySubject = PolicySubject()
    context: Situation = Situation()
    policy: str = ""


class TestedExample(Struct, frozen=True, kw_only=True):
    """``why`` says what came instead, empty where it passed."""

    name: str
    passed: bool
    got: Literal["allow", "deny"]
    policy: str
    why: str


def run(source: PolicySet, examples: Sequence[PolicyExample], order: Sequence[str]) -> list[TestedExample]:
    """Every example against the set; ``order`` are the data classes, least sensitive first."""
    engine = engine_of([source])
    return [_outcome(engine, each, order) for each in examples]


def check(source: PolicySet, examples: Sequence[PolicyExample], order: Sequence[str]) -> None:
    """Raises `InvalidRequest` that names the examples which do not hold."""
    if len(examples) > MOST:
        raise InvalidRequest(f"A set may have {MOST} tests.", fix="Split the set.", param="tests")
    failed = [each for each in run(source, examples, order) if not each.passed]
    if failed:
        told = " ".join(f"{each.name!r}: {each.why}" for each in failed[:5])
        raise InvalidRequest(
            f"{len(failed)} of the {len(examples)} tests of these policies do not hold. {told}",
            fix="Correct the policies, or the tests that no longer say what you want.",
            code="policy_tests_failed",
            param="tests",
        )


def ask(engine: Engine, example: PolicyExample, order: Sequence[str]) -> Verdict:
    """What an engine says of the request that an example describes."""
    return engine.decide(example.action, _who(example.principal), _what(example), _facts(example.context, order))


def _outcome(engine: Engine, example: PolicyExample, order: Sequence[str]) -> TestedExample:
    verdict = ask(engine, example, order)
    got = "allow" if verdict.allowed else "deny"
    return TestedExample(
        name=example.name, passed=not (why := _why(example, verdict)), got=got, policy=verdict.policy, why=why
    )


def _why(example: PolicyExample, verdict: Verdict) -> str:
    if verdict.allowed:
        return "" if example.expect == "allow" else "It is allowed."
    if verdict.error or example.expect == "allow":
        return verdict.sentence()
    if example.policy and verdict.policy != example.policy:
        return f"{verdict.policy!r} forbids it, not {example.policy!r}."
    return ""


def _who(asker: Asker) -> Who:
    service = asker.owner.startswith("svc_")
    owner = Who(kind="ServiceAccount" if service else "User", id=asker.owner, groups=asker.groups)
    return Who(
        kind=asker.kind,
        id=asker.id,
        name=asker.name,
        role=asker.role,
        roles=asker.roles,
        groups=asker.groups,
        project=asker.project,
        organisation=asker.organisation,
        owner=owner if asker.owner else None,
    )


def _what(example: PolicyExample) -> What:
    subject = example.resource
    if example.action != "call_model":
        return plain(example.action, subject.name, subject.kind)
    attrs: dict[str, Any] = {name: getattr(subject, name) for name in PolicySubject.__struct_fields__}
    return What(id=subject.name, attrs=attrs, parents=(("Provider", subject.provider),) if subject.provider else ())


def plain(action: Action, name: str, kind: str = "") -> What:
    """A resource that is no model: a tool, an app, or content of a kind."""
    attrs = {"name": name, "kind": kind} if action in ("export", "read_content") else {"name": name}
    return What(id=name, attrs=attrs)


def _facts(situation: Situation, order: Sequence[str]) -> Facts:
    rank = situation.class_rank
    if rank is None:
        rank = order.index(situation.data_class) if situation.data_class in order else -1
    return Facts(
        data_class=situation.data_class,
        class_rank=rank,
        app=situation.app,
        environment=situation.environment,
        feature=situation.feature,
        user=situation.user,
        tags=situation.tags,
        labels=situation.labels,
        at_s=situation.at,
    )
