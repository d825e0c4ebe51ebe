"""Sealing of what lay in the catalog before a project was encrypted: which projects it goes on for, and one step of it.

What is new is sealed as it is written (`storage/content.py`). To switch encryption on asks for the rest: rows of every
table with a column of content, a few at a time, each looked at and written in one transaction. What is sealed already
is passed over, so a step that is taken twice, or by two processes, does the same as one; after a crash it begins again
with the first row that is not.
"""

from typing import Any, Final, Literal

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    LargeBinary,
    String,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from trimtab.storage.content import HEAD, PREFIX, Content, Of, Place, Seals, places, raw
from trimtab.storage.schema import METADATA

State = Literal["running", "done"]
AT_ONCE: Final = 100
"""Rows that are sealed in one transaction: calls' own writes wait for it."""
FEW: Final = 10
"""The same where a row may have some megabytes."""

SEALINGS: Final = Table(
    "content_sealings",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("state", String(12), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("ended", BigInteger, nullable=True),
)
S = SEALINGS.c


class Sealing(Struct, frozen=True, kw_only=True):
    """``rows`` were sealed so far. Times are Unix ms."""

    project_id: str
    state: State
    rows: int
    asked: int
    ended: int | None = None


class Reached(Struct, frozen=True):
    """The last row that was looked at: of which of `places`, and its primary key; None before its first."""

    place: int = 0
    key: tuple[Any, ...] | None = None


def ask(conn: Connection, project_id: str, now: int) -> None:
    """Seal what is there; anew where that was done before."""
    cancel(conn, project_id)
    conn.execute(insert(SEALINGS).values(project_id=project_id, state="running", rows=0, asked=now, ended=None))


def cancel(conn: Connection, project_id: str) -> None:
    """Nothing more is to be sealed; what is stays so."""
    conn.execute(delete(SEALINGS).where(S.project_id == project_id))


def of_project(conn: Connection, project_id: str) -> Sealing | None:
    row = conn.execute(select(SEALINGS).where(S.project_id == project_id)).one_or_none()
    return None if row is None else Sealing(**{name: getattr(row, name) for name in Sealing.__struct_fields__})


def running(conn: Connection) -> list[str]:
    """The projects (ids) in which something waits to be sealed."""
    found = select(S.project_id).where(S.state == "running").order_by(S.asked, S.project_id)
    return list(conn.execute(found).scalars())


def step(conn: Connection, seals: Seals, project_id: str, reached: Reached, now: int) -> Reached | None:
    """Seal some rows after ``reached``, and say how far it came; None once there is nothing more, or nothing is to be
    sealed any more. The caller sees to it that ``seals`` has the project's key."""
    if not seals.seals(project_id) or project_id not in running(conn):
        return None
    every = places()
    for number in range(reached.place, len(every)):
        after = reached.key if number == reached.place else None
        last, count = _some(conn, seals, every[number], project_id, after)
        if count:
            conn.execute(update(SEALINGS).where(S.project_id == project_id).values(rows=S.rows + count))
        if last is not None:
            return Reached(number, last)
    conn.execute(update(SEALINGS).where(S.project_id == project_id).values(state="done", ended=now))
    return None


def _some(
    conn: Connection, seals: Seals, place: Place, project_id: str, after: tuple[Any, ...] | None
) -> tuple[tuple[Any, ...] | None, int]:
    """The key of the last row of a table that was sealed now (None: there was none), and how many were."""
    keys = list(place.table.primary_key.columns)
    texts = [raw(place.table.c[name]).label(name) for name in place.columns]
    texts += [place.table.c[name] for name in place.blobs]
    owner = place.table.c[place.owner]
    if place.through:
        through = METADATA.tables[place.through]
        whose = owner.in_(select(through.c.id).where(through.c.project_id == project_id))
    else:
        whose = owner == project_id
    open_ = [_is_open(place.table.c[name]) for name in place.columns]
    open_ += [func.substr(place.table.c[name], 1, 2, type_=LargeBinary) != HEAD for name in place.blobs]
    query = select(*keys, *texts).where(whose, or_(*open_))
    if after is not None:
        query = query.where(tuple_(*keys) > after if len(keys) > 1 else keys[0] > after[0])
    most = FEW if place.blobs else AT_ONCE
    rows = conn.execute(query.order_by(*keys).limit(most).with_for_update()).mappings().all()
    for row in rows:
        sealed: dict[str, Any] = {
            name: Of(project_id, row[name])
            for name in place.columns
            if row[name] is not None and not row[name].startswith(PREFIX)
        }
        for name in place.blobs:
            if row[name] and not row[name].startswith(HEAD):
                sealed[name] = seals.seal(project_id, row[name])
        conn.execute(update(place.table).where(*(key == row[key.name] for key in keys)).values(sealed))
    return (tuple(rows[-1][key.name] for key in keys) if rows else None), len(rows)


def _is_open(column: Column[Any]) -> Any:
    """Whether a row's text lies in the clear and should not."""
    kind = column.type
    assert isinstance(kind, Content)
    text = raw(column)
    return and_(text.is_not(None), text.not_in(("", *kind.clear)), ~text.startswith(PREFIX))
