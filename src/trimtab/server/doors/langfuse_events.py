"""Langfuse's ingestion events as foreign spans and scores. Pure; formats as its clients send them (the SDK's own types,
https://github.com/langfuse/langfuse-python, ``langfuse/api/resources/ingestion``, in its version 2).

A trace of Langfuse is a thing beside its observations: here it is the root span, and observations without a parent are
below it. What an observation says is put into the attributes that Langfuse's own OpenTelemetry SDK uses, so both ways
in are read by the same convention. Updates are further tellings of the same span, which the writer merges.
"""

import hashlib
from typing import Any, Final, cast

from trimtab.core.errors import InvalidRequest
from trimtab.server.doors.events import (
    Batch,
    Body,
    UnfitSpan,
    an_object,
    as_label,
    as_text,
    checked,
    needed,
    put,
    put_metadata,
    span_id_of,
    time_ns,
    trace_id_of,
)
from trimtab.telemetry.foreign.spans import STATUS_ERROR, ForeignSpan
from trimtab.telemetry.scores.types import Score, Source, check, new_score_id, strangers, told_by_program

SCOPE: Final = "langfuse-ingestion"
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


def read_batch(events: list[Any], now_ns: int, author: str) -> Batch:
    """Each event by itself: a bad one costs itself alone. Traces that their observations outlast end with these."""
    found = Batch()
    ends: dict[str, int] = {}
    for event in events:
        name = as_label(cast("Body", event).get("id")) if isinstance(event, dict) else ""
        try:
            _read_event(an_object(event, "an event"), now_ns, author, found, ends)
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
    body = an_object(event.get("body"), "'body'")
    told_ns = time_ns(event.get("timestamp"), "timestamp") or now_ns
    if kind == "trace-create":
        found.spans.append(checked(_trace(body, told_ns), now_ns))
    elif kind == "score-create":
        found.scores.append(read_score(body, now_ns, author))
    elif isinstance(kind, str) and kind in _TYPES:
        span = checked(_observation(body, kind, told_ns), now_ns)
        ends[span.trace_id] = max(ends.get(span.trace_id, 0), span.end_ns, span.start_ns)
        found.spans.append(span)
    else:
        raise InvalidRequest(f"There is no event of type {as_label(kind)!r}.", fix=f"Use one of: {', '.join(_TYPES)}.")


# --- ids -----------------------------------------------------------------------------------------------------------


def root_id_of(trace_id: str) -> str:
    """The id of the span that stands for a trace of Langfuse's."""
    return hashlib.sha256(f"trace:{trace_id}".encode()).hexdigest()[:16]


# --- traces and observations -----------------------------------------------------------------------------------------


def _trace(body: Body, told_ns: int) -> ForeignSpan:
    given = needed(body, "id")
    attributes: Body = {"langfuse.observation.type": "span"}
    put(attributes, "langfuse.trace.name", body.get("name"), as_label)
    put(attributes, "user.id", body.get("userId"), as_label)
    put(attributes, "session.id", body.get("sessionId"), as_label)
    put(attributes, "langfuse.release", body.get("release"), as_label)
    put(attributes, "langfuse.version", body.get("version"), as_label)
    put(attributes, "langfuse.environment", body.get("environment"), as_label)
    put(attributes, "langfuse.observation.input", body.get("input"), as_text)
    put(attributes, "langfuse.observation.output", body.get("output"), as_text)
    tags = body.get("tags")
    if isinstance(tags, list):
        attributes["langfuse.trace.tags"] = [as_label(tag) for tag in cast("list[Any]", tags)]
    put_metadata(attributes, "langfuse.trace.metadata", body.get("metadata"))
    trace_id = trace_id_of(given)
    if trace_id != given:
        attributes["langfuse.trace.metadata.langfuse_trace_id"] = given
    began = time_ns(body.get("timestamp"), "timestamp") or told_ns
    return _root(trace_id, start_ns=began, name=as_label(body.get("name")), attributes=attributes)


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
    given, trace = needed(body, "id"), needed(body, "traceId")
    kind = _TYPES[event] or as_label(body.get("type")).lower()
    attributes: Body = {"langfuse.observation.type": kind if kind in _KINDS else "span"}
    for name in ("level", "statusMessage", "version", "environment"):
        place = {"statusMessage": "observation.status_message", "level": "observation.level"}.get(name, name)
        put(attributes, f"langfuse.{place}", body.get(name), as_label)
    put(attributes, "langfuse.observation.input", body.get("input"), as_text)
    put(attributes, "langfuse.observation.output", body.get("output"), as_text)
    put_metadata(attributes, "langfuse.observation.metadata", body.get("metadata"))
    _generation(attributes, body)
    trace_id, span_id = trace_id_of(trace), span_id_of(given)
    update = event.endswith("-update")
    if span_id != given:
        attributes["langfuse.observation.metadata.langfuse_observation_id"] = given
    start_ns = time_ns(body.get("startTime"), "startTime")
    end_ns = time_ns(body.get("endTime"), "endTime")
    if not start_ns and not end_ns:  # an update that says neither: it was still going on
        start_ns, end_ns = (0, told_ns) if update else (told_ns, 0)
    failed = body.get("level") == "ERROR"
    return ForeignSpan(
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id=_parent(body, "" if update else root_id_of(trace_id)),  # an update moves nothing
        name=as_label(body.get("name")),
        kind="internal",
        start_ns=start_ns,
        end_ns=start_ns if kind == "event" and not end_ns else end_ns,
        status_code=STATUS_ERROR if failed else 0,
        status_message=as_label(body.get("statusMessage")) if failed else "",
        attributes=attributes,
        scope_name=SCOPE,
    )


def _parent(body: Body, otherwise: str) -> str:
    given = body.get("parentObservationId")
    return span_id_of(given) if isinstance(given, str) and given else otherwise


def _generation(attributes: Body, body: Body) -> None:
    """What only generations say: the model, its parameters, usage and cost, the prompt, the first token."""
    put(attributes, "langfuse.observation.model.name", body.get("model"), as_label)
    put(attributes, "langfuse.observation.model.parameters", body.get("modelParameters"), as_text)
    put(attributes, "langfuse.observation.prompt.name", body.get("promptName"), as_label)
    version = body.get("promptVersion")
    if isinstance(version, int) and abs(version) < 1 << 63:
        attributes["langfuse.observation.prompt.version"] = version
    first = body.get("completionStartTime")
    if first is not None and time_ns(first, "completionStartTime"):
        attributes["langfuse.observation.completion_start_time"] = str(first)
    usage, cost = _usage(body)
    put(attributes, "langfuse.observation.usage_details", usage or None, as_text)
    put(attributes, "langfuse.observation.cost_details", cost or None, as_text)


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
    body = an_object(given, "a score")
    trace, span, session = (as_label(body.get(name)) for name in ("traceId", "observationId", "sessionId"))
    value, label = _value(body.get("value"), as_label(body.get("dataType")))
    if not trace and not session:
        raise InvalidRequest("The score has neither 'traceId' nor 'sessionId'.", fix="Give one.", param="traceId")
    return check(
        Score(
            id=as_label(body.get("id")) or new_score_id(),
            target="span" if span else "trace" if trace else "session",
            trace_id=trace_id_of(trace) if trace else "",
            span_id=span_id_of(span) if span else "",
            session=session,
            name=needed(body, "name"),
            value=value,
            label=label,
            explanation=as_label(body.get("comment"))[:10_000],
            source=told_by_program(_SOURCES.get(as_label(body.get("source")), "code")),
            evaluator=strangers(as_label(body.get("configId")))[:200],
            author=author,
            at_ns=time_ns(body.get("timestamp"), "timestamp") or now_ns,
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
