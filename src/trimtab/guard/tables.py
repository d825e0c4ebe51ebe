"""How guards and their words rest in the catalog. Specs are JSON text; times are Unix ms."""

from sqlalchemy import BigInteger, Column, Integer, String, Table, Text

from trimtab.storage.schema import METADATA, of_project

GUARDS = Table(
    "guards",
    METADATA,
    of_project(),
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("spec", Text, nullable=False),
    Column("hash", String(80), nullable=False),
    Column("author", String(64), nullable=False),
    Column("author_name", String(200), nullable=False),
    Column("message", Text, nullable=False),
    Column("archived", BigInteger, nullable=True),
    Column("created", BigInteger, nullable=False),
)
"""A row per version; the newest is in force by its ``applies_to``. ``archived`` is the same in all rows of a name."""

GUARD_REFUSALS = Table(
    "guard_refusals",
    METADATA,
    of_project(),
    Column("name", String(64), primary_key=True),
    Column("app", String(64), primary_key=True),
    Column("language", String(16), primary_key=True),
    Column("text", Text, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
"""What users are told when a guard stops a call; an empty ``app`` or ``language`` is every one that has none of its
own."""

GUARD_POINTS = Table(
    "guard_points",
    METADATA,
    of_project(),
    Column("name", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("chosen", Text, nullable=False),
    Column("checked", Text, nullable=True),
)
"""What a version's threshold was chosen with (`points.Chosen`), and how it did when that was last asked again
(`points.Checked`); a version whose threshold nobody chose by a budget has no row."""

GUARD_SERVICES = Table(
    "guard_services",
    METADATA,
    of_project(),
    Column("name", String(64), primary_key=True),
    Column("url", String(2000), nullable=False),
    Column("header", String(64), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("updated", BigInteger, nullable=False),
)
"""Programs that guards ask (`services.py`); ``sealed`` is the value of the header, or empty."""
