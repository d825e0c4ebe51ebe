"""Coming in with a browser, who one is, one's sessions, and the second factor of a key."""

from typing import Any

from litestar import Request, Response
from litestar.params import FromPath, JSONBody
from sqlalchemy import Connection

from trimtab import __version__
from trimtab.core.errors import Forbidden, InvalidRequest, Unauthenticated
from trimtab.governance import (
    audit,
    people_store,
    permissions,
    second_factor,
    session_store,
    sessions,
    sign_in_store,
    store,
)
from trimtab.governance.access import Principal, digest
from trimtab.governance.people_store import name_of
from trimtab.governance.second_factor import Outcome
from trimtab.governance.sessions import How, Token
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.auditing import Deed, written
from trimtab.server.auth import Caller, principal_of, session_cookie
from trimtab.server.bodies.common import LoginLink, LoginRequest, Me
from trimtab.server.bodies.identity import (
    FactorCode,
    FactorSecret,
    FactorState,
    OwnSession,
    OwnSessions,
    RecoveryCodes,
    SessionsEnded,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Deps, Operation, route

TAG = "session"
HOUR_MS = 3_600_000


def lengths(deps: Dependencies, method: str, agent: str, *, cli: bool = False) -> How:
    """How long a session lasts here, and how its holder came in."""
    return How(
        kind="cli" if cli else "browser",
        method=method,
        agent=agent,
        longest_ms=deps.settings.session_hours * HOUR_MS,
        idle_ms=deps.settings.session_idle_hours * HOUR_MS,
    )


@route("POST", "/api/v1/login", None, Operation(id="login", summary="Sign in with a key or a login link", tag=TAG))
async def login(deps: Deps, request: Request[Any, Any, Any], data: JSONBody[LoginRequest]) -> Response[Me]:
    """Sets the session cookie. Exactly one of ``key`` (any but a client's) and ``token`` (of a login link) is given,
    and ``code`` where the key has a second factor: without it the answer is 401 ``second_factor_needed``."""
    if (data.key is None) == (data.token is None):
        raise InvalidRequest("Give either 'key' or 'token'.", fix='Send e.g. {"key": "tt_..."}.', param="key")
    principal = await _principal(deps, data)
    if not _may_look(principal):
        raise Forbidden(
            "A client key calls models; it does not open the console.",
            fix="Sign in with the admin key or a read-only key.",
        )
    agent, now = request.headers.get("user-agent", ""), deps.now()
    made = await deps.db.write(lambda conn: _begun(conn, deps, principal, data, agent))
    if isinstance(made, Outcome):
        raise second_factor.refused(made, now)
    return Response(
        await _me(deps, principal),
        status_code=200,
        cookies=[cookie_of(deps, made, now)],
        headers={"cache-control": "no-store"},
    )


def cookie_of(deps: Dependencies, token: Token, now: int) -> Any:
    return session_cookie(deps, token.secret, (token.expires - now) // 1000)


def _may_look(principal: Principal) -> bool:
    return permissions.holds(principal, "project:read")


async def _principal(deps: Dependencies, data: LoginRequest) -> Principal:
    if data.key is not None:
        return deps.snapshots.current.access.authenticate(data.key.strip(), deps.clock.now_ns())
    shown, now = digest(data.token or ""), deps.now()
    key_id = await deps.db.read(lambda conn: store.login_token_key(conn, shown, now))
    principal = None if key_id is None else await principal_of(deps, key_id)
    if principal is None:
        raise Unauthenticated(
            "This login link was used already, or its 15 minutes or its key are over.",
            fix="Sign in with a key. Where the admin key is lost, start once with a new one: TRIMTAB_ADMIN_KEY=tt_...",
            code="login_link_spent",
        )
    return principal


def _begun(
    conn: Connection, deps: Dependencies, principal: Principal, data: LoginRequest, agent: str
) -> Token | Outcome:
    """The session, with the code and the link that it was begun with spent: all of it or nothing. A wrong code is
    counted, and spends nothing else. Raises `Unauthenticated`."""
    holder, now = principal.key_id, deps.now()
    by_code = second_factor.is_on(conn, holder)
    if by_code:
        if not data.code:
            raise Unauthenticated(
                "This key has a second factor.",
                fix="Send the code of the authenticator app, or a recovery code, as 'code'.",
                code="second_factor_needed",
            )
        outcome = _checked(conn, deps, principal, data.code, now)
        if not outcome.ok:
            return outcome
    if data.token is not None:
        sessions.spend_link(conn, data.token, now)
    method = ("key" if data.token is None else "link") + ("+totp" if by_code else "")
    actor, project = actor_of(conn, Caller(principal=principal)), principal.project
    audit.append(
        conn, None if project is None else project.id, actor, "session.begun", f"key:{holder}",
        now=moment(conn, deps), detail={"by": method},
    )  # fmt: skip
    expires = principal.expires_ns // 1_000_000 or None
    return sessions.begin(conn, holder, now, expires, lengths(deps, method, agent))


def _checked(conn: Connection, deps: Dependencies, principal: Principal, code: str, now: int) -> Outcome:
    """Counts a wrong code and writes it down, in a transaction that stands."""
    outcome = second_factor.check(conn, principal.key_id, code, deps.secrets, now)
    if not outcome.ok or outcome.by_recovery:
        actor = actor_of(conn, Caller(principal=principal))
        action = "second_factor.recovered" if outcome.ok else "second_factor.refused"
        audit.append(conn, None, actor, action, f"key:{principal.key_id}", now=moment(conn, deps))
    return outcome


@route("POST", "/api/v1/logout", "self", Operation(id="logout", summary="End this session", tag=TAG, status=204))
async def logout(deps: Deps, caller: CallerNow) -> Response[None]:
    """Ends the session whose cookie or token was sent; nothing for a caller with a key."""
    if caller.session is not None:
        who = caller.principal
        deed = Deed(project=who.project, action="session.ended", subject=holder_of(who))
        await written(deps, caller, deed, lambda conn: session_store.end(conn, caller.session_id))
    return Response(None, status_code=204, cookies=[session_cookie(deps, "", 0)])


def holder_of(principal: Principal) -> str:
    """As the audit log names whom a session belongs to."""
    return f"{'person' if principal.person else 'key'}:{principal.key_id}"


@route("GET", "/api/v1/me", "self", Operation(id="me", summary="Who I am here", tag=TAG))
async def me(deps: Deps, caller: CallerNow) -> Me:
    return await _me(deps, caller.principal)


async def _me(deps: Dependencies, principal: Principal) -> Me:
    own = principal.key_id

    def read(conn: Connection) -> tuple[str, Any, Any]:
        return name_of(conn, own), store.key_by_id(conn, own), people_store.person(conn, own)

    name, key, person = await deps.db.read(read)
    access = deps.snapshots.current.access
    held = permissions.held_by(principal)
    seen = {each.slug: permissions.in_project(principal, each) for each in access.projects.values()}
    organisations = [each for each in access.organisations.values() if each.id in held.organisations]
    differs = bool(held.projects or held.organisations)
    return Me(
        id=own,
        kind="key" if person is None else person.kind,
        name=name if person is None else person.name,
        email="" if person is None else person.email or "",
        role=principal.role,
        key_prefix=key.prefix if key else "",
        projects=sorted(slug for slug, granted in seen.items() if granted),
        organisations=sorted(each.slug for each in organisations),
        permissions=sorted(held.instance),
        in_projects={slug: sorted(granted) for slug, granted in sorted(seen.items()) if granted} if differs else {},
        in_organisations={each.slug: sorted(permissions.in_organisation(principal, each.id)) for each in organisations},
        version=__version__,
    )


@route(
    "POST",
    "/api/v1/login-links",
    "system:write",
    Operation(id="createLoginLink", summary="Make a link that signs in once", tag=TAG, status=201),
)
async def create_login_link(deps: Deps, caller: CallerNow) -> LoginLink:
    """Works once, for 15 minutes, with the permissions of the key it was made with."""
    if caller.principal.person:
        raise InvalidRequest("A login link stands for a key, and you signed in as a person.", fix="Sign in as you did.")
    now = deps.now()
    deed = Deed(project=None, action="login_link.made", subject=f"key:{caller.principal.key_id}")
    token = await written(deps, caller, deed, lambda conn: sessions.make_link(conn, caller.principal.key_id, now))
    return LoginLink(url=login_url(deps.settings.address, token.secret), expires=token.expires)


def login_url(address: str, token: str) -> str:
    """The console's page that spends a login token."""
    return f"{address}/login?token={token}"


# --- sessions ---


def session_view(row: session_store.SessionRow, current: str) -> OwnSession:
    return OwnSession(
        id=row.id,
        kind=row.kind,
        method=row.method,
        agent=row.agent,
        created=row.created,
        seen=row.seen,
        expires=row.expires,
        idle_ends=min(row.expires, row.seen + row.idle_ms),
        current=row.id == current,
    )


@route("GET", "/api/v1/sessions", "self", Operation(id="listMySessions", summary="List my sessions", tag="sessions"))
async def list_sessions(deps: Deps, caller: CallerNow) -> OwnSessions:
    """Those that go on, newest first: of the key or the person that asks."""
    own, now = caller.principal.key_id, deps.now()
    rows = await deps.db.read(lambda conn: sessions.listed(conn, own, now))
    return OwnSessions(items=[session_view(row, caller.session_id) for row in rows])


@route(
    "DELETE",
    "/api/v1/sessions/{session:str}",
    "self",
    Operation(id="endMySession", summary="End one of my sessions", tag="sessions", status=204, errors=(404,)),
)
async def end_session(deps: Deps, caller: CallerNow, session: FromPath[str]) -> None:
    own = caller.principal
    deed = Deed(project=own.project, action="session.ended", subject=holder_of(own), detail={"session": session})
    await written(deps, caller, deed, lambda conn: sessions.end_own(conn, session, own.key_id))


@route(
    "DELETE",
    "/api/v1/sessions",
    "self",
    Operation(id="endMyOtherSessions", summary="End my other sessions", tag="sessions"),
)
async def end_other_sessions(deps: Deps, caller: CallerNow) -> SessionsEnded:
    """All but the one that asks; all for a caller with a key."""
    own = caller.principal
    deed = Deed(project=own.project, action="sessions.ended", subject=holder_of(own))
    ended = await written(
        deps, caller, deed, lambda conn: session_store.end_all_of(conn, own.key_id, caller.session_id)
    )
    return SessionsEnded(ended=ended)


# --- the second factor ---


def _key_alone(caller: Caller) -> str:
    if caller.principal.person or not _may_look(caller.principal):
        raise InvalidRequest(
            "A second factor here is for signing in with a key.",
            fix="Where you sign in with an identity provider, that is where your second factor belongs.",
        )
    return caller.principal.key_id


@route(
    "GET",
    "/api/v1/second-factor",
    "self",
    Operation(id="getSecondFactor", summary="Whether my key has a second factor", tag="sessions"),
)
async def get_second_factor(deps: Deps, caller: CallerNow) -> FactorState:
    own = caller.principal
    found = await deps.db.read(lambda conn: sign_in_store.factor(conn, own.key_id))
    on = found is not None and found.confirmed is not None
    return FactorState(
        available=not own.person and _may_look(own), on=on, recovery_left=len(found.recovery) if on and found else 0
    )


@route(
    "POST",
    "/api/v1/second-factor",
    "self",
    Operation(
        id="beginSecondFactor", summary="Begin a second factor for my key", tag="sessions", status=201, errors=(409,)
    ),
)
async def begin_second_factor(deps: Deps, caller: CallerNow) -> FactorSecret:
    """It counts once a first code confirmed it."""
    own = _key_alone(caller)
    deed = Deed(project=caller.principal.project, action="second_factor.begun", subject=f"key:{own}")
    made = await written(
        deps, caller, deed, lambda conn: second_factor.begin(conn, own, name_of(conn, own), deps.secrets)
    )
    return FactorSecret(secret=made.secret, uri=made.uri)


@route(
    "POST",
    "/api/v1/second-factor/confirm",
    "self",
    Operation(
        id="confirmSecondFactor",
        summary="Switch my second factor on with a first code",
        tag="sessions",
        errors=(404, 429),
    ),
)
async def confirm_second_factor(deps: Deps, caller: CallerNow, data: JSONBody[FactorCode]) -> RecoveryCodes:
    """The recovery codes are in this answer and nowhere else."""
    own, now = _key_alone(caller), deps.now()

    def work(conn: Connection) -> tuple[Outcome, tuple[str, ...]]:
        outcome, codes = second_factor.confirm(conn, own, data.code, deps.secrets, now)
        if outcome.ok:
            actor = actor_of(conn, caller)
            audit.append(conn, None, actor, "second_factor.on", f"key:{own}", now=moment(conn, deps))
        return outcome, codes

    outcome, codes = await deps.db.write(work)
    if not outcome.ok:
        raise second_factor.refused(outcome, now, signed_in=True)
    return RecoveryCodes(codes=list(codes))


@route(
    "POST",
    "/api/v1/second-factor/remove",
    "self",
    Operation(
        id="removeSecondFactor",
        summary="Take my second factor off, with a code of it",
        tag="sessions",
        status=204,
        errors=(404, 429),
    ),
)
async def remove_second_factor(deps: Deps, caller: CallerNow, data: JSONBody[FactorCode]) -> None:
    own, now = _key_alone(caller), deps.now()

    def work(conn: Connection) -> Outcome:
        outcome = second_factor.take_off(conn, own, data.code, deps.secrets, now)
        action = "second_factor.off" if outcome.ok else "second_factor.refused"
        audit.append(conn, None, actor_of(conn, caller), action, f"key:{own}", now=moment(conn, deps))
        return outcome

    outcome = await deps.db.write(work)
    if not outcome.ok:
        raise second_factor.refused(outcome, now, signed_in=True)


ROUTES = (
    login,
    logout,
    me,
    create_login_link,
    list_sessions,
    end_session,
    end_other_sessions,
    get_second_factor,
    begin_second_factor,
    confirm_second_factor,
    remove_second_factor,
)
