"""What an aggregation answers with: the API's own response types.

Counts are whole numbers, durations milliseconds, money US dollars as decimal strings; null where there was nothing to
compute from, never 0.
"""

from typing import Literal

from msgspec import Struct

from trimtab.telemetry.views import Window

Of = Literal["traces", "spans"]
"""``traces``: one row per trace (its entry span, with the tokens and the cost of the whole call). ``spans``: every
span, for kinds, tools, agents."""
Unit = Literal["count", "tokens", "usd", "ms", "ratio", "number", "values"]


class TopValue(Struct, frozen=True, kw_only=True):
    """``count`` is exact while there are at most some hundred values, and an upper estimate beyond."""

    value: str
    count: int


Figure = int | float | str | list[TopValue] | None


class MetricView(Struct, frozen=True, kw_only=True):
    """``name`` as asked for, e.g. ``p95(duration)``."""

    name: str
    unit: Unit


class AggregateGroup(Struct, frozen=True, kw_only=True):
    """``group`` has a value per dimension, ``values`` one per metric, in the order asked for."""

    group: list[str]
    values: list[Figure]


class AggregatePoint(Struct, frozen=True, kw_only=True):
    """The same for one step of time. ``start`` is Unix milliseconds."""

    start: int
    group: list[str]
    values: list[Figure]


class AggregateReport(Struct, frozen=True, kw_only=True):
    """``groups`` in the order asked for; ``more`` counts the groups that the limit cut off. ``series`` holds the steps
    in which something happened, in order of time, of the groups shown; ``step_ms`` is 0 where none was asked for."""

    window: Window
    of: Of
    step_ms: int
    group_by: list[str]
    metrics: list[MetricView]
    groups: list[AggregateGroup]
    series: list[AggregatePoint]
    more: int
