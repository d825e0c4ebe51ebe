"""Foreign spans arrive in any order, some twice and some late: what becomes of each, so that every span is one row.

The writer asks `ForeignTraces.plan` for each batch. It remembers the spans of the traces of late, and for longer which
traces there were (both bounded); a span of a trace that it has forgotten, or that began before its memory does, is
looked up in the store. So:

- a span that is new becomes rows at once;
- a span that came before, with nothing new, is passed over;
- a span with news, or one that changes what stands for its trace (a leaf after the root, a root after 30 s without),
  is kept raw and its trace is *noted*: `mapping/rewrite.py` makes the trace's rows anew from all that came, soon.

Notes are on the disk (`drain.py`) before anything of their batch is inserted, so a crash forgets none.

A trace with more than `TRACE_SPANS` spans is *endless*: an emitter that uses one trace id for ever, broken or hostile.
Of it only the newest spans are remembered, the store is asked for the others, and it is never made anew: each span is
one row, as it first came; what comes of it later is kept raw; usage is counted once among the spans that are
remembered, and the sums of what stands for it end where it became endless.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.mapping.before import Forgotten, Lookup, Newest, Stored
from trimtab.telemetry.mapping.called import SKEW_NS, Called, told_before
from trimtab.telemetry.mapping.came import (
    MERGED,
    Broken,
    Gathered,
    as_arrivals,
    gather,
    gather_told,
    lasted,
    merged,
    portions,
    with_span,
)
from trimtab.telemetry.mapping.known import Arrival, Mapped, Reading
from trimtab.telemetry.mapping.plan import Key, Plan
from trimtab.telemetry.mapping.prices import ForeignPrices
from trimtab.telemetry.mapping.readings import Read, entries, mapped_of, node_of, read_all
from trimtab.telemetry.mapping.sums import Sums
from trimtab.telemetry.mapping.told import Told, told_in
from trimtab.telemetry.mapping.usage_once import UsageNode, counted
from trimtab.telemetry.notes import LONGEST_NS, NEAR_NS, Note
from trimtab.telemetry.silent import Whose

logger = logging.getLogger("trimtab.telemetry.foreign")

REMEMBERED_SPANS: Final = 60_000
TRACE_SPANS: Final = 10_000
"""Spans of one trace that are remembered; a trace with more of them is endless."""
PARTIAL_BYTES: Final = 64 << 20
"""Of what only adds to spans that have not come yet, so much is held; beyond it their traces are made anew."""
ROOTLESS_MS: Final = 30_000
"""A trace whose root has not come for so long is shown under its topmost span."""
SPREADS: Final = 10_000
"""Of so many long traces whose spans are no longer remembered it is known from when to when they had some."""
EVER: Final = 1 << 64
"""Later than any span begins."""


class Elsewhere(Protocol):
    """Where the portions of a batch are read instead of here (`mapping/away.py`)."""

    def begin(self, parts: list[list[tuple[int, ForeignBatch]]]) -> None: ...

    def spans(self, number: int) -> tuple[list[Told], Broken] | None:
        """What was read of a portion, and its records that could not be; None: it is to be read here."""
        ...

    def whole(self, told: Told) -> ForeignSpan:
        """A span as it came."""
        ...


class _Trace(Struct, eq=False):
    """What is remembered of a trace. ``weights``: bytes of what is held of each of its partials; ``stripped``: those of
    which more came than is held; ``called``: calls of our own gateway are part of it; ``lately``: how many spans the
    batch before the last one, and that, have brought: they may be on their way; ``looked_ns``: the store has no spans
    of it in between that are not remembered."""

    digests: dict[str, int] = {}
    nodes: dict[str, UsageNode] = {}
    partials: dict[str, ForeignSpan] = {}
    weights: dict[str, int] = {}
    stripped: set[str] = set()
    counted: frozenset[str] = frozenset()
    sums: Sums = field(default_factory=Sums)
    rooted: bool = False
    called: bool = False
    noted: bool = False
    endless: bool = False
    turn: int = 0
    lately: tuple[int, int] = (0, 0)
    low_ns: int = 1 << 63
    high_ns: int = 0
    looked_ns: tuple[int, int] = (EVER, 0)

    def knows(self, low: int, spans: Iterable[Arrival]) -> bool:
        """Whether all that the store has of it about these spans is remembered."""
        first, last = self.looked_ns
        return first <= low and (last == EVER or _high(spans) <= last)


class ForeignTraces:
    """One thread at a time. ``now_ns`` is where its memory begins."""

    def __init__(self, read: Read, lookup: Lookup, prices: ForeignPrices, now_ns: Callable[[], int]) -> None:
        self._read = read
        self._lookup = lookup
        self._prices = prices
        self._now_ns = now_ns
        self._traces: OrderedDict[Key, _Trace] = OrderedDict()
        self._spans = 0
        self._partial_bytes = 0
        self._since_ns = 0
        self._forgotten = Forgotten()
        self._topmost: set[Key] = set()
        self._called = Called(lookup, now_ns)
        self._turn = 0
        self._newest = Newest(lookup.newest)
        self._away: Elsewhere | None = None
        self._looked: dict[Key, tuple[int, int]] = {}
        self._spreads: OrderedDict[Key, tuple[int, int]] = OrderedDict()
        self.alone = True
        """Whether nobody else writes to the store."""
        self.forget()

    def forget(self) -> None:
        """Something was planned that did not reach the store: from here on the store is asked."""
        self._traces.clear()
        self._forgotten.clear()
        self._topmost.clear()
        self._newest.clear()
        self._spans = self._partial_bytes = 0
        self._since_ns = self._now_ns()

    def shown_rootless(self, key: Key) -> None:
        """The rewriting had no root to show this trace under: should one come, it is to be done again."""
        if len(self._topmost) < REMEMBERED_SPANS:
            self._topmost.add(key)

    def plan(
        self,
        records: Sequence[tuple[int, ForeignBatch]],
        joined: Iterable[tuple[Key, int]] = (),
        portion: Callable[[Plan], None] | None = None,
        away: Elsewhere | None = None,
    ) -> Plan:
        """What to do with the foreign spans of a batch; each record comes with its place. ``joined`` are the traces,
        with their times, that calls of our own gateway became part of: both tell usage. ``portion`` is called when a
        part of the batch is planned and may make its rows, so that spans, and what was read of them, are not all in
        memory at once. ``away`` may have read them elsewhere. Raises `StoreAway`, and what ``portion`` raises."""
        plan = Plan()
        self._turn += 1
        self._join(plan, joined)
        self._away = away
        try:
            self._place(plan, portions(records), portion)
        finally:
            self._away = None
        self._shrink()
        return plan

    def _place(
        self,
        plan: Plan,
        parts: list[list[tuple[int, ForeignBatch]]],
        portion: Callable[[Plan], None] | None,
    ) -> None:
        told: Gathered = {}
        if self._away is not None:
            self._away.begin(parts)
        for number, some in enumerate(parts):
            lately = self._gather(told, some, number, plan)
            ready = told
            if number < len(parts) - 1:
                ready = {key: spans for key, spans in told.items() if key not in lately}
                told = {key: spans for key, spans in told.items() if key in lately}
            self._some(plan, as_arrivals(ready, plan.broken))
            if portion is not None:
                portion(plan)

    def _gather(self, told: Gathered, some: list[tuple[int, ForeignBatch]], number: int, plan: Plan) -> set[Key]:
        read = None if self._away is None else self._away.spans(number)
        if read is None:
            return gather(told, some, plan.broken, self._whole)
        plan.broken += read[1]
        return gather_told(told, some, read[0], self._whole)

    def _whole(self, span: ForeignSpan) -> ForeignSpan:
        """A span as it came, wherever it was read."""
        told = told_in(span)
        if told is None or self._away is None:
            return span
        return self._away.whole(told)

    def _some(self, plan: Plan, arrived: dict[Key, dict[str, Arrival]]) -> None:
        self._looked.clear()
        stored = self._look_up(arrived)
        self._look_for_calls(arrived, stored)
        try:
            read_all(self._read, self._prices, self._unread(arrived, stored))
        except Exception as error:  # noqa: BLE001  the trace that is to blame raises it again, below, and it alone
            logger.debug("spans are read trace by trace: %s", error)
        for key, spans in arrived.items():
            so_far = plan.lengths()
            try:
                self._each(plan, key, spans, stored.get(key))
                if not self.alone:
                    self._see(plan, key, spans.values())
            except Exception as error:  # whatever a trace holds, it must not stop the others
                logger.exception("the trace %s cannot be placed", key[1])
                plan.cut(so_far)
                owners = {each.owner for each in spans.values()}
                plan.broken += [(owner, f"{type(error).__name__}: {error}") for owner in sorted(owners)]
                self._let_go(key)

    def _see(self, plan: Plan, key: Key, spans: Iterable[Arrival]) -> None:
        trace = self._traces.get(key) or _Trace()
        if not trace.endless:
            low = min(each.start_ns for each in spans)
            plan.see(key, min(low, trace.low_ns), max(_high(spans), trace.high_ns))

    def _unread(self, arrived: dict[Key, dict[str, Arrival]], stored: dict[Key, Stored]) -> list[Arrival]:
        """The spans that most likely become rows."""
        found: list[Arrival] = []
        for key, spans in arrived.items():
            if key not in stored:
                trace = self._traces.get(key)
                if trace is None:
                    found += [each for each in spans.values() if not each.span.partial]
                    continue
                known = trace.digests
                found += [each for span_id, each in spans.items() if span_id not in known and not each.span.partial]
        return found

    def _each(self, plan: Plan, key: Key, spans: dict[str, Arrival], stored: Stored | None) -> None:
        trace = self._traces.get(key)
        if (trace is not None and trace.endless) or (stored is not None and stored.spans > TRACE_SPANS):
            self._endless(plan, key, spans, {} if stored is None else stored.digests)
        elif stored is not None:
            if trace is not None:
                self._spread(key, trace.low_ns, trace.high_ns)
                self._forget_trace(key, trace)
            self._late(plan, key, spans, stored.digests)
        else:
            self._live(plan, key, spans)

    def _let_go(self, key: Key) -> None:
        """Forget a trace. What is forgotten began before now at the latest: such spans must be looked up."""
        trace = self._traces.pop(key, None)
        if trace is not None:
            self._drop_partials(trace)
        self._topmost.discard(key)
        self._spans = sum(len(each.digests) + len(each.partials) for each in self._traces.values())
        self._since_ns = self._now_ns()
        self._newest.clear()

    def _join(self, plan: Plan, joined: Iterable[tuple[Key, int]]) -> None:
        doubtful: dict[Key, int] = {}
        for key, at_ns in joined:
            self._called.add(key)
            trace = self._traces.get(key)
            if trace is None:
                if key in self._forgotten or (at_ns < self._since_ns + SKEW_NS and self._newest.reaches(key[0], at_ns)):
                    doubtful[key] = at_ns
            elif not trace.endless:
                trace.called = True
                low, high = min(trace.low_ns, at_ns), max(trace.high_ns, at_ns)
                plan.notes.append(Note(*key, self._now_ns() // 1_000_000, low, high))
        for key in told_before(self._lookup, doubtful) if doubtful else ():
            plan.notes.append(Note(*key, self._now_ns() // 1_000_000, *self._spread(key, doubtful[key], doubtful[key])))

    # --- what is in the store already ------------------------------------------------------------------------------

    def _look_up(self, arrived: dict[Key, dict[str, Arrival]]) -> dict[Key, Stored]:
        """The traces among these that the store has and we do not remember, or not wholly."""
        asked: dict[tuple[str, bool], list[tuple[str, int, int, list[str]]]] = {}
        for key, spans in arrived.items():
            trace, wanted = self._traces.get(key), list(spans.values())
            if trace is not None and trace.endless:
                wanted = [each for each in wanted if each.span.span_id not in trace.digests]
                if not wanted:
                    continue
            low = min([each.start_ns for each in wanted])
            if trace is not None and not trace.endless and trace.knows(low, wanted):
                continue
            if self._is_doubtful(key, trace, low, wanted[0].arrived_ns):
                names = [each.span.span_id for each in wanted]
                low, high = self._about(key, low, _high(wanted))
                asked.setdefault((key[0], high - low > NEAR_NS), []).append((key[1], low, high, names))
        found: dict[Key, Stored] = {}
        for (project, _), doubtful in asked.items():
            low, high = min(each[1] for each in doubtful), max(each[2] for each in doubtful)
            known = self._lookup(project, {each[0]: each[3] for each in doubtful}, low, high)
            found |= {(project, trace_id): stored for trace_id, stored in known.items()}
            for each in doubtful:
                if each[0] not in known:
                    self._looked[project, each[0]] = (low - NEAR_NS, high + NEAR_NS)
        return found

    def _is_doubtful(self, key: Key, trace: _Trace | None, low: int, arrived_ns: int) -> bool:
        """Whether the store may have spans of a trace about ``low`` or later that are not remembered. Where it has
        none, it is noted from when on."""
        if (trace is not None and trace.endless) or key in self._forgotten:
            return True
        if low >= self._since_ns and low <= arrived_ns:
            self._looked[key] = (self._since_ns, EVER)
            return False
        if self._newest.reaches(key[0], low):
            return True
        self._looked[key] = (low - NEAR_NS, EVER)
        return False

    def _look_for_calls(self, arrived: dict[Key, dict[str, Arrival]], stored: dict[Key, Stored]) -> None:
        """Which of the traces that are new have calls of our own that are not remembered. Where others write to the
        store as well, each of them is asked for (`shared_notes.told_elsewhere`)."""
        doubtful: list[tuple[Key, int, int]] = []
        for key, spans in arrived.items() if self.alone else ():
            if key not in self._traces and key not in stored:
                low = min([each.start_ns for each in spans.values()])
                if self._called.is_doubtful(key, low, next(iter(spans.values())).arrived_ns):
                    doubtful.append((key, low, _high(spans.values())))
        if doubtful:
            self._called.look_up(doubtful)

    def _late(self, plan: Plan, key: Key, spans: dict[str, Arrival], stored: dict[str, set[int]]) -> None:
        """Spans of a trace whose rows were made before our memory begins."""
        news = [each for each in spans.values() if each.digest not in stored.get(each.span.span_id, ())]
        if not news:
            return
        plan.raws += [(each, each.start_ns, "", 0) for each in news]
        starts = [each.start_ns for each in spans.values()]
        low, high = self._spread(key, min(starts), _high(spans.values()))
        plan.notes.append(Note(*key, self._now_ns() // 1_000_000, low, high))
        self._newest.add(key[0], max(starts))  # they are made anew from what is kept raw, and not remembered

    def _spread(self, key: Key, low: int, high: int) -> tuple[int, int]:
        """From when to when a trace has spans, with these, that is not remembered itself: all of them are needed where
        one more comes."""
        spread = self._spreads[key] = self._about(key, low, high)
        self._spreads.move_to_end(key)
        if len(self._spreads) > SPREADS:
            self._spreads.popitem(last=False)
        return spread

    def _about(self, key: Key, low: int, high: int) -> tuple[int, int]:
        """These, and where the trace is known to have had spans within a day of them."""
        first, last = self._spreads.get(key, (low, high))
        return max(min(low, first), low - LONGEST_NS), min(max(high, last), high + LONGEST_NS)

    def _endless(self, plan: Plan, key: Key, spans: dict[str, Arrival], stored: dict[str, set[int]]) -> None:
        """Spans of a trace that is never made anew: what is new becomes a row, all else is only kept."""
        trace = self._traces.get(key)
        if trace is None:
            trace = self._traces[key] = _Trace()
            trace.endless = trace.rooted = True
        self._traces.move_to_end(key)
        fresh: list[Arrival] = []
        for span_id, each in spans.items():
            known, there = trace.digests.get(span_id), stored.get(span_id, set())
            if each.digest == known or each.digest in there:
                continue
            if each.span.partial or known is not None or there:
                plan.raws.append((each, each.start_ns, "", 0))
            else:
                fresh.append(each)
                trace.digests[span_id] = each.digest
                self._spans += 1
        self._add(plan, trace, fresh)
        self._bound(trace, len(fresh))

    def _bound(self, trace: _Trace, came: int) -> None:
        """Forget what came first of an endless trace; what came with this batch and the last may be on its way."""
        self._came(trace, came)
        before = len(trace.digests) + len(trace.partials)
        self._drop_partials(trace)
        kept = max(TRACE_SPANS // 2, sum(trace.lately))
        if len(trace.digests) > max(TRACE_SPANS, kept):
            for span_id in list(islice(trace.digests, len(trace.digests) - kept)):
                del trace.digests[span_id]
                trace.nodes.pop(span_id, None)
            trace.counted &= trace.nodes.keys()
        self._spans -= before - len(trace.digests)

    # --- what happens now ------------------------------------------------------------------------------------------

    def _live(self, plan: Plan, key: Key, spans: dict[str, Arrival]) -> None:
        trace = self._traces.get(key)
        if trace is None:
            trace = self._traces[key] = _Trace()
            trace.called = key in self._called
        else:
            self._traces.move_to_end(key)
        trace.looked_ns = self._looked.get(key, trace.looked_ns)
        fresh, changed = self._sorted(plan, trace, spans)
        dirty = self._add(plan, trace, fresh) or changed or (bool(fresh) and trace.called)
        if dirty or (trace.rooted and key in self._topmost):
            self._topmost.discard(key)
            plan.notes.append(Note(*key, self._now_ns() // 1_000_000, trace.low_ns, trace.high_ns))
        elif not trace.noted and (trace.partials or (fresh and not trace.rooted)):
            trace.noted = True
            plan.notes.append(Note(*key, self._now_ns() // 1_000_000 + ROOTLESS_MS, trace.low_ns, trace.high_ns))
        elif trace.rooted and trace.noted and not trace.partials:
            trace.noted = False
            plan.settled.append(key)
        self._came(trace, len(fresh))
        if len(trace.digests) + len(trace.partials) > TRACE_SPANS:
            logger.warning("the trace %s of %s has more than %d spans: it is endless", key[1], key[0], TRACE_SPANS)
            trace.endless = True

    def _came(self, trace: _Trace, count: int) -> None:
        """So many new spans came of it, with a portion of this batch."""
        before, last = trace.lately
        trace.lately = (before, last + count) if trace.turn == self._turn else (last, count)
        trace.turn = self._turn

    def _sorted(self, plan: Plan, trace: _Trace, spans: dict[str, Arrival]) -> tuple[list[Arrival], bool]:
        """The spans that are new, and whether one that is not brought news."""
        if not trace.digests and not trace.partials:
            came = list(spans.values())
            if True not in [each.span.partial for each in came]:  # nearly always
                starts = [each.start_ns for each in came]
                trace.low_ns, trace.high_ns = min(trace.low_ns, *starts), max(trace.high_ns, *starts)
                trace.digests = {span_id: each.digest for span_id, each in spans.items()}
                self._spans += len(came)
                return came, False
        fresh: list[Arrival] = []
        changed = False
        for each in spans.values():
            span_id = each.span.span_id
            start_ns = each.start_ns
            trace.low_ns = min(trace.low_ns, start_ns)
            trace.high_ns = max(trace.high_ns, start_ns)
            known = trace.digests.get(span_id)
            if known == each.digest:
                continue
            if known is None and each.span.partial:
                before = trace.partials.get(span_id)
                self._spans += before is None
                piece = self._held(trace, each)
                trace.partials[span_id] = piece if before is None else merged(before, piece)
                plan.raws.append((each, start_ns, "", 0))
                continue
            if known is None:
                added = trace.partials.pop(span_id, None)
                self._spans += added is None
                self._partial_bytes -= trace.weights.pop(span_id, 0)
                changed = changed or span_id in trace.stripped  # it is made anew, with all that came of it
                trace.stripped.discard(span_id)
                fresh.append(each if added is None else with_span(each, merged(added, self._whole(each.span))))
            else:
                changed = True
                plan.raws.append((each, start_ns, "", 0))
            trace.digests[span_id] = each.digest
        return fresh, changed

    def _held(self, trace: _Trace, each: Arrival) -> ForeignSpan:
        """What is remembered of a span that only adds to another: all of it while there is room, else that it came."""
        span_id, size = each.span.span_id, len(each.raw)
        if self._partial_bytes + size > PARTIAL_BYTES or len(each.span.events) > MERGED:
            trace.stripped.add(span_id)
            return replace(each.span, events=(), attributes={}, resource={})
        self._partial_bytes += size
        trace.weights[span_id] = trace.weights.get(span_id, 0) + size
        return each.span

    def _drop_partials(self, trace: _Trace) -> None:
        if not (trace.partials or trace.weights or trace.stripped):  # nearly always
            return
        self._partial_bytes -= sum(trace.weights.values())
        for held in (trace.partials, trace.weights, trace.stripped):
            held.clear()

    def _add(self, plan: Plan, trace: _Trace, fresh: list[Arrival]) -> bool:
        """Rows for what is new; whether rows that were made before are no longer right."""
        read = read_all(self._read, self._prices, fresh)
        leaves, dirty = _count(trace, read)
        had_root, sums = trace.rooted, trace.sums
        before = (sums.session, sums.user, sums.feature)
        whose = _whose(trace, read)
        mapped: list[Mapped] = []
        stands: Mapped | None = None
        for arrival, reading in read:
            span, foreign = reading.canonical, arrival.span
            each = mapped_of(arrival, reading, foreign.span_id in leaves, whose)
            plan.raws.append((arrival, arrival.start_ns, span.convention, span.mapper_version))
            if not span.pending:
                mapped.append(each)
                sums.add(each)
                if stands is None and not foreign.parent_span_id:
                    stands = each
        if stands is None and trace.endless and mapped:  # nobody will look for its topmost span later
            stands = mapped[0]
        trace.rooted = trace.rooted or stands is not None
        plan.spans += entries(mapped, None if had_root else stands, sums)
        if dirty or not had_root:
            return dirty
        return any(each.leaf for each in mapped) or before != (sums.session, sums.user, sums.feature)

    def _shrink(self) -> None:
        while self._spans > REMEMBERED_SPANS:
            key, trace = next(iter(self._traces.items()))
            if trace.turn >= self._turn - 1:  # it may be on its way to the store
                break
            self._forget_trace(key, trace)

    def _forget_trace(self, key: Key, trace: _Trace) -> None:
        del self._traces[key]
        if trace.high_ns - trace.low_ns > NEAR_NS:
            self._spread(key, trace.low_ns, trace.high_ns)
        self._spans -= len(trace.digests) + len(trace.partials)
        self._drop_partials(trace)
        self._topmost.discard(key)
        since_ns = max(self._since_ns, self._forgotten.add(key, self._now_ns()))
        if since_ns != self._since_ns:
            self._since_ns = since_ns
            self._newest.clear()


def _high(spans: Iterable[Arrival]) -> int:
    """How late what belongs to these spans may have begun."""
    return max([lasted(each.span) for each in spans])


# --- whose it is, what counts --------------------------------------------------------------------------------------


def _whose(trace: _Trace, read: list[tuple[Arrival, Reading]]) -> Whose | None:
    """Which session and user a trace is of, with these spans of it; None: its root, which is to come, may say so."""
    sums, rooted = trace.sums, trace.rooted
    for arrival, reading in read:
        if not reading.canonical.pending:
            sums.name(reading.canonical)
            rooted = rooted or not arrival.span.parent_span_id
    return (sums.session, sums.user) if rooted or sums.session or sums.user else None


def _count(trace: _Trace, read: list[tuple[Arrival, Reading]]) -> tuple[frozenset[str], bool]:
    """Which spans of the trace count now, and whether that changes what was said of spans that came before."""
    nodes = trace.nodes
    for arrival, reading in read:
        nodes[arrival.span.span_id] = node_of(arrival, reading.canonical)
    now = counted(nodes.values())
    before, trace.counted = trace.counted, now
    if before == now or len(nodes) == len(read):  # of a trace that is new, nothing was said before
        return now, False
    new = {arrival.span.span_id for arrival, _ in read}
    return now, not (before ^ now) <= new
