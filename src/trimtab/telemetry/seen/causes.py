"""Errors grouped by cause: messages that differ only in ids, numbers and addresses are one cause.

The pattern is made in the store, from the rows that failed and no others, so it is of all of a project's errors at any
time, also of those that came before a better pattern did.

What fails inside a foreign span mostly fails that one, too, with the same words: the model span says that it was the
provider's failure, the spans around it do not. They are one failure, and take the cause of the span that knows most.
"""

from typing import Final

from msgspec import Struct

from trimtab.telemetry.search.query import compile_query, window_params
from trimtab.telemetry.seen.views import CauseExample, CauseReport, CauseRow
from trimtab.telemetry.stores import Value
from trimtab.telemetry.units import step_ms
from trimtab.telemetry.views import Window

PATTERN: Final = 300
"""Characters of a message that its pattern is made of."""
EXAMPLES: Final = 5
_BEFORE_NS: Final = 3_600 * 10**9
"""A trace began this long before its failed span at most, as far as its user is concerned."""

# In this order: an id may hold numbers, an address both. Backslashes as ClickHouse's string literals want them.
_REPLACED: Final = (
    (r"https?://[^\\s\"\'<>)]+", "<url>"),
    (
        r"\\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\\.[0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?",
        "<time>",
    ),
    (r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "<id>"),
    (r"\\b[A-Za-z]{2,10}[-_](?:[A-Za-z]*[0-9][A-Za-z0-9]*){2,}[A-Za-z0-9]{6,}\\b", "<id>"),
    (r"\\b(?:0x[0-9a-fA-F]+|[0-9a-fA-F]{12,})\\b", "<id>"),
    (r"\\b[0-9]+(?:[.,:][0-9]+)*(?:ns|us|ms|s|m|h|k|KB|MB|GB|%)?\\b", "<n>"),
    (r"\\s+", " "),
)


def _pattern() -> str:
    sql = f"leftUTF8(error_message, {PATTERN})"
    for found, word in _REPLACED:
        sql = f"replaceRegexpAll({sql}, '{found}', '{word}')"
    return f"trim({sql})"


_TYPE: Final = r"^(?:[A-Za-z_][A-Za-z0-9_.]*: )+"
"""What an SDK writes before an exception's own words, where an instrumentation writes those alone."""
_FOREIGN_SAID: Final = "request_id = '' AND error_message != ''"


def _said() -> str:
    """What a span failed with, word for word: around another it says the very same."""
    return f"replaceRegexpOne(leftUTF8(error_message, {PATTERN}), '{_TYPE}', '')"


def _together(where: str) -> str:
    """Whether a span, or its parent or child beside it, says the same failure: then they are one."""
    mark = "cityHash64(trace_id, {}, " + _said() + ")"
    own, above = mark.format("span_id"), mark.format("parent_span_id")
    rows = f"FROM spans WHERE {where} AND {_FOREIGN_SAID}"
    return (
        f"({_FOREIGN_SAID} AND ({own} IN (SELECT {above} {rows} AND parent_span_id != '')"
        f" OR (parent_span_id != '' AND {above} IN (SELECT {own} {rows}))))"
    )


def causes_sql(project: str, q: str, window: Window, limit: int) -> tuple[str, dict[str, Value]]:
    """Rows of `CauseLine`. A search chooses traces, every failed span of which is counted."""
    params: dict[str, Value] = {"project": project, **window_params(window)}
    where = (
        "project = {project:String} AND start_ns >= {start_ns:Int64} AND start_ns < {end_ns:Int64} AND status = 'error'"
    )
    if q.strip():
        condition = compile_query(q, project, window)
        params = {**condition.params, **params}
        where += f" AND trace_id IN (SELECT trace_id FROM spans WHERE {condition.sql})"  # noqa: S608
    params["step_ns"] = step_ms(window.end - window.start) * 1_000_000
    sql = (
        "SELECT hex(cityHash64(error_code, error_source, pattern)) AS cause, error_code, error_source, pattern,"  # noqa: S608
        " argMax(error_message, start_ns), count(), uniqExact(failed.trace_id),"
        " uniqExactIf(failed.trace_id, entry = 1),"
        " min(start_ns), max(start_ns), arraySort(groupUniqArrayIf(8)(model, model != '')),"
        " arraySort(groupUniqArrayIf(8)(provider, provider != '')),"
        " uniqExactIf(if(user != '', user, told.user_of_trace) AS person, person != ''),"
        f" groupArraySorted({4 * EXAMPLES})((-start_ns, failed.trace_id, span_id)),"
        " mapKeys(sumMap(map(intDiv(start_ns, {step_ns:Int64}), 1)) AS steps), mapValues(steps), count() OVER ()"
        " FROM (SELECT * REPLACE ("
        "if(together, known.3, error_code) AS error_code, if(together, known.4, error_source) AS error_source,"
        " if(together, known.5, pattern) AS pattern, if(together, known.6, error_message) AS error_message) FROM"
        f" (SELECT *, {_pattern()} AS pattern, {_together(where)} AS together,"
        " max((error_source != '', start_ns, error_code, error_source, pattern, error_message))"
        f" OVER (PARTITION BY together, trace_id, if(together, {_said()}, span_id)) AS known"
        f" FROM spans WHERE {where})) AS failed"
        f" LEFT JOIN ({_users(where)}) AS told ON failed.trace_id = told.trace_id"
        " GROUP BY error_code, error_source, pattern ORDER BY count() DESC, max(start_ns) DESC, cause"
        f" LIMIT {limit}"
    )
    return sql, params


def _users(where: str) -> str:
    """The user of each trace with a failed span, from its entry span: mostly the root alone says who it was for."""
    return (
        "SELECT trace_id, any(user) AS user_of_trace FROM spans WHERE project = {project:String} AND entry = 1"  # noqa: S608
        f" AND start_ns >= {{start_ns:Int64}} - {_BEFORE_NS} AND start_ns < {{end_ns:Int64}} AND user != ''"
        f" AND trace_id IN (SELECT trace_id FROM spans WHERE {where}) GROUP BY trace_id"
    )


class CauseLine(Struct, frozen=True, array_like=True):
    """A row of `causes_sql`. Examples carry the negated time, so that the newest sort first."""

    cause: str
    code: str
    source: str
    pattern: str
    message: str
    spans: int
    traces: int
    failed: int
    first_ns: int
    last_ns: int
    models: list[str]
    providers: list[str]
    users: int
    examples: list[tuple[int, str, str]]
    steps: list[int]
    counts: list[int]
    causes: int


def cause_report(lines: list[CauseLine], window: Window) -> CauseReport:
    """Counts per step from the first step that reaches into the window on, zeros where nothing failed."""
    step = step_ms(window.end - window.start)
    first, end = window.start // step, -(-window.end // step)
    return CauseReport(
        items=[_row(line, first, end) for line in lines],
        more=max(0, lines[0].causes - len(lines)) if lines else 0,
        start=first * step,
        step_ms=step,
    )


def _row(line: CauseLine, first: int, end: int) -> CauseRow:
    found = dict(zip(line.steps, line.counts, strict=True))
    return CauseRow(
        cause=line.cause.lower(),
        code=line.code,
        source=line.source,
        pattern=line.pattern,
        message=line.message,
        spans=line.spans,
        traces=line.traces,
        failed=line.failed,
        first=line.first_ns / 1e6,
        last=line.last_ns / 1e6,
        models=line.models,
        providers=line.providers,
        users=line.users,
        examples=_examples(line),
        counts=[found.get(step, 0) for step in range(first, end)],
    )


def _examples(line: CauseLine) -> list[CauseExample]:
    """One of each trace: a failed attempt and the request that failed by it say the same."""
    newest: dict[str, CauseExample] = {}
    for at, trace, span in line.examples:
        newest.setdefault(trace, CauseExample(trace_id=trace, span_id=span, at=-at / 1e6))
    return list(newest.values())[:EXAMPLES]
