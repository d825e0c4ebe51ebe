"""What came of foreign spans, before anything is decided about them: in which portions a batch is looked at, spans that
were told several times as one, each as the JSON that is kept of it.
"""

import hashlib
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, cast

import msgspec
from msgspec.structs import replace

from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.foreign.bodies import ForeignTexts
from trimtab.telemetry.foreign.protobuf import all_spans
from trimtab.telemetry.foreign.spans import STATUS_ERROR, Attributes, ForeignBatch, ForeignEvent, ForeignSpan
from trimtab.telemetry.mapping.known import Arrival, Reading
from trimtab.telemetry.mapping.plan import Key
from trimtab.telemetry.mapping.told import Told, told_in
from trimtab.telemetry.notes import LONGEST_NS

MERGED: Final = 1_000
"""Events and links of a span that was told in several pieces, and tens of attributes; what comes beyond is kept raw."""
PORTION_BYTES: Final = 2 << 20
"""What is planned at once of a batch: some fifteen hundred spans (`portions`)."""
_LEAST: Final = 1_000
"""Bytes that a record counts for at least."""

Gathered = dict[Key, dict[str, tuple[int, ForeignBatch, ForeignSpan]]]
"""Spans by trace and id, each with its record and that one's place."""
Broken = list[tuple[int, str]]
"""Places of records that could not be read, and why."""


def portions(records: Sequence[tuple[int, ForeignBatch]]) -> list[list[tuple[int, ForeignBatch]]]:
    """The records in their order, a few MB together: what is made of them still fits into the processor's cache."""
    found: list[list[tuple[int, ForeignBatch]]] = []
    room = 0
    for each in records:
        if room <= 0:
            found.append([])
            room = PORTION_BYTES
        found[-1].append(each)
        room -= max(len(each[1].otlp), each[1].expands // 2, _LEAST)
    return found


def itself(span: ForeignSpan) -> ForeignSpan:
    """Of a span that was read here, the whole."""
    return span


Whole = Callable[[ForeignSpan], ForeignSpan]
"""What gives a span as it came, wherever it was read."""


def gather(
    told: Gathered, records: Sequence[tuple[int, ForeignBatch]], broken: Broken, whole: Whole = itself
) -> set[Key]:
    """Add every span to what is ``told``; one that comes twice is merged. Returns the traces that the later half of the
    records has spans of: more may come with the next ones."""
    lately: set[Key] = set()
    for number, (owner, record) in enumerate(records):
        if number == len(records) // 2:
            lately.clear()
        try:
            trace_id, trace = None, dict[str, tuple[int, ForeignBatch, ForeignSpan]]()
            for span in all_spans(record):
                if span.trace_id != trace_id:  # mostly it is that of the span before
                    trace_id = span.trace_id
                    key = (record.project, trace_id)
                    lately.add(key)
                    trace = told.setdefault(key, {})
                before = trace.get(span.span_id)
                trace[span.span_id] = (owner, record, span if before is None else _as_one(before[2], span, whole))
        except Exception as error:  # noqa: BLE001  whatever a record holds, it must not stop the others
            broken.append((owner, f"{type(error).__name__}: {error}"))
    return lately


def gather_told(
    told: Gathered, records: Sequence[tuple[int, ForeignBatch]], spans: list[Told], whole: Whole
) -> set[Key]:
    """The same of spans that were read elsewhere: those of one portion, each once."""
    lately: set[Key] = set()
    for each in spans:
        owner, record = records[each.record]
        # What placing asks of a span, one that is told has as well.
        span = _decode(each.raw) if each.raw else cast("ForeignSpan", each)
        key = (record.project, span.trace_id)
        trace = told.setdefault(key, {})
        before = trace.get(span.span_id)
        trace[span.span_id] = (owner, record, span if before is None else _as_one(before[2], span, whole))
        if each.record >= len(records) // 2:
            lately.add(key)
    return lately


def _as_one(old: ForeignSpan, new: ForeignSpan, whole: Whole) -> ForeignSpan:
    """Two tellings of a span. That two are the same that were read elsewhere, their digests tell."""
    first, second = told_in(old), told_in(new)
    if first is not None and second is not None and first.digest == second.digest:
        return new
    one, other = whole(old), whole(new)
    return new if one == other else merged(one, other)


def arrivals_of(records: Sequence[tuple[int, ForeignBatch]]) -> tuple[list[Arrival], Broken]:
    """Every span of a portion once, trace by trace; and the owners of records that could not be read, with why."""
    told: Gathered = {}
    broken: Broken = []
    gather(told, records, broken)
    return [each for spans in as_arrivals(told, broken).values() for each in spans.values()], broken


def as_arrivals(told: Gathered, broken: Broken) -> dict[Key, dict[str, Arrival]]:
    """What is told, each span as JSON: once, however often it was told."""
    traces: dict[Key, dict[str, Arrival]] = {}
    for key, spans in told.items():
        came: dict[str, Arrival] = {}
        for span_id, (owner, record, span) in spans.items():
            if (each := told_in(span)) is not None:
                came[span_id] = _arrival_told(owner, record, each)
                continue
            try:
                came[span_id] = arrival_of(owner, record, span)
            except (ValueError, TypeError, RecursionError) as error:  # it cannot be written as JSON
                broken.append((owner, f"the span {span_id}: {type(error).__name__}: {error}"))
        if came:
            traces[key] = came
    return traces


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(ForeignSpan).decode


def arrival_of(owner: int, record: ForeignBatch, span: ForeignSpan) -> Arrival:
    raw = _encode(span)
    return Arrival(owner, record.project, record.key_id, record.arrived_ns, span, raw, _digest(raw), began(span))


def _arrival_told(owner: int, record: ForeignBatch, told: Told) -> Arrival:
    """Of a span that was read elsewhere: it has of a span, of what that says and of its texts what is asked here."""
    span, reading = (
        cast("ForeignSpan", told),
        Reading(cast("CanonicalSpan", told), cast("ForeignTexts", told), told.cost),
    )
    return Arrival(
        owner, record.project, record.key_id, record.arrived_ns, span, b"", told.digest, began(span), reading
    )


def with_span(arrival: Arrival, span: ForeignSpan) -> Arrival:
    """The same arrival, of more than came with it."""
    raw = _encode(span)
    return replace(arrival, span=span, raw=raw, digest=_digest(raw), start_ns=began(span), reading=None)


def _digest(raw: bytes) -> int:
    """Eight bytes of SHA-256, which processors have instructions for: half of what BLAKE2 takes, and as much where they
    have none."""
    return int.from_bytes(hashlib.sha256(raw, usedforsecurity=False).digest()[:8], "little")


def began(span: ForeignSpan) -> int:
    """When a span began; one that says only when it ended began then."""
    return span.start_ns or span.end_ns


def lasted(span: ForeignSpan) -> int:
    """Until when a span lasted, which is how late its children may have begun: no longer than `LONGEST_NS`."""
    start_ns = began(span)
    return max(start_ns, min(span.end_ns, start_ns + LONGEST_NS))


def merged(old: ForeignSpan, new: ForeignSpan) -> ForeignSpan:
    """Two tellings of one span: what the later one says holds, field by field, attribute by attribute. Of very many
    tellings only so much is merged (`MERGED`): each costs as much as what is there already."""
    if new.partial and len(old.events) >= MERGED:
        return old
    known: dict[tuple[str, int], ForeignEvent] = {(event.name, event.time_ns): event for event in old.events}
    known |= {(event.name, event.time_ns): event for event in new.events}
    links = {(link.trace_id, link.span_id): link for link in (*old.links, *new.links)}
    start_ns = new.start_ns or old.start_ns
    if old.partial != new.partial:
        start_ns = old.start_ns if new.partial else new.start_ns
    return ForeignSpan(
        trace_id=new.trace_id,
        span_id=new.span_id,
        partial=old.partial and new.partial,
        parent_span_id=new.parent_span_id or old.parent_span_id,
        name=new.name or old.name,
        kind=new.kind or old.kind,
        start_ns=start_ns,
        end_ns=new.end_ns or old.end_ns,
        status_code=new.status_code or old.status_code,
        status_message=new.status_message or old.status_message,
        attributes=_merged_attributes(old.attributes, new.attributes),
        events=tuple(islice(known.values(), max(MERGED, len(old.events), len(new.events)))),
        links=tuple(islice(links.values(), max(MERGED, len(old.links), len(new.links)))),
        scope_name=new.scope_name or old.scope_name,
        scope_version=new.scope_version or old.scope_version,
        resource={**old.resource, **new.resource},
    )


def _merged_attributes(old: Attributes, new: Attributes) -> Attributes:
    if len(old) + len(new) <= 10 * MERGED:
        return {**old, **new}
    room = max(10 * MERGED, len(old), len(new))
    return dict(islice({**old, **new}.items(), room))


def plain(span: ForeignSpan, why: str) -> CanonicalSpan:
    """A span of which nothing but OTLP's own fields is understood."""
    failed = span.status_code == STATUS_ERROR
    return CanonicalSpan(
        name=span.name,
        status="error" if failed else "ok",
        error_message=span.status_message if failed else "",
        metadata={"unread": why},
        convention="unread",
        mapper_version=0,
    )
