"""From rows of the store to the views people see: the columns each question asks for, and what becomes of them.

A row arrives as a JSON array; a struct with ``array_like`` gives its places names.
"""

from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from trimtab.ledger.types import LimitNote
from trimtab.telemetry.calls.knowledge_rows import LookedUp
from trimtab.telemetry.records import AppNote, CacheNote, Candidate, ContextNote, GuardLine, Step
from trimtab.telemetry.search.query import TOKENS
from trimtab.telemetry.units import dollars
from trimtab.telemetry.views import (
    AppLine,
    Bucket,
    CacheLine,
    ContextLine,
    DecisionLine,
    GuardVerdictLine,
    KnowledgeLine,
    Known,
    LimitLine,
    SpanKind,
    SpanRow,
    Status,
    StepLine,
    Tokens,
    Totals,
    TraceDetail,
)

T = TypeVar("T")


SHOWN_ROWS: Final = "TSVRaw"
"""The format for what `shown.py` says alone: it is JSON without line ends already, so lines are those of JSON lines."""


def rows_of(line: type[T], data: bytes) -> list[T]:
    """The rows of one answer."""
    return msgspec.json.Decoder(line).decode_lines(data)


def _milliseconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / 1e6, 3)


# --- spans ---------------------------------------------------------------------------------------------------------


class SpanLine(Struct, frozen=True, array_like=True, gc=False):
    """A span's ``shown``: the columns of `shown.COLUMNS`, in that order. No collector walks it, or what is made of it:
    to walk those of 30,000 spans stops the process for some 60 ms, and they can be part of no cycle."""

    trace_id: str
    span_id: str
    parent_span_id: str
    request_id: str
    kind: SpanKind
    name: str
    status: Status
    start_ns: int
    duration_ns: int
    ttft_ns: int | None
    model: str
    model_used: str
    provider: str
    app: str
    release: str
    environment: str
    feature: str
    session: str
    user: str
    key_id: str
    tags: list[str]
    stream: int
    stop: str
    http_status: int
    error_code: str
    error_message: str
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    tokens_estimated: int
    cost: int | None
    price: str
    attempts: int
    fallbacks: int
    input_preview: str
    output_preview: str
    entry: int
    leaf: int
    unpriced: int
    metadata: dict[str, str]
    decision: str

    def tokens(self) -> Tokens:
        return _tokens(
            self.input_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
            self.output_tokens,
            self.reasoning_tokens,
            self.tokens_estimated,
        )


# Older servers quote 64-bit numbers where they make JSON.
_shown: Final = msgspec.json.Decoder(SpanLine, strict=False)


def span_lines(data: bytes) -> list[SpanLine]:
    """The spans of an answer that asked for `shown.OF_ENTRIES` or `shown.OF_ANY` alone, in the format `SHOWN_ROWS`."""
    return _shown.decode_lines(data)


PORTION: Final = 128 * 1024
"""Bytes of rows that are read in one go: nothing else of the process runs meanwhile, in whichever thread it is."""


def trace_of(trace_id: str, data: bytes) -> TraceDetail | None:
    """The trace whose spans these are (as of `span_lines`); None where there are none."""
    lines: list[SpanLine] = []
    begin = 0
    while begin < len(data):
        end = data.find(b"\n", begin + PORTION) + 1 or len(data)
        lines += span_lines(data[begin:end])
        begin = end
    return trace_detail(trace_id, lines) if lines else None


def _tokens(fresh: int, read: int, write: int, output: int, reasoning: int, estimated: int) -> Tokens:
    return Tokens(
        input=fresh,
        cache_read=read,
        cache_write=write,
        output=output,
        reasoning=reasoning,
        total=fresh + read + write + output + reasoning,
        estimated=bool(estimated),
    )


def span_row(line: SpanLine, *, own: bool = False) -> SpanRow:
    """A span as a person sees it; with ``own`` without the sums that an entry span carries of its call."""
    bare = own and not line.leaf
    return SpanRow(
        trace_id=line.trace_id,
        span_id=line.span_id,
        parent_span_id=line.parent_span_id,
        request_id=line.request_id,
        kind=line.kind,
        name=line.name,
        status=line.status,
        started=line.start_ns / 1e6,
        duration=line.duration_ns / 1e6,
        ttft=None if line.ttft_ns is None else line.ttft_ns / 1e6,
        model=line.model,
        model_used=line.model_used,
        provider=line.provider,
        app=line.app,
        release=line.release,
        environment=line.environment,
        feature=line.feature,
        session=line.session,
        user=line.user,
        key_id=line.key_id,
        tags=line.tags,
        stream=bool(line.stream),
        stop=line.stop,
        http_status=line.http_status,
        error_code=line.error_code,
        error_message=line.error_message,
        tokens=Tokens() if bare else line.tokens(),
        cost=None if bare else dollars(line.cost),
        price="" if bare else line.price,
        attempts=line.attempts,
        fallbacks=line.fallbacks,
        input_preview=line.input_preview,
        output_preview=line.output_preview,
    )


def trace_detail(trace_id: str, lines: list[SpanLine]) -> TraceDetail:
    """All spans of a trace, oldest first. Usage and cost are of leaves alone, so nothing is counted twice."""
    lines = [_without_others(line, lines) for line in lines]
    leaves = [line for line in lines if line.leaf]
    priced = [line.cost for line in leaves if line.cost is not None]
    started = min(line.start_ns for line in lines)
    ended = max(line.start_ns + line.duration_ns for line in lines)
    metadata: dict[str, str] = {}
    decided, classes = Decided(), list[str]()
    for line in lines:
        metadata |= line.metadata
        if line.decision and line.kind != "guardrail":  # which says again what its call says
            read = read_decision(line.decision)
            decided = decided.joined(read)
            classes.append(read.data_class)
    return TraceDetail(
        trace_id=trace_id,
        spans=[span_row(line, own=True) for line in lines],
        tokens=_tokens(
            sum(line.input_tokens for line in leaves),
            sum(line.cache_read_tokens for line in leaves),
            sum(line.cache_write_tokens for line in leaves),
            sum(line.output_tokens for line in leaves),
            sum(line.reasoning_tokens for line in leaves),
            max((line.tokens_estimated for line in leaves), default=0),
        ),
        cost=dollars(sum(priced)) if priced else None,
        unpriced=sum(line.unpriced for line in leaves),
        started=started / 1e6,
        duration=(ended - started) / 1e6,
        decision=[decision_line(line) for line in decided.lines],
        metadata=metadata,
        route=decided.route,
        steps=[StepLine(node=s.node, took=s.took, why=s.why, value=s.value) for s in decided.steps],
        cache=None if decided.cache is None else _cache_line(decided.cache),
        context=None if decided.context is None else _context_line(decided.context),
        limits=[_limit_line(note) for note in decided.limits],
        app=None if decided.app is None else _app_line(decided.app),
        guards=[guard_line(each) for each in decided.guards],
        held=decided.held,
        knowledge=[_knowledge_line(each) for each in decided.knowledge],
        data_classes=list(dict.fromkeys(filter(None, classes))),
    )


_COUNTED: Final = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "unpriced",
)  # fmt: skip


def _without_others(line: SpanLine, lines: list[SpanLine]) -> SpanLine:
    """A foreign trace may be shown under a span that is a leaf itself: its row has the sums of all leaves, from which
    those of the others are taken here."""
    if not (line.entry and line.leaf):
        return line
    others = [each for each in lines if each.leaf and each is not line]
    if not others:
        return line
    own = {name: max(0, getattr(line, name) - sum(getattr(each, name) for each in others)) for name in _COUNTED}
    cost = None if line.cost is None else max(0, line.cost - sum(each.cost or 0 for each in others))
    return msgspec.structs.replace(line, **own, cost=cost)


def _cache_line(note: CacheNote) -> CacheLine:
    return CacheLine(
        outcome=note.outcome,
        mode=note.mode,
        reason=note.reason,
        age_s=note.age_s,
        similarity=note.similarity if note.mode == "semantic" and note.outcome == "hit" else None,
        saved=dollars(note.saved),
        first_request=note.first_request,
    )


def _app_line(note: AppNote) -> AppLine:
    return AppLine(
        rollout=note.rollout,
        prompt=note.prompt,
        assigned=note.assigned,
        overridden=list(note.overridden),
        left_out=list(note.left_out),
        not_taken=list(note.not_taken),
        copy_of=note.copy_of,
    )


def _knowledge_line(each: LookedUp) -> KnowledgeLine:
    return KnowledgeLine(
        corpus=each.corpus,
        version=each.version,
        follow=each.follow,
        mode=each.mode,
        found=each.found,
        used=each.used,
        failed=each.failed,
        remarks=list(each.remarks),
        span_id=each.span_id,
    )


def _context_line(note: ContextNote) -> ContextLine:
    return ContextLine(before=note.before, after=note.after, changes=list(note.changes))


def _limit_line(note: LimitNote) -> LimitLine:
    def amount(value: int) -> str:
        return (dollars(value) or "0") if note.measure == "money" else str(value)

    return LimitLine(
        limit=note.limit,
        measure=note.measure,
        reserved=amount(note.reserved),
        used=amount(note.used),
        left=amount(max(0, note.left)),
        refused=note.refused,
        asked=amount(note.asked) if note.asked else None,
        bound=amount(note.bound) if note.refused else None,
        resets=note.resets or None,
    )


UNITS: Final = {"concurrency": "places"}
"""What a measure counts, where its name does not say so."""


class Decided(Struct, frozen=True, kw_only=True):
    """The ``decision`` column: the candidates, and the route with its steps where there was one; what the cache, a
    context policy and limits did."""

    route: str = ""
    steps: tuple[Step, ...] = ()
    lines: tuple[Candidate, ...] = ()
    cache: CacheNote | None = None
    context: ContextNote | None = None
    limits: tuple[LimitNote, ...] = ()
    app: AppNote | None = None
    guards: tuple[GuardLine, ...] = ()
    held: int = 0
    data_class: str = ""
    knowledge: tuple[LookedUp, ...] = ()

    def joined(self, other: "Decided") -> "Decided":
        """Of two calls of one trace; the first route is named."""
        return Decided(
            route=self.route or other.route,
            steps=self.steps + other.steps,
            lines=self.lines + other.lines,
            cache=self.cache or other.cache,
            context=self.context or other.context,
            limits=self.limits + other.limits,
            app=self.app or other.app,
            guards=self.guards + other.guards,
            held=max(self.held, other.held),
            knowledge=self.knowledge + other.knowledge,
        )


def read_decision(column: str) -> Decided:
    """Both forms that `calls.mapper.decision_json` writes. Candidates get the state of the limits they fell under."""
    if column.startswith("["):
        return Decided(lines=msgspec.json.decode(column, type=tuple[Candidate, ...]))
    decided = msgspec.json.decode(column, type=Decided)
    if not decided.limits:
        return decided
    lines = tuple(_with_limits(line, decided.limits) for line in decided.lines)
    return msgspec.structs.replace(decided, lines=lines)


def _with_limits(line: Candidate, notes: tuple[LimitNote, ...]) -> Candidate:
    """The candidate with what was left of the budgets and limits that it falls under, where nothing of that kind stood
    in its way (that is told already)."""
    if line.provider in ("cache", "guard"):
        return line
    money: list[str] = []
    others: list[str] = []
    for note in notes:
        if note.about and line.model not in note.about:
            continue
        left = max(0, note.left)
        if note.measure == "money":
            money.append(f"{note.limit}: {dollars(left) or '0'} dollars left")
        else:
            others.append(f"{note.limit}: {left} {UNITS.get(note.measure, note.measure)} left")
    return msgspec.structs.replace(line, budget=line.budget or ", ".join(money), limit=line.limit or ", ".join(others))


def guard_line(line: GuardLine) -> GuardVerdictLine:
    values = {name: getattr(line, name) for name in line.__struct_fields__ if name != "cost"}
    return GuardVerdictLine(**values, cost=None if line.cost is None else dollars(line.cost) or "0")


def decision_line(line: Candidate) -> DecisionLine:
    """A candidate as a person sees it."""
    weighed = line.weighed
    known = None
    if weighed is not None:
        known = Known(
            ewma_ms=weighed.ewma_ms,
            in_flight=weighed.in_flight,
            expected_cost=dollars(weighed.price),
            weight=weighed.weight,
            draw=weighed.draw,
        )
    return DecisionLine(
        model=line.model,
        provider=line.provider,
        verdict=line.verdict,
        reason=line.reason,
        node=line.node,
        known=known,
        breaker=line.breaker,
        limit=line.limit,
        budget=line.budget,
        policy=line.policy,
    )


# --- totals --------------------------------------------------------------------------------------------------------

# Latency is of calls that were answered. Percentiles are exact: at a million spans no estimate was any faster.
TOTALS_COLUMNS: Final = (
    "count(), countIf(status = 'error'), countIf(status = 'cancelled'), sum(fallbacks), sum(input_tokens), "
    "sum(cache_read_tokens), sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), "
    "max(tokens_estimated), toString(sum(toInt128(ifNull(cost, 0)))), sum(unpriced), "
    "quantilesExactIf(0.5, 0.95, 0.99)(duration_ns, status = 'ok'), countIf(status = 'ok'), "
    "quantilesExactIf(0.5, 0.95)(assumeNotNull(ttft_ns), status = 'ok' AND ttft_ns IS NOT NULL), "
    "countIf(status = 'ok' AND ttft_ns IS NOT NULL)"
)


class TotalsLine(Struct, frozen=True, array_like=True):
    """A group's name and `TOTALS_COLUMNS`."""

    group: str
    calls: int
    errors: int
    cancelled: int
    fallbacks: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    tokens_estimated: int
    cost: str
    unpriced: int
    latency: tuple[float | None, float | None, float | None]
    answered: int
    first_token: tuple[float | None, float | None]
    streamed: int


def totals(line: TotalsLine | None) -> Totals:
    if line is None:
        return _NO_TOTALS
    p50, p95, p99 = line.latency if line.answered else (None, None, None)
    ttft_p50, ttft_p95 = line.first_token if line.streamed else (None, None)
    return Totals(
        calls=line.calls,
        errors=line.errors,
        cancelled=line.cancelled,
        fallbacks=line.fallbacks,
        tokens=_tokens(
            line.input_tokens,
            line.cache_read_tokens,
            line.cache_write_tokens,
            line.output_tokens,
            line.reasoning_tokens,
            line.tokens_estimated,
        ),
        cost=dollars(int(line.cost)) or "0",
        unpriced=line.unpriced,
        p50=_milliseconds(p50),
        p95=_milliseconds(p95),
        p99=_milliseconds(p99),
        ttft_p50=_milliseconds(ttft_p50),
        ttft_p95=_milliseconds(ttft_p95),
    )


_NO_TOTALS: Final = Totals(
    calls=0,
    errors=0,
    cancelled=0,
    fallbacks=0,
    tokens=Tokens(),
    cost="0",
    unpriced=0,
    p50=None,
    p95=None,
    p99=None,
    ttft_p50=None,
    ttft_p95=None,
)

# --- series --------------------------------------------------------------------------------------------------------

SERIES_COLUMNS: Final = (
    f"count(), countIf(status = 'error'), sum({TOKENS}), toString(sum(toInt128(ifNull(cost, 0)))), "
    "quantilesExactIf(0.5, 0.95)(duration_ns, status = 'ok'), countIf(status = 'ok')"
)


class SeriesLine(Struct, frozen=True, array_like=True):
    """A bucket's number, a group's name and `SERIES_COLUMNS`."""

    number: int
    group: str
    calls: int
    errors: int
    tokens: int
    cost: str
    latency: tuple[float | None, float | None]
    answered: int


def series(lines: list[SeriesLine], first: int, end: int, step: int, groups: list[str]) -> list[Bucket]:
    """Every bucket of every group, empty ones too, so that a chart has no holes; ``first`` and ``end`` count steps."""
    found = {(line.number, line.group): line for line in lines}
    return [
        _bucket(found.get((number, group)), number * step, group) for group in groups for number in range(first, end)
    ]


def _bucket(line: SeriesLine | None, start: int, group: str) -> Bucket:
    if line is None:
        return Bucket(start=start, group=group, calls=0, errors=0, tokens=0, cost="0", p50=None, p95=None)
    p50, p95 = line.latency if line.answered else (None, None)
    return Bucket(
        start=start,
        group=group,
        calls=line.calls,
        errors=line.errors,
        tokens=line.tokens,
        cost=dollars(int(line.cost)) or "0",
        p50=_milliseconds(p50),
        p95=_milliseconds(p95),
    )


# --- texts ---------------------------------------------------------------------------------------------------------

IO_COLUMNS: Final = (
    "span_id, request_dialect, response_dialect, stream, base64Encode(request), base64Encode(response), request_blob, "
    "response_blob"
)


class IOLine(Struct, frozen=True, array_like=True):
    """`IO_COLUMNS` of one span. Bodies come in base64: they may hold any bytes, JSON may not."""

    span_id: str
    request_dialect: str
    response_dialect: str
    stream: int
    request: bytes
    response: bytes
    request_blob: str
    response_blob: str


class OwnLine(Struct, frozen=True, array_like=True):
    """What `span_io` must know of a span."""

    span_id: str
    parent_span_id: str
    start_ns: int
    captured: int
    shared_io: int


OWN_COLUMNS: Final = "span_id, parent_span_id, start_ns, captured, shared_io"
