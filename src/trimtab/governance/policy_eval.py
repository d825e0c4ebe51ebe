"""What policies decide. Pure: the same sets, principal, resource and context give the same verdict.

Every set in force judges for itself, and what one of them forbids is forbidden: a project's set cannot undo the
organisation's. A set decides about the actions that its policies name (all, where one names none). Within a set it is
as in Cedar: a ``forbid`` that fits wins; else a ``permit`` that fits; else the set's ``otherwise``.

Fails closed: where a policy errs while it is evaluated, or a set cannot be read at all, the answer is no.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct

from trimtab.core.errors import Forbidden, InvalidRequest
from trimtab.governance.policy_schema import ACTIONS, RESOURCE_OF, Action, Kind, fields_of
from trimtab.governance.policy_text import Read, mistakes, read, schema

Otherwise = Literal["allow", "deny"]
MOST_REMEMBERED: Final = 8_192
"""Decisions of one project that one worker remembers between two changes of the configuration."""
_MINUTE_S: Final = 60
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class Who(Struct, frozen=True, kw_only=True):
    """A principal. ``role``, ``roles``, ``groups`` and ``project`` are what it stands below; ``project`` and
    ``organisation`` are slugs, empty for the whole server's. ``owner`` is whose key it is; of the owner only the groups
    count for the key."""

    kind: Kind = "Key"
    id: str = ""
    name: str = ""
    role: str = "client"
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    project: str = ""
    organisation: str = ""
    owner: "Who | None" = None


class What(Struct, frozen=True, kw_only=True):
    """A resource, of the type that its action is about: its name and what else the schema has of that type."""

    id: str
    attrs: dict[str, Any] = {}
    parents: tuple[tuple[str, str], ...] = ()


class Facts(Struct, frozen=True, kw_only=True):
    """A context. ``at_s`` is Unix seconds."""

    data_class: str = ""
    class_rank: int = -1
    app: str = ""
    environment: str = ""
    feature: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    at_s: int = 0


class Verdict(Struct, frozen=True, kw_only=True):
    """``set`` and ``policy`` name what forbade it (``policy`` empty where no policy permits it); ``reason`` and ``fix``
    are its annotations ``@reason`` and ``@fix``; ``error`` is why it could not be evaluated; ``drops`` says that
    ``@tools("drop")`` asks to leave a forbidden tool out instead of refusing the call."""

    allowed: bool
    set: str = ""
    policy: str = ""
    reason: str = ""
    fix: str = ""
    error: str = ""
    drops: bool = False

    def sentence(self) -> str:
        """Why not, as one text."""
        if self.error:
            return f"The policies {self.set!r} could not be evaluated, so nothing is allowed: {self.error}"
        if not self.policy:
            return f"No policy of {self.set!r} permits it."
        told = f"The policy {self.policy!r} of {self.set!r} forbids it"
        return f"{told}: {self.reason}" if self.reason else f"{told}."


ALLOWED: Final = Verdict(allowed=True)


class PolicyRefused(Forbidden):
    """A policy forbids what was asked."""

    code = "policy_forbidden"


def refusal(verdict: Verdict, what: str) -> PolicyRefused:
    """The refusal of a verdict; ``what`` says what was asked, as a sentence."""
    fix = verdict.fix or "Ask whoever keeps this project's policies: trimtab policies list."
    code = "policy_error" if verdict.error else None
    return PolicyRefused(f"{what} {verdict.sentence()}", fix=fix, code=code)


class PolicySet(Struct, frozen=True, kw_only=True):
    """A set in force, as the catalog has it. ``name`` is what verdicts call it."""

    name: str
    text: str
    otherwise: Otherwise = "allow"


class Compiled:
    """One set, read once. ``actions`` are those it decides about; ``seen`` the names of a context's fields that its
    policies look at, by action. ``broken`` is why it cannot be read; then it forbids everything."""

    __slots__ = ("_authorized", "_denied", "_handle", "_said", "actions", "broken", "heads", "name", "seen")

    def __init__(self, source: PolicySet) -> None:
        self.name = source.name
        self.broken = ""
        self.actions: frozenset[str] = frozenset(ACTIONS)
        self.seen: dict[str, frozenset[str]] = {}
        self.heads: tuple[frozenset[str], ...] = ()
        """The actions of each policy, in order."""
        self._said: dict[str, Read] = {}
        found = mistakes(source.text)
        if found:
            self.broken = f"line {found[0].line}: {found[0].message}"
            return
        policies = read(source.text)
        self._said = {f"policy{each.number}": each for each in policies}
        heads = self.heads = tuple(_actions(each) for each in policies)
        self.actions = frozenset[str]().union(*heads)
        for action in self.actions:
            looked = [_looked_at(each, action) for each, head in zip(policies, heads, strict=True) if action in head]
            self.seen[action] = frozenset[str]().union(*looked)
        more = "\npermit(principal, action, resource);" if source.otherwise == "allow" else ""
        import cedarpy  # with the first policy, as in `policy_text`

        self._handle = cedarpy.PolicySet.from_str(source.text + more)
        self._denied = cedarpy.Decision.Deny
        self._authorized: Callable[..., cedarpy.AuthzResult] = cedarpy.is_authorized  # pyright: ignore  untyped dicts

    def decide(self, request: Mapping[str, Any], entities: str) -> Verdict:
        """One request of Cedar's; ``entities`` is JSON."""
        if self.broken:
            return Verdict(allowed=False, set=self.name, error=self.broken)
        try:
            found = self._authorized(dict(request), self._handle, entities, schema())
        except (ValueError, TypeError) as error:
            return Verdict(allowed=False, set=self.name, error=str(error)[:300])
        errors = list(found.diagnostics.errors)
        if errors:
            return Verdict(allowed=False, set=self.name, error=str(errors[0])[:300])
        if found.allowed:
            return ALLOWED
        if found.decision is not self._denied:
            return Verdict(allowed=False, set=self.name, error="the request does not fit the schema")
        reasons = sorted(found.diagnostics.reasons)
        if not reasons:
            return Verdict(allowed=False, set=self.name)
        said = [self._said[each] for each in reasons if each in self._said]
        first = said[0]
        return Verdict(
            allowed=False,
            set=self.name,
            policy=first.name,
            reason=first.annotations.get("reason", ""),
            fix=first.annotations.get("fix", ""),
            drops=all(each.annotations.get("tools") == "drop" for each in said),
        )


class Engine:
    """The sets in force for one project, and what they decided since they are. Belongs to one event loop.

    ``seen`` are the fields of a context that any policy looks at, by action, in the order of the schema: two requests
    that differ in nothing else get the same verdict, which is remembered.
    """

    __slots__ = ("_known", "_sets", "asked", "seen")

    def __init__(self, sets: Sequence[Compiled]) -> None:
        self._sets = tuple(sets)
        self._known: dict[tuple[Any, ...], Verdict] = {}
        self.asked = 0
        """How often Cedar itself was asked."""
        self.seen: dict[str, tuple[str, ...]] = {}
        for action in ACTIONS:
            looked = frozenset[str]().union(*(each.seen.get(action, frozenset()) for each in self._sets))
            self.seen[action] = tuple(name for name in fields_of(action) if name in looked)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self._sets)

    @property
    def broken(self) -> dict[str, str]:
        """Sets that cannot be read, and why."""
        return {each.name: each.broken for each in self._sets if each.broken}

    def speaks_of(self, action: Action) -> bool:
        """Whether any set decides about it."""
        return any(action in each.actions for each in self._sets)

    def known(self, key: tuple[Any, ...]) -> Verdict | None:
        """What was decided before under that key: of the action, principal, resource and seen fields."""
        return self._known.get(key)

    def decide(self, action: Action, who: Who, what: What, facts: Facts, key: tuple[Any, ...] | None = None) -> Verdict:
        """The verdict; remembered under ``key``, where one is given."""
        verdict = self._decide(action, who, what, facts)
        if key is not None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = verdict
        return verdict

    def _decide(self, action: Action, who: Who, what: What, facts: Facts) -> Verdict:
        sets = [each for each in self._sets if action in each.actions]
        if not sets:
            return ALLOWED
        self.asked += 1
        request = {
            "principal": _uid(who.kind, who.id),
            "action": f'Action::"{action}"',
            "resource": _uid(RESOURCE_OF[action], what.id),
            "context": msgspec.json.encode(context_of(action, facts)).decode(),
        }
        entities = msgspec.json.encode([*_principals(who), _resource(action, what)]).decode()
        for each in sets:
            verdict = each.decide(request, entities)
            if not verdict.allowed:
                return verdict
        return ALLOWED


class Compiler:
    """Makes engines, and remembers sets it has read: a change of the configuration reads only what changed."""

    def __init__(self) -> None:
        self._read: dict[PolicySet, Compiled] = {}

    def engine(self, sets: Sequence[PolicySet]) -> Engine:
        return Engine([self.compiled(each) for each in sets])

    def compiled(self, source: PolicySet) -> Compiled:
        found = self._read.get(source)
        if found is None:
            found = self._read[source] = Compiled(source)
        return found

    def keep(self, sets: Sequence[PolicySet]) -> None:
        """Forget all others."""
        wanted = set(sets)
        self._read = {source: made for source, made in self._read.items() if source in wanted}


def engine_of(sets: Sequence[PolicySet]) -> Engine:
    """For one question."""
    return Compiler().engine(sets)


def context_of(action: Action, facts: Facts) -> dict[str, Any]:
    """The context of an action, as Cedar's JSON has it: the whole of it, always."""
    minute = datetime.fromtimestamp(facts.at_s - facts.at_s % _MINUTE_S, UTC)
    whole: dict[str, Any] = {
        "data_class": facts.data_class,
        "class_rank": facts.class_rank,
        "app": facts.app,
        "environment": facts.environment,
        "feature": facts.feature,
        "user": facts.user,
        "tags": facts.tags,
        "labels": facts.labels,
        "now": {"__extn": {"fn": "datetime", "arg": minute.strftime("%Y-%m-%dT%H:%M:%SZ")}},
        "hour": minute.hour,
        "weekday": minute.isoweekday(),
    }
    return {name: whole[name] for name in fields_of(action)}


Getter = Callable[[Facts], Any]
MEMORY: Final[dict[str, Getter]] = {
    "data_class": lambda facts: facts.data_class,
    "class_rank": lambda facts: facts.class_rank,
    "app": lambda facts: facts.app,
    "environment": lambda facts: facts.environment,
    "feature": lambda facts: facts.feature,
    "user": lambda facts: facts.user,
    "tags": lambda facts: facts.tags,
    "labels": lambda facts: facts.labels,
    "now": lambda facts: facts.at_s // _MINUTE_S,
    "hour": lambda facts: facts.at_s // 3600 % 24,
    "weekday": lambda facts: facts.at_s // 86_400,
}
"""What of the facts a seen field is remembered by."""


# --- how Cedar wants it ---


def _uid(kind: str, name: str) -> str:
    return f"{kind}::{msgspec.json.encode(_plain(name)).decode()}"


def _plain(name: str) -> str:
    """A name in an identity: control characters, which JSON and Cedar write differently, as blanks."""
    return "".join(letter if letter.isprintable() else " " for letter in name)


def _entity(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": _plain(name)}


def _principals(who: Who) -> list[dict[str, Any]]:
    """The principal, and what of its parents stands below others in turn."""
    parents = [_entity("Role", role) for role in dict.fromkeys((who.role, *who.roles))]
    more: list[dict[str, Any]] = []
    if who.project:
        parents.append(_entity("Project", who.project))
        above = [_entity("Organisation", who.organisation)] if who.organisation else []
        more.append({"uid": _entity("Project", who.project), "attrs": {}, "parents": above})
    if who.kind == "User":
        parents += [_entity("Group", name) for name in who.groups]
    owner = who.owner
    if owner is not None and who.kind == "Key":
        parents.append(_entity(owner.kind, owner.id))
        above = [_entity("Group", name) for name in owner.groups] if owner.kind == "User" else []
        more.append(
            {"uid": _entity(owner.kind, owner.id), "attrs": {"name": owner.name, "role": owner.role}, "parents": above}
        )
    own = {"uid": _entity(who.kind, who.id), "attrs": {"name": who.name, "role": who.role}, "parents": parents}
    return [own, *more]


def _resource(action: Action, what: What) -> dict[str, Any]:
    parents = [_entity(kind, name) for kind, name in what.parents]
    return {"uid": _entity(RESOURCE_OF[action], what.id), "attrs": what.attrs, "parents": parents}


# --- what a policy looks at ---


def _actions(policy: Read) -> frozenset[str]:
    """The actions that a policy's head names; all, where it names none."""
    head = cast("dict[str, Any]", policy.body["action"])
    named = head.get("entities") or ([head["entity"]] if "entity" in head else [])
    found = frozenset(str(each["id"]) for each in cast("list[dict[str, str]]", named))
    return found or frozenset(ACTIONS)


def _looked_at(policy: Read, action: str) -> frozenset[str]:
    """The fields of the context that a policy's conditions name; all of them where it uses the context as a whole."""
    found: set[str] = set()
    _walk(policy.body.get("conditions", []), found)
    if "*" in found:
        return frozenset(fields_of(cast("Action", action)))
    return frozenset(found)


def _walk(node: Any, found: set[str]) -> None:
    if isinstance(node, list):
        for each in cast("list[Any]", node):
            _walk(each, found)
    elif isinstance(node, dict):
        each = cast("dict[str, Any]", node)
        for name in (".", "has"):
            access = each.get(name)
            if isinstance(access, dict) and cast("dict[str, Any]", access).get("left") == {"Var": "context"}:
                attr = cast("dict[str, Any]", access).get("attr")
                found.update(cast("list[str]", attr) if isinstance(attr, list) else (str(attr),))
                return
        if each.get("Var") == "context":
            found.add("*")
            return
        for value in each.values():
            _walk(value, found)


def check_name(name: str) -> None:
    """Raises `InvalidRequest`."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name[:80]!r} cannot be the name of a set of policies.",
            fix="Use up to 63 lower-case letters, digits, '.', '_' and '-', starting with a letter or digit.",
            param="name",
        )
