"""LangSmith's runs as foreign spans, and its feedback as scores. Pure; formats as its clients send them: the Python SDK
0.15 (``langsmith/client.py``, ``langsmith/_internal/_operations.py``, ``langsmith/schemas.py``) and
https://docs.langchain.com/langsmith/trace-with-api

A run is put into the attributes that LangSmith's own OpenTelemetry exporter uses, so that both ways in are read by the
same convention. An update is a further telling of the same span, which the writer merges. A trace has the id of its
first run, which is a UUID and so 32 hex digits; a run's own id is too long for a span's and is hashed: the first half
of it, which that exporter takes, is mostly the time in a UUIDv7.
"""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from msgspec.structs import replace

from trimtab.core.errors import InvalidRequest
from trimtab.server.doors.events import (
    Body,
    an_object,
    as_label,
    as_text,
    checked,
    needed,
    put,
    span_id_of,
    time_ns,
    trace_id_of,
)
from trimtab.telemetry.foreign.spans import STATUS_ERROR, STATUS_OK, ForeignEvent, ForeignSpan
from trimtab.telemetry.scores.types import (
    MAX_EXPLANATION,
    MAX_LABEL,
    Score,
    Source,
    check,
    id_for,
    strangers,
    told_by_program,
)

SCOPE: Final = "langsmith-runs"
EVENTS: Final = 1_000
"""Events of one run that are kept, the first: of a stream there is one for each token."""
_METADATA: Final = "langsmith.metadata."
_SOURCES: Final[dict[str, Source]] = {"model": "llm", "app": "human"}
_ORDER = re.compile(r"(\d{8}T\d{6}\d{0,6})Z([0-9a-fA-F-]{32,36})")
_TYPE = re.compile(r"([A-Za-z_][A-Za-z0-9_.]{0,120})(?:\(|:|$)")
_TRACEBACK: Final = "Traceback (most recent call last):"
_INTEGERS: Final = 1 << 63
_CALLS: Final = frozenset(("llm", "embedding", ""))
_PARAMS: Final = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
}
_COUNTS: Final = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "total_tokens": "total_tokens",
}


class Place(NamedTuple):
    """Where a run stands: ids as LangSmith has them, ``began_ns`` as its order tells it (0: it does not)."""

    trace: str
    parent: str
    began_ns: int


Home = Callable[[str], str]
"""The trace (its first run's id) of the run of an id; that itself where nothing is known of it."""


def run_id_of(given: str) -> str:
    """The id of the span that a run is."""
    return span_id_of(given.lower())


def place_of(run: Body, run_id: str, home: Home) -> Place:
    """By ``dotted_order``, which has every run from the first down to this one with when it began, and by what else a
    run says of it."""
    said = run.get("dotted_order")
    order = _ORDER.findall(said) if isinstance(said, str) else []
    trace, parent = as_label(run.get("trace_id")), as_label(run.get("parent_run_id"))
    if not parent and len(order) > 1:
        parent = order[-2][1]
    if not trace:
        trace = order[0][1] if order else home(parent or run_id)
    return Place(trace, parent, time_ns(_iso(order[-1][0]), "dotted_order") if order else 0)


def _iso(compact: str) -> str:
    """``20260921T141320123456`` as ISO 8601 has it."""
    day, _, time = compact.partition("T")
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:6]}.{time[6:]:0<6}+00:00"


def read_run(given: Any, now_ns: int, home: Home, *, update: bool) -> ForeignSpan:
    """A run that begins, or with ``update`` what became of it. Raises `InvalidRequest`."""
    run = an_object(given, "a run")
    run_id = needed(run, "id")
    place = place_of(run, run_id, home)
    start_ns = _moment(run.get("start_time"), "start_time") or place.began_ns
    end_ns = _moment(run.get("end_time"), "end_time")
    if not start_ns and not end_ns:
        start_ns, end_ns = (0, now_ns) if update else (now_ns, 0)  # an update that says neither: it was still going on
    error = run.get("error")
    failed = as_text(error) if error else ""
    trace_id, span_id = trace_id_of(place.trace), run_id_of(run_id)
    is_first = place.trace.lower() == run_id.lower()
    attributes = _attributes(run)
    attributes[f"{_METADATA}langsmith_run_id"] = run_id
    if trace_id != place.trace.lower().replace("-", ""):
        attributes[f"{_METADATA}langsmith_trace_id"] = place.trace
    return checked(
        ForeignSpan(
            trace_id=trace_id,
            span_id=span_id,
            parent_span_id=run_id_of(place.parent) if place.parent and not is_first else "",
            name=as_label(run.get("name")),
            kind="internal",
            start_ns=start_ns,
            end_ns=end_ns,
            status_code=STATUS_ERROR if failed else STATUS_OK if end_ns and run.get("end_time") else 0,
            status_message=_why(failed),
            attributes=attributes,
            events=(*_events(run.get("events")), *_exception(failed, end_ns or start_ns)),
            scope_name=SCOPE,
            scope_version=as_label(_inner(run, "extra", "runtime").get("sdk_version")),
        ),
        now_ns,
    )


def _moment(value: Any, name: str) -> int:
    """ISO 8601, or Unix seconds or milliseconds as LangSmith's JavaScript SDK has sent them."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if 1e11 < value < 1e15 else value
        if not 946_684_800 <= seconds < 9_000_000_000:
            raise InvalidRequest(f"{name!r} lies before 2000 or far ahead.", fix="Correct the clock.")
        return round(seconds * 1_000_000) * 1000
    return time_ns(value, name)


def _inner(body: Body, *names: str) -> Body:
    """An object within objects; an empty one where there is none."""
    for name in names:
        inner = body.get(name)
        if not isinstance(inner, dict):
            return {}
        body = cast("Body", inner)
    return body


def _attributes(run: Body) -> Body:
    attributes: Body = {}
    kind = as_label(run.get("run_type")).lower()
    if kind:
        attributes["langsmith.span.kind"] = kind
    put(attributes, "langsmith.trace.session_name", run.get("session_name"), as_label)
    tags = run.get("tags")
    if isinstance(tags, list) and tags:
        attributes["langsmith.span.tags"] = [as_label(tag) for tag in cast("list[Any]", tags)]
    metadata = _inner(run, "extra", "metadata")
    for name, value in metadata.items():
        if value is not None:
            attributes[f"{_METADATA}{name}"] = value if isinstance(value, bool) or _is_number(value) else as_text(value)
    put(attributes, f"{_METADATA}reference_example_id", run.get("reference_example_id"), as_label)
    for name, kept in _inner(run, "attachments").items():
        attributes[f"{_METADATA}attachment.{name}"] = as_label(kept)
    if kind in _CALLS:
        _call(attributes, metadata, _inner(run, "extra", "invocation_params") or _inner(metadata, "invocation_params"))
    for name, counted in _COUNTS.items():
        value = run.get(name)
        if isinstance(value, int) and _is_number(value):
            attributes[f"gen_ai.usage.{counted}"] = value
    for name, place in (("inputs", "gen_ai.prompt"), ("outputs", "gen_ai.completion")):
        value = run.get(name)
        if value not in (None, {}):
            attributes[place] = as_text(value)
    return attributes


def _is_number(value: Any) -> bool:
    """One that an attribute can hold: JSON's may have any number of digits, a record's integers have 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or -_INTEGERS <= value < _INTEGERS


def _call(attributes: Body, metadata: Body, params: Body) -> None:
    """The model of a call, whose it is, and how it was asked."""
    model = metadata.get("ls_model_name") or params.get("model") or params.get("model_name")
    put(attributes, "gen_ai.request.model", model, as_label)
    put(attributes, "gen_ai.provider.name", metadata.get("ls_provider"), as_label)
    for name, asked in _PARAMS.items():
        value = params.get(name)
        if value is None:
            value = metadata.get(f"ls_{name}")
        if _is_number(value):
            attributes[f"gen_ai.request.{asked}"] = value
    stop = params.get("stop") or metadata.get("ls_stop")
    if isinstance(stop, list | str) and stop:
        every = cast("list[Any]", stop) if isinstance(stop, list) else [stop]
        attributes["gen_ai.request.stop_sequences"] = [as_label(each) for each in every]
    put(attributes, "gen_ai.tool.definitions", params.get("tools") or None, as_text)
    if params.get("stream") is True:
        attributes["langsmith.request.streaming"] = True


# --- what happened during a run --------------------------------------------------------------------------------------


def _events(value: Any) -> list[ForeignEvent]:
    """``{"name", "time", ...}``. One that has no time that can be read is left out: it is no fault of the run."""
    found: list[ForeignEvent] = []
    for each in cast("list[Any]", value)[:EVENTS] if isinstance(value, list) else []:
        if not isinstance(each, dict):
            continue
        event = cast("Body", each)
        try:
            at_ns = _moment(event.get("time"), "time")
        except InvalidRequest:
            continue
        if at_ns:
            rest = {name: as_text(one) for name, one in event.items() if name not in ("name", "time") and one}
            found.append(ForeignEvent(as_label(event.get("name")), at_ns, rest))
    return found


def _why(error: str) -> str:
    """What went wrong, without where: ``ValueError('it broke')`` before its traceback, or that one's last line."""
    head, found, rest = error.partition(_TRACEBACK)
    if not found or head.strip():
        return head.strip()
    return next((line.strip() for line in reversed(rest.splitlines()) if line.strip()), "")


def _exception(error: str, at_ns: int) -> list[ForeignEvent]:
    if not error:
        return []
    why = _why(error)
    named = _TYPE.match(why)
    said: Body = {"exception.message": why}
    if named is not None:
        said["exception.type"] = named[1]
    if _TRACEBACK in error:
        said["exception.stacktrace"] = error
    return [ForeignEvent("exception", at_ns, said)]


# --- feedback --------------------------------------------------------------------------------------------------------


def score_id_of(project: str, feedback_id: str) -> str:
    """The id of the score that a feedback is: of one project, and never that of a score of our own."""
    return id_for(project, f"langsmith:{feedback_id.lower()}")


def read_feedback(given: Any, now_ns: int, author: str, project: str, trace: str) -> Score:
    """Feedback on a run, which is of the ``trace`` of that id (as LangSmith has it). Raises `InvalidRequest`."""
    body = an_object(given, "a feedback")
    run = needed(body, "run_id") if body.get("run_id") else trace
    if not run:
        raise InvalidRequest(
            "The feedback has neither 'run_id' nor 'trace_id'.",
            fix="Give one: feedback on a whole project of LangSmith is not kept.",
            param="run_id",
        )
    is_whole = run.lower() == trace.lower()
    source = _inner(body, "feedback_source")
    value, label, explanation = _judged(body)
    return check(
        Score(
            id=score_id_of(project, needed(body, "id")) if body.get("id") else id_for(project, f"{now_ns}:{run}"),
            target="trace" if is_whole else "span",
            trace_id=trace_id_of(trace),
            span_id="" if is_whole else run_id_of(run),
            name=needed(body, "key"),
            value=value,
            label=label,
            explanation=explanation,
            source=told_by_program(_SOURCES.get(as_label(source.get("type")).lower(), "code")),
            evaluator=strangers(as_label(_inner(source, "metadata").get("evaluator"))[:200]),
            author=author,
            at_ns=_moment(body.get("created_at"), "created_at") or now_ns,
            version=now_ns,
        )
    )


def _judged(body: Body) -> tuple[float | None, str, str]:
    """Value, label and explanation. ``score`` is a number or true or false, ``value`` a word or what stands for one; a
    comment or a correction alone is a label that says so. An evaluator that failed judged nothing."""
    told = [as_label(body.get("comment"))]
    correction = body.get("correction")
    if correction not in (None, {}, ""):
        told.append(f"Correction: {as_text(correction)}")
    value, label = _number(body.get("score")), ""
    if isinstance(body.get("score"), bool):
        label = str(body["score"]).lower()
    given = body.get("value")
    if isinstance(given, bool):
        label = label or str(given).lower()
    elif isinstance(given, int | float) and value is None:
        value = _number(given)
    elif given is not None and not isinstance(given, int | float):
        word = as_text(given)
        label = label or word[:MAX_LABEL]
        if len(word) > MAX_LABEL:
            told.append(f"Value: {word}")
    if body.get("error") is True:
        value, label = None, "error"
    if value is None and not label and any(told):
        label = "comment" if told[0] else "correction"
    return value, label, "\n".join(each for each in told if each)[:MAX_EXPLANATION]


def read_changed(score: Score, change: Body, now_ns: int) -> Score:
    """The score with what is said of it now: fields that are not given stay. Raises `InvalidRequest`."""
    value, label, explanation = _judged(change)
    judged = not change.keys().isdisjoint(("score", "value"))
    said = not change.keys().isdisjoint(("comment", "correction"))
    if judged:
        score = replace(score, value=value, label=label)
    if said:
        score = replace(score, explanation=explanation)
    return check(replace(score, version=now_ns))


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
