"""The SQL of saved views and dashboards: functions of a connection; times are Unix milliseconds.

Each is of one project and one owner, the key that made it. What is not shared exists for its owner alone. Names are
told apart among what is shared, and among what one owner has for itself.
"""

from typing import Final, Literal

import msgspec
from msgspec import Struct, structs
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from trimtab.core.errors import Conflict, NotFound
from trimtab.storage.revision import exclusive
from trimtab.storage.schema import METADATA

BOARDS = Table(
    "boards",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("shared", Boolean, nullable=False),
    Column("body", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
MAX_KEPT: Final = 1_000
"""Of each kind, per project: so that a list of them stays one read."""
_LOCK: Final = 0x626F_6172

Kind = Literal["view", "dashboard"]
_WHAT: Final[dict[Kind, str]] = {"view": "saved view", "dashboard": "dashboard"}


class BoardRow(Struct, frozen=True, kw_only=True):
    """``body`` is a `boards.ViewBody` or `boards.DashboardBody` as JSON. ``version`` counts its changes, from 1."""

    project_id: str
    kind: Kind
    id: str
    owner: str
    name: str
    shared: bool
    body: str
    version: int = 1
    created: int
    updated: int


def _row(row: Row[tuple[object, ...]]) -> BoardRow:
    return msgspec.convert({name: getattr(row, name) for name in BoardRow.__struct_fields__}, BoardRow)


def boards(conn: Connection, project_id: str, kind: Kind, owner: str) -> list[BoardRow]:
    """What ``owner`` sees: its own and what is shared, in order of name."""
    found = (
        select(BOARDS)
        .where(BOARDS.c.project_id == project_id, BOARDS.c.kind == kind)
        .where(or_(BOARDS.c.shared, BOARDS.c.owner == owner))
    )
    rows = [_row(row) for row in conn.execute(found)]
    return sorted(rows, key=lambda row: (row.name.casefold(), row.id))


def board(conn: Connection, project_id: str, kind: Kind, owner: str, id_: str) -> BoardRow:
    """Raises `NotFound`, also for what another has for itself."""
    row = next((row for row in boards(conn, project_id, kind, owner) if row.id == id_), None)
    if row is None:
        raise NotFound(
            f"There is no {_WHAT[kind]} {id_[:64]!r} in this project.",
            fix="Take the id from the list; what others keep for themselves is not in it.",
        )
    return row


def is_there(conn: Connection, row: BoardRow) -> bool:
    """Whosever it is."""
    return conn.execute(select(BOARDS.c.id).where(_is(row))).first() is not None


def add(conn: Connection, row: BoardRow) -> None:
    """Raises `Conflict` where the name is taken."""
    exclusive(conn, _LOCK)
    _check_name(conn, row)
    counted = select(func.count()).where(BOARDS.c.project_id == row.project_id, BOARDS.c.kind == row.kind)
    if conn.execute(counted).scalar_one() >= MAX_KEPT:
        raise Conflict(f"A project keeps at most {MAX_KEPT} {_WHAT[row.kind]}s.", fix="Remove some that nobody uses.")
    conn.execute(insert(BOARDS).values(**structs.asdict(row)))


def change(conn: Connection, row: BoardRow, expected: int | None) -> BoardRow:
    """Replace name, body and sharing; ``expected`` is the version that was changed, None for whatever it is now.

    Raises `NotFound`, and `Conflict` where somebody else changed it meanwhile or the name is taken.
    """
    exclusive(conn, _LOCK)
    old = board(conn, row.project_id, row.kind, row.owner, row.id)
    if expected is not None and expected != old.version:
        raise Conflict(
            f"The {_WHAT[row.kind]} {old.name!r} was changed meanwhile: it is at version {old.version}.",
            fix="Read it again, and make the change there.",
            param="version",
        )
    if old.owner != row.owner and not row.shared:
        raise Conflict(
            f"The {_WHAT[row.kind]} {old.name!r} is another's: only its owner can take it out of the project.",
            fix="Make a copy for yourself.",
            param="shared",
        )
    new = structs.replace(row, owner=old.owner, version=old.version + 1, created=old.created)
    _check_name(conn, new)
    conn.execute(update(BOARDS).where(_is(new)).values(**structs.asdict(new)))
    return new


def remove(conn: Connection, project_id: str, kind: Kind, owner: str, id_: str) -> None:
    found = board(conn, project_id, kind, owner, id_)
    conn.execute(delete(BOARDS).where(_is(found)))


def _is(row: BoardRow) -> ColumnElement[bool]:
    return and_(BOARDS.c.project_id == row.project_id, BOARDS.c.kind == row.kind, BOARDS.c.id == row.id)


def _check_name(conn: Connection, row: BoardRow) -> None:
    among = BOARDS.c.shared if row.shared else (BOARDS.c.owner == row.owner) & ~BOARDS.c.shared
    found = select(BOARDS.c.id).where(
        BOARDS.c.project_id == row.project_id, BOARDS.c.kind == row.kind, BOARDS.c.name == row.name, among
    )
    if any(other != row.id for other in conn.execute(found).scalars()):
        raise Conflict(
            f"There is already a {_WHAT[row.kind]} {row.name!r}.", fix="Change it, or take another name.", param="name"
        )
