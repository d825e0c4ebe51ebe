"""Tools: how their own spans fared, and how models used them.

A model's answer that calls tools leaves one row per call in ``tool_calls``: which tool, and what was wrong with the
call, if anything. So misuse is a share of something, and a tool that an application runs without telling us is
seen too.
"""

from typing import Final

from msgspec import Struct

from trimtab.telemetry.search.named import TOOL
from trimtab.telemetry.search.query import compile_query, window_params
from trimtab.telemetry.seen.views import ToolReport, ToolRow
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

MOST_TOOLS: Final = 500

_RUNS: Final = (
    f"{TOOL} AS called, count(), countIf(status = 'error'), quantilesExact(0.5, 0.95)(duration_ns),"
    " argMaxIf(error_message, start_ns, status = 'error'), uniqExact(trace_id),"
    " min(start_ns), max(start_ns), argMaxIf(trace_id, start_ns, status = 'error'), maxIf(start_ns, status = 'error')"
)
_ASKED: Final = (
    "tool, count(), countIf(problem = 'unreadable'), countIf(problem = 'invalid'), countIf(problem = 'unknown'),"
    " uniqExact(trace_id), arraySort(groupUniqArrayIf(8)(model, model != '')), min(at_ns), max(at_ns),"
    " argMaxIf(trace_id, at_ns, problem != ''), maxIf(at_ns, problem != ''), argMaxIf(detail, at_ns, problem != '')"
)


class RunLine(Struct, frozen=True, array_like=True):
    """A tool's own spans: `_RUNS`."""

    tool: str
    runs: int
    failed: int
    took: tuple[float, float]
    last_error: str
    traces: int
    first_ns: int
    last_ns: int
    example: str
    example_ns: int


class AskedLine(Struct, frozen=True, array_like=True):
    """What models wrote for a tool: `_ASKED`."""

    tool: str
    asked: int
    unreadable: int
    invalid: int
    unknown: int
    traces: int
    models: list[str]
    first_ns: int
    last_ns: int
    example: str
    example_ns: int
    problem: str


def tools_sql(project: str, q: str, window: Window) -> tuple[str, str, dict[str, Value]]:
    """The statements for `RunLine` and `AskedLine`. A search chooses traces."""
    params: dict[str, Value] = {"project": project, **window_params(window)}
    within = ""
    if q.strip():
        condition = compile_query(q, project, window)
        params = {**condition.params, **params}
        within = f" AND trace_id IN (SELECT trace_id FROM spans WHERE {condition.sql})"  # noqa: S608
    scope = "project = {{project:String}} AND {0} >= {{start_ns:Int64}} AND {0} < {{end_ns:Int64}}"
    runs = (
        f"SELECT {_RUNS} FROM spans WHERE {scope.format('start_ns')} AND kind = 'tool'{within}"  # noqa: S608
        f" GROUP BY called ORDER BY count() DESC, called LIMIT {MOST_TOOLS}"
    )
    asked = (
        f"SELECT {_ASKED} FROM tool_calls FINAL WHERE {scope.format('at_ns')}{within}"  # noqa: S608
        f" GROUP BY tool ORDER BY count() DESC, tool LIMIT {MOST_TOOLS}"
    )
    return runs, asked, params


def tool_report(runs: list[RunLine], asked: list[AskedLine]) -> ToolReport:
    """A row per name."""
    ran = {line.tool: line for line in runs}
    wanted = {line.tool: line for line in asked}
    rows = [_row(name, ran.get(name), wanted.get(name)) for name in dict.fromkeys([*ran, *wanted])]
    return ToolReport(items=sorted(rows, key=lambda row: (-_trouble(row), -(row.runs + row.asked), row.tool)))


def _trouble(row: ToolRow) -> int:
    return row.failed + row.unreadable + row.invalid + row.unknown


def _row(name: str, ran: RunLine | None, asked: AskedLine | None) -> ToolRow:
    known = [line for line in (ran, asked) if line is not None]
    newest = max(known, key=lambda line: line.example_ns)
    return ToolRow(
        tool=name,
        runs=ran.runs if ran else 0,
        failed=ran.failed if ran else 0,
        p50=round(ran.took[0] / 1e6, 3) if ran else None,
        p95=round(ran.took[1] / 1e6, 3) if ran else None,
        last_error=ran.last_error if ran else "",
        asked=asked.asked if asked else 0,
        unreadable=asked.unreadable if asked else 0,
        invalid=asked.invalid if asked else 0,
        unknown=asked.unknown if asked else 0,
        traces=max(line.traces for line in known),
        models=asked.models if asked else [],
        first=min(line.first_ns for line in known) / 1e6,
        last=max(line.last_ns for line in known) / 1e6,
        example=newest.example,
        problem=asked.problem if asked else "",
    )
