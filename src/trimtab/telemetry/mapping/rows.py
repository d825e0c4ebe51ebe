"""A foreign trace, or what came of it, as rows: a row per span, its texts, what it was, its books, its scores.

Usage is counted once: leaves carry it (which spans are leaves is decided over the trace, `mapping/traces.py`), and the
span that stands for the trace in lists carries the sums of its leaves, as a call's request span does.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from trimtab.core.errors import InvalidRequest
from trimtab.governance.sealing import Keyring
from trimtab.ledger.types import CURRENCY, Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import Blobs
from trimtab.telemetry.calls.mapper import BLOB_BYTES
from trimtab.telemetry.calls.mapper import place as placed
from trimtab.telemetry.canonical import CanonicalSpan
from trimtab.telemetry.detectors import Said
from trimtab.telemetry.foreign.bodies import CANONICAL
from trimtab.telemetry.foreign.spans import CONTENT_MARK
from trimtab.telemetry.mapping.known import LABEL, LABELS, NOBODY, Arrival, Mapped
from trimtab.telemetry.mapping.sums import Sums, buckets_of
from trimtab.telemetry.rows import LEDGER, SPAN_IO, SPAN_RAW, SPANS, Rows
from trimtab.telemetry.scores.types import Score, ScoreBatch, add_scores, check, id_for, strangers, told_by_program
from trimtab.telemetry.silent import Silent, asked_format, said_by, said_for

MESSAGE: Final = 4_000
"""Characters of an error's sentence that are kept."""
_INT64: Final = (1 << 63) - 1
_UINT32: Final = (1 << 32) - 1
_NO_USAGE: Final = Usage()
_OUTCOMES: Final = {"error": "error", "cancelled": "cancel"}

Shown = tuple[Mapped, Sums | None]
"""A span, and the sums that it shows where it stands for its trace."""
Raw = tuple[Arrival, int, str, int]
"""What came of a span, when it began, and the convention and version of the mapper that read it."""
Columns = dict[str, list[Any]]
"""Values row by row, by the name of their column; one that is not there has its default in every row."""


class ForeignRows:
    """Turns mapped spans into rows, column by column. Pure but for large texts, which it puts into ``blobs``
    (idempotent by content), and for what ``silent`` remembers of earlier answers. Where ``silent`` says so,
    texts are not kept once more for searches."""

    def __init__(
        self, blobs: Blobs, silent: Silent | None = None, keys: Callable[[], Keyring] = Keyring, node: str = ""
    ) -> None:
        """``node`` is this server's name where others write to the same store, else empty."""
        self._node = node
        self._blobs = blobs
        self._keys = keys
        self._silent = silent

    @property
    def ring(self) -> Keyring:
        """The data keys in force."""
        return self._keys()

    def add(self, rows: Rows, some: Sequence[Shown]) -> None:
        """Everything that spans become, each with the sums it shows where it stands for its trace. Some may be added
        where it raises (`Rows.mark`)."""
        mapped = [each for each, _ in some]
        ring = self._keys()
        _add_spans(rows, some, ring)
        self._add_texts(rows, [each for each in mapped if each.texts.request or each.texts.response], ring)
        _add_books(rows, [each for each in mapped if each.leaf])
        silent = self._silent
        for each in mapped:
            span = each.canonical
            if span.scores:
                _add_scores(rows, each)
            if silent is None:
                continue
            # What `said_of` asks first is asked here as well: it spares most spans the call.
            if span.kind == "llm" and (said := said_of(each)) is not None:
                silent.foreign(rows, each.arrival.owner, said, waits=each.whose is None)
            if (span.session or span.user) and each.whose:
                silent.named(rows, each.arrival.owner, (each.arrival.project, each.arrival.span.trace_id), each.whose)

    def _add_texts(self, rows: Rows, mapped: list[Mapped], ring: Keyring) -> None:
        arrivals, texts = [each.arrival for each in mapped], [each.texts for each in mapped]
        projects = [each.project for each in arrivals]
        requests, request_blobs = self._placed(projects, [each.request for each in texts], ring)
        responses, response_blobs = self._placed(projects, [each.response for each in texts], ring)
        columns: Columns = {
            "project": projects,
            "trace_id": [each.span.trace_id for each in arrivals],
            "span_id": [each.span.span_id for each in arrivals],
            "start_ns": [each.start_ns for each in mapped],
            "request_dialect": [CANONICAL] * len(mapped),
            "response_dialect": [CANONICAL] * len(mapped),
            "request": requests,
            "response": responses,
            "request_blob": request_blobs,
            "response_blob": response_blobs,
            "text": self._searched([each.plain for each in texts], projects, ring),
        }
        rows.span_io.extend([each.owner for each in arrivals], [columns.get(name) for name in SPAN_IO])

    def _searched(self, plain: list[str], projects: list[str], ring: Keyring) -> list[str]:
        """What is looked through for words."""
        silent = self._silent
        left_out = {each for each in set(projects) if not silent.indexes(each)} if silent is not None else ()
        if left_out:
            plain = ["" if project in left_out else text for text, project in zip(plain, projects, strict=True)]
        return _unless_sealed(plain, projects, ring)

    def _placed(self, projects: list[str], bodies: list[bytes], ring: Keyring) -> tuple[list[bytes], list[str]]:
        """Bodies, and where the large ones lie."""
        if ring.is_empty and max(map(len, bodies), default=0) <= BLOB_BYTES:
            return bodies, [""] * len(bodies)
        there = [placed(self._blobs, ring, project, body) for project, body in zip(projects, bodies, strict=True)]
        return [body for body, _ in there], [blob for _, blob in there]

    def add_raws(self, rows: Rows, raws: Sequence[Raw]) -> None:
        """Rows of ``span_raw``: what spans were, for a better mapping later; sealed where their project is."""
        arrivals = [each for each, *_ in raws]
        spans = [each.span for each in arrivals]
        ring, bodies = self._keys(), [each.raw for each in arrivals]
        if not ring.is_empty:
            bodies = [_sealed(ring, each.project, each.raw) for each in arrivals]
        columns: Columns = {
            "project": [each.project for each in arrivals],
            "trace_id": [each.trace_id for each in spans],
            "span_id": [each.span_id for each in spans],
            "start_ns": [start_ns for _, start_ns, _, _ in raws],
            "arrived_ns": [each.arrived_ns for each in arrivals],
            "key_id": [each.key_id for each in arrivals],
            "convention": [convention for _, _, convention, _ in raws],
            "mapper_version": [version for *_, version in raws],
            "digest": [each.digest for each in arrivals],
            "raw": bodies,
        }
        if self._node:
            columns["node"] = [self._node] * len(raws)
        rows.span_raw.extend([each.owner for each in arrivals], [columns.get(name) for name in SPAN_RAW])

    def opened(self, raw: str) -> str:
        """The span that `raw` has sealed. Raises `KeyDestroyed`, `KeyUnknown`."""
        return self._keys().open_text(raw)


def said_of(mapped: Mapped) -> Said | None:
    """What detectors look at; None where they do not."""
    arrival, span = mapped.arrival, mapped.canonical
    if span.kind != "llm" or span.status != "ok" or not span.output_messages:
        return None
    said = said_by(
        (arrival.project, arrival.span.trace_id, arrival.span.span_id, span.session[:LABEL]),
        (
            span.model_used[:LABEL] or span.model[:LABEL],
            (span.feature or span.name)[:LABEL],
            mapped.start_ns + mapped.duration_ns,
            span.stop,
        ),
        span.input_messages,
        span.output_messages,
        span.tools_offered,
        format=asked_format(span.params),
        user=span.user[:LABEL],
    )
    return said_for(said, mapped.whose or NOBODY)


def _sealed(ring: Keyring, project: str, raw: bytes) -> bytes:
    if not ring.seals(project):
        return raw
    return ring.seal_text(project, raw.decode("utf-8", "surrogatepass")).encode()


def _unless_sealed(texts: list[str], projects: list[str], ring: Keyring) -> list[str]:
    if ring.is_empty:
        return texts
    return ["" if ring.seals(project) else text for text, project in zip(texts, projects, strict=True)]


def _cut(texts: list[str], most: int = LABEL) -> list[str]:
    """No text longer than that; nearly always none is."""
    return texts if max(map(len, texts), default=0) <= most else [text[:most] for text in texts]


# --- rows, column by column ----------------------------------------------------------------------------------------


def _add_spans(rows: Rows, some: Sequence[Shown], ring: Keyring) -> None:
    if not some:
        return
    mapped = [each for each, _ in some]
    arrivals, spans = [each.arrival for each in mapped], [each.canonical for each in mapped]
    came = [each.span for each in arrivals]
    columns = _labels(spans) | _outcomes(spans) | _counts(some)
    columns |= {
        "project": [each.project for each in arrivals],
        "trace_id": [each.trace_id for each in came],
        "span_id": [each.span_id for each in came],
        "parent_span_id": [each.parent_span_id for each in came],
        "entry": [int(sums is not None) for _, sums in some],
        "leaf": [int(each.leaf) for each in mapped],
        "name": _cut([span.name or foreign.name for span, foreign in zip(spans, came, strict=True)]),
        "start_ns": [each.start_ns for each in mapped],
        "duration_ns": [each.duration_ns for each in mapped],
        "key_id": [each.key_id for each in arrivals],
        "metadata": [_metadata(span) for span in spans],
        "captured": [int(CONTENT_MARK not in each.attributes) for each in came],
        "input_preview": [each.texts.asked for each in mapped],
        "output_preview": [each.texts.answered for each in mapped],
        "user_agent": _cut([each.scope_name for each in came]),
    }
    for place, (_, sums) in enumerate(some):
        if sums is not None:
            _stand(columns, place, sums)
    for name in ("input_preview", "output_preview"):
        columns[name] = _unless_sealed(columns[name], columns["project"], ring)
    rows.spans.extend([each.owner for each in arrivals], [columns.get(name) for name in SPANS])


def _labels(spans: list[CanonicalSpan]) -> Columns:
    providers = _cut([span.provider for span in spans])
    features = [span.feature for span in spans]
    return {
        **({"feature": _cut(features)} if any(features) else {}),
        "kind": [span.kind for span in spans],
        "model": _cut([span.model for span in spans]),
        "model_used": _cut([span.model_used for span in spans]),
        "provider": providers,
        "tried": [[provider] if provider else [] for provider in providers],
        "app": _cut([span.app for span in spans]),
        "release": _cut([span.release for span in spans]),
        "environment": _cut([span.environment for span in spans]),
        "session": _cut([span.session for span in spans]),
        "user": _cut([span.user for span in spans]),
        "tags": _tags(spans),
        "response_id": _cut([span.response_id for span in spans]),
    }


def _tags(spans: list[CanonicalSpan]) -> list[list[str]]:
    return [[tag[:LABEL] for tag in span.tags[:LABELS]] if span.tags else [] for span in spans]


def _outcomes(spans: list[CanonicalSpan]) -> Columns:
    first = [span.ttft_ns for span in spans]
    if first.count(None) < len(first):
        first = [each if each is not None and 0 <= each <= _INT64 else None for each in first]
    return {
        "status": [span.status for span in spans],
        "ttft_ns": first,
        "stream": [int(span.stream) for span in spans],
        "stop": _cut([span.stop for span in spans]),
        "http_status": [max(0, min(span.http_status, 65_535)) if span.http_status else 0 for span in spans],
        "error_code": _cut([span.error_type for span in spans]),
        "error_message": _cut([span.error_message for span in spans], MESSAGE),
        "error_source": ["provider" if span.status == "error" and span.kind == "llm" else "" for span in spans],
    }


def _stand(columns: Columns, place: int, sums: Sums) -> None:
    """What a span that stands for its trace does not say itself, it says of its trace."""
    for name in ("model", "model_used", "app", "release", "environment", "session", "user"):
        if not columns[name][place]:
            columns[name][place] = getattr(sums, name)
    if sums.feature:
        features = columns.setdefault("feature", [""] * len(columns["project"]))
        features[place] = features[place] or sums.feature
    if sums.tried and not columns["provider"][place]:
        columns["provider"][place], columns["tried"][place] = sums.tried[0], list(sums.tried)
    if not columns["input_preview"][place]:
        columns["input_preview"][place] = sums.asked
    if not columns["output_preview"][place]:
        columns["output_preview"][place] = sums.answered


_COUNTED: Final = (
    "input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "tokens_estimated",
    "cost", "price", "unpriced", "tier",
)  # fmt: skip
_NOTHING: Final = (0, 0, 0, 0, 0, 0, None, "", 0, "")


def _counts(some: Sequence[Shown]) -> Columns:
    """What a row counts: an entry its trace's sums, a leaf its own, any other nothing (it repeats what leaves used)."""
    counts = [_NOTHING if sums is None and not each.leaf else _count(each, sums) for each, sums in some]
    return dict(zip(_COUNTED, map(list, zip(*counts, strict=True)), strict=True))


def _count(mapped: Mapped, sums: Sums | None) -> tuple[int | str | None, ...]:
    if sums is not None:
        return *sums.buckets, sums.estimated, sums.cost, sums.price, sums.unpriced, sums.tier
    usage, amount = mapped.canonical.usage or _NO_USAGE, _amount(mapped.cost)
    return *buckets_of(usage), int(usage.estimated), amount, mapped.cost.price, int(amount is None), usage.tier


def _amount(cost: Cost) -> int | None:
    return None if cost.amount is None else min(cost.amount, _INT64)


def _metadata(span: CanonicalSpan) -> dict[str, str]:
    """Its own, and what of a span has no column, by the names under which it is found as metadata."""
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
    if span.usage_refused:
        found["usage_refused"] = span.usage_refused
    return found


def _add_books(rows: Rows, leaves: list[Mapped]) -> None:
    """Leaves' rows in the books: each its own attempt, made by somebody else."""
    if not leaves:
        return
    arrivals, spans, costs = (
        [each.arrival for each in leaves],
        [each.canonical for each in leaves],
        [each.cost for each in leaves],
    )
    usages = [span.usage or _NO_USAGE for span in spans]
    amounts, prices = [_amount(cost) for cost in costs], [cost.price for cost in costs]
    columns = _labels(spans)
    columns |= {
        "project": [each.project for each in arrivals],
        "at_ns": [each.start_ns for each in leaves],
        "trace_id": [each.span.trace_id for each in arrivals],
        "span_id": [each.span.span_id for each in arrivals],
        "final": [1] * len(leaves),
        "outcome": [_OUTCOMES.get(span.status, "answer") for span in spans],
        "asked": columns["model"],
        "segment": [span.metadata.get("segment", "")[:200] for span in spans],
        "key_id": [each.key_id for each in arrivals],
        "prompt": _cut([span.prompt_name for span in spans], 200),
        "duration_ns": [each.duration_ns for each in leaves],
        **dict(zip(_COUNTED, map(list, zip(*map(buckets_of, usages), strict=True)), strict=False)),
        "cache_write_1h_tokens": [max(0, usage.cache_write_1h) for usage in usages],
        "audio_input_tokens": [max(0, usage.audio_input) for usage in usages],
        "audio_output_tokens": [max(0, usage.audio_output) for usage in usages],
        "images": [min(max(0, usage.images), _UINT32) for usage in usages],
        "metered": [1] * len(leaves),
        "tokens_estimated": [int(usage.estimated) for usage in usages],
        "currency": [CURRENCY] * len(leaves),
        "cost": amounts,
        "cost_parts": [
            list(cost.parts) if amount is not None and amount == cost.amount else []
            for cost, amount in zip(costs, amounts, strict=True)
        ],
        "price": prices,
        "booked_cost": amounts,
        "booked_price": prices,
        "version": [each.arrived_ns // 1_000_000 for each in arrivals],
        "tier": [usage.tier for usage in usages],
        "image_input_tokens": [max(0, usage.image_input) for usage in usages],
        "image_output_tokens": [max(0, usage.image_output) for usage in usages],
        "tier_asked": [span.tier_asked for span in spans],
        "cache_audio_tokens": [max(0, usage.cache_audio) for usage in usages],
        "cache_image_tokens": [max(0, usage.cache_image) for usage in usages],
        "searches": [min(max(0, usage.searches), _UINT32) for usage in usages],
        "file_searches": [min(max(0, usage.file_searches), _UINT32) for usage in usages],
        "cost_told": [cost.told for cost in costs],
        "cost_counted": [cost.counted for cost in costs],
    }
    rows.ledger.extend([each.owner for each in arrivals], [columns.get(name) for name in LEDGER])


def _add_scores(rows: Rows, mapped: Mapped) -> None:
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
