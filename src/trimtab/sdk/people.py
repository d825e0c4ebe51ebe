"""`Client.people`: members, roles, service accounts, sessions and identity providers (docs/people.md)."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from trimtab.sdk.connection import Connection, path

PAGE = 100


class Member(Struct, frozen=True, kw_only=True):
    """``kind`` is person or service; ``source`` ``by hand`` or ``oidc:<provider>``; times are Unix ms."""

    id: str
    kind: str
    name: str
    email: str
    role: str
    source: str
    since: int
    seen: int | None
    disabled: int | None


class Role(Struct, frozen=True, kw_only=True):
    name: str
    about: str
    permissions: list[str]
    built_in: bool
    for_members: bool
    revision: int = 0
    """Goes up with every change; 0 of a built-in one. See ``expected_revision``."""


class Roles(Struct, frozen=True, kw_only=True):
    """``permissions`` are all there are, ``instance_only`` those that no role of an organisation's own can hold."""

    items: list[Role]
    permissions: list[str]
    instance_only: list[str]


class Organisation(Struct, frozen=True, kw_only=True):
    id: str
    slug: str
    name: str
    created: int
    projects: list[str]
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class Session(Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    method: str
    agent: str
    created: int
    seen: int
    expires: int
    idle_ends: int
    current: bool


class IdentityProvider(Struct, frozen=True, kw_only=True):
    """``redirect_uri`` is what to register with the provider."""

    name: str
    label: str
    issuer: str
    client_id: str
    has_secret: bool
    redirect_uri: str
    domains: list[str]
    groups_claim: str
    roles: list[dict[str, Any]]
    invited_only: bool
    enabled: bool
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class Granted(Struct, frozen=True, kw_only=True):
    """A session of the command line; ``token`` is sent as a bearer token."""

    token: str
    expires: int
    name: str


class _Members(Struct):
    items: list[Member] = field(default_factory=list[Member])
    cursor: str | None = None


class _Organisations(Struct):
    items: list[Organisation] = field(default_factory=list[Organisation])
    cursor: str | None = None


class _Sessions(Struct):
    items: list[Session] = field(default_factory=list[Session])


class _Providers(Struct):
    items: list[IdentityProvider] = field(default_factory=list[IdentityProvider])


class _WayIn(Struct):
    name: str
    label: str


class _WaysIn(Struct):
    providers: list[_WayIn] = field(default_factory=list[_WayIn])


def place(project: str | None = None, organisation: str | None = None) -> tuple[str, ...]:
    """Where somebody is a member, as the API's paths have it: a project, an organisation, or the whole instance."""
    if organisation is not None:
        return ("organisations", organisation)
    return () if project is None else ("projects", project)


class People:
    """Each method that takes ``where`` gets it from `place`."""

    def __init__(self, http: Connection) -> None:
        self._http = http

    def members(self, where: tuple[str, ...]) -> list[Member]:
        found: list[Member] = []
        cursor: str | None = None
        while True:
            query = {"cursor": cursor, "limit": PAGE}
            page = self._http.ask("GET", path(*where, "members"), _Members, query=query)
            found += page.items
            cursor = page.cursor
            if cursor is None:
                return found

    def add(self, where: tuple[str, ...], role: str, *, email: str = "", person: str = "", name: str = "") -> Member:
        """Somebody known here by ``person``, else by ``email``: they are let in when a provider vouches for it."""
        body = {"role": role, "email": email, "person": person, "name": name}
        return self._http.ask("POST", path(*where, "members"), Member, body=body)

    def change(self, where: tuple[str, ...], member: str, role: str, *, expected_role: str | None = None) -> Member:
        """Give them another role. `Conflict` where they have another one by now than ``expected_role``."""
        body = {"role": role, "expected_role": expected_role}
        return self._http.ask("PATCH", path(*where, "members", member), Member, body=body)

    def remove(self, where: tuple[str, ...], member: str, *, anyway: bool = False) -> None:
        """In force everywhere when it returns; the keys they own there end too. ``anyway``: also what an identity
        provider's groups give, until its next change (else `Conflict`, ``kept_by_directory``)."""
        query = {"anyway": True} if anyway else None
        self._http.ask("DELETE", path(*where, "members", member), type(None), query=query)

    def add_service(self, project: str, name: str, role: str) -> Member:
        """A member that is no person: ``create_key(..., owner=its id)`` makes keys that do no more than it may."""
        where = path("projects", project, "service-accounts")
        return self._http.ask("POST", where, Member, body={"name": name, "role": role})

    def roles(self, *, project: str | None = None, organisation: str | None = None) -> Roles:
        return self._http.ask("GET", path(*place(project, organisation), "roles"), Roles)

    def create_role(self, organisation: str, name: str, permissions: Sequence[str], about: str = "") -> Role:
        body = {"name": name, "permissions": list(permissions), "about": about}
        return self._http.ask("POST", path("organisations", organisation, "roles"), Role, body=body)

    def change_role(
        self,
        organisation: str,
        name: str,
        permissions: Sequence[str],
        about: str = "",
        *,
        expected_revision: int | None = None,
    ) -> Role:
        """`Conflict` where somebody changed it since ``expected_revision``."""
        body = {"permissions": list(permissions), "about": about, "expected_revision": expected_revision}
        return self._http.ask("PUT", path("organisations", organisation, "roles", name), Role, body=body)

    def remove_role(self, organisation: str, name: str, *, expected_revision: int | None = None) -> None:
        self._http.remove(path("organisations", organisation, "roles", name), expected_revision)

    def organisations(self) -> list[Organisation]:
        return self._http.ask("GET", path("organisations"), _Organisations, query={"limit": 500}).items

    def create_organisation(self, slug: str, name: str = "") -> Organisation:
        return self._http.ask("POST", path("organisations"), Organisation, body={"slug": slug, "name": name})

    def sessions(self) -> list[Session]:
        """One's own."""
        return self._http.ask("GET", path("sessions"), _Sessions).items

    def end_session(self, session: str) -> None:
        self._http.ask("DELETE", path("sessions", session), type(None))

    def log_out(self) -> None:
        """End the session whose token this client has; nothing for a key."""
        self._http.ask("POST", path("logout"), type(None))

    def ways_in(self) -> list[str]:
        """Names of the identity providers that people may sign in with. Needs no key."""
        return [each.name for each in self._http.ask("GET", path("sign-in"), _WaysIn).providers]

    def spend_grant(self, grant: str, verifier: str) -> Granted:
        """What a browser brought back, for a session. Needs no key."""
        return self._http.ask("POST", path("oidc", "grant"), Granted, body={"grant": grant, "verifier": verifier})

    def providers(self) -> list[IdentityProvider]:
        return self._http.ask("GET", path("identity-providers"), _Providers).items

    def create_provider(self, provider: Mapping[str, Any]) -> IdentityProvider:
        """``provider`` as docs/oidc.md has it: name, issuer, client_id, client_secret, domains, roles, ..."""
        return self._http.ask("POST", path("identity-providers"), IdentityProvider, body=dict(provider))

    def change_provider(self, name: str, changes: Mapping[str, Any]) -> IdentityProvider:
        """What is left out stays. With ``enabled`` false or another ``issuer`` the sessions that began with it end,
        unless ``end_sessions`` is false. With ``expected_revision`` it is `Conflict` where somebody changed it
        since."""
        return self._http.ask("PATCH", path("identity-providers", name), IdentityProvider, body=dict(changes))

    def remove_provider(self, name: str, *, end_sessions: bool = True, expected_revision: int | None = None) -> None:
        """The sessions that began with it end, too, unless ``end_sessions`` is false."""
        query = {"end_sessions": None if end_sessions else "false", "expected_revision": expected_revision}
        self._http.ask("DELETE", path("identity-providers", name), type(None), query=query)

    def check_provider(self, name: str) -> dict[str, Any]:
        """What it says of itself, read by the server just now."""
        return self._http.ask("POST", path("identity-providers", name, "check"), dict[str, Any])
