"""The audit trail: who did what, when and why."""

from litestar.di import NamedDependency
from litestar.params import FromQuery, SkipValidation

from trimtab.core.errors import InvalidRequest
from trimtab.governance import audit
from trimtab.governance.audit import Entry, Sought
from trimtab.server.dependencies import Dependencies
from trimtab.server.environment_bodies import AuditEntryView, AuditPage
from trimtab.server.routes import Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

LONGEST = 300


def _sought(
    subject: FromQuery[str] = "",
    actor: FromQuery[str] = "",
    action: FromQuery[str] = "",
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
) -> Sought:
    for name, text in (("subject", subject), ("actor", actor), ("action", action)):
        if "\0" in text or len(text) > LONGEST:
            raise InvalidRequest(f"{name!r} has at most {LONGEST} characters.", fix="Correct it.", param=name)
    for name, value in (("start", start), ("end", end)):
        if value is not None and not 0 <= value < 1 << 53:
            raise InvalidRequest(f"{name!r} is Unix milliseconds.", fix="Correct it.", param=name)
    return Sought(subject=subject, actor=actor, action=action, start=start, end=end)


def _view(each: Entry) -> AuditEntryView:
    return AuditEntryView(**{name: getattr(each, name) for name in AuditEntryView.__struct_fields__})


@route(
    "GET",
    "/api/v1/projects/{project:str}/audit",
    "audit:read",
    Operation(id="listAudit", summary="Who did what, when and why", tag="audit", errors=(404,)),
    gathered={"wanted": _sought},
)
async def list_audit(
    deps: Deps,
    tenant: Tenant,
    wanted: NamedDependency[SkipValidation[Sought]],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> AuditPage:
    """Newest first. ``subject`` (``rollout:support@production:...``) and ``action`` (``rollout.promoted``) may end in
    ``*``; ``actor`` is a key's id or the name of what acts by itself; ``start`` and ``end`` are Unix ms."""
    return await _page(deps, tenant.id, wanted, cursor, limit)


async def _page(
    deps: Dependencies, project_id: str | None, wanted: Sought, cursor: str | None, limit: int
) -> AuditPage:
    before = read_cursor(cursor)
    found = await deps.db.read(lambda conn: audit.entries(conn, project_id, wanted, before=before, limit=limit + 1))
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return AuditPage(items=[_view(each) for each in found[:limit]], cursor=more)


@route(
    "GET",
    "/api/v1/audit",
    "system:read",
    Operation(id="listInstanceAudit", summary="Who did what to the whole instance", tag="audit"),
    gathered={"wanted": _sought},
)
async def list_instance_audit(
    deps: Deps, wanted: NamedDependency[SkipValidation[Sought]], cursor: Cursor = None, limit: Limit = 100
) -> AuditPage:
    """What belongs to no project: keys of the instance, projects made, login links, dead letters, sessions of instance
    keys. Newest first; sought as in a project's."""
    return await _page(deps, None, wanted, cursor, limit)


ROUTES = (list_audit, list_instance_audit)
