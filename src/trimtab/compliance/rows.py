"""From queries to sections: the newest rows of a period, and how many there are."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Column, Connection, Select, func, select

from trimtab.compliance.types import MOST_ROWS, Cell, Period, Section
from trimtab.governance.retention import Rules

SHORT = 300
"""Characters of a text in a row."""


class About(Struct, frozen=True, kw_only=True):
    """What a section says of itself."""

    name: str
    title: str
    about: str
    source: str
    columns: tuple[str, ...]


class Scope(Struct, frozen=True, kw_only=True):
    """Whose records, and of which time. ``kept`` is how long a config file says that kinds of data are kept, which
    counts before what the catalog has."""

    project_id: str
    period: Period
    kept: Rules = {}


def within(column: Column[Any], period: Period) -> Any:
    return (column >= period.start) & (column < period.end)


def section(
    conn: Connection,
    about: About,
    query: "Select[*tuple[Any, ...]]",
    row: Callable[[Any], Sequence[Cell]],
    figures: dict[str, Cell] | None = None,
) -> Section:
    """``query`` in the order in which rows are to be shown."""
    total = conn.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one()
    rows = [tuple(row(each)) for each in conn.execute(query.limit(MOST_ROWS))]
    return made(about, rows, total, figures)


def made(
    about: About, rows: Sequence[tuple[Cell, ...]], total: int | None = None, figures: dict[str, Cell] | None = None
) -> Section:
    return Section(
        name=about.name,
        title=about.title,
        about=about.about,
        source=about.source,
        columns=about.columns,
        rows=tuple(rows[:MOST_ROWS]),
        total=len(rows) if total is None else total,
        figures=figures or {},
    )


def short(text: str) -> str:
    """One line of a text."""
    plain = " ".join(text.split())
    return plain if len(plain) <= SHORT else f"{plain[: SHORT - 1]}…"


def tally(conn: Connection, column: Column[Any], *where: Any) -> dict[str, Cell]:
    """How many rows there are of each value of a column."""
    query = select(column, func.count()).where(*where).group_by(column).order_by(column)
    return {str(value): count for value, count in conn.execute(query)}
