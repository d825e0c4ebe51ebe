"""What is sent of closed traces, read from the store: spans, and their texts where a destination wants them."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from trimtab.telemetry import answers
from trimtab.telemetry.answers import IOLine, OwnLine, SpanLine, span_lines
from trimtab.telemetry.calls.mapper import SHARED_REQUEST, SHARED_RESPONSE
from trimtab.telemetry.conversation import Bodies, conversation
from trimtab.telemetry.forward.closing import Arrival, Closing, closings
from trimtab.telemetry.removal.upkeep import ids
from trimtab.telemetry.search.query import compile_query
from trimtab.telemetry.shown import OF_ANY
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import SpanIO, TraceDetail, Window

T = TypeVar("T")
MOST_SPANS: Final = 50_000
"""Of one trace; the first ones by time."""
TEXT_BYTES: Final = 32 << 20
"""Texts that are read at once, of all closings that are read together: a trace may hold any number of long ones. What
is beyond is left out, and says so; the spans that are new come first."""
TEXTS_AT_ONCE: Final = 200
"""Spans whose texts are asked for in one question."""
LEFT_OUT: Final = "The texts of this trace are too large to be forwarded together; these were left out."
_MINUTE: Final = 60_000_000_000
NEAR_NS: Final = 15 * _MINUTE
FAR_NS: Final = 360 * _MINUTE
"""Earlier arrivals of a trace are looked for so far back: near for all, far where no root is near, for what comes late.
What comes later than that begins anew, with revision 1."""
SKEW_NS: Final = 60 * _MINUTE
"""An arrival is visible within an hour of its time by the clock of any other node; usually it takes a second. Without a
bound every look would read all arrivals there are, for nodes that it has not heard of."""
_IN: Final = "trace_id IN splitByChar('\\x1E', {traces:String})"
_ARRIVAL: Final = "trace_id, at_ns, node, rooted, low_ns, high_ns, span_ids"


class Asker(Protocol):
    """What answers: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value], bounds: str = "") -> list[T]: ...
    async def file(self, sql: str, params: Mapping[str, Value], fmt: str, bounds: str) -> bytes: ...
    async def content(self, inline: bytes, reference: str) -> bytes | None: ...


class Whole(Struct, frozen=True):
    """A trace as it is now. ``times``: exact starts and durations in ns, which milliseconds cannot hold. ``texts`` are
    empty unless asked for. All by span id."""

    detail: TraceDetail
    times: dict[str, tuple[int, int]]
    texts: dict[str, SpanIO]


class Scope(Struct, frozen=True, kw_only=True):
    """Whose arrivals, and how bursts are told apart, in nanoseconds."""

    project: str
    quiet_ns: int
    root_wait_ns: int


class Material:
    """Questions to the store; every one of one project. Raises `Unavailable` while the store is away."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def page(
        self, project: str, since_ns: int, places: Mapping[str, int], until_ns: int, limit: int
    ) -> list[Arrival]:
        """Arrivals that a lane has not passed, up to a moment, in the order of time. Their span ids are left out."""
        floor = max(places.values(), default=0) - SKEW_NS
        bounds = {node: max(at_ns, floor) for node, at_ns in sorted(places.items())}
        others = max(since_ns, floor)
        params: dict[str, Value] = {"project": project, "others": others, "until": until_ns}
        params["low"] = min(others, *bounds.values()) if bounds else others
        tests: list[str] = []
        for number, (node, at_ns) in enumerate(bounds.items()):
            params[f"n{number}"], params[f"a{number}"] = node, at_ns
            tests.append(f"(node = {{n{number}:String}} AND at_ns > {{a{number}:Int64}})")
        known = ", ".join(f"{{n{number}:String}}" for number in range(len(bounds)))
        tests.append(f"(at_ns > {{others:Int64}}{f' AND node NOT IN ({known})' if known else ''})")
        columns = _ARRIVAL.replace("span_ids", "CAST([], 'Array(String)')")
        sql = (
            f"SELECT {columns} FROM arrivals WHERE project = {{project:String}} AND at_ns >= {{low:Int64}}"  # noqa: S608
            f" AND at_ns <= {{until:Int64}} AND ({' OR '.join(tests)}) ORDER BY at_ns, node LIMIT {limit}"
        )
        return await self._asker.ask(Arrival, sql, params)

    async def newest(self, project: str) -> int:
        """The time of the last arrival, Unix ns; 0 where there is none."""
        sql = "SELECT max(at_ns) FROM arrivals WHERE project = {project:String}"
        [[found]] = await self._asker.ask(tuple[int], sql, {"project": project})
        return found

    async def closings(self, scope: Scope, trace_ids: Iterable[str], low_ns: int) -> dict[str, list[Closing]]:
        """By trace, from its arrivals since a while before ``low_ns``."""
        traces = list(trace_ids)
        near = max(NEAR_NS, scope.root_wait_ns + 2 * scope.quiet_ns)
        found = await self._arrivals(scope.project, traces, low_ns - near)
        rootless = [trace_id for trace_id in traces if not any(each.rooted for each in found.get(trace_id, []))]
        if rootless:
            found |= await self._arrivals(scope.project, rootless, low_ns - max(near, FAR_NS))
        return {
            trace_id: closings(arrivals, scope.quiet_ns, scope.root_wait_ns) for trace_id, arrivals in found.items()
        }

    async def _arrivals(self, project: str, trace_ids: list[str], low_ns: int) -> dict[str, list[Arrival]]:
        sql = (
            f"SELECT {_ARRIVAL} FROM arrivals WHERE project = {{project:String}} AND at_ns >= {{low:Int64}}"  # noqa: S608
            f" AND {_IN} ORDER BY at_ns, node"
        )
        params: dict[str, Value] = {"project": project, "traces": ids(trace_ids), "low": max(0, low_ns)}
        found: dict[str, list[Arrival]] = {}
        for arrival in await self._asker.ask(Arrival, sql, params):
            found.setdefault(arrival.trace_id, []).append(arrival)
        return found

    async def matching(self, project: str, q: str, due: list[Closing]) -> set[str]:
        """Those of the traces that a search finds."""
        if not q.strip() or not due:
            return {closing.trace_id for closing in due}
        window = _window(due)
        condition = compile_query(q, project, window, stored=True)
        sql = f"SELECT DISTINCT trace_id FROM spans WHERE {condition.sql} AND {_IN}"  # noqa: S608
        params = {**condition.params, "traces": ids({closing.trace_id for closing in due})}
        return {row[0] for row in await self._asker.ask(tuple[str], sql, params)}

    async def traces(self, project: str, due: list[Closing], *, full: bool) -> dict[str, Whole]:
        """The traces of these closings; one that is no longer there is left out."""
        params = _params(project, due)
        sql = (
            f"SELECT {OF_ANY} FROM spans WHERE {_SCOPE} AND entry IN (0, 1)"  # noqa: S608
            f" ORDER BY start_ns, entry DESC, span_id LIMIT {MOST_SPANS} BY trace_id"
        )
        by_trace: dict[str, dict[str, SpanLine]] = {}
        for line in span_lines(await self._asker.file(sql, params, answers.SHOWN_ROWS, "")):
            by_trace.setdefault(line.trace_id, {}).setdefault(line.span_id, line)
        texts = await self._texts(params, due) if full else {}
        return {
            trace_id: Whole(
                answers.trace_detail(trace_id, list(lines.values())),
                {line.span_id: (line.start_ns, line.duration_ns) for line in lines.values()},
                texts.get(trace_id, {}),
            )
            for trace_id, lines in by_trace.items()
        }

    async def _texts(self, params: dict[str, Value], due: list[Closing]) -> dict[str, dict[str, SpanIO]]:
        sql = (
            f"SELECT trace_id, ({answers.OWN_COLUMNS}) FROM spans WHERE {_SCOPE} AND entry IN (0, 1)"  # noqa: S608
            f" ORDER BY start_ns, span_id LIMIT {MOST_SPANS} BY trace_id"
        )
        news = {(closing.trace_id, span_id) for closing in due for span_id in closing.span_ids}
        own = [each for each in await self._asker.ask(tuple[str, OwnLine], sql, params) if each[1].captured]
        own.sort(key=lambda each: (each[0], each[1].span_id) not in news)
        found: dict[str, dict[str, SpanIO]] = {closing.trace_id: {} for closing in due}
        left = TEXT_BYTES
        for first in range(0, len(own), TEXTS_AT_ONCE):
            some = own[first : first + TEXTS_AT_ONCE]
            there = await self._there(params, some) if left > 0 else {}
            for trace_id, span in some:
                if left <= 0:
                    found[trace_id][span.span_id] = _left_out(trace_id, span.span_id)
                    continue
                bodies = await self._bodies(trace_id, span, there)
                if bodies is not None:
                    left -= len(bodies.request or b"") + len(bodies.response or b"")
                    made = await asyncio.to_thread(conversation, trace_id, span.span_id, bodies)
                    found[trace_id][span.span_id] = made
        return found

    async def _there(self, params: dict[str, Value], some: list[tuple[str, OwnLine]]) -> dict[tuple[str, str], IOLine]:
        """The rows with the bodies of these spans, which may be their parents', by trace and span."""
        wanted = {span_id for _, span in some for span_id in (_asked_of(span), _answered_of(span))}
        sql = (
            f"SELECT trace_id, ({answers.IO_COLUMNS}) FROM span_io WHERE {_SCOPE}"  # noqa: S608
            " AND span_id IN splitByChar('\\x1E', {spans:String})"
        )
        lines = await self._asker.ask(tuple[str, IOLine], sql, {**params, "spans": ids(wanted)})
        return {(trace_id, line.span_id): line for trace_id, line in lines}

    async def _bodies(self, trace_id: str, span: OwnLine, there: dict[tuple[str, str], IOLine]) -> Bodies | None:
        asked, answered = there.get((trace_id, _asked_of(span))), there.get((trace_id, _answered_of(span)))
        if asked is None and answered is None:
            return None
        return Bodies(
            request_dialect=asked.request_dialect if asked else "",
            request=await self._asker.content(asked.request, asked.request_blob) if asked else b"",
            response_dialect=answered.response_dialect if answered else "",
            response=await self._asker.content(answered.response, answered.response_blob) if answered else b"",
            stream=bool(answered and answered.stream),
        )


def _asked_of(span: OwnLine) -> str:
    return span.parent_span_id if span.shared_io & SHARED_REQUEST else span.span_id


def _answered_of(span: OwnLine) -> str:
    return span.parent_span_id if span.shared_io & SHARED_RESPONSE else span.span_id


def _left_out(trace_id: str, span_id: str) -> SpanIO:
    return SpanIO(
        trace_id=trace_id,
        span_id=span_id,
        captured=True,
        input=[],
        output=[],
        tools=[],
        params={},
        raw_request=None,
        raw_response=None,
        truncated=True,
        note=LEFT_OUT,
    )


_SCOPE: Final = f"project = {{project:String}} AND start_ns >= {{low:Int64}} AND start_ns <= {{high:Int64}} AND {_IN}"


def _params(project: str, due: list[Closing]) -> dict[str, Value]:
    return {
        "project": project,
        "traces": ids({closing.trace_id for closing in due}),
        "low": min(closing.low_ns for closing in due),
        "high": max(closing.high_ns for closing in due),
    }


def _window(due: list[Closing]) -> Window:
    low, high = min(closing.low_ns for closing in due), max(closing.high_ns for closing in due)
    return Window(start=low // 1_000_000, end=high // 1_000_000 + 1)
