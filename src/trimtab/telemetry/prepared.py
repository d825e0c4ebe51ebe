"""What the writer has of a batch before it inserts it: the rows of each table, encoded."""

from collections.abc import Callable
from typing import Any, NamedTuple

from trimtab.telemetry.mapping.plan import Plan
from trimtab.telemetry.rows import Table
from trimtab.telemetry.spool.drain import Batch
from trimtab.telemetry.stores import Arrow

_NAMES = ("trace_id", "span_id", "request_id", "id", "attempt", "number", "digest")
"""What tells the rows of a record from each other, in the tables that have it."""


def placed(table: Table, values: list[Any]) -> Callable[[int], tuple[Any, ...]]:
    """What rows are ordered by: their record, then their names."""
    width, at = len(table.columns), [table.columns.index(name) for name in _NAMES if name in table.columns]
    return lambda place: (table.owners[place], *(values[place * width + each] for each in at))


class Part(NamedTuple):
    """One table's share of a batch: how many rows, and the columns that say something with the rows encoded (None where
    one of them cannot be)."""

    table: Table
    rows: int
    encoded: tuple[tuple[str, ...], Arrow] | None

    @property
    def name(self) -> str:
        return self.table.name


class Prepared(NamedTuple):
    """A batch ready to be inserted; ``arrivals`` get their time then. ``plan`` is what becomes of its foreign spans."""

    batch: Batch
    parts: tuple[Part, ...]
    arrivals: Table
    plan: Plan | None = None
