"""The SQL of directories: their terms and tokens, the people and groups that providers keep. Times are Unix ms; tokens
rest as digests. Everything is asked for by organisation: nothing here crosses one."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    and_,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from trimtab.governance.people_store import PEOPLE, MembershipRow
from trimtab.storage.listed import among, listed
from trimtab.storage.schema import METADATA

DIRECTORIES: Final = Table(
    "scim_directories",
    METADATA,
    Column("organisation_id", String(64), ForeignKey("organisations.id"), primary_key=True),
    Column("terms", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
TOKENS: Final = Table(
    "scim_tokens",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("organisation_id", String(64), ForeignKey("organisations.id"), nullable=False, index=True),
    Column("name", String(200), nullable=False),
    Column("prefix", String(32), nullable=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=True),
    Column("seen", BigInteger, nullable=True),
)
USERS: Final = Table(
    "scim_users",
    METADATA,
    Column("organisation_id", String(64), ForeignKey("organisations.id"), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.id"), primary_key=True, index=True),
    Column("user_key", String(320), nullable=False),
    Column("external_id", String(320), nullable=True),
    Column("active", Boolean, nullable=False),
    Column("resource", Text, nullable=False),
    Column("held_back", Text, nullable=False),
    Column("switched_off", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Column("removed", BigInteger, nullable=True),
    Index("ix_scim_users_user_key", "organisation_id", "user_key"),
    Index("ix_scim_users_external_id", "organisation_id", "external_id"),
)
GROUPS: Final = Table(
    "scim_groups",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("organisation_id", String(64), ForeignKey("organisations.id"), nullable=False),
    Column("name", String(400), nullable=False),
    Column("name_key", String(400), nullable=False),
    Column("external_id", String(320), nullable=True),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
    Index("ix_scim_groups_name_key", "organisation_id", "name_key"),
)
MEMBERS: Final = Table(
    "scim_members",
    METADATA,
    Column("group_id", String(64), ForeignKey("scim_groups.id"), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.id"), primary_key=True, index=True),
)


class Meaning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who is in ``group`` has ``role``: in the organisation, in the ``project`` of that slug, or (``instance``) on the
    whole server. The group ``*`` is everybody who is active."""

    group: str
    role: str
    project: str | None = None
    instance: bool = False


OnDelete = Literal["deactivate", "remove"]


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``on_delete``: whether DELETE locks somebody out, as who they were, or ends what they are in the organisation.
    ``everywhere``: its people are those of the whole server, whatever else they are. Of ``roles``, the first that fits
    a place counts."""

    label: str = ""
    on_delete: OnDelete = "deactivate"
    everywhere: bool = False
    roles: tuple[Meaning, ...] = ()


class DirectoryRow(Struct, frozen=True, kw_only=True):
    organisation_id: str
    terms: Terms
    created: int
    updated: int


class TokenRow(Struct, frozen=True, kw_only=True):
    id: str
    organisation_id: str
    name: str
    prefix: str
    digest: bytes
    created: int
    expires: int | None = None
    seen: int | None = None

    def __repr__(self) -> str:
        return f"TokenRow({self.id!r})"


class UserRow(Struct, frozen=True, kw_only=True):
    """``user_key`` is the userName in lower case; ``resource`` what the provider says of them; ``held_back`` the
    memberships they had when they were deactivated, where they are something elsewhere; ``switched_off``: they were let
    in nowhere any more by this directory. ``removed`` is when it was deleted."""

    organisation_id: str
    person_id: str
    user_key: str
    external_id: str | None
    active: bool
    resource: dict[str, Any]
    held_back: tuple[MembershipRow, ...] = ()
    switched_off: bool = False
    created: int
    updated: int
    removed: int | None = None


class GroupRow(Struct, frozen=True, kw_only=True):
    id: str
    organisation_id: str
    name: str
    external_id: str | None
    created: int
    updated: int


# --- directories and their tokens ---


def directory(conn: Connection, organisation_id: str) -> DirectoryRow | None:
    row = conn.execute(select(DIRECTORIES).where(DIRECTORIES.c.organisation_id == organisation_id)).one_or_none()
    if row is None:
        return None
    terms = msgspec.json.decode(row.terms, type=Terms)
    return DirectoryRow(organisation_id=row.organisation_id, terms=terms, created=row.created, updated=row.updated)


def put_directory(conn: Connection, row: DirectoryRow) -> None:
    conn.execute(delete(DIRECTORIES).where(DIRECTORIES.c.organisation_id == row.organisation_id))
    values = {name: getattr(row, name) for name in row.__struct_fields__}
    conn.execute(insert(DIRECTORIES).values({**values, "terms": msgspec.json.encode(row.terms).decode()}))


def remove_directory(conn: Connection, organisation_id: str) -> None:
    """With all that was kept by it; people and what they are stay."""
    own = select(GROUPS.c.id).where(GROUPS.c.organisation_id == organisation_id)
    conn.execute(delete(MEMBERS).where(MEMBERS.c.group_id.in_(own)))
    for table in (GROUPS, USERS, TOKENS, DIRECTORIES):
        conn.execute(delete(table).where(table.c.organisation_id == organisation_id))


def _token(row: Any) -> TokenRow:
    return TokenRow(**{name: getattr(row, name) for name in TokenRow.__struct_fields__})


def tokens(conn: Connection, organisation_id: str) -> list[TokenRow]:
    """Newest first."""
    query = select(TOKENS).where(TOKENS.c.organisation_id == organisation_id).order_by(TOKENS.c.id.desc())
    return [_token(row) for row in conn.execute(query)]


def token_by_digest(conn: Connection, digest: bytes) -> TokenRow | None:
    row = conn.execute(select(TOKENS).where(TOKENS.c.digest == digest)).one_or_none()
    return None if row is None else _token(row)


def add_token(conn: Connection, row: TokenRow) -> None:
    conn.execute(insert(TOKENS).values({name: getattr(row, name) for name in row.__struct_fields__}))


def saw_token(conn: Connection, token_id: str, now: int) -> None:
    conn.execute(update(TOKENS).where(TOKENS.c.id == token_id).values(seen=now))


def remove_token(conn: Connection, organisation_id: str, token_id: str) -> bool:
    """Whether there was one."""
    gone = delete(TOKENS).where(TOKENS.c.organisation_id == organisation_id, TOKENS.c.id == token_id)
    return conn.execute(gone).rowcount > 0


# --- people ---


def _user(row: Any) -> UserRow:
    values: dict[str, Any] = {name: getattr(row, name) for name in UserRow.__struct_fields__}
    values["resource"] = msgspec.json.decode(row.resource, type=dict[str, Any])
    values["held_back"] = msgspec.json.decode(row.held_back, type=tuple[MembershipRow, ...])
    return UserRow(**values)


def _live(organisation_id: str) -> Any:
    return and_(USERS.c.organisation_id == organisation_id, USERS.c.removed.is_(None))


def user(conn: Connection, organisation_id: str, person_id: str, *, removed: bool = False) -> UserRow | None:
    """With ``removed``, also one that was deleted."""
    query = select(USERS).where(USERS.c.organisation_id == organisation_id, USERS.c.person_id == person_id)
    row = conn.execute(query if removed else query.where(USERS.c.removed.is_(None))).one_or_none()
    return None if row is None else _user(row)


def user_by_name(conn: Connection, organisation_id: str, user_key: str) -> UserRow | None:
    row = conn.execute(select(USERS).where(_live(organisation_id), USERS.c.user_key == user_key)).first()
    return None if row is None else _user(row)


def removed_user(conn: Connection, organisation_id: str, user_key: str) -> UserRow | None:
    """Who was deleted last under that userName."""
    query = select(USERS).where(
        USERS.c.organisation_id == organisation_id, USERS.c.user_key == user_key, USERS.c.removed.is_not(None)
    )
    row = conn.execute(query.order_by(USERS.c.removed.desc()).limit(1)).first()
    return None if row is None else _user(row)


def kept_elsewhere(conn: Connection, organisation_id: str, person_id: str) -> bool:
    """Whether another organisation's directory keeps the person, too."""
    other = select(USERS.c.person_id).where(
        USERS.c.person_id == person_id, USERS.c.organisation_id != organisation_id, USERS.c.removed.is_(None)
    )
    return conn.execute(other.limit(1)).first() is not None


def kept_in(conn: Connection, person_id: str) -> list[str]:
    """The organisations whose directory keeps somebody."""
    query = select(USERS.c.organisation_id).where(USERS.c.person_id == person_id, USERS.c.removed.is_(None))
    return list(conn.execute(query).scalars())


def addresses(conn: Connection, organisation_id: str) -> list[str]:
    """Of the people it lets in, as they are known here."""
    query = select(PEOPLE.c.email).join(USERS, USERS.c.person_id == PEOPLE.c.id)
    found = query.where(_live(organisation_id), USERS.c.active, PEOPLE.c.email.is_not(None))
    return list(conn.execute(found).scalars().all())


class Narrowed(Struct, frozen=True, kw_only=True):
    """What an index can say of a filter: only those may fit. ``member`` is somebody who is in a group; ``after`` the id
    of the last group of a page."""

    key: str | None = None
    external_id: str | None = None
    id: str | None = None
    member: str | None = None
    after: str = ""


def _users_like(organisation_id: str, narrowed: Narrowed) -> Any:
    condition = _live(organisation_id)
    if narrowed.key is not None:
        condition = and_(condition, USERS.c.user_key == narrowed.key.lower())
    if narrowed.external_id is not None:
        condition = and_(condition, USERS.c.external_id == narrowed.external_id)
    if narrowed.id is not None:
        condition = and_(condition, USERS.c.person_id == narrowed.id)
    return condition


def users(
    conn: Connection, organisation_id: str, narrowed: Narrowed, *, skip: int = 0, limit: int | None = None
) -> list[UserRow]:
    """In order of id, which is that of making."""
    query = select(USERS).where(_users_like(organisation_id, narrowed)).order_by(USERS.c.person_id).offset(skip)
    return [_user(row) for row in conn.execute(query if limit is None else query.limit(limit))]


def count_users(conn: Connection, organisation_id: str) -> int:
    return conn.execute(select(func.count()).select_from(USERS).where(_live(organisation_id))).scalar_one()


def active_users(conn: Connection, organisation_id: str, person_ids: Sequence[str] | None = None) -> list[str]:
    """The ids of those who are let in, in order: all, or those among some."""
    query = select(USERS.c.person_id).where(_live(organisation_id), USERS.c.active).order_by(USERS.c.person_id)
    if person_ids is not None:
        query = query.where(among(conn, USERS.c.person_id, person_ids))
    return list(conn.execute(query).scalars().all())


def count_active(conn: Connection, organisation_id: str) -> int:
    query = select(func.count()).select_from(USERS).where(_live(organisation_id), USERS.c.active)
    return conn.execute(query).scalar_one()


def put_user(conn: Connection, row: UserRow) -> None:
    conn.execute(
        delete(USERS).where(USERS.c.organisation_id == row.organisation_id, USERS.c.person_id == row.person_id)
    )
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    values["resource"] = msgspec.json.encode(row.resource).decode()
    values["held_back"] = msgspec.json.encode(row.held_back).decode()
    conn.execute(insert(USERS).values(values))


def deactivated_in(conn: Connection, person_id: str) -> set[str]:
    """The organisations whose directory does not let somebody in."""
    query = select(USERS.c.organisation_id).where(USERS.c.person_id == person_id, USERS.c.active.is_(False))
    return set(conn.execute(query).scalars().all())


def disabled(conn: Connection, person_ids: Sequence[str]) -> set[str]:
    """Those of them who are let in nowhere."""
    query = select(PEOPLE.c.id).where(among(conn, PEOPLE.c.id, person_ids), PEOPLE.c.disabled.is_not(None))
    return set(conn.execute(query).scalars().all())


# --- groups ---


def _group(row: Any) -> GroupRow:
    return GroupRow(**{name: getattr(row, name) for name in GroupRow.__struct_fields__})


def group(conn: Connection, organisation_id: str, group_id: str) -> GroupRow | None:
    query = select(GROUPS).where(GROUPS.c.organisation_id == organisation_id, GROUPS.c.id == group_id)
    row = conn.execute(query).one_or_none()
    return None if row is None else _group(row)


def group_by_name(conn: Connection, organisation_id: str, name: str) -> GroupRow | None:
    query = select(GROUPS).where(GROUPS.c.organisation_id == organisation_id, GROUPS.c.name_key == name.lower())
    row = conn.execute(query).first()
    return None if row is None else _group(row)


def groups(
    conn: Connection,
    organisation_id: str,
    narrowed: Narrowed,
    *,
    skip: int = 0,
    limit: int | None = None,
) -> list[GroupRow]:
    """In order of id."""
    mine = select(GROUPS).where(GROUPS.c.organisation_id == organisation_id, GROUPS.c.id > narrowed.after)
    query = mine.order_by(GROUPS.c.id).offset(skip)
    if narrowed.key is not None:
        query = query.where(GROUPS.c.name_key == narrowed.key.lower())
    if narrowed.external_id is not None:
        query = query.where(GROUPS.c.external_id == narrowed.external_id)
    if narrowed.id is not None:
        query = query.where(GROUPS.c.id == narrowed.id)
    if narrowed.member is not None:
        within = select(MEMBERS.c.group_id).where(MEMBERS.c.person_id == narrowed.member)
        query = query.where(GROUPS.c.id.in_(within))
    return [_group(row) for row in conn.execute(query if limit is None else query.limit(limit))]


def count_groups(conn: Connection, organisation_id: str) -> int:
    query = select(func.count()).select_from(GROUPS).where(GROUPS.c.organisation_id == organisation_id)
    return conn.execute(query).scalar_one()


def put_group(conn: Connection, row: GroupRow, *, new: bool) -> None:
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    values["name_key"] = row.name.lower()
    if new:
        conn.execute(insert(GROUPS).values(values))
    else:
        conn.execute(update(GROUPS).where(GROUPS.c.id == row.id).values(values))


def remove_group(conn: Connection, group_id: str) -> None:
    conn.execute(delete(MEMBERS).where(MEMBERS.c.group_id == group_id))
    conn.execute(delete(GROUPS).where(GROUPS.c.id == group_id))


def members_of(conn: Connection, group_id: str) -> list[str]:
    """The ids of who is in it, in order."""
    query = select(MEMBERS.c.person_id).where(MEMBERS.c.group_id == group_id).order_by(MEMBERS.c.person_id)
    return list(conn.execute(query).scalars().all())


def count_members(conn: Connection, group_ids: Sequence[str]) -> dict[str, int]:
    """By group: how many are in it."""
    query = select(MEMBERS.c.group_id, func.count()).where(among(conn, MEMBERS.c.group_id, group_ids))
    counted: dict[str, int] = {row[0]: row[1] for row in conn.execute(query.group_by(MEMBERS.c.group_id))}
    return {each: counted.get(each, 0) for each in group_ids}


def change_members(conn: Connection, group_id: str, added: Sequence[str], gone: Sequence[str]) -> None:
    if gone:
        conn.execute(delete(MEMBERS).where(MEMBERS.c.group_id == group_id, among(conn, MEMBERS.c.person_id, gone)))
    if added:
        rows = listed(conn, added).add_columns(literal(group_id))
        conn.execute(insert(MEMBERS).from_select(["person_id", "group_id"], rows))


def leave_groups(conn: Connection, organisation_id: str, person_id: str, now: int) -> None:
    """All groups of the organisation; they are others since."""
    own = select(GROUPS.c.id).where(GROUPS.c.organisation_id == organisation_id)
    theirs = select(MEMBERS.c.group_id).where(MEMBERS.c.person_id == person_id)
    changed = update(GROUPS).where(GROUPS.c.organisation_id == organisation_id, GROUPS.c.id.in_(theirs))
    conn.execute(changed.values(updated=case((GROUPS.c.updated >= now, GROUPS.c.updated + 1), else_=now)))
    conn.execute(delete(MEMBERS).where(MEMBERS.c.person_id == person_id, MEMBERS.c.group_id.in_(own)))


def known(conn: Connection, organisation_id: str, person_ids: Sequence[str]) -> set[str]:
    """Those of them whom this directory keeps."""
    query = select(USERS.c.person_id).where(_live(organisation_id), among(conn, USERS.c.person_id, person_ids))
    return set(conn.execute(query).scalars().all())


def group_ids_of(conn: Connection, organisation_id: str, person_ids: Sequence[str] | None) -> dict[str, list[str]]:
    """By person: the ids of the groups they are in, in order; of everybody with None."""
    query = (
        select(MEMBERS.c.person_id, MEMBERS.c.group_id)
        .join(GROUPS, MEMBERS.c.group_id == GROUPS.c.id)
        .where(GROUPS.c.organisation_id == organisation_id)
        .order_by(MEMBERS.c.group_id)
    )
    if person_ids is not None:
        query = query.where(among(conn, MEMBERS.c.person_id, person_ids))
    found: dict[str, list[str]] = {}
    for person_id, group_id in conn.execute(query).all():
        found.setdefault(person_id, []).append(group_id)
    return found


def groups_by_id(conn: Connection, group_ids: Iterable[str]) -> dict[str, GroupRow]:
    query = select(GROUPS).where(among(conn, GROUPS.c.id, group_ids))
    return {row.id: _group(row) for row in conn.execute(query)}


def groups_of(conn: Connection, organisation_id: str, person_ids: Sequence[str] | None) -> dict[str, list[GroupRow]]:
    """By person: the groups they are in, in order of id; of everybody with None."""
    ids = group_ids_of(conn, organisation_id, person_ids)
    rows = groups_by_id(conn, {each for theirs in ids.values() for each in theirs})
    return {person_id: [rows[each] for each in theirs] for person_id, theirs in ids.items()}
