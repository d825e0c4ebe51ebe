"""A release made ready for calls. What a release says never changes, so its prompt, parameters and policies are
compiled once for as long as it is in use; its route is compiled anew with each snapshot, against the providers there
are now.

A release that cannot be used is ready all the same, and says why: its calls are refused with the reason, and all other
apps go on.
"""

import hashlib
from collections.abc import Collection, Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from trimtab.core.errors import InvalidRequest, TrimtabError
from trimtab.gateway.apps.overlay import Overlay
from trimtab.gateway.apps.passages import LAYOUT
from trimtab.gateway.apps.prompt import Prompt
from trimtab.gateway.apps.types import Ready, Sought
from trimtab.gateway.call_policy import (
    CachePolicy,
    CallPolicy,
    CompiledPolicy,
    ContextPolicy,
    check_cache,
    check_context,
)
from trimtab.gateway.routing.compile import Compiled, compile_route
from trimtab.gateway.routing.fittings import Fittings
from trimtab.gateway.routing.types import Affinity, Node, Route
from trimtab.gateway.targets import Model, ProjectTargets
from trimtab.guard.spec import Broken as BrokenGuard
from trimtab.guard.spec import Ready as ReadyGuard
from trimtab.guard.spec import ready_or_broken
from trimtab.guard.types import GuardSpec
from trimtab.releases.knowledge import template_of
from trimtab.releases.lanes import ReleaseRow
from trimtab.releases.types import Content, PinnedGuard, PinnedKnowledge

_content: Final = msgspec.json.Decoder(Content).decode
Key = tuple[str, str, int, str]


class _Kit(Struct, frozen=True, kw_only=True):
    """What a release says, whatever providers there are."""

    content: Content | None
    prompt: Prompt | None = None
    overlay: Overlay | None = None
    policy: CompiledPolicy
    context: ContextPolicy | None = None
    guards: tuple[ReadyGuard | BrokenGuard, ...] = ()
    knowledge: tuple[Sought, ...] = ()
    trouble: str = ""


class Releases:
    """Compiled releases of one process; those that no snapshot uses any more are forgotten (`keep`)."""

    def __init__(self) -> None:
        self._kits: dict[Key, _Kit] = {}

    def ready(self, row: ReleaseRow, targets: ProjectTargets, made_with: Fittings) -> Ready:
        """The release as calls need it; never raises for what is in it."""
        kit = self._kit(row)
        content = kit.content
        if content is None:
            return Ready(app=row.app, number=row.number, hash=row.hash, policy=kit.policy, trouble=kit.trouble)
        route, trouble = _route(row, content, targets, made_with)
        return Ready(
            app=row.app,
            number=row.number,
            hash=row.hash,
            route=route,
            prompt=kit.prompt,
            overlay=kit.overlay,
            policy=kit.policy,
            context=kit.context,
            guards=kit.guards,
            knowledge=kit.knowledge,
            trouble=trouble,
        )

    def read(self, rows: Iterable[ReleaseRow]) -> None:
        """Read those that are new, ahead of `ready`: there may be megabytes of them, so this is for a thread beside the
        one that calls run in. Their prompts are compiled when they are first called."""
        for row in rows:
            self._kit(row)

    def _kit(self, row: ReleaseRow) -> _Kit:
        key = key_of(row)
        kit = self._kits.get(key)
        if kit is None:
            kit = self._kits[key] = _kit(row)
        return kit

    def keep(self, rows: Collection[Key]) -> None:
        """Forget all others."""
        for key in self._kits.keys() - set(rows):
            del self._kits[key]

    def __len__(self) -> int:
        return len(self._kits)


def key_of(row: ReleaseRow) -> Key:
    return row.project_id, row.app, row.number, row.hash


def _kit(row: ReleaseRow) -> _Kit:
    label = f"The release {row.app} r{row.number}"
    standing = hashlib.blake2b(f"release:{row.app}:{row.hash}".encode(), digest_size=16).digest()
    empty = CompiledPolicy(CallPolicy(), standing)
    try:
        content = _content(row.content)
        prompt = None
        if content.prompt is not None:
            prompt = Prompt(content.prompt, content.variables, content.policy, lazily=label)
        overlay = None
        if prompt is not None or content.parameters or content.tools or content.output_schema is not None:
            overlay = Overlay(label, content.parameters, content.tools, content.output_schema)
        cache, context = _policies(content)
        knowledge = tuple(_sought(each, label) for each in content.knowledge)
    except TrimtabError as error:
        return _Kit(content=None, policy=empty, trouble=f"{label} cannot be used: {error.sentence()}")
    except (msgspec.MsgspecError, RecursionError) as error:
        return _Kit(content=None, policy=empty, trouble=f"{label} cannot be read: {str(error)[:300]}.")
    policy = CompiledPolicy(CallPolicy(cache=cache), standing)
    guards = tuple(_guard(each) for each in content.guards)
    return _Kit(
        content=content,
        prompt=prompt,
        overlay=overlay,
        policy=policy,
        context=context,
        guards=guards,
        knowledge=knowledge,
    )


def _sought(pinned: PinnedKnowledge, label: str) -> Sought:
    """Raises `InvalidRequest` for a layout that a newer server has made."""
    if pinned.layout != LAYOUT:
        raise InvalidRequest(f"Its knowledge stands in calls in the form {pinned.layout}, which this server lacks.")
    return Sought(
        pinned=pinned,
        query=Prompt(template_of(pinned.query), {}, {}, lazily=label) if pinned.query else None,
    )


def _guard(pinned: PinnedGuard) -> ReadyGuard | BrokenGuard:
    """A guard that cannot be used any more fails by its own failure mode; that mode itself must be readable."""
    try:
        spec = msgspec.convert(pinned.spec, GuardSpec)
    except msgspec.ValidationError as error:
        closed = GuardSpec(kind=str(pinned.spec.get("kind", "")), action="block")
        return BrokenGuard(name=pinned.name, version=pinned.version, spec=closed, why=str(error)[:300])
    return ready_or_broken(pinned.name, pinned.version, spec)


def _policies(content: Content) -> tuple[CachePolicy | None, ContextPolicy | None]:
    cache = None if content.cache is None else msgspec.convert(content.cache, CachePolicy)
    context = None if content.context is None else msgspec.convert(content.context, ContextPolicy)
    if cache is not None:
        check_cache(cache)
    if context is not None:
        check_context(context)
    return cache, context


def _route(
    row: ReleaseRow, content: Content, targets: ProjectTargets, made_with: Fittings
) -> tuple[Compiled | None, str]:
    try:
        tree: Any = msgspec.convert(content.route, Node)
        affinity = Affinity() if content.affinity is None else msgspec.convert(content.affinity, Affinity)
    except (msgspec.MsgspecError, RecursionError) as error:
        return None, f"The route of the release {row.app} r{row.number} cannot be read: {str(error)[:300]}."
    route = Route(name=row.app, tree=tree, affinity=affinity)
    pinned = ProjectTargets(providers=targets.providers, models=_pinned(content, targets))
    return compile_route(route, row.project_id, pinned, {}, made_with), ""


def _pinned(content: Content, targets: ProjectTargets) -> dict[str, Model]:
    """What each leaf of the route is. A name that still means the same is the model it is now, with its price and its
    resilience; one that has come to mean something else goes by provider and id."""
    found: dict[str, Model] = {}
    for name, pin in content.models.items():
        now = targets.models.get(name)
        if now is None or (now.provider, now.upstream) != (pin.provider, pin.upstream):
            other = f"{pin.provider}/{pin.upstream}"
            now = Model(name=other, provider=pin.provider, upstream=pin.upstream)
        found[name] = now
    return found
