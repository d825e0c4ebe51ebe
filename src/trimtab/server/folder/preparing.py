"""Everything about a plan that is thought out before the catalog is written to: what differs, what prompts include,
what the next release of each app would be. Templates are parsed in threads and no connection is held meanwhile; whether
the catalog is still as it was then, `applying.py` sees when it writes."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound, TrimtabError
from trimtab.gateway.routing import store as route_store
from trimtab.gateway.routing.expand import node_of
from trimtab.gateway.routing.types import Route
from trimtab.gateway.routing.walk import names_of
from trimtab.gateway.targets import Model, ProjectTargets, Provider
from trimtab.governance.access import Project
from trimtab.governance.audit import Actor
from trimtab.governance.projects import REVISION
from trimtab.prompts import canonical as prompt_canonical
from trimtab.prompts import store as prompt_store
from trimtab.prompts.types import LATEST, Bundle, PromptError, Reference, Source
from trimtab.releases import canonical, environments, freeze
from trimtab.releases import store as releases
from trimtab.releases.types import AppSpec, Content, Environment, PinnedGuard, Placement, Release
from trimtab.server.config.file import ConfigFile
from trimtab.server.config.reading import Mistake
from trimtab.server.dependencies import Dependencies
from trimtab.server.folder import comparing, items
from trimtab.server.folder.comparing import Comparison
from trimtab.server.folder.fields import FILE
from trimtab.server.folder.items import Item
from trimtab.server.folder.managed import Basis
from trimtab.server.folder.reading import Folder
from trimtab.server.folder.state import State, models, read_state
from trimtab.server.freezing import corpora_of, gateway_with, guards_of, refuse_broken_chain
from trimtab.server.freezing import frozen as frozen_now
from trimtab.server.prompt_reading import Ahead, aside, bundle_of
from trimtab.storage import revision


class Asked(Struct, frozen=True, kw_only=True):
    """``to`` is the environment that releases go to, empty for none; at once where ``direct``. ``now``: Unix ms."""

    project: Project
    folder: Folder
    to: str
    message: str
    actor: Actor
    now: int
    direct: bool = False


class Frozen(Struct, frozen=True, kw_only=True):
    """What the next release of an app would be, and its newest one now."""

    content: Content
    hash: str
    newest: Release | None


class Seen(Struct, frozen=True, kw_only=True):
    """The catalog at one moment. ``revision`` counts its changes; ``placements`` are those of ``to``, by app."""

    revision: int
    state: State
    models: dict[str, Model]
    routes: dict[str, Route]
    placements: dict[str, Placement]
    environment: Environment | None
    newest: dict[str, Release]


class Prepared(Struct, frozen=True, kw_only=True):
    """``targets`` and ``routes`` are all of the project once the folder is applied, the config file's too."""

    asked: Asked
    seen: Seen
    comparison: Comparison
    basis: Basis
    frozen: dict[str, Frozen]
    targets: ProjectTargets
    routes: dict[str, Route]
    mistakes: list[Mistake]
    notes: list[str] = []


def look(conn: Connection, asked: Asked) -> Seen:
    """Raises `NotFound` where there is no such environment, which the folder does not make either."""
    project = asked.project.id
    state = read_state(conn, project)
    environment = state.environments.get(asked.to)
    if asked.to and environment is None and ("environment", asked.to) not in asked.folder.items:
        environments.environment(conn, project, asked.to)
    apps = {name for kind, name in asked.folder.items if kind == "app"}
    placed = environments.placements(conn, project) if asked.to else []
    return Seen(
        revision=revision.current(conn, REVISION),
        state=state,
        models=models(conn, project),
        routes={row.route.name: row.route for row in route_store.routes(conn, project)},
        placements={each.app: each for each in placed if each.environment == asked.to and each.app in apps},
        environment=environment,
        newest={
            name: releases.release(conn, project, name, each.newest)
            for name, each in state.apps.items()
            if name in apps and each.newest
        },
    )


async def prepare(deps: Dependencies, asked: Asked) -> Prepared:
    """Raises `NotFound` for an environment that there is not, `Unavailable`; mistakes are noted."""
    seen = await deps.db.read(lambda conn: look(conn, asked))
    comparison = comparing.compare(asked.folder, seen.state)
    ours = deps.config.project == asked.project.slug
    config = deps.config if ours else ConfigFile()
    targets, routes = _targets_to_be(
        comparison, seen, config, deps.snapshots.current.targets[asked.project.id].providers
    )
    thinking = _Thinking(deps, asked, seen, comparison, (targets, routes))
    thinking.mistakes += [_owned(item, owner) for item, owner in comparison.foreign]
    thinking.mistakes += _declared(asked.folder, config)
    thinking.labels()
    await thinking.includes()
    frozen = await thinking.releases()
    return Prepared(
        asked=asked,
        seen=seen,
        comparison=comparison,
        basis=basis_of(asked, seen, frozen),
        frozen=frozen,
        targets=targets,
        routes=routes,
        mistakes=thinking.mistakes,
        notes=thinking.notes,
    )


def basis_of(asked: Asked, seen: Seen, frozen: Mapping[str, Frozen]) -> Basis:
    placed: dict[str, str] = {}
    if asked.to:
        for name in sorted(name for kind, name in asked.folder.items if kind == "app"):
            at = seen.placements.get(name)
            told = None if at is None else [at.stable, at.rollout]
            placed[f"release of {name} in {asked.to}"] = items.fingerprint(told)
        if seen.environment is not None:
            placed[f"protection of {asked.to}"] = items.fingerprint(items.environment_plain(seen.environment))
    for name, each in frozen.items():
        placed[f"next release of {name}"] = each.hash[-16:]
        placed[f"newest release of {name}"] = "" if each.newest is None else each.newest.hash[-16:]
    found = comparing.basis(asked.folder, seen.state, asked.to, placed)
    return structs.replace(found, direct=bool(asked.to) and asked.direct)


def _owned(item: Item, owner: str) -> Mistake:
    fix = f"Take it out of one of the folders, or give both the same name in {FILE}."
    return Mistake(path=item.path, line=item.line, what=f"The {item} belongs to the folder {owner!r}.", fix=fix)


def _declared(folder: Folder, config: ConfigFile) -> list[Mistake]:
    """What the server's config file declares wins over the catalog by name."""
    names: dict[str, Any] = {
        "model": config.models,
        "route": config.routes,
        "policy": config.policies,
        "limit": config.limits,
    }
    return [
        Mistake(
            path=item.path,
            line=item.line,
            what=f"The {item} is declared in the server's config file ({config.path}), which wins.",
            fix="Keep it in one of the two.",
        )
        for (kind, name), item in folder.items.items()
        if name in names.get(kind, ())
    ]


def _targets_to_be(
    comparison: Comparison, seen: Seen, config: ConfigFile, providers: dict[str, Provider]
) -> tuple[ProjectTargets, dict[str, Route]]:
    made, routes = dict(seen.models), dict(seen.routes)
    for change in comparison.changes:
        kept: dict[str, Any] = made if change.item.kind == "model" else routes
        if change.item.kind in ("model", "route"):
            if change.wanted is None:
                kept.pop(change.item.name, None)
            else:
                kept[change.item.name] = change.wanted.value
    return ProjectTargets(providers=providers, models=made | config.models), routes | config.routes


class _Thinking:
    """Of one folder against one look at the catalog."""

    def __init__(
        self,
        deps: Dependencies,
        asked: Asked,
        seen: Seen,
        comparison: Comparison,
        to_be: tuple[ProjectTargets, dict[str, Route]],
    ) -> None:
        targets, routes = to_be
        self.mistakes: list[Mistake] = []
        self.notes: list[str] = []
        self._deps = deps
        self._asked = asked
        self._seen = seen
        self._comparison = comparison
        self._targets = targets
        self._routes = routes
        self._gateway = gateway_with(targets, routes)
        self._bundles: dict[str, Bundle] = {}

    def _refuse(self, item: Item, error: TrimtabError, line: int | None = None) -> None:
        told = Mistake(path=item.path, line=line or item.line, what=error.message, fix=error.fix)
        self.mistakes.append(told)

    async def includes(self) -> None:
        """Every prompt of the folder with what it includes."""
        for name, file in self._asked.folder.prompts.items():
            item = self._asked.folder.items["prompt", name]
            try:
                self._bundles[name] = await bundle_of(
                    self._deps, self._asked.project, self._source(name), cast("Ahead", self._ahead)
                )
            except PromptError as error:
                line = file.starts[0] if file.starts else 1
                self._refuse(item, error, line)

    def _source(self, name: str) -> Source:
        """A prompt's newest version, once the folder is applied."""
        folder, state = self._asked.folder, self._seen.state
        file = folder.prompts.get(name)
        content = file.content if file is not None else state.prompts[name].stored.content
        version = comparing.version_to_be(name, folder, state)
        return Source(name=name, version=version, hash=prompt_canonical.content_hash(content), content=content)

    def _ahead(self, wanted: Reference) -> Source | None:
        """What the folder decides of a reference: its own prompts, and labels that it sets."""
        folder = self._asked.folder
        if wanted.ref == LATEST:
            return self._source(wanted.name) if wanted.name in folder.prompts else None
        label = folder.items.get(("label", items.label_name(wanted.name, wanted.ref)))
        if label is None:
            number = wanted.ref if wanted.ref.isascii() and wanted.ref.isdecimal() else ""
            return self._source(wanted.name) if self._is_new(wanted.name, number) else None
        version = comparing.seen(label, folder, self._seen.state).value
        newest = comparing.version_to_be(wanted.name, folder, self._seen.state)
        known = wanted.name in folder.prompts or wanted.name in self._seen.state.prompts
        return self._source(wanted.name) if known and version == newest else None

    def _is_new(self, name: str, number: str) -> bool:
        if not number or name not in self._asked.folder.prompts or len(number) > 9:
            return False
        return int(number) == comparing.version_to_be(name, self._asked.folder, self._seen.state)

    def labels(self) -> None:
        """Of prompts that are there once the folder is applied; also those that stay where they are."""
        for (kind, name), item in self._asked.folder.items.items():
            prompt, _, label = name.partition(":")
            if kind != "label" or prompt in self._asked.folder.prompts:
                continue
            if item.value is None:
                what = f"The label {label!r} is to be at what the folder's file of {prompt!r} is, and there is none."
                fix = f"Add prompts/{prompt}.prompt.md, or write a version's number."
                self.mistakes.append(Mistake(path=item.path, line=item.line, what=what, fix=fix))
            elif self._is_away(prompt):
                what = f"The label {label!r} is of the prompt {prompt!r}, which is archived."
                fix = "Put its file into the folder, or take the label out."
                self.mistakes.append(Mistake(path=item.path, line=item.line, what=what, fix=fix))

    def _is_away(self, prompt: str) -> bool:
        """Archived, or about to be."""
        key = ("prompt", prompt)
        leaving = {each.key for each in self._comparison.changes if each.wanted is None}
        return key in self._seen.state.archived or key in leaving

    async def releases(self) -> dict[str, Frozen]:
        """By app: what its next release would be."""
        found: dict[str, Frozen] = {}
        for (kind, name), item in sorted(self._asked.folder.items.items()):
            if kind != "app":
                continue
            try:
                content = await self._frozen(name, cast("AppSpec", item.value))
            except (InvalidRequest, NotFound) as error:
                if await self._was_so(item):
                    self.notes.append(f"No release can be made of the app {name!r}, as before: {error.message}")
                else:
                    self._refuse(item, error)
                continue
            digest = canonical.content_hash(content)
            found[name] = Frozen(content=content, hash=digest, newest=self._seen.newest.get(name))
        return found

    async def _was_so(self, item: Item) -> bool:
        """Whether it is a draft that nobody changes here, of which no release could be made before either: what is
        there may always be exported and applied again."""
        if item.key in {each.item.key for each in self._comparison.changes} or item.name not in self._seen.state.apps:
            return False
        try:
            await frozen_now(self._deps, self._asked.project, item.name, cast("AppSpec", item.value))
        except (InvalidRequest, NotFound, Conflict):
            return True
        return False

    async def _frozen(self, app: str, spec: AppSpec) -> Content:
        """Raises `InvalidRequest` and `NotFound`."""
        bundle: Bundle | None = None
        if spec.prompt:
            bundle = await self._bundle(app, freeze.reference(spec.prompt))
        self._refuse_broken(app, spec)
        ahead = self._guards_ahead(spec)
        rest = structs.replace(spec, guards=tuple(each for each in spec.guards if each not in ahead))
        guards = ahead | await self._deps.db.read(lambda conn: guards_of(conn, self._asked.project, rest))
        corpora = await self._deps.db.read(lambda conn: corpora_of(conn, self._asked.project, spec))
        return await aside(self._deps, freeze.freeze, app, spec, bundle, self._gateway, guards, corpora)

    def _guards_ahead(self, spec: AppSpec) -> dict[str, PinnedGuard]:
        """Those guards of a draft that the folder decides, as they will be. Raises `InvalidRequest` where one of them
        is about to be put away."""
        found: dict[str, PinnedGuard] = {}
        changed = {each.key: each for each in self._comparison.changes if each.item.kind == "guard"}
        for each in spec.guards:
            name, version = freeze.guard_reference(each)
            change = changed.get(("guard", name))
            if change is None:
                continue
            if change.wanted is None:
                raise InvalidRequest(
                    f"The guard {name!r} is not in the folder any more, so it would be archived.",
                    fix="Keep its file, or take it out of the app.",
                    param="guards",
                )
            there = self._seen.state.governed.guards.get(name)
            newest = 0 if there is None else there.version
            to_be = newest if there is not None and there.spec == change.wanted.value else newest + 1
            if version in (None, to_be):
                plain = msgspec.to_builtins(change.wanted.value)
                found[each] = PinnedGuard(name=name, version=to_be, spec=plain)
        return found

    def _refuse_broken(self, app: str, spec: AppSpec) -> None:
        """Raises `InvalidRequest` where the route leads to a model that nobody can call."""
        chains = {name: model.fallback for name, model in self._targets.models.items()}
        if isinstance(spec.route, str):
            refuse_broken_chain(app, spec.route, chains, self._trouble)
        waiting = [node_of(spec.route)]
        seen: set[str] = set()
        while waiting:
            for name in sorted(names_of(waiting.pop()) - seen):
                seen.add(name)
                if name in self._routes:
                    waiting.append(self._routes[name].tree)
                elif name in self._targets.models and (why := self._trouble(name)):
                    raise InvalidRequest(f"The app {app!r} uses the model {name!r}. {why}", fix="Mend that first.")

    def _trouble(self, name: str) -> str:
        model = self._targets.models.get(name)
        provider = name.partition("/")[0] if model is None else model.provider
        return "" if provider in self._targets.providers else f"Its provider {provider!r} is not there."

    async def _bundle(self, app: str, wanted: Reference) -> Bundle:
        source = self._ahead(wanted)
        if source is not None and wanted.name in self._bundles:
            return self._bundles[wanted.name]
        if source is None:
            if self._is_away(wanted.name):
                raise InvalidRequest(
                    f"The app {app!r} uses the prompt {wanted.name!r}, which is archived.",
                    fix="Put its file into the folder, or name another prompt.",
                )
            ref = self._numbered(wanted)
            stored = await self._deps.db.read(
                lambda conn: prompt_store.find(conn, self._asked.project.id, wanted.name, ref)
            )
            source = Source(
                name=wanted.name, version=stored.row.version, hash=stored.row.hash, content=stored.content
            )  # fmt: skip
        return await bundle_of(self._deps, self._asked.project, source, cast("Ahead", self._ahead))

    def _numbered(self, wanted: Reference) -> str:
        """A label that the folder sets to an older version means that version already."""
        label = self._asked.folder.items.get(("label", items.label_name(wanted.name, wanted.ref)))
        return wanted.ref if label is None or label.value is None else str(label.value)
