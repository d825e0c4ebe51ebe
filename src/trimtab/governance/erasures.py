"""Erasure of a person's data: what was asked for, how far it came, and the receipt that stays.

While it runs a row holds what is erased, for it must be able to go on after a crash. Once it is done the value is gone
from here too: what remains is a digest, ``sha256(id NUL project NUL subject NUL value)``, by which somebody who knows
the value can prove that this receipt is of it, and nobody else learns it.
"""

import hashlib
from typing import Final, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    insert,
    select,
)
from sqlalchemy import update as sql_update

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.governance import legal_holds
from trimtab.storage.revision import exclusive
from trimtab.storage.schema import METADATA
from trimtab.storage.turns import HOLD_MS, SKEW_MS

Subject = Literal["user", "session", "trace"]
State = Literal["running", "done", "failed"]
LONGEST_VALUE = 1000
_LOCK = 0x7472_6572  # "trer"

ERASURES = Table(
    "erasures",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("value", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("asked_by", String(64), nullable=False),
    Column("asked", BigInteger, nullable=False),
    Column("finished", BigInteger, nullable=True),
    Column("state", String(16), nullable=False, index=True),
    Column("report", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("holder", String(64), nullable=False),
    Column("held_until", BigInteger, nullable=False),
    Index("ix_erasures_project_id", "project_id", "id"),
)

FOLDERS = Table(
    "erasure_folders",
    METADATA,
    Column("erasure_id", String(64), ForeignKey("erasures.id"), primary_key=True),
    Column("folder", String(64), primary_key=True),
    Column("report", Text, nullable=False),
)
"""How far an erasure came in the data folder of each server, where several share a catalog and a store."""


class Ahead(Struct, frozen=True, kw_only=True):
    """What is being removed now, counted before it was touched: after a crash it is done again, and counted once."""

    key: str
    rows: dict[str, int]
    traces: int = 0


class Report(Struct, frozen=True, kw_only=True):
    """``rows`` by where they were: removed, and for ``ledger`` kept without what identified anybody. ``blobs`` are
    contents that still may have to go, ``made`` the traces of this server's own calls that were made of what is erased
    (answers of experiments, judges, shadow copies). ``checks`` are what was looked at in the end, each with what was
    found."""

    step: str = "begun"
    marks: dict[str, int] | None = None
    rows: dict[str, int] = {}
    traces: int = 0
    ahead: Ahead | None = None
    blobs: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    checks: dict[str, str] = {}


FolderStep = Literal["begun", "marked", "spooled", "letters", "aside", "gone"]
FOLDER_STEPS: Final[tuple[FolderStep, ...]] = ("begun", "marked", "spooled", "letters", "aside", "gone")
"""What was in the spool when it began is marked; it is in the store; dead letters are removed; contents that may have
to go are set aside; they are gone."""


AFTER_LETTERS: Final = ("rows", "aside")
"""Steps of an erasure that folders are waited for in."""


class InFolder(Struct, frozen=True, kw_only=True):
    """``marks`` are of the spool. ``dead_letters`` and ``blobs`` were removed, ``broken`` files could not be read.
    ``backups`` says what came of those from before, in words."""

    step: FolderStep = "begun"
    marks: dict[str, int] = {}
    dead_letters: int = 0
    blobs: int = 0
    broken: int = 0
    backups: str = ""

    def has(self, step: FolderStep) -> bool:
        return FOLDER_STEPS.index(self.step) >= FOLDER_STEPS.index(step)


class Erasure(Struct, frozen=True, kw_only=True):
    """Times are Unix ms; ``asked_by`` is the id of a key."""

    id: str
    project_id: str
    subject: Subject
    value: str
    digest: str
    asked_by: str
    asked: int
    finished: int | None = None
    state: State = "running"
    report: Report = Report()
    problem: str = ""
    holder: str = ""
    held_until: int = 0

    def __repr__(self) -> str:
        return f"Erasure({self.id!r}, {self.subject!r}, state={self.state!r})"


def digest_of(erasure_id: str, project: str, subject: str, value: str) -> str:
    """``project`` is the project's id."""
    return hashlib.sha256(f"{erasure_id}\0{project}\0{subject}\0{value}".encode()).hexdigest()


def check_value(subject: Subject, value: str) -> None:
    """Raises `InvalidRequest`."""
    if not value or len(value) > LONGEST_VALUE or "\0" in value:
        raise InvalidRequest(
            f"What to erase is not named: {subject!r} must have 1 to {LONGEST_VALUE} characters.",
            fix="Give the user, session or trace id exactly as the application sends it.",
            param="value",
        )


def _read(row: object) -> Erasure:
    values = {name: getattr(row, name) for name in Erasure.__struct_fields__}
    values["report"] = msgspec.json.decode(values["report"], type=Report)
    return Erasure(**values)


def start(conn: Connection, asked: Erasure) -> Erasure:
    """Note what was asked; where the same is being erased already, that one. Raises `Conflict` where a legal hold names
    it, or is on the whole project; what is held in another way is found when the job begins."""
    check_value(asked.subject, asked.value)
    for hold in legal_holds.in_force(conn, asked.project_id):
        if hold.subject == "project" or (hold.subject, hold.value) == (asked.subject, asked.value):
            raise legal_holds.refuse_erasure(hold)
    exclusive(conn, _LOCK)
    same = (
        ERASURES.c.project_id == asked.project_id,
        ERASURES.c.subject == asked.subject,
        ERASURES.c.value == asked.value,
    )
    running = conn.execute(select(ERASURES).where(*same, ERASURES.c.state != "done")).first()
    if running is not None:
        if running.state == "failed":  # asked for again: it goes on from where it failed
            _again(conn, _read(running))
        return erasure(conn, asked.project_id, running.id)
    conn.execute(
        insert(ERASURES).values(
            **(msgspec.structs.asdict(asked) | {"report": msgspec.json.encode(asked.report).decode()})
        )
    )
    return asked


def _again(conn: Connection, failed: Erasure) -> None:
    """Folders begin anew: what came to them meanwhile has to go as well."""
    report = failed.report
    if report.step in AFTER_LETTERS:
        report = msgspec.structs.replace(report, step="copies")
    of = sql_update(ERASURES).where(ERASURES.c.id == failed.id)
    conn.execute(of.values(state="running", problem="", held_until=0, report=msgspec.json.encode(report).decode()))
    for folder, found in in_folders(conn, failed.id).items():
        save_in_folder(conn, failed.id, folder, msgspec.structs.replace(found, step="begun"))


def erasure(conn: Connection, project_id: str, erasure_id: str) -> Erasure:
    """Raises `NotFound`."""
    found = select(ERASURES).where(ERASURES.c.project_id == project_id, ERASURES.c.id == erasure_id)
    row = conn.execute(found).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no erasure {erasure_id[:80]!r} in this project.", fix="List them: trimtab erase --list."
        )
    return _read(row)


def erasures(conn: Connection, project_id: str, before: str = "", limit: int = 1_000_000) -> list[Erasure]:
    """Newest first, older than ``before``."""
    found = select(ERASURES).where(ERASURES.c.project_id == project_id).order_by(ERASURES.c.id.desc()).limit(limit)
    return [_read(row) for row in conn.execute(found.where(ERASURES.c.id < before) if before else found)]


def _free(now: int, hold_ms: int) -> ColumnElement[bool]:
    """What is held until far ahead of now was held before the clock was set back."""
    return (ERASURES.c.held_until < now) | (ERASURES.c.held_until > now + hold_ms + SKEW_MS)


def waits(conn: Connection, now: int) -> bool:
    """Whether one is there to be taken up."""
    found = select(ERASURES.c.id).where(ERASURES.c.state == "running", _free(now, HOLD_MS)).limit(1)
    return conn.execute(found).first() is not None


def take(conn: Connection, holder: str, now: int, hold_ms: int) -> Erasure | None:
    """The oldest that nobody holds."""
    exclusive(conn, _LOCK)
    found = select(ERASURES).where(ERASURES.c.state == "running", _free(now, hold_ms))
    row = conn.execute(found.order_by(ERASURES.c.id).limit(1)).first()
    if row is None:
        return None
    conn.execute(sql_update(ERASURES).where(ERASURES.c.id == row.id).values(holder=holder, held_until=now + hold_ms))
    return msgspec.structs.replace(_read(row), holder=holder, held_until=now + hold_ms)


def save(conn: Connection, job: Erasure, now: int, hold_ms: int) -> bool:
    """How far it came. What is done holds no value any more. False where another has taken it up meanwhile."""
    done = job.state == "done"
    saved = conn.execute(
        sql_update(ERASURES)
        .where(ERASURES.c.id == job.id, ERASURES.c.holder == job.holder, ERASURES.c.state == "running")
        .values(
            state=job.state,
            value="" if done else job.value,
            finished=now if done else None,
            report=msgspec.json.encode(job.report).decode(),
            problem=job.problem,
            held_until=now + hold_ms if job.state == "running" else 0,
        )
    )
    return saved.rowcount == 1


def renew(conn: Connection, job: Erasure, now: int, hold_ms: int) -> None:
    """It is still at work, whatever it has in hand."""
    mine = (ERASURES.c.id == job.id, ERASURES.c.holder == job.holder, ERASURES.c.state == "running")
    conn.execute(sql_update(ERASURES).where(*mine).values(held_until=now + hold_ms))


def let_go(conn: Connection, job: Erasure) -> None:
    """Give it back unfinished."""
    conn.execute(
        sql_update(ERASURES).where(ERASURES.c.id == job.id, ERASURES.c.holder == job.holder).values(held_until=0)
    )


def under_way(conn: Connection) -> list[Erasure]:
    """All that are at work, the oldest first, whoever has them in hand."""
    found = select(ERASURES).where(ERASURES.c.state == "running").order_by(ERASURES.c.id)
    return [_read(row) for row in conn.execute(found)]


def in_folders(conn: Connection, erasure_id: str) -> dict[str, InFolder]:
    """How far it came in each data folder that has begun."""
    rows = conn.execute(select(FOLDERS.c.folder, FOLDERS.c.report).where(FOLDERS.c.erasure_id == erasure_id))
    return {row.folder: msgspec.json.decode(row.report, type=InFolder) for row in rows}


def save_in_folder(conn: Connection, erasure_id: str, folder: str, found: InFolder) -> None:
    """By the one process that does it there."""
    of = (FOLDERS.c.erasure_id == erasure_id, FOLDERS.c.folder == folder)
    report = msgspec.json.encode(found).decode()
    if conn.execute(sql_update(FOLDERS).where(*of).values(report=report)).rowcount == 0:
        conn.execute(insert(FOLDERS).values(erasure_id=erasure_id, folder=folder, report=report))
