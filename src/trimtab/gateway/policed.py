"""Policies on the path of a call: of what class its data is, and which targets and tools it may have.

    (app, guards) -> `govern`: class and tools -> [cache: `may_all`] -> `screen` the targets -> limits -> attempts

A target that a policy forbids is passed over with the reason in the decision record, as one whose breaker is open would
be: the call falls to the next that is allowed, and is refused where none is left. What is decided depends only on what
the policies in force look at, so it is remembered under just that (`Governed.reads`): a repeated decision is one look
into a dict. Without any policy a call pays for one attribute test.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Raw, Struct, structs

from trimtab.core.errors import InvalidRequest
from trimtab.gateway.call import Call
from trimtab.gateway.route import Target
from trimtab.gateway.routing.local import is_local
from trimtab.gateway.targets import Provider
from trimtab.governance.access import Principal
from trimtab.governance.data_classes import Classes, DataTerms, check_class, over
from trimtab.governance.policy_eval import ALLOWED, Engine, Facts, Verdict, What, Who, refusal
from trimtab.governance.policy_examples import plain
from trimtab.guard.types import Verdict as GuardVerdict

SECOND: Final = 1_000_000_000
HEADER: Final = "trimtab-data-class"
STANDARD: Final = Classes()
MOST_WHATS: Final = 4_096
_BROKEN: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
Read = Callable[[Call], Any]


def _app(call: Call) -> str:
    return "" if call.app is None else call.app.app


def _environment(call: Call) -> str:
    return "" if call.app is None else call.app.environment


READS: Final[dict[str, Read]] = {
    "data_class": lambda call: call.data_class,
    "class_rank": lambda call: call.data_class,
    "app": _app,
    "environment": _environment,
    "feature": lambda call: call.caller.feature,
    "user": lambda call: call.caller.user,
    "tags": lambda call: call.caller.tags,
    "labels": lambda call: call.labels,
    "now": lambda call: call.started_ns // (60 * SECOND),
    "hour": lambda call: call.started_ns // (3600 * SECOND),
    "weekday": lambda call: call.started_ns // (86_400 * SECOND),
}
"""By what of a call a decision is remembered that looked at a field of its context."""


class Stated(Struct, frozen=True, kw_only=True):
    """What a project states of its data: its list of classes, which keys (by id) and apps are of which, and the terms
    of providers and models. ``slug``, ``organisation`` (a slug, too) and ``key_names`` are what principals are called
    by; ``people`` by id those who are anything in the project, ``owners`` by a key's id whose it is."""

    classes: Classes = STANDARD
    keys: dict[str, str] = {}
    apps: dict[str, str] = {}
    providers: dict[str, DataTerms] = {}
    models: dict[str, DataTerms] = {}
    slug: str = ""
    organisation: str = ""
    key_names: dict[str, str] = {}
    people: dict[str, Who] = {}
    owners: dict[str, str] = {}


class Governed:
    """What the data plane goes by in one project, for as long as one snapshot. ``engine`` is None without policies."""

    __slots__ = ("_reads", "_tool_reads", "_whats", "engine", "stated", "tools")

    def __init__(self, stated: Stated, engine: Engine | None) -> None:
        self.stated = stated
        self.engine = engine
        self.tools = engine is not None and engine.speaks_of("call_tool")
        """Whether any policy decides about tools."""
        self._whats: dict[str, What] = {}
        seen = {} if engine is None else engine.seen
        self._reads = tuple(READS[name] for name in seen.get("call_model", ()))
        self._tool_reads = tuple(READS[name] for name in seen.get("call_tool", ()))

    def model(self, call: Call, target: Target) -> Verdict:
        """Whether the call may go to that target."""
        engine, principal = self.engine, call.principal
        if engine is None or principal is None:
            return ALLOWED
        key = (principal.key_id, target.model.name, *[read(call) for read in self._reads])
        found = engine.known(key)
        if found is not None:
            return found
        return engine.decide("call_model", self.who(principal), self._what(target), self.facts(call), key)

    def tool(self, call: Call, name: str) -> Verdict:
        """Whether the call may offer that tool."""
        engine, principal = self.engine, call.principal
        if engine is None or principal is None:
            return ALLOWED
        key = ("", principal.key_id, name, *[read(call) for read in self._tool_reads])
        found = engine.known(key)
        if found is not None:
            return found
        return engine.decide("call_tool", self.who(principal), plain("call_tool", name), self.facts(call), key)

    def who(self, principal: Principal) -> Who:
        return who_is(principal, self.stated)

    def facts(self, call: Call) -> Facts:
        return Facts(
            data_class=call.data_class,
            class_rank=self.stated.classes.rank(call.data_class),
            app=_app(call),
            environment=_environment(call),
            feature=call.caller.feature,
            user=call.caller.user,
            tags=call.caller.tags,
            labels=call.labels,
            at_s=call.started_ns // SECOND,
        )

    def _what(self, target: Target) -> What:
        name = target.model.name
        found = self._whats.get(name)
        if found is None:
            if len(self._whats) >= MOST_WHATS:
                self._whats.clear()
            found = self._whats[name] = what_is(target, self.stated)
        return found


def who_is(principal: Principal, stated: Stated) -> Who:
    """A principal as policies know it: a key by its id, a person by their address (`policy_people.py`)."""
    project = stated.slug if principal.project is not None else ""
    own = stated.people.get(principal.key_id)
    if principal.person and own is not None:
        return structs.replace(own, project=project, organisation=stated.organisation)
    return Who(
        kind="User" if principal.person else "Key",
        id=principal.key_id,
        name=stated.key_names.get(principal.key_id, ""),
        role=principal.role,
        project=project,
        organisation=stated.organisation,
        owner=stated.people.get(stated.owners.get(principal.key_id, "")),
    )


def what_is(target: Target, stated: Stated) -> What:
    """A target as policies know it, with its data terms."""
    model, provider = target.model, target.provider
    terms = over(stated.models.get(model.name), stated.providers.get(provider.name), region_of(provider))
    attrs: dict[str, Any] = {
        "name": model.name,
        "provider": provider.name,
        "kind": provider.kind,
        "upstream": model.upstream,
        "region": terms.region or "",
        "local": is_local(provider),
        "data_classes": terms.data_classes or (),
        "terms": terms.terms or (),
    }
    return What(id=model.name, attrs=attrs, parents=(("Provider", provider.name),))


def region_of(provider: Provider) -> str:
    """What a provider's own settings say of where it is: the clouds ask for a region or a location."""
    return (provider.options.get("region") or provider.options.get("location") or "").lower()


# --- the steps ---


def govern(call: Call, governed: Governed | None) -> Governed | None:
    """Say of what class the call's data is, and look at the tools it offers. The project's `Governed` where it has
    policies: its targets are to be screened then. Raises `InvalidRequest`, `PolicyRefused`."""
    classify(call, governed)
    if governed is None or governed.engine is None:
        return None
    check_tools(call, governed)
    return governed


def declares(call: Call) -> bool:
    """Whether the call, or a guard that looked at it, says of what class its data is."""
    return bool(call.caller.data_class or (call.guards is not None and call.guards.claims))


def classify(call: Call, governed: Governed | None) -> None:
    """Say of what class the call's data is: the most sensitive of what its header, its key, its app and its guards
    declare. Raises `InvalidRequest` for a class that there is not."""
    stated = _NOTHING if governed is None else governed.stated
    if call.guards is not None:
        call.labels = labels_of(call.guards.verdicts)
    told = call.caller.data_class
    if told:
        check_class(told, stated.classes, HEADER)
    names = [told, call.data_class]
    if call.principal is not None:
        names.append(stated.keys.get(call.principal.key_id, ""))
    names.append(stated.apps.get(_app(call), ""))
    call.data_class = stated.classes.highest(names)
    if call.guards is not None:
        call.guards.base_class = call.data_class
        call.data_class = stated.classes.raised(call.data_class, call.guards.claims)


_NOTHING: Final = Stated()


def labels_of(verdicts: Sequence[GuardVerdict]) -> tuple[str, ...]:
    """What guards found, as policies may look at it: the name of each guard that found anything, its label, and the
    kinds of its findings (``email``, ``aws_key``). Shadow ones count: a policy may act on what they only watch."""
    found = [each for each in verdicts if each.action != "allow" or each.found]
    names = {name for each in found for name in (each.guard, each.label, *each.found) if name}
    return tuple(sorted(names))


def screen(call: Call, governed: Governed, targets: Sequence[Target]) -> list[Target]:
    """The targets that policies allow, in their order; the others are noted. Raises `PolicyRefused` where none is."""
    if governed.engine is None:
        return list(targets)
    allowed: list[Target] = []
    first: Verdict | None = None
    for target in targets:
        verdict = governed.model(call, target)
        if verdict.allowed:
            allowed.append(target)
        else:
            first = first or verdict
            call.note(target, "skipped", verdict.sentence(), "policy")
    if not allowed and first is not None:
        raise refusal(first, _refused(call, targets))
    return allowed


def _refused(call: Call, targets: Sequence[Target]) -> str:
    data = f" with {call.data_class} data" if call.data_class else ""
    count = f" Each of its {len(targets)} targets is forbidden." if len(targets) > 1 else ""
    return f"This call of {call.head.model[:80]!r}{data} goes to no provider.{count}"


def may_all(call: Call, governed: Governed, targets: Iterable[Target]) -> bool:
    """Whether a call may have an answer of any of them. What is kept may be any one's: a call for which one of them is
    forbidden gets nothing that is kept, and nothing is kept of it."""
    return governed.engine is None or all(governed.model(call, target).allowed for target in targets)


def check_tools(call: Call, governed: Governed) -> None:
    """Refuse a call that offers a tool which policies forbid, or leave such tools out where each policy that forbids
    it is annotated ``@tools("drop")``. Raises `PolicyRefused`."""
    if not governed.tools or call.front.operation != "chat":
        return
    dropped: set[str] = set()
    for name in offered(call.body):
        verdict = governed.tool(call, name)
        if verdict.allowed:
            continue
        if not verdict.drops:
            raise refusal(verdict, f"This call offers the tool {name[:80]!r}.")
        dropped.add(name)
    if dropped:
        body = without(call.body, dropped)
        if call.original is None:
            call.original = call.body
        call.body = body
        call.head = call.front.peek(body)
        call.extra_headers += b"trimtab-tools-dropped: %d\r\n" % len(dropped)


def refuse_tools(call: Call, governed: Governed, names: Iterable[str]) -> None:
    """The same of calls that nobody takes a tool out of, as those of a batch. Raises `PolicyRefused`."""
    for name in names if governed.tools else ():
        verdict = governed.tool(call, name)
        if not verdict.allowed:
            raise refusal(verdict, f"A request of this batch offers the tool {name[:80]!r}.")


# --- tools in a body, whatever its dialect ---


def offered(body: bytes) -> list[str]:
    """The names of the tools that a request offers: of functions as the model sees them (OpenAI's two shapes,
    Anthropic's, Gemini's), of what a provider runs itself its type (``web_search``; ``mcp:label`` for a server)."""
    fields = _fields(body)
    found = [name for item in _listed(fields.get("tools")) for name in _names(item)]
    return list(dict.fromkeys(found + [name for item in _listed(fields.get("functions")) for name in _names(item)]))


def without(body: bytes, names: set[str]) -> bytes:
    """The body without those tools. Raises `InvalidRequest` where it demands one of them."""
    fields = _fields(body)
    for member in ("tools", "functions"):
        if member in fields:
            kept = [left for item in _listed(fields[member]) if (left := _less(item, names)) is not None]
            if kept:
                fields[member] = Raw(msgspec.json.encode(kept))
            else:
                del fields[member]
                for choice in ("tool_choice", "function_call", "toolConfig", "parallel_tool_calls"):
                    wanted = fields.pop(choice, None)
                    if choice != "parallel_tool_calls" and wanted is not None:
                        _refuse_demanded(bytes(wanted), names)
    for choice in ("tool_choice", "function_call", "toolConfig"):
        if choice in fields:
            _refuse_demanded(bytes(fields[choice]), names)
    return msgspec.json.encode(fields)


def _refuse_demanded(choice: bytes, names: set[str]) -> None:
    for name in sorted(names):
        if msgspec.json.encode(name) in choice:
            raise InvalidRequest(
                f"The call demands the tool {name[:80]!r}, which a policy leaves out.",
                fix="Leave the tool and its choice out.",
                code="policy_forbidden",
                status=403,
                param="tool_choice",
            )


def _fields(body: bytes) -> dict[str, Raw]:
    try:
        return msgspec.json.decode(body, type=dict[str, Raw])
    except _BROKEN:
        raise InvalidRequest("The body is not a JSON object.") from None


def _listed(raw: Raw | None) -> list[dict[str, Any]]:
    if raw is None:
        return []
    try:
        found = msgspec.json.decode(raw)
    except _BROKEN:
        raise InvalidRequest("`tools` must be an array of objects.", param="tools") from None
    if not isinstance(found, list):
        return []
    items = cast("list[Any]", found)
    if not all(isinstance(item, dict) for item in items):
        raise InvalidRequest("`tools` must be an array of objects.", param="tools")
    return cast("list[dict[str, Any]]", items)


def _names(item: dict[str, Any]) -> list[str]:
    declared = item.get("functionDeclarations", item.get("function_declarations"))
    if isinstance(declared, list):
        inner = [cast("dict[str, Any]", each) for each in cast("list[Any]", declared) if isinstance(each, dict)]
        return [name for each in inner for name in _names(each)]
    function = item.get("function")
    name = cast("dict[str, Any]", function).get("name") if isinstance(function, dict) else item.get("name")
    if isinstance(name, str):
        return [name]
    kind = item.get("type")
    if kind == "mcp" and isinstance(item.get("server_label"), str):
        return [f"mcp:{item['server_label']}"]
    return [kind] if isinstance(kind, str) else list(item)[:1]


def _less(item: dict[str, Any], names: set[str]) -> dict[str, Any] | None:
    for member in ("functionDeclarations", "function_declarations"):
        declared = item.get(member)
        if isinstance(declared, list):
            inner = [each for each in cast("list[Any]", declared) if not names.intersection(_names(each))]
            return {**item, member: inner} if inner else None
    return None if names.intersection(_names(item)) else item
