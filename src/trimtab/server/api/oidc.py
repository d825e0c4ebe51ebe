"""Signing in with an identity provider: the providers, the way there and back, and what a command line gets of it."""

import logging
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, TrimtabError, Unauthenticated
from trimtab.governance import audit, edits, oidc, sessions, sign_in, sign_in_store
from trimtab.governance.audit import Actor
from trimtab.governance.edits import FIRST, Edit
from trimtab.governance.oidc import Claimed
from trimtab.governance.people_store import PersonRow, name_of
from trimtab.governance.sessions import How, Token
from trimtab.governance.sign_in import Admitted
from trimtab.governance.sign_in_store import IDENTITY_PROVIDERS, ProviderRow, SignIn, Terms
from trimtab.server import auditing
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.api.session import cookie_of, lengths
from trimtab.server.auditing import Deed, edited, written
from trimtab.server.auth import Caller, principal_of
from trimtab.server.bodies.identity import (
    CliSession,
    GrantRequest,
    IdentityProviderList,
    IdentityProviderPatch,
    IdentityProviderView,
    NewIdentityProvider,
    ProviderCheck,
    WayIn,
    WaysIn,
)
from trimtab.server.dependencies import Dependencies
from trimtab.server.oidc_client import Exchange
from trimtab.server.routes import CallerNow, Deps, Operation, Seen, route

TAG = "sign-in"
COOKIE: Final = "trimtab_sign_in"
PATH: Final = "/api/v1/oidc"
log = logging.getLogger("trimtab.sign_in")

Next = Annotated[Annotated[str, Meta(max_length=2000)], QueryParameter(max_length=2000)]
Port = Annotated[Annotated[int, Meta(ge=1024, le=65535)] | None, QueryParameter(ge=1024, le=65535)]
Challenge = Annotated[
    Annotated[str, Meta(min_length=43, max_length=64)] | None, QueryParameter(min_length=43, max_length=64)
]


# --- providers ---


def redirect_uri(deps: Dependencies) -> str:
    """What is registered with each provider."""
    return f"{deps.settings.address}{PATH}/callback"


KIND: Final = "identity_provider"


def _view(deps: Dependencies, row: ProviderRow, revision: int) -> IdentityProviderView:
    terms = row.terms
    return IdentityProviderView(
        name=row.name,
        label=terms.label or row.name,
        issuer=row.issuer,
        client_id=row.client_id,
        has_secret=row.sealed is not None,
        redirect_uri=redirect_uri(deps),
        scopes=list(terms.scopes),
        domains=list(terms.domains),
        groups_claim=terms.groups_claim,
        roles=list(terms.roles),
        invited_only=terms.invited_only,
        trust_email=terms.trust_email,
        enabled=row.enabled,
        created=row.created,
        updated=row.updated,
        revision=revision,
    )


@route("GET", "/api/v1/sign-in", None, Operation(id="listWaysIn", summary="How people may sign in", tag=TAG))
async def list_ways_in(deps: Deps) -> WaysIn:
    """The identity providers whose buttons the sign-in page has. A key always does."""
    rows = await deps.db.read(sign_in_store.providers)
    return WaysIn(providers=[WayIn(name=row.name, label=row.terms.label or row.name) for row in rows if row.enabled])


@route(
    "GET",
    "/api/v1/identity-providers",
    "system:read",
    Operation(id="listIdentityProviders", summary="List identity providers", tag=TAG),
)
async def list_identity_providers(deps: Deps) -> IdentityProviderList:
    def read(conn: Connection) -> tuple[dict[str, int], list[ProviderRow]]:
        return edits.revisions(conn, "", KIND), sign_in_store.providers(conn)

    revisions, rows = await deps.db.read(read)
    return IdentityProviderList(items=[_view(deps, row, revisions.get(row.name, FIRST)) for row in rows])


@route(
    "POST",
    "/api/v1/identity-providers",
    "system:write",
    Operation(
        id="createIdentityProvider",
        summary="Let people sign in with a provider",
        tag=TAG,
        status=201,
        errors=(404, 409),
    ),
)
async def create_identity_provider(
    deps: Deps, caller: CallerNow, data: JSONBody[NewIdentityProvider]
) -> IdentityProviderView:
    """Register the answer's ``redirect_uri`` with it."""
    now = deps.now()
    row = ProviderRow(
        name=data.name,
        issuer=data.issuer,
        client_id=data.client_id,
        sealed=None,
        terms=Terms(
            label=data.label,
            scopes=tuple(data.scopes),
            domains=_domains(data.domains),
            groups_claim=data.groups_claim,
            roles=tuple(data.roles),
            invited_only=data.invited_only,
            trust_email=data.trust_email,
        ),
        enabled=data.enabled,
        created=now,
        updated=now,
    )
    made = await edited(
        deps,
        caller,
        _deed("identity_provider.created", row.name),
        lambda conn: sign_in.put_provider(conn, row, data.client_secret, deps.secrets, new=True),
    )
    return _view(deps, made.made, made.revision)


def _domains(named: list[str]) -> tuple[str, ...]:
    return tuple(each.strip().lower().removeprefix("@") for each in named if each.strip())


def _deed(action: str, name: str, expected: int | None = None) -> Deed:
    """From what was there to what is: nobody else changes it in between."""
    state = auditing.row(IDENTITY_PROVIDERS, name=name)
    edit = Edit(place="", kind=KIND, name=name, expected=expected)
    return Deed(
        project=None,
        action=action,
        subject=f"identity_provider:{name}",
        state=state,
        edit=edit,
        lock=sign_in.PROVIDERS_LOCK,
    )


def _end_sessions(conn: Connection, deps: Dependencies, caller: Caller, name: str) -> None:
    """Sessions are asked for in the catalog with every request: they end for all workers with this transaction."""
    if ended := sign_in.end_sessions(conn, name):
        actor, now = actor_of(conn, caller), moment(conn, deps)
        audit.append(
            conn, None, actor, "sessions.ended", f"identity_provider:{name}", now=now, detail={"ended": ended}
        )  # fmt: skip


@route(
    "PATCH",
    "/api/v1/identity-providers/{provider:str}",
    "system:write",
    Operation(id="changeIdentityProvider", summary="Change an identity provider", tag=TAG, errors=(404, 409)),
)
async def change_identity_provider(
    deps: Deps, caller: CallerNow, provider: FromPath[str], data: JSONBody[IdentityProviderPatch]
) -> IdentityProviderView:
    """What is left out stays as it is, also where somebody else changes it at the same time. Switched off, or with
    another issuer, it ends the sessions that began with it, on every worker, unless ``end_sessions`` is false. With
    ``expected_revision`` it is refused (409) where somebody changed the provider since that revision."""
    secret = None if data.client_secret is UNSET else data.client_secret
    now = deps.now()

    def work(conn: Connection) -> ProviderRow:
        before = sign_in.provider(conn, provider, enabled=False)
        row = sign_in.put_provider(conn, _changed(before, data, now), secret, deps.secrets, new=False)
        if data.end_sessions and ((before.enabled and not row.enabled) or before.issuer != row.issuer):
            _end_sessions(conn, deps, caller, provider)
        return row

    made = await edited(deps, caller, _deed("identity_provider.changed", provider, data.expected_revision), work)
    return _view(deps, made.made, made.revision)


def _changed(old: ProviderRow, data: IdentityProviderPatch, now: int) -> ProviderRow:
    terms = old.terms
    return ProviderRow(
        name=old.name,
        issuer=old.issuer if data.issuer is UNSET else data.issuer,
        client_id=old.client_id if data.client_id is UNSET else data.client_id,
        sealed=None,
        terms=Terms(
            label=terms.label if data.label is UNSET else data.label,
            scopes=terms.scopes if data.scopes is UNSET else tuple(data.scopes),
            domains=terms.domains if data.domains is UNSET else _domains(data.domains),
            groups_claim=terms.groups_claim if data.groups_claim is UNSET else data.groups_claim,
            roles=terms.roles if data.roles is UNSET else tuple(data.roles),
            invited_only=terms.invited_only if data.invited_only is UNSET else data.invited_only,
            trust_email=terms.trust_email if data.trust_email is UNSET else data.trust_email,
        ),
        enabled=old.enabled if data.enabled is UNSET else data.enabled,
        created=old.created,
        updated=now,
    )


@route(
    "DELETE",
    "/api/v1/identity-providers/{provider:str}",
    "system:write",
    Operation(id="removeIdentityProvider", summary="Remove an identity provider", tag=TAG, status=204, errors=(404,)),
)
async def remove_identity_provider(
    deps: Deps,
    caller: CallerNow,
    provider: FromPath[str],
    end_sessions: FromQuery[bool] = True,
    expected_revision: Seen = None,
) -> None:
    """Nobody signs in with it any more, and the sessions that began with it end, on every worker, unless
    ``end_sessions`` is false. People and what they were given stay."""

    def work(conn: Connection) -> None:
        sign_in_store.remove_provider(conn, sign_in.provider(conn, provider, enabled=False).name)
        if end_sessions:
            _end_sessions(conn, deps, caller, provider)

    await written(deps, caller, _deed("identity_provider.removed", provider, expected_revision), work)


@route(
    "POST",
    "/api/v1/identity-providers/{provider:str}/check",
    "system:write",
    Operation(id="checkIdentityProvider", summary="Ask a provider what it is", tag=TAG, errors=(404,)),
)
async def check_identity_provider(deps: Deps, provider: FromPath[str]) -> ProviderCheck:
    """Reads its metadata and keys now; 503 says what is wrong with them."""
    row = await deps.db.read(lambda conn: sign_in.provider(conn, provider, enabled=False))
    keys = await deps.oidc.keys(row.issuer)
    metadata = await deps.oidc.metadata(row.issuer)
    return ProviderCheck(
        authorization_endpoint=metadata.authorization_endpoint,
        token_endpoint=metadata.token_endpoint,
        userinfo_endpoint=metadata.userinfo_endpoint,
        keys=keys,
    )


# --- there ---


@route(
    "GET",
    "/api/v1/oidc/{provider:str}/start",
    None,
    Operation(
        id="startSignIn", summary="Go to an identity provider", tag=TAG, status=302, errors=(404, 429), any_query=True
    ),
)
async def start_sign_in(
    deps: Deps,
    provider: FromPath[str],
    next: Next = "/",  # noqa: A002  the name in the address
    port: Port = None,
    challenge: Challenge = None,
) -> Response[None]:
    """Sends the browser on, with a cookie that only this sign-in needs. ``port`` and ``challenge`` are those of a
    command line which waits on this person's own machine. A tile at the provider may lead here: what it adds (``iss``,
    ``login_hint``) is passed over."""
    if (port is None) != (challenge is None):
        raise InvalidRequest("A command line sends its port and a challenge.", fix="Sign in with: trimtab login")
    now = deps.now()
    row = await deps.db.read(lambda conn: sign_in.provider(conn, provider))
    metadata = await deps.oidc.metadata(row.issuer)
    wanted = SignIn(provider=row.name, browser=b"", next=within(next), port=port, challenge=challenge, expires=0)
    begun = await deps.db.write(lambda conn: sign_in.begin(conn, wanted, now))
    made = oidc.asked(begun.browser)
    url = oidc.authorization_url(metadata, row, redirect_uri(deps), begun.state, made)
    return _to(url, [_cookie(deps, begun.browser, sign_in.SIGN_IN_MS // 1000)])


def within(path: str) -> str:
    """Only ways within this console are followed after a sign-in."""
    plain = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if plain and len(path) <= 2000 and not path.startswith("/login") else "/"


def _cookie(deps: Dependencies, value: str, max_age: int) -> Cookie:
    """``lax``: it must come along when the provider sends the browser back."""
    secure = deps.settings.public_url.startswith("https://")
    return Cookie(key=COOKIE, value=value, max_age=max_age, path=PATH, httponly=True, secure=secure, samesite="lax")


def _to(url: str, cookies: list[Cookie]) -> Response[None]:
    headers = {"location": url, "cache-control": "no-store"}
    return Response(None, status_code=302, headers=headers, cookies=cookies)


# --- and back ---


class _Back(Struct, frozen=True, kw_only=True):
    """What the provider sent the browser back with."""

    code: str | None
    error: str | None
    iss: str | None
    browser: str


@route(
    "GET",
    "/api/v1/oidc/callback",
    None,
    Operation(id="finishSignIn", summary="Come back from an identity provider", tag=TAG, status=302, any_query=True),
)
async def finish_sign_in(deps: Deps, request: Request[Any, Any, Any]) -> Response[None]:
    """Sends the browser to the console, signed in; or to the sign-in page, which says what went wrong. The provider
    adds ``state``, ``code`` or ``error``, and ``iss`` (RFC 6749, section 4.1.2; RFC 9207)."""
    begun: SignIn | None = None
    told = request.query_params
    gone = _cookie(deps, "", 0)
    try:
        begun = await deps.db.write(lambda conn: sign_in.spend(conn, told.get("state", "")))
        back = _Back(
            code=told.get("code"), error=told.get("error"), iss=told.get("iss"), browser=request.cookies.get(COOKIE, "")
        )
        known = sign_in.check(begun, back.browser, deps.now())
        row = await deps.db.read(lambda conn: sign_in.provider(conn, known.provider))
        who = await _who(deps, row, back)
        agent = request.headers.get("user-agent", "")
        admitted = await _admit(deps, row, who)
        return await _let_in(deps, row, known, admitted, agent, gone)
    except TrimtabError as refused:
        log.warning("a sign-in was refused: %s", refused.sentence())
        return _to(_told(begun, refused.code), [gone])


def _told(begun: SignIn | None, code: str) -> str:
    if begun is not None and begun.port is not None:
        return f"http://127.0.0.1:{begun.port}/?{urlencode({'error': code})}"
    return f"/login?{urlencode({'problem': code})}"


async def _who(deps: Dependencies, row: ProviderRow, back: _Back) -> Claimed:
    """Ask the provider who it is. Raises `Unauthenticated`, `Unavailable`."""
    metadata = await deps.oidc.metadata(row.issuer)
    oidc.check_answer_issuer(metadata, back.iss)
    if back.error is not None or not back.code:
        denied = back.error == "access_denied"
        raise oidc.refusal(
            "oidc_denied" if denied else "oidc_code", "The identity provider did not sign this person in."
        )
    made = oidc.asked(back.browser)
    secret = sign_in.client_secret(row, deps.secrets)
    wanted = Exchange(code=back.code, redirect_uri=redirect_uri(deps), verifier=made.verifier, secret=secret)
    tokens = await deps.oidc.exchange(row, wanted)
    claims = await deps.oidc.claims(row, tokens, made.nonce)
    more = await deps.oidc.userinfo(row, tokens) if oidc.lacks(row, claims) else {}
    return oidc.claimed(row, metadata, claims, more)


async def _admit(deps: Dependencies, row: ProviderRow, who: Claimed) -> PersonRow:
    """Make them who they are here. Raises `Unauthenticated` after what was learnt of them stands."""
    now = deps.now()

    def work(conn: Connection) -> Admitted:
        made = sign_in.admit(conn, row, who, now)
        person = made.person
        actor = (
            Actor("", f"identity provider {row.name}") if person is None else Actor(person.id, name_of(conn, person.id))
        )
        subject = f"person:{person.id}" if person is not None else f"subject:{who.subject}"[:200]
        if made.new:
            audit.append(conn, None, actor, "person.known", subject, now=moment(conn, deps), detail={"by": row.name})
        if made.changed and person is not None:
            detail = {"by": row.name, "groups": list(who.groups[:50])}
            audit.append(conn, None, actor, "member.synced", subject, now=moment(conn, deps), detail=detail)
            audit.append_all(conn, None, actor, made.notes, now=moment(conn, deps))
        if made.refused:
            detail = {"by": row.name, "why": made.refused}
            audit.append(conn, None, actor, "sign_in.refused", subject, now=moment(conn, deps), detail=detail)
        return made

    made = await deps.db.write(work)
    if made.changed:
        await deps.snapshots.changed()
    if made.refused or made.person is None:
        raise oidc.refusal(made.refused, f"{row.name} signed {who.subject!r} in, who is not let in here.")
    return made.person


async def _let_in(
    deps: Dependencies, row: ProviderRow, begun: SignIn, person: PersonRow, agent: str, gone: Cookie
) -> Response[None]:
    now, method = deps.now(), sign_in.method_of(row.name)
    if begun.port is not None and begun.challenge is not None:
        challenge = begun.challenge

        def give(conn: Connection) -> str:
            sign_in.must_be_on(conn, method, row.issuer)
            return sign_in.grant(conn, person.id, challenge, method, now)

        grant = await deps.db.write(give)
        return _to(f"http://127.0.0.1:{begun.port}/?{urlencode({'grant': grant})}", [gone])
    token = await _begin(deps, person.id, method, agent, issuer=row.issuer)
    return _to(begun.next, [gone, cookie_of(deps, token, now)])


async def _begin(deps: Dependencies, person_id: str, method: str, agent: str, *, issuer: str | None = None) -> Token:
    how = lengths(deps, method, agent)
    return await deps.db.write(lambda conn: _begun(conn, deps, person_id, how, issuer))


def _begun(conn: Connection, deps: Dependencies, person_id: str, how: How, issuer: str | None = None) -> Token:
    sign_in.must_be_on(conn, how.method, issuer)
    actor, detail = Actor(person_id, name_of(conn, person_id)), {"by": how.method, "kind": how.kind}
    now = moment(conn, deps)
    audit.append(conn, None, actor, "session.begun", f"person:{person_id}", now=now, detail=detail)
    return sessions.begin(conn, person_id, now, None, how)


@route(
    "POST",
    "/api/v1/oidc/grant",
    None,
    Operation(id="spendGrant", summary="A session for the command line that signed in", tag=TAG),
)
async def spend_grant(
    deps: Deps, request: Request[Any, Any, Any], data: JSONBody[GrantRequest]
) -> Response[CliSession]:
    """Once, and only for the command that began: it shows what its challenge was made of."""
    agent = request.headers.get("user-agent", "")
    seen = await deps.db.read(lambda conn: sign_in.grant_of(conn, data.grant))
    let_in = seen is not None and await principal_of(deps, seen.person_id) is not None

    def work(conn: Connection) -> tuple[Token, str] | Unauthenticated:
        try:
            grant = sign_in.check_grant(sign_in.spend_grant(conn, data.grant), data.verifier, deps.now())
        except Unauthenticated as refused:
            return refused  # it is spent all the same: nobody tries a second verifier
        if not let_in:
            return Unauthenticated("You are not let in any more.", fix="Ask an administrator.", code="oidc_disabled")
        how = lengths(deps, grant.method, agent, cli=True)
        return _begun(conn, deps, grant.person_id, how), name_of(conn, grant.person_id)

    made = await deps.db.write(work)
    if isinstance(made, Unauthenticated):
        raise made
    token, name = made
    body = CliSession(token=token.secret, expires=token.expires, name=name)
    return Response(body, status_code=200, headers={"cache-control": "no-store"})


ROUTES = (
    list_ways_in, list_identity_providers, create_identity_provider, change_identity_provider,
    remove_identity_provider, check_identity_provider, start_sign_in, finish_sign_in, spend_grant,
)  # fmt: skip
