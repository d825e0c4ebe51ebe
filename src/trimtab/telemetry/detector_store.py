"""The SQL of which detectors are switched off, by project; times are Unix milliseconds."""

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, String, Table, delete, insert, select

from trimtab.storage.schema import METADATA

DETECTORS_OFF = Table(
    "detectors_off",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("detector", String(100), primary_key=True),
    Column("updated", BigInteger, nullable=False),
)


def off(conn: Connection, project_id: str) -> frozenset[str]:
    """Names; a name that no detector has (any more) is kept and harmless."""
    rows = conn.execute(select(DETECTORS_OFF.c.detector).where(DETECTORS_OFF.c.project_id == project_id))
    return frozenset(row[0] for row in rows)


def all_off(conn: Connection) -> dict[str, frozenset[str]]:
    """By project; those with all of them on are left out."""
    found: dict[str, set[str]] = {}
    for project_id, name in conn.execute(select(DETECTORS_OFF.c.project_id, DETECTORS_OFF.c.detector)):
        found.setdefault(project_id, set()).add(name)
    return {project_id: frozenset(names) for project_id, names in found.items()}


def switch(conn: Connection, project_id: str, names: frozenset[str], now: int) -> None:
    """From now on exactly these are off."""
    conn.execute(delete(DETECTORS_OFF).where(DETECTORS_OFF.c.project_id == project_id))
    if names:
        rows = [{"project_id": project_id, "detector": name, "updated": now} for name in sorted(names)]
        conn.execute(insert(DETECTORS_OFF), rows)
