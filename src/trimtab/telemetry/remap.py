"""Foreign spans read again: traces that an older mapper read are noted to be made anew from what they were.

Each raw span keeps the convention it was read by and that mapper's version (`conventions.versions`), and when its trace
is made anew, those of now; what only adds to a span keeps neither. A page of stale
traces goes to the spool as a `RemapBatch`, so that it is durable when it is answered; the writer notes the traces and
makes their rows anew (`mapping/rewrite.py`) between its batches. Doing it again ends the same.
"""

from collections.abc import Mapping
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from trimtab.telemetry.notes import LONGEST_NS, MOST_BYTES, MOST_SPANS, Note
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

T = TypeVar("T")
PAGE: Final = 1_000
"""Traces of one page at most."""
SHOWN: Final = 20
_MS: Final = 1_000_000
_LAST_NS: Final = (1 << 63) - 1
"""The latest moment that the store can count."""


class RemapTrace(Struct, frozen=True, array_like=True):
    """A trace whose raw spans began in [low_ns, high_ns]."""

    trace_id: str
    low_ns: int
    high_ns: int


class RemapBatch(Struct, frozen=True, kw_only=True):
    """One project's traces that are to be made anew: a record of the spool."""

    project: str
    asked_ns: int
    traces: tuple[RemapTrace, ...]
    format: int = 1

    def notes(self) -> list[Note]:
        return [
            Note(self.project, trace.trace_id, self.asked_ns // _MS, trace.low_ns, trace.high_ns)
            for trace in self.traces
        ]


class ReadBy(Struct, frozen=True, array_like=True):
    """How many spans, of how many traces, one mapper has read. ``version`` is as `conventions.mapper_version` makes
    it."""

    convention: str
    version: int
    spans: int
    traces: int


class TooMuch(Struct, frozen=True, array_like=True):
    """A trace of which more came than is read at once: it stays as an older mapper read it."""

    trace_id: str
    spans: int
    bytes: int


class ComesTo(Struct, frozen=True, array_like=True):
    """What spans that other tools sent come to by now. ``cost`` is in picodollars."""

    spans: int
    calls: int
    unknown: int
    errors: int
    tokens: int
    cost: int
    unpriced: int


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]: ...


class Remapper:
    """Finds what an older mapper read."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def page(
        self, project: str, window: Window, after: tuple[int, str], limit: int, *, everything: bool
    ) -> list[RemapTrace]:
        """The next traces with a span that began in the window, oldest first, behind ``after`` (start in Unix ns, trace
        id); each with all its spans of a day around: a part of a trace cannot be made anew. ``everything``: also those
        that the mappers of today read."""
        stale, params = ("1", {}) if everything else _stale()
        within = "start_ns >= {from:Int64} AND start_ns < {until:Int64}"
        where = "project = {project:String} AND start_ns >= {low:Int64} AND start_ns < {high:Int64}"
        sql = (
            "SELECT trace_id, min(start_ns) AS low, max(start_ns) AS high FROM span_raw"  # noqa: S608  our own names
            f" WHERE {where} GROUP BY trace_id"
            f" HAVING max({within} AND {stale}) AND (low, trace_id) > ({{after:Int64}}, {{trace:String}})"
            f" ORDER BY low, trace_id LIMIT {min(limit, PAGE)}"
        )
        given: dict[str, Value] = {
            "project": project,
            "from": min(window.start * _MS, _LAST_NS),
            "until": min(window.end * _MS, _LAST_NS),
            "low": min(max(0, window.start * _MS - LONGEST_NS), _LAST_NS),
            "high": min(window.end * _MS + LONGEST_NS, _LAST_NS),
            "after": after[0],
            "trace": after[1],
        }
        return await self._asker.ask(RemapTrace, sql, {**given, **params})

    async def read_by(self, project: str, window: Window) -> list[ReadBy]:
        """Which mappers have read the spans that began in the window, the most spans first."""
        sql = (
            "SELECT convention, mapper_version, uniqExact(trace_id, span_id) AS spans, uniqExact(trace_id)"  # noqa: S608
            f" FROM span_raw WHERE {_IN_WINDOW} AND convention != '' GROUP BY convention, mapper_version"
            " ORDER BY spans DESC, convention, mapper_version"
        )
        return await self._asker.ask(ReadBy, sql, _within(project, window))

    async def stale(self, project: str, window: Window) -> int:
        """Traces with a span that began in the window and was read by an older mapper."""
        stale, params = _stale()
        sql = f"SELECT uniqExact(trace_id) FROM span_raw WHERE {_IN_WINDOW} AND {stale}"  # noqa: S608
        [(count,)] = await self._asker.ask(tuple[int], sql, {**_within(project, window), **params})
        return count

    async def too_much(self, project: str, window: Window) -> list[TooMuch]:
        """Of those the ones that stay so, the largest first, `SHOWN` of them."""
        stale, params = _stale()
        sql = (
            "SELECT trace_id, count() AS spans, sum(length(raw)) AS bytes FROM span_raw WHERE trace_id IN"  # noqa: S608
            f" (SELECT trace_id FROM span_raw WHERE {_IN_WINDOW} AND {stale}) AND {_AROUND} GROUP BY trace_id"
            f" HAVING spans > {MOST_SPANS} OR bytes > {MOST_BYTES} ORDER BY bytes DESC, trace_id LIMIT {SHOWN}"
        )
        around: dict[str, Value] = {"low": max(0, window.start * _MS - LONGEST_NS)}
        around["high"] = min(window.end * _MS + LONGEST_NS, _LAST_NS)
        return await self._asker.ask(TooMuch, sql, {**_within(project, window), **params, **around})

    async def comes_to(self, project: str, window: Window) -> ComesTo:
        """Of all spans of other tools that began in the window, each once."""
        sql = (
            "SELECT count(), countIf(kind = 'llm'), countIf(kind = 'span'), countIf(status = 'error'),"  # noqa: S608
            " sumIf(input_tokens + cache_read_tokens + cache_write_tokens + output_tokens + reasoning_tokens, leaf),"
            " sumIf(ifNull(cost, 0), leaf), countIf(leaf AND isNull(cost))"
            f" FROM spans WHERE {_IN_WINDOW} AND entry IN (0, 1) AND request_id = ''"
        )
        [found] = await self._asker.ask(ComesTo, sql, _within(project, window))
        return found


_IN_WINDOW: Final = "project = {project:String} AND start_ns >= {from:Int64} AND start_ns < {until:Int64}"
_AROUND: Final = "project = {project:String} AND start_ns >= {low:Int64} AND start_ns < {high:Int64}"


def _within(project: str, window: Window) -> dict[str, Value]:
    return {
        "project": project,
        "from": min(window.start * _MS, _LAST_NS),
        "until": min(window.end * _MS, _LAST_NS),
    }


def _stale() -> tuple[str, dict[str, Value]]:
    """The condition of a raw span that no mapper of today has read."""
    from trimtab.telemetry.conventions import versions  # its plugs are no business of a server's start

    current: list[str] = []
    params: dict[str, Value] = {}
    for at, (name, version) in enumerate(versions().items()):
        current.append(f"(convention = {{c{at}:String}} AND mapper_version = {{v{at}:Int64}})")
        params |= {f"c{at}": name, f"v{at}": version}
    return f"convention != '' AND NOT ({' OR '.join(current)})", params
