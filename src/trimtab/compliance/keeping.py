"""How data are kept and removed, and whether the record of it all is whole. Functions of a connection."""

from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection, or_, select

from trimtab.compliance.rows import About, Scope, made, section, short, tally, within
from trimtab.compliance.types import Cell, Section
from trimtab.governance import checkpoints, retention
from trimtab.governance.audit import AUDIT
from trimtab.governance.data_keys import DATA_KEYS
from trimtab.governance.erasures import ERASURES, Report
from trimtab.governance.legal_holds import LEGAL_HOLDS
from trimtab.governance.people_store import name_of
from trimtab.governance.store import PROJECTS


def data(conn: Connection, scope: Scope) -> Section:
    """Erasures of the period. Whom they were about is not repeated: only its digest is kept."""
    about = About(
        name="data",
        title="Data: kept, held, encrypted, erased",
        about="Erasures asked for in the period; the figures are how long each kind is kept now, holds and encryption.",
        source="erasures, retention_rules, legal_holds, data_keys",
        columns=("erasure", "of_a", "state", "places", "rows_removed", "asked_by", "asked_at", "finished_at"),
    )
    rules: dict[str, Cell] = {
        f"kept_days_{kind}": "for ever" if days is None else days
        for kind, days in sorted(retention.in_force(conn, scope.project_id, scope.kept).items())
    }
    keeps = conn.execute(select(PROJECTS.c.capture_content).where(PROJECTS.c.id == scope.project_id)).scalar_one()
    held = LEGAL_HOLDS.c
    keys = tally(conn, DATA_KEYS.c.state, DATA_KEYS.c.project_id == scope.project_id)
    rules |= {
        "content_is_kept": bool(keeps),
        "legal_holds_in_force": len(
            conn.execute(select(held.id).where(held.project_id == scope.project_id, held.released.is_(None))).all()
        ),
        **{f"data_keys_{state}": count for state, count in keys.items()},
    }
    table = ERASURES.c
    query = select(ERASURES).where(table.project_id == scope.project_id, within(table.asked, scope.period))
    return section(conn, about, query.order_by(table.asked.desc(), table.id.desc()), partial(_erasure, conn), rules)


def _erasure(conn: Connection, row: Any) -> tuple[Cell, ...]:
    found = msgspec.json.decode(row.report, type=Report)
    removed = sum(found.rows.values())
    by = name_of(conn, row.asked_by)
    return (row.id, row.subject, row.state, len(found.rows), removed, by, row.asked, row.finished)


def holds(conn: Connection, scope: Scope) -> Section:
    """Holds that were in force at any time of the period. Whom one is of stays with the hold."""
    about = About(
        name="legal_holds",
        title="Legal holds",
        about="What had to stay in the period whatever is kept or erased otherwise, who said so and why. Whom a hold "
        "is of is not repeated.",
        source="legal_holds",
        columns=("hold", "of_a", "reason", "set_by", "set_at", "released_by", "release_reason", "released_at"),
    )
    held = LEGAL_HOLDS.c
    query = select(LEGAL_HOLDS).where(
        held.project_id == scope.project_id,
        held.created < scope.period.end,
        or_(held.released.is_(None), held.released >= scope.period.start),
    )
    return section(conn, about, query.order_by(held.created.desc(), held.id.desc()), partial(_hold, conn))


def _hold(conn: Connection, row: Any) -> tuple[Cell, ...]:
    by = name_of(conn, row.released_by) if row.released_by else ""
    reasons = (short(row.reason), row.author_name, row.created, by, short(row.release_reason))
    return (row.id, row.subject, *reasons, row.released)


def audit_log(conn: Connection, scope: Scope, trusted: list[str]) -> Section:
    """Verified whole; its rows count what was done in the period."""
    about = About(
        name="audit_log",
        title="The audit log",
        about="Verified whole when the report was made: a chain of hashes with signed checkpoints.",
        source="audit_log, audit_checkpoints",
        columns=("action", "entries"),
    )
    found = checkpoints.check(conn, scope.project_id, trusted)
    counts = tally(conn, AUDIT.c.action, AUDIT.c.project_id == scope.project_id, within(AUDIT.c.at, scope.period))
    rows = sorted(counts.items(), key=lambda each: (-int(each[1] or 0), each[0]))
    figures: dict[str, Cell] = {
        "as_it_was_written": found.ok,
        "entries": found.entries,
        "problems": found.found,
        "signed_up_to_entry": found.signed,
        "signed_at": found.signed_at,
        "head": found.head.hash,
        "key": found.key,
    }
    return made(about, rows, figures=figures)
