"""Recorded calls by what policies can see of them: how many there were of each kind, and one of them.

Calls that are alike in all that policies look at would be decided alike, so they are counted and not listed: a week of
any traffic is as many rows as it has kinds of calls.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

MOST_KINDS: Final = 50_000
_TRACES_AT_ONCE: Final = 500
# The line of the decision record that says which of the project's models answered, else which was asked first; the
# record is a list, or an object that has one.
_LINES: Final = "JSONExtractArrayRaw(if(startsWith(decision, '['), decision, JSONExtractRaw(decision, 'lines')))"
_CHOSEN: Final = (
    "JSONExtractString(arrayFirst(line -> JSONExtractString(line, 'provider') != 'cache',"
    " arraySort(line -> JSONExtractString(line, 'verdict') != 'chosen',"
    f" arrayFilter(line -> JSONExtractString(line, 'verdict') IN ('chosen', 'failed'), {_LINES}))), 'model')"
)
SEEN: Final[Mapping[str, str]] = {
    "feature": "feature",
    "user": "user",
    "tags": "toJSONString(arraySort(tags))",
    "now": "toString(intDiv(start_ns, 60000000000))",
    "hour": "toString(intDiv(start_ns, 3600000000000))",
    "weekday": "toString(intDiv(start_ns, 86400000000000))",
}
"""What a kind is split by where a policy looks at it. Times are buckets since the epoch."""


class CallKind(Struct, frozen=True, array_like=True):
    """``asked`` is the name that was called, ``chosen`` the project's model that answered, else the first that was
    asked (empty where none was), ``denied`` 1 for calls that policies refused. ``seen`` are the values of what was
    asked for beside them, as text, in order. ``trace_id`` is of the newest of ``calls``, at ``last_ns``."""

    key_id: str
    app: str
    environment: str
    asked: str
    chosen: str
    provider: str
    data_class: str
    denied: int
    seen: list[str]
    calls: int
    trace_id: str
    last_ns: int


AskClasses = Callable[["type[ClassLine]", str, Mapping[str, Value]], Awaitable["list[ClassLine]"]]
Ask = Callable[[type[CallKind], str, Mapping[str, Value]], Awaitable[list[CallKind]]]


async def kinds(ask: Ask, project: str, q: str, window: Window, seen: Sequence[str]) -> list[CallKind]:
    """The kinds of calls of that search and time that reached a provider or were refused by a policy, those with the
    most calls first; ``seen`` names what beside the usual they are told apart by (`SEEN`). Raises `Unavailable`,
    `InvalidRequest`."""
    found = compile_query(q, project, window)
    split = [SEEN[name] for name in seen if name in SEEN]
    array = f"[{', '.join(split)}]" if split else "emptyArrayString()"
    columns = f"key_id, app, environment, model, {_CHOSEN} AS chosen, provider, data_class"
    denied = "toUInt8(error_code IN ('policy_forbidden', 'policy_error')) AS denied"
    sql = (
        f"SELECT {columns}, {denied}, {array} AS seen, count() AS calls, argMax(trace_id, start_ns), max(start_ns)"  # noqa: S608
        f" FROM spans WHERE {found.sql} AND kind = 'span' AND entry = 1 AND request_id != ''"
        " AND (attempts > 0 OR denied = 1) AND provider != 'cache'"
        " GROUP BY key_id, app, environment, model, chosen, provider, data_class, denied, seen"
        f" ORDER BY calls DESC, key_id, model, chosen LIMIT {MOST_KINDS + 1}"
    )
    return await ask(CallKind, sql, found.params)


class ClassLine(Struct, frozen=True, array_like=True):
    data_class: str


async def classes_of(ask: AskClasses, project: str, traces: Sequence[str]) -> list[str]:
    """The data classes of the calls of some traces, each once."""
    found: set[str] = set()
    sql = (
        "SELECT DISTINCT data_class FROM spans WHERE project = {project:String}"
        " AND trace_id IN (SELECT arrayJoin(splitByChar(',', {ids:String})))"
    )
    for at in range(0, len(traces), _TRACES_AT_ONCE):
        ids = ",".join(traces[at : at + _TRACES_AT_ONCE])
        found |= {line.data_class for line in await ask(ClassLine, sql, {"project": project, "ids": ids})}
    return sorted(found)
