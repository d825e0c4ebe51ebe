"""Signing in with an identity provider: what is remembered on the way, and who somebody becomes here.

A sign-in is bound to the browser that began it by a cookie of its own, and its state works once. People are known by
what their provider calls them (issuer and subject). An address alone makes nobody someone else: only who was invited
and never signed in yet is recognised by an address that the provider vouches for.
"""

import hmac
import secrets
from typing import Any, Final

from msgspec import Struct, structs
from sqlalchemy import Connection

from trimtab.core.errors import Conflict, InvalidRequest, NotFound, RateLimited
from trimtab.core.ids import new_id
from trimtab.governance import domains, members, oidc, people_store, roles, session_store
from trimtab.governance import sign_in_store as store
from trimtab.governance import store as catalog
from trimtab.governance.access import digest
from trimtab.governance.audit import Note
from trimtab.governance.kept_secrets import Elsewhere
from trimtab.governance.oidc import Claimed, refusal
from trimtab.governance.people_store import MembershipRow, PersonRow
from trimtab.governance.projects import REVISION, check_slug
from trimtab.governance.roles import Place
from trimtab.governance.scim import store as scim_store
from trimtab.governance.scim.people import organisation_of
from trimtab.governance.secrets import SecretBox
from trimtab.governance.sign_in_store import CliGrant, ProviderRow, SignIn
from trimtab.storage.revision import bump, exclusive

SIGN_IN_MS: Final = 10 * 60 * 1000
GRANT_MS: Final = 2 * 60 * 1000
MOST_UNDER_WAY: Final = 10_000
MOST_ROLES: Final = 500
_LOCK: Final = 0x7472_7369
PROVIDERS_LOCK: Final = 0x7472_6970  # "trip"


class Begun(Struct, frozen=True, kw_only=True):
    """``state`` goes to the provider and back; ``browser`` into a cookie."""

    state: str
    browser: str

    def __repr__(self) -> str:
        return "Begun()"


class Admitted(Struct, frozen=True, kw_only=True):
    """What became of a sign-in. ``refused`` is empty, or the code of why nobody is let in: a value and no exception,
    since what the provider says of groups must hold even then. ``changed``: memberships are others than before, or
    name or address; ``notes`` are what the audit log has to say of memberships."""

    person: PersonRow | None
    refused: str = ""
    changed: bool = False
    new: bool = False
    notes: tuple[Note, ...] = ()


# --- providers ---


def _context(name: str) -> str:
    return f"identity-provider:{name}"


def check_provider(row: ProviderRow) -> None:
    """Raises `InvalidRequest` for what could never work."""
    try:
        check_slug(row.name)
    except InvalidRequest as error:
        raise InvalidRequest(f"{row.name[:80]!r} cannot be a provider's name.", fix=error.fix, param="name") from None
    oidc.check_address(row.issuer, "The issuer")
    if not row.client_id or not row.client_id.isprintable():
        raise InvalidRequest("The client id is missing.", fix="The provider shows it where you registered Trimtab.")
    if "openid" not in row.terms.scopes:
        raise InvalidRequest("The scopes must name 'openid'.", fix="Leave 'scopes' out.", param="scopes")
    if len(row.terms.roles) > MOST_ROLES:
        raise InvalidRequest(f"A provider gives at most {MOST_ROLES} roles.", param="roles")
    for each in row.terms.roles:
        if each.organisation is not None and each.project is not None:
            raise InvalidRequest("A role is given in an organisation or in a project, not in both.", param="roles")


def put_provider(conn: Connection, row: ProviderRow, secret: str | None, box: SecretBox, *, new: bool) -> ProviderRow:
    """Make or change a provider; ``secret`` None leaves the client's secret as it was, an empty one takes it away.
    Raises `Elsewhere` where it would go to another issuer than it was given for: an issuer says itself where."""
    before = store.provider(conn, row.name)
    if new and before is not None:
        raise Conflict(f"There is already a provider {row.name!r}.", fix="Change it, or choose another name.")
    check_provider(row)
    for each in row.terms.roles:
        _must_exist(conn, each.organisation, each.project, each.role)
    sealed = None if before is None else before.sealed
    if secret is not None:
        sealed = box.seal(secret, _context(row.name)) if secret else None
    elif before is not None and before.sealed is not None and before.issuer != row.issuer:
        raise Elsewhere(f"The identity provider {row.name!r}", before.issuer, row.issuer, ("client_secret",))
    made = structs.replace(row, sealed=sealed)
    store.put_provider(conn, made)
    return made


def _must_exist(conn: Connection, organisation: str | None, project: str | None, role: str) -> None:
    place = _place(conn, organisation, project)
    if place is None:
        raise NotFound(f"There is no project or organisation {(project or organisation or '')[:80]!r}.", param="roles")
    roles.permissions_of(conn, place, role)


def client_secret(row: ProviderRow, box: SecretBox) -> str | None:
    return None if row.sealed is None else box.open(row.sealed, _context(row.name))


def provider(conn: Connection, name: str, *, enabled: bool = True) -> ProviderRow:
    """Raises `NotFound`; with ``enabled`` also for one that is switched off."""
    row = store.provider(conn, name)
    if row is None or (enabled and not row.enabled):
        raise NotFound(
            f"There is no identity provider {name[:80]!r}.",
            fix="GET /api/v1/sign-in lists those that people may sign in with.",
        )
    return row


def method_of(name: str) -> str:
    """What a session says of how it began, of the provider of that name."""
    return f"oidc:{name}"


def must_be_on(conn: Connection, method: str, issuer: str | None = None) -> None:
    """Raises `Unauthenticated` where the provider of a sign-in was switched off, removed or given another ``issuer``
    while it went on. Nobody changes a provider until this transaction ends, so no session begins behind the back of who
    ends them all."""
    exclusive(conn, PROVIDERS_LOCK)
    row = store.provider(conn, method.removeprefix("oidc:"))
    if row is None or not row.enabled or issuer not in (None, row.issuer):
        raise refusal("oidc_provider_off", "Nobody signs in with this identity provider any more.")


def end_sessions(conn: Connection, name: str) -> int:
    """Of everybody who came in by a provider, and what a command line has not spent yet; how many sessions ended."""
    store.end_grants(conn, method_of(name))
    return session_store.end_all_by(conn, method_of(name))


# --- on the way ---


def begin(conn: Connection, sign_in: SignIn, now: int) -> Begun:
    """Remember a sign-in; its ``browser`` and ``expires`` are filled in here."""
    if store.sign_ins_under_way(conn, now) >= MOST_UNDER_WAY:
        raise RateLimited("Too many people are signing in just now.", fix="Try again in a few minutes.")
    begun = Begun(state=secrets.token_urlsafe(32), browser=secrets.token_urlsafe(32))
    kept = SignIn(
        provider=sign_in.provider,
        browser=digest(begun.browser),
        next=sign_in.next,
        port=sign_in.port,
        challenge=sign_in.challenge,
        expires=now + SIGN_IN_MS,
    )
    store.add_sign_in(conn, digest(begun.state), kept, now)
    return begun


def spend(conn: Connection, state: str) -> SignIn | None:
    """The sign-in a state belongs to, once; None for a state that was never given out, or was used."""
    return store.spend_sign_in(conn, digest(state))


def check(sign_in: SignIn | None, browser: str, now: int) -> SignIn:
    """Raises `Unauthenticated` unless this very browser began it, not long ago."""
    if sign_in is None:
        raise refusal("oidc_state", "This sign-in is not known here, or its answer was used already.")
    if not browser or not hmac.compare_digest(sign_in.browser, digest(browser)):
        raise refusal("oidc_state", "This sign-in was begun in another browser.")
    if sign_in.expires <= now:
        raise refusal("oidc_late", "This sign-in took longer than ten minutes.")
    return sign_in


def grant(conn: Connection, person_id: str, challenge: str, method: str, now: int) -> str:
    """What a command line exchanges for a session, once, when it shows what ``challenge`` was made of."""
    secret = secrets.token_urlsafe(32)
    made = CliGrant(person_id=person_id, challenge=challenge, method=method, expires=now + GRANT_MS)
    store.add_grant(conn, digest(secret), made, now)
    return secret


def grant_of(conn: Connection, secret: str) -> CliGrant | None:
    """What a command line may spend; it is not spent by looking."""
    return store.grant_of(conn, digest(secret))


def spend_grant(conn: Connection, secret: str) -> CliGrant | None:
    return store.spend_grant(conn, digest(secret))


def check_grant(found: CliGrant | None, verifier: str, now: int) -> CliGrant:
    """Raises `Unauthenticated`. Apart from spending, which stands whatever comes of it."""
    proved = found is not None and hmac.compare_digest(found.challenge, oidc.challenge_of(verifier))
    if found is None or not proved or found.expires <= now:
        raise refusal("oidc_grant", "This sign-in was used already, took too long, or was another command's.")
    return found


# --- who it is here ---


def admit(conn: Connection, row: ProviderRow, who: Claimed, now: int) -> Admitted:
    """Find or make the person, give the roles their groups mean, and say whether they may come in."""
    exclusive(conn, _LOCK)
    if row.terms.domains and who.email.rpartition("@")[2] not in row.terms.domains:
        return Admitted(person=None, refused="oidc_domain")
    found = people_store.person_of_identity(conn, who.issuer, who.subject)
    wanted = _theirs(conn, who.email, _wanted(conn, row, who))
    if found is None:
        recognised = _recognised(conn, row, who, wanted, now)
        if isinstance(recognised, str):
            return Admitted(person=None, refused=recognised)
        person, new = recognised
    else:
        person, new = members.person(conn, found), False
    if person.disabled is not None:
        return Admitted(person=person, refused="oidc_disabled")
    notes = tuple(_give(conn, row, person, wanted, now))
    changed = _learn(conn, person, who, now) or new or bool(notes)
    if not people_store.memberships_of(conn, person.id):
        return Admitted(person=person, refused="oidc_no_membership", changed=changed, notes=notes)
    return Admitted(person=members.person(conn, person.id), changed=changed, new=new, notes=notes)


def _recognised(
    conn: Connection, row: ProviderRow, who: Claimed, wanted: dict[str, str], now: int
) -> tuple[PersonRow, bool] | str:
    """Somebody this provider has not brought before: who was invited by address, or somebody new."""
    known = people_store.person_by_email(conn, who.email) if who.email else None
    if known is not None and people_store.has_identity(conn, known.id):
        return "oidc_other_identity"
    if known is None:
        if row.terms.invited_only:
            return "oidc_not_invited"
        if not wanted:
            return "oidc_no_membership"
        name = who.name or who.email.partition("@")[0] or who.subject[:80]
        known = PersonRow(
            id=new_id("usr"), kind="person", name=name, email=who.email or None, project_id=None, created=now
        )
        people_store.add_person(conn, known)
    people_store.add_identity(conn, who.issuer, who.subject, known.id, row.name, now)
    return known, True


def _place(conn: Connection, organisation: str | None, project: str | None) -> Place | None:
    if project is not None:
        found = catalog.project_by_slug(conn, project)
        return None if found is None else roles.of_project(found.id, found.organisation_id)
    if organisation is not None:
        own = people_store.organisation_by_slug(conn, organisation)
        return None if own is None else roles.of_organisation(own.id)
    return roles.WHOLE


def _wanted(conn: Connection, row: ProviderRow, who: Claimed) -> dict[str, str]:
    """The role in each place, by the first line that fits it. What was removed since means nothing."""
    wanted: dict[str, str] = {}
    for each in row.terms.roles:
        if each.group != "*" and each.group not in who.groups:
            continue
        place = _place(conn, each.organisation, each.project)
        if place is not None and place.id not in wanted and roles.known_permissions(conn, place, each.role):
            wanted[place.id] = each.role
    return wanted


def _theirs(conn: Connection, email: str, wanted: dict[str, str]) -> dict[str, str]:
    """What a provider gives in places that no directory keeps, or whose organisation may name that address."""
    refused: dict[str, bool] = {}
    for owner in {organisation_of(conn, place) for place in wanted} - {""}:
        kept = scim_store.directory(conn, owner)
        refused[owner] = kept is not None and bool(
            domains.refusal(conn, owner, email, everywhere=kept.terms.everywhere)
        )
    return {place: role for place, role in wanted.items() if not refused.get(organisation_of(conn, place), False)}


def _give(conn: Connection, row: ProviderRow, person: PersonRow, wanted: dict[str, str], now: int) -> list[Note]:
    """Make the memberships of this provider what it says now. Those given by hand, or by another, stay as they are;
    nothing is given where the organisation's directory does not let them in. What the audit log has to say of it."""
    source = method_of(row.name)
    barred = scim_store.deactivated_in(conn, person.id)
    wanted = {place: role for place, role in wanted.items() if organisation_of(conn, place) not in barred}
    before = {each.place: each for each in people_store.memberships_of(conn, person.id)}
    notes: list[Note] = []

    def note(action: str, place: str, role: str, **more: str) -> None:
        notes.append(Note(action, f"person:{person.id}", {"place": place, "role": role, "source": source, **more}))

    for place, role in wanted.items():
        had = before.get(place)
        if had is not None and (had.source != source or had.role == role):
            continue
        made = MembershipRow(person_id=person.id, place=place, role=role, source=source, created=now)
        people_store.put_membership(conn, made)
        if had is None:
            note("member.added", place, role)
        else:
            note("member.changed", place, role, **{"from": had.role})
    for place, had in before.items():
        if had.source == source and place not in wanted:
            people_store.remove_membership(conn, person.id, place)
            members.end_keys(conn, person.id, place, now)
            note("member.removed", place, had.role)
    if notes:
        bump(conn, REVISION)
    return notes


def _is_foreign(conn: Connection, person_id: str, email: str) -> bool:
    """Whether a directory that keeps somebody may not name them by that address."""
    kept = [(each, scim_store.directory(conn, each)) for each in scim_store.kept_in(conn, person_id)]
    return any(
        row is not None and domains.refusal(conn, owner, email, everywhere=row.terms.everywhere) for owner, row in kept
    )


def _learn(conn: Connection, person: PersonRow, who: Claimed, now: int) -> bool:
    """Names and addresses are the provider's to change; an address that is somebody else's, or is not one of the
    domains of a directory that keeps them, is not taken. Whether any did: policies name people by them."""
    values: dict[str, Any] = {"seen": now}
    if who.name and who.name != person.name:
        values["name"] = who.name
    new = who.email and who.email != person.email and people_store.person_by_email(conn, who.email) is None
    if new and not _is_foreign(conn, person.id, who.email):
        values["email"] = who.email
    if len(values) > 1:
        bump(conn, REVISION)
    people_store.change_person(conn, person.id, **values)
    return len(values) > 1
