"""The SQL of what projects have switched off of all that is made of texts: detectors by their names, and the index that
searches for words use, as `TEXT_INDEX`. Times are Unix milliseconds."""

from typing import Final

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, ForeignKey, String, Table, delete, insert, select

from trimtab.storage.schema import METADATA

DETECTORS_OFF = Table(
    "detectors_off",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("detector", String(100), primary_key=True),
    Column("updated", BigInteger, nullable=False),
)


TEXT_INDEX: Final = ":text_index"
"""No detector has such a name: they are names of modules."""


def off(conn: Connection, project_id: str) -> frozenset[str]:
    """Names of detectors; a name that no detector has (any more) is kept and harmless."""
    rows = conn.execute(select(DETECTORS_OFF.c.detector).where(DETECTORS_OFF.c.project_id == project_id))
    return frozenset(row[0] for row in rows) - {TEXT_INDEX}


def all_off(conn: Connection) -> dict[str, frozenset[str]]:
    """By project, `TEXT_INDEX` among the names; those with all of them on are left out."""
    found: dict[str, set[str]] = {}
    for project_id, name in conn.execute(select(DETECTORS_OFF.c.project_id, DETECTORS_OFF.c.detector)):
        found.setdefault(project_id, set()).add(name)
    return {project_id: frozenset(names) for project_id, names in found.items()}


def switch(conn: Connection, project_id: str, names: frozenset[str], now: int) -> None:
    """From now on exactly these detectors are off."""
    mine = (DETECTORS_OFF.c.project_id == project_id) & (DETECTORS_OFF.c.detector != TEXT_INDEX)
    conn.execute(delete(DETECTORS_OFF).where(mine))
    if names:
        rows = [{"project_id": project_id, "detector": name, "updated": now} for name in sorted(names)]
        conn.execute(insert(DETECTORS_OFF), rows)


def indexes_texts(conn: Connection, project_id: str) -> bool:
    return conn.execute(select(DETECTORS_OFF.c.updated).where(_of_index(project_id))).first() is None


def index_texts(conn: Connection, project_id: str, on: bool, now: int) -> None:
    """Whether what comes from now on can be found by its words."""
    conn.execute(delete(DETECTORS_OFF).where(_of_index(project_id)))
    if not on:
        conn.execute(insert(DETECTORS_OFF).values(project_id=project_id, detector=TEXT_INDEX, updated=now))


def _of_index(project_id: str) -> ColumnElement[bool]:
    return (DETECTORS_OFF.c.project_id == project_id) & (DETECTORS_OFF.c.detector == TEXT_INDEX)
