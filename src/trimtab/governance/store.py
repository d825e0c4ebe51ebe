"""The SQL of projects, keys and login tokens. Functions of a connection; times are Unix milliseconds."""

from collections.abc import Iterable
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    update,
)

from trimtab.governance.access import DEFAULT_ORGANISATION, Role
from trimtab.governance.session_store import SESSIONS
from trimtab.storage.listed import among
from trimtab.storage.schema import METADATA

PROJECTS = Table(
    "projects",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("slug", String(64), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("capture_content", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("organisation_id", String(64), nullable=False, server_default=DEFAULT_ORGANISATION),
    Column("audit_reads", String(40), nullable=False, server_default="none"),
    Column("index_texts", Boolean, nullable=False, server_default=true()),
)
KEYS = Table(
    "keys",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=True, index=True),
    Column("name", String(200), nullable=False),
    Column("prefix", String(32), nullable=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("role", String(32), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=True),
    Column("revoked", BigInteger, nullable=True),
    Column("environments", Text, nullable=True),
    Column("owner_id", String(64), nullable=True, index=True),
    Column("permissions", Text, nullable=True),
    Column("projects", Text, nullable=True),
    Column("models", Text, nullable=True),
    Column("replaces", String(64), nullable=True),
    Column("counts_as", String(64), nullable=True),
    Column("aliases", Text, nullable=True),
)
LOGIN_TOKENS = Table(
    "login_tokens",
    METADATA,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("key_id", String(64), ForeignKey("keys.id"), nullable=False),
    Column("expires", BigInteger, nullable=False),
)


class ProjectRow(Struct, frozen=True, kw_only=True):
    id: str
    slug: str
    name: str
    capture_content: bool
    created: int
    organisation_id: str = DEFAULT_ORGANISATION
    audit_reads: str = "none"
    """Which reads of content stand in the audit log: ``none``, ``all``, or those of a data class and above."""


class KeyRow(Struct, frozen=True, kw_only=True):
    """``project_id`` is None for keys of the whole instance. What narrows it, None for no bound: ``environments`` where
    its calls may name an app; ``permissions`` of those of its role; ``projects`` (ids) where it may be used at all;
    ``models`` it may call. ``owner_id`` is the person or service account it belongs to, without whom it is nothing.
    ``replaces`` is the key whose place it took: limits count it as the first of that line (``counts_as``), and it falls
    under those that name any of them, by id or name (``aliases``, the newest first)."""

    id: str
    project_id: str | None
    name: str
    prefix: str
    digest: bytes
    role: Role
    created: int
    expires: int | None = None
    revoked: int | None = None
    environments: tuple[str, ...] | None = None
    owner_id: str | None = None
    permissions: tuple[str, ...] | None = None
    projects: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    replaces: str | None = None
    counts_as: str | None = None
    aliases: tuple[str, ...] | None = None


_LISTS = ("environments", "permissions", "projects", "models", "aliases")


def _project(row: Row[tuple[object, ...]]) -> ProjectRow:
    return ProjectRow(**{name: getattr(row, name) for name in ProjectRow.__struct_fields__})


def _key(row: Row[tuple[object, ...]]) -> KeyRow:
    values: dict[str, Any] = {name: getattr(row, name) for name in KeyRow.__struct_fields__}
    for name in _LISTS:
        if values[name] is not None:
            values[name] = msgspec.json.decode(values[name], type=tuple[str, ...])
    return KeyRow(**values)


# --- projects ---


def projects(conn: Connection, *, after: str = "", limit: int = 1_000_000) -> list[ProjectRow]:
    """In order of slug, from the one after ``after``."""
    found = select(PROJECTS).where(PROJECTS.c.slug > after).order_by(PROJECTS.c.slug).limit(limit)
    return [_project(row) for row in conn.execute(found)]


def project_by_slug(conn: Connection, slug: str) -> ProjectRow | None:
    row = conn.execute(select(PROJECTS).where(PROJECTS.c.slug == slug)).one_or_none()
    return None if row is None else _project(row)


def project_by_id(conn: Connection, project_id: str) -> ProjectRow | None:
    row = conn.execute(select(PROJECTS).where(PROJECTS.c.id == project_id)).one_or_none()
    return None if row is None else _project(row)


def add_project(conn: Connection, project: ProjectRow) -> None:
    conn.execute(
        insert(PROJECTS).values(
            id=project.id,
            slug=project.slug,
            name=project.name,
            capture_content=project.capture_content,
            created=project.created,
            organisation_id=project.organisation_id,
        )
    )


def change_project(
    conn: Connection, project_id: str, *, name: str, capture_content: bool, audit_reads: str = "none"
) -> None:
    values = {"name": name, "capture_content": capture_content, "audit_reads": audit_reads}
    conn.execute(update(PROJECTS).where(PROJECTS.c.id == project_id).values(values))


# --- keys ---


def add_key(conn: Connection, key: KeyRow) -> None:
    values: dict[str, Any] = {name: getattr(key, name) for name in KeyRow.__struct_fields__}
    for name in _LISTS:
        if values[name] is not None:
            values[name] = msgspec.json.encode(values[name]).decode()
    conn.execute(insert(KEYS).values(values))


class KeySearch(Struct, frozen=True, kw_only=True):
    """Which keys are looked for: each word is in its name, begins its secret as far as
    that is visible, or is its id; in this state at ``now``, where
    ``ended`` is expired or revoked, None any; of this owner, None any; and one of these ids,
    where there are some."""

    words: str = ""
    owner: str | None = None
    ids: tuple[str, ...] = ()
    state: Literal["active", "expired", "revoked", "ended"] | None = None
    now: int = 0


ANY_KEY = KeySearch()


def keys(
    conn: Connection,
    project_id: str | None,
    *,
    before: str = "",
    limit: int = 1_000_000,
    sought: KeySearch = ANY_KEY,
) -> list[KeyRow]:
    """One project's keys (None: the instance's own), newest first, older than the key ``before``. Ids are UUIDv7, so
    their order is that of making."""
    found = select(KEYS).where(*_sought(project_id, sought))
    if before:
        found = found.where(KEYS.c.id < before)
    return [_key(row) for row in conn.execute(found.order_by(KEYS.c.id.desc()).limit(limit))]


def count_keys(conn: Connection, project_id: str | None, sought: KeySearch = ANY_KEY) -> int:
    return conn.execute(select(func.count()).select_from(KEYS).where(*_sought(project_id, sought))).scalar_one()


def _sought(project_id: str | None, sought: KeySearch) -> list[ColumnElement[bool]]:
    k = KEYS.c
    found = [k.project_id.is_(None) if project_id is None else k.project_id == project_id]
    if sought.owner is not None:
        found.append(k.owner_id == sought.owner)
    if sought.ids:
        found.append(k.id.in_(sought.ids))
    for word in sought.words.split()[:20]:
        begins = k.prefix.startswith(word, autoescape=True)
        found.append(or_(k.id == word, begins, k.name.icontains(word, autoescape=True)))
    live = or_(k.expires.is_(None), k.expires > sought.now)
    states: dict[str | None, list[ColumnElement[bool]]] = {
        "active": [k.revoked.is_(None), live],
        "expired": [k.revoked.is_(None), not_(live)],
        "revoked": [k.revoked.is_not(None)],
        "ended": [or_(k.revoked.is_not(None), not_(live))],
    }
    return [*found, *states.get(sought.state, [])]


def key_names(conn: Connection, project_id: str) -> list[tuple[str, str, bool]]:
    """Id, name and whether it was revoked, of every key that may have called in a project: its own, then the
    instance's."""
    of = or_(KEYS.c.project_id == project_id, KEYS.c.project_id.is_(None))
    found = select(KEYS.c.id, KEYS.c.name, KEYS.c.revoked).where(of).order_by(KEYS.c.project_id.is_(None), KEYS.c.id)
    return [(row.id, row.name, row.revoked is not None) for row in conn.execute(found)]


def live_keys(conn: Connection) -> list[KeyRow]:
    """Every key that was not revoked, of every project; expired ones too, for time alone ends those."""
    return [_key(row) for row in conn.execute(select(KEYS).where(KEYS.c.revoked.is_(None)))]


def key_by_id(conn: Connection, key_id: str) -> KeyRow | None:
    row = conn.execute(select(KEYS).where(KEYS.c.id == key_id)).one_or_none()
    return None if row is None else _key(row)


def key_by_digest(conn: Connection, digest: bytes) -> KeyRow | None:
    row = conn.execute(select(KEYS).where(KEYS.c.digest == digest)).one_or_none()
    return None if row is None else _key(row)


def revoke(conn: Connection, key_id: str, now: int) -> None:
    """End a key for good, and with it every session and login link made with it."""
    conn.execute(update(KEYS).where(KEYS.c.id == key_id, KEYS.c.revoked.is_(None)).values(revoked=now))
    conn.execute(delete(SESSIONS).where(SESSIONS.c.holder == key_id))
    conn.execute(delete(LOGIN_TOKENS).where(LOGIN_TOKENS.c.key_id == key_id))


def restore(conn: Connection, key_id: str) -> None:
    """Take a revocation back: only for an admin key that the operator sets again."""
    conn.execute(update(KEYS).where(KEYS.c.id == key_id).values(revoked=None))


def revoke_owned(conn: Connection, owner_id: str, now: int, project_id: str | None = None) -> None:
    """End the keys of a person or service account: all, or those of one project."""
    owned = select(KEYS.c.id).where(KEYS.c.owner_id == owner_id, KEYS.c.revoked.is_(None))
    if project_id is not None:
        owned = owned.where(KEYS.c.project_id == project_id)
    for key_id in conn.execute(owned).scalars().all():
        revoke(conn, key_id, now)


def live_keys_of(conn: Connection, owner_ids: Iterable[str]) -> list[tuple[str, str, str | None]]:
    """The keys of some people that were not revoked, as (id, owner, project)."""
    query = select(KEYS.c.id, KEYS.c.owner_id, KEYS.c.project_id)
    found = query.where(KEYS.c.revoked.is_(None), among(conn, KEYS.c.owner_id, owner_ids))
    return [(key_id, owner_id, project_id) for key_id, owner_id, project_id in conn.execute(found)]


# --- login tokens ---


def add_login_token(conn: Connection, digest: bytes, key_id: str, now: int, expires: int) -> None:
    conn.execute(delete(LOGIN_TOKENS).where(LOGIN_TOKENS.c.expires <= now))
    conn.execute(insert(LOGIN_TOKENS).values(digest=digest, key_id=key_id, expires=expires))


def login_token_key(conn: Connection, digest: bytes, now: int) -> str | None:
    """The id of the key that a token which was not used yet was made with."""
    query = select(LOGIN_TOKENS.c.key_id).where(LOGIN_TOKENS.c.digest == digest, LOGIN_TOKENS.c.expires > now)
    return conn.execute(query).scalar_one_or_none()


def spend_login_token(conn: Connection, digest: bytes, now: int) -> str | None:
    """The id of the key it was made with, once: one DELETE, so of two that race only one gets a row back."""
    spent = (
        delete(LOGIN_TOKENS)
        .where(LOGIN_TOKENS.c.digest == digest)
        .returning(LOGIN_TOKENS.c.key_id, LOGIN_TOKENS.c.expires)
    )
    row = conn.execute(spent).one_or_none()
    return row.key_id if row is not None and row.expires > now else None
