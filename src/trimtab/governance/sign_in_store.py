"""The SQL of signing in: identity providers, sign-ins under way, grants for the command line, second factors. Times are
Unix milliseconds; what proves something rests as a digest or sealed."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from trimtab.storage.schema import METADATA

IDENTITY_PROVIDERS: Final = Table(
    "identity_providers",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("issuer", String(400), nullable=False),
    Column("client_id", String(400), nullable=False),
    Column("sealed", Text, nullable=True),
    Column("terms", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
SIGN_INS: Final = Table(
    "sign_ins",
    METADATA,
    Column("state", LargeBinary(32), primary_key=True),
    Column("browser", LargeBinary(32), nullable=False),
    Column("provider", String(64), nullable=False),
    Column("next", String(2000), nullable=False),
    Column("port", Integer, nullable=True),
    Column("challenge", String(64), nullable=True),
    Column("expires", BigInteger, nullable=False, index=True),
)
CLI_GRANTS: Final = Table(
    "cli_grants",
    METADATA,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("person_id", String(64), ForeignKey("people.id"), nullable=False),
    Column("challenge", String(64), nullable=False),
    Column("method", String(80), nullable=False),
    Column("expires", BigInteger, nullable=False),
)
SECOND_FACTORS: Final = Table(
    "second_factors",
    METADATA,
    Column("holder", String(64), primary_key=True),
    Column("sealed", Text, nullable=False),
    Column("confirmed", BigInteger, nullable=True),
    Column("last_step", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
    Column("recovery", Text, nullable=False),
)


class GroupRole(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Members of a provider's ``group`` get ``role``: in the project or in the organisation of that slug; with neither,
    on the whole instance. The group ``*`` is everybody who may sign in."""

    group: str
    role: str
    organisation: str | None = None
    project: str | None = None


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How people of a provider are let in. ``domains``: the e-mail domains that may (empty: all); ``groups_claim`` is
    where their groups stand; ``roles`` what those mean here, the first that fits a place counting; ``invited_only``:
    nobody becomes known here by signing in alone; ``trust_email``: the provider says nothing of whether it has checked
    an address, and its addresses are to be believed all the same."""

    label: str = ""
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    domains: tuple[str, ...] = ()
    groups_claim: str = "groups"
    roles: tuple[GroupRole, ...] = ()
    invited_only: bool = False
    trust_email: bool = False


class ProviderRow(Struct, frozen=True, kw_only=True):
    """``sealed`` holds the client's secret; None for a public client."""

    name: str
    issuer: str
    client_id: str
    sealed: str | None
    terms: Terms
    enabled: bool
    created: int
    updated: int

    def __repr__(self) -> str:
        return f"ProviderRow({self.name!r})"


class SignIn(Struct, frozen=True, kw_only=True):
    """A sign-in that was begun. ``next`` is where the console goes on; ``port`` and ``challenge`` are those of a
    command line that waits for it."""

    provider: str
    browser: bytes
    next: str
    port: int | None
    challenge: str | None
    expires: int


class CliGrant(Struct, frozen=True, kw_only=True):
    person_id: str
    challenge: str
    method: str
    expires: int


class FactorRow(Struct, frozen=True, kw_only=True):
    """``confirmed`` is None until a first code proved that the secret arrived; ``last_step`` the last time step whose
    code was taken; ``recovery`` the digests (hex) of codes that still work."""

    holder: str
    sealed: str
    confirmed: int | None
    last_step: int
    failures: int
    locked_until: int
    recovery: tuple[str, ...]

    def __repr__(self) -> str:
        return f"FactorRow({self.holder!r})"


# --- identity providers ---


def _provider(row: Any) -> ProviderRow:
    values: dict[str, Any] = {name: getattr(row, name) for name in ProviderRow.__struct_fields__}
    values["terms"] = msgspec.json.decode(row.terms, type=Terms)
    return ProviderRow(**values)


def providers(conn: Connection) -> list[ProviderRow]:
    """In order of name."""
    return [_provider(row) for row in conn.execute(select(IDENTITY_PROVIDERS).order_by(IDENTITY_PROVIDERS.c.name))]


def provider(conn: Connection, name: str) -> ProviderRow | None:
    row = conn.execute(select(IDENTITY_PROVIDERS).where(IDENTITY_PROVIDERS.c.name == name)).one_or_none()
    return None if row is None else _provider(row)


def put_provider(conn: Connection, row: ProviderRow) -> None:
    remove_provider(conn, row.name)
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    conn.execute(insert(IDENTITY_PROVIDERS).values({**values, "terms": msgspec.json.encode(row.terms).decode()}))


def remove_provider(conn: Connection, name: str) -> None:
    conn.execute(delete(IDENTITY_PROVIDERS).where(IDENTITY_PROVIDERS.c.name == name))


# --- sign-ins under way ---


def add_sign_in(conn: Connection, state: bytes, sign_in: SignIn, now: int) -> None:
    """Also clears away those that came to nothing."""
    conn.execute(delete(SIGN_INS).where(SIGN_INS.c.expires <= now))
    values: dict[str, Any] = {name: getattr(sign_in, name) for name in sign_in.__struct_fields__}
    conn.execute(insert(SIGN_INS).values({**values, "state": state}))


def sign_ins_under_way(conn: Connection, now: int) -> int:
    return conn.execute(select(func.count()).select_from(SIGN_INS).where(SIGN_INS.c.expires > now)).scalar_one()


def spend_sign_in(conn: Connection, state: bytes) -> SignIn | None:
    """Once: of two that race only one gets it."""
    row = conn.execute(delete(SIGN_INS).where(SIGN_INS.c.state == state).returning(*SIGN_INS.c)).one_or_none()
    return None if row is None else SignIn(**{name: getattr(row, name) for name in SignIn.__struct_fields__})


# --- grants for the command line ---


def add_grant(conn: Connection, digest: bytes, grant: CliGrant, now: int) -> None:
    conn.execute(delete(CLI_GRANTS).where(CLI_GRANTS.c.expires <= now))
    values: dict[str, Any] = {name: getattr(grant, name) for name in grant.__struct_fields__}
    conn.execute(insert(CLI_GRANTS).values({**values, "digest": digest}))


def grant_of(conn: Connection, digest: bytes) -> CliGrant | None:
    row = conn.execute(select(CLI_GRANTS).where(CLI_GRANTS.c.digest == digest)).one_or_none()
    return None if row is None else CliGrant(**{name: getattr(row, name) for name in CliGrant.__struct_fields__})


def spend_grant(conn: Connection, digest: bytes) -> CliGrant | None:
    """Once, as a sign-in."""
    row = conn.execute(delete(CLI_GRANTS).where(CLI_GRANTS.c.digest == digest).returning(*CLI_GRANTS.c)).one_or_none()
    return None if row is None else CliGrant(**{name: getattr(row, name) for name in CliGrant.__struct_fields__})


def end_grants(conn: Connection, method: str) -> None:
    conn.execute(delete(CLI_GRANTS).where(CLI_GRANTS.c.method == method))


# --- second factors ---


def factor(conn: Connection, holder: str) -> FactorRow | None:
    query = select(SECOND_FACTORS).where(SECOND_FACTORS.c.holder == holder).with_for_update()
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    values: dict[str, Any] = {name: getattr(row, name) for name in FactorRow.__struct_fields__}
    values["recovery"] = msgspec.json.decode(row.recovery, type=tuple[str, ...])
    return FactorRow(**values)


def put_factor(conn: Connection, row: FactorRow) -> None:
    remove_factor(conn, row.holder)
    values: dict[str, Any] = {name: getattr(row, name) for name in row.__struct_fields__}
    conn.execute(insert(SECOND_FACTORS).values({**values, "recovery": msgspec.json.encode(row.recovery).decode()}))


def change_factor(conn: Connection, holder: str, **values: Any) -> None:
    if "recovery" in values:
        values["recovery"] = msgspec.json.encode(values["recovery"]).decode()
    conn.execute(update(SECOND_FACTORS).where(SECOND_FACTORS.c.holder == holder).values(**values))


def remove_factor(conn: Connection, holder: str) -> None:
    conn.execute(delete(SECOND_FACTORS).where(SECOND_FACTORS.c.holder == holder))
