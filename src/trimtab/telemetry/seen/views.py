"""What people see of sessions, users, tools, causes of errors, agent graphs and comparisons: response types of the API.

As in `views.py`: times are Unix milliseconds, durations milliseconds, money US dollars as decimal strings. ``cost`` is
a lower bound where ``unpriced`` is not 0, and null where no call has a known price.
"""

from typing import Literal

from msgspec import Struct

from trimtab.telemetry.views import SpanRow

PeopleSort = Literal["last", "calls", "errors", "cost", "tokens"]


class SessionRow(Struct, frozen=True, kw_only=True):
    """One session within the window that was asked about. ``ended`` is when its last span ended."""

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
    """Up to five; likewise ``features``."""
    features: list[str]
    asked: str
    """What was asked first, cut to a preview."""
    answered: str
    """What was answered last, likewise."""
    withheld: bool = False


class SessionPage(Struct, frozen=True, kw_only=True):
    items: list[SessionRow]
    cursor: str | None = None


class SessionView(Struct, frozen=True, kw_only=True):
    """A session as a conversation: ``summary`` is of all of it, ``turns`` the entry span of each of its traces, oldest
    first; ``cursor`` asks for the turns after these."""

    summary: SessionRow
    turns: list[SpanRow]
    cursor: str | None = None


class UserRow(Struct, frozen=True, kw_only=True):
    """One user within the window. ``p95`` is of answered calls, null where there is none."""

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
    """A fingerprint: the same cause has the same one at any time."""
    code: str
    source: str
    pattern: str
    """The message with what differs replaced by ``<n>``, ``<id>`` and ``<url>``."""
    message: str
    """The newest one as it was."""
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
    """One tool. ``runs``, ``failed`` and the durations are of its own spans, where an application sends them; ``asked``
    counts the calls that models wrote for it, and how many of those were misuse: arguments that are no JSON object
    (``unreadable``), that miss what the schema requires or break its types (``invalid``), or a tool that was not on
    offer (``unknown``)."""

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
    """The newest trace in which it failed or was misused; empty where there is none."""
    problem: str
    """What was wrong with the newest misuse."""


class ToolReport(Struct, frozen=True, kw_only=True):
    items: list[ToolRow]


class GraphNode(Struct, frozen=True, kw_only=True):
    """Spans of one kind and name, taken together. ``time`` sums their durations, ``own`` without what their children
    took; ``span_id`` is the first of them."""

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
    """How far below the entry: where it is drawn."""


class GraphEdge(Struct, frozen=True, kw_only=True):
    """``calls``: the target ran within the source, ``count`` times. ``then``: one agent or step began after another
    under the same parent had ended."""

    source: str
    target: str
    kind: Literal["calls", "then"]
    count: int
    errors: int
    time: float


class AgentGraph(Struct, frozen=True, kw_only=True):
    trace_id: str
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    hidden: int
    """Names beyond the most that are drawn."""


class PairRow(Struct, frozen=True, kw_only=True, gc=False):
    """Two spans that stand for each other, or one alone. ``differs`` names what is not the same: ``status``, ``model``,
    ``answered_by``, ``provider``, ``release``, ``tokens``, ``cost``, ``duration``, ``stop``, ``asked``, ``answer``."""

    depth: int
    a: SpanRow | None
    b: SpanRow | None
    differs: list[str]


class TraceComparison(Struct, frozen=True, kw_only=True):
    """``cost_change`` is b less a in US dollars, null where one of them is not known; ``more`` pairs are not shown:
    rather those that differ in nothing. ``differing``: of all pairs, how many differ in something."""

    a: str
    b: str
    pairs: list[PairRow]
    more: int
    differing: int
    duration_change: float
    tokens_change: int
    cost_change: str | None
    only_a: int
    only_b: int
