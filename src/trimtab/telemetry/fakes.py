"""A store in memory, for tests of whatever asks questions of telemetry. It answers from the rows it was given."""
# ruff: noqa: ARG002 - the arguments are the protocol's, used or not

from collections.abc import Mapping
from typing import TypeVar

from msgspec import Struct

from trimtab.core.errors import Unavailable
from trimtab.telemetry.key_names import KeyNames, NoNames
from trimtab.telemetry.seen.tail import Ended
from trimtab.telemetry.sql.turns import Asker
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import (
    Facet,
    FacetValue,
    GroupBy,
    Overview,
    SpanIO,
    SpanRow,
    StoreHealth,
    Tokens,
    Totals,
    TraceDetail,
    TracePage,
    Window,
)

T = TypeVar("T")
NO_TOTALS = Totals(
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


def span_row(
    trace_id: str, span_id: str, *, started: float = 0.0, model: str = "fast", cost: str | None = None
) -> SpanRow:
    """A plausible entry span; change it with `msgspec.structs.replace`."""
    return SpanRow(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id="",
        request_id=f"req_{trace_id}",
        kind="span",
        name="chat",
        status="ok",
        started=started,
        duration=120.0,
        ttft=None,
        model=model,
        model_used=model,
        provider="lab",
        app="",
        release="",
        environment="",
        feature="",
        session="",
        user="",
        key_id="",
        tags=[],
        stream=False,
        stop="stop",
        http_status=200,
        error_code="",
        error_message="",
        tokens=Tokens(input=10, output=5, total=15),
        cost=cost,
        price="",
        attempts=1,
        fallbacks=0,
        input_preview="",
        output_preview="",
    )


class Stored(Struct, frozen=True, kw_only=True):
    project: str
    row: SpanRow
    io: SpanIO | None = None


class FakeReader:
    """A `Reader` over a list. Set ``away`` to make every question fail as it does while the store is down."""

    def __init__(self) -> None:
        self.key_names: KeyNames = NoNames()
        self.stored: list[Stored] = []
        self.away = False

    def add(self, project: str, row: SpanRow, io: SpanIO | None = None) -> None:
        """``project`` is a project's id."""
        self.stored.append(Stored(project=project, row=row, io=io))

    async def traces(self, project: str, q: str, window: Window, cursor: str | None, limit: int) -> TracePage:
        rows = [row for row in self._rows(project, window) if not q or q in row.name]
        skip = int(cursor) if cursor and cursor.isdecimal() and len(cursor) < 10 else 0
        page = rows[skip : skip + limit]
        more = str(skip + limit) if len(rows) > skip + limit else None
        return TracePage(rows=page, cursor=more, behind_ms=0)

    async def trace(self, project: str, trace_id: str) -> TraceDetail | None:
        rows = [row for row in self._rows(project) if row.trace_id == trace_id]
        if not rows:
            return None
        return TraceDetail(
            trace_id=trace_id,
            spans=rows,
            tokens=rows[0].tokens,
            cost=rows[0].cost,
            unpriced=0,
            started=rows[0].started,
            duration=rows[0].duration,
            decision=[],
            metadata={},
        )

    async def span_io(self, project: str, trace_id: str, span_id: str) -> SpanIO | None:
        self._reach()
        for stored in self.stored:
            if (stored.project, stored.row.trace_id, stored.row.span_id) == (project, trace_id, span_id):
                return stored.io
        return None

    async def facets(self, project: str, q: str, window: Window) -> list[Facet]:
        rows = self._rows(project, window)
        counts = {model: sum(row.model == model for row in rows) for model in sorted({row.model for row in rows})}
        return [Facet(key="model", values=[FacetValue(value=value, count=count) for value, count in counts.items()])]

    async def overview(self, project: str, q: str, window: Window, group_by: GroupBy) -> Overview:
        self._reach()
        return Overview(window=window, step_ms=60_000, totals=NO_TOTALS, previous=NO_TOTALS, series=[], groups=[])

    async def ended(self, project: str, since_ns: int, most: int, now_ns: int) -> tuple[list[Ended], int]:
        rows = sorted(self._rows(project), key=lambda row: row.started + row.duration, reverse=True)
        rows.sort(key=lambda row: (row.started + row.duration) * 1e6 > now_ns)
        late = [row for row in rows if (row.started + row.duration) * 1e6 >= since_ns]
        return [Ended(row.trace_id, row.span_id, int(row.started * 1e6), hash(row.status)) for row in late[:most]], 0

    async def among(self, project: str, q: str, spans: list[Ended]) -> list[SpanRow]:
        names = {span.span_id for span in spans}
        return [row for row in self._rows(project) if row.span_id in names and (not q or q in row.name)]

    async def ask(
        self,
        line: type[T],
        sql: str,
        params: Mapping[str, Value],
        bounds: str = "",
        fmt: str = "",
        *,
        persons: Asker | None = None,
    ) -> list[T]:
        """It is no engine: statements are for the real one."""
        raise Unavailable("The store in memory runs no statements.", fix="Ask a real store.")

    async def file(self, sql: str, params: Mapping[str, Value], fmt: str, bounds: str) -> bytes:
        """As `ask`."""
        raise Unavailable("The store in memory runs no statements.", fix="Ask a real store.")

    async def health(self) -> StoreHealth:
        state = "down" if self.away else "ok"
        return StoreHealth(state=state, detail="", waiting=0, behind_ms=0, rejected=0, spans=len(self.stored))

    def _rows(self, project: str, window: Window | None = None) -> list[SpanRow]:
        self._reach()
        rows = [stored.row for stored in self.stored if stored.project == project]
        if window is not None:
            rows = [row for row in rows if window.start <= row.started < window.end]
        return sorted(rows, key=lambda row: row.started, reverse=True)

    def _reach(self) -> None:
        if self.away:
            raise Unavailable("The telemetry store is away.", fix="Try again in a moment.")
