"""The SQL of re-pricings: durable jobs, each a row with how far it came and what it found.

A job is held by one worker at a time, for a while: a worker that dies lets go by not renewing, and another goes on from
where the last finished page ended.
"""

from typing import Literal

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Boolean, Column, Connection, ForeignKey, String, Table, Text, insert, select, update

from trimtab.core.errors import Conflict, NotFound
from trimtab.storage.schema import METADATA

REPRICINGS = Table(
    "repricings",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False, index=True),
    Column("since", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("position_ns", BigInteger, nullable=False),
    Column("position_span", String(64), nullable=False),
    Column("report", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("holder", String(64), nullable=False),
    Column("held_until", BigInteger, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)

State = Literal["running", "done", "failed"]
LINES = 200


class Ahead(Struct, frozen=True, kw_only=True):
    """A page that is being written: where it ends, and the report once it is. After a crash it is written again, and
    counted as it was counted then."""

    position_ns: int
    position_span: str
    report: "Report"


class Difference(Struct, frozen=True, kw_only=True):
    """What a re-pricing changes for one model between two price rows. Money in picodollars; None is unknown."""

    provider: str
    model: str
    from_price: str
    to_price: str
    rows: int
    before: int
    after: int
    were_unknown: int


class Report(Struct, frozen=True, kw_only=True):
    """``before`` and ``after`` are of all rows looked at, as far as they have a price. ``more``: there were more kinds
    of differences than are listed."""

    looked_at: int = 0
    changed: int = 0
    before: int = 0
    after: int = 0
    unpriced_before: int = 0
    unpriced_after: int = 0
    no_price_today: int = 0
    """Rows that have a cost, and would have none today: they keep it."""
    differences: tuple[Difference, ...] = ()
    more: bool = False
    ahead: Ahead | None = None


class Repricing(Struct, frozen=True, kw_only=True):
    """``since`` and ``until`` are Unix ms, the second not included. ``position_*``: the last row that is done with."""

    id: str
    project_id: str
    since: int
    until: int
    dry_run: bool
    state: State = "running"
    position_ns: int = -1
    position_span: str = ""
    report: Report = Report()
    problem: str = ""
    holder: str = ""
    held_until: int = 0
    created: int = 0
    updated: int = 0


def repricings(conn: Connection, project_id: str) -> list[Repricing]:
    """Newest first."""
    found = select(REPRICINGS).where(REPRICINGS.c.project_id == project_id).order_by(REPRICINGS.c.id.desc())
    return [_read(row) for row in conn.execute(found)]


def repricing(conn: Connection, project_id: str, job_id: str) -> Repricing:
    found = select(REPRICINGS).where(REPRICINGS.c.project_id == project_id, REPRICINGS.c.id == job_id)
    row = conn.execute(found).one_or_none()
    if row is None:
        raise NotFound(f"There is no re-pricing {job_id[:80]!r} in this project.", fix="List them, or start one.")
    return _read(row)


def _read(row: object) -> Repricing:
    values = {name: getattr(row, name) for name in Repricing.__struct_fields__}
    values["report"] = msgspec.json.decode(values["report"], type=Report)
    return Repricing(**values)


def start(conn: Connection, job: Repricing) -> Repricing:
    """One at a time per project: two would write versions of the same rows in no order."""
    running = next((other for other in repricings(conn, job.project_id) if other.state == "running"), None)
    if running is not None:
        raise Conflict(
            f"A re-pricing of this project is under way: {running.id}.", fix="Wait until it is done, then start this."
        )
    values: dict[str, object] = {name: getattr(job, name) for name in Repricing.__struct_fields__}
    values["report"] = msgspec.json.encode(job.report).decode()
    conn.execute(insert(REPRICINGS).values(**values))
    return job


def waits(conn: Connection, now: int) -> bool:
    """Whether a job is there to be taken up."""
    found = select(REPRICINGS.c.id).where(REPRICINGS.c.state == "running", REPRICINGS.c.held_until < now).limit(1)
    return conn.execute(found).one_or_none() is not None


def claim(conn: Connection, holder: str, now: int, hold_ms: int) -> Repricing | None:
    """Take up a running job that nobody holds; None where there is none."""
    found = (
        select(REPRICINGS)
        .where(REPRICINGS.c.state == "running", REPRICINGS.c.held_until < now)
        .order_by(REPRICINGS.c.created, REPRICINGS.c.id)
        .limit(1)
    )
    row = conn.execute(found).one_or_none()
    if row is None:
        return None
    taken = conn.execute(
        update(REPRICINGS)
        .where(REPRICINGS.c.id == row.id, REPRICINGS.c.held_until == row.held_until)
        .values(holder=holder, held_until=now + hold_ms)
    )
    if taken.rowcount != 1:
        return None
    return msgspec.structs.replace(_read(row), holder=holder, held_until=now + hold_ms)


def save(conn: Connection, job: Repricing, now: int, hold_ms: int) -> bool:
    """How far it came; False where somebody else has taken it up meanwhile: then it is not ours to go on with."""
    held = 0 if job.state != "running" else now + hold_ms
    done = conn.execute(
        update(REPRICINGS)
        .where(REPRICINGS.c.id == job.id, REPRICINGS.c.holder == job.holder, REPRICINGS.c.state == "running")
        .values(
            state=job.state,
            position_ns=job.position_ns,
            position_span=job.position_span,
            report=msgspec.json.encode(job.report).decode(),
            problem=job.problem,
            held_until=held,
            updated=now,
        )
    )
    return done.rowcount == 1


def renew(conn: Connection, job: Repricing, now: int, hold_ms: int) -> None:
    """It is still at work, whatever it has in hand."""
    mine = (REPRICINGS.c.id == job.id, REPRICINGS.c.holder == job.holder, REPRICINGS.c.state == "running")
    conn.execute(update(REPRICINGS).where(*mine).values(held_until=now + hold_ms))


def let_go(conn: Connection, job: Repricing) -> None:
    """Give it back unfinished, so that another takes it up at once."""
    conn.execute(
        update(REPRICINGS).where(REPRICINGS.c.id == job.id, REPRICINGS.c.holder == job.holder).values(held_until=0)
    )
