"""The SQL of what projects have switched off of all that is made of texts: detectors by their names, and the index that
searches for words use. Times are Unix milliseconds."""

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, String, Table, delete, insert, select, update

from trimtab.governance.store import PROJECTS
from trimtab.storage.schema import METADATA

DETECTORS_OFF = Table(
    "detectors_off",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("detector", String(100), primary_key=True),
    Column("updated", BigInteger, nullable=False),
)


def off(conn: Connection, project_id: str) -> frozenset[str]:
    """Names of detectors; a name that no detector has (any more) is kept and harmless."""
    rows = conn.execute(select(DETECTORS_OFF.c.detector).where(DETECTORS_OFF.c.project_id == project_id))
    return frozenset(row[0] for row in rows)


def all_off(conn: Connection) -> dict[str, frozenset[str]]:
    """By project; those with all of them on are left out."""
    found: dict[str, set[str]] = {}
    for project_id, name in conn.execute(select(DETECTORS_OFF.c.project_id, DETECTORS_OFF.c.detector)):
        found.setdefault(project_id, set()).add(name)
    return {project_id: frozenset(names) for project_id, names in found.items()}


def switch(conn: Connection, project_id: str, names: frozenset[str], now: int) -> None:
    """From now on exactly these detectors are off."""
    conn.execute(delete(DETECTORS_OFF).where(DETECTORS_OFF.c.project_id == project_id))
    if names:
        rows = [{"project_id": project_id, "detector": name, "updated": now} for name in sorted(names)]
        conn.execute(insert(DETECTORS_OFF), rows)


def indexes_texts(conn: Connection, project_id: str) -> bool:
    return bool(conn.execute(select(PROJECTS.c.index_texts).where(PROJECTS.c.id == project_id)).scalar_one())


def unindexed(conn: Connection) -> frozenset[str]:
    """The projects whose texts are not indexed."""
    return frozenset(conn.execute(select(PROJECTS.c.id).where(PROJECTS.c.index_texts.is_(False))).scalars())


def index_texts(conn: Connection, project_id: str, on: bool) -> None:
    """Whether what comes from now on can be found by its words."""
    conn.execute(update(PROJECTS).where(PROJECTS.c.id == project_id).values(index_texts=on))
