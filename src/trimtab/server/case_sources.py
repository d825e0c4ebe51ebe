"""Recorded calls fetched for whoever makes cases of them: found by a search or by id, with their texts, what their
retrievers gave, and their scores."""

import asyncio
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from trimtab.evaluation import likeness, sampling
from trimtab.evaluation.from_traces import MOST_CONTEXT, Recorded, judged
from trimtab.evaluation.sampling import Judged, Picked, Strategy
from trimtab.server.inner.calls import OURS
from trimtab.telemetry.views import Reader, SpanIO, SpanRow, TraceDetail, Window

AT_ONCE: Final = 6
POOL: Final = 1_000
"""Calls of a search that a sample is drawn from, the newest."""
MOST_PAGES: Final = 20
SCORED_POOL: Final = 200
"""Where their scores have to be read: each is a question to the store."""


class Place(Struct, frozen=True):
    """A call to make a case of; without a span, the trace's own."""

    trace_id: str
    span_id: str = ""


class Sources:
    """Answers of one project. Raises `Unavailable` while the store is away."""

    def __init__(self, reader: Reader, project: str) -> None:
        self._reader = reader
        self._project = project
        self.classes: set[str] = set()
        """The data classes of the calls that were fetched."""
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def search(self, q: str, window: Window, most: int) -> list[SpanRow]:
        """The newest calls that a search finds, without those that this server made itself. Raises `InvalidRequest` for
        one that does not parse."""
        found: list[SpanRow] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            if len(found) >= most:
                break
            page = await self._reader.traces(self._project, q, window, cursor, min(500, most))
            found += [row for row in page.rows if not row.feature.startswith(OURS)]
            cursor = page.cursor
            if cursor is None:
                break
        return found[:most]

    async def chosen(
        self, rows: Sequence[SpanRow], strategy: Strategy, size: int, seed: int, names: Sequence[str]
    ) -> list[SpanRow]:
        """The most informative of them: by what their previews say, or by their scores."""
        if strategy == "random":
            picked = sampling.at_random(len(rows), size, seed)
        elif strategy == "diverse":
            texts = [row.input_preview for row in rows]
            picked = await asyncio.to_thread(lambda: sampling.diverse(likeness.vectors(texts), size, seed))
        else:
            rows = rows[:SCORED_POOL]
            scores = await asyncio.gather(*(self.scores(row.trace_id, names) for row in rows))
            picked = by_scores(strategy, scores, size, seed)
        return [rows[each.at] for each in picked]

    async def scores(self, trace_id: str, names: Sequence[str] = ()) -> list[Judged]:
        detail = await self._detail(trace_id)
        return [] if detail is None else judged(detail.scores, names)

    async def call(self, place: Place) -> Recorded | None:
        """None where there is no such call."""
        detail = await self._detail(place.trace_id)
        if detail is None:
            return None
        self.classes.update(detail.data_classes)
        span = _span(detail, place.span_id)
        io = None if span is None else await self._io(span)
        if span is None or io is None:
            return None
        retrievers = [each for each in detail.spans if each.kind == "retriever"][:MOST_CONTEXT]
        texts = await asyncio.gather(*(self._io(each) for each in retrievers))
        return Recorded(
            span=span,
            io=io,
            retrieved=tuple(text for text in texts if text is not None and text.captured),
            scores=tuple(detail.scores),
            named=bool(place.span_id),
        )

    async def _detail(self, trace_id: str) -> TraceDetail | None:
        async with self._gate:
            return await self._reader.trace(self._project, trace_id)

    async def _io(self, span: SpanRow) -> SpanIO | None:
        async with self._gate:
            return await self._reader.span_io(self._project, span.trace_id, span.span_id)


def by_scores(strategy: Strategy, scores: Sequence[Sequence[Judged]], size: int, seed: int) -> list[Picked]:
    pick = sampling.failing if strategy == "failing" else sampling.disputed
    return pick(scores, size, seed)


def _span(detail: TraceDetail, span_id: str) -> SpanRow | None:
    """That span; without an id, the one the trace begins with."""
    if span_id:
        return next((span for span in detail.spans if span.span_id == span_id), None)
    known = {span.span_id for span in detail.spans}
    return next((span for span in detail.spans if span.parent_span_id not in known), None)
