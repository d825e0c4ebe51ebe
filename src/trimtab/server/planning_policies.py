"""What a change of policies would have done with recorded calls: the question to the store, and the judging of it."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import structs

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.gateway.apps.types import Ready
from trimtab.gateway.policed import Governed, Stated, offered, who_is
from trimtab.gateway.policy_effect import Judge, Kind, PolicyEffect, effect
from trimtab.gateway.route import Target, candidates
from trimtab.gateway.snapshot import Snapshot
from trimtab.governance import policy_text
from trimtab.governance.access import Principal, Project
from trimtab.governance.policies import InForce, in_force
from trimtab.governance.policy_eval import Engine, Facts, PolicySet, Who, engine_of
from trimtab.governance.policy_examples import plain
from trimtab.governance.policy_people import by_address, in_project
from trimtab.governance.policy_people import read as read_people
from trimtab.governance.store import KeyRow
from trimtab.governance.store import keys as keys_of
from trimtab.server.bodies.policy import PolicyPlan, PolicyPlanRequest, PolicyToolLine
from trimtab.server.dependencies import Dependencies
from trimtab.server.governing import sets_of
from trimtab.telemetry.decided import MOST_KINDS, SEEN, CallKind
from trimtab.telemetry.views import Window

WEEK_MS: Final = 7 * 24 * 3600 * 1000
MOST_READ: Final = 2_000
"""Calls whose text is read for the tools they offered."""


async def planned(deps: Dependencies, tenant: Project, data: PolicyPlanRequest) -> PolicyPlan:
    """Raises `InvalidRequest` for policies that cannot be read, and for an empty time."""
    until = deps.now() + 1 if data.end is None else data.end
    since = until - WEEK_MS if data.start is None else data.start
    if since >= until:
        raise InvalidRequest("The time range is empty.", fix="Give a 'start' before 'end'.", param="start")
    if data.text is not None:
        policy_text.check(data.text)
    window = Window(start=since, end=until)
    snapshot = deps.snapshots.current
    governed = snapshot.governed.get(tenant.id)
    rows = await deps.db.read(in_force)
    keys = await deps.db.read(lambda conn: keys_of(conn, tenant.id))
    people = in_project(await deps.db.read(read_people), tenant)
    stated = _named(governed, tenant, keys, people)
    now = sets_of(rows, tenant)
    after = engine_of(by_address(_changed(now, data), people))
    before = engine_of(by_address(now, people)) if now else None
    seen = _seen(after, before)
    found = await deps.recorded.kinds(tenant.id, data.q, window, seen)
    kinds = [_kind(deps, each, seen, stated, tenant) for each in found[:MOST_KINDS]]
    targets = _Targets(snapshot, tenant.id)
    judged = await asyncio.to_thread(effect, kinds, targets, Judge(before, stated), Judge(after, stated), stated)
    notes = list(judged.notes) + _notes(after, found, rows, data)
    lines, read = await _tools(deps, tenant, window, data, (before, after, stated))
    whole: PolicyEffect = structs.replace(judged, notes=notes)
    return PolicyPlan(window=window, effect=whole, tools=lines, tools_read=read)


def _named(governed: Governed | None, tenant: Project, keys: Sequence[KeyRow], people: dict[str, Who]) -> Stated:
    stated = Stated(slug=tenant.slug, organisation=tenant.organisation) if governed is None else governed.stated
    names = {row.id: row.name for row in keys}
    owners = {row.id: row.owner_id for row in keys if row.owner_id is not None}
    return structs.replace(stated, key_names=names, owners=owners, people=people)


def _changed(now: Sequence[PolicySet], data: PolicyPlanRequest) -> list[PolicySet]:
    others = [each for each in now if each.name != data.name]
    if data.text is None:
        return others
    return [*others, PolicySet(name=data.name, text=data.text, otherwise=data.otherwise)]


def _seen(*engines: Engine | None) -> tuple[str, ...]:
    found = {name for each in engines if each is not None for name in each.seen["call_model"]}
    return tuple(sorted(found))


class _Targets:
    """The targets that a recorded call's name has now."""

    def __init__(self, snapshot: Snapshot, project: str) -> None:
        self._targets = snapshot.targets[project]
        self._routes = snapshot.routes.get(project, {})
        self._apps = snapshot.apps.get(project)
        self._known: dict[tuple[str, str], list[Target]] = {}

    def __call__(self, kind: Kind) -> list[Target]:
        key = (kind.asked, kind.chosen)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._find(kind)
        return found

    def _find(self, kind: Kind) -> list[Target]:
        named = self._named(kind.asked)
        if kind.chosen and all(target.model.name != kind.chosen for target in named):
            named = [*self._plain(kind.chosen)[:1], *named]
        return sorted(named, key=lambda target: target.model.name != kind.chosen)

    def _named(self, name: str) -> list[Target]:
        releases = self._releases(name)
        if releases is not None:
            found = [leaf.target for each in releases if each and each.route for leaf in each.route.leaves]
            return list({target.model.name: target for target in found}.values())
        route = self._routes.get(name)
        return [leaf.target for leaf in route.leaves] if route is not None else self._plain(name)

    def _releases(self, name: str) -> Sequence[Ready | None] | None:
        """What an app's name runs; of one by its number (``support@r12``) that release, where it still runs."""
        placed = {} if self._apps is None else self._apps.placed
        if name in placed:
            lane = placed[name].lane
            return [placed[name].releases.get(number) for number in (lane.stable, lane.candidate) if number]
        app, _, ref = name.partition("@")
        number = ref.removeprefix("r")
        if not number.isdecimal():
            return None
        return next(
            (
                [each.releases[int(number)]]
                for each in placed.values()
                if each.app == app and int(number) in each.releases
            ),
            None,
        )

    def _plain(self, name: str) -> list[Target]:
        try:
            return candidates(self._targets, name)
        except NotFound:
            return []


def _kind(deps: Dependencies, row: CallKind, seen: Sequence[str], stated: Stated, tenant: Project) -> Kind:
    split = [name for name in seen if name in SEEN]
    return Kind(
        who=_who(deps.snapshots.principal(row.key_id), row.key_id, stated, tenant),
        asked=row.asked,
        chosen=row.chosen,
        provider=row.provider,
        app=row.app,
        environment=row.environment,
        data_class=row.data_class,
        seen=dict(zip(split, row.seen, strict=True)),
        calls=row.calls,
        trace_id=row.trace_id,
        last_ms=row.last_ns // 1_000_000,
    )


def _who(principal: Principal | None, key_id: str, stated: Stated, tenant: Project) -> Who:
    """Of a key that was revoked since only its name is left: it counts as a client's."""
    if principal is not None:
        return who_is(principal, stated)
    return Who(id=key_id, name=stated.key_names.get(key_id, ""), project=tenant.slug)


def _notes(after: Engine, found: Sequence[CallKind], rows: Sequence[InForce], data: PolicyPlanRequest) -> list[str]:
    notes: list[str] = []
    if len(found) > MOST_KINDS:
        notes.append(f"Only the {MOST_KINDS} kinds of calls with the most calls were judged: narrow the search.")
    if "labels" in after.seen["call_model"]:
        notes.append("What guards found is not told of here: conditions on labels were taken not to hold.")
    about = [action for action in ("promote", "approve", "export", "read_content") if after.speaks_of(action)]
    if about:
        notes.append(f"What people do ({', '.join(about)}) is not judged here: recorded calls say nothing of it.")
    if data.text is None and not any(row.name == data.name for row in rows):
        notes.append(f"There is no set {data.name!r} in force: nothing changes.")
    return notes


Judged = tuple[Engine | None, Engine, Stated]


async def _tools(
    deps: Dependencies, tenant: Project, window: Window, data: PolicyPlanRequest, judged: Judged
) -> tuple[list[PolicyToolLine], int]:
    """The tools that the newest calls offered and that would be refused, and of how many calls that is said."""
    before, after, stated = judged
    if not after.speaks_of("call_tool"):
        return [], 0
    calls = await deps.recorded.calls(tenant.id, data.q, window, MOST_READ)
    bodies = await deps.recorded.bodies(tenant.id, calls)
    counts: Counter[str] = Counter()
    lines: dict[str, PolicyToolLine] = {}
    read = 0
    for call in calls:
        body = bodies.get(call.span_id)
        if body is None or not body.request:
            continue
        read += 1
        who = _who(deps.snapshots.principal(call.key_id), call.key_id, stated, tenant)
        facts = Facts(
            data_class=stated.classes.highest((stated.keys.get(call.key_id, ""),)),
            feature=call.feature,
            user=call.user,
            tags=tuple(call.tags),
            at_s=call.start_ns // 1_000_000_000,
        )
        for name in _offered(body.request):
            verdict = after.decide("call_tool", who, plain("call_tool", name), facts)
            was = None if before is None else before.decide("call_tool", who, plain("call_tool", name), facts)
            if not verdict.allowed and (was is None or was.allowed):
                counts[name] += 1
                lines[name] = PolicyToolLine(
                    tool=name,
                    calls=counts[name],
                    dropped=verdict.drops,
                    set=verdict.set,
                    policy=verdict.policy,
                    reason=verdict.reason or verdict.sentence(),
                    trace_id=call.request_id.removeprefix("req_"),
                )
    return sorted(lines.values(), key=lambda line: (-line.calls, line.tool)), read


def _offered(body: bytes) -> list[str]:
    try:
        return offered(body)
    except InvalidRequest:
        return []
