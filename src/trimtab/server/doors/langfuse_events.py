"""Langfuse's ingestion events as foreign spans and scores. Pure; formats as its clients send them (the SDK's own types,
https://github.com/langfuse/langfuse-python, ``langfuse/api/resources/ingestion``, in its version 2).

A trace of Langfuse is a thing beside its observations: here it is the root span, and observations without a parent are
below it. What an observation says is put into the attributes that Langfuse's own OpenTelemetry SDK uses, so both ways
in are read by the same convention. Updates are further tellings of the same span, which the writer merges.
"""

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, cast

import msgspec

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.foreign.check import check_span
from trimtab.telemetry.foreign.spans import STATUS_ERROR, ForeignSpan
from trimtab.telemetry.otlp.sink import MAX_SPAN_BYTES
from trimtab.telemetry.scores.types import Score, Source, check, new_score_id, strangers, told_by_program

SCOPE: Final = "langfuse-ingestion"
MAX_ID: Final = 500
_HEX32 = re.compile(r"[0-9a-f]{32}")
_HEX16 = re.compile(r"[0-9a-f]{16}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TYPES: Final = {
    "span-create": "span",
    "span-update": "span",
    "generation-create": "generation",
    "generation-update": "generation",
    "event-create": "event",
    "observation-create": "",
    "observation-update": "",
}
_KINDS: Final = frozenset(
    ("span", "generation", "event", "agent", "tool", "chain", "retriever", "evaluator", "embedding", "guardrail")
)
_SOURCES: Final[dict[str, Source]] = {"API": "code", "EVAL": "llm", "ANNOTATION": "human"}
Body = dict[str, Any]


class UnfitSpan(InvalidRequest):
    """An event that makes a span which no door takes: a dead letter that can be mended."""

    def __init__(self, span: ForeignSpan, message: str, *, fix: str) -> None:
        super().__init__(message, fix=fix)
        self.span = span


class Unread(NamedTuple):
    """An event that was refused, why, and the span that it makes, where it makes one."""

    event: Any
    why: str
    span: ForeignSpan | None


class Batch:
    """What a batch comes to: ``taken`` are ids of events, ``refused`` ids with the reason, of the events in ``unread``
    in the same order."""

    def __init__(self) -> None:
        self.spans: list[ForeignSpan] = []
        self.scores: list[Score] = []
        self.taken: list[str] = []
        self.refused: list[tuple[str, str]] = []
        self.unread: list[Unread] = []

    def refuse(self, name: str, why: str, event: Any, span: ForeignSpan | None) -> None:
        self.refused.append((name, why))
        self.unread.append(Unread(event, why, span))


def read_batch(events: list[Any], now_ns: int, author: str) -> Batch:
    """Each event by itself: a bad one costs itself alone. Traces that their observations outlast end with these."""
    found = Batch()
    ends: dict[str, int] = {}
    for event in events:
        name = _label(cast("Body", event).get("id")) if isinstance(event, dict) else ""
        try:
            _read_event(_object(event, "an event"), now_ns, author, found, ends)
        except InvalidRequest as error:
            found.refuse(name, error.sentence(), event, error.span if isinstance(error, UnfitSpan) else None)
        except RecursionError:
            why = "The event is nested too deeply. Send less deep values, or send them as text."
            found.refuse(name, why, event, None)
        else:
            found.taken.append(name)
    found.spans += [_root(trace_id, end_ns=end_ns) for trace_id, end_ns in ends.items()]
    return found


def _read_event(event: Body, now_ns: int, author: str, found: Batch, ends: dict[str, int]) -> None:
    kind = event.get("type")
    if kind == "sdk-log":
        return
    body = _object(event.get("body"), "'body'")
    told_ns = _time(event.get("timestamp"), "timestamp") or now_ns
    if kind == "trace-create":
        found.spans.append(_checked(_trace(body, told_ns), now_ns))
    elif kind == "score-create":
        found.scores.append(read_score(body, now_ns, author))
    elif isinstance(kind, str) and kind in _TYPES:
        span = _checked(_observation(body, kind, told_ns), now_ns)
        ends[span.trace_id] = max(ends.get(span.trace_id, 0), span.end_ns, span.start_ns)
        found.spans.append(span)
    else:
        raise InvalidRequest(f"There is no event of type {_label(kind)!r}.", fix=f"Use one of: {', '.join(_TYPES)}.")


def _checked(span: ForeignSpan, now_ns: int) -> ForeignSpan:
    """The same as every door asks of a span. Raises `InvalidRequest`."""
    if fault := check_span(span, now_ns):
        raise UnfitSpan(span, f"The span cannot be kept: {fault}.", fix="Correct the clock of what sends it.")
    if sum(len(value) for value in span.attributes.values() if isinstance(value, str)) > MAX_SPAN_BYTES:
        raise UnfitSpan(
            span,
            f"The span cannot be kept: it is larger than {MAX_SPAN_BYTES} bytes.",
            fix="Send less of its input, output and metadata.",
        )
    return span


# --- ids -----------------------------------------------------------------------------------------------------------


def trace_id_of(given: str) -> str:
    """A W3C trace id: the given one where it is one (or a UUID), else one that follows from it."""
    lower = given.lower()
    if _UUID.fullmatch(lower):
        lower = lower.replace("-", "")
    return lower if _HEX32.fullmatch(lower) and lower.strip("0") else hashlib.sha256(given.encode()).hexdigest()[:32]


def span_id_of(given: str) -> str:
    lower = given.lower()
    return lower if _HEX16.fullmatch(lower) and lower.strip("0") else hashlib.sha256(given.encode()).hexdigest()[:16]


def root_id_of(trace_id: str) -> str:
    """The id of the span that stands for a trace of Langfuse's."""
    return hashlib.sha256(f"trace:{trace_id}".encode()).hexdigest()[:16]


# --- traces and observations -----------------------------------------------------------------------------------------


def _trace(body: Body, told_ns: int) -> ForeignSpan:
    given = _needed(body, "id")
    attributes: Body = {"langfuse.observation.type": "span"}
    _put(attributes, "langfuse.trace.name", body.get("name"), _label)
    _put(attributes, "user.id", body.get("userId"), _label)
    _put(attributes, "session.id", body.get("sessionId"), _label)
    _put(attributes, "langfuse.release", body.get("release"), _label)
    _put(attributes, "langfuse.version", body.get("version"), _label)
    _put(attributes, "langfuse.environment", body.get("environment"), _label)
    _put(attributes, "langfuse.observation.input", body.get("input"), _text)
    _put(attributes, "langfuse.observation.output", body.get("output"), _text)
    tags = body.get("tags")
    if isinstance(tags, list):
        attributes["langfuse.trace.tags"] = [_label(tag) for tag in cast("list[Any]", tags)]
    _metadata(attributes, "langfuse.trace.metadata", body.get("metadata"))
    trace_id = trace_id_of(given)
    if trace_id != given:
        attributes["langfuse.trace.metadata.langfuse_trace_id"] = given
    began = _time(body.get("timestamp"), "timestamp") or told_ns
    return _root(trace_id, start_ns=began, name=_label(body.get("name")), attributes=attributes)


def _root(
    trace_id: str, *, start_ns: int = 0, end_ns: int = 0, name: str = "", attributes: Body | None = None
) -> ForeignSpan:
    return ForeignSpan(
        trace_id=trace_id,
        span_id=root_id_of(trace_id),
        name=name,
        kind="internal",
        start_ns=start_ns,
        end_ns=end_ns,
        attributes=attributes or {},
        scope_name=SCOPE,
    )


def _observation(body: Body, event: str, told_ns: int) -> ForeignSpan:
    given, trace = _needed(body, "id"), _needed(body, "traceId")
    kind = _TYPES[event] or _label(body.get("type")).lower()
    attributes: Body = {"langfuse.observation.type": kind if kind in _KINDS else "span"}
    for name in ("level", "statusMessage", "version", "environment"):
        place = {"statusMessage": "observation.status_message", "level": "observation.level"}.get(name, name)
        _put(attributes, f"langfuse.{place}", body.get(name), _label)
    _put(attributes, "langfuse.observation.input", body.get("input"), _text)
    _put(attributes, "langfuse.observation.output", body.get("output"), _text)
    _metadata(attributes, "langfuse.observation.metadata", body.get("metadata"))
    _generation(attributes, body)
    trace_id, span_id = trace_id_of(trace), span_id_of(given)
    update = event.endswith("-update")
    if span_id != given:
        attributes["langfuse.observation.metadata.langfuse_observation_id"] = given
    start_ns = _time(body.get("startTime"), "startTime")
    end_ns = _time(body.get("endTime"), "endTime")
    if not start_ns and not end_ns:  # an update that says neither: it was still going on
        start_ns, end_ns = (0, told_ns) if update else (told_ns, 0)
    failed = body.get("level") == "ERROR"
    return ForeignSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=_parent(body, "" if update else root_id_of(trace_id)),  # an update moves nothing
        name=_label(body.get("name")),
        kind="internal",
        start_ns=start_ns,
        end_ns=start_ns if kind == "event" and not end_ns else end_ns,
        status_code=STATUS_ERROR if failed else 0,
        status_message=_label(body.get("statusMessage")) if failed else "",
        attributes=attributes,
        scope_name=SCOPE,
    )


def _parent(body: Body, otherwise: str) -> str:
    given = body.get("parentObservationId")
    return span_id_of(given) if isinstance(given, str) and given else otherwise


def _generation(attributes: Body, body: Body) -> None:
    """What only generations say: the model, its parameters, usage and cost, the prompt, the first token."""
    _put(attributes, "langfuse.observation.model.name", body.get("model"), _label)
    _put(attributes, "langfuse.observation.model.parameters", body.get("modelParameters"), _text)
    _put(attributes, "langfuse.observation.prompt.name", body.get("promptName"), _label)
    version = body.get("promptVersion")
    if isinstance(version, int) and abs(version) < 1 << 63:
        attributes["langfuse.observation.prompt.version"] = version
    first = body.get("completionStartTime")
    if first is not None and _time(first, "completionStartTime"):
        attributes["langfuse.observation.completion_start_time"] = str(first)
    usage, cost = _usage(body)
    _put(attributes, "langfuse.observation.usage_details", usage or None, _text)
    _put(attributes, "langfuse.observation.cost_details", cost or None, _text)


_OLD_USAGE: Final = {
    "input": "input",
    "output": "output",
    "total": "total",
    "promptTokens": "input",
    "completionTokens": "output",
    "totalTokens": "total",
    "prompt_tokens": "input",
    "completion_tokens": "output",
    "total_tokens": "total",
}
_OLD_COST: Final = {"inputCost": "input", "outputCost": "output", "totalCost": "total"}


def _usage(body: Body) -> tuple[Body, Body]:
    """``usageDetails`` and ``costDetails``, or what the older ``usage`` says, in the same words."""
    details, cost = body.get("usageDetails"), body.get("costDetails")
    old = body.get("usage")
    found: Body = dict(cast("Body", details)) if isinstance(details, dict) else {}
    priced: Body = dict(cast("Body", cost)) if isinstance(cost, dict) else {}
    if isinstance(old, dict):
        given = cast("Body", old)
        if not found and given.get("unit") in (None, "TOKENS"):
            found = {_OLD_USAGE[key]: value for key, value in given.items() if key in _OLD_USAGE and _is_count(value)}
        if not priced:
            priced = {_OLD_COST[key]: value for key, value in given.items() if key in _OLD_COST and value is not None}
    return found, priced


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


# --- scores --------------------------------------------------------------------------------------------------------


def read_score(given: Any, now_ns: int, author: str) -> Score:
    """A score of Langfuse's: a number, a word (categorical, text), or true and false as 1 and 0. Raises
    `InvalidRequest`."""
    body = _object(given, "a score")
    trace, span, session = (_label(body.get(name)) for name in ("traceId", "observationId", "sessionId"))
    value, label = _value(body.get("value"), _label(body.get("dataType")))
    if not trace and not session:
        raise InvalidRequest("The score has neither 'traceId' nor 'sessionId'.", fix="Give one.", param="traceId")
    return check(
        Score(
            id=_label(body.get("id")) or new_score_id(),
            target="span" if span else "trace" if trace else "session",
            trace_id=trace_id_of(trace) if trace else "",
            span_id=span_id_of(span) if span else "",
            session=session,
            name=_needed(body, "name"),
            value=value,
            label=label,
            explanation=_label(body.get("comment"))[:10_000],
            source=told_by_program(_SOURCES.get(_label(body.get("source")), "code")),
            evaluator=strangers(_label(body.get("configId")))[:200],
            author=author,
            at_ns=_time(body.get("timestamp"), "timestamp") or now_ns,
            version=now_ns,
        )
    )


def _value(value: Any, kind: str) -> tuple[float | None, str]:
    if isinstance(value, bool):
        return float(value), str(value).lower()
    if isinstance(value, int | float):
        label = ("true" if value else "false") if kind == "BOOLEAN" else ""
        try:
            return float(value), label
        except OverflowError:
            return None, ""
    return None, value if isinstance(value, str) else ""


# --- fields --------------------------------------------------------------------------------------------------------


def _object(value: Any, what: str) -> Body:
    if not isinstance(value, dict):
        raise InvalidRequest(f"{what} is no object.", fix="Send what Langfuse's API describes.")
    return cast("Body", value)


def _needed(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_ID:
        raise InvalidRequest(f"{name!r} is missing, or is no text of 1 to {MAX_ID} characters.", fix=f"Give {name!r}.")
    return value


def _put(attributes: Body, name: str, value: Any, make: Callable[[Any], Any]) -> None:
    if value is not None and (made := make(value)) != "":
        attributes[name] = made


def _label(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else _text(value)


def _text(value: Any) -> str:
    """As Langfuse's OpenTelemetry SDK puts it into an attribute: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _metadata(attributes: Body, prefix: str, value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in cast("Body", value).items():
            if inner is not None:
                attributes[f"{prefix}.{key}"] = _text(inner)
    elif value is not None:
        attributes[prefix] = _text(value)


def _time(value: Any, name: str) -> int:
    """An ISO 8601 time as Unix ns, 0 where none is given. Without an offset it is UTC."""
    if value is None or value == "":
        return 0
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidRequest(f"{name!r} is no time: {str(value)[:40]!r}.", fix="Give it as ISO 8601.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
    if not 946_684_800_000_000 <= micros < 9_000_000_000_000_000:
        raise InvalidRequest(f"{name!r} lies before 2000 or far ahead.", fix="Correct the clock.")
    return micros * 1000


_MICROSECOND: Final = datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
