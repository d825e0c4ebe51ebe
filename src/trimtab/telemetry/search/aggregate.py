"""Aggregations: any metrics of what a search finds, by several dimensions and by steps of time.

Every statement is of one project and one window, binds every value, and has bounds: groups, points, memory, seconds.
The words are those of `metrics.py`, the condition that of `query.py`.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.search.aggregate_views import AggregateGroup, AggregatePoint, AggregateReport, MetricView, Of
from trimtab.telemetry.search.metrics import Metric, check_of_spans, dimensions, metrics, step_of
from trimtab.telemetry.search.query import Condition, compile_query
from trimtab.telemetry.search.score_versions import newest
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

T = TypeVar("T")
MAX_GROUPS: Final = 1_000
MAX_POINTS: Final = 20_000
# A question that would fill the engine's memory with groups ends with an error instead of with the engine.
BOUNDS: Final = "max_rows_to_group_by = 5000000, group_by_overflow_mode = 'throw', max_memory_usage = 1000000000"


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "") -> list[T]: ...


class Aggregation(Struct, frozen=True, kw_only=True):
    """What is asked for, in the words of `metrics.py`. ``order`` is one of ``metrics``, with ``-`` before it from the
    largest; empty: by the first metric from the largest."""

    metrics: list[str]
    group_by: list[str] = []
    interval: str = "none"
    of: Of = "traces"
    order: str = ""
    limit: int = 50


class _Compiled(Struct, frozen=True):
    """``groups`` are SQL with their names, g0 and so on; ``source`` is what follows FROM."""

    groups: list[str]
    metrics: list[Metric]
    order: str
    params: dict[str, Value]
    source: str

    @property
    def names(self) -> list[str]:
        return [f"g{number}" for number in range(len(self.groups))]

    def in_order(self, limit: int) -> str:
        names = ", ".join(self.names)
        return f" GROUP BY {names} ORDER BY {self.order}, {names} LIMIT {limit}"


def check(asked: Aggregation, q: str) -> None:
    """Whether it could be asked: the words of both, whatever the time. Raises `InvalidRequest`."""
    window = Window(start=0, end=1)
    _compile(asked)
    step_of(asked.interval, 0)
    compile_query(q, "", window, asked.of)


async def aggregate(asker: Asker, project: str, q: str, window: Window, asked: Aggregation) -> AggregateReport:
    """Groups in order, and their points in time where a step is asked for. Raises `InvalidRequest`, `Unavailable`."""
    if window.end <= window.start:
        raise InvalidRequest("The window ends before it starts.", fix="Let start be less than end.", param="end")
    compiled = _compile(asked)
    step = step_of(asked.interval, window.end - window.start)
    limit = max(1, min(asked.limit, MAX_GROUPS))
    if step and limit * (-(-(window.end - window.start) // step)) > MAX_POINTS:
        fix = f"Lower the limit, or take a longer step: there may be {MAX_POINTS} points."
        raise InvalidRequest("So many groups over so many steps are too many points.", fix=fix, param="interval")
    condition = compile_query(q, project, window, asked.of)
    groups, more = await _groups(asker, condition, compiled, limit)
    series = await _series(asker, condition, compiled, step, groups) if step and groups else []
    return AggregateReport(
        window=window,
        of=asked.of,
        step_ms=step,
        group_by=asked.group_by,
        metrics=[MetricView(name=each.name, unit=each.unit) for each in compiled.metrics],
        groups=groups,
        series=series,
        more=more,
    )


def _compile(asked: Aggregation) -> _Compiled:
    params: dict[str, Value] = {}

    def bind(value: Value) -> str:
        name = f"a{len(params)}"
        params[name] = value
        return f"{{{name}:{'Int64' if isinstance(value, int) else 'String'}}}"

    if asked.of == "traces":
        check_of_spans(asked.group_by, asked.metrics)
    groups = [f"{sql} AS g{number}" for number, sql in enumerate(dimensions(asked.group_by, bind))]
    wanted = metrics(asked.metrics, bind, asked.of)
    by = asked.order.removeprefix("-")
    chosen = next((each for each in wanted if each.name == by), wanted[0])
    if by and chosen.name != by:
        raise InvalidRequest(
            f"It cannot be sorted by {by[:80]!r}, which is not computed.",
            fix=f"Sort by one of {', '.join(each.name for each in wanted)}, with '-' before it from the largest.",
            param="order",
        )
    direction = "ASC" if by and not asked.order.startswith("-") else "DESC"
    return _Compiled(groups, wanted, f"{chosen.order} {direction} NULLS LAST", params, _source(wanted, asked.of))


def _source(wanted: list[Metric], of: Of) -> str:
    """The spans, each with the values of the scores that are asked for: those of its whole trace, or its own alone.
    What was judged before the window began is of something else, as in a search (`search/keys.py`)."""
    scores = {each.scored: each.score for each in wanted if each.score}
    if not scores:
        return "spans"
    which = "target != 'session'" if of == "traces" else "target = 'span'"
    names = ", ".join(scores.values())
    fits = f"at_ns >= {{start_ns:Int64}} AND valid = 1 AND {which} AND name IN ({names}) AND value IS NOT NULL"
    found = newest(("trace_id", "span_id", "name", "assumeNotNull(value)"), fits)
    values = ", ".join(f"groupArrayIf(n3, n2 = {name}) AS {column}" for column, name in scores.items())
    keys = {"n0": "trace_id"} if of == "traces" else {"n0": "trace_id", "n1": "span_id"}
    named = ", ".join(f"{column} AS {key}" for column, key in keys.items())
    said = f"SELECT {named}, {values} FROM ({found}) GROUP BY {', '.join(keys)}"  # noqa: S608
    return f"spans LEFT ANY JOIN ({said}) AS said USING ({', '.join(keys.values())})"


async def _groups(
    asker: Asker, condition: Condition, compiled: _Compiled, limit: int
) -> tuple[list[AggregateGroup], int]:
    """The first groups in order, and how many there are besides."""
    names = compiled.names
    columns = ["count() OVER ()", *compiled.groups, *(each.sql for each in compiled.metrics)]
    sql = f"SELECT {', '.join(columns)} FROM {compiled.source} WHERE {condition.sql}"  # noqa: S608  our own text around placeholders
    if names:
        sql += compiled.in_order(limit)
    lines = await asker.ask(list[Any], sql, {**condition.params, **compiled.params}, BOUNDS)
    found = [
        AggregateGroup(group=line[1 : 1 + len(names)], values=_read(compiled, line[1 + len(names) :])) for line in lines
    ]
    return found, max(0, int(lines[0][0]) - len(found)) if lines else 0


async def _series(
    asker: Asker, condition: Condition, compiled: _Compiled, step: int, groups: list[AggregateGroup]
) -> list[AggregatePoint]:
    """The same figures of each step, of the groups that are shown: the engine finds them once more, as their names may
    be longer than what a request can carry."""
    names = compiled.names
    columns = ["intDiv(start_ns, {step_ns:Int64}) AS step", *compiled.groups, *(each.sql for each in compiled.metrics)]
    spans = f"FROM {compiled.source} WHERE {condition.sql}"
    sql = f"SELECT {', '.join(columns)} {spans} GROUP BY {', '.join(['step', *names])}"
    if names:
        shown = f"SELECT {', '.join(compiled.groups)} {spans}{compiled.in_order(len(groups))}"
        sql += f" HAVING ({', '.join(names)}) IN ({shown})"
    sql += f" ORDER BY {', '.join(['step', *names])} LIMIT {MAX_POINTS}"
    params: dict[str, Value] = {**condition.params, **compiled.params, "step_ns": step * 1_000_000}
    lines = await asker.ask(list[Any], sql, params, BOUNDS)
    known = {tuple(group.group) for group in groups}
    return [
        AggregatePoint(
            start=line[0] * step,
            group=line[1 : 1 + len(names)],
            values=_read(compiled, line[1 + len(names) :]),
        )
        for line in lines
        if tuple(line[1 : 1 + len(names)]) in known
    ]


def _read(compiled: _Compiled, values: list[Any]) -> list[Any]:
    return [each.read(value) for each, value in zip(compiled.metrics, values, strict=True)]
