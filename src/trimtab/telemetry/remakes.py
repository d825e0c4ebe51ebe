"""What servers that write to one store tell each other of the traces that they make anew: rows of ``remakes``.

Each server notes in its own folder what it has to make anew (`spool/drain.py`), which no other can read. Where several
write to one store, a note is also a row there (`mapping/shared_notes.py`), before any row of its batch can be seen, and
is taken back when it is done: so every server tells of every trace whether it is whole. Here is who asks.

A time that two servers compare is the store's (``at_ns``), whatever their own clocks say. What a server that is gone
for good has left counts for `HOLD_S`, where it had traces in hand, and for a day otherwise.
"""

from collections.abc import Mapping
from typing import Final, Protocol, TypeVar

from trimtab.telemetry.spool.barrier import FIRST_S, Due
from trimtab.telemetry.stores import Value

T = TypeVar("T")
TABLE: Final = "remakes"
HOLD_S: Final = 900
"""So long a server has traces in hand that says so and then nothing more: to make them takes seconds."""
_NOW: Final = "toUnixTimestamp64Nano(now64(9))"
HELD: Final = f"in_hand = 1 AND at_ns > {_NOW} - {HOLD_S * 10**9}"
FIRST: Final = f"project = '' AND due_ms > 0 AND at_ns > {_NOW} - {int(FIRST_S) * 10**9}"
"""Somebody goes first."""


class Asker(Protocol):
    """What answers and runs statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]: ...


class Remakes:
    """What all servers' writers have told, for whoever asks. Raises `Unavailable`."""

    def __init__(self, asker: Asker) -> None:
        self._ask = asker.ask

    async def due(self, project: str, trace_id: str) -> Due | None:
        """When the first of them makes a trace anew, and whether one does so now; None where nothing waits."""
        sql = (
            f"SELECT min(due_ms), max({HELD}) FROM {TABLE} FINAL"  # noqa: S608  our own words
            " WHERE project = {project:String} AND trace_id = {trace:String} AND due_ms > 0 HAVING count() > 0"
        )
        found = await self._ask(tuple[int, int], sql, {"project": project, "trace": trace_id})
        return Due(found[0][0], bool(found[0][1])) if found else None

    async def waiting(self, project: str, now_ms: int) -> int:
        """Traces that are due by now."""
        sql = (
            f"SELECT uniqExact(trace_id) FROM {TABLE} FINAL WHERE project = {{project:String}}"  # noqa: S608
            " AND due_ms > 0 AND due_ms <= {now:Int64}"
        )
        [(count,)] = await self._ask(tuple[int], sql, {"project": project, "now": now_ms})
        return count

    async def in_hand(self, project: str | None) -> int:
        """Traces of a project, or of all, whose rows may be away."""
        where = "project = {project:String}" if project is not None else "project != {project:String}"
        sql = f"SELECT count() FROM {TABLE} FINAL WHERE {where} AND {HELD}"  # noqa: S608  our own words
        [(count,)] = await self._ask(tuple[int], sql, {"project": project or ""})
        return count

    async def go_first(self, who: str, *, over: bool = False) -> None:
        """As `barrier.go_first`, at every server; ``over``: others may go on."""
        sql = (
            f"INSERT INTO {TABLE} (project, trace_id, node, due_ms, in_hand, version)"
            f" SELECT '', '', {{who:String}}, {0 if over else 1}, 0, toUInt64({_NOW})"
        )
        await self._ask(list[int], sql, {"who": who})
