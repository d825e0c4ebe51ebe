"""The data plane's configuration in the making: catalog and config file become one immutable `Snapshot`.

The holder swaps snapshots whole. It reads the catalog anew when its revision counter has moved: right after a change
made here, and within a second or so for changes of other processes. The last good state also rests in a file, sealed
secrets and digests of keys only, so that a worker serves through an outage of the database and can even start in one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from trimtab.core.errors import InvalidRequest, Unavailable
from trimtab.core.whole_file import replace_file
from trimtab.gateway import call_policy
from trimtab.gateway import cards as cards_store
from trimtab.gateway import store as targets_store
from trimtab.gateway.apps.compile import Releases, key_of
from trimtab.gateway.apps.types import ProjectApps
from trimtab.gateway.call_policy import CallPolicy, CompiledPolicy
from trimtab.gateway.cards import CardRow
from trimtab.gateway.holds import by_project
from trimtab.gateway.provider_options import with_defaults
from trimtab.gateway.routing.compile import Compiled
from trimtab.gateway.routing.fittings import Fittings
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.staying_up.live import Live
from trimtab.gateway.store import ModelRow, ProviderRow
from trimtab.gateway.targets import Model, ProjectTargets, Provider
from trimtab.governance import data_keys
from trimtab.governance.access import AccessTable, Principal, Project
from trimtab.governance.key_uses import KeyUses
from trimtab.governance.principals import made as principals_made
from trimtab.governance.projects import REVISION
from trimtab.governance.sealing import Keys
from trimtab.governance.secrets import SecretBox
from trimtab.governance.store import KeyRow, ProjectRow
from trimtab.ledger.limit_plan import ProjectLimits
from trimtab.ledger.limits import Rule
from trimtab.ledger.overrides import DatedPrice, PriceList
from trimtab.llm.dialects import Quirks
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.releases.lanes import Key, ReleaseRow
from trimtab.server import governing
from trimtab.server.config.file import ConfigFile
from trimtab.server.config.watch import ConfigWatch
from trimtab.server.replicas import Replicas
from trimtab.server.snapshot.apps import Making, apps_of, budgets, keys
from trimtab.server.snapshot.guards import budgets_of, guards_of
from trimtab.server.snapshot.routes import compiled, fittings, routes_of
from trimtab.server.snapshot.state import CatalogState, of_projects, read_state
from trimtab.storage import revision
from trimtab.storage.database import Database
from trimtab.telemetry import price_file

log = logging.getLogger("trimtab.snapshot")

FILE = "snapshot.msgpack"
POLL_S = 1.0
_POLL_AWAY_S = 3.0
_WARM_S = 3.0


class Built(Struct, frozen=True, kw_only=True):
    """A snapshot, its principals by the id of their key or person (for sessions), and what it lacks and why, by
    project id and name."""

    snapshot: Snapshot
    by_key_id: dict[str, Principal]
    trouble: dict[tuple[str, str], str]


def _names_of(keys: list[KeyRow]) -> ProjectLimits:
    """No limit yet, but all that limits know keys by."""
    return ProjectLimits(
        project_id="",
        rules=(),
        key_names={row.id: row.name for row in keys},
        aliases={row.id: row.aliases for row in keys if row.aliases},
        counts_as={row.id: row.counts_as for row in keys if row.counts_as},
    )


def build(
    state: CatalogState,
    config: ConfigFile,
    box: SecretBox,
    made_with: Fittings | None = None,
    releases: Releases | None = None,
    compiler: governing.Compiler | None = None,
    uses: KeyUses | None = None,
) -> Built:
    """Pure: the same state and file give the same snapshot. A provider whose secret cannot be opened is left out.
    Routes are compiled with what they ask while they decide. ``releases`` and ``compiler`` have the releases and the
    policies that were read before; ``uses`` is told when keys are used."""
    made_with = made_with or fittings(Live())
    releases = Releases() if releases is None else releases
    trouble: dict[tuple[str, str], str] = {}
    projects = {row.id: _project(row) for row in state.projects}
    targets: dict[str, ProjectTargets] = {}
    routes: dict[str, dict[str, Compiled]] = {}
    policies: dict[str, dict[str, CompiledPolicy]] = {}
    limits: dict[str, ProjectLimits] = {}
    dated: dict[str, tuple[DatedPrice, ...]] = {}
    apps: dict[str, ProjectApps] = {}
    of_each, no_limits = of_projects(state), _names_of(state.keys)
    for project in projects.values():
        own_rows = of_each[project.id]
        providers = _providers(own_rows, project, box, trouble)
        models = {row.name: _model(row) for row in own_rows.models}
        if project.slug == config.project:
            providers |= config.providers
            models |= config.models
        if own := _dated(own_rows, config, project):
            dated[project.id] = tuple(own)
        providers = _with_prices(providers, own)
        providers, models = _with_resilience(providers, models, own_rows, config, project)
        models = _with_capabilities(models, own_rows.cards)
        targets[project.id] = ProjectTargets(providers=providers, models=_sound(project, providers, models, trouble))
        if named := routes_of(own_rows.routes, config, project):
            routes[project.id] = compiled(named, project, targets[project.id], made_with, trouble)
        if rules := _rules(own_rows, config, project):
            limits[project.id] = structs.replace(no_limits, project_id=project.id, rules=rules)
        if held := _policies(own_rows, config, project):
            policies[project.id] = call_policy.compiled(held, targets[project.id], named)
        making = Making(
            project=project,
            targets=targets[project.id],
            taken=frozenset((*targets[project.id].models, *named)),
            releases=releases,
            made_with=made_with,
            trouble=trouble,
        )
        if (own_apps := apps_of(own_rows.apps, making)) is not None:
            apps[project.id] = own_apps
    releases.keep(keys(state.apps))
    principals = principals_made(state.keys, projects, state.known, state.priorities)
    return Built(
        snapshot=Snapshot(
            version=state.version,
            access=AccessTable(
                keys=principals.by_digest,
                projects={p.slug: p for p in projects.values()},
                organisations=principals.organisations,
                uses=uses,
            ),
            targets=targets,
            routes=routes,
            policies=policies,
            limits=limits | budgets(apps),
            dated=dated,
            apps=apps,
            holds=by_project(state.holds),
            governed=governing.governed(state.governed, projects.values(), state.keys, compiler),
            guards=guards_of(state.guards, state.refusals, apps, state.governed.lists),
            guard_services={(row.project_id, row.name): row for row in state.guard_services},
        ),
        by_key_id=principals.by_id,
        trouble=trouble,
    )


def _project(row: ProjectRow) -> Project:
    return Project(
        id=row.id,
        slug=row.slug,
        capture_content=row.capture_content,
        organisation=row.organisation_id,
        audit_reads=row.audit_reads,
    )


def _rules(state: CatalogState, config: ConfigFile, project: Project) -> tuple[Rule, ...]:
    found = budgets_of(state.guards, project.id)
    found |= {row.name: row.rule for row in state.limits}
    if project.slug == config.project:
        found |= config.limits
    return tuple(found[name] for name in sorted(found))


def _policies(state: CatalogState, config: ConfigFile, project: Project) -> dict[str, CallPolicy]:
    found = {row.name: row.policy for row in state.policies}
    return found | config.policies if project.slug == config.project else found


def _dated(state: CatalogState, config: ConfigFile, project: Project) -> list[DatedPrice]:
    rows = [row.price for row in state.prices]
    return [*rows, *config.prices] if project.slug == config.project else rows


def _with_prices(providers: dict[str, Provider], rows: list[DatedPrice]) -> dict[str, Provider]:
    if not rows:
        return providers
    return {
        name: msgspec.structs.replace(provider, prices=PriceList.of(name, rows)) for name, provider in providers.items()
    }


def _providers(
    state: CatalogState, project: Project, box: SecretBox, trouble: dict[tuple[str, str], str]
) -> dict[str, Provider]:
    made: dict[str, Provider] = {}
    for row in state.providers:
        try:
            made[row.name] = _provider(row, box)
        except Unavailable as error:
            trouble[project.id, row.name] = error.sentence()
            log.error("provider %s of project %s cannot be used: %s", row.name, project.slug, error.sentence())
    return made


def _provider(row: ProviderRow, box: SecretBox) -> Provider:
    secret = targets_store.unseal(box, row)
    kind = PROVIDER_KINDS.get(row.kind) if row.kind in PROVIDER_KINDS.names() else None
    return Provider(
        name=row.name,
        kind=row.kind,
        dialect=row.dialect,
        base_url=row.base_url,
        api_key=secret.api_key,
        api_keys=secret.api_keys,
        headers=secret.headers,
        options=secret.options if kind is None else with_defaults(kind, secret.options),
        timeouts=row.timeouts,
        quirks=Quirks() if kind is None else kind.quirks,
    )


def _model(row: ModelRow) -> Model:
    return Model(name=row.name, provider=row.provider, upstream=row.upstream, fallback=row.fallback, price=row.price)


def _with_resilience(
    providers: dict[str, Provider], models: dict[str, Model], state: CatalogState, config: ConfigFile, project: Project
) -> tuple[dict[str, Provider], dict[str, Model]]:
    """Each with the catalog's policy for its name. What the config file declares has its policy there."""
    ours = project.slug == config.project
    providers, models = dict(providers), dict(models)
    for row in state.resilience:
        if row.subject == "provider":
            provider = providers.get(row.name)
            if provider is not None and not (ours and row.name in config.providers):
                providers[row.name] = msgspec.structs.replace(provider, resilience=row.policy)
        else:
            model = models.get(row.name)
            if model is not None and not (ours and row.name in config.models):
                models[row.name] = msgspec.structs.replace(model, resilience=row.policy)
    return providers, models


def _with_capabilities(models: dict[str, Model], cards: list[CardRow]) -> dict[str, Model]:
    """Each model with what its card found. A card of another provider or upstream id says nothing about it."""
    found = dict(models)
    for card in cards:
        model = found.get(card.model)
        if model is not None and (model.provider, model.upstream) == (card.provider, card.upstream):
            able = cards_store.capabilities(card.results)
            found[card.model] = msgspec.structs.replace(model, capabilities=able)
    return found


def _sound(
    project: Project, providers: dict[str, Provider], models: dict[str, Model], trouble: dict[tuple[str, str], str]
) -> dict[str, Model]:
    """Only models that can be called: a catalog model may point at what the config file no longer declares."""
    callable_ = {name: model for name, model in models.items() if model.provider in providers}
    for name in models.keys() - callable_.keys():
        trouble[project.id, name] = f"Its provider {models[name].provider!r} is not declared or cannot be used."

    def can_be_called(name: str) -> bool:
        return name in callable_ or name.partition("/")[0] in providers

    return {
        name: msgspec.structs.replace(model, fallback=tuple(f for f in model.fallback if can_be_called(f)))
        if not all(can_be_called(f) for f in model.fallback)
        else model
        for name, model in callable_.items()
    }


class SnapshotHolder:
    """Where the current snapshot is found. Call `load` once, then `start` for the polling; `close` at the end.

    ``on_change`` is awaited after a change made through this process, once it is in force here: the place to tell other
    workers and to wait for them.
    """

    def __init__(
        self,
        db: Database,
        config: ConfigFile | ConfigWatch,
        box: SecretBox,
        file: Path,
        made_with: Fittings | None = None,
        replicas: Replicas | None = None,
        keys: Keys | None = None,
    ) -> None:
        self._db = db
        self._keys = keys
        self._replicas = replicas
        self.watch = config if isinstance(config, ConfigWatch) else ConfigWatch(config, None)
        self.made_with = made_with or fittings(Live())
        self._releases = Releases()
        self._compiler = governing.Compiler()
        self.key_uses = KeyUses()
        self._placed: dict[Key, ReleaseRow] = {}
        self._warming: set[asyncio.Task[None]] = set()
        self._box = box
        self._file = file
        self._built: Built | None = None
        self._refreshing = asyncio.Lock()
        self._poller: asyncio.Task[None] | None = None
        self.on_change: Callable[[], Awaitable[None]] | None = None
        self.away = ""
        """Why the catalog cannot be read now; empty when it can."""

    def _build(self, state: CatalogState) -> Built:
        made_with, releases, compiler = self.made_with, self._releases, self._compiler
        return build(state, self.config, self._box, made_with, releases, compiler, self.key_uses)

    @property
    def config(self) -> ConfigFile:
        """The config file in force."""
        return self.watch.config

    @property
    def ready(self) -> bool:
        return self._built is not None

    @property
    def current(self) -> Snapshot:
        """The snapshot in force. Raises `Unavailable` before the first one."""
        return self.in_force()

    def in_force(self) -> Snapshot:
        return (self._built or self._now()).snapshot

    def principal(self, key_id: str) -> Principal | None:
        """Of a live key or a person, by the id."""
        return self._now().by_key_id.get(key_id)

    def trouble(self, project_id: str, name: str) -> str:
        """Why a provider or model of the catalog is not in the snapshot; empty when it is."""
        return self._now().trouble.get((project_id, name), "")

    def _now(self) -> Built:
        if self._built is None:
            raise Unavailable(
                "The server has no configuration yet: the catalog has not been read.",
                fix=self.away or "Try again in a moment.",
                code="starting",
                retry_after_s=1.0,
            )
        return self._built

    async def load(self) -> None:
        """The first snapshot: from the catalog, or from the file while the catalog is away. With neither, stays unready
        and `start` keeps trying."""
        try:
            await self.refresh()
            if self._replicas is not None and self._replicas.shared:
                await self.refresh()  # what another changed between our first look and the others knowing of us
        except Unavailable as error:
            state = await asyncio.to_thread(_read_file, self._file)
            if self._keys is not None:
                await asyncio.to_thread(self._keys.look, now=True)
            if state is not None:
                await asyncio.to_thread(self._releases.read, state.apps.releases)
                self._built = self._build(state)
            log.warning("%s Starting with %s.", error.message, "the last known state" if state else "nothing known")

    async def refresh(self) -> bool:
        """Bring the snapshot up to date with the catalog as it is now; True when it changed. Raises `Unavailable`, and
        leaves the snapshot as it was."""
        async with self._refreshing:
            try:
                changed = self.watch.differs() and await asyncio.to_thread(self.watch.check)
                refreshed = await self._refresh(changed)
                if refreshed:
                    await self._tell()
                return refreshed
            except Unavailable as error:
                self.away = error.sentence()
                raise

    async def reload(self) -> bool:
        """Read the config file now, whether or not it looks changed; True when a new one is in force. Raises
        `InvalidRequest` with its mistakes, and leaves everything as it was."""
        async with self._refreshing:
            changed = await asyncio.to_thread(self.watch.check, again=True)
            if self.watch.trouble:
                raise InvalidRequest(self.watch.trouble, code="config_refused")
            await self._refresh(changed)
        if self.on_change is not None:
            await self.on_change()
        await self._all_have()
        return changed

    async def _all_have(self) -> None:
        """Wait until the replicas on other machines have what is in force here."""
        if self._replicas is not None and self._built is not None:
            await self._replicas.all_have(self._built.snapshot.version)

    async def _follow_keys(self) -> None:
        """The data keys of the catalog are in force here, and written down, before anybody is told that they are."""
        keys = self._keys
        if keys is not None:
            await asyncio.to_thread(self._box.refresh)  # the secret key may have been changed
            known = await self._db.read(data_keys.every)
            try:
                await asyncio.to_thread(keys.put, known)
            except OSError as error:
                raise Unavailable(
                    f"The data keys cannot be written down: {error}.",
                    fix="Free disk space, or correct the data folder's permissions.",
                    code="keys_not_written",
                ) from error

    async def _tell(self) -> None:
        if self._replicas is not None and self._built is not None:
            await self._replicas.tell(self._built.snapshot.version)

    async def _refresh(self, reconfigured: bool) -> bool:
        if self._built is not None and not self.away and not reconfigured:
            version = await self._db.read(lambda conn: revision.current(conn, REVISION))
            if version == self._built.snapshot.version:
                return False
        state = await self._db.read(lambda conn: read_state(conn, self._placed))
        self._placed = {key_of(row): row for row in state.apps.releases}
        await asyncio.to_thread(self._releases.read, state.apps.releases)  # calls go on meanwhile
        built = self._build(state)
        await self._warm(built)
        await self._follow_keys()
        self._built = built
        self.away = ""
        await asyncio.to_thread(_write_file, self._file, state)
        await asyncio.to_thread(price_file.write, self._file.parent, built.snapshot.dated)
        return True

    async def _warm(self, built: Built) -> None:
        """Let semantic routes read their examples before they are in force; a start does not wait for it, and a change
        not long: until they are read a route takes its ``otherwise`` and says so."""
        waiting = [route for routes in built.snapshot.routes.values() for route in routes.values() if route.examples]
        for apps in built.snapshot.apps.values():
            waiting += [
                made.route
                for placed in apps.placed.values()
                for made in placed.releases.values()
                if made.route is not None and made.route.examples
            ]
        if not waiting:
            return

        async def warm() -> None:
            try:
                for route in waiting:
                    await route.warm()
            except Unavailable as error:
                log.error("the examples of semantic routes could not be read: %s", error.sentence())

        task = asyncio.create_task(warm(), name="routes-warm")
        self._warming.add(task)
        task.add_done_callback(self._warming.discard)
        if self._built is not None:
            await asyncio.wait((task,), timeout=_WARM_S)

    async def changed(self) -> None:
        """After a change made here: in force in this process, then (``on_change``) in the others. Raises `Unavailable`
        where the catalog went away since: the change stands, and nobody is to make it again."""
        try:
            await self.refresh()
        except Unavailable as error:
            raise Unavailable(
                f"What you changed is saved, and not in force on this server yet: {error.message}",
                fix=f"Do not send it again: it is in force seconds after that is over. {error.fix}".strip(),
                code="saved_not_in_force",
                retryable=False,
            ) from error
        if self.on_change is not None:
            await self.on_change()
        await self._all_have()

    def start(self) -> None:
        """Begin to follow changes of other processes."""
        if self._poller is None:
            self._poller = asyncio.create_task(self._follow(), name="snapshot-poll")

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(_POLL_AWAY_S if self.away else POLL_S)
            known_away = bool(self.away)
            try:
                if await self.refresh():
                    log.info("configuration %d is in force", self.current.version)
                await self._tell()
            except Unavailable as error:
                if not known_away:
                    log.warning("%s Going on with the last known configuration.", error.message)
            except Exception:  # a job loop's edge: it must outlive whatever one turn meets
                log.exception("the configuration could not be refreshed")

    async def close(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poller
            self._poller = None
        if self._replicas is not None:
            await self._replicas.close()
        for task in self._warming:
            task.cancel()


def _write_file(path: Path, state: CatalogState) -> None:
    """Whole or not at all. A disk that is full must not stop the change itself, so failing is only logged."""
    try:
        body = msgspec.msgpack.encode(structs.replace(state, governed=governing.nameless(state.governed)))
        replace_file(path, body, sync=True)
    except OSError as error:
        log.error("the last known configuration could not be kept at %s: %s", path, error)


def _read_file(path: Path) -> CatalogState | None:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=CatalogState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        log.error("the last known configuration at %s cannot be read: %s", path, error)
        return None
