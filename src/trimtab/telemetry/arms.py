"""What the arms of a rollout did since a moment: for all metrics at once, the sums that `scoring/stats.py` compares.

One statement over the request rows of one project, app and environment. Calls are summed by unit (who they were
assigned by), then units by arm, so that nothing but a few numbers leaves the store. docs/rollout-statistics.md says
which calls count in which metric, and why.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol, TypeVar, get_args

from msgspec import Struct

from trimtab.scoring.sums import ArmFigures, Sums
from trimtab.telemetry.scores.types import Source
from trimtab.telemetry.search.score_versions import newest
from trimtab.telemetry.stores import Value

T = TypeVar("T")
Sticky = Literal["user", "session", "request"]
SCORE: Final = "score:"
RELEASE_FAULTS: Final = (
    "model_not_found",
    "operation_unsupported",
    "policy_not_found",
    "release_broken",
    "route_broken",
    "route_refused",
    "unsupported",
)
"""Codes of refusals for which a release is to blame, though they are told to the caller as its own; those that begin
with ``prompt_`` besides."""
_BOUNDS: Final = "max_rows_to_group_by = 5000000, group_by_overflow_mode = 'throw', max_memory_usage = 1000000000"
_UNITS: Final[dict[Sticky, str]] = {
    "user": "multiIf(user != '', concat('u', user), session != '', concat('s', session), concat('r', span_id))",
    "session": "if(session != '', concat('s', session), concat('r', span_id))",
    "request": "span_id",
}
_REFUSED: Final = (
    "status = 'error' AND error_source = 'client' AND NOT startsWith(error_code, 'prompt_')"
    f" AND error_code NOT IN ({', '.join(repr(code) for code in RELEASE_FAULTS)})"
)
_COUNTS: Final = f"status IN ('ok', 'error') AND NOT ({_REFUSED})"
# What was answered out of the cache says nothing of how a release answers, and a new release begins with an empty one.
# A refusal that a guard gave before any provider was asked is neither fast nor cheap, but no answer.
_ASKED: Final = "attempts > 0 AND provider != 'guard'"
_ANSWERED: Final = f"status = 'ok' AND {_ASKED}"
_PICO: Final = 1e12

CAP_CALLS: Final = 10_000
CAP_LEAST: Final = 200
CAP_SHARE: Final = 0.995
CAP_TIMES: Final = 10.0
CAP_NS: Final = 7 * 24 * 3_600 * 10**9


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "") -> list[T]: ...


class Arm(Struct, frozen=True):
    """Which calls are an arm's: of that variant (``stable``, ``candidate``, ``shadow``) and release (``r12``)."""

    variant: str
    release: str


class Metric(Struct, frozen=True):
    """``name``: errors, cancelled, latency, ttft, cost, silent, feedback, guard_block_rate, guard_flag_rate, a
    detector's name, or ``score:NAME``. Values
    above ``cap`` count as it (cost and scores; in the currency, or the score's scale)."""

    name: str
    cap: float | None = None


class ArmsQuestion(Struct, frozen=True, kw_only=True):
    """``since_ns`` and ``until_ns`` (not included) are of the calls' beginnings, Unix ns."""

    app: str
    environment: str
    arms: tuple[Arm, ...]
    sticky: Sticky
    since_ns: int
    until_ns: int
    metrics: tuple[Metric, ...]


class _Bound(Struct):
    """Values that are bound to placeholders, each under a name of its own."""

    params: dict[str, Value] = {}

    def text(self, value: str) -> str:
        name = f"v{len(self.params)}"
        self.params[name] = value
        return f"{{{name}:String}}"

    def number(self, value: float) -> str:
        name = f"v{len(self.params)}"
        self.params[name] = repr(float(value))
        return f"{{{name}:Float64}}"


async def figures_of_arms(asker: Asker, project: str, asked: ArmsQuestion) -> tuple[ArmFigures, ...]:
    """In the order of ``asked.arms``. Latency and time to first token are logarithms of milliseconds, cost is in the
    currency. Raises `Unavailable` while the store is away."""
    bound = _Bound(params={"project": project, "since": asked.since_ns, "until": asked.until_ns})
    wanted = [_metric(each, bound) for each in asked.metrics]
    by_unit = [f"countIf({_COUNTS}) AS calls", "countIf(status = 'cancelled') AS gone", f"countIf({_REFUSED}) AS no"]
    by_arm = ["sum(calls)", "countIf(calls > 0)", "sum(gone)", "sum(no)"]
    for at, (counts, value) in enumerate(wanted):
        by_unit += [f"countIf({counts}) AS n{at}", f"sumIf({value}, {counts}) AS s{at}"]
        n, s = f"toFloat64(n{at})", f"s{at}"
        by_arm += [f"countIf(n{at} > 0)", f"sum(n{at})", f"sum({s})", f"sum({s} * {s})", f"sum({n} * {s})"]
        by_arm += [f"sum({n} * {n})"]
    source = "spans"
    if any(_scored(each.name) for each in asked.metrics):
        source += f" LEFT ANY JOIN ({_said()}) AS said USING (trace_id)"
    arms = " OR ".join(
        f"(variant = {bound.text(arm.variant)} AND release = {bound.text(arm.release)})" for arm in asked.arms
    )
    where = (
        "project = {project:String} AND entry = 1 AND request_id != '' AND start_ns >= {since:Int64}"
        f" AND start_ns < {{until:Int64}} AND app = {bound.text(asked.app)}"
        f" AND environment = {bound.text(asked.environment)} AND ({arms})"
    )
    units = (
        f"SELECT variant AS arm, release AS of, {_UNITS[asked.sticky]} AS unit, {', '.join(by_unit)}"  # noqa: S608
        f" FROM {source} WHERE {where} GROUP BY arm, of, unit"
    )
    sql = f"SELECT arm, of, {', '.join(by_arm)} FROM ({units}) GROUP BY arm, of"  # noqa: S608  our own text around placeholders
    lines = await asker.ask(list[Any], sql, bound.params, _BOUNDS)
    found = {Arm(line[0], line[1]): _figures(line[2:], asked.metrics) for line in lines}
    return tuple(found.get(arm, ArmFigures()) for arm in asked.arms)


async def usual_cap(asker: Asker, project: str, app: str, environment: str, before_ns: int) -> float | None:
    """Ten times what hardly a call cost more than (the 99.5th percentile of the last 10,000 calls of the week before
    that moment), in the currency: a few monstrous calls do not drown a comparison, and a candidate that is dearer
    throughout shows. The bound is fixed before the first call that is compared; None where there were too few."""
    params: dict[str, Value] = {
        "project": project,
        "app": app,
        "environment": environment,
        "from": max(0, before_ns - CAP_NS),
        "before": before_ns,
    }
    last = (
        "SELECT cost FROM spans WHERE project = {project:String} AND entry = 1 AND request_id != ''"  # noqa: S608
        " AND start_ns >= {from:Int64} AND start_ns < {before:Int64} AND app = {app:String}"
        f" AND environment = {{environment:String}} AND cost IS NOT NULL AND unpriced = 0 AND attempts > 0"
        f" ORDER BY start_ns DESC LIMIT {CAP_CALLS}"
    )
    sql = f"SELECT count(), toFloat64(quantileExact({CAP_SHARE})(assumeNotNull(cost))) FROM ({last})"  # noqa: S608
    lines = await asker.ask(tuple[int, float | None], sql, params)
    count, cap = lines[0] if lines else (0, None)
    return CAP_TIMES * cap / _PICO if count >= CAP_LEAST and cap else None


# --- metrics ---


def _did(*actions: str) -> str:
    """Whether a guard that is enforced did one of these (`guard_rows.marks`)."""
    ends = " OR ".join(f"endsWith(each, '|{action}|enforce')" for action in actions)
    return f"toFloat64(arrayExists(each -> {ends}, guards))"


_SIMPLE: Final = {
    "guard_block_rate": (_COUNTS, _did("block", "escalate")),
    "guard_flag_rate": (_COUNTS, _did("flag", "redact")),
    "errors": (_COUNTS, "toFloat64(status = 'error')"),
    "latency": (_ANSWERED, "log(greatest(duration_ns, 1000) / 1e6)"),
    "cancelled": (f"status = 'cancelled' OR ({_COUNTS})", "toFloat64(status = 'cancelled')"),
    "ttft": (f"{_ANSWERED} AND ttft_ns IS NOT NULL", "log(greatest(assumeNotNull(ttft_ns), 1000) / 1e6)"),
}
_PRICED: Final = f"{_COUNTS} AND {_ASKED} AND cost IS NOT NULL AND unpriced = 0"
_JUDGED: Final = f"{_ANSWERED} AND captured = 1"
_BY_USERS: Final = ("abandoned", "asked_again")
"""Detectors of what users did with an answer, which says nothing of what is wrong with it."""
_MINE: Final = "(each.1 = '' OR each.1 = span_id)"


def _scored(name: str) -> bool:
    return name not in _SIMPLE and name != "cost"


def _metric(metric: Metric, bound: _Bound) -> tuple[str, str]:
    """Which calls have a value, and which it is."""
    name = metric.name
    if name in _SIMPLE:
        return _SIMPLE[name]
    if name == "cost":
        amount = "toFloat64(assumeNotNull(cost))"
        capped = amount if metric.cap is None else f"least({amount}, {bound.number(metric.cap * _PICO)})"
        return _PRICED, f"{capped} / {_PICO}"
    if name == "silent":
        of = f"each.3 = 'detector' AND each.2 NOT IN {_BY_USERS}"
        return _JUDGED, f"toFloat64(arrayExists(each -> {_MINE} AND {of}, scores_of))"
    if name == "feedback":
        return _mean("each.3 IN ('human', 'user')", "greatest(0., least(1., each.4))")
    if name.startswith(SCORE):
        value = "each.4" if metric.cap is None else f"least(each.4, {bound.number(metric.cap)})"
        return _mean(_named(name.removeprefix(SCORE), bound), value)
    of = f"each.3 = 'detector' AND each.2 = {bound.text(name)}"
    return _JUDGED, f"toFloat64(arrayExists(each -> {_MINE} AND {of}, scores_of))"


def _named(name: str, bound: _Bound) -> str:
    """Which scores ``NAME`` or ``NAME@SOURCE`` means: of one source only, or whoever said it."""
    bare, at, source = name.rpartition("@")
    if at and source in get_args(Source):
        return f"each.2 = {bound.text(bare)} AND each.3 = {bound.text(source)}"
    return f"each.2 = {bound.text(name)}"


def _mean(which: str, value: str) -> tuple[str, str]:
    """Of a call's scores of one name their mean, or of all that people gave."""
    own = f"arrayFilter(each -> {_MINE} AND {which}, scores_of)"
    return f"{_COUNTS} AND notEmpty({own})", f"arrayAvg(each -> {value}, {own})"


def _said() -> str:
    """The numbers that were said of traces and spans since the calls began: by trace, each as (span or nothing, name,
    source, value)."""
    fits = "at_ns >= {since:Int64} AND valid = 1 AND target != 'session' AND value IS NOT NULL"
    of_span = "if(target = 'span', span_id, '')"
    found = newest(("trace_id", of_span, "name", "source", "assumeNotNull(value)"), fits)
    return f"SELECT n0 AS trace_id, groupArray((n1, n2, n3, n4)) AS scores_of FROM ({found}) GROUP BY n0"  # noqa: S608


def _figures(line: Sequence[Any], metrics: tuple[Metric, ...]) -> ArmFigures:
    calls, units, cancelled, refused = (int(each) for each in line[:4])
    values: dict[str, Sums] = {}
    for at, metric in enumerate(metrics):
        count, n, s, ss, ns, nn = line[4 + 6 * at : 10 + 6 * at]
        values[metric.name] = Sums(units=int(count), n=int(n), s=s, ss=ss, ns=ns, nn=nn)
    return ArmFigures(calls=calls, units=units, cancelled=cancelled, refused=refused, values=values)
