"""Bodies of the API of organisations, members, roles, sessions and sign-in. Times are Unix milliseconds."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType, field

from trimtab.governance.sign_in_store import GroupRole, Terms
from trimtab.server.bodies.common import ExpectedRevision


class OrganisationView(Struct, frozen=True, kw_only=True):
    """``projects``: slugs of those the caller may see."""

    id: str
    slug: str
    name: str
    created: int
    projects: list[str]
    revision: int


class OrganisationPage(Struct, frozen=True, kw_only=True):
    items: list[OrganisationView]
    cursor: str | None = None


class NewOrganisationBody(Struct, kw_only=True, forbid_unknown_fields=True):
    slug: str
    name: str = ""


class OrganisationPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    name: str
    expected_revision: ExpectedRevision = None


class MemberView(Struct, frozen=True, kw_only=True):
    """``source`` is ``by hand``, or ``oidc:<provider>`` where a group gave the role. ``seen`` is when a person last
    signed in; null for who never did. ``disabled`` since when they are let in no more."""

    id: str
    kind: Literal["person", "service"]
    name: str
    email: str
    role: str
    source: str
    since: int
    seen: int | None
    disabled: int | None


class MemberPage(Struct, frozen=True, kw_only=True):
    items: list[MemberView]
    cursor: str | None = None


class NewMember(Struct, kw_only=True, forbid_unknown_fields=True):
    """``email`` of somebody who is to sign in, or ``person``: the id of somebody known here. Exactly one."""

    role: str
    email: str = ""
    person: str = ""
    name: str = ""


class MemberPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """``expected_role``: the one that they are to have had so far. It is refused (409) where they have another by now,
    by whomever: an identity provider's groups change roles, too."""

    role: str
    expected_role: str | None = None


class NewServiceAccount(Struct, kw_only=True, forbid_unknown_fields=True):
    name: str
    role: str


class PersonView(Struct, frozen=True, kw_only=True):
    """``memberships``: the role in each place, which is ``instance``, ``organisation:<slug>`` or ``project:<slug>``."""

    id: str
    kind: Literal["person", "service"]
    name: str
    email: str
    created: int
    seen: int | None
    disabled: int | None
    memberships: dict[str, str]


class PersonPage(Struct, frozen=True, kw_only=True):
    items: list[PersonView]
    cursor: str | None = None


class PersonPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """``disabled`` true: not let in any more; sessions and keys end."""

    disabled: bool


class RoleView(Struct, frozen=True, kw_only=True):
    """``built_in`` ones cannot be changed, and are at revision 0. ``for_members`` ones may be given to members; the
    others are for keys."""

    name: str
    about: str
    permissions: list[str]
    built_in: bool
    for_members: bool
    revision: int = 0


class RoleList(Struct, frozen=True, kw_only=True):
    """``permissions``: all there are. ``instance_only``: those that are held on the whole instance or not at all."""

    items: list[RoleView]
    permissions: list[str]
    instance_only: list[str]


class NewRole(Struct, kw_only=True, forbid_unknown_fields=True):
    name: str
    permissions: list[str]
    about: str = ""


class RolePatch(Struct, kw_only=True, forbid_unknown_fields=True):
    permissions: list[str]
    about: str = ""
    expected_revision: ExpectedRevision = None


class OwnSession(Struct, frozen=True, kw_only=True):
    """``method``: ``key``, ``link`` or ``oidc:<provider>``, with ``+totp`` behind it for a second factor. It ends at
    ``expires``, or ``idle_ends`` if nothing comes of it until then. ``current``: it is the one that asks."""

    id: str
    kind: Literal["browser", "cli"]
    method: str
    agent: str
    created: int
    seen: int
    expires: int
    idle_ends: int
    current: bool


class OwnSessions(Struct, frozen=True, kw_only=True):
    items: list[OwnSession]


class SessionsEnded(Struct, frozen=True, kw_only=True):
    ended: int


class WayIn(Struct, frozen=True, kw_only=True):
    """A provider whose button the sign-in page has."""

    name: str
    label: str


class WaysIn(Struct, frozen=True, kw_only=True):
    providers: list[WayIn]


class IdentityProviderView(Struct, frozen=True, kw_only=True):
    """``redirect_uri`` is what to register with the provider. ``has_secret`` tells of the client's secret, which is
    never shown."""

    name: str
    label: str
    issuer: str
    client_id: str
    has_secret: bool
    redirect_uri: str
    scopes: list[str]
    domains: list[str]
    groups_claim: str
    roles: list[GroupRole]
    invited_only: bool
    trust_email: bool
    enabled: bool
    created: int
    updated: int
    revision: int


class IdentityProviderList(Struct, frozen=True, kw_only=True):
    items: list[IdentityProviderView]


class NewIdentityProvider(Struct, kw_only=True, forbid_unknown_fields=True):
    """``client_secret`` null: a public client, which PKCE alone protects. ``roles``: what groups mean here, the first
    line that fits a place counting; the group ``*`` is everybody."""

    name: str
    issuer: str
    client_id: str
    client_secret: str | None = None
    label: str = ""
    scopes: list[str] = field(default_factory=lambda: list(Terms().scopes))
    domains: list[str] = []
    groups_claim: str = "groups"
    roles: list[GroupRole] = []
    invited_only: bool = False
    trust_email: bool = False
    enabled: bool = True


class IdentityProviderPatch(Struct, kw_only=True, forbid_unknown_fields=True):
    """``client_secret``: an empty one takes it away; leave it out to keep it. ``end_sessions``: those that began with
    the provider end where this switches it off, or names another issuer; false lets them go on until they end by
    themselves."""

    issuer: str | UnsetType = UNSET
    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    label: str | UnsetType = UNSET
    scopes: list[str] | UnsetType = UNSET
    domains: list[str] | UnsetType = UNSET
    groups_claim: str | UnsetType = UNSET
    roles: list[GroupRole] | UnsetType = UNSET
    invited_only: bool | UnsetType = UNSET
    trust_email: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    end_sessions: bool = True
    expected_revision: ExpectedRevision = None


class ProviderCheck(Struct, frozen=True, kw_only=True):
    """What a provider says of itself, read just now."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str | None
    keys: int
    """How many keys it publishes."""


class GrantRequest(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the command line got from the browser, and what proves that it is the one which asked."""

    grant: str
    verifier: str


class CliSession(Struct, frozen=True, kw_only=True):
    """``token`` is sent as ``Authorization: Bearer``. Shown this once."""

    token: str
    expires: int
    name: str


class FactorState(Struct, frozen=True, kw_only=True):
    """``available``: whether this caller signs in with a key, which a second factor is for."""

    available: bool
    on: bool
    recovery_left: int


class FactorSecret(Struct, frozen=True, kw_only=True):
    """For an authenticator app: ``uri`` as a QR code, or ``secret`` by hand. Shown this once."""

    secret: str
    uri: str


class FactorCode(Struct, kw_only=True, forbid_unknown_fields=True):
    code: str


class RecoveryCodes(Struct, frozen=True, kw_only=True):
    """Each works once, in place of a code of the app. Shown this once."""

    codes: list[str]
