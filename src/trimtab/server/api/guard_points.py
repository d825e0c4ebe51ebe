"""Operating points: a guard's threshold from a budget of false alarms, and the same checked again."""

from litestar.params import FromPath, JSONBody
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.errors import Forbidden, InvalidRequest, NotFound
from trimtab.governance import audit
from trimtab.governance.access import Project
from trimtab.governance.permissions import Permission, holds_in
from trimtab.governance.projects import REVISION
from trimtab.guard import operating, points, store
from trimtab.guard import spec as specs
from trimtab.guard.operating import GuardShare, OperatingPoint
from trimtab.guard.points import Checked, Chosen, Kept, Named
from trimtab.guard.spec import Ready
from trimtab.guard.store import GuardDraft, GuardVersion
from trimtab.guard.types import Stage, Tools
from trimtab.server.actors import actor_of
from trimtab.server.bodies.guard import GuardView
from trimtab.server.bodies.guard_point import (
    CheckGuardPoint,
    ChooseGuardPoint,
    GuardPoint,
    GuardPointCheck,
    GuardTexts,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.guard_measuring import Texts, gathered, judged
from trimtab.server.guard_views import guard_view
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route
from trimtab.storage import revision

TAG = "guards"
AT = "/api/v1/projects/{project:str}/guards/{name:str}/operating-point"
MAX_BODY = 16 * 1024 * 1024


@route(
    "POST",
    AT,
    "guard:write",
    Operation(
        id="chooseGuardPoint",
        summary="Choose a guard's threshold from a budget of false alarms",
        tag=TAG,
        errors=(404, 409, 413),
        max_body=MAX_BODY,
        needs_content=True,
    ),
)
async def choose_guard_point(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[ChooseGuardPoint]
) -> GuardPoint:
    """On the newest recorded calls, which are taken for harmless, and on sets of your own; nothing is changed unless
    ``apply`` says so. Recorded calls need ``trace:read``, datasets ``dataset:read``."""
    if "\0" in data.message:
        raise InvalidRequest("A message holds no NUL.", fix="Leave it out.", param="message")
    sets = (data.benign_datasets, data.attack_datasets)
    _may(caller, tenant, data, any(sets))
    row = await deps.db.read(lambda conn: store.guard(conn, tenant.id, name))
    guard = specs.ready(name, row.version, row.spec)
    stage = _stage(guard, data.stage)
    texts = await gathered(deps, tenant, guard, stage, data, sets)
    found = await judged(guard, stage, texts.items, _tools(deps, tenant))
    scores = [each.judged for each in found]
    try:
        point = operating.chosen(scores, data.max_false_positives, guard.threshold)
    except ValueError as error:
        raise InvalidRequest(
            str(error),
            fix="Give 'benign' texts or a dataset of them, or let the guard's stage be recorded with its content.",
            param="sample",
        ) from error
    now = operating.at(scores, guard.threshold, data.max_false_positives)
    made = None
    if data.apply:
        chosen = _chosen(guard, stage, data, texts, found, point)
        made = await _apply(deps, caller, tenant, row, data, chosen)
    return GuardPoint(
        guard=made,
        stage=stage,
        detector=guard.detector,
        point=point,
        now=now,
        traffic=texts.traffic,
        without_text=texts.without_text,
        benign_datasets=list(texts.benign_datasets),
        attack_datasets=list(texts.attack_datasets),
        say=_say(point, now, texts),
    )


def _may(caller: CallerNow, tenant: Project, wish: GuardTexts, datasets: bool) -> None:
    """Raises `Forbidden`."""
    needed: list[Permission] = []
    if wish.sample:
        needed.append("trace:read")
    if datasets:
        needed.append("dataset:read")
    for each in needed:
        if not holds_in(caller.principal, each, tenant):
            raise Forbidden(f"This needs {each!r}, too.", fix=f"Ask an administrator for a role with {each!r}.")


def _stage(guard: Ready, wanted: Stage | None) -> Stage:
    if wanted is None:
        return "input" if "input" in guard.stages else guard.stages[0]
    if wanted not in guard.stages:
        raise InvalidRequest(
            f"{guard.name!r} does not look at {wanted!r}.", fix=f"It does at: {', '.join(guard.stages)}.", param="stage"
        )
    return wanted


def _tools(deps: Dependencies, tenant: Project) -> Tools:
    return Tools() if deps.guard_tools is None else deps.guard_tools(tenant.id)


def _chosen(
    guard: Ready, stage: Stage, data: ChooseGuardPoint, texts: Texts, found: list[Named], point: OperatingPoint
) -> Chosen:
    return Chosen(
        detector=guard.detector,
        stage=stage,
        budget=data.max_false_positives,
        threshold=point.threshold,
        traffic=texts.traffic,
        given=len(data.benign),
        benign_datasets=texts.benign_datasets,
        attack_datasets=texts.attack_datasets,
        alarms=point.alarms,
        recall=point.recall,
        unjudged=point.unjudged,
        attacks=points.seen(found, point.threshold),
        by="",
        at=0,
    )


async def _apply(
    deps: Dependencies, caller: CallerNow, tenant: Project, row: GuardVersion, data: ChooseGuardPoint, chosen: Chosen
) -> GuardView:
    """A version with that threshold, in force when this returns, and what it was chosen with."""
    spec = specs.check(replace(row.spec, threshold=chosen.threshold))
    expected = row.version if data.expected_version is None else data.expected_version

    def write(conn: Connection) -> tuple[GuardVersion, Kept]:
        actor = actor_of(conn, caller)
        kept = Kept(chosen=replace(chosen, by=actor.name, at=deps.now()))
        message = data.message or f"Threshold for at most {chosen.budget:.2%} false alarms"
        draft = GuardDraft(
            project_id=tenant.id, name=row.name, spec=spec, message=message, author=actor.id, author_name=actor.name,
            now=deps.now(), expected=expected,
        )  # fmt: skip
        made, created = store.add(conn, draft)
        points.keep(conn, made, kept)
        detail = {
            "version": made.version,
            "created": created,
            "threshold": chosen.threshold,
            "budget": chosen.budget,
            "detector": chosen.detector,
            "message": message,
        }
        audit.append(
            conn, tenant.id, actor, "guard.threshold_chosen", f"guard:{row.name}", now=deps.now(), detail=detail
        )
        if created:
            revision.bump(conn, REVISION)
        return made, kept

    made, kept = await deps.db.write(write)
    await deps.snapshots.changed()
    return guard_view(made, kept)


def _say(point: OperatingPoint, now: OperatingPoint, texts: Texts) -> str:
    said = [
        f"From {point.threshold:.4g} on, {_share(point.alarms)} harmless texts raise an alarm ({_bounds(point.alarms)})"
        + (f", and {_share(point.recall)} attacks are seen ({_bounds(point.recall)})." if point.recall.of else ".")
    ]
    if point.alarms.share is not None and point.alarms.share > point.budget:
        said.append("That is more than the budget: harmless texts get the highest score there is.")
    elif not point.sure:
        said.append(
            f"{point.alarms.of:,} harmless texts are too few to promise {point.budget:.2%}"
            + (f": {point.needed:,} without any alarm would do." if point.needed else ".")
            + (" So the threshold is not lowered." if point.threshold == now.threshold else "")
        )
    said.append(f"Now, at {now.threshold:.4g}, it is {_share(now.alarms)}.")
    if not point.recall.of:
        said.append("No attacks were given, so nobody knows what it sees.")
    if texts.traffic:
        said.append(f"{texts.traffic:,} of the harmless texts are recorded calls, which were taken for harmless.")
    if texts.without_text:
        said.append(f"{texts.without_text:,} recorded calls had no text kept at this stage.")
    if point.unjudged:
        said.append(f"It could not tell of {point.unjudged:,} texts.")
    return " ".join(said)


def _share(each: GuardShare) -> str:
    return f"{each.count:,} of {each.of:,}"


def _bounds(each: GuardShare) -> str:
    return f"{each.low:.2%} to {each.high:.2%}"


@route(
    "POST",
    AT + "/check",
    "guard:write",
    Operation(
        id="checkGuardPoint",
        summary="Check a guard's operating point with its detector of now",
        tag=TAG,
        errors=(404, 413),
        max_body=MAX_BODY,
        needs_content=True,
    ),
)
async def check_guard_point(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[CheckGuardPoint]
) -> GuardPointCheck:
    """On the datasets that it was chosen with, on newer recorded calls, and on texts that are given again."""

    def read(conn: Connection) -> tuple[GuardVersion, Kept | None]:
        found = store.guard(conn, tenant.id, name, data.version)
        return found, points.kept(conn, tenant.id, [found]).get((found.name, found.version))

    row, kept = await deps.db.read(read)
    if kept is None:
        raise NotFound(
            f"The threshold of {name}@{row.version} was not chosen by a budget.",
            fix=f"Choose one: trimtab guards operating-point {name} --budget 1% --apply",
            code="no_operating_point",
        )
    chosen = kept.chosen
    sets = (chosen.benign_datasets, chosen.attack_datasets)
    _may(caller, tenant, data, any(sets))
    guard = specs.ready(name, row.version, row.spec)
    texts = await gathered(deps, tenant, guard, _stage(guard, chosen.stage), data, sets)
    found = await judged(guard, chosen.stage, texts.items, _tools(deps, tenant))
    checked = points.compared(chosen, found, guard.detector, deps.now())
    await deps.db.write(lambda conn: _keep_check(conn, deps, caller, row, checked))
    return GuardPointCheck(
        guard=guard_view(row, Kept(chosen=chosen, checked=checked)),
        checked=checked,
        traffic=texts.traffic,
        without_text=texts.without_text,
    )


def _keep_check(conn: Connection, deps: Dependencies, caller: CallerNow, row: GuardVersion, checked: Checked) -> None:
    points.keep_check(conn, row, checked)
    detail = {"version": row.version, "detector": checked.detector, "outcome": checked.outcome}
    actor = actor_of(conn, caller)
    audit.append(
        conn, row.project_id, actor, "guard.threshold_checked", f"guard:{row.name}", now=deps.now(), detail=detail
    )


ROUTES = (choose_guard_point, check_guard_point)
