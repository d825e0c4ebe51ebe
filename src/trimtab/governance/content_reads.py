"""Who saw the content of calls, as the audit log tells it: traces that were unmasked with a reason, and reads.

An entry ``content.unmasked`` *is* what lets its author read that one trace for an hour: nothing else is kept, so
nobody reads what no entry tells of, whenever a process dies. Entries ``content.read`` are written where a project asks
for them, at most one an hour for each person and thing, so that the log stays one that can be read.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, select

from trimtab.core.errors import InvalidRequest
from trimtab.governance import audit
from trimtab.governance.audit import AUDIT, Actor

UNMASKED: Final = "content.unmasked"
READ: Final = "content.read"
HOUR_MS: Final = 3_600_000
NONE: Final = "none"
ALL: Final = "all"
MOST_REASON: Final = 500


class Reading(Struct, frozen=True, kw_only=True):
    """``subject`` is what was read: ``trace:ID``, or many at once: ``traces``, ``sessions``, ``sql``, ``export:spans``.
    ``data_class`` is that of a trace, empty where it has none or many were read."""

    project_id: str
    actor: Actor
    subject: str
    data_class: str = ""


def checked_reason(reason: str) -> str:
    """Without outer blanks. Raises `InvalidRequest`."""
    found = reason.strip()
    if not 3 <= len(found) <= MOST_REASON or not found.isprintable():
        raise InvalidRequest(
            "A trace is unmasked for a reason, which stands in the audit log.",
            fix=f"Say why in one line of 3 to {MOST_REASON} characters, such as a ticket's number.",
            param="reason",
        )
    return found


def unmask(conn: Connection, project_id: str, actor: Actor, trace_id: str, reason: str, now: int) -> None:
    """``now`` is Unix ms. Raises `InvalidRequest`."""
    detail = {"reason": checked_reason(reason), "until": now + HOUR_MS}
    audit.append(conn, project_id, actor, UNMASKED, f"trace:{trace_id}", now=now, detail=detail)


def is_unmasked(conn: Connection, project_id: str, actor_id: str, trace_id: str, now: int) -> bool:
    """Whether this person or key may read the trace because they said why within the last hour."""
    return _recent(conn, project_id, actor_id, UNMASKED, f"trace:{trace_id}", now)


def note(conn: Connection, readings: Iterable[Reading], now: int) -> int:
    """Write down those that were not within the last hour; how many that is."""
    written = 0
    for each in readings:
        if _recent(conn, each.project_id, each.actor.id, READ, each.subject, now):
            continue
        detail = {"data_class": each.data_class} if each.data_class else None
        audit.append(conn, each.project_id, each.actor, READ, each.subject, now=now, detail=detail)
        written += 1
    return written


def _recent(conn: Connection, project_id: str, actor_id: str, action: str, subject: str, now: int) -> bool:
    # Ids begin with the milliseconds, so that only entries of the last hour are looked at, by the index.
    first = f"{max(0, now - HOUR_MS):012x}"
    query = select(AUDIT.c.id).where(
        AUDIT.c.project_id == project_id,
        AUDIT.c.id >= first,
        AUDIT.c.at > now - HOUR_MS,
        AUDIT.c.action == action,
        AUDIT.c.subject == subject[:200],
        AUDIT.c.actor == actor_id,
    )
    return conn.execute(query.limit(1)).one_or_none() is not None
