"""The notes of a server that shares its store with others: each is told to them as well (`remakes.py`).

They are the turns, too. Who takes traces in hand says so, and then looks who else has: of two that meet at least one
sees the other, and lets go. And what two servers were told of one trace is found: both ask, when the spans that came
are kept raw and before any is shown, so whoever comes later sees the other. A call of a gateway is kept nowhere before
it is shown: whose it is asks when it is there.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from trimtab.core.ids import uuid7_hex
from trimtab.telemetry.mapping.plan import Key
from trimtab.telemetry.notes import NEAR_NS, Note
from trimtab.telemetry.remakes import FIRST, HELD, TABLE
from trimtab.telemetry.rows import REMAKES, encode
from trimtab.telemetry.spool import barrier
from trimtab.telemetry.spool.drain import SpoolReader
from trimtab.telemetry.stores import Store, bind

TOLD_BY_SEVERAL_MS: Final = 5_000
"""When a trace is made anew that several servers were told of: most of it has come by then."""
AGAIN_MS: Final = 2_000
"""When traces are tried again that another server had in hand."""
IDS_AT_ONCE: Final = 2_000
_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")
_OF_TRACES: Final = (
    "project = {project:String} AND start_ns >= {low:Int64} AND start_ns <= {high:Int64}"
    " AND trace_id IN {traces:Array(String)}"
)
_SPANS: Final = f"SELECT project, trace_id FROM span_raw WHERE {_OF_TRACES} AND node != {{node:String}}"  # noqa: S608
"""Of which spans came to another server."""
_CALLS: Final = f"SELECT project, trace_id FROM spans WHERE {_OF_TRACES} AND entry IN (0, 1) AND request_id != ''"  # noqa: S608
"""Of which there are calls of a gateway."""
_key: Final = msgspec.json.Decoder(tuple[str, str])
_number: Final = msgspec.json.Decoder(tuple[int], strict=False)


class SharedNotes:
    """For the writer's thread: the spool's notes, told to the other servers too. Raises what the store raises."""

    def __init__(self, spool: SpoolReader, *, store: Store, node: str) -> None:
        self._spool = spool
        self._store = store
        self._node = node
        self._version = 0

    def note(self, notes: Iterable[Note], settled: Iterable[Key] = ()) -> None:
        """As of the spool. What is new is told first, and what is done last: in between it is told as waiting."""
        some, done = list(notes), list(settled)
        noted = {each[:2] for each in some}
        self._tell([(*each[:2], each.due_ms, 0) for each in some])
        self._spool.note(some, done)
        self._tell([(*each, 0, 0) for each in done if each not in noted])

    def noted(self, now_ms: int, limit: int) -> list[Note]:
        return self._spool.noted(now_ms, limit)

    def left(self, limit: int) -> list[Note]:
        """Those of them that no other server has in hand by now."""
        self._tell([])
        left = self._spool.left(limit)
        return self._alone(left) if left else []

    def take(self, notes: Iterable[Note]) -> list[Note]:
        some = list(notes)
        self._spool.take(some)
        return self._alone(some)

    def _alone(self, notes: list[Note]) -> list[Note]:
        self._tell([(*each[:2], each.due_ms, 1) for each in notes])
        held = self._held([each[:2] for each in notes])
        self.put_back([each for each in notes if each[:2] in held], AGAIN_MS)
        return [each for each in notes if each[:2] not in held]

    def put_back(self, notes: Iterable[Note], later_ms: int = 0) -> None:
        some = list(notes)
        if some and later_ms:
            now_ms = time.time_ns() // 1_000_000
            some = [each._replace(due_ms=now_ms + later_ms) for each in some]
            self._spool.note(some, [each[:2] for each in some])
        else:
            self._spool.put_back(some)
        self._tell([(*each[:2], each.due_ms, 0) for each in some])

    def goes_first(self) -> bool:
        """Whether anybody does, here or at another server."""
        sql = f"SELECT count() FROM {TABLE} FINAL WHERE {FIRST}"  # noqa: S608  our own words
        return self._spool.goes_first() or bool(self._numbers(sql, {}))

    def told_elsewhere(self, seen: Mapping[Key, tuple[int, int]]) -> list[Note]:
        """Those of the traces, each with spans from one moment to another, that another server was told of as well: its
        spans and ours know nothing of each other before they are made anew together. So it is of calls of a gateway,
        whosever: both tell usage."""
        return self._told(seen, f"SELECT DISTINCT project, trace_id FROM ({_SPANS} UNION ALL {_CALLS})")  # noqa: S608

    def joined_elsewhere(self, called: Mapping[Key, tuple[int, int]]) -> list[Note]:
        """Those of the traces, each with when calls of our gateway in it began, that another server has spans of."""
        called = {key: spread for key, spread in called.items() if _TRACE_ID.fullmatch(key[1])}  # people mend calls
        return self._told(called, f"{_SPANS} GROUP BY project, trace_id")

    def _told(self, seen: Mapping[Key, tuple[int, int]], sql: str) -> list[Note]:
        found: list[Note] = []
        by_project = defaultdict[str, list[str]](list)
        for project, trace_id in seen:
            by_project[project].append(trace_id)
        due_ms = time.time_ns() // 1_000_000 + TOLD_BY_SEVERAL_MS
        for project, traces in by_project.items():
            for first in range(0, len(traces), IDS_AT_ONCE):
                some = traces[first : first + IDS_AT_ONCE]
                spread = [seen[project, trace_id] for trace_id in some]
                low, high = min(each[0] for each in spread) - NEAR_NS, max(each[1] for each in spread) + NEAR_NS
                given = bind({"project": project, "low": max(0, low), "high": high, "node": self._node})
                keys = _key.decode_lines(self._store.query(sql, {**given, "traces": _listed(some)}))
                found += [Note(*key, due_ms, *seen[key]) for key in keys]
        return found

    def _held(self, keys: list[Key]) -> set[Key]:
        """Those that another server has in hand."""
        found: set[Key] = set()
        sql = (
            f"SELECT project, trace_id FROM {TABLE} FINAL WHERE project IN {{projects:Array(String)}}"  # noqa: S608
            f" AND trace_id IN {{traces:Array(String)}} AND node != {{node:String}} AND {HELD}"
        )
        for first in range(0, len(keys), IDS_AT_ONCE):
            some = keys[first : first + IDS_AT_ONCE]
            given = {"projects": _listed({each[0] for each in some}), "traces": _listed(each[1] for each in some)}
            found |= set(_key.decode_lines(self._store.query(sql, {**given, **bind({"node": self._node})})))
        return found

    def _tell(self, rows: list[tuple[str, str, int, int]]) -> None:
        if not self._version:
            self._begin()
        if rows:
            self._version = max(self._version + 1, time.time_ns())
            values = [value for row in rows for value in (*row[:2], self._node, *row[2:], self._version)]
            self._store.insert(TABLE, REMAKES, encode(values), f"remakes-{uuid7_hex()}")

    def _begin(self) -> None:
        """What this server told before is what it still has to do: it may have ended in between, and its clock may have
        gone back since."""
        mine = bind({"node": self._node})
        [version] = self._numbers(f"SELECT max(version) FROM {TABLE} WHERE node = {{node:String}}", mine) or [0]  # noqa: S608
        sql = f"SELECT project, trace_id FROM {TABLE} FINAL WHERE node = {{node:String}} AND due_ms > 0"  # noqa: S608
        told = set(_key.decode_lines(self._store.query(sql, mine)))
        noted = barrier.noted(self._spool.directory)
        done = told - {each[:2] for each in noted}
        self._version = max(version, 1)
        try:
            self._tell([(*each[:2], each.due_ms, 0) for each in noted] + [(*each, 0, 0) for each in done])
        except BaseException:
            self._version = 0  # it is told before anything else is
            raise

    def _numbers(self, sql: str, params: dict[str, str]) -> list[int]:
        """What one row says, without what is 0."""
        return [line[0] for line in _number.decode_lines(self._store.query(sql, params)) if line[0]]


def _listed(ids: Iterable[str]) -> str:
    """An array of ids; those that come from outside are hex digits: the doors see to it."""
    return "[" + ",".join(f"'{each}'" for each in ids) + "]"
