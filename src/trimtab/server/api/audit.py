"""The audit trail: who did what, when and why."""

from typing import Annotated, Any

import msgspec
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter, SkipValidation
from msgspec import Meta

from trimtab.core.errors import InvalidRequest
from trimtab.governance import audit, checkpoints
from trimtab.governance.audit import Entry, Sought, chain_of
from trimtab.governance.audit_chain import Link, Verified
from trimtab.server.bodies.audit import AuditEntryView, AuditExport, AuditLink, AuditPage
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

LONGEST = 300
_LAST = 2**53
After = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST, description="Only entries behind the one with this number.")],
    QueryParameter(ge=0, le=_LAST),
]


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


@route(
    "GET",
    "/api/v1/projects/{project:str}/audit/verify",
    "audit:read",
    Operation(id="verifyAudit", summary="Whether the audit log is as it was written", tag="audit", errors=(404,)),
)
async def verify_audit(deps: Deps, tenant: Tenant) -> Verified:
    """Every entry's hash, their order and number, and every signed checkpoint. What is found wrong is told in
    ``problems``; nothing is changed. Reads the whole log: some seconds for a million entries."""
    return await _verified(deps, tenant.id)


@route(
    "GET",
    "/api/v1/audit/verify",
    "system:read",
    Operation(id="verifyInstanceAudit", summary="Whether the instance's audit log is as it was written", tag="audit"),
)
async def verify_instance_audit(deps: Deps) -> Verified:
    """As of a project's."""
    return await _verified(deps, None)


async def _verified(deps: Dependencies, project_id: str | None) -> Verified:
    trusted = checkpoints.trusted(deps.secrets)
    return await deps.db.read(lambda conn: checkpoints.check(conn, project_id, trusted))


@route(
    "GET",
    "/api/v1/projects/{project:str}/audit/export",
    "audit:read",
    Operation(id="exportAudit", summary="The audit log with its hashes", tag="audit", errors=(404,)),
)
async def export_audit(
    deps: Deps, tenant: Tenant, after: After = 0, cursor: Cursor = None, limit: Limit = 100
) -> AuditExport:
    """Oldest first, a page at a time, from behind the entry with the number ``after``."""
    return await _export(deps, tenant.id, _place(cursor) or after, limit)


@route(
    "GET",
    "/api/v1/audit/export",
    "system:read",
    Operation(id="exportInstanceAudit", summary="The instance's audit log with its hashes", tag="audit"),
)
async def export_instance_audit(deps: Deps, after: After = 0, cursor: Cursor = None, limit: Limit = 100) -> AuditExport:
    """Oldest first, a page at a time, from behind the entry with the number ``after``."""
    return await _export(deps, None, _place(cursor) or after, limit)


async def _export(deps: Dependencies, project_id: str | None, after: int, limit: int) -> AuditExport:
    found = await deps.db.read(lambda conn: checkpoints.links(conn, project_id, after, limit + 1))
    newest = await deps.db.read(lambda conn: checkpoints.newest(conn, project_id))
    return AuditExport(
        chain=chain_of(project_id),
        items=[_linked(each) for each in found[:limit]],
        checkpoint=newest,
        cursor=write_cursor(str(found[limit - 1].seq)) if len(found) > limit else None,
    )


def _place(cursor: str | None) -> int:
    text = read_cursor(cursor)
    if text and (not text.isdecimal() or len(text) > 18):
        raise InvalidRequest("This cursor was not made here.", fix="Take it from the page before.", param="cursor")
    return int(text or 0)


def _linked(link: Link) -> AuditLink:
    named = {name: getattr(link, name) for name in link.__struct_fields__ if name != "detail"}
    return AuditLink(**named, text=link.detail, detail=msgspec.json.decode(link.detail, type=dict[str, Any]))


ROUTES = (list_audit, list_instance_audit, verify_audit, verify_instance_audit, export_audit, export_instance_audit)
