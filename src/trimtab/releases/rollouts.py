"""The SQL of rollouts: what an environment runs changes only here. Functions of a connection; times are Unix ms.

A rollout, the placement that it changes, and the entries of the audit log are written in one transaction, after the
catalog's revision was bumped: that puts writers in a row and tells every worker. An environment has at most one open
rollout of an app. Nothing here asks for protection when it goes back.
"""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Connection, insert, select, update

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.ids import new_id
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.governance.projects import REVISION
from trimtab.releases import approvals, apps, environments, gate, protection, store
from trimtab.releases.protection import Readiness, Shown, Subject
from trimtab.releases.rollout import PAST, Move, check_plan, moved, share
from trimtab.releases.tables import ROLLOUTS
from trimtab.releases.types import OPEN, Placement, Plan, Rollout, State, Tried
from trimtab.storage.revision import bump

MAX_NOTE: Final = 2000
MOST_TRIED: Final = 20
"""Rollouts of one release that are told beside it; the list of rollouts has all."""
CONTROLLER: Final = Actor("", "rollout controller")
"""Who acts where nobody does."""
_GUARDED: Final = ("advance", "resume", "promote")
"""Moves that bring a release further, so that they need what the environment demands."""


class Start(Struct, frozen=True, kw_only=True):
    """A rollout to begin. ``expected`` is the placement's revision that it was decided on, 0 where nothing ran there;
    None for whatever there is. ``override``: why it is done without what the environment demands. Without a ``plan`` it
    is a canary by the default steps where something runs, and direct where nothing does."""

    project_id: str
    app: str
    environment: str
    candidate: int
    plan: Plan | None
    actor: Actor
    now: int
    note: str = ""
    expected: int | None = None
    override: str = ""


class Act(Struct, frozen=True, kw_only=True):
    """A move of a rollout. ``expected`` is the rollout's revision that it was decided on, None for whatever it is."""

    project_id: str
    rollout: str
    move: Move
    actor: Actor
    now: int
    expected: int | None = None
    override: str = ""


class GoBack(Struct, frozen=True, kw_only=True):
    """Back to what ran before (``to`` None), or to a release that ran there some time."""

    project_id: str
    app: str
    environment: str
    to: int | None
    actor: Actor
    now: int
    reason: str = ""
    expected: int | None = None


# --- reading ---


def _rollout(row: Any) -> Rollout:
    values: dict[str, Any] = {name: getattr(row, name) for name in Rollout.__struct_fields__}
    values["plan"] = msgspec.json.decode(row.plan, type=Plan)
    values["evidence"] = msgspec.json.decode(row.evidence)
    return Rollout(**values)


def rollout(conn: Connection, project_id: str, rollout_id: str) -> Rollout:
    """Raises `NotFound`."""
    query = select(ROLLOUTS).where(ROLLOUTS.c.project_id == project_id, ROLLOUTS.c.id == rollout_id)
    row = conn.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"There is no rollout {rollout_id[:80]!r} here.", fix="'trimtab rollouts list' shows them.")
    return _rollout(row)


def open_rollouts(conn: Connection, project_id: str | None = None) -> list[Rollout]:
    """Running and held ones of all projects, or of one; oldest first."""
    query = select(ROLLOUTS).where(ROLLOUTS.c.state.in_(OPEN)).order_by(ROLLOUTS.c.id)
    if project_id is not None:
        query = query.where(ROLLOUTS.c.project_id == project_id)
    return [_rollout(row) for row in conn.execute(query)]


class Wanted(Struct, frozen=True, kw_only=True):
    """Which rollouts; None for any."""

    app: str | None = None
    environment: str | None = None
    states: tuple[State, ...] | None = None


def listed(conn: Connection, project_id: str, wanted: Wanted, *, before: str = "", limit: int = 100) -> list[Rollout]:
    """Newest first, older than the rollout ``before``."""
    query = select(ROLLOUTS).where(ROLLOUTS.c.project_id == project_id).order_by(ROLLOUTS.c.id.desc()).limit(limit)
    if wanted.app is not None:
        query = query.where(ROLLOUTS.c.app == wanted.app)
    if wanted.environment is not None:
        query = query.where(ROLLOUTS.c.environment == wanted.environment)
    if wanted.states is not None:
        query = query.where(ROLLOUTS.c.state.in_(wanted.states))
    if before:
        query = query.where(ROLLOUTS.c.id < before)
    return [_rollout(row) for row in conn.execute(query)]


def taken_back(conn: Connection, project_id: str, app: str, environment: str, number: int) -> Rollout | None:
    """The newest rollout of that release there, where it was rolled back; None where there was none, or it ended
    otherwise."""
    here = (ROLLOUTS.c.project_id == project_id, ROLLOUTS.c.app == app, ROLLOUTS.c.environment == environment)
    query = select(ROLLOUTS).where(*here, ROLLOUTS.c.candidate == number).order_by(ROLLOUTS.c.id.desc()).limit(1)
    row = conn.execute(query).one_or_none()
    return None if row is None or row.state != "rolled_back" else _rollout(row)


def tried(conn: Connection, project_id: str, app: str, numbers: Collection[int]) -> dict[int, list[Tried]]:
    """By release, where it was rolled out and what came of it, newest first; of each at most `MOST_TRIED`."""
    found: dict[int, list[Tried]] = {}
    columns = [ROLLOUTS.c[name] for name in Tried.__struct_fields__ if name not in ("rollout", "kind")]
    here = (ROLLOUTS.c.project_id == project_id, ROLLOUTS.c.app == app)
    wanted = sorted(numbers)
    for some in (wanted[at : at + 200] for at in range(0, len(wanted), 200)):
        query = select(ROLLOUTS.c.id, ROLLOUTS.c.candidate, ROLLOUTS.c.plan, *columns)
        for row in conn.execute(query.where(*here, ROLLOUTS.c.candidate.in_(some)).order_by(ROLLOUTS.c.id.desc())):
            listed = found.setdefault(row.candidate, [])
            if len(listed) < MOST_TRIED:
                kind = msgspec.json.decode(row.plan, type=Plan).kind
                values = {each.name: getattr(row, each.name) for each in columns}
                listed.append(Tried(rollout=row.id, kind=kind, **values))
    return found


def readiness(
    conn: Connection, project_id: str, app: str, environment: str, number: int, *, note: str, now: int
) -> Readiness:
    """What the environment demands of a release, and what of it is there. Raises `NotFound`."""
    found = environments.environment(conn, project_id, environment)
    release = store.release(conn, project_id, app, number)
    shown = Shown(
        verdicts=tuple(gate.verdicts(conn, project_id, app, number)),
        approvals=tuple(approvals.approvals(conn, project_id, app, number, environment=environment)),
        note=note,
    )
    subject = Subject(number=number, hash=release.hash, authors=release.authors)
    return protection.readiness(found.protection, subject, shown, now)


# --- beginning ---


def start(conn: Connection, wanted: Start) -> Rollout:
    """Begin a rollout; one of kind ``direct`` is promoted at once. Raises `NotFound`, `InvalidRequest`, and `Conflict`
    where the placement has changed, a rollout is open, or the environment's protection is not met."""
    _check_text(wanted.note, "note")
    _check_text(wanted.override, "override")
    plan = None if wanted.plan is None else check_plan(wanted.plan)
    bump(conn, REVISION)
    app = apps.app(conn, wanted.project_id, wanted.app)
    apps.refuse_archived(app)
    environments.environment(conn, wanted.project_id, wanted.environment)
    store.release(conn, wanted.project_id, wanted.app, wanted.candidate)
    at = environments.placement(conn, wanted.project_id, wanted.app, wanted.environment)
    plan = plan or check_plan(Plan(kind="direct" if at.stable is None else "canary"))
    _check_place(conn, wanted, plan, at)
    found = readiness(
        conn, wanted.project_id, wanted.app, wanted.environment, wanted.candidate, note=wanted.note, now=wanted.now
    )
    if not wanted.override:
        protection.refuse(found, wanted.environment)
    made = _made(wanted, plan, at, overridden=not found.ready)
    _insert(conn, made)
    _tell(conn, made, "rollout.started", wanted.actor, None, override=made.override or "")
    if plan.kind == "direct":
        ended = moved(made, Move(action="promote", reason=wanted.note), wanted.now)
        _save(conn, ended)
        _tell(conn, ended, "rollout.promoted", wanted.actor, made, override="")
        _place(conn, at, wanted.actor, ended, stable=ended.candidate, rollout=None)
        return ended
    _place(conn, at, wanted.actor, made, stable=at.stable, rollout=made.id)
    return made


def _made(wanted: Start, plan: Plan, at: Placement, *, overridden: bool) -> Rollout:
    return Rollout(
        id=new_id("ro"),
        project_id=wanted.project_id,
        app=wanted.app,
        environment=wanted.environment,
        stable=at.stable,
        candidate=wanted.candidate,
        plan=plan,
        state="running",
        step=0,
        step_started=wanted.now,
        started=wanted.now,
        ended=None,
        author=wanted.actor.id,
        author_name=wanted.actor.name,
        note=wanted.note,
        reason=wanted.note,
        evidence=None,
        revision=1,
        updated=wanted.now,
        override=wanted.override if overridden else None,
    )


def _check_place(conn: Connection, wanted: Start, plan: Plan, at: Placement) -> None:
    where = f"{wanted.app} in {wanted.environment}"
    if wanted.expected is not None and wanted.expected != at.revision:
        stable = "nothing" if at.stable is None else f"r{at.stable}"
        raise Conflict(
            f"What runs of {where} has changed: it is {stable} now (revision {at.revision}, yours was from "
            f"{wanted.expected}).",
            fix="Look at it again (trimtab release status), then decide.",
            code="placement_changed",
        )
    if at.rollout is not None:
        there = rollout(conn, wanted.project_id, at.rollout)
        raise Conflict(
            f"A rollout of {where} to r{there.candidate} is open already ({there.id}).",
            fix="Promote it, roll it back or stop it first (trimtab rollouts).",
            code="rollout_open",
        )
    if at.stable == wanted.candidate:
        raise Conflict(f"r{wanted.candidate} is what runs of {where} already.", fix="There is nothing to do.")
    if at.stable is None and plan.kind != "direct":
        raise Conflict(
            f"Nothing runs of {where} yet, so there is nothing to compare r{wanted.candidate} with.",
            fix="Promote the first release directly.",
            code="nothing_stable",
        )


# --- moving ---


def act(conn: Connection, wanted: Act) -> Rollout:
    """Make a move. Raises `NotFound`, and `Conflict` where it changed meanwhile, cannot be done, or the environment's
    protection is not met (never for what goes back)."""
    _check_text(wanted.move.reason, "reason")
    _check_text(wanted.override, "override")
    bump(conn, REVISION)
    before = rollout(conn, wanted.project_id, wanted.rollout)
    if wanted.expected is not None and wanted.expected != before.revision:
        raise Conflict(
            f"This rollout has changed: it is {before.state.replace('_', ' ')} at step {before.step + 1} now "
            f"({before.reason or 'no reason given'}).",
            fix="Look at it again, then decide.",
            code="rollout_changed",
        )
    after = moved(before, wanted.move, wanted.now)
    override = before.override or ""
    if wanted.move.action in _GUARDED and not override:
        override = _guard(conn, before, wanted)
    return _apply(conn, before, after, wanted.move, wanted.actor, override)


def _guard(conn: Connection, before: Rollout, wanted: Act) -> str:
    found = readiness(
        conn, before.project_id, before.app, before.environment, before.candidate, note=before.note, now=wanted.now
    )
    if not wanted.override:
        protection.refuse(found, before.environment)
    return "" if found.ready else wanted.override


def _apply(conn: Connection, before: Rollout, after: Rollout, move: Move, actor: Actor, override: str) -> Rollout:
    at = environments.placement(conn, before.project_id, before.app, before.environment)
    if before.state == "promoted" and (at.stable != before.candidate or at.rollout is not None):
        raise Conflict(
            f"r{before.candidate} is not what runs there any more, so this cannot be taken back.",
            fix="Roll the environment back: trimtab release rollback.",
            code="rollout_state",
        )
    _save(conn, after)
    _tell(conn, after, f"rollout.{PAST[move.action]}", actor, before, override=override)
    if after.state == "promoted":
        _place(conn, at, actor, after, stable=after.candidate, rollout=None)
    elif before.state == "promoted":
        if before.stable is None:
            raise _nothing_before(before.app, before.environment)
        _place(conn, at, actor, after, stable=before.stable, rollout=None)
    elif after.state not in OPEN:
        _place(conn, at, actor, after, stable=at.stable, rollout=None)
    return after


def go_back(conn: Connection, wanted: GoBack) -> Placement:
    """End an open rollout by rolling it back; where there is none, or ``to`` says so, put back a release that ran
    before. Asks for no protection. Raises `NotFound` and `Conflict`."""
    _check_text(wanted.reason, "reason")
    bump(conn, REVISION)
    apps.app(conn, wanted.project_id, wanted.app)
    at = environments.placement(conn, wanted.project_id, wanted.app, wanted.environment)
    if wanted.expected is not None and wanted.expected != at.revision:
        raise Conflict(
            f"What runs of {wanted.app} in {wanted.environment} has changed meanwhile (revision {at.revision}).",
            fix="Look at it again (trimtab release status), then decide.",
            code="placement_changed",
        )
    move = Move(action="roll_back", reason=wanted.reason)
    if at.rollout is not None:
        before = rollout(conn, wanted.project_id, at.rollout)
        _apply(conn, before, moved(before, move, wanted.now), move, wanted.actor, "")
        if wanted.to in (None, at.stable):
            return environments.placement(conn, wanted.project_id, wanted.app, wanted.environment)
        at = environments.placement(conn, wanted.project_id, wanted.app, wanted.environment)
    _back_from(conn, wanted, at, move)
    return environments.placement(conn, wanted.project_id, wanted.app, wanted.environment)


def back_to(conn: Connection, at: Placement) -> int | None:
    """What a rollback without more words would bring; None where nothing ran before."""
    if at.rollout is not None or at.stable is None:
        return at.stable
    here = (ROLLOUTS.c.project_id == at.project_id, ROLLOUTS.c.app == at.app)
    query = select(ROLLOUTS.c.stable).where(*here, ROLLOUTS.c.environment == at.environment)
    query = query.where(ROLLOUTS.c.state == "promoted", ROLLOUTS.c.candidate == at.stable)
    return conn.execute(query.order_by(ROLLOUTS.c.id.desc()).limit(1)).scalar_one_or_none()


def _back_from(conn: Connection, wanted: GoBack, at: Placement, move: Move) -> None:
    """Take back the rollout that put what runs now in its place. Where that was taken back already, so that what runs
    is what was put back then, only the placement changes."""
    here = [ROLLOUTS.c[name] == getattr(wanted, name) for name in ("project_id", "app", "environment")]
    short = select(ROLLOUTS.c.id, ROLLOUTS.c.state, ROLLOUTS.c.stable, ROLLOUTS.c.candidate).where(*here)
    every = conn.execute(short.order_by(ROLLOUTS.c.id.desc())).all()
    promoted = [each for each in every if each.state == "promoted"]
    last = next((each for each in promoted if each.candidate == at.stable), None)
    to = last.stable if wanted.to is None and last is not None else wanted.to
    if to is None:
        raise _nothing_before(wanted.app, wanted.environment)
    if to == at.stable:
        raise Conflict(f"r{to} is what runs there already.", fix="There is nothing to do.")
    if to not in {each.stable for each in every} | {each.candidate for each in promoted}:
        tried = any(each.candidate == to for each in every)
        why = "was taken back from" if tried else "never ran in"
        raise Conflict(
            f"r{to} {why} {wanted.environment}, so to bring it there is no going back.",
            fix="Promote it: trimtab release promote.",
            code="never_ran",
        )
    cause = rollout(conn, wanted.project_id, every[0].id if last is None else last.id)
    if last is None:
        after = structs.replace(cause, reason=move.reason, updated=wanted.now)
    else:
        after = moved(cause, move, wanted.now)
        _save(conn, after)
        _tell(conn, after, "rollout.rolled_back", wanted.actor, cause, override="")
    _place(conn, at, wanted.actor, after, stable=to, rollout=None)


def _nothing_before(app: str, environment: str) -> Conflict:
    return Conflict(
        f"Nothing ran of {app} in {environment} before what runs now.",
        fix="Promote another release: trimtab release promote.",
        code="nothing_before",
    )


# --- writing ---


def _columns(each: Rollout) -> dict[str, Any]:
    values = structs.asdict(each)
    values["plan"] = msgspec.json.encode(each.plan).decode()
    values["evidence"] = msgspec.json.encode(each.evidence).decode()
    return values


def _insert(conn: Connection, made: Rollout) -> None:
    conn.execute(insert(ROLLOUTS).values(_columns(made)))


def _save(conn: Connection, after: Rollout) -> None:
    """Raises `Conflict` where another wrote it since it was read."""
    of_it = (ROLLOUTS.c.id == after.id, ROLLOUTS.c.revision == after.revision - 1)
    if conn.execute(update(ROLLOUTS).where(*of_it).values(_columns(after))).rowcount != 1:
        raise Conflict("This rollout has changed.", fix="Look at it again, then decide.", code="rollout_changed")


def _place(
    conn: Connection, at: Placement, actor: Actor, cause: Rollout, *, stable: int | None, rollout: str | None
) -> None:
    made = structs.replace(at, stable=stable, rollout=rollout, revision=at.revision + 1, updated=cause.updated)
    environments.place(conn, made)
    if made.stable != at.stable:
        detail = {"from": at.stable, "to": made.stable, "rollout": cause.id, "reason": cause.reason}
        if cause.override and stable == cause.candidate:  # going back needs none
            detail["override"] = cause.override
        subject = f"placement:{at.app}@{at.environment}"
        audit.append(conn, at.project_id, actor, "placement.changed", subject, now=cause.updated, detail=detail)


def _tell(
    conn: Connection, after: Rollout, action: str, actor: Actor, before: Rollout | None, *, override: str
) -> None:
    detail: dict[str, Any] = {
        "rollout": after.id,
        "kind": after.plan.kind,
        "candidate": after.candidate,
        "stable": after.stable,
        "from": None if before is None else _told(before),
        "to": _told(after),
        "reason": after.reason,
    }
    if override:
        detail["override"] = override
    if after.evidence is not None and (before is None or after.evidence != before.evidence):
        detail["evidence"] = after.evidence
    audit.append(conn, after.project_id, actor, action, subject_of(after), now=after.updated, detail=detail)


def subject_of(each: Rollout) -> str:
    """How the audit log names a rollout: what is before its id is the placement that it is of."""
    return f"rollout:{each.app}@{each.environment}:{each.id}"


def _told(each: Rollout) -> dict[str, Any]:
    return {"state": each.state, "step": each.step, "share": share(each)}


def _check_text(text: str, param: str) -> None:
    if len(text) > MAX_NOTE or "\0" in text:
        raise InvalidRequest(f"{param!r} has at most {MAX_NOTE:,} characters.", fix="Shorten it.", param=param)
