"""The SQL of access policies: named sets of a project, or of an organisation and so of all its projects, in versions.

``scope`` is a project's id or an organisation's. A version never changes; which of them is in force does (`switch`),
and none may be: so a set is written and tried before it decides anything, and an older one is back in one step.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, Integer, Row, String, Table, Text, and_, delete, insert, select
from sqlalchemy import update as change

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.governance import policy_examples, policy_text
from trimtab.governance.data_classes import STANDARD_ORDER
from trimtab.governance.policy_eval import Otherwise, PolicySet, check_name
from trimtab.governance.policy_examples import PolicyExample
from trimtab.governance.projects import REVISION
from trimtab.storage.revision import bump
from trimtab.storage.schema import METADATA

MOST_SETS: Final = 32
"""Of one scope: each is asked for itself when a decision is not remembered."""
LONGEST_NOTE: Final = 2_000
Scope = Literal["project", "organisation"]

SETS = Table(
    "access_policies",
    METADATA,
    Column("scope", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("in_force", Integer, nullable=True),
    Column("newest", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
VERSIONS = Table(
    "access_policy_versions",
    METADATA,
    Column("scope", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("otherwise", String(8), nullable=False),
    Column("tests", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("hash", String(80), nullable=False),
    Column("author", String(200), nullable=False),
    Column("created", BigInteger, nullable=False),
)


class Draft(Struct, frozen=True, kw_only=True):
    """What a version is made of. ``otherwise`` is the answer where none of its policies fits."""

    text: str
    otherwise: Otherwise = "allow"
    tests: tuple[PolicyExample, ...] = ()
    note: str = ""


class SetRow(Struct, frozen=True, kw_only=True):
    """``in_force`` is the number of the version that decides; None: the set is off. Times are Unix ms."""

    scope: str
    name: str
    in_force: int | None
    newest: int
    created: int
    updated: int


class VersionRow(Struct, frozen=True, kw_only=True):
    scope: str
    name: str
    number: int
    text: str
    otherwise: Otherwise
    tests: tuple[PolicyExample, ...]
    note: str
    hash: str
    author: str
    created: int


class InForce(Struct, frozen=True, kw_only=True):
    """What a snapshot carries of a set."""

    scope: str
    name: str
    number: int
    text: str
    otherwise: Otherwise


def hash_of(draft: Draft) -> str:
    """The same for the same policies and tests, whatever the note says."""
    whole = msgspec.json.encode((draft.text, draft.otherwise, draft.tests))
    return f"sha256:{hashlib.sha256(whole).hexdigest()}"


def check(name: str, draft: Draft, order: Sequence[str] = STANDARD_ORDER) -> None:
    """Raises `InvalidRequest` for a text that cannot be read or does not fit the schema, and for tests that fail."""
    check_name(name)
    if len(draft.note) > LONGEST_NOTE:
        raise InvalidRequest("The note is too long.", fix=f"Keep it to {LONGEST_NOTE} characters.", param="note")
    policy_text.check(draft.text)
    policy_examples.check(PolicySet(name=name, text=draft.text, otherwise=draft.otherwise), draft.tests, order)


def sets(conn: Connection, scopes: Sequence[str]) -> list[SetRow]:
    """Of those scopes, in order of name."""
    found = select(SETS).where(SETS.c.scope.in_(scopes)).order_by(SETS.c.name, SETS.c.scope)
    return [SetRow(**row) for row in conn.execute(found).mappings()]


def one(conn: Connection, scope: str, name: str) -> SetRow:
    """Raises `NotFound`."""
    row = conn.execute(select(SETS).where(SETS.c.scope == scope, SETS.c.name == name)).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There are no policies {name[:80]!r} here.", fix="List them: trimtab policies list.")
    return SetRow(**row)


def versions(conn: Connection, scope: str, name: str) -> list[VersionRow]:
    """The newest first."""
    at = (VERSIONS.c.scope == scope, VERSIONS.c.name == name)
    return [_version(row) for row in conn.execute(select(VERSIONS).where(*at).order_by(VERSIONS.c.number.desc()))]


def version(conn: Connection, scope: str, name: str, number: int) -> VersionRow:
    """Raises `NotFound`."""
    at = (VERSIONS.c.scope == scope, VERSIONS.c.name == name, VERSIONS.c.number == number)
    row = conn.execute(select(VERSIONS).where(*at)).one_or_none()
    if row is None:
        newest = one(conn, scope, name).newest
        raise NotFound(f"{name!r} has no version {number}.", fix=f"It has 1 to {newest}.")
    return _version(row)


def _version(row: Row[tuple[object, ...]]) -> VersionRow:
    values: dict[str, Any] = {name: getattr(row, name) for name in VersionRow.__struct_fields__}
    values["tests"] = msgspec.json.decode(row.tests, type=tuple[PolicyExample, ...])
    return VersionRow(**values)


class Put(Struct, frozen=True, kw_only=True):
    """A new version to write. ``on`` puts it in force; otherwise what was in force stays. ``order`` is the project's
    list of data classes; ``now`` is Unix ms."""

    scope: str
    name: str
    draft: Draft
    author: str
    on: bool = True
    order: tuple[str, ...] = STANDARD_ORDER
    now: int = 0


def put(conn: Connection, asked: Put) -> SetRow:
    """Write a version, where it differs from the newest one. Raises `InvalidRequest`."""
    check(asked.name, asked.draft, asked.order)
    bump(conn, REVISION)
    at = and_(SETS.c.scope == asked.scope, SETS.c.name == asked.name)
    row = conn.execute(select(SETS).where(at)).mappings().one_or_none()
    if row is None:
        if len(sets(conn, [asked.scope])) >= MOST_SETS:
            raise InvalidRequest(f"There may be {MOST_SETS} sets.", fix="Put policies together.", param="name")
        number = 1
        values = {"scope": asked.scope, "name": asked.name, "in_force": None, "newest": 0}
        conn.execute(insert(SETS).values(**values, created=asked.now, updated=asked.now))
        in_force = None
    else:
        number, in_force = int(row["newest"]) + 1, row["in_force"]
    digest = hash_of(asked.draft)
    if number == 1 or version(conn, asked.scope, asked.name, number - 1).hash != digest:
        _write(conn, asked, number, digest)
    else:
        number -= 1
    now_in_force = number if asked.on else in_force
    conn.execute(change(SETS).where(at).values(in_force=now_in_force, newest=number, updated=asked.now))
    return one(conn, asked.scope, asked.name)


def _write(conn: Connection, asked: Put, number: int, digest: str) -> None:
    draft = asked.draft
    conn.execute(
        insert(VERSIONS).values(
            scope=asked.scope,
            name=asked.name,
            number=number,
            text=draft.text,
            otherwise=draft.otherwise,
            tests=msgspec.json.encode(draft.tests).decode(),
            note=draft.note,
            hash=digest,
            author=asked.author,
            created=asked.now,
        )
    )


def switch(conn: Connection, scope: str, name: str, number: int | None, now: int) -> SetRow:
    """Put a version in force, or none. What was written under an older schema is checked again. Raises `NotFound`,
    `InvalidRequest`."""
    bump(conn, REVISION)
    one(conn, scope, name)
    if number is not None:
        policy_text.check(version(conn, scope, name, number).text)
    at = (SETS.c.scope == scope, SETS.c.name == name)
    conn.execute(change(SETS).where(*at).values(in_force=number, updated=now))
    return one(conn, scope, name)


def remove(conn: Connection, scope: str, name: str) -> None:
    """With all its versions. Raises `NotFound`."""
    bump(conn, REVISION)
    one(conn, scope, name)
    conn.execute(delete(VERSIONS).where(VERSIONS.c.scope == scope, VERSIONS.c.name == name))
    conn.execute(delete(SETS).where(SETS.c.scope == scope, SETS.c.name == name))


def in_force(conn: Connection) -> list[InForce]:
    """Of every scope, in order."""
    joined = SETS.join(
        VERSIONS,
        and_(VERSIONS.c.scope == SETS.c.scope, VERSIONS.c.name == SETS.c.name, VERSIONS.c.number == SETS.c.in_force),
    )
    columns = [VERSIONS.c[name] for name in InForce.__struct_fields__]
    found = select(*columns).select_from(joined).order_by(SETS.c.scope, SETS.c.name)
    return [InForce(**row) for row in conn.execute(found).mappings()]
