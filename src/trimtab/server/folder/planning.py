"""A plan, and an apply: reading files, thinking, writing, and saying in words what was found. The same steps for both;
a plan's writing is taken back."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.governance import audit
from trimtab.governance.access import Principal, Project
from trimtab.governance.audit import Actor
from trimtab.governance.permissions import Permission, require
from trimtab.releases.environments import loosens
from trimtab.releases.types import Protection
from trimtab.server.bodies.folder import (
    CostEstimate,
    FolderChange,
    FolderMistake,
    FolderPlan,
    FolderPromotion,
    FolderRelease,
)
from trimtab.server.config.file import ConfigFile
from trimtab.server.dependencies import Dependencies
from trimtab.server.folder import comparing, managed
from trimtab.server.folder.applying import Moved, Step, Written, write
from trimtab.server.folder.comparing import Change
from trimtab.server.folder.estimating import estimates, unpriced
from trimtab.server.folder.exporting import text_of
from trimtab.server.folder.items import EnvironmentSpec, Kind
from trimtab.server.folder.preparing import Asked, Prepared, prepare
from trimtab.server.folder.reading import Folder, FolderRefused, read_folder
from trimtab.server.folder.words import change_words, release_words
from trimtab.server.prompt_reading import aside
from trimtab.storage.schema import REVISIONS

TRIES: Final = 5
_SHADOWED: Final = (REVISIONS.name, audit.HEADS.name)
"""What every change of the catalog writes to, so that a plan must not lock it."""
MAX_MESSAGE: Final = 2000


class Wish(Struct, frozen=True, kw_only=True):
    """What was asked for. ``plan`` is a plan's hash or the beginning of one, empty for none."""

    project: Project
    files: dict[str, str]
    actor: Actor
    to: str = ""
    direct: bool = False
    message: str = ""
    plan: str = ""
    texts: bool = False


class _TakenBack(Exception):
    """Ends a transaction without a trace, and carries out what it found."""

    def __init__(self, written: Written) -> None:
        super().__init__()
        self.written = written


class _Keep(Struct, frozen=True, kw_only=True):
    """What it takes to keep what was written; without it everything is taken back."""

    wish: Wish
    principal: Principal
    step: Step | None


NEEDED: Final[dict[Kind, Permission]] = {
    "model": "model:write",
    "route": "route:write",
    "policy": "cache:write",
    "limit": "limit:write",
    "price": "cost:write",
    "prompt": "prompt:write",
    "label": "prompt:write",
    "classes": "policy:write",
    "terms": "policy:write",
    "access": "policy:write",
    "mark": "policy:write",
    "refusal": "guard:write",
    "guard": "guard:write",
    "dataset": "dataset:write",
    "suite": "evaluation:write",
    "environment": "release:promote",
    "app": "release:write",
}
"""Which permission changes what, as if each was changed by itself."""


class PlanMoved(Conflict):
    """What was planned is not what would be done now."""

    code = "plan_moved"


async def plan(deps: Dependencies, wish: Wish) -> FolderPlan:
    """What `apply` would do. Mistakes are part of the answer."""
    folder = await aside(deps, read_folder, wish.files)
    asked = _asked(deps, wish, folder)
    prepared, written = await _carried_out(deps, asked, keep=None)
    digest = plan_hash(prepared)
    await deps.db.write(
        lambda conn: managed.keep_plan(conn, wish.project.id, wish.actor.id, digest, prepared.basis, asked.now)
    )  # fmt: skip
    return await _told(deps, wish, prepared, written, await estimates(deps, prepared), unpriced(deps, prepared))


async def apply(deps: Dependencies, wish: Wish, principal: Principal, step: Step | None = None) -> FolderPlan:
    """Everything or nothing. Raises `FolderRefused` with every mistake, `PlanMoved` where ``plan`` is another one by
    now, and `Forbidden` where ``principal`` may not change what is to be changed. Idempotent: done again, there is
    nothing to do."""
    if len(wish.message) > MAX_MESSAGE or "\0" in wish.message:
        raise InvalidRequest(
            f"The message has at most {MAX_MESSAGE:,} characters, and no NUL.", fix="Shorten it.", param="message"
        )
    folder = (await aside(deps, read_folder, wish.files)).sound()
    asked = _asked(deps, wish, folder)
    prepared, written = await _carried_out(deps, asked, keep=_Keep(wish=wish, principal=principal, step=step))
    if written.mistakes or prepared.mistakes:
        raise FolderRefused([*prepared.mistakes, *written.mistakes])
    await deps.snapshots.changed()
    return await _told(deps, wish, prepared, written, [])


def plan_hash(prepared: Prepared) -> str:
    return hashlib.sha256(msgspec.json.encode(prepared.basis, order="deterministic")).hexdigest()


def _asked(deps: Dependencies, wish: Wish, folder: Folder) -> Asked:
    return Asked(
        project=wish.project,
        folder=folder,
        to=wish.to,
        direct=wish.direct,
        message=wish.message,
        actor=wish.actor,
        now=deps.now(),
    )


async def _carried_out(deps: Dependencies, asked: Asked, *, keep: _Keep | None) -> tuple[Prepared, Written]:
    for _ in range(TRIES):
        prepared = await prepare(deps, asked)
        if keep is not None:
            if keep.wish.plan:
                await _as_planned(deps, keep.wish, prepared)
            _require(keep.principal, prepared)
        try:
            work = _writer(deps, prepared, keep)
            if keep is None:
                return prepared, await deps.db.rehearse(work, _SHADOWED)
            return prepared, await deps.db.write(work)
        except _TakenBack as back:
            return prepared, back.written
        except Moved:
            continue
        except IntegrityError:  # of a rehearsal, which holds no counter: somebody applied the same meanwhile
            if keep is not None:
                raise
    raise Conflict("The catalog is changed all the time.", fix="Try again.", code="catalog_busy")


def _require(principal: Principal, prepared: Prepared) -> None:
    """Raises `Forbidden`."""
    for change in prepared.comparison.changes:
        require(principal, NEEDED[change.item.kind])
        if change.item.kind == "environment" and _loosens(prepared, change):
            require(principal, "project:write")
        if change.item.kind == "environment" and change.found is not None and change.found.plain.get("protection"):
            require(principal, "project:write")  # as `api/environments.py` says: an administrator's to change
    if prepared.asked.to:
        require(principal, "release:promote")


def _loosens(prepared: Prepared, change: Change) -> bool:
    known = list(prepared.seen.state.environments.values())
    if change.wanted is None:
        return loosens(known, change.item.name, Protection())
    spec: EnvironmentSpec = change.wanted.value
    said = spec.protection is not msgspec.UNSET
    protection = msgspec.convert(spec.protection or {}, Protection) if said else None
    return loosens(known, change.item.name, protection, default=spec.default is True)


def _writer(deps: Dependencies, prepared: Prepared, keep: _Keep | None) -> Any:
    ours = deps.config.project == prepared.asked.project.slug
    declared = (deps.config if ours else ConfigFile()).declared(prepared.asked.project.slug)

    def work(conn: Connection) -> Written:
        step = None if keep is None else keep.step
        written = write(conn, prepared, declared, *(() if step is None else (step,)))
        if written.mistakes or prepared.mistakes or keep is None or not _anything(prepared, written):
            raise _TakenBack(_unbegun(written))
        return written

    return work


def _unbegun(written: Written) -> Written:
    """Without the names of rollouts that there never were."""
    promotions = [structs.replace(each, rollout="") for each in written.promotions]
    return structs.replace(written, promotions=promotions)


def _anything(prepared: Prepared, written: Written) -> bool:
    """Whether there is anything to write, also such as only the folder's own notes."""
    found = prepared.comparison
    going = any(not each.waits for each in written.promotions)
    return bool(found.changes or found.adopted or found.released or found.gone or going or _released(written))


def _clean(prepared: Prepared, written: Written) -> bool:
    return not (prepared.comparison.changes or written.promotions or _released(written))


def _released(written: Written) -> bool:
    return any(each.new for each in written.releases)


async def _as_planned(deps: Dependencies, wish: Wish, prepared: Prepared) -> None:
    digest = plan_hash(prepared)
    if len(wish.plan) >= 8 and digest.startswith(wish.plan):
        return
    known = await deps.db.read(lambda conn: managed.plan(conn, wish.project.id, wish.plan))
    if known is None:
        raise PlanMoved(
            f"No plan {wish.plan[:80]!r} is known here, and what would be done now is {digest[:12]}.",
            fix="Make a plan (trimtab plan), look at it, and apply that.",
            code="plan_unknown",
        )
    told = comparing.moved(known, prepared.basis)
    raise PlanMoved(
        f"The plan {wish.plan[:12]} does not hold any more: {'; '.join(told[:20])}.",
        fix="Make a plan anew (trimtab plan), look at it, and apply that.",
    )


# --- in words ---


async def _told(
    deps: Dependencies,
    wish: Wish,
    prepared: Prepared,
    written: Written,
    costs: list[CostEstimate],
    notes: Sequence[str] = (),
) -> FolderPlan:
    folder = prepared.asked.folder
    mistakes = [*folder.mistakes, *prepared.mistakes, *written.mistakes]
    ordered = sorted(dict.fromkeys(mistakes), key=lambda each: (each.path, each.line))
    changes = await aside(
        deps, lambda: [_change(each, texts=wish.texts) for each in prepared.comparison.changes]
    )  # fmt: skip
    made = [each.release for each in written.releases if each.new]
    releases = await aside(
        deps,
        lambda: [
            FolderRelease(
                app=each.app,
                number=each.number,
                hash=each.hash,
                parent=each.parent,
                words=release_words(prepared.frozen[each.app].newest, each),
            )
            for each in made
        ],
    )
    return FolderPlan(
        hash=plan_hash(prepared),
        folder=folder.name,
        project=wish.project.slug,
        to=wish.to,
        clean=_clean(prepared, written),
        changes=changes,
        releases=releases,
        promotions=[
            FolderPromotion(
                app=each.app, environment=each.environment, before=each.before, after=each.after,
                kind=each.kind, rollout=each.rollout, lacking=each.lacking, fix=each.fix,
            )
            for each in written.promotions
        ],
        costs=costs,
        adopted=[str(each) for each in prepared.comparison.adopted],
        released=[str(each) for each in prepared.comparison.released],
        notes=[*prepared.notes, *notes],
        mistakes=[FolderMistake(path=e.path, line=e.line, what=e.what, fix=e.fix) for e in ordered],
    )  # fmt: skip


def _change(change: Change, *, texts: bool) -> FolderChange:
    item = change.item
    return FolderChange(
        action=change.action,
        kind=item.kind,
        name=item.name,
        path=item.path,
        line=item.line,
        words=change_words(change),
        drifted=change.drifted,
        before=text_of(change.found) if texts and change.found is not None else None,
        after=text_of(change.wanted) if texts and change.wanted is not None else None,
    )
