"""The words of an aggregation: dimensions to group by, metrics to compute, steps of time.

    dimension = "model" | "user" | … | "meta." name
    metric    = "count" | "errors" | "error_rate" | … | measure | function "(" measure ")"
              | "uniq(" dimension ")" | "top(" dimension ["," number] ")"
              | "count(" score ")" | "below(" score "," number ")"
    function  = "sum" | "avg" | "min" | "max" | "p" number            p50, p95, p99.9
    measure   = "duration" | "ttft" | "cost" | "tokens" | … | "meta." name | score
    score     = "score." name                                         what was said of them, one value per score
    step      = "none" | "auto" | number ("s" | "m" | "h" | "d" | "w")

A bare measure is its sum, a bare score its mean. Only words of these tables choose SQL; a metadata key and a
score's name are bound values.
"""

import difflib
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.search.aggregate_views import Figure, Of, TopValue, Unit
from trimtab.telemetry.search.keys import TIER
from trimtab.telemetry.search.named import AGENT_OR_NONE, TOOL_OR_NONE
from trimtab.telemetry.search.query import TOKENS
from trimtab.telemetry.stores import Value
from trimtab.telemetry.units import dollars, step_ms

MAX_DIMENSIONS: Final = 4
MAX_METRICS: Final = 16
MAX_STEPS: Final = 1_000
TOP_VALUES: Final = 5
MOST_TOP_VALUES: Final = 50
_NAME: Final = r"[^\s:\"(),]{1,200}"

Bind = Callable[[Value], str]
Read = Callable[[Any], Figure]
"""From the store's value to the answer's."""

DIMENSIONS: Final[dict[str, str]] = {
    "model": "model",
    "model_used": "model_used",
    "provider": "provider",
    "status": "status",
    "kind": "kind",
    "name": "name",
    "feature": "feature",
    "user": "user",
    "session": "session",
    "key": "key_id",
    "app": "app",
    "release": "release",
    "environment": "environment",
    "tag": "arrayJoin(if(empty(tags), [''], tags))",
    "error": "error_code",
    "stop": "stop",
    "stream": "if(stream = 1, 'true', 'false')",
    "price": "price",
    "http_status": "toString(http_status)",
    "trace": "trace_id",
    "variant": "variant",
    "class": "data_class",
    "tier": TIER,
    "tool": TOOL_OR_NONE,
    "agent": AGENT_OR_NONE,
}
"""SQL of each dimension, a string, in the order in which they are offered; ``meta.<key>`` besides."""
OF_SPANS: Final = ("tool", "agent")
"""Dimensions of which a trace has many values: they are of spans alone."""


class Measure(Struct, frozen=True):
    """``sql`` is a number of the store (nanoseconds, picodollars, tokens); ``nullable`` where it may be null.
    Of a score it is an array of all values of that name, and ``score`` the placeholder of the name."""

    sql: str
    unit: Unit
    nullable: bool = False
    score: str = ""


MEASURES: Final[dict[str, Measure]] = {
    "duration": Measure("duration_ns", "ms"),
    "ttft": Measure("ttft_ns", "ms", nullable=True),
    "cost": Measure("cost", "usd", nullable=True),
    "tokens": Measure(TOKENS, "tokens"),
    "input": Measure("input_tokens", "tokens"),
    "cache_read": Measure("cache_read_tokens", "tokens"),
    "cache_write": Measure("cache_write_tokens", "tokens"),
    "output": Measure("output_tokens", "tokens"),
    "reasoning": Measure("reasoning_tokens", "tokens"),
    "attempts": Measure("attempts", "count"),
    "fallbacks": Measure("fallbacks", "count"),
}
"""What can be summed; ``meta.<key>`` besides, where its values are numbers."""

_COUNTED: Final = ("cost", "tokens", "input", "cache_read", "cache_write", "output", "reasoning")
ITS_OWN: Final[dict[str, Measure]] = {
    **MEASURES,
    **{
        name: Measure(f"if(leaf = 1, {MEASURES[name].sql}, NULL)", MEASURES[name].unit, nullable=True)
        for name in _COUNTED
    },
}
"""The same of spans: the span that stands for a trace shows what all of its calls used, beside each call itself. Only
the calls count, or all would be counted twice."""

COUNTS: Final[dict[str, tuple[str, Unit]]] = {
    "count": ("count()", "count"),
    "errors": ("countIf(status = 'error')", "count"),
    "error_rate": ("countIf(status = 'error') / count()", "ratio"),
    "cancelled": ("countIf(status = 'cancelled')", "count"),
    "unpriced": ("sum(unpriced)", "count"),
    "estimated": ("countIf(tokens_estimated = 1)", "count"),
}
"""Metrics without an argument."""
OWN_COUNTS: Final[dict[str, tuple[str, Unit]]] = {
    **COUNTS,
    "unpriced": ("sumIf(unpriced, leaf = 1)", "count"),
    "estimated": ("countIf(tokens_estimated = 1 AND leaf = 1)", "count"),
}
"""The same of spans (`ITS_OWN`)."""

FUNCTIONS: Final = ("sum", "avg", "min", "max", "p50", "p75", "p90", "p95", "p99", "uniq", "top", "count", "below")


class Metric(Struct, frozen=True):
    """``sql`` computes it, ``order`` sorts by it (the same, but for sums that leave the store as text). It reads the
    column ``scored`` of scores whose name is the placeholder ``score``, where it is of scores."""

    name: str
    unit: Unit
    sql: str
    order: str
    read: Read
    score: str = ""
    scored: str = ""


def names_of(text: str) -> list[str]:
    """A list in one parameter, split at the commas outside parentheses."""
    return [part.strip() for part in re.findall(r"(?:[^,(]|\([^)]*\)?)+", text) if part.strip()]


# --- dimensions ----------------------------------------------------------------------------------------------------


def dimension(name: str, bind: Bind, param: str = "group_by") -> str:
    """SQL of one dimension. Raises `InvalidRequest`."""
    if re.fullmatch(rf"meta\.{_NAME}", name):
        return f"metadata[{bind(name.removeprefix('meta.'))}]"
    if name not in DIMENSIONS:
        raise _unknown(name, "a dimension", (*DIMENSIONS, "meta.<name>"), param)
    return DIMENSIONS[name]


def dimensions(names: list[str], bind: Bind) -> list[str]:
    if len(names) > MAX_DIMENSIONS:
        raise _wrong(f"Grouping is by at most {MAX_DIMENSIONS} dimensions.", "Leave some out.", "group_by")
    if len(set(names)) < len(names):
        raise _wrong("A dimension is named twice.", "Name each once.", "group_by")
    return [dimension(name, bind) for name in names]


def check_of_spans(group_by: list[str], metrics: list[str]) -> None:
    """Of traces only what each has one value of. Raises `InvalidRequest`."""
    found = [("group_by", name) for name in group_by if name in OF_SPANS]
    found += [("metrics", name) for name in OF_SPANS for each in metrics if re.search(rf"\(\s*{name}\b", each)]
    for param, name in found:
        fix = "Ask of spans: 'of' is spans (--of spans, 'Spans' in the console)."
        raise _wrong(f"A trace has no single {name}, so traces cannot be grouped by it.", fix, param)


# --- metrics -------------------------------------------------------------------------------------------------------

_CALL = re.compile(r"\s*([A-Za-z0-9_.]+)\s*\(\s*([^()]*?)\s*\)\s*")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,3})?)")


def metrics(names: list[str], bind: Bind, of: Of = "traces") -> list[Metric]:
    """Raises `InvalidRequest` with the metric that is wrong and what would be right."""
    if not names:
        raise _wrong("No metric is asked for.", "Ask for example for count,cost,p95(duration).", "metrics")
    if len(names) > MAX_METRICS:
        raise _wrong(f"At most {MAX_METRICS} metrics can be asked for at once.", "Leave some out.", "metrics")
    return [metric(name, bind, of) for name in names]


def metric(name: str, bind: Bind, of: Of) -> Metric:
    if name in COUNTS:
        sql, unit = (COUNTS if of == "traces" else OWN_COUNTS)[name]
        return Metric(name, unit, sql, sql, _number if unit == "ratio" else _whole)
    found = _CALL.fullmatch(name)
    if found is None:
        if name.startswith("score."):
            return _of_score(name, "avg", measure(name, bind, of), "", bind)
        if name in MEASURES or name.startswith("meta."):
            return _of_measure(name, "sum", measure(name, bind, of))
        known = (*COUNTS, *MEASURES, "score.<name>", *(f"{each}(…)" for each in FUNCTIONS))
        raise _unknown(name, "a metric", known, "metrics")
    function, argument = found[1].lower(), found[2]
    if function == "uniq":
        sql = f"uniqExactIf({dimension(argument, bind, 'metrics')}, {dimension(argument, bind, 'metrics')} != '')"
        return Metric(name, "count", sql, sql, _whole)
    if function == "top":
        return _top(name, argument, bind)
    what, _, bound = (part.strip() for part in argument.partition(","))
    if what.startswith("score."):
        return _of_score(name, function, measure(what, bind, of), bound, bind)
    if function in ("count", "below"):
        raise _wrong(f"{function}() is of a score, not of {what[:80]!r}.", f"Write {_SCORE_EXAMPLES}.", "metrics")
    return _of_measure(name, function, measure(argument, bind, of))


def measure(name: str, bind: Bind, of: Of) -> Measure:
    if re.fullmatch(rf"meta\.{_NAME}", name):
        return Measure(f"toFloat64OrNull(metadata[{bind(name.removeprefix('meta.'))}])", "number", nullable=True)
    if re.fullmatch(rf"score\.{_NAME}", name):
        placeholder = bind(name.removeprefix("score."))
        return Measure(f"scored_{placeholder[1:].partition(':')[0]}", "number", nullable=True, score=placeholder)
    if name not in MEASURES:
        raise _unknown(name, "a measure", (*MEASURES, "meta.<name>", "score.<name>"), "metrics")
    return (MEASURES if of == "traces" else ITS_OWN)[name]


_SCORE_EXAMPLES: Final = "count(score.helpful), avg(score.helpful), p50(score.helpful) or below(score.helpful, 0.5)"


def _of_score(name: str, function: str, of: Measure, bound: str, bind: Bind) -> Metric:
    """Over every score of that name, however many there are of one trace: null where there is none."""
    unit: Unit = "number"
    if bound and function != "below":
        raise _wrong(f"{function}() of a score takes nothing besides it.", f"Write {_SCORE_EXAMPLES}.", "metrics")
    if function == "count":
        sql, unit = f"sum(length({of.sql}))", "count"
    elif function == "below":
        limit = f"toFloat64({bind(_threshold(bound))})"
        sql = f"sum(arrayCount(x -> x < {limit}, {of.sql})) / nullIf(sum(length({of.sql})), 0)"
        unit = "ratio"
    elif function in ("sum", "avg", "min", "max"):
        sql = f"{function}OrNullArray({of.sql})"
    elif (found := _PERCENTILE.fullmatch(function)) is not None:
        sql = f"quantileExactOrNullArray({Decimal(found[1]).scaleb(-2):f})({of.sql})"
    else:
        raise _unknown(function, "a function", FUNCTIONS, "metrics")
    return Metric(name, unit, sql, sql, _whole if unit == "count" else _number, score=of.score, scored=of.sql)


def _threshold(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _wrong(f"{text[:40]!r} is not a number to be below.", f"Write {_SCORE_EXAMPLES}.", "metrics")
    return repr(number)


def _of_measure(name: str, function: str, of: Measure) -> Metric:
    if function == "sum":
        return _sum(name, of)
    if function in ("avg", "min", "max"):
        sql = f"{function}OrNull({of.sql})"
    elif (found := _PERCENTILE.fullmatch(function)) is not None:
        sql = f"quantileExactOrNull({Decimal(found[1]).scaleb(-2):f})({of.sql})"
    else:
        raise _unknown(function, "a function", FUNCTIONS, "metrics")
    return Metric(name, of.unit, sql, sql, _READ.get(of.unit, _number))


def _sum(name: str, of: Measure) -> Metric:
    """Money in 128 bits, as text, so that no digit is lost; null where nothing has a value."""
    if of.unit == "usd":
        order = f"sumOrNull(toInt128({of.sql}))"
        return Metric(name, of.unit, f"toString({order})", order, _dollars)
    sql = f"sumOrNull({of.sql})" if of.nullable else f"sum({of.sql})"
    return Metric(name, of.unit, sql, sql, _READ.get(of.unit, _number))


def _top(name: str, argument: str, bind: Bind) -> Metric:
    """Space saving over many times the values that are asked for:
    https://clickhouse.com/docs/sql-reference/aggregate-functions/reference/topk."""
    of, _, number = (part.strip() for part in argument.partition(","))
    most = int(number) if number.isdecimal() and len(number) < 4 else (0 if number else TOP_VALUES)
    if not 1 <= most <= MOST_TOP_VALUES:
        raise _wrong(
            f"top() gives 1 to {MOST_TOP_VALUES} values, not {number[:20]!r}.", "Write for example top(user, 10).",
            "metrics",
        )  # fmt: skip
    sql = dimension(of, bind, "metrics")
    if of == "tag":
        raise _wrong("top(tag) cannot be computed.", "Group by tag, and count.", "metrics")
    values = f"arrayMap(x -> (x.1, x.2), topKIf({most}, 20, 'counts')({sql}, {sql} != ''))"
    return Metric(name, "values", values, "count()", _values)


def _whole(value: Any) -> Figure:
    return None if value is None else int(value)


def _number(value: Any) -> Figure:
    return value if value is None or isinstance(value, int) else round(float(value), 6)


def _milliseconds(value: Any) -> Figure:
    return None if value is None else round(float(value) / 1e6, 3)


def _dollars(value: Any) -> Figure:
    return None if value is None else dollars(round(Decimal(str(value))))


def _values(value: Any) -> Figure:
    return [TopValue(value=str(each[0]), count=int(each[1])) for each in value]


_READ: Final[dict[Unit, Read]] = {"ms": _milliseconds, "usd": _dollars, "count": _number, "tokens": _number}

# --- time ----------------------------------------------------------------------------------------------------------

_STEP = re.compile(r"(\d{1,6})(s|m|h|d|w)")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def step_of(text: str, length_ms: int) -> int:
    """The length of a step, milliseconds, of a window of ``length_ms``; 0 for none. Raises `InvalidRequest`."""
    if text in ("", "none"):
        return 0
    if text == "auto":
        return step_ms(length_ms)
    found = _STEP.fullmatch(text)
    step = int(found[1]) * _SECONDS[found[2]] * 1000 if found else 0
    if step == 0:
        fix = "Write none, auto, or a length such as 30s, 5m, 1h or 1d."
        raise _wrong(f"{text[:40]!r} is not a step of time.", fix, "interval")
    if length_ms > 0 and -(-length_ms // step) > MAX_STEPS:
        fix = f"Take a longer step or a shorter time: there may be {MAX_STEPS}. 'auto' finds one."
        raise _wrong(f"Steps of {text} cut this time into more than {MAX_STEPS}.", fix, "interval")
    return step


def _unknown(name: str, what: str, known: Iterable[str], param: str) -> InvalidRequest:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]}? " if near else ""
    return _wrong(f"{name[:80]!r} is not {what}.", f"{hint}There are {', '.join(names)}.", param)


def _wrong(what: str, fix: str, param: str) -> InvalidRequest:
    return InvalidRequest(what, fix=fix, param=param)
