"""Guards: versions, kinds, a trial of one on texts, what users are told, and the archive."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from litestar.params import FromPath, FromQuery, JSONBody
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.governance import audit, edits
from trimtab.governance.access import Project
from trimtab.governance.data_classes import check_class, classes_of
from trimtab.governance.edits import FIRST, Edit
from trimtab.governance.projects import REVISION
from trimtab.guard import points, services, store
from trimtab.guard import spec as specs
from trimtab.guard.guards import REGISTRY
from trimtab.guard.run import Runner, concerns, redacted
from trimtab.guard.store import GuardDraft, GuardVersion, Refusal
from trimtab.guard.types import ACTIONS, Finding, Guard, Piece, Subject, Tools
from trimtab.ledger.limits import dollars
from trimtab.scoring.catalog import options_schema
from trimtab.server.actors import actor_of
from trimtab.server.api.review_queues import Time, window
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.bodies.guard import (
    GuardChange,
    GuardDiff,
    GuardExample,
    GuardKind,
    GuardKinds,
    GuardName,
    GuardPage,
    GuardPlace,
    GuardReport,
    GuardTrial,
    GuardTried,
    GuardView,
    GuardWhy,
    NewGuardVersion,
    PushedGuard,
    PutRefusal,
    RefusalList,
    ShownRefusal,
    TrialStage,
    TriedFinding,
)
from trimtab.server.guard_views import guard_view
from trimtab.server.routes import (
    CallerNow,
    Cursor,
    Deps,
    Limit,
    Operation,
    Seen,
    Tenant,
    read_cursor,
    route,
    write_cursor,
)
from trimtab.storage import revision
from trimtab.telemetry.answers import guard_line, read_decision
from trimtab.telemetry.guard_query import STOPS, Report

TAG = "guards"
MS = 1_000_000
REFUSAL = "guard_refusal"
BASE = "/api/v1/projects/{project:str}/guards"
ONE = BASE + "/{name:str}"
KINDS = "/api/v1/projects/{project:str}/guard-kinds"
REFUSALS = "/api/v1/projects/{project:str}/guard-refusals"


def _viewed(conn: Connection, *rows: GuardVersion) -> list[GuardView]:
    """Each with what its threshold was chosen with."""
    if not rows:
        return []
    kept = points.kept(conn, rows[0].project_id, rows)
    return [guard_view(row, kept.get((row.name, row.version))) for row in rows]


@route("GET", KINDS, "guard:read", Operation(id="listGuardKinds", summary="Kinds of guards", tag=TAG, errors=(404,)))
async def list_kinds(tenant: Tenant) -> GuardKinds:
    """With what each looks at, and the JSON Schema of its options."""
    del tenant
    return GuardKinds(items=[_kind(plug) for plug in REGISTRY.all().values()])


def _kind(plug: Guard) -> GuardKind:
    return GuardKind(
        name=plug.name,
        version=plug.version,
        about=plug.about,
        needs=plug.needs,
        stages=list(plug.stages),
        actions=list(plug.actions),
        threshold=plug.threshold,
        window=plug.window,
        options=options_schema(plug.options),
    )


@route("GET", BASE, "guard:read", Operation(id="listGuards", summary="List guards", tag=TAG, errors=(404,)))
async def list_guards(
    deps: Deps, tenant: Tenant, archived: FromQuery[bool] = False, cursor: Cursor = None, limit: Limit = 100
) -> GuardPage:
    """The newest version of each, in order of name; ``archived``: only those put away."""
    after = read_cursor(cursor)

    def read(conn: Connection) -> list[GuardView]:
        return _viewed(conn, *store.guards(conn, tenant.id, archived=archived, after=after, limit=limit + 1))

    rows = await deps.db.read(read)
    more = write_cursor(rows[limit - 1].name) if len(rows) > limit else None
    return GuardPage(items=rows[:limit], cursor=more)


@route("GET", ONE, "guard:read", Operation(id="getGuard", summary="One guard", tag=TAG, errors=(404,)))
async def get_guard(
    deps: Deps, tenant: Tenant, name: FromPath[str], version: FromQuery[int | None] = None
) -> GuardView:
    """The newest version, or that one."""
    return (await deps.db.read(lambda conn: _viewed(conn, store.guard(conn, tenant.id, name, version))))[0]


@route(
    "GET",
    ONE + "/versions",
    "guard:read",
    Operation(id="listGuardVersions", summary="A guard's versions", tag=TAG, errors=(404,)),
)
async def list_guard_versions(
    deps: Deps, tenant: Tenant, name: FromPath[str], cursor: Cursor = None, limit: Limit = 100
) -> GuardPage:
    """Newest first."""
    before = _number(read_cursor(cursor))

    def read(conn: Connection) -> list[GuardView]:
        return _viewed(conn, *store.versions(conn, tenant.id, name, before=before, limit=limit + 1))

    rows = await deps.db.read(read)
    more = write_cursor(str(rows[limit - 1].version)) if len(rows) > limit else None
    return GuardPage(items=rows[:limit], cursor=more)


def _number(text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    return int(text) if text else None


@route(
    "POST",
    ONE + "/versions",
    "guard:write",
    Operation(id="pushGuard", summary="Add a version of a guard", tag=TAG, status=201, errors=(404, 409)),
)
async def push_guard(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[GuardName], data: JSONBody[NewGuardVersion]
) -> PushedGuard:
    """The first version makes the guard. What the newest version says already makes no new one. It is in force by its
    ``applies_to`` when this returns."""
    specs.check_name(name)
    specs.check(data.spec)
    if "\0" in data.message:
        raise InvalidRequest("A message holds no NUL.", fix="Leave it out.", param="message")

    def write(conn: Connection) -> tuple[GuardView, bool]:
        actor = actor_of(conn, caller)
        if asked := data.spec.options.get("service"):
            services.service(conn, tenant.id, str(asked))
        if data.spec.data_class:
            check_class(data.spec.data_class, classes_of(conn, tenant.id))
        draft = GuardDraft(
            project_id=tenant.id,
            name=name,
            spec=data.spec,
            message=data.message,
            author=actor.id,
            author_name=actor.name,
            now=deps.now(),
            expected=data.expected_version,
        )
        row, created = store.add(conn, draft)
        if created:
            detail = {
                "version": row.version,
                "kind": row.spec.kind,
                "mode": row.spec.mode,
                "action": row.spec.action,
                "hash": row.hash,
                "message": row.message,
            }
            audit.append(conn, tenant.id, actor, "guard.pushed", f"guard:{name}", now=deps.now(), detail=detail)
            points.carry(conn, row)
            revision.bump(conn, REVISION)
        return _viewed(conn, row)[0], created

    row, created = await deps.db.write(write)
    if created:
        await deps.snapshots.changed()
    return PushedGuard(guard=row, created=created)


@route("PATCH", ONE, "guard:write", Operation(id="placeGuard", summary="Archive a guard", tag=TAG, errors=(404, 409)))
async def place_guard(
    deps: Deps, caller: CallerNow, tenant: Tenant, name: FromPath[str], data: JSONBody[GuardPlace]
) -> GuardView:
    """Put it away, or take it out again. Its versions never change, and releases that have one go on with it."""
    now = deps.now()

    def write(conn: Connection) -> GuardView:
        edits.hold(conn)
        old = store.guard(conn, tenant.id, name)
        edits.expect_value(
            f"The newest version of {name!r}", data.expected_version, old.version, param="expected_version"
        )
        if (old.archived is not None) == data.archived:
            return _viewed(conn, old)[0]
        row = store.archive(conn, tenant.id, name, now if data.archived else None)
        action = "guard.archived" if data.archived else "guard.restored"
        audit.append(conn, tenant.id, actor_of(conn, caller), action, f"guard:{name}", now=now)
        revision.bump(conn, REVISION)
        return _viewed(conn, row)[0]

    row = await deps.db.write(write)
    await deps.snapshots.changed()
    return row


@route(
    "GET",
    ONE + "/diff",
    "guard:read",
    Operation(id="diffGuard", summary="What changed between two versions of a guard", tag=TAG, errors=(404,)),
)
async def diff_guard(
    deps: Deps,
    tenant: Tenant,
    name: FromPath[str],
    before: FromQuery[int | None] = None,
    after: FromQuery[int | None] = None,
) -> GuardDiff:
    """``after`` is the newest if left out, and ``before`` the one before it. The first version is compared with
    nothing."""

    def read(conn: Connection) -> tuple[GuardVersion | None, GuardVersion]:
        new = store.guard(conn, tenant.id, name, after)
        older = new.version - 1 if before is None else before
        return (None if older < 1 else store.guard(conn, tenant.id, name, older)), new

    old, new = await deps.db.read(read)
    was, now = _flat(old), _flat(new)
    changes = [
        GuardChange(field=field, before=was.get(field), after=now.get(field))
        for field in sorted(was.keys() | now.keys())
        if was.get(field) != now.get(field)
    ]
    return GuardDiff(before=0 if old is None else old.version, after=new.version, changes=changes)


def _flat(row: GuardVersion | None) -> dict[str, Any]:
    if row is None:
        return {}
    plain = cast("dict[str, Any]", msgspec.to_builtins(row.spec))
    options = cast("dict[str, Any]", plain.pop("options", {}))
    return {**plain, **{f"options.{name}": value for name, value in options.items()}}


@route(
    "POST",
    BASE + "/try",
    "guard:write",
    Operation(id="tryGuard", summary="Try a guard on texts", tag=TAG, errors=(404, 413)),
)
async def try_guard(deps: Deps, tenant: Tenant, data: JSONBody[GuardTrial]) -> GuardTried:
    """Nothing is kept, but for the call of a guard that asks a model: it stands in the ledger as any other."""
    guard = specs.ready("trial", 1, specs.check(data.spec))
    pieces = tuple(
        Piece(stage=each.stage, text=each.text, role=each.role, tool=each.tool, place=str(number))
        for number, each in enumerate(data.texts)
    )
    subject = Subject(
        pieces=pieces,
        system=data.system,
        question=data.question,
        context=tuple(data.context),
        schema=data.schema,
    )
    runner = Runner()
    tools = Tools() if deps.guard_tools is None else deps.guard_tools(tenant.id)
    stages: list[TrialStage] = []
    try:
        for stage in guard.stages:
            if any(concerns(guard, stage, piece) for piece in pieces):
                seen = await runner.look(guard, stage, subject, tools)
                verdict = seen.verdict
                if verdict.action == "redact":
                    pieces = redacted(pieces, seen.findings, [])
                stages.append(
                    TrialStage(
                        stage=stage,
                        action=verdict.action,
                        score=verdict.score,
                        threshold=verdict.threshold,
                        reason=verdict.reason,
                        label=verdict.label,
                        failed=verdict.failed,
                        took_us=verdict.took_us,
                        cost=None if verdict.cost is None else dollars(verdict.cost),
                        findings=[_found(each) for each in seen.findings],
                    )
                )
    finally:
        await runner.aclose()
    action = ACTIONS[max((ACTIONS.index(each.action) for each in stages), default=0)]
    return GuardTried(action=action, stages=stages, texts=[piece.text for piece in pieces])


def _found(each: Finding) -> TriedFinding:
    return TriedFinding(text=each.piece, start=each.start, end=each.end, kind=each.kind, score=each.score)


# --- what they did ---


@route(
    "GET",
    ONE + "/report",
    "guard:read",
    Operation(id="reportGuard", summary="What a guard did, or would have done", tag=TAG, errors=(404,)),
)
async def report_guard(
    deps: Deps, tenant: Tenant, name: FromPath[str], start: Time = None, end: Time = None
) -> GuardReport:
    """With the calls that began in the window (the last 30 days). In shadow mode: what it would have done. Where it was
    changed within the window to judge otherwise, the report counts both and says so."""
    rows = await deps.db.read(lambda conn: store.versions(conn, tenant.id, name))
    guard, turned = rows[0], points.turned(rows)
    since, until = window(deps, start, end)
    found = await deps.search.guard_report(tenant.id, name, since * MS, until * MS)
    return GuardReport(
        name=name,
        since=since,
        until=until,
        calls=found.calls,
        enforced=found.enforced,
        would_have=found.would_have,
        failed=found.failed,
        unread=found.unread,
        say=say(found, guard.spec.action, turned if turned is not None and since < turned.created < until else None),
        examples=[
            GuardExample(
                trace_id=each.trace_id,
                request_id=each.request_id,
                model=each.model,
                started=each.start_ns // MS,
                action=each.action,
                mode=each.mode,
                preview=each.preview,
            )
            for each in found.examples
        ],
    )


def say(found: Report, action: str, turned: GuardVersion | None = None) -> str:
    """The report in a sentence or two; ``action`` is what the guard is set to do, ``turned`` the version with which it
    began to judge as it does now, within the window."""
    if not found.calls:
        return "It has looked at no call in this window."
    said = [*_did(found.enforced, action, "It"), *_did(found.would_have, action, "It would have")]
    if found.failed:
        said.append(f"It could not tell {found.failed:,} time{'s' * (found.failed != 1)}.")
    if found.unread:
        said.append(f"{found.unread:,} call{'s' * (found.unread != 1)} had something that it cannot read.")
    if turned is not None:
        when = datetime.fromtimestamp(turned.created / 1_000, UTC)
        said.append(f"Before {when:%Y-%m-%d %H:%M} UTC it judged otherwise (version {turned.version} changed that).")
    return " ".join(said)


def _did(by: Mapping[str, int], action: str, who: str) -> list[str]:
    """What it did to how many calls, beginning with what it is set to do: a guard that redacts stops none, and that is
    no news."""
    of = sum(by.values())
    if not of:
        return []
    stopped = sum(by.get(each, 0) for each in STOPS)
    told = {"stop": ("stopped", stopped), "redact": ("taken something out of", by.get("redact", 0))}
    told["flag"] = ("flagged", by.get("flag", 0))
    first = "stop" if action in STOPS else action
    words = [first, *(each for each in told if each != first and told[each][1])]
    past = {"taken something out of": "took something out of"} if who == "It" else {}
    return [
        f"{who} {past.get(told[each][0], told[each][0])} {told[each][1]:,}{f' of {of:,} calls' if at == 0 else ''}."
        for at, each in enumerate(words)
    ]


@route(
    "GET",
    "/api/v1/projects/{project:str}/guard-decisions/{request_id:str}",
    "trace:read",
    Operation(id="whyGuarded", summary="What guards decided about a request", tag=TAG, errors=(404,)),
)
async def why_guarded(deps: Deps, tenant: Tenant, request_id: FromPath[str]) -> GuardWhy:
    """By the reference that a user was given in a refusal: the id of the request."""
    found = await deps.search.why_guarded(tenant.id, request_id.replace("\0", "?"))
    if found is None:
        raise NotFound(
            f"There is no request {request_id[:80]!r} in this project's traces.",
            fix="A call is there a second or so after it ended, and until its retention ends.",
            code="request_not_found",
        )
    decided = read_decision(found.decision)
    return GuardWhy(
        request_id=request_id,
        trace_id=found.trace_id,
        model=found.model,
        started=found.start_ns // MS,
        held=decided.held,
        verdicts=[guard_line(each) for each in decided.guards],
    )


# --- what users are told ---


@route(
    "GET",
    REFUSALS,
    "guard:read",
    Operation(id="listGuardRefusals", summary="What users are told", tag=TAG, errors=(404,)),
)
async def list_refusals(deps: Deps, tenant: Tenant) -> RefusalList:
    """By template, app and language. Where nothing fits, Trimtab's own words are said."""

    def read(conn: Connection) -> tuple[dict[str, int], list[Refusal]]:
        return edits.revisions(conn, tenant.id, REFUSAL), store.refusals(conn, tenant.id)

    revisions, found = await deps.db.read(read)
    return RefusalList(items=[_refusal(each, revisions.get(_refusal_name(each), FIRST)) for each in found])


def _refusal(row: Refusal, revision: int) -> ShownRefusal:
    return ShownRefusal(name=row.name, app=row.app, language=row.language, text=row.text, revision=revision)


def _refusal_name(row: Refusal) -> str:
    return f"{row.name}/{row.app}/{row.language}"


def _refusal_deed(tenant: Project, action: str, row: Refusal, expected: int | None = None) -> Deed:
    def state(conn: Connection) -> dict[str, Any] | None:
        found = store.refusal(conn, row.project_id, row.name, row.app, row.language)
        return None if found is None else {"text": found.text}

    words = [row.name, *(each for each in (row.app, row.language) if each)]
    edit = Edit(place=tenant.id, kind=REFUSAL, name=_refusal_name(row), label=", ".join(words), expected=expected)
    detail = {"app": row.app, "language": row.language}
    subject = f"guard-refusal:{row.label}"
    return Deed(project=tenant, action=action, subject=subject, state=state, detail=detail, edit=edit)


@route(
    "PUT",
    REFUSALS,
    "guard:write",
    Operation(id="putGuardRefusal", summary="Set what users are told", tag=TAG, errors=(404, 409)),
)
async def put_refusal(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[PutRefusal]) -> ShownRefusal:
    """Of one template, app and language; in force when this returns. With ``expected_revision`` it is refused (409)
    where somebody changed the text since that revision; 0: there is to be none yet."""
    if "\0" in data.text:
        raise InvalidRequest("A text holds no NUL.", fix="Leave it out.", param="text")
    new = Refusal(project_id=tenant.id, name=data.name, app=data.app, language=data.language, text=data.text)

    def write(conn: Connection) -> None:
        if store.put_refusal(conn, new, deps.now()):
            revision.bump(conn, REVISION)

    deed = _refusal_deed(tenant, "guard_refusal.changed", new, data.expected_revision)
    made = await edited(deps, caller, deed, write)
    await deps.snapshots.changed()
    return _refusal(new, made.revision)


@route(
    "DELETE",
    REFUSALS,
    "guard:write",
    Operation(id="dropGuardRefusal", summary="Remove what users are told", tag=TAG, status=204, errors=(404, 409)),
)
async def drop_refusal(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    name: FromQuery[GuardName] = "default",
    app: FromQuery[str] = "",
    language: FromQuery[str] = "",
    expected_revision: Seen = None,
) -> None:
    """What is more general, or Trimtab's own words, holds again."""

    app, language = app.replace("\0", "?"), language.replace("\0", "?")

    def write(conn: Connection) -> None:
        store.drop_refusal(conn, tenant.id, name, app, language)
        revision.bump(conn, REVISION)

    gone = Refusal(project_id=tenant.id, name=name, app=app, language=language, text="")
    await written(deps, caller, _refusal_deed(tenant, "guard_refusal.removed", gone, expected_revision), write)
    await deps.snapshots.changed()


ROUTES = (
    list_kinds,
    list_guards,
    get_guard,
    list_guard_versions,
    push_guard,
    place_guard,
    diff_guard,
    try_guard,
    report_guard,
    why_guarded,
    list_refusals,
    put_refusal,
    drop_refusal,
)
