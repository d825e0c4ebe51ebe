"""Foreign spans read again: traces that an older mapper read are noted to be made anew from what they were.

Each raw span keeps the convention it was read by and that mapper's version (`conventions.versions`). A page of stale
traces goes to the spool as a `RemapBatch`, so that it is durable when it is answered; the writer notes the traces and
makes their rows anew (`mapping/rewrite.py`) between its batches. Doing it again ends the same.
"""

from collections.abc import Mapping
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from trimtab.telemetry.notes import LONGEST_NS, Note
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

T = TypeVar("T")
PAGE: Final = 1_000
"""Traces of one page at most."""
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


def _stale() -> tuple[str, dict[str, Value]]:
    """The condition of a raw span that no mapper of today has read."""
    from trimtab.telemetry.conventions import versions  # its plugs are no business of a server's start

    current: list[str] = []
    params: dict[str, Value] = {}
    for at, (name, version) in enumerate(versions().items()):
        current.append(f"(convention = {{c{at}:String}} AND mapper_version = {{v{at}:Int64}})")
        params |= {f"c{at}": name, f"v{at}": version}
    return f"NOT ({' OR '.join(current)})", params
