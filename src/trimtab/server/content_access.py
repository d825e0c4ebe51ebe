"""Whether a caller may read the content of calls where they ask: settled once, by the guard, before a route runs."""

from typing import Any, Final

from litestar.connection import ASGIConnection
from sqlalchemy import Connection

from trimtab.core.errors import Forbidden, InvalidRequest
from trimtab.governance import content_reads
from trimtab.governance.access import Principal, Project
from trimtab.governance.permissions import Permission, holds_everywhere, holds_in
from trimtab.server.dependencies import Dependencies
from trimtab.telemetry.search.language import clauses_of, parse

STATE: Final = "withheld"
"""Where a request's scope says that its caller may not read content (`withholding.py`)."""
SEARCHED: Final[frozenset[Permission]] = frozenset(("trace:read", "cost:read", "score:read"))
"""Permissions of the routes whose ``q`` is a search of calls."""


def may_read(principal: Principal, tenant: Project | None) -> bool:
    """By role. Without a project: on the whole instance."""
    if tenant is None:
        return holds_everywhere(principal, "content:read")
    return holds_in(principal, "content:read", tenant)


async def settle(
    deps: Dependencies,
    connection: ASGIConnection[Any, Any, Any, Any],
    permission: Permission,
    tenant: Project | None,
    principal: Principal,
    *,
    needed: bool,
) -> None:
    """Leaves in the scope whether texts are withheld from the answer. Raises `Forbidden` for a search by words, and for
    a route that has nothing but content (``needed``)."""
    if may_read(principal, tenant) or await _unmasked(deps, connection, tenant, principal):
        return
    connection.scope["state"][STATE] = True
    if needed:
        refuse_content("there is nothing else in this")
    if permission in SEARCHED:
        refuse_words(connection.query_params.get("q", ""))


async def _unmasked(
    deps: Dependencies, connection: ASGIConnection[Any, Any, Any, Any], tenant: Project | None, principal: Principal
) -> bool:
    """Whether the path names a trace that this caller unmasked within the last hour, and may still."""
    trace = connection.path_params.get("trace_id")
    if trace is None or tenant is None or not holds_in(principal, "content:unmask", tenant):
        return False

    def read(conn: Connection) -> bool:
        return content_reads.is_unmasked(conn, tenant.id, principal.key_id, str(trace), deps.now())

    return await deps.db.read(read)


def refuse_content(what: str) -> None:
    """Raises `Forbidden` with the way out."""
    raise Forbidden(
        f"You may not read the content of calls here, and {what}.",
        fix="Ask an administrator for a role with 'content:read'; one trace can be unmasked with a reason by who has "
        "'content:unmask' (trimtab traces unmask).",
        code="content_withheld",
    )


def refuse_words(q: str) -> None:
    """Raises `Forbidden` for a search that looks into texts; one that does not parse is told of where it is read."""
    try:
        words = any(not clause.key for clause in clauses_of(parse(q)))
    except InvalidRequest:
        return
    if words:
        refuse_content("a search by words would tell what was said: search by keys, such as user: or status:")
