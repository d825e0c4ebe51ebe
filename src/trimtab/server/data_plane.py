"""Which project a call of the data plane is of, where it is served beside the management API (feedback, holds)."""

from typing import Any

from litestar import Request

from trimtab.governance.access import Principal, Project
from trimtab.governance.admit import DEFAULT_PROJECT
from trimtab.governance.permissions import Permission
from trimtab.server.auth import catch_up, project_of, require_in
from trimtab.server.dependencies import Dependencies


async def project_asked(
    deps: Dependencies, principal: Principal, request: Request[Any, Any, Any], permission: Permission
) -> Project:
    """The key's own; a key of the whole instance names one in the header ``trimtab-project``. Raises `NotFound`,
    and `Forbidden` where it lacks the permission there."""
    wanted = request.headers.get("trimtab-project", "")
    own = principal.project
    slug = wanted or (DEFAULT_PROJECT if own is None else own.slug)
    if own is not None and slug == own.id:
        slug = own.slug
    if own is None and slug not in deps.snapshots.current.access.projects:
        await catch_up(deps)
    found = await project_of(deps, principal, slug)
    require_in(principal, permission, found)
    return found
