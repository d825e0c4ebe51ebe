"""Spans while they are open: how one begins, what it may be told, how it ends.

Attributes are those of OpenTelemetry's GenAI conventions (https://github.com/open-telemetry/semantic-conventions-genai)
where these have a word, and of OpenInference
(https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md) for what they have none for: the
kind, the input and output of any span, tags and metadata.
"""

import threading
import traceback
from collections.abc import Iterable, Mapping
from contextvars import Token
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach, get_current, get_value, set_value
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanContext, Status, StatusCode, TraceFlags

from trimtab import __version__
from trimtab.core.errors import InvalidRequest
from trimtab.sdk.tracing import wire
from trimtab.sdk.tracing.capture import Capture
from trimtab.sdk.tracing.sending import Sender, Stats
from trimtab.sdk.tracing.texts import whole

Kind = Literal[
    "span", "llm", "embedding", "retriever", "reranker", "tool", "agent", "workflow", "guardrail", "evaluator"
]
_KINDS: Final[dict[str, dict[str, str]]] = {
    "span": {},
    "llm": {"openinference.span.kind": "LLM", "gen_ai.operation.name": "chat"},
    "embedding": {"openinference.span.kind": "EMBEDDING", "gen_ai.operation.name": "embeddings"},
    "retriever": {"openinference.span.kind": "RETRIEVER", "gen_ai.operation.name": "retrieval"},
    "reranker": {"openinference.span.kind": "RERANKER"},
    "tool": {"openinference.span.kind": "TOOL", "gen_ai.operation.name": "execute_tool"},
    "agent": {"openinference.span.kind": "AGENT", "gen_ai.operation.name": "invoke_agent"},
    "workflow": {"openinference.span.kind": "CHAIN", "gen_ai.operation.name": "invoke_workflow"},
    "guardrail": {"openinference.span.kind": "GUARDRAIL"},
    "evaluator": {"openinference.span.kind": "EVALUATOR"},
}
_NAMED: Final = {"tool": "gen_ai.tool.name", "agent": "gen_ai.agent.name", "workflow": "gen_ai.workflow.name"}
_INPUT: Final = {"tool": "gen_ai.tool.call.arguments"}
_OUTPUT: Final = {"tool": "gen_ai.tool.call.result"}
_LABELS: Final = "trimtab-labels"
"""The key of an OpenTelemetry context under which `Labels` travel to the spans below."""
_USAGE: Final = {
    "input": "gen_ai.usage.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "cache_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.usage.cache_write.input_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
}


class CurrentTrace(Struct, frozen=True, kw_only=True):
    """Where the code that asks is: ids in hex, and the header that lets another service join."""

    trace_id: str
    span_id: str
    traceparent: str
    sampled: bool


class Labels(Struct, frozen=True, kw_only=True):
    """What spans say of whom they are for; those below take it over."""

    session: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = {}

    def joined(self, session: str, user: str, tags: Iterable[str], metadata: Mapping[str, Any]) -> "Labels":
        return Labels(
            session=_told(session) if session else self.session,
            user=_told(user) if user else self.user,
            tags=tuple(dict.fromkeys((*self.tags, *map(_told, tags)))),
            metadata={**self.metadata, **{_told(name): _told(value) for name, value in metadata.items()}},
        )

    def attributes(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.session:
            found["session.id"] = found["gen_ai.conversation.id"] = self.session
        if self.user:
            found["user.id"] = self.user
        if self.tags:
            found["tag.tags"] = self.tags
        if self.metadata:
            found["metadata"] = msgspec.json.encode(self.metadata).decode()
        return found


NO_LABELS: Final = Labels()


class Form(Struct, frozen=True, kw_only=True):
    """What all spans of one place in the code share; made once."""

    name: str
    kind: str
    attributes: dict[str, str]
    input: str
    output: str


def form(name: str, kind: str) -> Form:
    """Raises `InvalidRequest` for a kind there is not."""
    known = _KINDS.get(kind)
    if known is None:
        raise InvalidRequest(f"There is no kind {kind!r}.", fix=f"Use one of: {', '.join(_KINDS)}.", param="kind")
    own = {_NAMED[kind]: name} if kind in _NAMED else {}
    return Form(
        name=name,
        kind=kind,
        attributes={**known, **own},
        input=_INPUT.get(kind, "input.value"),
        output=_OUTPUT.get(kind, "output.value"),
    )


class LiveSpan:
    """A span that is open. Every method may be called at any time, also after the end, and none raises for a value that
    cannot be kept. ``recording`` is false for a span that sampling left out."""

    __slots__ = ("_capture", "_form", "_inner", "recording")

    def __init__(self, inner: Span, form: Form, capture: Capture) -> None:
        self._inner = inner
        self._form = form
        self._capture = capture
        self.recording = inner.is_recording()

    @property
    def trace_id(self) -> str:
        return f"{self._inner.get_span_context().trace_id:032x}"

    @property
    def span_id(self) -> str:
        return f"{self._inner.get_span_context().span_id:016x}"

    @property
    def otel(self) -> Span:
        """OpenTelemetry's own span, for what is not offered here."""
        return self._inner

    def input(self, value: Any) -> None:
        if self.recording:
            self.put_input(self._capture.value("input", value))

    def output(self, value: Any) -> None:
        if self.recording:
            self.put_output(self._capture.result(value))

    def set(self, name: str, value: Any) -> None:
        """An attribute by its own name: text, a number, or a list of those; anything else as JSON."""
        if self.recording:
            plain = isinstance(value, str | bool | int | float)
            self._inner.set_attribute(name, value if plain else self._capture.value(name, value))

    def model(self, asked: str, *, used: str = "", provider: str = "", response_id: str = "") -> None:
        """Which model a span of kind ``llm`` or ``embedding`` called, where the call does not go through Trimtab."""
        given = {"request.model": asked, "response.model": used, "provider.name": provider, "response.id": response_id}
        self._inner.set_attributes({f"gen_ai.{name}": value for name, value in given.items() if value})

    def usage(
        self,
        *,
        input: int,  # noqa: A002
        output: int,
        cache_read: int = 0,
        cache_write: int = 0,
        reasoning: int = 0,
    ) -> None:
        """Tokens of a call that does not go through Trimtab. As GenAI's convention counts: ``input`` includes what was
        read from and written to a cache, ``output`` includes reasoning."""
        given = {"input": input, "output": output}
        given |= {"cache_read": cache_read, "cache_write": cache_write, "reasoning": reasoning}
        for name, number in given.items():
            if number or name in ("input", "output"):
                self._inner.set_attribute(_USAGE[name], int(number))

    def event(self, name: str, **attributes: Any) -> None:
        self._inner.add_event(name, {key: self._capture.value(key, value) for key, value in attributes.items()})

    def failed(self, error: BaseException) -> None:
        """The error, its traceback, and the status. A cancelled task or a closed generator is no defect, and is told as
        what it is."""
        if not self.recording:
            return
        kind = type(error).__name__
        self._inner.set_attribute("error.type", kind)
        if isinstance(error, Exception):
            said = f"{kind}: {error}"[:1000]
            self._inner.record_exception(error, None if whole(said) is said else _words(error))
            self._inner.set_status(Status(StatusCode.ERROR, whole(said)))
        else:
            self._inner.set_status(Status(StatusCode.ERROR, kind))

    def put_input(self, text: str) -> None:
        self._inner.set_attribute(self._form.input, text)
        if self._form.input == "input.value":
            self._inner.set_attribute("input.mime_type", "application/json")

    def put_output(self, text: str) -> None:
        self._inner.set_attribute(self._form.output, text)
        if self._form.output == "output.value":
            self._inner.set_attribute("output.mime_type", "application/json")

    def end(self) -> None:
        self._inner.end()


def _told(value: object) -> str:
    """A label as it can be sent, also where the application has no text for it but a number, say."""
    return whole(str(value))


def _words(error: Exception) -> dict[str, str]:
    """What is said of an error, in texts that can be sent."""
    told = "".join(traceback.format_exception(error))
    return {"exception.message": whole(str(error)), "exception.stacktrace": whole(told)}


class Tracing:
    """One provider, its tracer, and what sends. ``parent`` is an environment or headers that may hold a trace to join:
    the parent of spans that have none in this process."""

    def __init__(
        self, provider: TracerProvider, sender: Sender, capture: Capture, parent: Mapping[str, str] | None = None
    ) -> None:
        self.capture = capture
        self._provider = provider
        self._sender = sender
        self._tracer = provider.get_tracer("trimtab.sdk", __version__)
        self._outer = context_of(parent) if parent else None
        self._closing = threading.Lock()

    def begin(self, form: Form, labels: Labels | None = None) -> tuple[LiveSpan, Context]:
        """A new span below the current one, and the context in which what it covers is to run."""
        here = get_current()
        if self._outer is not None and not trace.get_current_span(here).get_span_context().is_valid:
            here = self._outer
        labels = labels_of(here) if labels is None else labels
        attributes = form.attributes if labels is NO_LABELS else {**form.attributes, **labels.attributes()}
        inner = self._tracer.start_span(form.name, here, attributes=attributes)
        below = trace.set_span_in_context(inner, here)
        if labels is not NO_LABELS:
            below = set_value(_LABELS, labels, below)
        return LiveSpan(inner, form, self.capture), below

    @staticmethod
    def enter(context: Context) -> "Token[Context]":
        """Make a context the current one; `leave` with what this gives."""
        return attach(context)

    @staticmethod
    def leave(token: "Token[Context]") -> None:
        detach(token)

    def score(self, score: dict[str, Any]) -> None:
        self._sender.add_score({name: whole(said) if isinstance(said, str) else said for name, said in score.items()})

    def stats(self) -> Stats:
        return self._sender.stats()

    def flush(self, timeout_s: float) -> bool:
        return self._sender.force_flush(int(timeout_s * 1000))

    def close(self, timeout_s: float) -> None:
        """Send what is there. May be called again, and from any thread."""
        with self._closing:
            self._sender.shutdown(timeout_s)


def labels_of(context: Context | None = None) -> Labels:
    return cast("Labels", get_value(_LABELS, context) or NO_LABELS)


def with_labels(labels: Labels, context: Context | None = None) -> Context:
    return set_value(_LABELS, labels, context)


def current_trace() -> CurrentTrace | None:
    """Of the innermost open span, whoever opened it; None outside of any."""
    at = trace.get_current_span().get_span_context()
    if not at.is_valid:
        return None
    trace_id, span_id = f"{at.trace_id:032x}", f"{at.span_id:016x}"
    sampled = bool(at.trace_flags.sampled)
    return CurrentTrace(
        trace_id=trace_id, span_id=span_id, traceparent=wire.traceparent(trace_id, span_id, sampled), sampled=sampled
    )


def context_of(carrier: Mapping[str, str]) -> Context | None:
    """The context that headers (or an environment) speak of, with its labels; None where they speak of none."""
    found = wire.read(carrier)
    if found is None:
        return None
    trace_id, span_id, sampled = found
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    outer = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=flags)
    context = trace.set_span_in_context(trace.NonRecordingSpan(outer), Context())
    told = wire.read_baggage(carrier)
    labels = NO_LABELS.joined(told.get("session", ""), told.get("user", ""), _split(told.get("tags", "")), {})
    return with_labels(labels, context) if labels != NO_LABELS else context


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]
