"""What the data plane writes down about one call: raw facts, cheap to take, complete enough to rebuild everything.

The hot path stores bytes as they travelled and numbers as they fell; parsing messages, cutting previews and shaping
spans is the writer's work (`calls/`), in another process. A record travels and rests as msgpack; new fields take
defaults, so that a newer writer reads what an older server left in the spool.
"""

from typing import Literal

import msgspec
from msgspec import Struct

from trimtab.ledger.types import Cost, LimitNote
from trimtab.llm.types import Usage

Outcome = Literal["answer", "error", "cancel", "crash"]
"""How it ended: a whole answer; a failure (ours or the provider's, also in the middle of a stream); the client left;
the server died meanwhile, and what is known was noted before (`inflight.py`)."""


class Fault(Struct, frozen=True, kw_only=True):
    """A failure as it was told: stable code, sentence, HTTP status (0 where there was none), whose it is."""

    code: str
    message: str
    status: int = 0
    source: Literal["client", "trimtab", "provider", "network"] = "provider"


class Attempt(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One upstream call. Times are Unix ns; 0 means that it did not come to that.

    ``request`` is what was sent where it differs from the client's own body by more than the model's name (another
    dialect); ``response`` the raw bytes received in ``dialect``: a JSON body, or the SSE events up to where it ended.
    ``model`` is the provider's id for the model, ``name`` the project's own. ``tier_asked`` is the service tier that
    was asked for (`llm.tiers`); the one that it was worked on in is in ``usage``.
    """

    span_id: str
    provider: str
    kind: str
    model: str
    dialect: str
    started_ns: int
    ended_ns: int
    first_byte_ns: int = 0
    first_token_ns: int = 0
    status: int = 0
    outcome: Outcome = "answer"
    fault: Fault | None = None
    stream: bool = False
    usage: Usage | None = None
    cost: Cost = Cost()
    response_id: str = ""
    model_used: str = ""
    stop: str = ""
    request: bytes = b""
    response: bytes = b""
    name: str = ""
    tier_asked: str = ""


class Weighed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a route's strategy knew of a candidate when it ordered them; null where it did not ask.

    ``ewma_ms`` is the peak EWMA of the time to the first byte, ``in_flight`` the calls under way there, ``price`` what
    this call was expected to cost in picodollars, ``weight`` its share in [0, 1], ``draw`` the number drawn in [0, 1).
    """

    ewma_ms: float | None = None
    in_flight: int | None = None
    price: int | None = None
    weight: float | None = None
    draw: float | None = None


class Step(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One decision of a route: at which node of its tree, what it took, and why. ``value`` is the number it went by
    (a probability, a similarity), where there was one."""

    node: str
    took: str
    why: str
    value: float | None = None


class Candidate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the decision record: a target that was considered, what became of it, and why.

    ``doubted`` is an answer that was whole, and not confident enough to be passed on. ``node`` is where the target
    stands in the route's tree; ``breaker``, ``limit``, ``budget`` and ``policy`` say what stood in its way; empty where
    nothing did.
    """

    model: str
    provider: str
    verdict: Literal["chosen", "failed", "skipped", "not_needed", "doubted"]
    reason: str = ""
    node: str = ""
    weighed: Weighed | None = None
    breaker: str = ""
    limit: str = ""
    budget: str = ""
    policy: str = ""


class CacheNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the cache did for a call. ``reason`` of a bypass: asked, size, temperature, guards; of a miss: embedder,
    where the question was compared with nothing. ``similarity`` is the cosine
    similarity of a semantic hit, ``saved`` what the stored answer once cost (picodollars; null where that is unknown),
    ``first_request`` the id of the call it was made for. A replay repeats a call with the same idempotency key."""

    outcome: Literal["hit", "miss", "refresh", "bypass", "replay"]
    mode: str = ""
    reason: str = ""
    age_s: int = 0
    similarity: float = 1.0
    saved: int | None = None
    first_request: str = ""


class ContextNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a conversation was shortened before it went to a provider: estimated tokens before and after, and what was
    changed, one line each."""

    before: int
    after: int
    changes: tuple[str, ...] = ()


class AppNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an app's release did with a call. ``prompt`` is ``name@version``; ``assigned`` says why this release.
    ``overridden`` names fields of the client's that gave way to the release's, ``left_out`` what of the release the
    client's dialect could not say, ``not_taken`` what a model that was asked refuses (``temperature: gpt-5-mini``), so
    that it was not sent. ``copy_of`` is the id of the request that a shadow call is a copy of."""

    rollout: str = ""
    prompt: str = ""
    assigned: str = ""
    overridden: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    not_taken: tuple[str, ...] = ()
    copy_of: str = ""


class GuardLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one guard decided at one stage (input, retrieved, tool_arguments, tool_result, output). ``action`` is what
    it asked for (allow, flag, redact, block, escalate); it was done where ``mode`` is ``enforce``, in ``shadow`` it is
    only written down. ``detector`` is the version of what looked, ``failed`` why it could not tell, ``found`` counts
    by kind, ``unread`` what stood there that it could not read. ``took_us`` is microseconds, ``cost`` picodollars
    (null: unknown). ``data_class``: the class that it says the call's data has; where that raised the call's class, it
    did so from ``raised_from`` to ``raised_to``."""

    guard: str
    version: int
    kind: str
    detector: str
    stage: str
    action: str
    mode: str = "enforce"
    score: float = 0.0
    threshold: float = 0.0
    reason: str = ""
    label: str = ""
    found: dict[str, int] = {}
    failed: str = ""
    took_us: int = 0
    cost: int | None = 0
    data_class: str = ""
    unread: dict[str, int] = {}
    raised_from: str = ""
    raised_to: str = ""


class PassageNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A passage that was found for a call. ``number`` is the one it has in what the model was given, 0 for one that
    was left out, which ``left_out`` says why. The rest is as the search gave it (`gateway/apps/knowledge.Passage`);
    ``text`` is as guards left it, and empty, as title and source are, where content is kept out."""

    number: int
    document: str
    chunk: str
    score: float
    title: str = ""
    source: str = ""
    text: str = ""
    start: int = 0
    end: int = 0
    updated: int = 0
    stale: bool = False
    meaning: float | None = None
    words: float | None = None
    left_out: str = ""
    allowed: str = ""


class KnowledgeNote(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One corpus that an app's call was to be answered from. ``version`` is the one that was searched (0 where none was
    found) and ``digest`` its content's hash where the release froze it; ``follow``: it was the newest. ``query`` is
    what was looked for, ``remarks`` what of the search was not as wished. ``failed`` says why it could not be searched,
    with the error's ``code``. Times are Unix ns."""

    corpus: str
    version: int = 0
    digest: str = ""
    follow: bool = False
    mode: str = ""
    query: str = ""
    remarks: tuple[str, ...] = ()
    started_ns: int
    ended_ns: int
    passages: tuple[PassageNote, ...] = ()
    failed: str = ""
    code: str = ""


class CallRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One client call. ``request`` is the client's body in the dialect ``front``; empty when ``capture`` is off (then
    the attempts' bytes are empty too, and only numbers are kept)."""

    version: int = 1
    request_id: str
    trace_id: str
    span_id: str
    parent_span_id: str = ""
    project: str
    key_id: str
    front: str
    model: str
    app: str = ""
    environment: str = ""
    release: str = ""
    feature: str = ""
    session: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    stream: bool = False
    started_ns: int
    ended_ns: int
    first_token_ns: int = 0
    status: int = 200
    outcome: Outcome = "answer"
    fault: Fault | None = None
    capture: bool = True
    request: bytes = b""
    attempts: tuple[Attempt, ...] = ()
    decision: tuple[Candidate, ...] = ()
    user_agent: str = ""
    route: str = ""
    """The route that chose the targets; empty for a plain model."""
    steps: tuple[Step, ...] = ()
    cache: CacheNote | None = None
    context: ContextNote | None = None
    limits: tuple[LimitNote, ...] = ()
    """What every limit that the call fell under reserved for it, and what it came to."""
    variant: str = ""
    """Which arm of a rollout it was: stable, candidate or shadow; empty without a rollout."""
    app_note: AppNote | None = None
    data_class: str = ""
    """Of what class its data was, by the project's list; empty where nobody declared any."""
    guards: tuple[GuardLine, ...] = ()
    held: int = 0
    """The most tokens of a stream (pieces of text, as its provider sends them) that guards held back at a time."""
    knowledge: tuple[KnowledgeNote, ...] = ()
    """What was looked up for it, a note a corpus; empty without an app that has knowledge."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(CallRecord)
encode_record = _encoder.encode
decode_record = _decoder.decode
