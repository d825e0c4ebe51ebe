"""Legal holds: what neither an erasure nor a retention run may remove."""

from litestar.params import FromPath, JSONBody
from msgspec import structs

from trimtab.core.ids import new_id
from trimtab.governance import legal_holds
from trimtab.governance.legal_holds import LegalHold
from trimtab.server.actors import actor_of
from trimtab.server.auditing import Deed, written
from trimtab.server.bodies.encryption import LegalHoldPage, LegalHoldView, NewLegalHold, ReleaseLegalHold
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "legal holds"
BASE = "/api/v1/projects/{project:str}/legal-holds"


def _view(hold: LegalHold) -> LegalHoldView:
    values = structs.asdict(hold)
    del values["project_id"]
    return LegalHoldView(**values)


def _subject(hold: LegalHold) -> str:
    return f"legal-hold:{hold.id}"


@route(
    "GET",
    BASE,
    "legal_hold:read",
    Operation(id="listLegalHolds", summary="Legal holds, newest first, released ones too", tag=TAG, errors=(404,)),
)
async def list_legal_holds(deps: Deps, tenant: Tenant, cursor: Cursor = None, limit: Limit = 100) -> LegalHoldPage:
    before = read_cursor(cursor)
    found = await deps.db.read(lambda conn: legal_holds.listed(conn, tenant.id, before, limit + 1))
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return LegalHoldPage(items=[_view(hold) for hold in found[:limit]], cursor=more)


@route(
    "POST",
    BASE,
    "legal_hold:write",
    Operation(id="addLegalHold", summary="Hold what must not be removed", tag=TAG, status=201, errors=(404, 409)),
)
async def add_legal_hold(deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[NewLegalHold]) -> LegalHoldView:
    """In force when this answers; an erasure or a retention run that has begun may have removed some of it."""
    made, now = new_id("lhd"), deps.now()
    actor = await deps.db.read(lambda conn: actor_of(conn, caller))
    hold = LegalHold(
        id=made,
        project_id=tenant.id,
        subject=data.subject,
        value=data.value,
        start=data.start,
        end=data.end,
        reason=data.reason,
        author=actor.id,
        author_name=actor.name,
        created=now,
    )
    # Whom it is of stands with the hold, and not in the audit log, from which nothing is ever erased.
    told = {"of": data.subject, "start": data.start, "end": data.end, "reason": data.reason}
    deed = Deed(project=tenant, action="legal_hold.set", subject=_subject, detail=told)
    return _view(await written(deps, caller, deed, lambda conn: legal_holds.add(conn, hold)))


@route(
    "POST",
    BASE + "/{hold:str}/release",
    "legal_hold:write",
    Operation(id="releaseLegalHold", summary="End a legal hold", tag=TAG, status=200, errors=(404, 409)),
)
async def release_legal_hold(
    deps: Deps, caller: CallerNow, tenant: Tenant, hold: FromPath[str], data: JSONBody[ReleaseLegalHold]
) -> LegalHoldView:
    """Erasures that were refused are to be asked for again; retention goes on with its next run."""
    now = deps.now()
    actor = await deps.db.read(lambda conn: actor_of(conn, caller))
    deed = Deed(project=tenant, action="legal_hold.released", subject=_subject, detail={"reason": data.reason})
    work = legal_holds.release
    released = await written(deps, caller, deed, lambda conn: work(conn, tenant.id, hold, actor, data.reason, now))
    return _view(released)


ROUTES = (list_legal_holds, add_legal_hold, release_legal_hold)
