"""How long a project's data is kept: rules by kind, in days, and the runs that hold to them.

Kinds: ``content`` (messages, raw attributes and other long texts, with their blobs), ``spans`` (everything else of a
span), ``scores``, and ``ledger`` (the books: one row per attempt, without content). A rule's days are counted from when
a span began; ``None`` keeps for ever. Where a project says nothing, all is kept.

A rule of the config file wins over the catalog's. A run that is due by itself removes what is over age for every
project; one that a project asks for is about that project alone. One worker makes one run at a time, the oldest first,
and a run whose worker died is taken up by another.
"""

from itertools import islice
from typing import Final, Literal, get_args

import msgspec
from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Integer, String, Table, Text, delete, insert, select
from sqlalchemy import update as sql_update

from trimtab.core.errors import InvalidRequest
from trimtab.core.ids import new_id
from trimtab.storage.revision import exclusive
from trimtab.storage.schema import METADATA
from trimtab.storage.turns import SKEW_MS

Kind = Literal["content", "spans", "ledger", "scores"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Rules = dict[Kind, int | None]
"""Days by kind; a kind that is not there says nothing."""

DEFAULTS: Final[Rules] = {"content": None, "spans": None, "ledger": None, "scores": None}
"""Nothing is removed that nobody said is to go."""
LONGEST: Final = 36_500
"""Days of a rule; about a hundred years."""
RUNS_KEPT: Final = 200
"""Of the runs over every project, and of each project's own."""
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
    """``only`` is the id of the project that a run is about, empty for every project. ``blobs`` and ``blob_bytes`` are
    of all projects: equal contents of several are kept once."""

    only: str = ""
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


def in_force(conn: Connection, project_id: str, declared: Rules) -> Rules:
    """Of every kind. ``declared`` is what a configuration file says, which counts before the catalog."""
    return {**DEFAULTS, **rules(conn, project_id), **declared}


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


def runs(conn: Connection, before: str = "", limit: int = RUNS_KEPT, *, project_id: str | None = None) -> list[Run]:
    """Newest first, older than the run ``before``. Ids are in the order of making. ``project_id``: those that are about
    it, alone or among all; empty: those about all."""
    found = select(RUNS).order_by(RUNS.c.id.desc())
    every = map(_read, conn.execute(found.where(RUNS.c.id < before) if before else found))
    about = (run for run in every if project_id is None or run.report.only in ("", project_id))
    return list(islice(about, limit))


def last_over_all(conn: Connection) -> Run | None:
    """The newest that went over every project and is done."""
    done = select(RUNS).where(RUNS.c.state == "done").order_by(RUNS.c.id.desc())
    return next((run for run in map(_read, conn.execute(done)) if not run.report.only), None)


def ask(conn: Connection, now: int, project_id: str = "") -> Run:
    """A run about one project (empty: about all) that any worker may take up at once; one that waits and does as much,
    where there is one. Not one that is under way: it goes by the rules of its beginning, and is past some tables."""
    exclusive(conn, _LOCK)
    waits = (run for run in _running(conn) if run.report.only in ("", project_id) and run.held_until < now)
    return next(waits, None) or _add(
        conn, Run(id=new_id("ret"), state="running", started=now, report=Report(only=project_id))
    )


def take(
    conn: Connection, holder: str, now: int, *, every_ms: int, hold_ms: int, clock_ms: int | None = None
) -> Run | None:
    """The run to be made now, held by ``holder``: the oldest that was asked for, or whose worker died, or a new one
    about all projects where the last of those began ``every_ms`` ago. None while there is nothing to do, or another
    worker makes one. What lies far ahead of now was written before the clock was set back, and keeps nobody waiting.
    ``clock_ms`` is what the others' clocks say, where ``now`` is a time that is believed more slowly: the run is held
    by that."""
    exclusive(conn, _LOCK)
    waiting = _running(conn)
    clock_ms = now if clock_ms is None else clock_ms
    if any(clock_ms <= run.held_until <= clock_ms + hold_ms + SKEW_MS for run in waiting):
        return None
    known = runs(conn, limit=RUNS_KEPT, project_id="")
    last = max((run.started for run in known if run.started <= now), default=None)
    if last is None or (now - last >= every_ms and all(run.report.only for run in waiting)):
        waiting.append(_add(conn, Run(id=new_id("ret"), state="running", started=now)))
    if not waiting:
        return None
    held = msgspec.structs.replace(waiting[0], holder=holder, held_until=clock_ms + hold_ms)
    conn.execute(sql_update(RUNS).where(RUNS.c.id == held.id).values(holder=holder, held_until=held.held_until))
    return held


def _running(conn: Connection) -> list[Run]:
    """Asked for or under way, oldest first."""
    return [_read(row) for row in conn.execute(select(RUNS).where(RUNS.c.state == "running").order_by(RUNS.c.id))]


def _add(conn: Connection, run: Run) -> Run:
    values = msgspec.structs.asdict(run) | {"report": msgspec.json.encode(run.report).decode()}
    conn.execute(insert(RUNS).values(**values))
    ended = select(RUNS).where(RUNS.c.state != "running").order_by(RUNS.c.id.desc())
    alike = [each.id for each in map(_read, conn.execute(ended)) if each.report.only == run.report.only]
    if alike[RUNS_KEPT:]:
        conn.execute(delete(RUNS).where(RUNS.c.id.in_(alike[RUNS_KEPT:])))
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


def renew(conn: Connection, run: Run, now: int, hold_ms: int) -> None:
    """It is still at work, whatever it has in hand."""
    mine = (RUNS.c.id == run.id, RUNS.c.holder == run.holder, RUNS.c.state == "running")
    conn.execute(sql_update(RUNS).where(*mine).values(held_until=now + hold_ms))


def let_go(conn: Connection, run: Run) -> None:
    """Give it back unfinished."""
    conn.execute(sql_update(RUNS).where(RUNS.c.id == run.id, RUNS.c.holder == run.holder).values(held_until=0))
