"""A foreign trace, or what came of it, as rows: a row per span, its texts, what it was, its books, its scores.

Usage is counted once: leaves carry it (which spans are leaves is decided over the trace, `foreign_traces.py`), and the
span that stands for the trace in lists carries the sums of its leaves, as a call's request span does.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final, NamedTuple

from trimtab.core.errors import InvalidRequest
from trimtab.governance.sealing import Keyring
from trimtab.ledger.types import CURRENCY, Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import Blobs
from trimtab.telemetry.calls import place as placed
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.detectors import Said
from trimtab.telemetry.foreign import ForeignSpan
from trimtab.telemetry.foreign_texts import CANONICAL, ForeignTexts
from trimtab.telemetry.rows import Rows
from trimtab.telemetry.scores import Score, ScoreBatch, add_scores, check, id_for, strangers, told_by_program
from trimtab.telemetry.silent import Silent, said_by

LABEL, LABELS, MESSAGE, PREVIEW = 500, 64, 4_000, 200
"""Characters of a label, entries of a map, characters of an error's sentence that are kept."""
_INT64: Final = (1 << 63) - 1
_UINT32: Final = (1 << 32) - 1
_NO_USAGE: Final = Usage()


class Arrival(NamedTuple):
    """A span as it came: from which record of the batch, whose it is, when it came; its raw JSON and that's digest."""

    owner: int
    project: str
    key_id: str
    arrived_ns: int
    span: ForeignSpan
    raw: bytes
    digest: int


class Mapped(NamedTuple):
    """A span that was read: what it says, what it said, what it cost. ``leaf``: its usage counts."""

    arrival: Arrival
    canonical: CanonicalSpan
    texts: ForeignTexts
    cost: Cost
    start_ns: int
    duration_ns: int
    leaf: bool


class Sums:
    """What the leaves of a trace come to, and what of them stands for the trace in lists. Grows as they come."""

    __slots__ = (
        "answered",
        "app",
        "asked",
        "buckets",
        "cost",
        "environment",
        "estimated",
        "feature",
        "model",
        "model_used",
        "price",
        "release",
        "session",
        "tried",
        "unpriced",
        "user",
    )

    def __init__(self) -> None:
        self.buckets = [0, 0, 0, 0, 0]
        self.estimated = 0
        self.cost: int | None = None
        self.price = ""
        self.unpriced = 0
        self.model = ""
        self.model_used = ""
        self.tried: list[str] = []
        self.session = ""
        self.user = ""
        self.asked = ""
        self.answered = ""
        self.app = self.release = self.environment = self.feature = ""

    def copy(self) -> "Sums":
        """As they are now."""
        other = Sums()
        other.buckets, other.tried = list(self.buckets), list(self.tried)
        other.estimated, other.cost, other.price, other.unpriced = self.estimated, self.cost, self.price, self.unpriced
        other.model, other.model_used, other.session, other.user = self.model, self.model_used, self.session, self.user
        other.asked, other.answered = self.asked, self.answered
        other.app, other.release, other.environment = self.app, self.release, self.environment
        other.feature = self.feature
        return other

    def add(self, mapped: Mapped) -> None:
        """Take a span in, whatever its kind: any may name session and user, leaves count."""
        span = mapped.canonical
        self.session = self.session or span.session[:LABEL]
        self.user = self.user or span.user[:LABEL]
        if span.kind == "llm":
            self.asked = self.asked or mapped.texts.asked
            self.answered = mapped.texts.answered or self.answered
        if span.kind in ("llm", "embedding", "reranker"):
            self.model = self.model or span.model[:LABEL]
            self.model_used = self.model_used or span.model_used[:LABEL]
            if span.provider and span.provider not in self.tried and len(self.tried) < LABELS:
                self.tried.append(span.provider[:LABEL])
        if mapped.leaf:
            usage = span.usage or _NO_USAGE
            self.add_counted(_buckets(usage), int(usage.estimated), mapped.cost.amount, mapped.cost.price)

    def add_counted(self, buckets: tuple[int, ...], estimated: int, cost: int | None, price: str) -> None:
        """Usage that counts: exclusive buckets, and picodollars where they are known."""
        for place, count in enumerate(buckets):
            self.buckets[place] = min(_INT64, self.buckets[place] + count)
        self.estimated |= estimated
        if cost is None:
            self.unpriced = min(self.unpriced + 1, 65_535)
        else:
            self.cost = min((self.cost or 0) + cost, _INT64)
            self.price = self.price or price


def _buckets(usage: Usage) -> tuple[int, int, int, int, int]:
    found = (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning)
    return found if min(found) >= 0 else tuple(max(0, each) for each in found)  # pyright: ignore[reportReturnType]


class ForeignRows:
    """Turns mapped spans into rows. Pure but for large texts, which it puts into ``blobs`` (idempotent by content)."""

    def __init__(self, blobs: Blobs, silent: Silent | None = None, keys: Callable[[], Keyring] = Keyring) -> None:
        self._blobs = blobs
        self._keys = keys
        self._silent = silent

    @property
    def ring(self) -> Keyring:
        """The data keys in force."""
        return self._keys()

    def add(self, rows: Rows, mapped: Mapped, entry: Sums | None) -> None:
        """Everything one span becomes. ``entry``: it stands for its trace, with these sums."""
        self._span(rows, mapped, entry)
        self._texts(rows, mapped)
        if mapped.leaf:
            _book(rows, mapped)
        if mapped.canonical.scores:
            _scores(rows, mapped)
        span = mapped.canonical
        if self._silent is not None and span.kind == "llm" and span.status == "ok" and span.output_messages:
            self._silent.foreign(rows, mapped.arrival.owner, _said(mapped))

    def _span(self, rows: Rows, mapped: Mapped, entry: Sums | None) -> None:
        arrival, span = mapped.arrival, mapped.canonical
        foreign = arrival.span
        shown, buckets, cost, price, unpriced, estimated = _counts(mapped, entry)
        tried = [span.provider[:LABEL]] if span.provider else []
        rows.spans.add(
            arrival.owner,
            (
                arrival.project, foreign.trace_id, foreign.span_id, foreign.parent_span_id, "", int(entry is not None),
                int(mapped.leaf), span.kind, (span.name or foreign.name)[:LABEL], span.status, mapped.start_ns,
                mapped.duration_ns, span.ttft_ns if span.ttft_ns is not None and 0 <= span.ttft_ns <= _INT64 else None,
                span.model[:LABEL] or shown.model, span.model_used[:LABEL] or shown.model_used,
                span.provider[:LABEL] or (shown.tried[0] if shown.tried else ""), "", tried or list(shown.tried),
                span.app[:LABEL] or shown.app, span.release[:LABEL] or shown.release,
                span.environment[:LABEL] or shown.environment, shown.feature,
                span.session[:LABEL] or shown.session, span.user[:LABEL] or shown.user, arrival.key_id,
                [tag[:LABEL] for tag in span.tags[:LABELS]] if span.tags else [], _metadata(mapped), int(span.stream),
                span.stop[:LABEL],
                max(0, min(span.http_status, 65_535)), span.error_type[:LABEL], span.error_message[:MESSAGE],
                "provider" if span.status == "error" and span.kind == "llm" else "", *buckets, estimated, cost, price,
                unpriced, 0, 0, 1, 0, *self._previews(mapped, shown), "",
                span.response_id[:LABEL], foreign.scope_name[:LABEL], "", "", [],
            ),
        )  # fmt: skip

    def _previews(self, mapped: Mapped, shown: Sums) -> tuple[str, str]:
        if self._keys().seals(mapped.arrival.project):
            return "", ""
        return mapped.texts.asked or shown.asked, mapped.texts.answered or shown.answered

    def _texts(self, rows: Rows, mapped: Mapped) -> None:
        texts, foreign = mapped.texts, mapped.arrival.span
        if not texts.request and not texts.response:
            return
        project, ring = mapped.arrival.project, self._keys()
        request, request_blob = placed(self._blobs, ring, project, texts.request)
        response, response_blob = placed(self._blobs, ring, project, texts.response)
        rows.span_io.add(
            mapped.arrival.owner,
            (
                mapped.arrival.project, foreign.trace_id, foreign.span_id, mapped.start_ns, CANONICAL, CANONICAL, 0,
                request, response, request_blob, response_blob, "", "" if ring.seals(project) else texts.plain,
            ),
        )  # fmt: skip

    def raw(self, values: tuple[object, ...]) -> tuple[object, ...]:
        """A row of ``span_raw`` as it is stored (`raw_values`): the span itself sealed where its project is."""
        project, ring = str(values[0]), self._keys()
        if not ring.seals(project):
            return values
        *others, raw = values
        assert isinstance(raw, bytes)
        return (*others, ring.seal_text(project, raw.decode("utf-8", "surrogatepass")).encode())

    def opened(self, raw: str) -> str:
        """The span that `raw` has sealed. Raises `KeyDestroyed`, `KeyUnknown`."""
        return self._keys().open_text(raw)


def _said(mapped: Mapped) -> Said:
    arrival, span = mapped.arrival, mapped.canonical
    return said_by(
        (arrival.project, arrival.span.trace_id, arrival.span.span_id, span.session[:LABEL]),
        (
            span.model_used[:LABEL] or span.model[:LABEL],
            span.name[:LABEL],
            mapped.start_ns + mapped.duration_ns,
            span.stop,
        ),
        span.input_messages,
        span.output_messages,
        span.tools_offered,
    )


_EMPTY: Final = Sums()


def _counts(mapped: Mapped, entry: Sums | None) -> tuple[Sums, tuple[int, ...], int | None, str, int, int]:
    """What a row counts: an entry its trace's sums, a leaf its own, any other nothing (it repeats what leaves used)."""
    if entry is not None:
        return entry, tuple(entry.buckets), entry.cost, entry.price, entry.unpriced, entry.estimated
    if not mapped.leaf:
        return _EMPTY, (0, 0, 0, 0, 0), None, "", 0, 0
    usage, cost = mapped.canonical.usage or _NO_USAGE, mapped.cost
    amount = None if cost.amount is None else min(cost.amount, _INT64)
    return _EMPTY, _buckets(usage), amount, cost.price, int(amount is None), int(usage.estimated)


def _metadata(mapped: Mapped) -> dict[str, str]:
    """Its own, and what of a span has no column, by the names under which it is found as metadata."""
    span = mapped.canonical
    found: dict[str, str] = {}
    if span.metadata:
        found = {key[:LABEL]: value[:LABEL] for key, value in list(span.metadata.items())[:LABELS]}
    if span.tool_name:
        found.setdefault("tool", span.tool_name[:LABEL])
    if span.agent_name:
        found.setdefault("agent", span.agent_name[:LABEL])
    if span.workflow:
        found.setdefault("workflow", span.workflow[:LABEL])
    if span.node:
        found.setdefault("node", span.node[:LABEL])
    if span.parent_node:
        found.setdefault("parent_node", span.parent_node[:LABEL])
    if span.prompt_name:
        found.setdefault("prompt_name", span.prompt_name[:LABEL])
    if span.prompt_version:
        found.setdefault("prompt_version", span.prompt_version[:LABEL])
    if span.cost_reported is not None:
        found.setdefault("cost_reported", f"{Decimal(span.cost_reported).scaleb(-12):f}")
    return found


def _book(rows: Rows, mapped: Mapped) -> None:
    """A leaf's row in the books: its own attempt, made by somebody else."""
    arrival, span, cost = mapped.arrival, mapped.canonical, mapped.cost
    foreign, usage = arrival.span, span.usage or _NO_USAGE
    amount = None if cost.amount is None else min(cost.amount, _INT64)
    outcome = "error" if span.status == "error" else "cancel" if span.status == "cancelled" else "answer"
    parts = list(cost.parts) if amount is not None and amount == cost.amount else []
    rows.ledger.add(
        arrival.owner,
        (
            arrival.project, mapped.start_ns, "", foreign.trace_id, foreign.span_id, 0, 1, outcome,
            span.provider[:LABEL], "", span.model[:LABEL], span.model_used[:LABEL], "", span.model[:LABEL],
            span.app[:LABEL], span.release[:LABEL], span.environment[:LABEL], "",
            span.metadata.get("segment", "")[:200], span.session[:LABEL], span.user[:LABEL], arrival.key_id,
            [tag[:LABEL] for tag in span.tags[:LABELS]],
            span.prompt_name[:200], "", 0, span.response_id[:LABEL], mapped.duration_ns, *_buckets(usage),
            max(0, usage.cache_write_1h), max(0, usage.audio_input), max(0, usage.audio_output),
            min(max(0, usage.images), _UINT32), 1, int(usage.estimated), CURRENCY, amount, parts, cost.price,
            amount, cost.price, "", arrival.arrived_ns // 1_000_000,
        ),
    )  # fmt: skip


def _scores(rows: Rows, mapped: Mapped) -> None:
    """What the emitter itself judged, under ids that follow from what they judge, so that a repeat replaces."""
    arrival, foreign = mapped.arrival, mapped.arrival.span
    found: list[Score] = []
    for each in mapped.canonical.scores[:LABELS]:
        key = f"otlp:{foreign.trace_id}:{foreign.span_id}:{each.target}:{each.name}:{each.evaluator}:{each.identifier}"
        score = Score(
            id=id_for(arrival.project, key),
            target=each.target,
            trace_id=foreign.trace_id,
            span_id=foreign.span_id if each.target == "span" else "",
            session=mapped.canonical.session[:200],
            name=each.name[:100],
            value=each.value,
            label=each.label[:LABEL],
            explanation=each.explanation[:10_000],
            source=told_by_program(each.source),
            evaluator=strangers(each.evaluator)[:200],
            evaluator_version=each.evaluator_version[:200],
            at_ns=mapped.start_ns + mapped.duration_ns,
            version=arrival.arrived_ns,
        )
        try:
            found.append(check(score))
        except InvalidRequest:
            continue  # a judgement without a value or a name says nothing; the raw span keeps it
    add_scores(rows.scores, arrival.owner, ScoreBatch(project=arrival.project, scores=tuple(found)))


def raw_values(arrival: Arrival, start_ns: int, convention: str, mapper_version: int) -> tuple[object, ...]:
    """A row of ``span_raw``: what a span was, for a better mapping later."""
    span = arrival.span
    return (
        arrival.project, span.trace_id, span.span_id, start_ns, arrival.arrived_ns, arrival.key_id, convention,
        mapper_version, arrival.digest, arrival.raw,
    )  # fmt: skip
