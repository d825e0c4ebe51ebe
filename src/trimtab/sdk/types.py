"""What the client returns. The same names as the server's bodies; a test keeps each a subset of the server's.

Times are Unix milliseconds, durations milliseconds, money US dollars as a decimal string or None where no price is
known. Fields a newer server adds are ignored.
"""

from typing import Any, TypedDict

from msgspec import Struct, field

from trimtab.sdk.guard_types import GuardVerdict


class KeyScope(TypedDict, total=False):
    """What narrows a key: ``permissions`` of those of its role; ``models``: names it may call, such as ``openai/*``;
    ``owner``: the service account (or oneself) that it belongs to and does no more than; ``priority``: the highest
    (``high``, ``normal``, ``low``) that its calls may ask for; ``replaces``: the id of the key whose place it takes, so
    that limits go on with both as one."""

    permissions: list[str]
    models: list[str]
    owner: str
    priority: str
    replaces: str


class Me(Struct, frozen=True, kw_only=True):
    """``kind`` is key, person or service; ``permissions`` are held on the whole instance, ``in_projects`` and
    ``in_organisations`` by slug."""

    role: str
    key_prefix: str
    projects: list[str]
    version: str
    id: str = ""
    kind: str = "key"
    name: str = ""
    email: str = ""
    organisations: list[str] = field(default_factory=list[str])
    permissions: list[str] = field(default_factory=list[str])
    in_projects: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    in_organisations: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


class LoginLink(Struct, frozen=True, kw_only=True):
    url: str
    expires: int


class StoreHealth(Struct, frozen=True, kw_only=True):
    """``waiting``: records on disk that the store does not have yet; ``behind_ms``: the age of the oldest of them."""

    state: str
    detail: str
    waiting: int
    behind_ms: int
    rejected: int
    spans: int
    unmade: int = 0
    mappers: int = 0
    mappers_lost: int = 0


class Check(Struct, frozen=True, kw_only=True):
    name: str
    state: str
    detail: str
    fix: str


class ServerStatus(Struct, frozen=True, kw_only=True):
    version: str
    started: int
    workers: int
    catalog: Check
    telemetry: StoreHealth
    config_file: str
    data_dir: str
    config: Check
    compiled: bool = False


class Project(Struct, frozen=True, kw_only=True):
    id: str
    slug: str
    name: str
    capture_content: bool
    created: int
    audit_reads: str = "none"
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""


class Key(Struct, frozen=True, kw_only=True):
    id: str
    name: str
    prefix: str
    role: str
    state: str
    created: int
    expires: int | None
    revoked: int | None
    environments: list[str] | None = None
    permissions: list[str] | None = None
    projects: list[str] | None = None
    models: list[str] | None = None
    priority: str = "high"
    """The highest that its calls may ask for; ``high`` is no bound."""
    owner: str | None = None
    owner_name: str = ""
    last_used: int | None = None
    """The minute of its last use, Unix ms; None where none was noted."""
    replaces: str | None = None
    """The id of the key whose place it took: limits count both as one."""


class IssuedKey(Struct, frozen=True, kw_only=True):
    """``secret`` is shown this once."""

    key: Key
    secret: str


class Besides(TypedDict, total=False):
    """What a provider may be given beside its key."""

    options: dict[str, str] | None
    headers: dict[str, str] | None


class Provider(Struct, frozen=True, kw_only=True):
    name: str
    kind: str
    dialect: str
    base_url: str
    key_hint: str
    source: str
    health: str
    last_error: str
    revision: int = 0
    """Goes up with every change; 0 where the config file declares it. See ``expected_revision``."""


class Price(Struct, frozen=True, kw_only=True):
    """US dollars per million tokens. ``known`` false: no price, so cost is None, never 0."""

    model: str
    provider: str
    known: bool
    source: str
    input: str | None
    output: str | None
    cache_read: str | None
    cache_write: str | None
    note: str


class Model(Struct, frozen=True, kw_only=True):
    name: str
    provider: str
    upstream: str
    fallback: list[str]
    price: Price
    source: str
    health: str
    last_error: str
    capabilities: list[str] | None = None
    """What `trimtab conformance` found it to do; None where it was never tried."""
    revision: int = 0
    """Goes up with every change; 0 where the config file declares it. See ``expected_revision``."""


class CheckResult(Struct, frozen=True, kw_only=True):
    """One check through one front dialect. ``outcome`` is pass, fail, not_supported or could_not_tell."""

    check: str
    front: str
    outcome: str
    evidence: str


class Card(Struct, frozen=True, kw_only=True):
    """A model's capability card. ``current`` is false where the model was pointed elsewhere since it was made."""

    model: str
    number: int
    provider: str
    upstream: str
    current: bool
    suite: str
    made: int
    capabilities: list[str]
    results: list[CheckResult]


class TestCall(Struct, frozen=True, kw_only=True):
    """One real, tiny call through the live path."""

    ok: bool
    trace_id: str
    latency: float
    model_used: str
    text: str
    error_code: str
    error: str


class Tokens(Struct, frozen=True, kw_only=True):
    """Exclusive buckets; ``total`` is their sum."""

    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    total: int = 0
    estimated: bool = False


class Span(Struct, frozen=True, kw_only=True):
    """One span without its long texts. In a list of traces: a trace's entry span, with the whole call's numbers."""

    trace_id: str
    span_id: str
    parent_span_id: str
    request_id: str
    kind: str
    name: str
    status: str
    started: float
    duration: float
    ttft: float | None
    model: str
    model_used: str
    provider: str
    feature: str
    session: str
    user: str
    tags: list[str]
    stream: bool
    stop: str
    http_status: int
    error_code: str
    error_message: str
    tokens: Tokens
    cost: str | None
    price: str
    attempts: int
    fallbacks: int
    input_preview: str
    output_preview: str
    withheld: bool = False


class TracePage(Struct, frozen=True, kw_only=True):
    rows: list[Span]
    cursor: str | None
    behind_ms: int


class Known(Struct, frozen=True, kw_only=True):
    """What a route's strategy knew of a target; null where it did not ask. ``expected_cost`` in US dollars."""

    ewma_ms: float | None = None
    in_flight: int | None = None
    expected_cost: str | None = None
    weight: float | None = None
    draw: float | None = None


class DecisionLine(Struct, frozen=True, kw_only=True):
    """A target that was considered; ``node`` is where it stands in the route's tree."""

    model: str
    provider: str
    verdict: str
    reason: str
    node: str = ""
    known: Known | None = None
    breaker: str = ""
    limit: str = ""
    budget: str = ""
    policy: str = ""


class StepLine(Struct, frozen=True, kw_only=True):
    """One decision of a route: at which node, what it took, why, and by which number."""

    node: str
    took: str
    why: str
    value: float | None = None


class CacheLine(Struct, frozen=True, kw_only=True):
    """What the cache did for a call; ``saved`` is US dollars."""

    outcome: str
    mode: str
    reason: str
    age_s: int
    similarity: float | None
    saved: str | None
    first_request: str


class LimitLine(Struct, frozen=True, kw_only=True):
    """What a limit reserved for a call, what that came to, and what was left: counts, or US dollars."""

    limit: str
    measure: str
    reserved: str
    used: str
    left: str


class ContextLine(Struct, frozen=True, kw_only=True):
    """How a conversation was shortened, in estimated tokens."""

    before: int
    after: int
    changes: list[str]


class Score(Struct, frozen=True, kw_only=True):
    """One judgement: a number (``value``), a word (``label``), or both; ``at`` is Unix milliseconds."""

    id: str
    target: str
    trace_id: str
    span_id: str
    session: str
    name: str
    value: float | None
    label: str
    explanation: str
    source: str
    evaluator: str
    evaluator_version: str
    author: str
    at: int
    supersedes: str
    valid: bool


class Remapped(Struct, frozen=True, kw_only=True):
    """``traces`` are being made anew; ``cursor`` asks for the next page, null at the end."""

    traces: int
    cursor: str | None


class KnowledgeLine(Struct, frozen=True, kw_only=True):
    """A corpus that a call was to be answered from: which ``version`` was searched (0 where none was), how many
    passages were ``found`` and how many the model was given (``used``), why it ``failed``. `Client.span_io` of
    ``span_id`` has the passages, as ``params["documents"]``."""

    corpus: str
    version: int
    follow: bool
    mode: str
    found: int
    used: int
    failed: str
    remarks: list[str]
    span_id: str


class Trace(Struct, frozen=True, kw_only=True):
    """Every span of a trace, oldest first, with the roll-ups and the decision record of its call. ``guards`` are all
    verdicts on it, ``held`` the most tokens of its stream that they held back, ``data_classes`` those of its data.
    ``updating``: from when on (Unix ms) it is made anew, where not all that came of it is in it yet; else None."""

    trace_id: str
    spans: list[Span]
    tokens: Tokens
    cost: str | None
    unpriced: int
    started: float
    duration: float
    decision: list[DecisionLine]
    metadata: dict[str, str]
    route: str = ""
    steps: list[StepLine] = []
    knowledge: list[KnowledgeLine] = []
    cache: CacheLine | None = None
    context: ContextLine | None = None
    limits: list[LimitLine] = []
    scores: list[Score] = []
    guards: list[GuardVerdict] = []
    held: int = 0
    data_classes: list[str] = []
    updating: int | None = None


class Message(Struct, frozen=True, kw_only=True):
    """``parts`` as of `trimtab.llm.types`, as JSON: ``{"type": "text", "text": ...}``, ``tool_call``, ``image``, ..."""

    role: str
    parts: list[dict[str, Any]]
    name: str | None = None


class SpanIO(Struct, frozen=True, kw_only=True):
    """``captured`` is false where the project keeps content out. ``note`` says in words what is missing."""

    captured: bool
    input: list[Message]
    output: list[Message]
    tools: list[dict[str, Any]]
    params: dict[str, Any]
    truncated: bool
    note: str = ""
    withheld: bool = False
    """This key may not read content."""


class Totals(Struct, frozen=True, kw_only=True):
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


class Group(Struct, frozen=True, kw_only=True):
    group: str
    totals: Totals


class Overview(Struct, frozen=True, kw_only=True):
    totals: Totals
    previous: Totals
    groups: list[Group]


class Resilience(Struct, frozen=True, kw_only=True):
    """The policy of a provider or a model, as in docs/resilience.md."""

    subject: str
    name: str
    policy: dict[str, Any]
    source: str
    updated: int | None
    revision: int = 0
    """Goes up with every change; 0 where the config file declares it. See ``expected_revision``."""


class TargetKey(Struct, frozen=True, kw_only=True):
    hint: str
    in_flight: int
    set_aside_s: float
    why: str


class Target(Struct, frozen=True, kw_only=True):
    """How a model at its provider fares on the worker that answered."""

    provider: str
    model: str
    in_flight: int
    waiting: int
    answered: int
    failed: int
    latency_ms: float | None
    breaker: str
    opens_again_s: float
    openings: int
    keys: list[TargetKey]


class Detector(Struct, frozen=True, kw_only=True):
    """One that looks for a kind of silent failure in every answer."""

    name: str
    version: str
    about: str
    on: bool


class DetectorList(Struct, frozen=True, kw_only=True):
    """``source``: where the switches are, ``catalog`` or ``config``."""

    items: list[Detector]
    source: str
    revision: int = 0
    """Goes up with every change; see ``expected_revision``."""
