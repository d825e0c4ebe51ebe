"""Where answers rest that may be given again: the SQL of the cache and of idempotency.

On one machine the tables lie in a SQLite file of their own in the data folder, shared by all workers; so a purge holds
for all of them at once, and bodies do not swell the catalog. Where the catalog is a PostgreSQL they lie in it, shared
by all replicas. Losing them loses no data: they are copies.
"""

from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from trimtab.llm.types import Usage
from trimtab.storage.revision import exclusive
from trimtab.storage.schema import METADATA

ANSWERS = Table(
    "cache_answers",
    METADATA,
    Column("key", LargeBinary(24), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("name", String(512), nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False),
    Column("hits", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("about", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_cache_answers_used", "used", "size"),
    Index("ix_cache_answers_expires", "expires"),
    Index("ix_cache_answers_project_id", "project_id", "name", "size"),
)
MEANINGS = Table(
    "cache_meanings",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("space", LargeBinary(24), nullable=False),
    Column("key", LargeBinary(24), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("name", String(512), nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("question", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Index("ix_cache_meanings_space", "space", "seq"),
    Index("ix_cache_meanings_expires", "expires"),
    Index("ix_cache_meanings_key", "key"),
    sqlite_autoincrement=True,  # a number is never given twice: readers ask for what is newer than they know
)
TALLIES = Table(
    "cache_tallies",
    METADATA,
    Column("project_id", String(64), primary_key=True),
    Column("name", String(512), primary_key=True),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("exact", BigInteger, nullable=False),
    Column("semantic", BigInteger, nullable=False),
    Column("misses", BigInteger, nullable=False),
    Column("bypassed", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("saved", BigInteger, nullable=False),
)
CALLS = Table(
    "idempotent_calls",
    METADATA,
    Column("key", LargeBinary(24), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("fingerprint", LargeBinary(24), nullable=False),
    Column("state", String(16), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("lease", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("request_id", String(64), nullable=False),
    Column("about", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_idempotent_calls_expires", "expires"),
    Index("ix_idempotent_calls_owner", "owner"),
)
TABLES = (ANSWERS, MEANINGS, TALLIES, CALLS)

EVICT_AT_ONCE = 256
EVICTING = 0x7472_6576  # "trev"
DAY_MS = 86_400_000


class About(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a stored answer beside its bytes. ``stream``: the bytes are events; ``usage_told``: with the
    chunk of usage that a client must ask for. ``cost`` is what it cost when it was made (picodollars; None unknown)."""

    stream: bool
    usage_told: bool = False
    content_type: bytes = b"application/json"
    provider: str = ""
    model: str = ""
    model_used: str = ""
    stop: str = ""
    response_id: str = ""
    request_id: str = ""
    usage: Usage | None = None
    cost: int | None = None
    guards: str = ""
    """The hash of the guards that looked at it."""


class Stored(Struct, frozen=True, kw_only=True):
    """One answer of the cache. Times are Unix ms."""

    key: bytes
    project_id: str
    name: str
    stored: int
    expires: int
    about: About
    body: bytes


class Meaning(Struct, frozen=True, kw_only=True):
    """The question that a stored answer was given to: ``space`` is everything else of its request, ``vector`` 384
    float32. ``seq`` counts up; 0 before it is stored."""

    space: bytes
    key: bytes
    project_id: str
    name: str
    expires: int
    question: str
    vector: bytes
    seq: int = 0


class Tally(Struct, kw_only=True):
    """What the cache did for one name on one day (UTC). ``tokens`` and ``saved`` (picodollars) are what was not used
    and not paid again."""

    project_id: str
    name: str
    day: int
    exact: int = 0
    semantic: int = 0
    misses: int = 0
    bypassed: int = 0
    tokens: int = 0
    saved: int = 0

    def add(self, other: "Tally") -> None:
        """Take in what was counted of the same name and day."""
        self.exact += other.exact
        self.semantic += other.semantic
        self.misses += other.misses
        self.bypassed += other.bypassed
        self.tokens += other.tokens
        self.saved += other.saved


class Holding(Struct, frozen=True, kw_only=True):
    """How much of one name is stored."""

    name: str
    answers: int
    bytes: int


def create(conn: Connection) -> None:
    """The tables, where they are not there yet (in a file of their own; in a catalog migrations make them)."""
    METADATA.create_all(conn, tables=list(TABLES))


_about_encode = msgspec.msgpack.Encoder().encode
_about_decode = msgspec.msgpack.Decoder(About).decode

# --- answers ---

READ_ANSWER = "SELECT project_id, name, stored, expires, about, body FROM cache_answers WHERE key = ? AND expires > ?"
"""For a plain connection to the file (`answers.py`), where it takes 4 us; through SQLAlchemy it takes 100."""


def answer_of(key: bytes, row: Any) -> Stored:
    project_id, name, stored, expires, about, body = row
    return Stored(
        key=key,
        project_id=project_id,
        name=name,
        stored=stored,
        expires=expires,
        about=_about_decode(about),
        body=bytes(body),
    )


def answer(conn: Connection, key: bytes, now_ms: int) -> Stored | None:
    columns = (
        ANSWERS.c.project_id,
        ANSWERS.c.name,
        ANSWERS.c.stored,
        ANSWERS.c.expires,
        ANSWERS.c.about,
        ANSWERS.c.body,
    )
    row = conn.execute(select(*columns).where(ANSWERS.c.key == key, ANSWERS.c.expires > now_ms)).first()
    return None if row is None else answer_of(key, row)


_KEEP = text(
    "INSERT INTO cache_answers (key, project_id, name, stored, expires, used, hits, size, about, body) "
    "VALUES (:key, :project_id, :name, :stored, :expires, :stored, 0, :size, :about, :body) "
    "ON CONFLICT (key) DO UPDATE SET stored = excluded.stored, expires = excluded.expires, used = excluded.used, "
    "size = excluded.size, about = excluded.about, body = excluded.body"
)


def keep(conn: Connection, answers: list[Stored], meanings: list[Meaning]) -> None:
    """Store, each instead of what was there by its key. The later of two answers to one question counts."""
    if answers:
        rows = [
            {
                "key": each.key,
                "project_id": each.project_id,
                "name": each.name,
                "stored": each.stored,
                "expires": each.expires,
                "size": len(each.body),
                "about": _about_encode(each.about),
                "body": each.body,
            }
            for each in sorted(answers, key=lambda each: each.key)  # in one order, so that no two writers deadlock
        ]
        conn.execute(_KEEP, rows)
    for meaning in meanings:
        conn.execute(delete(MEANINGS).where(MEANINGS.c.key == meaning.key))
        values = msgspec.structs.asdict(meaning)
        del values["seq"]
        conn.execute(insert(MEANINGS).values(values))


def meanings_since(conn: Connection, space: bytes, seq: int, now_ms: int) -> list[Meaning]:
    """Of one space, those stored after ``seq``."""
    query = select(MEANINGS).where(MEANINGS.c.space == space, MEANINGS.c.seq > seq, MEANINGS.c.expires > now_ms)
    return [
        Meaning(
            space=space,
            key=row.key,
            project_id=row.project_id,
            name=row.name,
            expires=row.expires,
            question=row.question,
            vector=row.vector,
            seq=row.seq,
        )
        for row in conn.execute(query.order_by(MEANINGS.c.seq))
    ]


def touch(conn: Connection, used: dict[bytes, tuple[int, int]]) -> None:
    """Note that answers were given again: by key, when last and how often."""
    statement = (
        update(ANSWERS)
        .where(ANSWERS.c.key == bindparam("of"))
        .values(used=bindparam("at"), hits=ANSWERS.c.hits + bindparam("times"))
    )
    conn.execute(statement, [{"of": key, "at": at, "times": times} for key, (at, times) in used.items()])


def drop_expired(conn: Connection, now_ms: int) -> int:
    """What has expired, of all kinds; returns how many answers."""
    conn.execute(delete(MEANINGS).where(MEANINGS.c.expires <= now_ms))
    conn.execute(delete(CALLS).where(CALLS.c.expires <= now_ms))
    conn.execute(delete(TALLIES).where(TALLIES.c.day < now_ms // DAY_MS - 400))
    return conn.execute(delete(ANSWERS).where(ANSWERS.c.expires <= now_ms)).rowcount


def evict(conn: Connection, max_bytes: int) -> int:
    """Drop the answers that were least lately used until at most nine tenths of ``max_bytes`` are taken; returns how
    many. Nothing happens below the bound. Two that evict at once take turns: the second would free what is free."""
    exclusive(conn, EVICTING)
    total = _bytes(conn)
    dropped = 0
    goal = max_bytes if total <= max_bytes else max_bytes * 9 // 10
    while total > goal:
        oldest = conn.execute(select(ANSWERS.c.key, ANSWERS.c.size).order_by(ANSWERS.c.used).limit(EVICT_AT_ONCE)).all()
        keys: list[bytes] = []
        for row in oldest:
            if total <= goal:
                break
            keys.append(row.key)
            total -= row.size
        conn.execute(delete(MEANINGS).where(MEANINGS.c.key.in_(keys)))
        conn.execute(delete(ANSWERS).where(ANSWERS.c.key.in_(keys)))
        dropped += len(keys)
    return dropped


def _bytes(conn: Connection) -> int:
    return int(conn.execute(select(func.coalesce(func.sum(ANSWERS.c.size), 0))).scalar_one())


def purge(conn: Connection, project_id: str, name: str | None = None) -> int:
    """Drop every stored answer of a project, or of one called name of it; returns how many."""
    of = [ANSWERS.c.project_id == project_id]
    meant = [MEANINGS.c.project_id == project_id]
    if name is not None:
        of.append(ANSWERS.c.name == name)
        meant.append(MEANINGS.c.name == name)
    conn.execute(delete(MEANINGS).where(*meant))
    return conn.execute(delete(ANSWERS).where(*of)).rowcount


# --- tallies ---

_ADD = text(
    "INSERT INTO cache_tallies (project_id, name, day, exact, semantic, misses, bypassed, tokens, saved) "
    "VALUES (:project_id, :name, :day, :exact, :semantic, :misses, :bypassed, :tokens, :saved) "
    "ON CONFLICT (project_id, name, day) DO UPDATE SET "
    + ", ".join(
        f"{column} = cache_tallies.{column} + excluded.{column}"
        for column in ("exact", "semantic", "misses", "bypassed", "tokens", "saved")
    )
)


def count(conn: Connection, tallies: list[Tally]) -> None:
    """Add to what was counted before."""
    conn.execute(_ADD, [msgspec.structs.asdict(tally) for tally in tallies])


def tallies(conn: Connection, project_id: str, since_day: int) -> list[Tally]:
    """By name, summed from ``since_day`` (days since 1970) on; ``day`` is that day."""
    sums = [func.sum(TALLIES.c[column]) for column in Tally.__struct_fields__[3:]]
    query = (
        select(TALLIES.c.name, *sums)
        .where(TALLIES.c.project_id == project_id, TALLIES.c.day >= since_day)
        .group_by(TALLIES.c.name)
        .order_by(TALLIES.c.name)
    )
    return [
        Tally(
            project_id=project_id,
            name=row[0],
            day=since_day,
            **{column: int(value) for column, value in zip(Tally.__struct_fields__[3:], row[1:], strict=True)},
        )
        for row in conn.execute(query)
    ]


def holdings(conn: Connection, project_id: str, now_ms: int) -> list[Holding]:
    """What is stored and not yet expired, by name."""
    query = (
        select(ANSWERS.c.name, func.count(), func.sum(ANSWERS.c.size))
        .where(ANSWERS.c.project_id == project_id, ANSWERS.c.expires > now_ms)
        .group_by(ANSWERS.c.name)
        .order_by(ANSWERS.c.name)
    )
    return [Holding(name=name, answers=answers, bytes=int(size)) for name, answers, size in conn.execute(query)]


# --- idempotent calls ---

State = Literal["running", "done", "too_large"]


class Claim(Struct, frozen=True, kw_only=True):
    """A call that was sent with an idempotency key. ``lease`` is until when its owner counts as alive (Unix ms)."""

    key: bytes
    fingerprint: bytes
    state: State
    owner: str
    lease: int
    request_id: str
    about: About | None = None
    body: bytes = b""


class NewClaim(Struct, frozen=True, kw_only=True):
    key: bytes
    project_id: str
    fingerprint: bytes
    owner: str
    lease: int
    expires: int
    request_id: str


def claim(conn: Connection, new: NewClaim, now_ms: int) -> Claim | None:
    """Take the key for a call that begins now: None when it was free, else who has it. Call it in a transaction that
    writes: of two that claim at once one is told of the other."""
    conn.execute(delete(CALLS).where(CALLS.c.key == new.key, CALLS.c.expires <= now_ms))
    values = msgspec.structs.asdict(new) | {"state": "running", "about": b"", "body": b""}
    conflict = text(
        "INSERT INTO idempotent_calls "
        "(key, project_id, fingerprint, state, owner, lease, expires, request_id, about, body) VALUES "
        "(:key, :project_id, :fingerprint, :state, :owner, :lease, :expires, :request_id, :about, :body) "
        "ON CONFLICT (key) DO NOTHING"
    )
    while conn.execute(conflict, values).rowcount != 1:
        known = find_claim(conn, new.key)
        if known is not None:
            return known  # else it was given free between the two statements
    return None


def find_claim(conn: Connection, key: bytes) -> Claim | None:
    row = conn.execute(select(CALLS).where(CALLS.c.key == key)).first()
    if row is None:
        return None
    return Claim(
        key=key,
        fingerprint=bytes(row.fingerprint),
        state=row.state,
        owner=row.owner,
        lease=row.lease,
        request_id=row.request_id,
        about=_about_decode(row.about) if row.about else None,
        body=bytes(row.body),
    )


def complete(conn: Connection, key: bytes, owner: str, about: About | None, body: bytes) -> bool:
    """The call has its answer; ``about`` is None where it was too large to keep. False when the claim is not
    ``owner``'s any more."""
    state: State = "too_large" if about is None else "done"
    values = {"state": state, "about": b"" if about is None else _about_encode(about), "body": body}
    done = conn.execute(update(CALLS).where(CALLS.c.key == key, CALLS.c.owner == owner).values(values))
    return done.rowcount == 1


def release(conn: Connection, key: bytes, owner: str) -> None:
    """The call ended without an answer: the key is free again."""
    conn.execute(delete(CALLS).where(CALLS.c.key == key, CALLS.c.owner == owner, CALLS.c.state == "running"))


def take_over(conn: Connection, new: NewClaim, old: Claim) -> bool:
    """Take a claim whose owner died, as its caller asked for; False when another was quicker."""
    values = {"owner": new.owner, "lease": new.lease, "request_id": new.request_id, "expires": new.expires}
    where = (CALLS.c.key == new.key, CALLS.c.owner == old.owner, CALLS.c.lease == old.lease)
    return conn.execute(update(CALLS).where(*where, CALLS.c.state == "running").values(values)).rowcount == 1


def renew(conn: Connection, owner: str, keys: list[bytes], lease: int) -> None:
    """The owner lives: extend the leases of its calls under way."""
    mine = (CALLS.c.owner == owner, CALLS.c.state == "running", CALLS.c.key.in_(keys))
    conn.execute(update(CALLS).where(*mine).values(lease=lease))
