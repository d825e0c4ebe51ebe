"""The SQL of sessions. Functions of a connection; times are Unix milliseconds; secrets are digests."""

from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, LargeBinary, String, Table, delete, insert, or_, select, update

from trimtab.storage.schema import METADATA

Kind = Literal["browser", "cli"]

SESSIONS: Final = Table(
    "sessions",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("former", LargeBinary(32), nullable=True, index=True),
    Column("holder", String(64), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("method", String(80), nullable=False),
    Column("agent", String(200), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
    Column("rotated", BigInteger, nullable=False),
    Column("confirmed", BigInteger, nullable=True),
    Column("expires", BigInteger, nullable=False),
    Column("idle_ms", BigInteger, nullable=False),
)


class SessionRow(Struct, frozen=True, kw_only=True):
    """``holder`` is the id of the key or of the person it stands for; ``method`` how they came in. ``digest`` is of the
    secret in force since ``rotated``, ``former`` of the one before; ``confirmed`` is when the one in force first came
    back. It ends at ``expires``, and once nothing was ``seen`` of it for ``idle_ms``."""

    id: str
    digest: bytes
    former: bytes | None
    holder: str
    kind: Kind
    method: str
    agent: str
    created: int
    seen: int
    rotated: int
    confirmed: int | None
    expires: int
    idle_ms: int

    def __repr__(self) -> str:
        return f"SessionRow({self.id!r})"


def _row(row: Any) -> SessionRow:
    return SessionRow(**{name: getattr(row, name) for name in SessionRow.__struct_fields__})


def add(conn: Connection, session: SessionRow) -> None:
    """Also clears away what has ended: sessions are few and made seldom."""
    now = session.created
    conn.execute(delete(SESSIONS).where(or_(SESSIONS.c.expires <= now, SESSIONS.c.seen + SESSIONS.c.idle_ms <= now)))
    conn.execute(insert(SESSIONS).values({name: getattr(session, name) for name in session.__struct_fields__}))


def by_secret(conn: Connection, digest: bytes) -> SessionRow | None:
    """The session whose secret in force, or whose former one, has this digest."""
    query = select(SESSIONS).where(or_(SESSIONS.c.digest == digest, SESSIONS.c.former == digest))
    row = conn.execute(query).first()
    return None if row is None else _row(row)


def by_id(conn: Connection, session_id: str) -> SessionRow | None:
    row = conn.execute(select(SESSIONS).where(SESSIONS.c.id == session_id)).one_or_none()
    return None if row is None else _row(row)


def of_holder(conn: Connection, holder: str) -> list[SessionRow]:
    """Newest first; ended ones may be among them."""
    query = select(SESSIONS).where(SESSIONS.c.holder == holder).order_by(SESSIONS.c.id.desc())
    return [_row(row) for row in conn.execute(query)]


def change(conn: Connection, session_id: str, **values: Any) -> None:
    conn.execute(update(SESSIONS).where(SESSIONS.c.id == session_id).values(**values))


def end(conn: Connection, session_id: str) -> None:
    conn.execute(delete(SESSIONS).where(SESSIONS.c.id == session_id))


def end_all_by(conn: Connection, method: str) -> int:
    """Those that began in one way, such as ``oidc:<provider>``; how many ended."""
    return conn.execute(delete(SESSIONS).where(SESSIONS.c.method == method)).rowcount


def end_all_of(conn: Connection, holder: str, besides: str = "") -> int:
    """How many ended; ``besides`` is the id of one that goes on."""
    ended = conn.execute(delete(SESSIONS).where(SESSIONS.c.holder == holder, SESSIONS.c.id != besides))
    return ended.rowcount
