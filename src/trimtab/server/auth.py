"""Who is calling the API, and may they: a guard that runs before any route's own code.

A caller shows a key (``Authorization: Bearer`` or ``x-api-key``), the secret of a session of the command line
(``Authorization: Bearer ts_...``) or, from the browser, the session cookie. Each route names its permission; a route
without one cannot be made (`routes.py`). It must be held where the path says: in its ``{project}``, in its
``{organisation}``, or on the whole instance. A project or organisation that a caller has nothing in does not exist for
them: 404, the same as for one that is not there.

A cookie travels by itself, so a request that changes something and comes with a cookie must prove that our own page
sent it: its ``Origin`` is ours, or it carries the header ``trimtab-console`` (which another site cannot set without
asking us first, and we never allow it). The cookie is HttpOnly and SameSite=Strict besides.
"""

import contextlib
from collections.abc import Iterable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, cast
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler
from msgspec import Struct, structs
from sqlalchemy import Connection

from trimtab.core.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated, Unavailable
from trimtab.governance import audit, permissions, session_store, sessions
from trimtab.governance.access import Organisation, Principal, Project, digest
from trimtab.governance.admit import secret_of
from trimtab.governance.permissions import Permission
from trimtab.governance.session_store import SessionRow
from trimtab.server.asked import refuse_unknown
from trimtab.server.content_access import settle
from trimtab.server.dependencies import Dependencies

COOKIE = "trimtab_session"
CSRF_HEADER = "trimtab-console"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class Caller(Struct, frozen=True, kw_only=True):
    """``session`` is the session's secret where the caller came with one: in a cookie, or (``by_token``) as a bearer
    token, which no browser sends by itself."""

    principal: Principal
    session: str | None = None
    session_id: str = ""
    by_token: bool = False

    def __repr__(self) -> str:
        return f"Caller({self.principal.key_id!r}, session={self.session is not None})"


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar's guard of every route: leaves the caller and the project in the scope's state, or refuses."""
    deps = cast("Dependencies", connection.scope["state"]["deps"])
    method = str(cast("dict[str, Any]", connection.scope)["method"])
    permission = cast("Permission | None", handler.opt["permission"])
    _unescape(connection)
    is_api = str(connection.scope["path"]).startswith("/api/")  # what asks for metrics adds what it likes
    takes_body = "data" in handler.parsed_fn_signature.parameters
    if permission is None:
        if method not in _SAFE:
            refuse_foreign_origin(connection.headers, deps, needs_proof=False)
        if takes_body:
            _refuse_other_than_json(connection.headers)
        if is_api:
            refuse_unknown(handler, connection.query_params.keys())
        return
    caller = await identify(deps, connection.headers, connection.scope["state"])
    if caller.session is not None and method not in _SAFE and not caller.by_token:
        refuse_foreign_origin(connection.headers, deps, needs_proof=True)
    permissions.require(caller.principal, permission)
    if takes_body:
        _refuse_other_than_json(connection.headers)
    connection.scope["state"]["caller"] = caller
    slug, organisation = connection.path_params.get("project"), connection.path_params.get("organisation")
    tenant: Project | None = None
    if slug is not None:
        tenant = await project_of(deps, caller.principal, str(slug))
        connection.scope["state"]["tenant"] = tenant
        require_in(caller.principal, permission, tenant)
        here = permissions.narrowed(caller.principal, tenant)
        connection.scope["state"]["caller"] = structs.replace(caller, principal=here)
    elif organisation is not None:
        found = await organisation_of(deps, caller.principal, str(organisation))
        connection.scope["state"]["organisation"] = found
        if permission not in permissions.in_organisation(caller.principal, found.id):
            raise permissions.refusal(caller.principal, permission, f" in the organisation {found.slug!r}")
    elif permission not in ANYWHERE and not permissions.holds_everywhere(caller.principal, permission):
        if caller.principal.person:
            raise permissions.refusal(caller.principal, permission, " for the whole server")
        raise Forbidden(
            "A key of one project may not do this for the whole server.",
            fix="Use the admin key, or an instance-wide one.",
        )
    if is_api:
        refuse_unknown(handler, connection.query_params.keys())
    needed = bool(handler.opt["operation"].needs_content)
    await settle(deps, connection, permission, tenant, caller.principal, needed=needed)


def require_in(principal: Principal, permission: Permission, project: Project) -> None:
    """Raises `Forbidden` where the principal lacks the permission in this project, of which it may know."""
    if not permissions.holds_in(principal, permission, project):
        raise permissions.refusal(principal, permission, f" in the project {project.slug!r}")


def _unescape(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Names in the path as they are meant: `app.py` keeps an escaped slash escaped, so that it does not cut a name."""
    named = {name: str(value).replace("%2F", "/") for name, value in connection.path_params.items()}
    if any("\0" in value for value in named.values()):
        raise NotFound("There is no such thing: a name cannot hold a NUL.", fix="Check the path.")
    connection.scope["path_params"] = named


def _refuse_other_than_json(headers: Mapping[str, str]) -> None:
    """A form can be posted by any page of the web; JSON cannot without being asked first."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise InvalidRequest(
            "The body must be JSON.", fix="Send it with 'content-type: application/json'.", code="not_json", status=415
        )


ANYWHERE: frozenset[Permission] = frozenset(
    ("self", "project:read", "organisation:read", "provider:read", "role:read", "feedback:write", "model:call")
)
"""Outside of ``/projects/{project}`` and ``/organisations/{organisation}`` other permissions must be held on the whole
instance; routes that ask for these answer by what the caller may see, or ask again once they know the project."""


async def identify(deps: Dependencies, headers: Mapping[str, str], answer: dict[str, Any] | None = None) -> Caller:
    """The caller, by key or by session. Raises `Unauthenticated`. ``answer`` is told under ``cookie`` of the cookie
    that takes the place of the one that was shown."""
    authorization, api_key = headers.get("authorization"), headers.get("x-api-key")
    if authorization or api_key:
        secret = secret_of(_bytes(authorization), _bytes(api_key))
        if secret.startswith(sessions.MARK):
            return await _of_session(deps, secret, {}, by_token=True)
        return Caller(principal=await _of_key(deps, secret))
    cookie = _cookie(headers.get("cookie", ""))
    if cookie and not cookie.startswith(sessions.MARK):
        return await _of_session(deps, cookie, {} if answer is None else answer)
    raise Unauthenticated(
        "No key was sent.",
        fix="Send 'Authorization: Bearer tt_...', or sign in to the console.",
        code="missing_api_key",
    )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")


async def _of_key(deps: Dependencies, secret: str) -> Principal:
    access = deps.snapshots.current.access
    if digest(secret) not in access.keys:
        # Another process may have made it a moment ago. One number is compared, so strangers cost little.
        await catch_up(deps)
        access = deps.snapshots.current.access
    return access.authenticate(secret, deps.clock.now_ns())


async def _of_session(deps: Dependencies, secret: str, answer: dict[str, Any], *, by_token: bool = False) -> Caller:
    now = deps.now()
    found = await deps.db.read(lambda conn: sessions.find(conn, secret, now))
    if found is not None and found.state == "stolen":
        await _end_stolen(deps, found.row)
        found = None
    principal = None if found is None else await principal_of(deps, found.row.holder)
    if found is None or principal is None:
        raise Unauthenticated("This session has ended.", fix="Sign in again.", code="session_ended")
    if found.state == "due":
        renewed = await deps.db.write(lambda conn: sessions.renew(conn, secret, now))
        if renewed is not None:
            secret = renewed.secret
            max_age = max(1, (renewed.expires - now) // 1000)
            answer["cookie"] = session_cookie(deps, secret, max_age).to_header(header="")
    return Caller(principal=principal, session=secret, session_id=found.row.id, by_token=by_token)


async def _end_stolen(deps: Dependencies, row: SessionRow) -> None:
    """A cookie that was replaced came again after its replacement was in use: somebody has a copy, and nobody can say
    who. It ends for both."""

    def work(conn: Connection) -> None:
        session_store.end(conn, row.id)
        detail = {"why": "a cookie that had been replaced came again"}
        subject = f"session:{row.id}"
        audit.append(conn, None, audit.Actor("", "sessions"), "session.ended", subject, now=deps.now(), detail=detail)

    await deps.db.write(work)


async def principal_of(deps: Dependencies, holder: str) -> Principal | None:
    """The key or person of that id, as long as they may come in; None afterwards."""
    principal = deps.snapshots.principal(holder)
    if principal is None:
        await catch_up(deps)
        principal = deps.snapshots.principal(holder)
    if principal is None or 0 < principal.expires_ns <= deps.clock.now_ns():
        return None
    return principal


def session_cookie(deps: Dependencies, value: str, max_age: int) -> Cookie:
    """The cookie of a session: out of reach of scripts, of other sites, and of plain HTTP where there is TLS."""
    secure = deps.settings.public_url.startswith("https://")
    return Cookie(key=COOKIE, value=value, max_age=max_age, path="/", httponly=True, secure=secure, samesite="strict")


async def catch_up(deps: Dependencies) -> None:
    """Look whether the catalog moved on; while it is away what is known must do."""
    if not deps.snapshots.away:
        with contextlib.suppress(Unavailable):
            await deps.snapshots.refresh()


async def project_of(deps: Dependencies, principal: Principal, slug: str) -> Project:
    """The project of that slug, if this principal may know of it. Raises `NotFound`."""
    found = deps.snapshots.current.access.projects.get(slug)
    if found is None and principal.project is None:
        await catch_up(deps)
        found = deps.snapshots.current.access.projects.get(slug)
    if found is not None and permissions.in_project(principal, found):
        return found
    raise NotFound(
        f"There is no project {slug[:80]!r} for {'you' if principal.person else 'this key'}.",
        fix="Those it may see: `trimtab projects list`, GET /api/v1/projects, or the console's list of projects.",
        code="project_not_found",
    )


async def organisation_of(deps: Dependencies, principal: Principal, slug: str) -> Organisation:
    """The organisation of that slug, if this principal has anything in it or in one of its projects. Raises
    `NotFound`."""
    access = deps.snapshots.current.access
    found = access.organisations.get(slug)
    if found is None and principal.project is None:
        await catch_up(deps)
        access = deps.snapshots.current.access
        found = access.organisations.get(slug)
    if found is not None and sees_organisation(principal, found, access.projects.values()):
        return found
    raise NotFound(
        f"There is no organisation {slug[:80]!r} for {'you' if principal.person else 'this key'}.",
        fix="GET /api/v1/organisations lists those there are.",
        code="organisation_not_found",
    )


def sees_organisation(principal: Principal, organisation: Organisation, projects: Iterable[Project]) -> bool:
    """Whether there is anything for them in it."""
    return bool(permissions.in_organisation(principal, organisation.id)) or any(
        permissions.in_project(principal, each) for each in projects if each.organisation == organisation.id
    )


def refuse_foreign_origin(headers: Mapping[str, str], deps: Dependencies, *, needs_proof: bool) -> None:
    """Raises `Forbidden` for a request of another site's page. ``needs_proof``: no origin at all will not do."""
    origin = headers.get("origin")
    if origin is not None:
        if _is_ours(origin, headers.get("host", ""), deps.settings.public_url):
            return
    elif not needs_proof or headers.get(CSRF_HEADER):
        return
    raise Forbidden(
        "This request does not come from the console's own page.",
        fix=f"Send it from the console, or with a key instead of the cookie, or with the header '{CSRF_HEADER}: 1'.",
        code="cross_site_request",
    )


def _is_ours(origin: str, host: str, public_url: str) -> bool:
    if public_url and origin == _origin(public_url):
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc == host


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _cookie(header: str) -> str:
    try:
        jar = SimpleCookie(header)
    except CookieError:
        return ""
    found = jar.get(COOKIE)
    return found.value if found else ""
