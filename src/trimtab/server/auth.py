"""Who is calling the API, and may they: a guard that runs before any route's own code.

A caller shows a key (``Authorization: Bearer`` or ``x-api-key``) or, from the browser, the session cookie. Each route
names its permission; a route without one cannot be made (`routes.py`). A project that a key may not see does not exist
for it: 404, the same as for one that is not there.

A cookie travels by itself, so a request that changes something and comes with a cookie must prove that our own page
sent it: its ``Origin`` is ours, or it carries the header ``trimtab-console`` (which another site cannot set without
asking us first, and we never allow it). The cookie is HttpOnly and SameSite=Strict besides.
"""

import contextlib
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, cast
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from trimtab.core.errors import Forbidden, InvalidRequest, NotFound, Unauthenticated, Unavailable
from trimtab.governance import permissions, sessions
from trimtab.governance.access import Principal, Project, digest
from trimtab.governance.admit import secret_of
from trimtab.governance.permissions import Permission
from trimtab.server.dependencies import Dependencies

COOKIE = "trimtab_session"
CSRF_HEADER = "trimtab-console"
_SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


class Caller(Struct, frozen=True, kw_only=True):
    """``session`` is the cookie's secret where the caller came with one."""

    principal: Principal
    session: str | None = None

    def __repr__(self) -> str:
        return f"Caller({self.principal.key_id!r}, session={self.session is not None})"


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Litestar's guard of every route: leaves the caller and the project in the scope's state, or refuses."""
    deps = cast("Dependencies", connection.scope["state"]["deps"])
    method = str(cast("dict[str, Any]", connection.scope)["method"])
    permission = cast("Permission | None", handler.opt["permission"])
    _unescape(connection)
    takes_body = "data" in handler.parsed_fn_signature.parameters
    if permission is None:
        if method not in _SAFE:
            refuse_foreign_origin(connection.headers, deps, needs_proof=False)
        if takes_body:
            _refuse_other_than_json(connection.headers)
        return
    caller = await identify(deps, connection.headers)
    if caller.session is not None and method not in _SAFE:
        refuse_foreign_origin(connection.headers, deps, needs_proof=True)
    permissions.require(caller.principal, permission)
    if takes_body:
        _refuse_other_than_json(connection.headers)
    connection.scope["state"]["caller"] = caller
    slug = connection.path_params.get("project")
    if slug is not None:
        connection.scope["state"]["tenant"] = await project_of(deps, caller.principal, str(slug))
    elif permission in INSTANCE_WIDE_ROUTES and caller.principal.project is not None:
        raise Forbidden(
            "A key of one project may not do this for the whole server.",
            fix="Use the admin key, or an instance-wide one.",
        )


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


INSTANCE_WIDE_ROUTES: frozenset[Permission] = frozenset(("project:write", "key:read", "key:write"))
"""Outside of ``/projects/{project}`` these reach over all projects."""


async def identify(deps: Dependencies, headers: Mapping[str, str]) -> Caller:
    """The caller, by key or by session. Raises `Unauthenticated`."""
    authorization, api_key = headers.get("authorization"), headers.get("x-api-key")
    if authorization or api_key:
        secret = secret_of(_bytes(authorization), _bytes(api_key))
        return Caller(principal=await _of_key(deps, secret))
    cookie = _cookie(headers.get("cookie", ""))
    if cookie:
        return Caller(principal=await _of_session(deps, cookie), session=cookie)
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


async def _of_session(deps: Dependencies, cookie: str) -> Principal:
    now = deps.now()
    key_id = await deps.db.read(lambda conn: sessions.key_of(conn, cookie, now))
    principal = None if key_id is None else deps.snapshots.principal(key_id)
    if key_id is not None and principal is None:
        await catch_up(deps)
        principal = deps.snapshots.principal(key_id)
    if principal is None or 0 < principal.expires_ns <= deps.clock.now_ns():
        raise Unauthenticated("This session has ended.", fix="Sign in again.", code="session_ended")
    return principal


async def catch_up(deps: Dependencies) -> None:
    """Look whether the catalog moved on; while it is away what is known must do."""
    if not deps.snapshots.away:
        with contextlib.suppress(Unavailable):
            await deps.snapshots.refresh()


async def project_of(deps: Dependencies, principal: Principal, slug: str) -> Project:
    """The project of that slug, if this principal may know of it. Raises `NotFound`."""
    own = principal.project
    if own is None or own.slug == slug:
        found = deps.snapshots.current.access.projects.get(slug)
        if found is None and own is None:
            await catch_up(deps)
            found = deps.snapshots.current.access.projects.get(slug)
        if found is not None:
            return found
    raise NotFound(
        f"There is no project {slug[:80]!r} for this key.",
        fix="GET /api/v1/projects lists those it may see.",
        code="project_not_found",
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
