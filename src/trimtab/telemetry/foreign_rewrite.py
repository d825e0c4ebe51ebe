"""Traces whose rows are no longer right, made anew from everything that came of them.

Rows cannot be changed where they lie, so those of a noted trace are deleted and inserted again: seldom, many traces at
once, and never on the way of a batch. Only rows of foreign spans are touched; what our own gateway recorded of the
trace is asked, because what it counted is not counted again.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from trimtab.core.ids import uuid7_hex
from trimtab.telemetry.foreign import ForeignSpan
from trimtab.telemetry.foreign_prices import ForeignPrices
from trimtab.telemetry.foreign_rows import Arrival, ForeignRows, Mapped, Sums
from trimtab.telemetry.foreign_traces import Key, Read, began, entries, mapped_of, merged, node_of, read_all
from trimtab.telemetry.notes import Note
from trimtab.telemetry.rows import COLUMNS, Rows, encode
from trimtab.telemetry.stores import Store, Value, bind
from trimtab.telemetry.stores._schema import LOCAL
from trimtab.telemetry.usage_once import UsageNode, counted

NEAR_NS: Final = 600_000_000_000
"""Ten minutes: spans of one trace are looked for so far around those that are known."""
TRACES_AT_ONCE: Final = 500
SPANS_AT_ONCE: Final = 20_000
_FOREIGN: Final = {"spans": ("start_ns", " AND request_id = ''"), "span_io": ("start_ns", ""), "ledger": ("at_ns", "")}
_decode: Final = msgspec.json.Decoder(ForeignSpan)


class StoreLookup:
    """`foreign_traces.Lookup` on a store: which of these traces it has rows of, and the digests of what came."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(
        self, project: str, traces: Iterable[str], low_ns: int, high_ns: int
    ) -> dict[str, dict[str, set[int]]]:
        params = _scope(project, traces, low_ns, high_ns)
        there = self._ask(
            f"SELECT DISTINCT trace_id, '', 0 FROM spans WHERE {_WHERE} AND entry IN (0, 1) AND request_id = ''",  # noqa: S608
            params,
        )
        if not there:
            return {}
        found: dict[str, dict[str, set[int]]] = {line.trace_id: {} for line in there}
        params = _scope(project, found, low_ns, high_ns)
        for line in self._ask(f"SELECT trace_id, span_id, digest FROM span_raw WHERE {_WHERE}", params):  # noqa: S608
            found[line.trace_id].setdefault(line.span_id, set()).add(line.digest)
        return found

    def _ask(self, sql: str, params: dict[str, str]) -> list["_Known"]:
        return msgspec.json.Decoder(_Known, strict=False).decode_lines(self._store.query(sql, params))


class _Known(Struct, frozen=True, array_like=True):
    trace_id: str
    span_id: str
    digest: int


class _Came(Struct, frozen=True, array_like=True):
    """A row of ``span_raw``."""

    trace_id: str
    key_id: str
    arrived_ns: int
    digest: int
    raw: str


class _Ours(Struct, frozen=True, array_like=True):
    """A span of our own gateway in a foreign trace."""

    trace_id: str
    span_id: str
    parent_span_id: str
    kind: str
    leaf: int
    response_id: str
    start_ns: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    tokens_estimated: int
    cost: int | None
    price: str
    unpriced: int


_OURS: Final = ", ".join(_Ours.__struct_fields__)
_WHERE: Final = (
    "project = {project:String} AND start_ns >= {low:Int64} AND start_ns <= {high:Int64}"
    " AND trace_id IN {traces:Array(String)}"
)


def _scope(project: str, traces: Iterable[str], low_ns: int, high_ns: int) -> dict[str, str]:
    values: dict[str, Value] = {"project": project, "low": max(0, low_ns - NEAR_NS), "high": high_ns + NEAR_NS}
    listed = ",".join(f"'{trace_id}'" for trace_id in traces)  # 32 hex digits each: the doors see to it
    return {**bind(values), "traces": f"[{listed}]"}


class Rewriter:
    """For the writer's thread. ``read`` maps a span, as the first mapping did."""

    def __init__(self, store: Store, rows: ForeignRows, read: Read, prices: ForeignPrices, cluster: str = "") -> None:
        self._store = store
        self._cluster = cluster
        self._rows = rows
        self._read = read
        self._prices = prices

    def rewrite(self, notes: Iterable[Note]) -> list[Key]:
        """Make the rows of these traces anew; returns those that had no root to stand for them. Doing it again ends the
        same. Raises `StoreAway`, `StoreRefused`."""
        rootless: list[Key] = []
        by_project: dict[str, list[Note]] = defaultdict(list)
        for note in notes:
            by_project[note.project].append(note)
        for project, noted in by_project.items():
            for first in range(0, len(noted), TRACES_AT_ONCE):
                rootless += self._some(project, noted[first : first + TRACES_AT_ONCE])
        return rootless

    def _some(self, project: str, notes: list[Note]) -> list[Key]:
        low, high = min(note.low_ns for note in notes), max(note.high_ns for note in notes)
        params = _scope(project, (note.trace_id for note in notes), low, high)
        came = self._arrivals(project, params)
        ours = self._ours(params)
        rows, rootless = Rows(), list[Key]()
        for trace_id, arrivals in came.items():
            if not self._trace(rows, arrivals, ours.get(trace_id, [])):
                rootless.append((project, trace_id))
        self._replace(rows, params)
        return rootless

    def _arrivals(self, project: str, params: dict[str, str]) -> dict[str, list[Arrival]]:
        """By trace, each span once: all that came of it, merged in the order in which it came."""
        columns = "trace_id, key_id, arrived_ns, digest, raw"
        sql = f"SELECT {columns} FROM span_raw WHERE {_WHERE} ORDER BY arrived_ns"  # noqa: S608  our own names
        spans: dict[str, dict[str, Arrival]] = defaultdict(dict)
        for line in msgspec.json.Decoder(_Came, strict=False).decode_lines(self._store.query(sql, params)):
            span = _decode.decode(line.raw)
            before = spans[line.trace_id].get(span.span_id)
            if before is not None:
                span = merged(before.span, span)
            spans[line.trace_id][span.span_id] = Arrival(
                0, project, line.key_id, line.arrived_ns, span, b"", line.digest
            )
        return {trace_id: sorted(each.values(), key=_when) for trace_id, each in spans.items()}

    def _ours(self, params: dict[str, str]) -> dict[str, list[_Ours]]:
        sql = f"SELECT {_OURS} FROM spans WHERE {_WHERE} AND entry IN (0, 1) AND request_id != ''"  # noqa: S608
        found: dict[str, list[_Ours]] = defaultdict(list)
        for line in msgspec.json.Decoder(_Ours, strict=False).decode_lines(self._store.query(sql, params)):
            found[line.trace_id].append(line)
        return found

    def _trace(self, rows: Rows, arrivals: list[Arrival], ours: list[_Ours]) -> bool:
        """All rows of one trace; whether it has a root of its own."""
        whole = [arrival for arrival in arrivals if not arrival.span.partial]
        read = [each for each in read_all(self._read, whole) if not each[1].pending]
        nodes = [node_of(*each) for each in read]
        leaves = counted([*nodes, *map(_node, ours)])
        sums = Sums()
        mapped = [mapped_of(arrival, span, arrival.span.span_id in leaves, self._prices) for arrival, span in read]
        for each in mapped:
            sums.add(each)
        for line in ours:
            if line.leaf:
                sums.add_counted(
                    (
                        line.input_tokens,
                        line.cache_read_tokens,
                        line.cache_write_tokens,
                        line.output_tokens,
                        line.reasoning_tokens,
                    ),
                    line.tokens_estimated,
                    line.cost,
                    line.price,
                )
        root = next((each for each in mapped if not each.arrival.span.parent_span_id), None)
        stands = root or _topmost(mapped)
        for each, shown in entries(mapped, stands, sums):
            self._rows.add(rows, each, shown)
        return root is not None

    def _replace(self, rows: Rows, params: dict[str, str]) -> None:
        """Old rows go before new ones come: a question in between misses them and counts nothing twice."""
        span_ids: list[str] = rows.spans.column("span_id")
        for first in range(0, len(span_ids), SPANS_AT_ONCE):
            listed = ",".join(f"'{span_id}'" for span_id in span_ids[first : first + SPANS_AT_ONCE])
            for table, (at, more) in _FOREIGN.items():
                where = f"{_WHERE.replace('start_ns', at)} AND span_id IN {{spans:Array(String)}}{more}"
                self._delete(table, where, {**params, "spans": f"[{listed}]"})
        token = f"rewrite-{uuid7_hex()}"
        for table in rows.tables():
            if table.owners:
                self._store.insert(table.name, COLUMNS[table.name], encode(table.values), f"{token}:{table.name}")

    def _delete(self, table: str, where: str, params: dict[str, str]) -> None:
        there = self._store.query(f"SELECT count() FROM {table} WHERE {where}", params)  # noqa: S608
        if msgspec.json.decode(there, strict=False, type=tuple[int])[0]:  # to delete nothing costs as much
            on = f"{LOCAL} ON CLUSTER `{self._cluster}`" if self._cluster else ""
            self._store.query(f"DELETE FROM {table}{on} WHERE {where}", params)  # noqa: S608


def _when(arrival: Arrival) -> tuple[int, str]:
    return began(arrival.span), arrival.span.span_id


def _node(line: _Ours) -> UsageNode:
    return UsageNode(
        line.span_id,
        line.parent_span_id,
        line.kind,
        bool(line.leaf),
        False,
        line.response_id,
        line.start_ns,
        ours=True,
    )


def _topmost(mapped: list[Mapped]) -> Mapped | None:
    """The first span whose parent is not here."""
    known = {each.arrival.span.span_id for each in mapped}
    return next((each for each in mapped if each.arrival.span.parent_span_id not in known), None)
