"""What a reviewer sees of a recorded answer: taken from the store when it is sent to a queue, and kept as it was."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from trimtab.evaluation.samples import of_span
from trimtab.review.items import NewItem
from trimtab.review.types import SeenScore, Subject
from trimtab.scoring.types import Sample
from trimtab.telemetry.views import Reader, ScoreView, SpanIO, SpanRow, TraceDetail

MOST_SOURCES: Final = 20
MOST_RETRIEVERS: Final = 5
MOST_TEXT: Final = 100_000
MOST_BYTES: Final = 400_000
"""Of a subject as JSON: what is larger loses its oldest messages, and says so."""
ANSWERS: Final = ("span", "llm", "agent", "workflow")


def answer_of(found: TraceDetail, span_id: str = "") -> SpanRow | None:
    """The span whose answer is meant: that one, else the trace's entry."""
    if span_id:
        return next((row for row in found.spans if row.span_id == span_id), None)
    roots = [row for row in found.spans if not row.parent_span_id or row.request_id]
    among = roots or found.spans
    return next((row for row in among if row.kind in ANSWERS), among[0] if among else None)


async def subject_of(reader: Reader, project: str, found: TraceDetail, row: SpanRow) -> Subject:
    """Raises `Unavailable` while the store is away."""
    io = await reader.span_io(project, found.trace_id, row.span_id)
    if io is None:
        io = _nothing(row)
    sample = of_span(row, io, found.spans)
    note = "" if io.captured else "The project keeps content out of its traces: only numbers are known."
    return bounded(
        Subject(
            input=sample.input,
            messages=sample.messages,
            answer=sample.output,
            sources=await _sources(reader, project, found, sample),
            tool_calls=tuple(msgspec.to_builtins(call) for call in sample.tool_calls),
            scores=seen(found.scores, row.span_id),
            model=row.model,
            user=row.user,
            session=row.session,
            environment=row.environment,
            feature=row.feature,
            started=int(row.started),
            note=note or io.note,
        )
    )


def new_item(row: SpanRow, subject: Subject, why: str, priority: float) -> NewItem:
    """One item per answer, whichever rule sends it first."""
    return NewItem(
        key=f"{row.trace_id}/{row.span_id}"[:200],
        why=why,
        subject=subject,
        trace_id=row.trace_id,
        span_id=row.span_id,
        app=row.app,
        release=row.release,
        priority=priority,
    )


def seen(scores: Sequence[ScoreView], span_id: str) -> tuple[SeenScore, ...]:
    """What was said of the span and of its trace; not what reviewers said, which each is to find for themselves."""
    return tuple(
        SeenScore(
            name=each.name, value=each.value, label=each.label, explanation=each.explanation[:2000],
            source=each.source, evaluator=each.evaluator,
        )
        for each in scores
        if each.span_id in ("", span_id) and each.source != "human"
    )[:100]  # fmt: skip


async def _sources(reader: Reader, project: str, found: TraceDetail, sample: Sample) -> tuple[str, ...]:
    """What retrievers of the trace gave."""
    texts = list(sample.context or ())
    for row in [row for row in found.spans if row.kind in ("retriever", "reranker")][:MOST_RETRIEVERS]:
        io = await reader.span_io(project, found.trace_id, row.span_id)
        given = [] if io is None else [part["text"] for said in io.output for part in said.parts if part.get("text")]
        texts += [str(text)[:MOST_TEXT] for text in given] or [row.output_preview] * bool(row.output_preview)
    return tuple(dict.fromkeys(texts))[:MOST_SOURCES]


def bounded(subject: Subject) -> Subject:
    """The subject, small enough to keep: of what is too large the oldest messages go first, then sources."""
    while len(msgspec.json.encode(subject)) > MOST_BYTES:
        if len(subject.messages) > 1:
            subject = replace(subject, messages=subject.messages[len(subject.messages) // 2 :], note=_CUT)
        elif subject.sources:
            subject = replace(subject, sources=subject.sources[:-1], note=_CUT)
        else:
            cut = subject.answer if subject.answer is None else subject.answer[:MOST_TEXT]
            return replace(subject, messages=(), input=subject.input[:MOST_TEXT], answer=cut, tool_calls=(), note=_CUT)
    return subject


_CUT: Final = "It is too large to be shown whole here; the trace has all of it."


def _nothing(row: SpanRow) -> SpanIO:
    return SpanIO(
        trace_id=row.trace_id, span_id=row.span_id, captured=False, input=[], output=[], tools=[], params={},
        raw_request=None, raw_response=None, truncated=False,
    )  # fmt: skip
