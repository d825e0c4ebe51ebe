"""What questions beyond lists answer with: aggregations, completion, SQL, saved views, dashboards.

Times are Unix milliseconds, durations milliseconds, money US dollars as decimal strings; null where nothing is known.
"""

from typing import Any

from msgspec import Struct


class TopValue(Struct, frozen=True, kw_only=True):
    value: str
    count: int


Figure = int | float | str | list[TopValue] | None


class Metric(Struct, frozen=True, kw_only=True):
    """``unit`` is count, tokens, usd, ms, ratio, number or values."""

    name: str
    unit: str


class AggregateGroup(Struct, frozen=True, kw_only=True):
    """A value per dimension, and a figure per metric."""

    group: list[str]
    values: list[Figure]


class AggregatePoint(Struct, frozen=True, kw_only=True):
    """The same of one step of time, which begins at ``start``."""

    start: int
    group: list[str]
    values: list[Figure]


class Aggregate(Struct, frozen=True, kw_only=True):
    """``more`` counts the groups that the limit cut off; ``step_ms`` is 0 where no steps were asked for."""

    of: str
    step_ms: int
    group_by: list[str]
    metrics: list[Metric]
    groups: list[AggregateGroup]
    series: list[AggregatePoint]
    more: int


class CompletionItem(Struct, frozen=True, kw_only=True):
    text: str
    label: str
    about: str
    kind: str
    done: bool
    count: int | None


class Completion(Struct, frozen=True, kw_only=True):
    """``text`` of an item takes the place of what is between ``start`` and ``end``."""

    start: int
    end: int
    items: list[CompletionItem]


class SqlColumn(Struct, frozen=True, kw_only=True):
    name: str
    type: str


class SqlResult(Struct, frozen=True, kw_only=True):
    """``truncated``: there are more rows than are shown."""

    columns: list[SqlColumn]
    rows: list[list[Any]]
    truncated: bool
    took: float


class SavedView(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    page: str
    q: str
    last: str
    columns: list[str]
    sort: str
    shared: bool
    own: bool
    version: int
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class Dashboard(Struct, frozen=True, kw_only=True):
    """``tiles`` as docs/search.md says."""

    id: str
    name: str
    about: str
    q: str
    last: str
    tiles: list[dict[str, Any]]
    shared: bool
    own: bool
    source: str
    version: int
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""
