"""An organisation's directory: its terms and its tokens. What its groups come to in roles is in `settling.py`.

Whoever sets one up hands on what its groups give and what deactivating takes away, so they must hold all of it.
"""

import secrets
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound, Unauthenticated
from trimtab.core.ids import new_id
from trimtab.governance import members, people_store, roles
from trimtab.governance import store as catalog
from trimtab.governance.access import Organisation, digest
from trimtab.governance.audit import Actor
from trimtab.governance.permissions import PERMISSIONS, within
from trimtab.governance.projects import REVISION, check_name
from trimtab.governance.roles import Place, must_hold
from trimtab.governance.scim import store
from trimtab.governance.scim.store import DirectoryRow, Meaning, Terms, TokenRow
from trimtab.storage.revision import bump, exclusive

MARK: Final = "tts_"
"""What a token begins with, so that people and scanners tell it from a key."""
MOST_ROLES: Final = 500
MOST_TOKENS: Final = 10
_SEEN_EVERY_MS: Final = 5 * 60 * 1000


class Directory(Struct, frozen=True, kw_only=True):
    """One as its provider meets it. ``actor`` is the token that acts, for the audit log; ``due`` says that it was not
    noted lately that the token is in use."""

    organisation: Organisation
    terms: Terms
    actor: Actor
    due: bool = False

    @property
    def id(self) -> str:
        return self.organisation.id

    @property
    def source(self) -> str:
        """Where memberships come from that its groups give."""
        return source_of(self.organisation)


class Holding(Struct, frozen=True, kw_only=True):
    """What whoever sets a directory up holds: in its organisation, and on the whole instance."""

    here: frozenset[str]
    everywhere: frozenset[str]


class NewToken(Struct, frozen=True, kw_only=True):
    """``expires`` is Unix ms; None for never."""

    name: str
    expires: int | None = None


class IssuedToken(Struct, frozen=True, kw_only=True):
    token: TokenRow
    secret: str

    def __repr__(self) -> str:
        return f"IssuedToken({self.token.id!r})"


def source_of(organisation: Organisation) -> str:
    return f"scim:{organisation.slug}"


def keeps(conn: Connection, source: str) -> bool:
    """Whether a membership of that source is a directory's that is on: what is done to it by hand, the provider's next
    change undoes."""
    kind, _, slug = source.partition(":")
    owner = people_store.organisation_by_slug(conn, slug) if kind == "scim" else None
    return owner is not None and store.directory(conn, owner.id) is not None


# --- set up by people ---


def get(conn: Connection, organisation: Organisation) -> DirectoryRow:
    """Raises `NotFound`."""
    row = store.directory(conn, organisation.id)
    if row is None:
        raise NotFound(
            f"The organisation {organisation.slug!r} has no directory.",
            fix="Make one: trimtab directory set (PUT /api/v1/organisations/{organisation}/directory).",
        )
    return row


def put(conn: Connection, organisation: Organisation, terms: Terms, holding: Holding, now: int) -> DirectoryRow:
    """Make a directory, or change its terms; `settle` makes people's roles what they say."""
    exclusive(conn, members.LOCK)
    before = store.directory(conn, organisation.id)
    _must_hold_all(holding, everywhere=terms.everywhere or (before is not None and before.terms.everywhere))
    _check(conn, organisation, terms)
    row = DirectoryRow(
        organisation_id=organisation.id, terms=terms, created=before.created if before else now, updated=now
    )
    store.put_directory(conn, row)
    return row


def _check(conn: Connection, organisation: Organisation, terms: Terms) -> None:
    check_name(terms.label, param="label")
    if len(terms.roles) > MOST_ROLES:
        raise InvalidRequest(f"A directory gives at most {MOST_ROLES} roles.", param="roles")
    for each in terms.roles:
        if not each.group or len(each.group) > 400 or "\0" in each.group + each.role + (each.project or ""):
            raise InvalidRequest("A group is named by 1 to 400 characters, and nothing holds a NUL.", param="roles")
        if each.instance and not terms.everywhere:
            raise InvalidRequest(
                "Roles on the whole server are given by a directory of the whole server alone.",
                fix="Set 'everywhere', or leave 'instance' out.",
                param="roles",
            )
        place = place_of(conn, organisation, each)
        if place is None:
            raise NotFound(
                f"There is no project {(each.project or '')[:80]!r} in the organisation {organisation.slug!r}.",
                fix="Name a project of this organisation by its slug.",
                param="roles",
            )
        roles.permissions_of(conn, place, each.role)


def place_of(conn: Connection, organisation: Organisation, meaning: Meaning) -> Place | None:
    if meaning.instance:
        return roles.WHOLE
    if meaning.project is None:
        return roles.of_organisation(organisation.id)
    found = catalog.project_by_slug(conn, meaning.project)
    if found is None or found.organisation_id != organisation.id:
        return None
    return roles.of_project(found.id, found.organisation_id)


def _must_hold_all(holding: Holding, *, everywhere: bool) -> None:
    """A provider gives and takes away whatever there is in the directory's reach."""
    must_hold(holding.here, within(PERMISSIONS), "A directory acts in the whole organisation, so it holds")
    if everywhere:
        must_hold(holding.everywhere, PERMISSIONS, "This directory acts on the whole server, so it holds")


def remove(conn: Connection, organisation: Organisation, holding: Holding) -> None:
    """Its tokens end; the people stay what they are now, and nobody keeps them up to date any more."""
    exclusive(conn, members.LOCK)
    row = get(conn, organisation)
    _must_hold_all(holding, everywhere=row.terms.everywhere)
    store.remove_directory(conn, organisation.id)
    bump(conn, REVISION)  # policies name its groups


def issue(conn: Connection, organisation: Organisation, wanted: NewToken, holding: Holding, now: int) -> IssuedToken:
    """A token with its secret, which is nowhere else afterwards. Several work at a time, so that they can be changed
    without a gap."""
    _must_hold_all(holding, everywhere=get(conn, organisation).terms.everywhere)
    name = check_name(wanted.name)
    if not name:
        raise InvalidRequest("A token needs a name.", fix="Name it after the provider that shows it.", param="name")
    if wanted.expires is not None and not now < wanted.expires < 2**53:
        raise InvalidRequest(
            "The token would be expired from the start.",
            fix="Give 'expires' as Unix milliseconds in the future, or null for never.",
            param="expires",
        )
    if len(store.tokens(conn, organisation.id)) >= MOST_TOKENS:
        raise InvalidRequest(f"A directory has at most {MOST_TOKENS} tokens.", fix="End one that is not in use.")
    secret = MARK + secrets.token_urlsafe(32)
    token = TokenRow(
        id=new_id("stk"),
        organisation_id=organisation.id,
        name=name,
        prefix=secret[: len(MARK) + 6],
        digest=digest(secret),
        created=now,
        expires=wanted.expires,
    )
    store.add_token(conn, token)
    return IssuedToken(token=token, secret=secret)


def end(conn: Connection, organisation: Organisation, token_id: str) -> None:
    """It opens nothing any more."""
    if not store.remove_token(conn, organisation.id, token_id):
        raise NotFound("There is no such token here.", fix="List them: trimtab directory tokens list.")


# --- met by a provider ---


def opened(conn: Connection, secret: str, now: int) -> Directory:
    """The directory a token opens. Raises `Unauthenticated`."""
    token = store.token_by_digest(conn, digest(secret)) if secret.startswith(MARK) else None
    row = None if token is None else store.directory(conn, token.organisation_id)
    if token is None or row is None:
        raise Unauthenticated(
            "This token is not known here, or it was ended.",
            fix="Make one with: trimtab directory tokens create (a key of the API does not work here).",
            code="invalid_token",
        )
    if token.expires is not None and token.expires <= now:
        raise Unauthenticated("This token has expired.", fix="Make a new one.", code="expired_token")
    owner = next(each for each in people_store.organisations(conn) if each.id == row.organisation_id)
    return Directory(
        organisation=Organisation(id=owner.id, slug=owner.slug),
        terms=row.terms,
        actor=Actor(token.id, f"directory {owner.slug}: {token.name}"[:200]),
        due=token.seen is None or now - token.seen >= _SEEN_EVERY_MS,
    )


def of(organisation: Organisation, row: DirectoryRow, actor: Actor) -> Directory:
    """The directory as a person acts in it."""
    return Directory(organisation=organisation, terms=row.terms, actor=actor)
