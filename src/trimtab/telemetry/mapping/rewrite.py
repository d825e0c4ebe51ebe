"""Traces whose rows are no longer right, made anew from everything that came of them.

Rows cannot be changed where they lie, so those of a noted trace are deleted and inserted again: seldom, many traces at
once, and never on the way of a batch. What our own gateway recorded of the trace is asked, because what it counted is
not counted again. Of its rows only one thing changes: where a foreign span stands for the trace, a call through the
gateway does no longer. A trace is one row in lists and sums, whoever told of it.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final

import msgspec
from msgspec import Struct

from trimtab.core.ids import uuid7_hex
from trimtab.governance.sealing import KeyDestroyed
from trimtab.telemetry.foreign.spans import ForeignSpan
from trimtab.telemetry.forward.arrivals import ArrivalLog
from trimtab.telemetry.mapping.before import Stored
from trimtab.telemetry.mapping.came import began, merged
from trimtab.telemetry.mapping.known import Arrival, Mapped
from trimtab.telemetry.mapping.plan import Key
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.readings import Read, entries, mapped_of, node_of, read_all
from trimtab.telemetry.mapping.rows import ForeignRows
from trimtab.telemetry.mapping.sums import Sums
from trimtab.telemetry.mapping.usage_once import UsageNode, counted
from trimtab.telemetry.notes import MOST_BYTES, MOST_SPANS, NEAR_NS, Note
from trimtab.telemetry.rows import COLUMNS, Rows, encode
from trimtab.telemetry.stores import Store, bind
from trimtab.telemetry.stores._changes import alter_now, delete_now

logger = logging.getLogger("trimtab.telemetry.foreign")

TRACES_AT_ONCE: Final = 500
SPANS_AT_ONCE: Final = 20_000
IDS_AT_ONCE: Final = 4_000
_FOREIGN: Final = {"spans": ("start_ns", " AND request_id = ''"), "span_io": ("start_ns", ""), "ledger": ("at_ns", "")}
_decode: Final = msgspec.json.Decoder(ForeignSpan)


class StoreLookup:
    """`mapping.before.Lookup` on a store: which of these traces it has rows of, and the digests of what came of these
    spans. ``alone``: nobody else writes to the store."""

    def __init__(self, store: Store, *, alone: bool = False) -> None:
        self._store = store
        self._alone = alone

    def newest(self, project: str, from_ns: int) -> int | None:
        return self._newest(project, from_ns, "request_id = ''")

    def newest_call(self, project: str, from_ns: int) -> int | None:
        return self._newest(project, from_ns, "request_id != ''")

    def _newest(self, project: str, from_ns: int, which: str) -> int | None:
        if not self._alone:
            return None
        sql = (
            "SELECT max(start_ns) FROM spans WHERE project = {project:String} AND entry IN (0, 1)"  # noqa: S608
            f" AND start_ns >= {{low:Int64}} AND {which}"
        )
        params = bind({"project": project, "low": max(0, from_ns - NEAR_NS)})
        [[found]] = _newest.decode_lines(self._store.query(sql, params))
        return found

    def __call__(self, project: str, spans: dict[str, list[str]], low_ns: int, high_ns: int) -> dict[str, Stored]:
        there = self._ask(
            f"SELECT trace_id, '', count() FROM spans WHERE {_WHERE} AND entry IN (0, 1) AND request_id = ''"  # noqa: S608
            " GROUP BY trace_id",
            _scope(project, spans, low_ns, high_ns),
        )
        found = {line.trace_id: Stored(line.number, {}) for line in there}
        if not found:
            return found
        wanted = [span_id for trace_id in found for span_id in spans[trace_id]]
        params = _scope(project, found, low_ns, high_ns)
        sql = f"SELECT trace_id, span_id, digest FROM span_raw WHERE {_WHERE} AND span_id IN {{spans:Array(String)}}"  # noqa: S608
        for first in range(0, len(wanted), IDS_AT_ONCE):
            for line in self._ask(sql, {**params, "spans": _listed(wanted[first : first + IDS_AT_ONCE])}):
                found[line.trace_id].digests.setdefault(line.span_id, set()).add(line.number)
        return found

    def called(self, project: str, traces: list[str], low_ns: int, high_ns: int) -> set[str]:
        sql = f"SELECT DISTINCT trace_id FROM spans WHERE {_WHERE} AND entry IN (0, 1) AND request_id != ''"  # noqa: S608
        found = set[str]()
        for first in range(0, len(traces), IDS_AT_ONCE):
            params = _scope(project, traces[first : first + IDS_AT_ONCE], low_ns, high_ns)
            found.update(line[0] for line in _trace_id.decode_lines(self._store.query(sql, params)))
        return found

    def _ask(self, sql: str, params: dict[str, str]) -> list["_Known"]:
        return msgspec.json.Decoder(_Known, strict=False).decode_lines(self._store.query(sql, params))


_newest: Final = msgspec.json.Decoder(tuple[int], strict=False)
_trace_id: Final = msgspec.json.Decoder(tuple[str])


class _Known(Struct, frozen=True, array_like=True):
    """``number`` is a digest, or how many there are."""

    trace_id: str
    span_id: str
    number: int


class _Size(Struct, frozen=True, array_like=True):
    """What came of a trace: rows of ``span_raw`` and bytes."""

    trace_id: str
    spans: int
    size: int


class _Came(Struct, frozen=True, array_like=True):
    """A row of ``span_raw``."""

    trace_id: str
    key_id: str
    arrived_ns: int
    digest: int
    convention: str
    mapper_version: int
    raw: str


class _There(Struct, frozen=True, array_like=True):
    """A row of a foreign trace that stays as it is: of our own gateway, or of a span of which what came is kept no
    longer (its texts were over age)."""

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
    tier: str
    entry: int
    model: str
    model_used: str
    provider: str
    app: str
    release: str
    environment: str
    feature: str
    session: str
    user: str
    input_preview: str
    output_preview: str
    ours: bool


_THERE: Final = ", ".join(_There.__struct_fields__[:-1]) + ", request_id != '' AS ours"
_WHERE: Final = (
    "project = {project:String} AND start_ns >= {low:Int64} AND start_ns <= {high:Int64}"
    " AND trace_id IN {traces:Array(String)}"
)


def _scope(project: str, traces: Iterable[str], low_ns: int, high_ns: int) -> dict[str, str]:
    values: dict[str, str | int] = {"project": project, "low": max(0, low_ns - NEAR_NS), "high": high_ns + NEAR_NS}
    return {**bind(values), "traces": _listed(traces)}


def _listed(ids: Iterable[str]) -> str:
    """An array of trace or span ids, hex digits: the doors see to it."""
    return "[" + ",".join(f"'{each}'" for each in ids) + "]"


class Rewriter:
    """For the writer's thread. ``read`` maps a span, as the first mapping did. ``aside`` waits for what deletes."""

    def __init__(
        self, store: Store, rows: ForeignRows, read: Read, prices: ForeignPrices, cluster: str = "",
        arrivals: ArrivalLog | None = None,
    ) -> None:  # fmt: skip
        self.aside: Callable[[Callable[[], object]], None] = _at_once
        self._log = arrivals
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
                for some in self._portions(project, noted[first : first + TRACES_AT_ONCE]):
                    rootless += self._some(project, some)
        return rootless

    def _portions(self, project: str, notes: list[Note]) -> Iterator[list[Note]]:
        """The traces as many at a time as fit into memory; one that does not fit alone stays as it is."""
        low, high = min(note.low_ns for note in notes), max(note.high_ns for note in notes)
        sql = f"SELECT trace_id, count(), sum(length(raw)) FROM span_raw WHERE {_WHERE} GROUP BY trace_id"  # noqa: S608
        params = _scope(project, (note.trace_id for note in notes), low, high)
        lines = msgspec.json.Decoder(_Size, strict=False).decode_lines(self._store.query(sql, params))
        sizes = {line.trace_id: line for line in lines}
        some, spans, size = list[Note](), 0, 0
        for note in notes:
            line = sizes.get(note.trace_id)
            if line is None:
                continue
            if line.spans > MOST_SPANS or line.size > MOST_BYTES:
                logger.warning(
                    "the trace %s of %s is not made anew: %d spans of %d bytes came of it",
                    note.trace_id, project, line.spans, line.size,
                )  # fmt: skip
                continue
            if some and (spans + line.spans > MOST_SPANS or size + line.size > MOST_BYTES):
                yield some
                some, spans, size = [], 0, 0
            some.append(note)
            spans, size = spans + line.spans, size + line.size
        if some:
            yield some

    def _some(self, project: str, notes: list[Note]) -> list[Key]:
        low, high = min(note.low_ns for note in notes), max(note.high_ns for note in notes)
        params = _scope(project, (note.trace_id for note in notes), low, high)
        came, read_by = self._arrivals(project, params)
        there = self._there(params)
        rows, rootless = Rows(self._rows.ring), list[Key]()
        giving_way: list[str] = []
        again: _Again = {}
        for trace_id, arrivals in came.items():
            others = there.get(trace_id, [])
            rooted, stands = self._trace(rows, arrivals, others, again)
            if not rooted:
                rootless.append((project, trace_id))
            if stands:
                giving_way += [line.span_id for line in others if line.entry and line.ours]
        if self._log is not None:  # a span that waited for its other half is shown here for the first time
            self._log.add(rows)
        self._replace(rows, params)
        for first in range(0, len(giving_way), SPANS_AT_ONCE):
            self._give_way({**params, "spans": _listed(giving_way[first : first + SPANS_AT_ONCE])})
        self._tell(params, read_by, again)
        return rootless

    def _tell(self, params: dict[str, str], read_by: "_ReadBy", again: "_Again") -> None:
        """By which mapper spans were read now, where an older one had read them: else they would be found again for
        ever. Last of all: who dies before reads them once more. Other columns lie in files of their own, which this
        leaves alone."""
        stale = defaultdict[tuple[str, int], set[str]](set)
        for (trace_id, span_id), read in again.items():
            if read_by[(trace_id, span_id)] - {read}:
                stale[read].add(span_id)
        for (convention, version), span_ids in stale.items():
            listed = sorted(span_ids)
            where = f"{_WHERE} AND span_id IN {{spans:Array(String)}} AND convention != ''"
            change = f"UPDATE convention = '{convention}', mapper_version = {version}"
            for first in range(0, len(listed), SPANS_AT_ONCE):
                given = {**params, "spans": _listed(listed[first : first + SPANS_AT_ONCE])}
                for month in self._months("span_raw", "start_ns", where, given):
                    sql = alter_now(self._cluster, "span_raw", f"{change} IN PARTITION ID '{month}' WHERE {where}")
                    self.aside(partial(self._store.query, sql, given))

    def _arrivals(self, project: str, params: dict[str, str]) -> tuple[dict[str, list[Arrival]], "_ReadBy"]:
        """By trace, each span once: all that came of it, merged in the order in which it came; and by which mapper what
        came of it was read."""
        read_by: _ReadBy = defaultdict(set)
        columns = ", ".join(_Came.__struct_fields__)
        sql = f"SELECT {columns} FROM span_raw WHERE {_WHERE} ORDER BY arrived_ns"  # noqa: S608  our own names
        spans: dict[str, dict[str, Arrival]] = defaultdict(dict)
        for line in msgspec.json.Decoder(_Came, strict=False).decode_lines(self._store.query(sql, params)):
            try:
                span = _decode.decode(self._rows.opened(line.raw))
            except KeyDestroyed:
                continue  # its rows stay as they are
            if line.convention:  # what only adds to a span was not read by itself
                read_by[(line.trace_id, span.span_id)].add((line.convention, line.mapper_version))
            before = spans[line.trace_id].get(span.span_id)
            if before is not None:
                span = merged(before.span, span)
            spans[line.trace_id][span.span_id] = Arrival(
                0, project, line.key_id, line.arrived_ns, span, b"", line.digest, began(span)
            )
        return {trace_id: sorted(each.values(), key=_when) for trace_id, each in spans.items()}, read_by

    def _there(self, params: dict[str, str]) -> dict[str, list[_There]]:
        """By trace. Of spans that are made anew there is none."""
        came = f"SELECT trace_id, span_id FROM span_raw WHERE {_WHERE}"  # noqa: S608  our own names
        sql = (
            f"SELECT {_THERE} FROM spans WHERE {_WHERE} AND entry IN (0, 1)"  # noqa: S608
            f" AND (request_id != '' OR (trace_id, span_id) NOT IN ({came}))"
        )
        found: dict[str, list[_There]] = defaultdict(list)
        for line in msgspec.json.Decoder(_There, strict=False).decode_lines(self._store.query(sql, params)):
            found[line.trace_id].append(line)
        return found

    def _trace(self, rows: Rows, arrivals: list[Arrival], there: list[_There], again: "_Again") -> tuple[bool, bool]:
        """All rows of one trace; whether it has a root of its own, and whether one of its spans stands for it.
        ``again`` gets by which mapper its spans were read."""
        whole = [arrival for arrival in arrivals if not arrival.span.partial]
        every = list(read_all(self._read, self._prices, whole))
        for arrival, reading in every:
            said = reading.canonical
            again[(arrival.span.trace_id, arrival.span.span_id)] = (said.convention, said.mapper_version)
        read = [each for each in every if not each[1].canonical.pending]
        nodes = [node_of(arrival, reading.canonical) for arrival, reading in read]
        leaves = counted([*nodes, *map(_node, there)])
        sums = Sums()
        for each in [*(reading.canonical for _, reading in read), *there]:
            sums.name(each)
        whose = (sums.session, sums.user)
        mapped = [mapped_of(arrival, reading, arrival.span.span_id in leaves, whose) for arrival, reading in read]
        for each in mapped:
            sums.add(each)
        _say(sums, there)
        for line in sorted(
            there, key=lambda line: (line.start_ns, line.leaf)
        ):  # what was asked for, then who was tried
            _label(sums, line)
            if line.leaf:
                sums.tier = sums.tier or line.tier
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
        stood = any(line.entry and not line.ours for line in there)
        stands = None if stood else root or _topmost(mapped)  # its row cannot be made anew to stand no longer
        if (
            root is None
            and stands
            and stands.arrival.span.parent_span_id in {line.span_id for line in there if line.ours}
        ):
            stands = None  # it went on from our gateway: a model server's own span, say
        self._rows.add(rows, entries(mapped, stands, sums))
        return root is not None or stood, stands is not None

    def _replace(self, rows: Rows, params: dict[str, str]) -> None:
        """Old rows go before new ones come: a question in between misses them and counts nothing twice. Table by table,
        because deleting takes long and inserting does not: no row is away while other tables' are deleted."""
        span_ids: list[str] = rows.spans.column("span_id")
        token = f"rewrite-{uuid7_hex()}"
        for table in rows.tables():
            if table is rows.arrivals and self._log is not None:
                self._log.stamp(table)
            body = encode(table.values) if table.owners else b""
            if table.name in _FOREIGN:
                at, more = _FOREIGN[table.name]
                where = f"{_WHERE.replace('start_ns', at)} AND span_id IN {{spans:Array(String)}}{more}"
                for first in range(0, len(span_ids), SPANS_AT_ONCE):
                    some = _listed(span_ids[first : first + SPANS_AT_ONCE])
                    self._delete(table.name, where, {**params, "spans": some})
            if table.owners:
                self._store.insert(table.name, COLUMNS[table.name], body, f"{token}:{table.name}")

    def _give_way(self, params: dict[str, str]) -> None:
        """These calls of our own stand for their traces no longer: their rows are written again so, and then those that
        did are deleted; no others, because another node's writer may have added some since. A crash in between leaves
        both, and the next time writes none twice."""
        ours = f"{_WHERE} AND span_id IN {{spans:Array(String)}} AND request_id != ''"
        again = f"SELECT span_id FROM spans WHERE {ours} AND entry = 0"  # noqa: S608
        values = ", ".join("0" if name == "entry" else name for name in COLUMNS["spans"])
        self._store.query(
            f"INSERT INTO spans ({', '.join(COLUMNS['spans'])})"  # noqa: S608
            f" SETTINGS insert_deduplication_token = 'rewrite-{uuid7_hex()}'"
            f" SELECT {values} FROM spans WHERE {ours} AND entry = 1 AND span_id NOT IN ({again})",
            params,
        )
        self._delete("spans", f"{ours} AND entry = 1", params)

    def _delete(self, table: str, where: str, params: dict[str, str]) -> None:
        """Month by month (`_months`)."""
        at = "at_ns" if table == "ledger" else "start_ns"
        for month in self._months(table, at, where, params):
            sql = delete_now(self._cluster, table, month, where)
            self.aside(partial(self._store.query, sql, params))

    def _months(self, table: str, at: str, where: str, params: dict[str, str]) -> list[str]:
        """Those that have any such row: to look through the parts of all others, only to find nothing there, is most of
        what changing a table costs."""
        sql = f"SELECT DISTINCT toString(toYYYYMM(fromUnixTimestamp64Nano({at}, 'UTC'))) FROM {table} WHERE {where}"  # noqa: S608
        return [month for [month] in _months.decode_lines(self._store.query(sql, params))]


_ReadBy = defaultdict[tuple[str, str], set[tuple[str, int]]]
"""Conventions and versions of the mappers that a span was read by, by trace and span."""
_Again = dict[tuple[str, str], tuple[str, int]]
"""The same of the mapper of today."""
_months: Final = msgspec.json.Decoder(tuple[str])


def _at_once(work: Callable[[], object]) -> None:
    work()


def _when(arrival: Arrival) -> tuple[int, str]:
    return arrival.start_ns, arrival.span.span_id


def _label(sums: Sums, line: _There) -> None:
    """What a call through the gateway was labelled with is a label of the trace, where no foreign span said so."""
    for name in ("model", "model_used", "app", "release", "environment", "feature", "session", "user"):
        if not getattr(sums, name):
            setattr(sums, name, getattr(line, name))
    if line.provider and line.provider not in sums.tried:
        sums.tried.append(line.provider)


def _say(sums: Sums, there: list[_There]) -> None:
    """What was said in calls through the gateway was said in the trace, where no foreign span of a model has words."""
    calls = sorted((line for line in there if line.kind == "llm"), key=lambda line: line.start_ns)
    if not sums.asked and not sums.answered:
        sums.asked = next((line.input_preview for line in calls if line.input_preview), "")
        sums.answered = next((line.output_preview for line in reversed(calls) if line.output_preview), "")


def _node(line: _There) -> UsageNode:
    return UsageNode(
        line.span_id,
        line.parent_span_id,
        line.kind,
        bool(line.leaf),
        False,
        line.response_id,
        line.start_ns,
        ours=line.ours,
    )


def _topmost(mapped: list[Mapped]) -> Mapped | None:
    """The first span whose parent is not here; where they are each other's parents, the first of all."""
    known = {each.arrival.span.span_id for each in mapped}
    first = mapped[0] if mapped else None
    return next((each for each in mapped if each.arrival.span.parent_span_id not in known), first)
