"""Coming in with a browser, and who one is."""

from litestar import Response
from litestar.datastructures import Cookie
from litestar.params import JSONBody

from trimtab import __version__
from trimtab.core.errors import Forbidden, InvalidRequest, Unauthenticated
from trimtab.governance import sessions, store
from trimtab.governance.access import Principal
from trimtab.server.auditing import Deed, written
from trimtab.server.auth import COOKIE, Caller, catch_up
from trimtab.server.bodies import LoginLink, LoginRequest, Me
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Deps, Operation, route

TAG = "session"


@route("POST", "/api/v1/login", None, Operation(id="login", summary="Sign in with a key or a login link", tag=TAG))
async def login(deps: Deps, data: JSONBody[LoginRequest]) -> Response[Me]:
    """Sets the session cookie. Exactly one of ``key`` (admin or read-only) and ``token`` (of a login link) is given."""
    if (data.key is None) == (data.token is None):
        raise InvalidRequest("Give either 'key' or 'token'.", fix='Send e.g. {"key": "tt_..."}.', param="key")
    principal = await _principal(deps, data)
    if principal.role == "client":
        raise Forbidden(
            "A client key calls models; it does not open the console.",
            fix="Sign in with the admin key or a read-only key.",
        )
    now = deps.now()
    expires = principal.expires_ns // 1_000_000 or None
    deed = Deed(project=principal.project, action="session.begun", subject=f"key:{principal.key_id}")
    token = await written(
        deps, Caller(principal=principal), deed, lambda conn: sessions.begin(conn, principal.key_id, now, expires)
    )
    return Response(
        await _me(deps, principal),
        status_code=200,
        cookies=[_cookie(deps, token.secret, (token.expires - now) // 1000)],
        headers={"cache-control": "no-store"},
    )


async def _principal(deps: Dependencies, data: LoginRequest) -> Principal:
    if data.key is not None:
        return deps.snapshots.current.access.authenticate(data.key.strip(), deps.clock.now_ns())
    token, now = data.token or "", deps.now()
    key_id = await deps.db.write(lambda conn: sessions.spend_link(conn, token, now))
    if deps.snapshots.principal(key_id) is None:
        await catch_up(deps)
    principal = deps.snapshots.principal(key_id)
    if principal is None or 0 < principal.expires_ns <= deps.clock.now_ns():
        raise Unauthenticated(
            "The key this link was made with has ended.", fix="Make a new link.", code="login_link_spent"
        )
    return principal


def _cookie(deps: Dependencies, value: str, max_age: int) -> Cookie:
    secure = deps.settings.public_url.startswith("https://")
    return Cookie(key=COOKIE, value=value, max_age=max_age, path="/", httponly=True, secure=secure, samesite="strict")


@route("POST", "/api/v1/logout", "self", Operation(id="logout", summary="End this session", tag=TAG, status=204))
async def logout(deps: Deps, caller: CallerNow) -> Response[None]:
    """Ends the session whose cookie was sent; nothing for a caller with a key."""
    secret = caller.session
    if secret is not None:
        who = caller.principal
        deed = Deed(project=who.project, action="session.ended", subject=f"key:{who.key_id}")
        await written(deps, caller, deed, lambda conn: sessions.end(conn, secret))
    return Response(None, status_code=204, cookies=[_cookie(deps, "", 0)])


@route("GET", "/api/v1/me", "self", Operation(id="me", summary="Who I am here", tag=TAG))
async def me(deps: Deps, caller: CallerNow) -> Me:
    return await _me(deps, caller.principal)


async def _me(deps: Dependencies, principal: Principal) -> Me:
    key = await deps.db.read(lambda conn: store.key_by_id(conn, principal.key_id))
    own = principal.project
    slugs = [own.slug] if own else sorted(deps.snapshots.current.access.projects)
    return Me(role=principal.role, key_prefix=key.prefix if key else "", projects=slugs, version=__version__)


@route(
    "POST",
    "/api/v1/login-links",
    "system:write",
    Operation(id="createLoginLink", summary="Make a link that signs in once", tag=TAG, status=201),
)
async def create_login_link(deps: Deps, caller: CallerNow) -> LoginLink:
    """Works once, for 15 minutes, with the permissions of the key it was made with."""
    now = deps.now()
    deed = Deed(project=None, action="login_link.made", subject=f"key:{caller.principal.key_id}")
    token = await written(deps, caller, deed, lambda conn: sessions.make_link(conn, caller.principal.key_id, now))
    return LoginLink(url=login_url(deps.settings.address, token.secret), expires=token.expires)


def login_url(address: str, token: str) -> str:
    """The console's page that spends a login token."""
    return f"{address}/login?token={token}"


ROUTES = (login, logout, me, create_login_link)
