"""How long a project's data is kept: rules by kind, in days, and the runs that hold to them.

Kinds: ``content`` (messages, raw attributes and other long texts, with their blobs), ``spans`` (everything else of a
span), ``scores``, and ``ledger`` (the books: one row per attempt, without content). A rule's days are counted from when
a span began; ``None`` keeps for ever. Where a project says nothing, all is kept.

A rule of the config file wins over the catalog's. A run removes what is over age for every project; one worker makes it
at a time, and a run whose worker died is taken up by another.
"""

from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Integer, String, Table, Text, delete, insert, select
from sqlalchemy import update as sql_update

from trimtab.core.errors import InvalidRequest
from trimtab.core.ids import new_id
from trimtab.storage.revision import exclusive
from trimtab.storage.schema import METADATA

Kind = Literal["content", "spans", "ledger", "scores"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Rules = dict[Kind, int | None]
"""Days by kind; a kind that is not there says nothing."""

DEFAULTS: Final[Rules] = {"content": None, "spans": None, "ledger": None, "scores": None}
"""Nothing is removed that nobody said is to go."""
LONGEST: Final = 36_500
"""Days of a rule; about a hundred years."""
RUNS_KEPT: Final = 200
_LOCK: Final = 0x7472_7274  # "trrt"

RULES = Table(
    "retention_rules",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("days", Integer, nullable=True),
    Column("updated", BigInteger, nullable=False),
)
RUNS = Table(
    "retention_runs",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("state", String(16), nullable=False, index=True),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger, nullable=True),
    Column("report", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("holder", String(64), nullable=False),
    Column("held_until", BigInteger, nullable=False),
)

State = Literal["running", "done", "failed"]


class Removed(Struct, frozen=True, kw_only=True):
    """Rows of one kind that a run removed from a project: those that began before ``before`` (Unix ms)."""

    project_id: str
    kind: Kind
    table: str
    before: int
    rows: int


class Report(Struct, frozen=True, kw_only=True):
    """``blobs`` and ``blob_bytes`` are of all projects: equal contents of several are kept once."""

    removed: tuple[Removed, ...] = ()
    blobs: int = 0
    blob_bytes: int = 0


class Run(Struct, frozen=True, kw_only=True):
    """Times are Unix ms."""

    id: str
    state: State
    started: int
    finished: int | None = None
    report: Report = Report()
    problem: str = ""
    holder: str = ""
    held_until: int = 0


def check_days(days: int | None, kind: str) -> None:
    """Raises `InvalidRequest`."""
    if days is not None and not 1 <= days <= LONGEST:
        raise InvalidRequest(
            f"{kind!r} cannot be kept for {days} days.",
            fix=f"Give a whole number of days from 1 to {LONGEST}, or null to keep it for ever.",
            param=kind,
        )


# --- rules ---


def rules(conn: Connection, project_id: str) -> Rules:
    """What the catalog says for a project."""
    found = conn.execute(select(RULES).where(RULES.c.project_id == project_id))
    return {row.kind: row.days for row in found}


def all_rules(conn: Connection) -> dict[str, Rules]:
    """By project id, of those that have some."""
    found: dict[str, Rules] = {}
    for row in conn.execute(select(RULES)):
        found.setdefault(row.project_id, {})[row.kind] = row.days
    return found


def set_rules(conn: Connection, project_id: str, given: Rules, now: int) -> None:
    """Replace a project's rules, whole."""
    for kind, days in given.items():
        check_days(days, kind)
    conn.execute(delete(RULES).where(RULES.c.project_id == project_id))
    rows = [{"project_id": project_id, "kind": kind, "days": days, "updated": now} for kind, days in given.items()]
    if rows:
        conn.execute(insert(RULES), rows)


# --- runs ---


def _read(row: object) -> Run:
    values = {name: getattr(row, name) for name in Run.__struct_fields__}
    values["report"] = msgspec.json.decode(values["report"], type=Report)
    return Run(**values)


def runs(conn: Connection, before: str = "", limit: int = RUNS_KEPT) -> list[Run]:
    """Newest first, older than the run ``before``. Ids are in the order of making."""
    found = select(RUNS).order_by(RUNS.c.id.desc()).limit(limit)
    return [_read(row) for row in conn.execute(found.where(RUNS.c.id < before) if before else found)]


def ask(conn: Connection, now: int) -> Run:
    """A run that any worker may take up at once; the one under way where there is one."""
    exclusive(conn, _LOCK)
    under_way = conn.execute(select(RUNS).where(RUNS.c.state == "running")).first()
    return (
        _read(under_way) if under_way is not None else _add(conn, Run(id=new_id("ret"), state="running", started=now))
    )


def take(conn: Connection, holder: str, now: int, *, every_ms: int, hold_ms: int) -> Run | None:
    """The run to be made now, held by ``holder``: one that was asked for or whose worker died, or a new one where the
    last began ``every_ms`` ago. None while there is nothing to do, or another makes it."""
    exclusive(conn, _LOCK)
    row = conn.execute(select(RUNS).where(RUNS.c.state == "running")).first()
    if row is not None:
        if row.held_until >= now:
            return None
        conn.execute(sql_update(RUNS).where(RUNS.c.id == row.id).values(holder=holder, held_until=now + hold_ms))
        return msgspec.structs.replace(_read(row), holder=holder, held_until=now + hold_ms)
    last = conn.execute(select(RUNS.c.started).order_by(RUNS.c.id.desc()).limit(1)).scalar_one_or_none()
    if last is not None and now - last < every_ms:
        return None
    return _add(conn, Run(id=new_id("ret"), state="running", started=now, holder=holder, held_until=now + hold_ms))


def _add(conn: Connection, run: Run) -> Run:
    values = msgspec.structs.asdict(run) | {"report": msgspec.json.encode(run.report).decode()}
    conn.execute(insert(RUNS).values(**values))
    old = select(RUNS.c.id).where(RUNS.c.state != "running").order_by(RUNS.c.id.desc()).offset(RUNS_KEPT).limit(1)
    last_kept = conn.execute(old).scalar_one_or_none()
    if last_kept is not None:
        conn.execute(delete(RUNS).where(RUNS.c.id <= last_kept, RUNS.c.state != "running"))
    return run


def save(conn: Connection, run: Run, now: int, hold_ms: int) -> bool:
    """How far it came; False where another has taken it up meanwhile: then it is not ours to go on with."""
    running = run.state == "running"
    done = conn.execute(
        sql_update(RUNS)
        .where(RUNS.c.id == run.id, RUNS.c.holder == run.holder, RUNS.c.state == "running")
        .values(
            state=run.state,
            finished=None if running else now,
            report=msgspec.json.encode(run.report).decode(),
            problem=run.problem,
            held_until=now + hold_ms if running else 0,
        )
    )
    return done.rowcount == 1


def let_go(conn: Connection, run: Run) -> None:
    """Give it back unfinished."""
    conn.execute(sql_update(RUNS).where(RUNS.c.id == run.id, RUNS.c.holder == run.holder).values(held_until=0))
