"""Apps' drafts as contents of releases: what the catalog and the config file hold now, handed to `releases/freeze.py`.

Reads the prompt from the catalog, routes and models from the snapshot in force, which holds the config file's too.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.gateway import store as targets_store
from trimtab.gateway.apps.overlay import Overlay
from trimtab.gateway.call_policy import CachePolicy, ContextPolicy, check_cache, check_context
from trimtab.gateway.routing import store as route_store
from trimtab.gateway.routing.expand import expand, node_of, plain_tree
from trimtab.gateway.routing.types import Route
from trimtab.gateway.targets import ProjectTargets
from trimtab.governance.access import Project
from trimtab.guard import points
from trimtab.guard import store as guard_store
from trimtab.guard.store import GuardVersion
from trimtab.prompts import store as prompt_store
from trimtab.prompts.store import Stored
from trimtab.prompts.types import Bundle
from trimtab.releases import canonical, freeze
from trimtab.releases.freeze import Gateway, Routed
from trimtab.releases.knowledge import use_of
from trimtab.releases.types import AppSpec, Content, CorpusVersion, Json, Pinned, PinnedGuard
from trimtab.retrieval import corpora as retrieval
from trimtab.retrieval import versions
from trimtab.server.config.routes import known_of
from trimtab.server.dependencies import Dependencies
from trimtab.server.guard_views import detector_of
from trimtab.server.prompt_reading import aside, bundle_of, source_of


class Frozen(Struct, frozen=True, kw_only=True):
    content: Content
    hash: str


def gateway_of(deps: Dependencies, tenant: Project) -> Gateway:
    """What the gateway knows of that project now."""
    snapshot = deps.snapshots.current
    routes = {name: each.route for name, each in snapshot.routes.get(tenant.id, {}).items()}
    return gateway_with(snapshot.targets[tenant.id], routes)


def gateway_with(targets: ProjectTargets, routes: Mapping[str, Route]) -> Gateway:
    """What the gateway would know of a project that has these."""
    known = known_of(targets.models, targets.providers)

    def expanded(app: str, route: str | Json) -> Routed:
        made = expand(app, node_of(route), targets, routes, known)
        pinned = {name: Pinned(provider=at[0], upstream=at[1]) for name, at in made.models.items()}
        affinity = None if made.affinity is None else msgspec.to_builtins(made.affinity)
        return Routed(tree=plain_tree(made.tree), models=pinned, affinity=affinity)

    return Gateway(
        tree=lambda route: plain_tree(node_of(route)), expand=expanded, context=_context, cache=_cache, check=_check
    )


def _check(content: Content) -> None:
    """As the data plane will read it. Raises `InvalidRequest`."""
    try:
        Overlay("The release", content.parameters, content.tools, content.output_schema)
    except InvalidRequest as error:
        fix = error.fix or "Correct it in the app's draft, or in its prompt."
        raise InvalidRequest(error.message, fix=fix, param=error.param, code="app_invalid") from error


def _context(value: Json) -> Json:
    made = _converted(value, ContextPolicy, "context")
    check_context(made)
    return msgspec.to_builtins(made)


def _cache(value: Json) -> Json:
    made = _converted(value, CachePolicy, "cache")
    check_cache(made)
    return msgspec.to_builtins(made)


def _converted(value: Json, kind: Any, name: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"The {name} policy cannot be read: {error}.", fix="docs/cache.md shows its fields.", param=name
        ) from error


async def frozen(deps: Dependencies, tenant: Project, app: str, spec: AppSpec) -> Frozen:
    """What a release of that draft would be now. Raises `InvalidRequest` for what is missing, and `Conflict` where its
    prompt is archived."""
    prompt = await prompt_of(deps, tenant, app, spec)
    if isinstance(spec.route, str) and spec.route:
        await _whole_chain(deps, tenant, app, spec.route)
    gateway = gateway_of(deps, tenant)
    guards = await deps.db.read(lambda conn: guards_of(conn, tenant, spec))
    corpora = await deps.db.read(lambda conn: corpora_of(conn, tenant, spec))

    def make() -> Frozen:
        content = freeze.freeze(app, spec, prompt, gateway, guards, corpora)
        return Frozen(content=content, hash=canonical.content_hash(content))

    return await aside(deps, make)


async def _whole_chain(deps: Dependencies, tenant: Project, app: str, name: str) -> None:
    """Raises `InvalidRequest` where a model's own fallback cannot be used now: calls go on without it and take it up
    again when it is back, but a release would be without it for good."""
    rows = await deps.db.read(lambda conn: targets_store.models(conn, tenant.id))
    chains = {row.name: row.fallback for row in rows}
    if deps.config.project == tenant.slug:
        chains |= {model.name: model.fallback for model in deps.config.models.values()}
    usable = deps.snapshots.current.targets[tenant.id]

    def trouble(each: str) -> str:
        if each in usable.models or each.partition("/")[0] in usable.providers:
            return ""
        return deps.snapshots.trouble(tenant.id, each) or "It cannot be used now."

    refuse_broken_chain(app, name, chains, trouble)


def guards_of(conn: Connection, tenant: Project, spec: AppSpec) -> dict[str, PinnedGuard]:
    """What the guards that a draft names are now, by how it names them; without those that there are not. Raises
    `InvalidRequest` for what is no reference, and `Conflict` for a guard that is archived."""
    found: dict[str, PinnedGuard] = {}
    for each in spec.guards:
        name, version = freeze.guard_reference(each)
        try:
            row = guard_store.guard(conn, tenant.id, name, version)
        except NotFound:
            continue
        if row.archived is not None:
            raise Conflict(
                f"The guard {name!r} is archived.",
                fix=f"Take it out of the archive (trimtab guards archive {name} --restore), or name another.",
                code="guard_archived",
                param="guards",
            )
        _refuse_regressed(conn, row)
        plain = msgspec.to_builtins(row.spec)
        found[each] = PinnedGuard(name=row.name, version=row.version, spec=plain)
    return found


def corpora_of(conn: Connection, tenant: Project, spec: AppSpec) -> dict[str, CorpusVersion]:
    """The versions of the corpora that a draft names, by name; without corpora that there are not. Raises
    `InvalidRequest` for a version that is not there or cannot be searched yet, and `Conflict` for a corpus that is
    archived."""
    found: dict[str, CorpusVersion] = {}
    for use in map(use_of, spec.knowledge):
        try:
            corpus = retrieval.get(conn, tenant.id, use.corpus)
        except NotFound:
            continue
        if corpus.archived is not None:
            raise Conflict(
                f"The corpus {use.corpus!r} is archived.",
                fix="Take it out of the archive, or name another.",
                code="corpus_archived",
                param="knowledge",
            )
        try:
            version = versions.get(conn, corpus, versions.LATEST if use.version is None else str(use.version))
        except NotFound as error:
            raise InvalidRequest(error.message, fix=error.fix, param="knowledge", code="corpus_version") from error
        if version.state != "ready":
            raise InvalidRequest(
                f"Version {version.number} of the corpus {use.corpus!r} cannot be searched: it is {version.state}.",
                fix="Wait until it is ready, or name another version.",
                param="knowledge",
                code="corpus_version",
            )
        found[use.corpus] = CorpusVersion(number=version.number, digest=version.hash)
    return found


def _refuse_regressed(conn: Connection, row: GuardVersion) -> None:
    """Raises `Conflict` for a version whose threshold was checked with the detector of now, and found worse."""
    kept = points.kept(conn, row.project_id, [row]).get((row.name, row.version))
    if kept is not None and kept.checked is not None and kept.failed(detector_of(row.spec.kind)):
        raise Conflict(
            f"The threshold of the guard {row.name}@{row.version} was checked again and is worse: "
            + " ".join(kept.checked.reasons),
            fix=f"Choose it anew (trimtab guards operating-point {row.name} --budget {kept.chosen.budget:.2%} --apply)"
            " and name that version.",
            code="guard_regressed",
            param="guards",
        )


def refuse_broken_chain(
    app: str, name: str, chains: Mapping[str, tuple[str, ...]], trouble: Callable[[str], str]
) -> None:
    """Raises `InvalidRequest` where a name that a call may come to from ``name`` cannot be used. ``chains`` are models
    with their fallbacks; ``trouble`` says why one cannot be used, and nothing of one that can."""
    waiting, seen = [name], {name}
    while waiting:
        each = waiting.pop()
        why = trouble(each)
        if why and (each in chains or each != name):
            said = "uses the model" if each == name else f"uses {name!r}, which falls back to the model"
            raise InvalidRequest(
                f"The app {app!r} {said} {each!r}. {why}", fix="Mend it first, or change the route.", param="route",
                code="route_refused",
            )  # fmt: skip
        fresh = [following for following in chains.get(each, ()) if following not in seen]
        seen.update(fresh)
        waiting += fresh


async def prompt_of(deps: Dependencies, tenant: Project, app: str, spec: AppSpec) -> Bundle | None:
    """What the draft's reference to a prompt means now, with all it includes; None where it has none."""
    if not spec.prompt:
        return None
    wanted = freeze.reference(spec.prompt)

    def read(conn: Connection) -> Stored:
        try:
            if prompt_store.prompt(conn, tenant.id, wanted.name).archived is not None:
                raise freeze.prompt_archived(app, wanted.name)
            return prompt_store.find(conn, tenant.id, wanted.name, wanted.ref)
        except NotFound as error:
            raise InvalidRequest(
                f"The app {app!r} uses the prompt {spec.prompt!r}. {error.message}",
                fix=f"Make it first, or name another prompt. {error.fix}",
                param="prompt",
                code="prompt_missing",
            ) from error

    return await bundle_of(deps, tenant, source_of(await deps.db.read(read)))


def taken(deps: Dependencies, tenant: Project, conn: Connection) -> Mapping[str, str]:
    """Every name that clients may call as a model or a route, in the catalog and in the config file."""
    found = {row.name: "model" for row in targets_store.models(conn, tenant.id)}
    found |= {row.route.name: "route" for row in route_store.routes(conn, tenant.id)}
    if deps.config.project == tenant.slug:
        found |= dict.fromkeys(deps.config.models, "model") | dict.fromkeys(deps.config.routes, "route")
    return found
