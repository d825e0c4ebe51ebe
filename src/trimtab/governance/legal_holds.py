"""Legal holds: what must not be removed, by whom that was said and why.

A hold is on a user, a session, a trace, or a whole project, and may be bounded by time (of when something began). While
it is in force no erasure removes what it covers, and no retention run. It ends by being released, with a reason; the
row stays. Who set and who released it stands in the audit log.
"""

from typing import Final, Literal

from msgspec import Struct
from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Index, String, Table, Text, insert, select, update

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.governance.audit import Actor
from trimtab.storage.revision import exclusive
from trimtab.storage.schema import METADATA

Subject = Literal["user", "session", "trace", "project"]
LONGEST_VALUE: Final = 1_000
LONGEST_REASON: Final = 2_000
MOST: Final = 1_000
"""Holds in force of one project: a retention run names each."""
_LOCK: Final = 0x7472_6C68  # "trlh"

LEGAL_HOLDS: Final = Table(
    "legal_holds",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("project_id", String(64), ForeignKey("projects.id"), nullable=False),
    Column("subject", String(16), nullable=False),
    Column("value", Text, nullable=False),
    Column("start", BigInteger, nullable=True),
    Column("end", BigInteger, nullable=True),
    Column("reason", Text, nullable=False),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("released", BigInteger, nullable=True),
    Column("released_by", String(64), nullable=False),
    Column("release_reason", Text, nullable=False),
    Index("ix_legal_holds_project_id", "project_id", "released"),
)
H = LEGAL_HOLDS.c


class LegalHold(Struct, frozen=True, kw_only=True):
    """``value`` is the user, session or trace, empty for a project. ``start`` (inclusive) and ``end`` (exclusive) bound
    when what is held began; null: no bound. Times are Unix ms. ``released`` is null while it is in force."""

    id: str
    project_id: str
    subject: Subject
    value: str
    start: int | None
    end: int | None
    reason: str
    author: str
    author_name: str
    created: int
    released: int | None = None
    released_by: str = ""
    release_reason: str = ""


def check(hold: LegalHold) -> None:
    """Raises `InvalidRequest`."""
    whole = hold.subject == "project"
    if whole == bool(hold.value) or len(hold.value) > LONGEST_VALUE or "\0" in hold.value:
        said = "A hold on a project has no 'value'." if whole else f"Say which {hold.subject} is held."
        raise InvalidRequest(said, fix="Give the id exactly as the application sends it.", param="value")
    if not hold.reason.strip() or len(hold.reason) > LONGEST_REASON or "\0" in hold.reason:
        raise InvalidRequest("A hold has a reason.", fix="Name the matter it is for, in a sentence.", param="reason")
    if hold.start is not None and hold.end is not None and hold.start >= hold.end:
        raise InvalidRequest("The hold ends before it begins.", fix="Give an 'end' after 'start'.", param="end")


def _read(row: object) -> LegalHold:
    return LegalHold(**{name: getattr(row, name) for name in LegalHold.__struct_fields__})


def add(conn: Connection, hold: LegalHold) -> LegalHold:
    """Raises `InvalidRequest`, and `Conflict` where there are too many."""
    check(hold)
    exclusive(conn, _LOCK)
    if len(in_force(conn, hold.project_id)) >= MOST:
        raise Conflict(f"There are {MOST} holds in force already.", fix="Release some, or hold the whole project.")
    conn.execute(insert(LEGAL_HOLDS).values({name: getattr(hold, name) for name in hold.__struct_fields__}))
    return hold


def release(conn: Connection, project_id: str, hold_id: str, actor: Actor, reason: str, now: int) -> LegalHold:
    """Raises `NotFound`, `Conflict` for one that was released, `InvalidRequest` without a reason."""
    if not reason.strip() or len(reason) > LONGEST_REASON or "\0" in reason:
        raise InvalidRequest("A release has a reason.", fix="Say why nothing need be held any more.", param="reason")
    exclusive(conn, _LOCK)
    found = get(conn, project_id, hold_id)
    if found.released is not None:
        raise Conflict("This hold was released already.", fix="Nothing is left to do.", code="hold_released")
    values = {"released": now, "released_by": actor.id or actor.name, "release_reason": reason}
    conn.execute(update(LEGAL_HOLDS).where(H.id == hold_id).values(values))
    return get(conn, project_id, hold_id)


def get(conn: Connection, project_id: str, hold_id: str) -> LegalHold:
    """Raises `NotFound`."""
    row = conn.execute(select(LEGAL_HOLDS).where(H.project_id == project_id, H.id == hold_id)).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no legal hold {hold_id[:80]!r} in this project.", fix="List them: trimtab legal-holds list."
        )
    return _read(row)


def listed(conn: Connection, project_id: str, before: str = "", limit: int = 100) -> list[LegalHold]:
    """Newest first, released ones too."""
    found = select(LEGAL_HOLDS).where(H.project_id == project_id).order_by(H.id.desc()).limit(limit)
    return [_read(row) for row in conn.execute(found.where(H.id < before) if before else found)]


def in_force(conn: Connection, project_id: str) -> list[LegalHold]:
    """Oldest first."""
    found = select(LEGAL_HOLDS).where(H.project_id == project_id, H.released.is_(None)).order_by(H.id)
    return [_read(row) for row in conn.execute(found)]


def every_in_force(conn: Connection) -> dict[str, list[LegalHold]]:
    """By project."""
    found: dict[str, list[LegalHold]] = {}
    for row in conn.execute(select(LEGAL_HOLDS).where(H.released.is_(None)).order_by(H.id)):
        found.setdefault(row.project_id, []).append(_read(row))
    return found


def refuse_erasure(hold: LegalHold) -> Conflict:
    """What somebody hears who wants to erase what is held."""
    if hold.subject == "project":
        said = f"A legal hold ({hold.id}) on the whole project forbids to erase anything in it, whoever's it is"
    else:
        said = f"A legal hold ({hold.id}) forbids it"
    return Conflict(
        f"{said}: {hold.reason}",
        fix="Release the hold first (trimtab legal-holds release), if the matter is over; then ask for it again.",
        code="legal_hold",
    )
