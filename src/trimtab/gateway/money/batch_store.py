"""The SQL of batches that were made through us: whose each is, what limits hold for it, and what became of it. Times
are Unix milliseconds.

A batch is booked once: of all who see that it is over, one has the row's ``booked_by`` (`claim`), and only that one
writes its record. It is settled once: what limits hold beyond what it used is given back in the transaction that says
so (`settle`). Between the two the record becomes durable; who dies there leaves it to `recovery.py`. Whoever has a
claim says now and then that it still has (``claimed``), and does so before it writes the record: one that is silent for
long is lost with its machine, and the batch is anybody's again (`give_up`).
"""

import hashlib
import zlib
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    func,
    select,
    text,
)
from sqlalchemy import update as sql_update

from trimtab.governance.sealing import KeyDestroyed, Keyring
from trimtab.ledger.given_back import Correction, Holding, give_back
from trimtab.storage.inserting import insert_into
from trimtab.storage.schema import METADATA

State = Literal["making", "open", "completed", "failed", "expired", "cancelled", "lost"]
"""``making``: the provider was asked for it, and has not answered (`batch_meant.py`). ``open``: the provider works on
it, as far as is known. ``lost``: what became of it cannot be learned."""
Settlement = Literal["", "told", "estimate", "unknown"]
"""What the books go by: the provider's own count; an estimate; nothing, so that there is no sum."""
Trouble = Literal["", "gone", "refused", "missing", "silent", "short", "unclear"]
"""Why a batch cannot be asked about: its provider knows nothing of it; refuses the key; is in no configuration; does
not answer, or nothing that can be read; gives fewer results than it counts; lists
one that may as well be another's."""

BATCHES = Table(
    "batches",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("batch_id", String(256), nullable=False),
    Column("provider", String(128), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("status", String(64), nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("due", BigInteger, nullable=False),
    Column("looked", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("ended", BigInteger, nullable=False),
    Column("booked_by", String(64), nullable=True),
    Column("settled", BigInteger, nullable=False),
    Column("settlement", String(16), nullable=False),
    Column("tokens", BigInteger, nullable=True),
    Column("cost", BigInteger, nullable=True),
    Column("trouble", String(16), nullable=False, server_default=text("''")),
    Column("since", BigInteger, nullable=False, server_default="0"),
    Column("claimed", BigInteger, nullable=False, server_default="0"),
    Index("ix_batches_project_id_made", "project_id", "made"),
    Index("ix_batches_settled_due", "settled", "due"),
)
LONGEST_WHY = 500
PLAIN = Keyring()


class About(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is sealed of a batch: what its record will say of it, and what limits hold. ``model`` is the name that was
    called, ``names`` all that were, where its requests name several; ``kind`` is the provider's, ``key_mark`` tells the
    provider's key that made it from its others. ``input`` and ``output`` are the most tokens it may take, null where
    nobody has counted; ``file`` is what it is made of."""

    kind: str
    model: str
    name: str
    endpoint: str = ""
    key_mark: str = ""
    trace_id: str = ""
    span_id: str = ""
    feature: str = ""
    session: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    works_on: str = ""
    names: tuple[str, ...] = ()
    input: int | None = None
    output: int | None = None
    holds: tuple[Holding, ...] = ()
    file: str = ""


class Made(Struct, frozen=True, kw_only=True):
    """One batch. ``due`` is when it is to be looked at next, ``looked`` when it was last; ``failures`` of looks in a
    row for the same ``trouble`` ``since`` then, and ``why`` the last one failed, or it was settled without the
    provider's word. ``claimed`` is when whoever books it last said so. 0: not yet."""

    id: str
    project_id: str
    batch_id: str
    provider: str
    key_id: str
    request_id: str
    about: About
    state: State = "open"
    status: str = ""
    made: int
    due: int
    looked: int = 0
    failures: int = 0
    why: str = ""
    ended: int = 0
    booked_by: str | None = None
    settled: int = 0
    settlement: Settlement = ""
    tokens: int | None = None
    cost: int | None = None
    trouble: Trouble = ""
    since: int = 0
    claimed: int = 0


class Ending(Struct, frozen=True, kw_only=True):
    """What a batch came to. ``cost`` in picodollars, null where no price is known, or nothing was learned."""

    state: State
    status: str
    settlement: Settlement
    tokens: int | None = None
    cost: int | None = None
    why: str = ""


_about = msgspec.msgpack.Decoder(About).decode
_FORGOTTEN = About(kind="", model="", name="")
_PLAIN = tuple(name for name in Made.__struct_fields__ if name != "about")


def mark_of(project_id: str, provider: str, batch_id: str) -> str:
    """A row's id: two projects, or two providers, may have batches of one name."""
    return hashlib.sha256(msgspec.json.encode((project_id, provider, batch_id))).hexdigest()


def note(conn: Connection, made: Made, ring: Keyring = PLAIN) -> bool:
    """Write a batch down; false where it is known already."""
    new = insert_into(conn, BATCHES).values(**values_of(made, ring)).on_conflict_do_nothing(index_elements=["id"])
    return conn.execute(new).rowcount == 1


def values_of(made: Made, ring: Keyring) -> dict[str, Any]:
    """A row."""
    values: dict[str, Any] = {name: getattr(made, name) for name in _PLAIN}
    values["content"] = sealed(made.project_id, made.about, ring)
    return values


def find(conn: Connection, mark: str, ring: Keyring = PLAIN) -> Made | None:
    row = conn.execute(select(BATCHES).where(BATCHES.c.id == mark)).one_or_none()
    return None if row is None else read_row(row, ring)


def due(conn: Connection, now: int, limit: int, ring: Keyring = PLAIN) -> list[Made]:
    """Those that are to be looked at, longest due first, and then those that somebody has begun to book."""
    table = BATCHES.c
    wanted = (table.due <= now) | table.booked_by.isnot(None)
    found = select(BATCHES).where(table.settled == 0, wanted).order_by(table.due).limit(limit)
    return [read_row(row, ring) for row in conn.execute(found)]


def of_project(
    conn: Connection, project_id: str, ring: Keyring = PLAIN, *, state: str = "", before: tuple[int, str] | None = None,
    limit: int = 100,
) -> list[Made]:  # fmt: skip
    """Newest first; those older than ``before``, by when it was made and its id."""
    table = BATCHES.c
    found = select(BATCHES).where(table.project_id == project_id).order_by(table.made.desc(), table.id.desc())
    if state:
        found = found.where(table.state == state)
    if before is not None:
        at, mark = before
        found = found.where((table.made < at) | ((table.made == at) & (table.id < mark)))
    return [read_row(row, ring) for row in conn.execute(found.limit(limit))]


def counts(conn: Connection) -> list[tuple[str, str, bool, int]]:
    """How many there are by project, state and whether the last look at them failed; those that are settled as well."""
    failing = (BATCHES.c.failures > 0).label("failing")
    found = select(BATCHES.c.project_id, BATCHES.c.state, failing, func.count().label("many"))
    rows = conn.execute(found.group_by(BATCHES.c.project_id, BATCHES.c.state, failing))
    return [(row.project_id, row.state, bool(row.failing), int(row.many)) for row in rows]


def looked(conn: Connection, mark: str, *, status: str, now: int, due: int) -> None:
    """It is not over yet."""
    values = {"status": status[:64], "looked": now, "due": due, "failures": 0, "why": "", "trouble": "", "since": 0}
    conn.execute(sql_update(BATCHES).where(BATCHES.c.id == mark, BATCHES.c.settled == 0).values(**values))


def failed(
    conn: Connection, mark: str, *, trouble: Trouble, since: int, now: int, due: int, failures: int, why: str
) -> None:
    """It could not be asked about."""
    values = {"trouble": trouble, "since": since, "looked": now, "due": due, "failures": failures}
    this = sql_update(BATCHES).where(BATCHES.c.id == mark, BATCHES.c.settled == 0)
    conn.execute(this.values(**values, why=why[:LONGEST_WHY]))


def hurry(conn: Connection, mark: str, now: int) -> None:
    """It is over, and what it took is to be read."""
    table = BATCHES.c
    late = sql_update(BATCHES).where(table.id == mark, table.settled == 0, table.due > now, table.failures == 0)
    conn.execute(late.values(due=now))


def claim(conn: Connection, mark: str, request_id: str, now: int) -> bool:
    """Whether the batch is that request's to book: it was nobody's before, or is this request's already."""
    this = BATCHES.c.id == mark
    free = this & BATCHES.c.booked_by.is_(None) & (BATCHES.c.settled == 0)
    if conn.execute(sql_update(BATCHES).where(free).values(booked_by=request_id, claimed=now)).rowcount:
        return True
    mine = this & (BATCHES.c.booked_by == request_id)
    return conn.execute(sql_update(BATCHES).where(mine).values(claimed=now)).rowcount == 1


def is_claimed_by(conn: Connection, mark: str, request_id: str, now: int) -> bool:
    """Whether the batch is that request's to book, also once it is settled. It writes, and so waits for a claim that is
    on its way."""
    table = BATCHES.c
    mine = sql_update(BATCHES).where(table.id == mark, table.booked_by == request_id).values(claimed=now)
    return conn.execute(mine).rowcount == 1


def give_up(conn: Connection, made: Made, now: int) -> bool:
    """Take a batch from whoever had claimed it, unless that has spoken since: its record went with its machine, and the
    batch is asked about anew. When it was claimed at first stays: that is the time of its record, whoever writes it."""
    table = BATCHES.c
    silent = (table.id == made.id) & (table.settled == 0) & (table.booked_by == made.booked_by)
    nobodys: dict[str, object] = {
        "booked_by": None,
        "claimed": 0,
        "state": "open" if made.batch_id else "making",
        "settlement": "",
        "tokens": None,
        "cost": None,
        "due": now,
        "failures": 0,
        "trouble": "",
        "since": 0,
        "why": "",
    }
    return (
        conn.execute(sql_update(BATCHES).where(silent, table.claimed == made.claimed).values(**nobodys)).rowcount == 1
    )


def ends(conn: Connection, mark: str, ending: Ending, now: int) -> None:
    """What a batch that was claimed comes to, before its record is durable; `settle` says that it is."""
    values = _values(ending, now)
    conn.execute(sql_update(BATCHES).where(BATCHES.c.id == mark, BATCHES.c.settled == 0).values(**values))


def settle(conn: Connection, made: Made, ending: Ending, now: int, ring: Keyring = PLAIN) -> bool:
    """Whether it was not settled before. Limits get back what they hold beyond what it used; of one of which nothing is
    known they keep the most that it can have come to. What tells of people goes: its record has it, for as long as the
    project keeps that."""
    values = {**_values(ending, now), "settled": now}
    about = _of_nobody(made.about, told=ending.settlement == "told")
    if about != made.about:
        values["content"] = sealed(made.project_id, about, ring)
    once = sql_update(BATCHES).where(BATCHES.c.id == made.id, BATCHES.c.settled == 0)
    if not conn.execute(once.values(**values)).rowcount:
        return False
    if ending.settlement == "told":
        used = {"tokens": ending.tokens, "money": ending.cost}
        give_back(conn, [Correction(hold, used.get(hold.measure)) for hold in made.about.holds], now)
    return True


def forget_user(conn: Connection, project_id: str, user: str, ring: Keyring = PLAIN) -> int:
    """Take everything that tells of a user out of the batches that were made for it; how many there were."""
    rows = conn.execute(select(BATCHES.c.id, BATCHES.c.content).where(BATCHES.c.project_id == project_id)).all()
    gone = 0
    for row in rows:
        about = _opened(bytes(row.content), ring)
        if about.user == user:
            kept = replace(about, user="", session="", tags=(), holds=_unnamed(about))
            values = {"content": sealed(project_id, kept, ring)}
            conn.execute(sql_update(BATCHES).where(BATCHES.c.id == row.id).values(**values))
            gone += 1
    return gone


def _of_nobody(about: About, *, told: bool) -> About:
    """What is still shown of a batch that is settled; a counter's name may be a user's."""
    holds = () if told else tuple(replace(hold, bucket="") for hold in about.holds)
    return replace(about, user="", session="", tags=(), holds=holds)


def _unnamed(about: About) -> tuple[Holding, ...]:
    """Holds without those of counters that are named by the user: they keep what they have."""
    word = msgspec.json.encode(about.user).decode()
    return tuple(hold for hold in about.holds if not about.user or word not in hold.bucket)


def _values(ending: Ending, now: int) -> dict[str, Any]:
    return {
        "state": ending.state,
        "status": ending.status[:64],
        "settlement": ending.settlement,
        "tokens": ending.tokens,
        "cost": ending.cost,
        "why": ending.why[:LONGEST_WHY],
        "ended": now,
        "looked": now,
        "failures": 0,
        "trouble": "",
        "since": 0,
    }


def sealed(project_id: str, about: About, ring: Keyring) -> bytes:
    return ring.seal(project_id, zlib.compress(msgspec.msgpack.encode(about), 1))


def _opened(content: bytes, ring: Keyring) -> About:
    """What was sealed with a key that is destroyed says nothing any more."""
    try:
        return _about(zlib.decompress(ring.open(content)))
    except KeyDestroyed:
        return _FORGOTTEN


def read_row(row: Row[Any], ring: Keyring) -> Made:
    told = {name: getattr(row, name) for name in _PLAIN}
    return Made(about=_opened(bytes(row.content), ring), **told)
