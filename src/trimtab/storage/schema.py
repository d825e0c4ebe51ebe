"""The one collection of tables. Rooms declare theirs on it in their ``store.py``; migrations are written by hand, and a
test compares the two."""

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, String, Table

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def of_project() -> Column[str]:
    """The first column of the key of what belongs to a project."""
    return Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True)


REVISIONS = Table(
    "revisions",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Counters that say "something changed": see `revision.py`."""

REPLICAS = Table(
    "replicas",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("seen", BigInteger, nullable=False),
)
"""Which configuration each process has in force that serves from this catalog: see `replicas.py`."""

LEADERS = Table(
    "leaders",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("holder", String(80), nullable=False),
    Column("held_until", BigInteger, nullable=False),
)
"""Which process does what only one may do: see `leaders.py`."""

FOLDERS = Table(
    "folders",
    METADATA,
    Column("id", String(64), primary_key=True),
    Column("seen", BigInteger, nullable=False),
)
"""The data folders of the servers that share this catalog, and when each was last heard of: see `folders.py`."""
