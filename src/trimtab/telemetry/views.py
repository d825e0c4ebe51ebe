"""What people see of telemetry: the answers to every question the console, the API and the CLI ask.

These are the API's own response types (msgspec to OpenAPI to TypeScript), so a name here is a name in the console.
Times are Unix milliseconds as numbers unless a name ends in ``_ns``; durations are milliseconds; money is US dollars
as a decimal string (``"0.000125"``) or null when no price is known.
"""

from typing import Any, Literal, Protocol

from msgspec import Struct

SpanKind = Literal[
    "llm",
    "embedding",
    "retriever",
    "reranker",
    "tool",
    "agent",
    "workflow",
    "guardrail",
    "evaluator",
    "memory",
    "event",
    "span",
]
Status = Literal["ok", "error", "cancelled", "running"]


class Window(Struct, frozen=True, kw_only=True):
    """A half-open span of time, [start, end), Unix milliseconds."""

    start: int
    end: int


class Tokens(Struct, frozen=True, kw_only=True, gc=False):
    """Exclusive buckets; ``total`` is their sum. ``estimated``: at least one part was counted by us."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    total: int = 0
    estimated: bool = False


class SpanRow(Struct, frozen=True, kw_only=True, gc=False):
    """One span without its long texts. In a trace list each row is a trace's entry span, and ``tokens``, ``cost`` and
    ``attempts`` are those of the whole call; in a trace each span has its own."""

    trace_id: str
    span_id: str
    parent_span_id: str
    request_id: str
    kind: SpanKind
    name: str
    status: Status
    started: float
    duration: float
    ttft: float | None
    """Milliseconds from the start to the first token; null where nothing was streamed or nothing came."""
    model: str
    """As asked for."""
    model_used: str
    """As answered."""
    provider: str
    app: str
    release: str
    environment: str
    feature: str
    session: str
    user: str
    key_id: str
    tags: list[str]
    stream: bool
    stop: str
    http_status: int
    error_code: str
    error_message: str
    tokens: Tokens
    cost: str | None
    price: str
    """The price book's row and version that made ``cost``; empty where there is none."""
    attempts: int
    fallbacks: int
    input_preview: str
    output_preview: str
    withheld: bool = False
    """Texts were taken out, because the caller may not read content."""


class TracePage(Struct, frozen=True, kw_only=True):
    """``cursor`` asks for the next (older) page; null at the end. ``behind_ms`` is how old the oldest record still on
    its way to the store is (0 when none): "received, indexing"."""

    rows: list[SpanRow]
    cursor: str | None
    behind_ms: int


class Known(Struct, frozen=True, kw_only=True):
    """What a route's strategy knew of a target when it ordered them; null where it did not ask. ``expected_cost`` is of
    this call, in US dollars; ``weight`` a share in [0, 1], ``draw`` the number drawn in [0, 1)."""

    ewma_ms: float | None = None
    in_flight: int | None = None
    expected_cost: str | None = None
    weight: float | None = None
    draw: float | None = None


class DecisionLine(Struct, frozen=True, kw_only=True):
    """A target that was considered. ``node`` is where it stands in the route's tree; ``breaker``, ``limit`` and
    ``budget`` say what stood in its way, empty where nothing did; ``policy`` is why a policy forbade it."""

    model: str
    provider: str
    verdict: str
    reason: str = ""
    node: str = ""
    known: Known | None = None
    breaker: str = ""
    limit: str = ""
    budget: str = ""
    policy: str = ""


class StepLine(Struct, frozen=True, kw_only=True):
    """One decision of a route: at which node, what it took, why, and by which number (null where there was none)."""

    node: str
    took: str
    why: str
    value: float | None = None


class CacheLine(Struct, frozen=True, kw_only=True):
    """What the cache did for a call: ``hit``, ``miss``, ``refresh``, ``bypass`` (``reason`` says why), or ``replay`` of
    the call with the same idempotency key. ``saved`` is US dollars that were not paid again, null where unknown."""

    outcome: str
    mode: str
    reason: str
    age_s: int
    similarity: float | None
    saved: str | None
    first_request: str


class ContextLine(Struct, frozen=True, kw_only=True):
    """How a conversation was shortened before it was sent: estimated tokens before and after, and what was changed."""

    before: int
    after: int
    changes: list[str]


class AppLine(Struct, frozen=True, kw_only=True):
    """What an app's release did with a call: in which ``rollout`` it took part, the ``prompt`` (``name@version``), why
    it was ``assigned`` to this release, which of the client's fields were ``overridden``, what of the release the
    client's dialect could not say (``left_out``) and what a model that was asked refuses, so that it was not sent
    (``not_taken``, as ``temperature: gpt-5-mini``), and the request that a shadow call is a ``copy_of``."""

    rollout: str
    prompt: str
    assigned: str
    overridden: list[str]
    left_out: list[str]
    not_taken: list[str]
    copy_of: str


class KnowledgeLine(Struct, frozen=True, kw_only=True):
    """A corpus that an app's call was to be answered from: which ``version`` was searched (0 where none was), whether
    that was the newest (``follow``) or one that the release froze, how many passages were ``found`` and how many of
    them the model was given (``used``). ``failed`` says why it could not be searched, ``remarks`` what of the search
    was not as wished. ``span_id`` is the retriever span's, which has the passages."""

    corpus: str
    version: int
    follow: bool
    mode: str
    found: int
    used: int
    failed: str
    remarks: list[str]
    span_id: str


class LimitLine(Struct, frozen=True, kw_only=True):
    """What a limit reserved for a call, what that came to, and what was left as far as its worker knew: decimal
    strings, counts or US dollars. One that ``refused`` the call (or one of its targets) tells what might have been
    ``asked`` of it, its ``bound``, and when there was room again (``resets``, Unix ms); null where that is unknown."""

    limit: str
    measure: str
    reserved: str
    used: str
    left: str
    refused: bool = False
    asked: str | None = None
    bound: str | None = None
    resets: int | None = None


class GuardVerdictLine(Struct, frozen=True, kw_only=True):
    """What one guard decided at one stage of a call (input, retrieved, tool_arguments, tool_result, output). ``action``
    is what it asked for: allow, flag, redact, block or escalate; in the ``mode`` shadow nothing came of it. ``kind`` is
    what looked and ``detector`` the version of that. ``failed``: why it could not tell. ``found`` counts by kind,
    ``unread`` what stood there that it could not read (image, audio, video, file); ``took_us`` is microseconds;
    ``cost`` US dollars, null where unknown. ``data_class``: the class that it says the call's data has, empty where it
    says none; where that raised the call's class, it did so from ``raised_from`` to ``raised_to``."""

    guard: str
    version: int
    kind: str
    detector: str
    stage: str
    action: str
    mode: str
    score: float
    threshold: float
    reason: str
    label: str
    found: dict[str, int]
    failed: str
    took_us: int
    cost: str | None
    data_class: str = ""
    unread: dict[str, int] = {}
    raised_from: str = ""
    raised_to: str = ""


class ScoreView(Struct, frozen=True, kw_only=True):
    """One judgement of a trace, a span or a session: a number (``value``), a word (``label``), or both. ``at`` is when
    it was made, Unix milliseconds; one that is not ``valid`` was taken back or superseded."""

    id: str
    target: Literal["trace", "span", "session"]
    trace_id: str
    span_id: str
    session: str
    name: str
    value: float | None
    label: str
    explanation: str
    source: Literal["human", "user", "code", "llm", "detector", "guard"]
    evaluator: str
    evaluator_version: str
    author: str
    at: int
    supersedes: str
    valid: bool
    withheld: bool = False


class TraceDetail(Struct, frozen=True, kw_only=True):
    """Every span of a trace, oldest first, with the roll-ups and the decision record of its call."""

    trace_id: str
    spans: list[SpanRow]
    tokens: Tokens
    cost: str | None
    unpriced: int
    """Leaf spans with usage but no known price: ``cost`` is then a lower bound."""
    started: float
    duration: float
    decision: list[DecisionLine]
    metadata: dict[str, str]
    route: str = ""
    """The route that chose the targets; empty for a plain model."""
    steps: list[StepLine] = []
    cache: CacheLine | None = None
    context: ContextLine | None = None
    limits: list[LimitLine] = []
    app: AppLine | None = None
    guards: list[GuardVerdictLine] = []
    """What guards decided, in the order in which they looked."""
    held: int = 0
    """The most tokens of a stream that guards held back at a time."""
    knowledge: list[KnowledgeLine] = []
    data_classes: list[str] = []
    """Those of its calls, each once; empty where nobody declared any."""
    scores: list[ScoreView] = []
    """Valid ones of the trace and of its spans, oldest first."""
    updating: int | None = None
    """Unix ms from when on its rows are made anew, where some of what came of it is not in them yet (a span that came
    late, or in parts, or before its root); null where all is. While they are made spans may be missing."""


class MessageView(Struct, frozen=True, kw_only=True):
    """``parts`` are canonical parts as of `llm/types.py`: ``{"type": "text", "text": …}``, ``tool_call``, ``image``…"""

    role: str
    parts: list[dict[str, Any]]
    name: str | None = None


class SpanIO(Struct, frozen=True, kw_only=True):
    """The long texts of one span. ``captured`` is false where the project keeps content out. ``raw_*`` are as they
    travelled (a stream as its SSE text), null where too large or not kept. ``note`` says what could not be read."""

    trace_id: str
    span_id: str
    captured: bool
    input: list[MessageView]
    output: list[MessageView]
    tools: list[dict[str, Any]]
    params: dict[str, Any]
    raw_request: str | None
    raw_response: str | None
    truncated: bool
    dialect: str = ""
    """The wire format of ``raw_request``, e.g. ``openai_chat``: so that the call can be made again."""
    note: str = ""
    withheld: bool = False
    """Texts were taken out, because the caller may not read content."""


class FacetValue(Struct, frozen=True, kw_only=True):
    value: str
    count: int


class Facet(Struct, frozen=True, kw_only=True):
    key: str
    values: list[FacetValue]


class Totals(Struct, frozen=True, kw_only=True):
    """Latency percentiles are of whole calls that were answered; null with fewer than one."""

    calls: int
    errors: int
    cancelled: int
    fallbacks: int
    tokens: Tokens
    cost: str
    unpriced: int
    p50: float | None
    p95: float | None
    p99: float | None
    ttft_p50: float | None
    ttft_p95: float | None


class Bucket(Struct, frozen=True, kw_only=True):
    """One step of a time series; ``group`` is "" where nothing was grouped by."""

    start: int
    group: str
    calls: int
    errors: int
    tokens: int
    cost: str
    p50: float | None
    p95: float | None


class GroupRow(Struct, frozen=True, kw_only=True):
    group: str
    totals: Totals


class Overview(Struct, frozen=True, kw_only=True):
    window: Window
    step_ms: int
    totals: Totals
    previous: Totals
    """The same for the window of equal length just before."""
    series: list[Bucket]
    groups: list[GroupRow]


class StoreHealth(Struct, frozen=True, kw_only=True):
    """``waiting`` counts records on disk that the store does not have yet; ``rejected`` those set aside because they
    could not be read; ``unmade`` traces of other tools that show older numbers, because to make them anew failed (it is
    tried again). ``mappers`` processes help to map other tools' spans now, in a backlog; ``mappers_lost`` of them died
    or hung since the start: their work was done without them."""

    state: Literal["ok", "starting", "down", "full"]
    detail: str
    waiting: int
    behind_ms: int
    rejected: int
    spans: int
    unmade: int = 0
    mappers: int = 0
    mappers_lost: int = 0


GroupBy = Literal["none", "model", "provider", "feature", "key", "user", "app", "status"]


class Reader(Protocol):
    """Questions to the store. Every answer is of one project only. Raises `Unavailable` while the store is away, and
    `InvalidRequest` with ``param="q"`` for a search that does not parse."""

    async def traces(self, project: str, q: str, window: Window, cursor: str | None, limit: int) -> TracePage: ...
    async def trace(self, project: str, trace_id: str) -> TraceDetail | None: ...
    async def span_io(self, project: str, trace_id: str, span_id: str) -> SpanIO | None: ...
    async def facets(self, project: str, q: str, window: Window) -> list[Facet]: ...
    async def overview(self, project: str, q: str, window: Window, group_by: GroupBy) -> Overview: ...
    async def health(self) -> StoreHealth: ...
