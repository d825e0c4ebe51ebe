"""The one model that every convention of foreign spans maps to: what a span says, in our words.

A convention (`conventions/`) reads names and values of attributes; everything behind it (the writer, the accounts, the
texts) reads only this. Token buckets are those of `llm.types.Usage`: exclusive, so that a sum is never counted twice.
Fields that a span says nothing about keep their defaults; an unknown price is None and never 0.
"""

from typing import Any, Literal

from msgspec import Struct

from trimtab.llm.types import Message, Tool, Usage
from trimtab.telemetry.views import SpanKind, Status

COUNTED: frozenset[str] = frozenset({"llm", "embedding", "reranker"})
"""Kinds of spans whose usage may count; others that report one repeat what their descendants used."""


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One document of a retrieval, or of a ranking; ``score`` as the retriever gave it: better may be less."""

    id: str = ""
    content: str = ""
    score: float | None = None
    metadata: dict[str, Any] = {}


class Evaluation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A judgement that the emitter told inside its span. ``target`` is what is judged: this span, or all of its trace
    or session. ``identifier`` tells apart several of one name by one source."""

    name: str
    value: float | None = None
    label: str = ""
    explanation: str = ""
    source: Literal["human", "code", "llm"] = "code"
    evaluator: str = ""
    evaluator_version: str = ""
    target: Literal["span", "trace", "session"] = "span"
    response_id: str = ""
    identifier: str = ""


class CanonicalSpan(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One foreign span, read.

    ``input`` and ``output`` are values of any JSON type for what is no conversation (a tool's arguments, a chain's
    inputs); they are None where messages say the same. ``usage`` is what this span reports in exclusive buckets, None
    where it reports none; whether it counts is decided over the trace (`mapping/usage_once.py`), and ``aggregated``
    says that it certainly does not, being the sum of others. ``total_tokens`` is the total as reported (a check only).
    ``cost_reported`` is in picodollars. ``pending`` marks a notice that a span has begun (Logfire sends those): it is
    not a span of its own, and ``pending_for`` is the id of the span it announces, where that is known.
    """

    kind: SpanKind = "span"
    name: str = ""
    status: Status = "ok"
    error_type: str = ""
    error_message: str = ""
    operation: str = ""
    """What was done, in the emitter's word: ``chat``, ``ai.streamText``, ``execute_tool``."""
    model: str = ""
    model_used: str = ""
    provider: str = ""
    params: dict[str, Any] = {}
    stream: bool = False
    input_messages: tuple[Message, ...] = ()
    output_messages: tuple[Message, ...] = ()
    tools_offered: tuple[Tool, ...] = ()
    input: Any = None
    output: Any = None
    tool_name: str = ""
    tool_call_id: str = ""
    agent_name: str = ""
    agent_id: str = ""
    node: str = ""
    parent_node: str = ""
    workflow: str = ""
    usage: Usage | None = None
    usage_refused: str = ""
    """Buckets and their tokens as the emitter told them, where no call can have used so many
    (`llm.types.MOST_TOKENS`); then there is no ``usage``."""
    tier_asked: str = ""
    aggregated: bool = False
    total_tokens: int | None = None
    cost_reported: int | None = None
    ttft_ns: int | None = None
    stop: str = ""
    """The first finish reason, canonical where it is known (`llm.types.StopReason`), else as it came."""
    response_id: str = ""
    session: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    app: str = ""
    environment: str = ""
    release: str = ""
    feature: str = ""
    """Of the product, by another Trimtab's word; no other convention has one for it."""
    prompt_name: str = ""
    prompt_version: str = ""
    documents: tuple[Document, ...] = ()
    scores: tuple[Evaluation, ...] = ()
    http_status: int = 0
    pending: bool = False
    pending_for: str = ""
    convention: str = "otel"
    mapper_version: int = 1
