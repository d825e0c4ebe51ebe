"""Detectors of silent failures: which there are, and which a project has switched off."""

from litestar.params import JSONBody
from msgspec.structs import replace
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.governance import edits
from trimtab.governance.access import Project
from trimtab.governance.edits import Edit
from trimtab.server.auditing import Deed, edited
from trimtab.server.bodies.detector import DetectorChange, DetectorList, DetectorView
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route
from trimtab.telemetry.detectors import DETECTORS
from trimtab.telemetry.switches import store as detector_store

TAG = "detectors"


def _declared(deps: Dependencies, tenant: Project) -> frozenset[str] | None:
    """What the config file says, if it says anything about this project."""
    return deps.config.detectors_off if deps.config.project == tenant.slug else None


def _edit(tenant: Project, expected: int | None = None) -> Edit:
    return Edit(place=tenant.id, kind="choice_of_detectors", name="", expected=expected)


async def _list(deps: Dependencies, tenant: Project) -> DetectorList:
    def read(conn: Connection) -> tuple[int, frozenset[str]]:
        return edits.current(conn, _edit(tenant)), detector_store.off(conn, tenant.id)

    off, revision = _declared(deps, tenant), 0
    declared = off
    if off is None:
        revision, off = await deps.db.read(read)
    return DetectorList(
        items=[
            DetectorView(name=name, version=plug.version, about=plug.about, on=name not in off)
            for name, plug in DETECTORS.all().items()
        ],
        source="catalog" if declared is None else "config",
        revision=revision,
    )


@route(
    "GET",
    "/api/v1/projects/{project:str}/detectors",
    "score:read",
    Operation(id="listDetectors", summary="Detectors of silent failures", tag=TAG, errors=(404,)),
)
async def list_detectors(deps: Deps, tenant: Tenant) -> DetectorList:
    """What they find are scores of source ``detector`` with their names."""
    return await _list(deps, tenant)


@route(
    "PUT",
    "/api/v1/projects/{project:str}/detectors",
    "project:write",
    Operation(id="switchDetectors", summary="Switch detectors off or on", tag=TAG, errors=(404, 409)),
)
async def switch_detectors(
    deps: Deps, caller: CallerNow, tenant: Tenant, data: JSONBody[DetectorChange]
) -> DetectorList:
    """Exactly those of ``off`` are off from now on (within five seconds); what they found before stays. With
    ``expected_revision`` it is refused (409) where somebody switched any since that revision."""
    if _declared(deps, tenant) is not None:
        raise Conflict(
            "The config file says which detectors are off.", fix="Change 'detectors_off' there.", code="declared"
        )
    unknown = sorted(set(data.off) - set(DETECTORS.names()))
    if unknown:
        fix = f"There are: {', '.join(DETECTORS.names())}."
        raise InvalidRequest(f"There is no detector {unknown[0][:80]!r}.", fix=fix, param="off")
    names = frozenset(data.off)
    deed = Deed(
        project=tenant,
        action="detectors.switched",
        subject="detectors",
        state=lambda conn: {"off": sorted(detector_store.off(conn, tenant.id))},
        edit=_edit(tenant, data.expected_revision),
    )
    made = await edited(deps, caller, deed, lambda conn: detector_store.switch(conn, tenant.id, names, deps.now()))
    await deps.switches.follow()
    return replace(await _list(deps, tenant), revision=made.revision)


ROUTES = (list_detectors, switch_detectors)
