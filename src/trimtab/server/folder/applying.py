"""Writing what a folder changes, all of it in one transaction of the catalog: with one mistake nothing is written.

A plan is the same, taken back: so it meets every refusal that an apply would meet.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, Literal, cast

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, Forbidden, InvalidRequest, NotFound
from trimtab.core.ids import new_id
from trimtab.evaluation import suites
from trimtab.evaluation.suites import SuiteEdit
from trimtab.gateway import call_policy, policy_store
from trimtab.gateway import store as target_store
from trimtab.gateway.policy_store import ResilienceRow
from trimtab.gateway.routing import store as route_store
from trimtab.gateway.routing.check import mistakes as mistakes_of
from trimtab.gateway.routing.walk import names_of
from trimtab.gateway.store import Declared, ModelRow
from trimtab.gateway.targets import Model
from trimtab.governance import audit, edits
from trimtab.governance.edits import Edit
from trimtab.governance.projects import REVISION
from trimtab.ledger import limit_store, price_store
from trimtab.ledger.limit_store import LimitRow
from trimtab.prompts import canonical as prompt_canonical
from trimtab.prompts import store as prompt_store
from trimtab.prompts.store import Draft, LabelRow
from trimtab.releases import apps, environments, rollouts
from trimtab.releases import store as releases
from trimtab.releases.environments import EnvironmentEdit
from trimtab.releases.rollouts import Start
from trimtab.releases.store import NewRelease
from trimtab.releases.types import Plan, Protection, Release
from trimtab.server.config.reading import Mistake
from trimtab.server.config.routes import known_of, line_of
from trimtab.server.folder import applying_governed as governed
from trimtab.server.folder import items, managed, trail
from trimtab.server.folder.applying_governed import Doing
from trimtab.server.folder.comparing import Change
from trimtab.server.folder.fields import FILE
from trimtab.server.folder.items import EnvironmentSpec, Item
from trimtab.server.folder.managed import Managed
from trimtab.server.folder.preparing import Prepared, basis_of, look
from trimtab.storage.revision import bump

REFUSALS: Final = (InvalidRequest, Conflict, NotFound, Forbidden)
Step = Callable[[Change], None]
"""Told of each change after it is written; what it raises takes all of them back."""


class Moved(Exception):
    """The catalog changed between the thinking and the writing: think again."""


class MadeRelease(Struct, frozen=True, kw_only=True):
    """``new`` is False where the app's newest release has that very content."""

    release: Release
    new: bool


class Promotion(Struct, frozen=True, kw_only=True):
    """``before`` is what ran there (None: nothing); ``lacking`` says what it waits for, empty where it is done or has
    begun, by the rollout ``rollout``."""

    app: str
    environment: str
    before: int | None
    after: int
    kind: Literal["direct", "canary"]
    lacking: list[str]
    rollout: str = ""
    fix: str = ""

    @property
    def waits(self) -> bool:
        return bool(self.lacking)


class Written(Struct, frozen=True, kw_only=True):
    releases: list[MadeRelease]
    promotions: list[Promotion]
    mistakes: list[Mistake]


def _nothing(change: Change) -> None:
    del change


def write(conn: Connection, prepared: Prepared, declared: Declared, step: Step = _nothing) -> Written:
    """Everything, within the connection's transaction; to be taken back where there are mistakes. Raises `Moved`."""
    bump(conn, REVISION)  # first: it puts writers in a row
    now = look(conn, prepared.asked)
    if basis_of(prepared.asked, now, prepared.frozen) != prepared.basis or now.revision != prepared.seen.revision + 1:
        raise Moved
    writing = _Writing(conn, prepared, declared, step)
    writing.targets()
    writing.rules()
    writing.governed()
    writing.prompts()
    writing.datasets()
    writing.suites()
    writing.environments()
    made = writing.apps()
    writing.marks()
    promotions = writing.promotions(made)
    writing.revisions()
    writing.notes()
    return Written(releases=made, promotions=promotions, mistakes=writing.mistakes)


_KINDS: Final = {"model": "model", "route": "route", "policy": "call_policy", "limit": "limit"}
"""What of a folder has revisions in `governance.edits`, and what it is called there. What governs is counted where it
is written (`applying_governed.py`); the rest counts its own."""


def _edited(change: Change) -> list[tuple[str, bool]]:
    """The kinds of what a change is of, and whether that was there: a model's policy is edited by itself."""
    if change.item.kind not in _KINDS:
        return []
    found = [(_KINDS[change.item.kind], change.found is not None)]
    if change.item.kind == "model":
        before = None if change.found is None else cast("Model", change.found.value).resilience
        after = None if change.wanted is None else cast("Model", change.wanted.value).resilience
        if before != after:
            found.append(("model_resilience", before is not None))
    return found


class _Writing:
    def __init__(self, conn: Connection, prepared: Prepared, declared: Declared, step: Step) -> None:
        self.mistakes: list[Mistake] = []
        self._conn = conn
        self._prepared = prepared
        self._declared = declared
        self._step = step
        self._asked = prepared.asked
        self._project = prepared.asked.project.id
        self._changes = prepared.comparison.changes

    def _of(self, *kinds: str) -> list[Change]:
        return [change for change in self._changes if change.item.kind in kinds]

    @contextmanager
    def _trying(self, item: Item) -> Generator[None]:
        """What a rule refuses is a mistake of the item, and what was half written of it is taken back."""
        try:
            with self._conn.begin_nested():
                yield
        except REFUSALS as error:
            self._refuse(item, error.message, error.fix)

    def _refuse(self, item: Item, what: str, fix: str, line: int | None = None) -> None:
        path = item.path or FILE
        self.mistakes.append(Mistake(path=path, line=line or item.line or 1, what=what, fix=fix))

    # --- models and routes, which name each other: all are written, then all are judged ---

    def targets(self) -> None:
        models, routes = self._of("model"), self._of("route")
        put = [cast("Model", each.wanted.value) for each in models if each.wanted is not None]
        gone = [each.item.name for each in models if each.wanted is None]
        rows = [self._model_row(model) for model in put]
        target_store.write_models(self._conn, self._project, rows, gone)
        for change in models:
            self._resilience(change)
        now = self._asked.now
        made = [
            route_store.RouteRow(project_id=self._project, route=each.wanted.value, created=now, updated=now)
            for each in routes
            if each.wanted is not None
        ]
        route_store.write_routes(
            self._conn, self._project, made, [each.item.name for each in routes if each.wanted is None]
        )
        for change in models:
            with self._trying(change.item):
                self._check_model(change)
        self._check_routes(models, routes)
        for change in (*models, *routes):
            self._step(change)

    def _model_row(self, model: Model) -> ModelRow:
        return ModelRow(
            project_id=self._project,
            name=model.name,
            provider=model.provider,
            upstream=model.upstream,
            fallback=model.fallback,
            price=model.price,
            created=self._asked.now,
            updated=self._asked.now,
        )

    def _resilience(self, change: Change) -> None:
        before = None if change.found is None else cast("Model", change.found.value).resilience
        after = None if change.wanted is None else cast("Model", change.wanted.value).resilience
        name = change.item.name
        with self._trying(change.item):
            if after is not None and after != before:
                row = ResilienceRow(
                    project_id=self._project, subject="model", name=name, policy=after, updated=self._asked.now
                )
                policy_store.put_policy(self._conn, row)
            elif after is None and before is not None:
                policy_store.remove_policy(self._conn, self._project, "model", name)

    def _check_model(self, change: Change) -> None:
        name = change.item.name
        if change.wanted is None:
            target_store.refuse_fallen_to(self._conn, self._project, name, self._declared)
            return
        target_store.check_model(self._conn, self._model_row(change.wanted.value), self._declared)
        if name in self._prepared.routes:
            what = f"There is a route {name!r}, and a route is called as a model is."
            raise Conflict(what, fix="Choose another name.")
        if change.found is None:
            apps.refuse_taken(self._conn, self._project, name, "model")

    def _check_routes(self, models: list[Change], routes: list[Change]) -> None:
        """Those that are written, and those that name what is written or removed."""
        touched = {change.item.name: change.item for change in (*models, *routes)}
        known = known_of(self._prepared.targets.models, self._prepared.targets.providers)
        for change in routes:
            if change.wanted is not None and change.found is None:
                with self._trying(change.item):
                    apps.refuse_taken(self._conn, self._project, change.item.name, "route")
        for name, route in self._prepared.routes.items():
            named = sorted(touched.keys() & set(names_of(route.tree)))
            if name not in touched and not named:
                continue
            others = {other: each for other, each in self._prepared.routes.items() if other != name}
            around = structs.replace(known, routes=others)
            read = self._asked.folder.routes.get(name)
            item = self._asked.folder.items.get(("route", name)) or touched.get(name) or touched[named[0]]
            for mistake in mistakes_of(route, around):
                line = None if read is None else line_of(mistake.path, read.lines)
                self._refuse(item, f"The route {name!r}, {mistake.path}: {mistake.what}", mistake.fix, line)

    # --- policies, limits, prices ---

    def rules(self) -> None:
        write: dict[str, Callable[[Change], None]] = {
            "policy": self._policy,
            "limit": self._limit,
            "price": self._price,
        }
        for change in sorted(self._of(*write), key=lambda each: each.wanted is not None):  # removals first
            with self._trying(change.item):
                write[change.item.kind](change)
            self._step(change)

    def _policy(self, change: Change) -> None:
        if change.wanted is None:
            call_policy.remove(self._conn, self._project, change.item.name)
        else:
            call_policy.put(self._conn, self._project, change.item.name, change.wanted.value, self._asked.now)

    def _limit(self, change: Change) -> None:
        name, now = change.item.name, self._asked.now
        if change.wanted is None:
            limit_store.remove_limit(self._conn, self._project, name, frozenset())
            return
        created = now
        if change.found is not None:
            created = limit_store.limit(self._conn, self._project, name).created
        row = LimitRow(project_id=self._project, name=name, rule=change.wanted.value, created=created, updated=now)
        limit_store.put_limit(self._conn, row, frozenset(), new=change.found is None)

    def _price(self, change: Change) -> None:
        """Another price from the same moment is another row: what the old one priced names the old one."""
        if change.found is not None:
            price_store.remove_price(self._conn, self._project, change.found.value.id)
        if change.wanted is not None:
            row = structs.replace(change.wanted.value, id=new_id("prc"), source="catalog", created=self._asked.now)
            price_store.add_prices(self._conn, self._project, [row])

    # --- prompts and their labels ---

    def prompts(self) -> None:
        for change in self._of("prompt"):
            with self._trying(change.item):
                self._prompt(change)
            self._step(change)
        for change in self._of("label"):
            with self._trying(change.item):
                self._label(change)
            self._step(change)

    def _prompt(self, change: Change) -> None:
        name, now = change.item.name, self._asked.now
        if change.wanted is None:
            prompt_store.place(self._conn, self._project, name, {"archived": now}, now)
            return
        if change.archived:
            prompt_store.place(self._conn, self._project, name, {"archived": None}, now)
        content = change.wanted.value
        draft = Draft(
            project_id=self._project,
            name=name,
            content=content,
            hash=prompt_canonical.content_hash(content),
            message=self._asked.message,
            author=self._asked.actor.id,
            author_name=self._asked.actor.name,
            now=now,
            folder=change.wanted.plain["folder"],
        )
        prompt_store.add(self._conn, draft)

    def _label(self, change: Change) -> None:
        prompt, _, label = change.item.name.partition(":")
        if change.wanted is None:
            prompt_store.unlabel(self._conn, self._project, prompt, label, self._asked.actor, self._asked.now)
            return
        if prompt not in self._asked.folder.prompts and self._asked.folder.items[change.key].value is None:
            return  # there is no file to be at: told already
        row = LabelRow(
            name=prompt,
            label=label,
            version=change.wanted.value,
            author=self._asked.actor.id,
            author_name=self._asked.actor.name,
            updated=self._asked.now,
        )
        prompt_store.label(self._conn, self._project, row)

    # --- suites ---

    def suites(self) -> None:
        for change in self._of("suite"):
            with self._trying(change.item):
                self._suite(change)
            self._step(change)

    def _suite(self, change: Change) -> None:
        """A suite that is put is taken out of the archive, too."""
        name, actor, now = change.item.name, self._asked.actor, self._asked.now
        if change.wanted is None:
            suites.archive(self._conn, self._project, name, away=True, actor=actor, now=now)
            return
        edit = SuiteEdit(project_id=self._project, name=name, spec=change.wanted.value, actor=actor, now=now)
        suites.put(self._conn, edit)

    # --- guards, policies, data, datasets ---

    def governed(self) -> None:
        """What is taken away of data goes before the list of classes, which must have every class that is in use."""
        self._each("mark", governed.mark, gone=True)
        self._each("terms", governed.terms, gone=True)
        self._each("classes", governed.classes)
        self._each("terms", governed.terms, gone=False)
        self._each("access", governed.access)
        self._each("refusal", governed.refusal)
        self._each("guard", governed.guard)

    def datasets(self) -> None:
        self._each("dataset", governed.dataset)

    def marks(self) -> None:
        self._each("mark", governed.mark, gone=False)

    def _each(self, kind: str, do: Callable[[Doing, Change], None], *, gone: bool | None = None) -> None:
        asked = self._asked
        doing = Doing(
            conn=self._conn,
            project=self._project,
            actor=asked.actor,
            now=asked.now,
            message=asked.message,
            targets=self._prepared.targets,
        )
        for change in self._of(kind):
            if gone is None or gone == (change.wanted is None):
                with self._trying(change.item):
                    do(doing, change)
                self._step(change)

    # --- environments, apps, releases ---

    def environments(self) -> None:
        for change in self._of("environment"):
            with self._trying(change.item):
                self._environment(change)
            self._step(change)

    def _environment(self, change: Change) -> None:
        if change.wanted is None:
            environments.remove(self._conn, self._project, change.item.name, self._asked.actor, self._asked.now)
            return
        spec = cast("EnvironmentSpec", change.wanted.value)
        protected = spec.protection is not msgspec.UNSET
        edit = EnvironmentEdit(
            project_id=self._project,
            name=change.item.name,
            actor=self._asked.actor,
            now=self._asked.now,
            position=spec.position,
            default=spec.default,
            protection=msgspec.convert(spec.protection or {}, Protection) if protected else None,
        )
        environments.put(self._conn, edit)

    def apps(self) -> list[MadeRelease]:
        for change in self._of("app"):
            with self._trying(change.item):
                self._app(change)
            self._step(change)
        made: list[MadeRelease] = []
        for name, frozen in self._prepared.frozen.items():
            with self._trying(self._asked.folder.items["app", name]):
                wanted = NewRelease(
                    project_id=self._project,
                    app=name,
                    content=frozen.content,
                    hash=frozen.hash,
                    message=self._asked.message,
                    author=self._asked.actor.id,
                    author_name=self._asked.actor.name,
                    now=self._asked.now,
                )
                release, new = releases.create(self._conn, wanted)
                made.append(MadeRelease(release=release, new=new))
        return made

    def _app(self, change: Change) -> None:
        name, now = change.item.name, self._asked.now
        if change.wanted is None:
            apps.archive(self._conn, self._project, name, away=True, actor=self._asked.actor, now=now)
            return
        if change.archived:
            apps.archive(self._conn, self._project, name, away=False, actor=self._asked.actor, now=now)
        models = dict.fromkeys(self._prepared.targets.models, "model")
        taken = models | dict.fromkeys(self._prepared.routes, "route")
        edit = apps.Edit(
            project_id=self._project, name=name, spec=change.wanted.value, actor=self._asked.actor, now=now
        )
        apps.put(self._conn, edit, lambda _conn: taken)

    def promotions(self, made: list[MadeRelease]) -> list[Promotion]:
        found: list[Promotion] = []
        for each in made if self._asked.to else []:
            with self._trying(self._asked.folder.items["app", each.release.app]):
                promotion = self._promotion(each.release)
                if promotion is not None:
                    found.append(promotion)
        return found

    def _promotion(self, release: Release) -> Promotion | None:
        """None where it runs there already, or is on its way."""
        app, to = release.app, self._asked.to
        at = environments.placement(self._conn, self._project, app, to)
        if at.stable == release.number and at.rollout is None:
            return None
        kind = "direct" if at.stable is None or self._asked.direct else "canary"
        promotion = Promotion(
            app=app, environment=to, before=at.stable, after=release.number, kind=kind, lacking=[]
        )  # fmt: skip
        if at.rollout is not None:
            there = rollouts.rollout(self._conn, self._project, at.rollout)
            if there.candidate == release.number and not self._asked.direct:
                return None
            lacking = f"a rollout to r{there.candidate} is open ({there.id})"
            return structs.replace(promotion, lacking=[lacking], fix="Promote it, roll it back or stop it first.")
        if back := rollouts.taken_back(self._conn, self._project, app, to, release.number):
            why = f": {back.reason}" if back.reason else ""
            fix = (
                f"Change what was wrong with it; or, if it is right after all: trimtab release promote {app} --in {to}"
            )
            return structs.replace(promotion, lacking=[f"{release.short} was rolled back there{why}"], fix=fix)
        note, now = self._asked.message, self._asked.now
        ready = rollouts.readiness(self._conn, self._project, app, to, release.number, note=note, now=now)
        if not ready.ready:
            lacking = [each.detail for each in ready.lacking()]
            fix = " ".join(dict.fromkeys(each.fix for each in ready.lacking() if each.fix))
            return structs.replace(promotion, lacking=lacking, fix=fix)
        begun = rollouts.start(
            self._conn,
            Start(
                project_id=self._project,
                app=app,
                environment=to,
                candidate=release.number,
                plan=Plan(kind=kind),
                actor=self._asked.actor,
                now=now,
                note=note,
            ),
        )
        return structs.replace(promotion, rollout=begun.id)

    # --- who changed what last ---

    def revisions(self) -> None:
        """Whoever has one of them open elsewhere does not save over it."""
        for change in self._changes:
            for kind, was_there in _edited(change):
                edit = Edit(place=self._project, kind=kind, name=change.item.name)
                edits.note(self._conn, edit, self._asked.actor, self._asked.now, was_there=was_there)

    # --- what is whose ---

    def notes(self) -> None:
        comparison, folder = self._prepared.comparison, self._asked.folder
        managed.forget(self._conn, self._project, [*comparison.gone, *(each.key for each in comparison.released)])
        managed.forget(self._conn, self._project, [each.key for each in self._changes if each.wanted is None])
        wanted = [each.wanted for each in self._changes if each.wanted is not None]
        before = self._prepared.seen.state.managed
        made = {each.key for each in self._changes if each.action == "add"}
        made |= {key for key, each in before.items() if each.made}
        rows = [
            Managed(
                kind=item.kind,
                name=item.name,
                folder=folder.name,
                fingerprint=items.mark(item),
                made=item.key in made,
                author_name=self._asked.actor.name,
                applied=self._asked.now,
            )
            for item in (*wanted, *comparison.adopted)
        ]
        managed.note(self._conn, self._project, rows)
        told = trail.notes(folder.name, self._asked.message, self._changes)
        audit.append_all(self._conn, self._project, self._asked.actor, told, now=self._asked.now)
