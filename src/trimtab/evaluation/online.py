"""Rules by which live traffic is scored and suites run again by themselves: their words, their SQL, and when they are
due. Functions of a connection; times are Unix ms, money is whole picodollars.

online     a sampled share of an app's answers, its scorers, what judges may cost in a day (UTC)
schedule   a suite that is put to what serves now, every so many hours

``state`` is the runner's own (`server/duties/scoring_live.py`): how far it has read, what it spent today, what it
waits for.
"""

import re
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.evaluation import scorer_names, suites
from trimtab.evaluation.tables import ONLINE_RULES
from trimtab.evaluation.types import NAME
from trimtab.governance import audit, edits
from trimtab.governance.audit import Actor
from trimtab.governance.edits import Edit
from trimtab.ledger.limits import picodollars
from trimtab.telemetry.scores.types import MAX_NAME
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.views import Window

R = ONLINE_RULES.c
MOST_RULES: Final = 200
MOST_SCORERS: Final = 20
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
UNSCORED: Final = "could not score"
"""The label of a score without a value: a scorer looked, and could not say."""


class OnlineScorer(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``name`` is that of the scores it writes; the scorer's if left out."""

    scorer: str
    name: str = ""
    options: dict[str, Any] = {}


class OnlineSpec(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag="online", tag_field="kind"
):
    """Which answers: of ``app`` and ``environment`` (empty: all), and those that the search ``q`` finds; of them
    ``share``, always the same ones, by a hash of the trace. ``budget``: dollars a day for models that judge, as a
    decimal string; what comes when it is spent is passed over and counted."""

    scorers: tuple[OnlineScorer, ...]
    app: str = ""
    environment: str = ""
    q: str = ""
    share: Annotated[float, Meta(gt=0, le=1)] = 0.05
    budget: str = "1"
    description: Annotated[str, Meta(max_length=2000)] = ""


class ScheduleSpec(
    Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag="schedule", tag_field="kind"
):
    """``suite`` is put to ``subject`` (``support@production``: what serves there then) every ``every_hours``, compared
    with what the suite says, or ``against``; ``alone``: with nothing. ``budget`` stands over the suite's."""

    suite: str
    subject: Annotated[str, Meta(min_length=1, max_length=200)]
    every_hours: Annotated[float, Meta(ge=1, le=8760)] = 24.0
    against: Annotated[str, Meta(max_length=200)] = ""
    alone: bool = False
    budget: str = ""
    description: Annotated[str, Meta(max_length=2000)] = ""


Spec = OnlineSpec | ScheduleSpec


class RuleState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rule did. Answers that ended before ``from_ns`` are not its; it has read those that ended before
    ``read_ns``, and with ``all`` everything up to then. Of ``day`` (days since 1970, UTC): ``spent`` picodollars,
    ``scored`` and ``unscored`` verdicts, ``passed_over`` answers for which there was no budget; ``unpriced`` questions
    of unknown price. ``next``: when a schedule is due, ``experiment`` what it queued last. ``trouble`` is why it does
    not go on, empty while it does."""

    from_ns: int = 0
    read_ns: int = 0
    all: bool = False
    day: int = 0
    spent: int = 0
    unpriced: int = 0
    scored: int = 0
    unscored: int = 0
    passed_over: int = 0
    last: int | None = None
    next: int | None = None
    experiment: str = ""
    trouble: str = ""

    def on(self, now: int) -> "RuleState":
        """The same with the counts of another day at 0."""
        day = now // DAY_MS
        if day == self.day:
            return self
        return msgspec.structs.replace(self, day=day, spent=0, unpriced=0, scored=0, unscored=0, passed_over=0)


class Rule(Struct, frozen=True, kw_only=True):
    project_id: str
    name: str
    spec: Spec
    state: RuleState
    paused: bool
    revision: int
    created: int
    updated: int


class Put(Struct, frozen=True, kw_only=True):
    """A rule to be. ``expected`` is the revision it was made from; None: whatever there is, 0: it is to be new."""

    project_id: str
    name: str
    spec: Spec
    actor: Actor
    now: int
    paused: bool = False
    expected: int | None = None


def _rule(row: Any) -> Rule:
    own = {name: getattr(row, name) for name in Rule.__struct_fields__ if name not in ("spec", "state", "paused")}
    return Rule(
        spec=msgspec.json.decode(row.spec, type=cast("type[Spec]", Spec)),
        state=msgspec.json.decode(row.state, type=RuleState),
        paused=bool(row.paused),
        **own,
    )


def rules(conn: Connection, project_id: str | None = None, *, after: str = "", limit: int | None = None) -> list[Rule]:
    """By name; of all projects where none is named."""
    query = select(ONLINE_RULES).order_by(R.project_id, R.name).limit(limit)
    if project_id is not None:
        query = query.where(R.project_id == project_id, R.name > after)
    return [_rule(row) for row in conn.execute(query)]


def rule(conn: Connection, project_id: str, name: str, *, lock: bool = False) -> Rule:
    """Raises `NotFound`. ``lock``: nobody else changes it until this transaction ends."""
    query = select(ONLINE_RULES).where(R.project_id == project_id, R.name == name)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no online rule {name[:80]!r} in this project.",
            fix="'trimtab online list' shows them; PUT .../online-rules/{name} makes one.",
            code="rule_not_found",
        )
    return _rule(row)


def put(conn: Connection, wanted: Put) -> tuple[Rule, bool]:
    """Make or change a rule; whether it is new. A new one begins with the answers that come from now on. Raises
    `InvalidRequest`, `NotFound` for a suite or judge there is not, and `Conflict`."""
    check(conn, wanted)
    at = (R.project_id == wanted.project_id, R.name == wanted.name)
    row = conn.execute(select(ONLINE_RULES).where(*at).with_for_update()).one_or_none()  # the runner writes its state
    if row is None and wanted.expected in (None, 0):
        _make(conn, wanted)
        return rule(conn, wanted.project_id, wanted.name), True
    revision = 0 if row is None else int(row.revision)
    if row is None or wanted.expected not in (None, revision):
        raise _changed(wanted.name, revision)
    old = _rule(row)
    if old.spec == wanted.spec and old.paused == wanted.paused:
        return old, False
    values: dict[str, Any] = {
        "kind": _kind(wanted.spec),
        "spec": _json(wanted.spec),
        "state": _json(_resumed(old, wanted)),
        "paused": wanted.paused,
        "revision": revision + 1,
        "updated": wanted.now,
    }
    if conn.execute(update(ONLINE_RULES).where(*at, R.revision == revision).values(values)).rowcount != 1:
        raise _changed(wanted.name, revision + 1)
    detail = {"from": _told(old.spec, paused=old.paused), "to": _told(wanted.spec, paused=wanted.paused)}
    _tell(conn, wanted, "online_rule.changed", detail)
    return rule(conn, wanted.project_id, wanted.name), False


def _resumed(old: Rule, wanted: Put) -> RuleState:
    """What came while a rule was paused, or was meant for another kind of rule, is not scored afterwards."""
    if old.paused or _kind(old.spec) != _kind(wanted.spec):
        return _begun(wanted, msgspec.structs.replace(old.state, trouble=""))
    state = msgspec.structs.replace(old.state, trouble="")
    if isinstance(wanted.spec, ScheduleSpec):
        last = state.last if state.last is not None else wanted.now - _every(wanted.spec)
        return msgspec.structs.replace(state, next=max(wanted.now, last + _every(wanted.spec)))
    return state


def _begun(wanted: Put, state: RuleState) -> RuleState:
    due = wanted.now if isinstance(wanted.spec, ScheduleSpec) else None
    began = wanted.now * 1_000_000
    return msgspec.structs.replace(state, from_ns=began, read_ns=began, all=False, next=due)


def _make(conn: Connection, wanted: Put) -> None:
    many = conn.execute(select(func.count()).where(R.project_id == wanted.project_id)).scalar_one()
    if many >= MOST_RULES:
        raise InvalidRequest(f"A project has at most {MOST_RULES} online rules.", fix="Change one that is there.")
    values: dict[str, Any] = {
        "project_id": wanted.project_id,
        "name": wanted.name,
        "kind": _kind(wanted.spec),
        "spec": _json(wanted.spec),
        "state": _json(_begun(wanted, RuleState())),
        "paused": wanted.paused,
        "revision": edits.following(conn, _edit(wanted.project_id, wanted.name)),
        "created": wanted.now,
        "updated": wanted.now,
    }
    try:
        with conn.begin_nested():
            conn.execute(insert(ONLINE_RULES).values(values))
    except IntegrityError as error:
        raise _changed(wanted.name, 1) from error
    _tell(conn, wanted, "online_rule.created", {"from": None, "to": _told(wanted.spec, paused=wanted.paused)})


def remove(
    conn: Connection, project_id: str, name: str, actor: Actor, now: int, *, expected: int | None = None
) -> None:
    """Its scores stay. Raises `NotFound`, and `Conflict` where ``expected`` is not its revision."""
    old = rule(conn, project_id, name, lock=True)
    if expected is not None and expected != old.revision:
        raise _changed(name, old.revision)
    conn.execute(delete(ONLINE_RULES).where(R.project_id == project_id, R.name == name))
    edits.removed(conn, _edit(project_id, name), old.revision, actor, now)
    detail = {"from": _told(old.spec, paused=old.paused), "to": None}
    audit.append(conn, project_id, actor, "online_rule.removed", f"online_rule:{name}", now=now, detail=detail)


def remember(conn: Connection, found: Rule, state: RuleState) -> bool:
    """What the runner did; False where somebody changed the rule meanwhile: the next look sees what holds now."""
    at = (R.project_id == found.project_id, R.name == found.name, R.revision == found.revision)
    return conn.execute(update(ONLINE_RULES).where(*at).values(state=_json(state))).rowcount == 1


def charge(conn: Connection, found: Rule, state: RuleState) -> None:
    """What the runner paid that day for a rule that somebody changed meanwhile counts in its budget all the same; what
    it read is read again. One that was made anew under the name has a budget of its own."""
    try:
        held = rule(conn, found.project_id, found.name, lock=True)
    except NotFound:
        return
    if held.created != found.created or held.state.day > state.day:
        return
    began, now = found.state.on(state.day * DAY_MS), held.state.on(state.day * DAY_MS)
    paid, unpriced = state.spent - began.spent, state.unpriced - began.unpriced
    charged = msgspec.structs.replace(now, spent=now.spent + paid, unpriced=now.unpriced + unpriced)
    if charged != held.state:
        at = (R.project_id == found.project_id, R.name == found.name)
        conn.execute(update(ONLINE_RULES).where(*at).values(state=_json(charged)))


def due(found: Rule, now: int) -> bool:
    """Whether a schedule is to run now. One that was missed runs once."""
    return isinstance(found.spec, ScheduleSpec) and not found.paused and (found.state.next or 0) <= now


def after_run(found: Rule, now: int, *, experiment: str = "", trouble: str = "") -> RuleState:
    """A schedule's state when it has run, or could not: it keeps its beat, and tries again after an hour at most."""
    assert isinstance(found.spec, ScheduleSpec)
    every = _every(found.spec)
    beat = found.state.next or now
    following = beat + ((now - beat) // every + 1) * every
    return msgspec.structs.replace(
        found.state,
        last=now,
        next=min(following, now + HOUR_MS) if trouble else following,
        experiment=experiment or found.state.experiment,
        trouble=trouble,
    )


def budget_of(spec: OnlineSpec) -> int | None:
    """Picodollars a day; None for no bound."""
    return picodollars(spec.budget, param="budget") if spec.budget else None


def check(conn: Connection, wanted: Put) -> None:
    """Raises `InvalidRequest` that names what cannot be meant, and `NotFound` for what is not there."""
    if not re.fullmatch(NAME, wanted.name):
        raise _wrong(
            f"{wanted.name[:80]!r} is no name for a rule.", "Use lower-case letters, digits, '.', '_', '-'.", "name"
        )
    spec = wanted.spec
    if spec.budget:
        picodollars(spec.budget, param="budget")
    if isinstance(spec, ScheduleSpec):
        suites.suite(conn, wanted.project_id, spec.suite)
        return
    if not 1 <= len(spec.scorers) <= MOST_SCORERS:
        raise _wrong(f"A rule has 1 to {MOST_SCORERS} scorers.", "Name what judges the answers.", "scorers")
    names: set[str] = set()
    for number, each in enumerate(spec.scorers):
        name = each.name or each.scorer
        if name in names or len(name) > MAX_NAME or not name.isprintable():
            raise _wrong(f"Two scores cannot be called {name[:80]!r}.", "Choose another.", f"scorers[{number}].name")
        names.add(name)
        scorer_names.resolve(conn, wanted.project_id, each.scorer, each.options)
    compile_query(search_of(spec), wanted.project_id, Window(start=0, end=1))


def search_of(spec: OnlineSpec) -> str:
    """What the rule looks for, in the words of the search."""
    parts = [
        f'{key}:"{_quoted(value)}"' for key, value in (("app", spec.app), ("environment", spec.environment)) if value
    ]
    return " ".join([*parts, f"({spec.q})" if spec.q.strip() else ""]).strip()


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _edit(project_id: str, name: str) -> Edit:
    return Edit(place=project_id, kind="online_rule", name=name)


def _every(spec: ScheduleSpec) -> int:
    return round(spec.every_hours * HOUR_MS)


def _kind(spec: Spec) -> Literal["online", "schedule"]:
    return "online" if isinstance(spec, OnlineSpec) else "schedule"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _told(spec: Spec, *, paused: bool) -> dict[str, Any]:
    return {**cast("dict[str, Any]", msgspec.to_builtins(spec)), "paused": paused}


def _tell(conn: Connection, wanted: Put, action: str, detail: dict[str, Any]) -> None:
    subject = f"online_rule:{wanted.name}"
    audit.append(conn, wanted.project_id, wanted.actor, action, subject, now=wanted.now, detail=detail)


def _wrong(message: str, fix: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, fix=fix, param=param)


def _changed(name: str, revision: int) -> Conflict:
    return Conflict(
        f"The rule {name!r} is not as you saw it: it has revision {revision} now.",
        fix="Read it again, and make the change on what there is.",
        code="rule_changed",
    )
