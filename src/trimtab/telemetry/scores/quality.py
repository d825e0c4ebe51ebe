"""How a score goes: by release, and by release and day, as the sums that `scoring/means.py` makes intervals of.

Observations are scores of one name of answers that began within the window. They are clustered by user, or by session,
or by trace where there is neither: what one user got all day is not as many independent observations. A score without
a value (a scorer that could not score) is counted apart. People, users, code and judges that write scores of one name
are kept apart, too. What detectors and guards say is about risks of an answer, not about its quality, and is left out.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol, TypeVar

from msgspec import Struct

from trimtab.scoring.sums import Sums
from trimtab.telemetry.search.query import compile_query, window_params
from trimtab.telemetry.search.score_versions import newest
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

T = TypeVar("T")
Judging = Literal["human", "user", "code", "llm"]
MOST_GROUPS: Final = 2_000
LOOKED_AT: Final = 100_000
_OF_QUALITY: Final = "source NOT IN ('detector', 'guard')"
_UNIT: Final = "multiIf(user != '', concat('u', user), session != '', concat('s', session), concat('t', trace_id))"
_DAY: Final = "intDiv(start_ns, 86400000000000)"
_BOUNDS: Final = "max_rows_to_group_by = 5000000, group_by_overflow_mode = 'throw', max_memory_usage = 1000000000"


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "") -> list[T]: ...


class QualityQuestion(Struct, frozen=True, kw_only=True):
    """Which scores: of that name, of answers that the search finds."""

    name: str
    q: str
    window: Window


class QualityGroup(Struct, frozen=True, kw_only=True):
    """``day`` is days since 1970 (UTC), null for a release as a whole. ``squares``: sum of the values' squares;
    ``other``: values that are neither 0 nor 1; ``unscored``: scores without a value. ``source`` is what scored,
    ``judges`` who: ``evaluator@version``, at most eleven of them."""

    app: str
    release: str
    day: int | None
    source: Judging
    sums: Sums
    squares: float
    low: float
    high: float
    other: int
    unscored: int
    judges: tuple[str, ...]


class ScoreName(Struct, frozen=True, kw_only=True):
    """A score that there is of quality: how many of the newest scores looked at are of that name."""

    name: str
    count: int


async def quality(asker: Asker, project: str, asked: QualityQuestion, *, by_day: bool) -> list[QualityGroup]:
    """Oldest day first; of a day, and of the whole, by app, release and source. Raises `InvalidRequest` for a search
    that does not parse, `Unavailable` while the store is away."""
    condition = compile_query(asked.q, project, asked.window)
    params: dict[str, Value] = {**condition.params, "project": project, "named": asked.name}
    said = newest(
        (
            "trace_id",
            "if(target = 'span', span_id, '')",
            "ifNull(value, 0)",
            "toUInt8(isNull(value))",
            "if(evaluator_version = '', evaluator, concat(evaluator, '@', evaluator_version))",
            "toString(source)",
        ),
        f"valid = 1 AND target != 'session' AND name = {{named:String}} AND {_OF_QUALITY}",
    )
    day = _DAY if by_day else "toInt64(-1)"
    scored = (
        "SELECT app, release, start_ns, trace_id, user, session, n2 AS value, n3 AS missing, n4 AS judge, n5 AS source"  # noqa: S608
        f" FROM spans INNER JOIN (SELECT n0 AS trace_id, n1 AS said_of, n2, n3, n4, n5 FROM ({said})) AS said"
        f" USING (trace_id) WHERE {condition.sql} AND (said_of = '' OR said_of = span_id)"
    )
    sums = (
        "countIf(missing = 0) AS n, sumIf(value, missing = 0) AS s, sumIf(value * value, missing = 0) AS q,"
        " countIf(missing = 0 AND value NOT IN (0, 1)) AS other, countIf(missing = 1) AS u,"
        " minIf(value, missing = 0) AS low, maxIf(value, missing = 0) AS high,"
        " groupUniqArrayIf(11)(judge, judge != '') AS judges"
    )
    units = (
        f"SELECT app, release, {day} AS day, source, {_UNIT} AS unit, {sums} FROM ({scored})"  # noqa: S608
        " GROUP BY app, release, day, source, unit"
    )
    f = "toFloat64(n)"
    sql = (
        "SELECT app, release, day, source, toInt64(countIf(n > 0)), toInt64(sum(n)), sum(s), sum(s * s),"  # noqa: S608
        f" sum({f} * s), sum({f} * {f}), sum(q), minIf(low, n > 0), maxIf(high, n > 0), toInt64(sum(other)),"
        f" toInt64(sum(u)), arraySort(groupUniqArrayArray(11)(judges)) FROM ({units})"
        f" GROUP BY app, release, day, source ORDER BY day, app, release, source LIMIT {MOST_GROUPS}"
    )
    return [_group(line) for line in await asker.ask(list[Any], sql, params, _BOUNDS)]


def _group(line: list[Any]) -> QualityGroup:
    app, release, day, source, units, n, s, ss, ns, nn, squares, low, high, other, unscored, judges = line
    return QualityGroup(
        app=app,
        release=release,
        day=None if int(day) < 0 else int(day),
        source=source,
        sums=Sums(units=int(units), n=int(n), s=float(s), ss=float(ss), ns=float(ns), nn=float(nn)),
        squares=float(squares),
        low=float(low),
        high=float(high),
        other=int(other),
        unscored=int(unscored),
        judges=tuple(judges),
    )


async def score_names(asker: Asker, project: str, window: Window) -> list[ScoreName]:
    """Most frequent first. Raises `Unavailable` while the store is away."""
    sql = (
        "SELECT name, toInt64(count()) AS found FROM (SELECT name FROM scores WHERE project = {project:String}"  # noqa: S608
        " AND at_ns >= {start_ns:Int64} AND at_ns < {end_ns:Int64} AND valid = 1 AND target != 'session'"
        f" AND {_OF_QUALITY} ORDER BY at_ns DESC LIMIT {LOOKED_AT}) GROUP BY name ORDER BY found DESC, name LIMIT 200"
    )
    params: dict[str, Value] = {"project": project, **window_params(window)}
    return [ScoreName(name=name, count=int(count)) for name, count in await asker.ask(list[Any], sql, params, _BOUNDS)]
