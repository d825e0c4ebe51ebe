"""`Client.seen`: sessions, users, tools, causes of errors, and traces as graphs and side by side."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from trimtab.sdk import types as t
from trimtab.sdk.connection import Connection, path

_PAGE: Final = 100


class SessionRow(Struct, frozen=True, kw_only=True):
    """One session within the window. ``asked`` is what was asked first and ``answered`` what was answered last, cut to
    previews; times are Unix ms. ``cost`` is a lower bound where ``unpriced`` is not 0, None where no price is known."""

    session: str
    user: str
    started: float
    ended: float
    calls: int
    errors: int
    tokens: int
    cost: str | None
    unpriced: int
    models: list[str]
    features: list[str]
    asked: str
    answered: str
    withheld: bool = False


class SessionPage(Struct, frozen=True, kw_only=True):
    items: list[SessionRow]
    cursor: str | None = None


class SessionView(Struct, frozen=True, kw_only=True):
    """``summary`` is of the whole session; ``turns`` are the entry spans of its traces, oldest first."""

    summary: SessionRow
    turns: list[t.Span]
    cursor: str | None = None


class UserRow(Struct, frozen=True, kw_only=True):
    """One user within the window. ``p95`` is of answered calls, in milliseconds."""

    user: str
    first: float
    last: float
    calls: int
    errors: int
    sessions: int
    tokens: int
    cost: str | None
    unpriced: int
    p95: float | None
    models: list[str]
    features: list[str]


class UserPage(Struct, frozen=True, kw_only=True):
    items: list[UserRow]
    cursor: str | None = None


class CauseExample(Struct, frozen=True, kw_only=True):
    trace_id: str
    span_id: str
    at: float


class CauseRow(Struct, frozen=True, kw_only=True):
    """Failed spans that say the same but for ids, numbers and addresses. ``traces`` had such a span; in ``failed`` of
    them the call itself failed, in the others something healed it. ``counts`` are spans per step of the report."""

    cause: str
    code: str
    source: str
    pattern: str
    message: str
    spans: int
    traces: int
    failed: int
    first: float
    last: float
    models: list[str]
    providers: list[str]
    users: int
    examples: list[CauseExample]
    counts: list[int]


class CauseReport(Struct, frozen=True, kw_only=True):
    """``items`` come the most frequent first; ``more`` causes are not among them."""

    items: list[CauseRow]
    more: int
    start: int
    step_ms: int


class ToolRow(Struct, frozen=True, kw_only=True):
    """One tool: ``runs``, ``failed`` and durations are of its own spans; ``asked`` counts the calls that models wrote
    for it, of which ``unreadable``, ``invalid`` and ``unknown`` were misuse. ``example`` is a trace with trouble."""

    tool: str
    runs: int
    failed: int
    p50: float | None
    p95: float | None
    last_error: str
    asked: int
    unreadable: int
    invalid: int
    unknown: int
    traces: int
    models: list[str]
    first: float
    last: float
    example: str
    problem: str


class ToolReport(Struct, frozen=True, kw_only=True):
    items: list[ToolRow]


class GraphNode(Struct, frozen=True, kw_only=True):
    """Spans of one kind and name. ``time`` sums their durations, ``own`` without what their children took."""

    id: str
    kind: str
    label: str
    spans: int
    errors: int
    time: float
    own: float
    tokens: int
    cost: str | None
    span_id: str
    layer: int


class GraphEdge(Struct, frozen=True, kw_only=True):
    """``kind`` is ``calls`` (within) or ``then`` (after)."""

    source: str
    target: str
    kind: str
    count: int
    errors: int
    time: float


class AgentGraph(Struct, frozen=True, kw_only=True):
    trace_id: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    hidden: int


class PairRow(Struct, frozen=True, kw_only=True):
    """Two spans that stand for each other, or one alone; ``differs`` names what is not the same."""

    depth: int
    a: t.Span | None
    b: t.Span | None
    differs: list[str]


class TraceComparison(Struct, frozen=True, kw_only=True):
    """Changes are b less a; ``cost_change`` is None where one of them is not known. ``differing`` is 0 where the server
    is too old to say."""

    a: str
    b: str
    pairs: list[PairRow]
    more: int
    differing: int = 0
    duration_change: float
    tokens_change: int
    cost_change: str | None
    only_a: int
    only_b: int


class Seen:
    """``q`` is a search (docs/search.md); ``start`` and ``end`` are Unix ms, the last day where they are left out."""

    def __init__(self, connection: Connection) -> None:
        self._http = connection

    def sessions(self, project: str, *, q: str = "", sort: str = "last", **window: int | None) -> Iterator[SessionRow]:
        """Those with a call that fits ``q``, with sums of all their calls, the largest by ``sort`` first: last, calls,
        errors, cost, tokens."""
        cursor: str | None = None
        while True:
            query = {"q": q, "sort": sort, "cursor": cursor, "limit": _PAGE, **window}
            page = self._http.ask("GET", path("projects", project, "sessions"), SessionPage, query=query)
            yield from page.items
            cursor = page.cursor
            if cursor is None:
                return

    def session(self, project: str, session: str, *, cursor: str | None = None, limit: int = 50) -> SessionView:
        """One session as a conversation. What was said is in each turn's `Client.span_io`."""
        where = path("projects", project, "sessions", session)
        return self._http.ask("GET", where, SessionView, query={"cursor": cursor, "limit": limit})

    def users(self, project: str, *, q: str = "", sort: str = "last", **window: int | None) -> Iterator[UserRow]:
        """Likewise, by end user."""
        cursor: str | None = None
        while True:
            query = {"q": q, "sort": sort, "cursor": cursor, "limit": _PAGE, **window}
            page = self._http.ask("GET", path("projects", project, "users"), UserPage, query=query)
            yield from page.items
            cursor = page.cursor
            if cursor is None:
                return

    def user(self, project: str, user: str, **window: int | None) -> UserRow:
        return self._http.ask("GET", path("projects", project, "users", user), UserRow, query={**window})

    def errors(self, project: str, *, q: str = "", limit: int = 100, **window: int | None) -> CauseReport:
        """Failures by cause, the most frequent first."""
        query = {"q": q, "limit": limit, **window}
        return self._http.ask("GET", path("projects", project, "errors"), CauseReport, query=query)

    def tools(self, project: str, *, q: str = "", **window: int | None) -> ToolReport:
        """Tools, those with the most trouble first."""
        return self._http.ask("GET", path("projects", project, "tools"), ToolReport, query={"q": q, **window})

    def graph(self, project: str, trace_id: str) -> AgentGraph:
        """Who called whom within a trace."""
        return self._http.ask("GET", path("projects", project, "traces", trace_id, "graph"), AgentGraph)

    def compare(self, project: str, a: str, b: str) -> TraceComparison:
        """Two traces side by side."""
        return self._http.ask("GET", path("projects", project, "compare"), TraceComparison, query={"a": a, "b": b})
