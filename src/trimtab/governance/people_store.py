"""The SQL of organisations, people, their memberships and the roles they are given.

A person signs in; a service account does not, and owns keys. What either may do is said by memberships: a role in a
place, which is the id of a project, the id of an organisation, or ``INSTANCE`` for the whole server. Times are Unix ms.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    literal,
    select,
    update,
)

from trimtab.governance.store import key_by_id
from trimtab.storage.listed import among, listed
from trimtab.storage.schema import METADATA

INSTANCE: Final = "instance"
"""The place of those whose role is for the whole server."""
BY_HAND: Final = "by hand"
"""Where a membership comes from that a person gave; those of sign-in are ``oidc:<provider>``."""

Kind = Literal["person", "service"]

ORGANISATIONS: Final = Table(
    "organisations",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("slug", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("created", BigInteger, nullable=False),
)
PEOPLE: Final = Table(
    "people",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(200), nullable=False),
    Column("email", String(320), nullable=True, unique=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=True, index=True),
    Column("created", BigInteger, nullable=False),
    Column("disabled", BigInteger, nullable=True),
    Column("seen", BigInteger, nullable=True),
)
MEMBERSHIPS: Final = Table(
    "memberships",
    METADATA,
    Column("person_id", String(64), ForeignKey("people.id"), primary_key=True),
    Column("place", String(64), primary_key=True, index=True),
    Column("role", String(64), nullable=False),
    Column("source", String(80), nullable=False),
    Column("created", BigInteger, nullable=False),
)
CUSTOM_ROLES: Final = Table(
    "custom_roles",
    METADATA,
    Column("organisation_id", String(64), ForeignKey("organisations.id"), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("about", String(400), nullable=False),
    Column("permissions", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
IDENTITIES: Final = Table(
    "identities",
    METADATA,
    Column("issuer", String(400), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.id"), nullable=False, index=True),
    Column("provider", String(64), nullable=False),
    Column("created", BigInteger, nullable=False),
)


class OrganisationRow(Struct, frozen=True, kw_only=True):
    id: str
    slug: str
    name: str
    created: int


class PersonRow(Struct, frozen=True, kw_only=True):
    """``email`` is lower-case, None for service accounts; ``project_id`` is the home of a service account. ``disabled``
    is since when nothing of theirs works; ``seen`` when they last signed in."""

    id: str
    kind: Kind
    name: str
    email: str | None
    project_id: str | None
    created: int
    disabled: int | None = None
    seen: int | None = None


class MembershipRow(Struct, frozen=True, kw_only=True):
    person_id: str
    place: str
    role: str
    source: str
    created: int


class RoleRow(Struct, frozen=True, kw_only=True):
    organisation_id: str
    name: str
    about: str
    permissions: tuple[str, ...]
    created: int
    updated: int


class MemberRow(Struct, frozen=True, kw_only=True):
    person: PersonRow
    membership: MembershipRow


def _of(shape: type[Any], row: Row[Any]) -> Any:
    return shape(**{name: getattr(row, name) for name in shape.__struct_fields__})


# --- organisations ---


def organisations(conn: Connection, *, after: str = "", limit: int = 1_000_000) -> list[OrganisationRow]:
    """In order of slug."""
    query = select(ORGANISATIONS).where(ORGANISATIONS.c.slug > after).order_by(ORGANISATIONS.c.slug).limit(limit)
    return [_of(OrganisationRow, row) for row in conn.execute(query)]


def organisation_by_slug(conn: Connection, slug: str) -> OrganisationRow | None:
    row = conn.execute(select(ORGANISATIONS).where(ORGANISATIONS.c.slug == slug)).one_or_none()
    return None if row is None else _of(OrganisationRow, row)


def add_organisation(conn: Connection, row: OrganisationRow) -> None:
    conn.execute(insert(ORGANISATIONS).values(id=row.id, slug=row.slug, name=row.name, created=row.created))


def rename_organisation(conn: Connection, organisation_id: str, name: str) -> None:
    conn.execute(update(ORGANISATIONS).where(ORGANISATIONS.c.id == organisation_id).values(name=name))


# --- people ---


def people(conn: Connection, *, kind: Kind | None = None, after: str = "", limit: int = 1_000_000) -> list[PersonRow]:
    """In order of id, which is that of making."""
    query = select(PEOPLE).where(PEOPLE.c.id > after).order_by(PEOPLE.c.id).limit(limit)
    if kind is not None:
        query = query.where(PEOPLE.c.kind == kind)
    return [_of(PersonRow, row) for row in conn.execute(query)]


def person(conn: Connection, person_id: str) -> PersonRow | None:
    row = conn.execute(select(PEOPLE).where(PEOPLE.c.id == person_id)).one_or_none()
    return None if row is None else _of(PersonRow, row)


def name_of(conn: Connection, own: str) -> str:
    """The name of a key, or of a person with their address; the id itself where neither is known. At most 200
    characters."""
    key = key_by_id(conn, own)
    if key is not None:
        return key.name
    found = person(conn, own)
    if found is None:
        return own
    return (f"{found.name} <{found.email}>" if found.email else found.name)[:200]


def person_by_email(conn: Connection, email: str) -> PersonRow | None:
    row = conn.execute(select(PEOPLE).where(PEOPLE.c.email == email)).one_or_none()
    return None if row is None else _of(PersonRow, row)


def add_person(conn: Connection, row: PersonRow) -> None:
    conn.execute(insert(PEOPLE).values({name: getattr(row, name) for name in row.__struct_fields__}))


def change_person(conn: Connection, person_id: str, **values: Any) -> None:
    conn.execute(update(PEOPLE).where(PEOPLE.c.id == person_id).values(**values))


# --- memberships ---


def memberships(conn: Connection) -> list[MembershipRow]:
    return [_of(MembershipRow, row) for row in conn.execute(select(MEMBERSHIPS))]


def memberships_of(conn: Connection, person_id: str) -> list[MembershipRow]:
    query = select(MEMBERSHIPS).where(MEMBERSHIPS.c.person_id == person_id).order_by(MEMBERSHIPS.c.place)
    return [_of(MembershipRow, row) for row in conn.execute(query)]


def membership(conn: Connection, person_id: str, place: str) -> MembershipRow | None:
    query = select(MEMBERSHIPS).where(MEMBERSHIPS.c.person_id == person_id, MEMBERSHIPS.c.place == place)
    row = conn.execute(query).one_or_none()
    return None if row is None else _of(MembershipRow, row)


def members(conn: Connection, place: str, *, after: str = "", limit: int = 1_000_000) -> list[MemberRow]:
    """Of a place, in the order in which they were first known here."""
    query = (
        select(
            PEOPLE, MEMBERSHIPS.c.place, MEMBERSHIPS.c.role, MEMBERSHIPS.c.source, MEMBERSHIPS.c.created.label("since")
        )
        .join(MEMBERSHIPS, MEMBERSHIPS.c.person_id == PEOPLE.c.id)
        .where(MEMBERSHIPS.c.place == place, PEOPLE.c.id > after)
        .order_by(PEOPLE.c.id)
        .limit(limit)
    )
    return [
        MemberRow(
            person=_of(PersonRow, row),
            membership=MembershipRow(
                person_id=row.id, place=row.place, role=row.role, source=row.source, created=row.since
            ),
        )
        for row in conn.execute(query)
    ]


def put_membership(conn: Connection, row: MembershipRow) -> None:
    """Give, or change what was given."""
    remove_membership(conn, row.person_id, row.place)
    conn.execute(insert(MEMBERSHIPS).values({name: getattr(row, name) for name in row.__struct_fields__}))


def remove_membership(conn: Connection, person_id: str, place: str) -> None:
    conn.execute(delete(MEMBERSHIPS).where(MEMBERSHIPS.c.person_id == person_id, MEMBERSHIPS.c.place == place))


def memberships_among(conn: Connection, person_ids: Iterable[str]) -> dict[str, list[MembershipRow]]:
    """By person: what they are, in order of place. Who is nothing anywhere is not in it."""
    query = select(MEMBERSHIPS).where(among(conn, MEMBERSHIPS.c.person_id, person_ids)).order_by(MEMBERSHIPS.c.place)
    found: dict[str, list[MembershipRow]] = {}
    for person_id, place, role, source, created in conn.execute(query).all():
        row = MembershipRow(person_id=person_id, place=place, role=role, source=source, created=created)
        found.setdefault(person_id, []).append(row)
    return found


def put_memberships(conn: Connection, rows: Sequence[MembershipRow]) -> None:
    """`put_membership` of many, a few statements for each role in a place."""
    remove_memberships(conn, rows)
    alike: dict[tuple[str, str, str, int], list[str]] = {}
    for row in rows:
        alike.setdefault((row.place, row.role, row.source, row.created), []).append(row.person_id)
    columns = ["person_id", "place", "role", "source", "created"]
    for (place, role, source, created), person_ids in alike.items():
        made = listed(conn, person_ids).add_columns(
            literal(place), literal(role), literal(source), literal(created, BigInteger)
        )
        conn.execute(insert(MEMBERSHIPS).from_select(columns, made))


def remove_memberships(conn: Connection, rows: Iterable[MembershipRow]) -> None:
    alike: dict[str, list[str]] = {}
    for row in rows:
        alike.setdefault(row.place, []).append(row.person_id)
    for place, person_ids in alike.items():
        theirs = among(conn, MEMBERSHIPS.c.person_id, person_ids)
        conn.execute(delete(MEMBERSHIPS).where(MEMBERSHIPS.c.place == place, theirs))


def people_among(conn: Connection, person_ids: Iterable[str]) -> list[PersonRow]:
    query = select(PEOPLE).where(among(conn, PEOPLE.c.id, person_ids)).order_by(PEOPLE.c.id)
    return [_of(PersonRow, row) for row in conn.execute(query)]


def admins(conn: Connection, places: Sequence[str]) -> list[tuple[str, str]]:
    """People of role ``admin`` who can sign in, as (person id, place), in any of these places."""
    query = (
        select(MEMBERSHIPS.c.person_id, MEMBERSHIPS.c.place)
        .join(PEOPLE, PEOPLE.c.id == MEMBERSHIPS.c.person_id)
        .where(
            MEMBERSHIPS.c.place.in_(places),
            MEMBERSHIPS.c.role == "admin",
            PEOPLE.c.kind == "person",
            PEOPLE.c.disabled.is_(None),
        )
    )
    return [(row.person_id, row.place) for row in conn.execute(query)]


# --- roles of an organisation's own ---


def _role(row: Row[Any]) -> RoleRow:
    return RoleRow(
        organisation_id=row.organisation_id,
        name=row.name,
        about=row.about,
        permissions=msgspec.json.decode(row.permissions, type=tuple[str, ...]),
        created=row.created,
        updated=row.updated,
    )


def custom_roles(conn: Connection, organisation_id: str | None = None) -> list[RoleRow]:
    """By name; those of every organisation where none is named."""
    query = select(CUSTOM_ROLES).order_by(CUSTOM_ROLES.c.organisation_id, CUSTOM_ROLES.c.name)
    if organisation_id is not None:
        query = query.where(CUSTOM_ROLES.c.organisation_id == organisation_id)
    return [_role(row) for row in conn.execute(query)]


def custom_role(conn: Connection, organisation_id: str, name: str) -> RoleRow | None:
    query = select(CUSTOM_ROLES).where(CUSTOM_ROLES.c.organisation_id == organisation_id, CUSTOM_ROLES.c.name == name)
    row = conn.execute(query).one_or_none()
    return None if row is None else _role(row)


def put_custom_role(conn: Connection, row: RoleRow) -> None:
    remove_custom_role(conn, row.organisation_id, row.name)
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    conn.execute(insert(CUSTOM_ROLES).values({**values, "permissions": msgspec.json.encode(row.permissions).decode()}))


def remove_custom_role(conn: Connection, organisation_id: str, name: str) -> None:
    named = and_(CUSTOM_ROLES.c.organisation_id == organisation_id, CUSTOM_ROLES.c.name == name)
    conn.execute(delete(CUSTOM_ROLES).where(named))


# --- who a provider says they are ---


def person_of_identity(conn: Connection, issuer: str, subject: str) -> str | None:
    query = select(IDENTITIES.c.person_id).where(IDENTITIES.c.issuer == issuer, IDENTITIES.c.subject == subject)
    return conn.execute(query).scalar_one_or_none()


def has_identity(conn: Connection, person_id: str) -> bool:
    query = select(IDENTITIES.c.subject).where(IDENTITIES.c.person_id == person_id).limit(1)
    return conn.execute(query).first() is not None


def add_identity(conn: Connection, issuer: str, subject: str, person_id: str, provider: str, now: int) -> None:
    conn.execute(
        insert(IDENTITIES).values(issuer=issuer, subject=subject, person_id=person_id, provider=provider, created=now)
    )
