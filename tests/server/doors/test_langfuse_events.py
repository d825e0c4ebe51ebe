"""Langfuse's events as spans and scores: what each says is kept, what is wrong costs itself alone."""

import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.server.doors.events import Batch, span_id_of, trace_id_of
from trimtab.server.doors.langfuse_events import read_batch, read_score, root_id_of
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.foreign.check import check_span
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.mapping.came import merged

NOW = 1_790_000_000_000_000_000
AT = "2026-09-21T14:13:20Z"
TRACE = str(uuid.UUID(int=7, version=4))


def event(kind: str, body: Any, name: str = "e1", at: Any = AT) -> dict[str, Any]:
    return {"id": name, "type": kind, "timestamp": at, "body": body}


def read(*events: Any) -> Batch:
    return read_batch(list(events), NOW, "key_1")


def whole(found: Batch) -> dict[str, ForeignSpan]:
    """By id, all tellings of a span as one, as the writer merges them."""
    spans: dict[str, ForeignSpan] = {}
    for span in found.spans:
        spans[span.span_id] = merged(spans[span.span_id], span) if span.span_id in spans else span
    return spans


def test_a_trace_is_the_root_and_its_observations_are_below_it() -> None:
    found = read(
        event(
            "trace-create",
            {"id": TRACE, "name": "chat", "userId": "ada", "sessionId": "s", "tags": ["beta"],
             "metadata": {"plan": "pro"}, "input": {"q": 1}, "release": "r1", "environment": "prod", "timestamp": AT},
        ),
        event("span-create", {"id": "a", "traceId": TRACE, "name": "find", "startTime": "2026-09-21T14:13:21Z"}, "e2"),
        event("event-create", {"id": "b", "traceId": TRACE, "parentObservationId": "a", "name": "hit"}, "e3"),
    )  # fmt: skip
    spans = whole(found)
    root = spans[root_id_of(trace_id_of(TRACE))]
    said = canonical(root)
    assert (root.parent_span_id, root.name, said.user, said.session, said.tags) == ("", "chat", "ada", "s", ("beta",))
    assert (said.metadata["plan"], said.release, said.environment, said.input) == ("pro", "r1", "prod", {"q": 1})
    assert root.end_ns == NOW + 10**9
    assert spans[span_id_of("a")].parent_span_id == root.span_id
    assert spans[span_id_of("b")].parent_span_id == span_id_of("a")
    assert canonical(spans[span_id_of("b")]).kind == "event"
    assert found.taken == ["e1", "e2", "e3"]
    assert not any(check_span(span, NOW) for span in spans.values())


def test_an_update_adds_to_what_was_said_and_moves_nothing() -> None:
    spans = whole(
        read(
            event(
                "generation-create",
                {"id": "g", "traceId": TRACE, "parentObservationId": "a", "name": "ask", "startTime": AT,
                 "model": "gpt-4o-mini", "input": [{"role": "user", "content": "Hi"}], "modelParameters": {}},
            ),
            event(
                "generation-update",
                {"id": "g", "traceId": TRACE, "output": "Hello", "endTime": "2026-09-21T14:13:22Z",
                 "usageDetails": {"input": 10, "output": 5}, "completionStartTime": "2026-09-21T14:13:21Z"},
            ),
        )
    )  # fmt: skip
    span = spans[span_id_of("g")]
    said = canonical(span)
    assert (span.parent_span_id, span.name, span.start_ns, span.end_ns) == (
        span_id_of("a"),
        "ask",
        NOW,
        NOW + 2 * 10**9,
    )
    assert (said.kind, said.model, said.ttft_ns) == ("llm", "gpt-4o-mini", 10**9)
    assert said.usage is not None
    assert (said.usage.input, said.usage.output) == (10, 5)
    assert said.input_messages[0].role == "user"
    assert said.output_messages or said.output == "Hello"


@pytest.mark.parametrize(
    "usage",
    [
        {"input": 10, "output": 5, "total": 15, "unit": "TOKENS"},
        {"promptTokens": 10, "completionTokens": 5, "totalTokens": 15},
        {"prompt_tokens": 10, "completion_tokens": 5},
    ],
)
def test_usage_of_every_age_counts_the_same(usage: dict[str, Any]) -> None:
    body = {"id": "g", "traceId": TRACE, "startTime": AT, "endTime": AT, "model": "m", "usage": usage}
    said = canonical(whole(read(event("generation-create", body)))[span_id_of("g")])
    assert said.usage is not None
    assert (said.usage.input, said.usage.output) == (10, 5)


def test_characters_are_no_tokens_and_costs_are_kept() -> None:
    usage = {"input": 1000, "output": 5, "unit": "CHARACTERS", "inputCost": 0.1, "totalCost": 0.3}
    body = {"id": "g", "traceId": TRACE, "startTime": AT, "model": "m", "usage": usage}
    said = canonical(whole(read(event("generation-create", body)))[span_id_of("g")])
    assert said.usage is None
    assert said.cost_reported == 3 * 10**11


def test_an_error_is_one() -> None:
    body = {"id": "a", "traceId": TRACE, "startTime": AT, "level": "ERROR", "statusMessage": "it broke"}
    said = canonical(whole(read(event("span-create", body)))[span_id_of("a")])
    assert (said.status, said.error_message) == ("error", "it broke")


def test_a_bad_event_costs_itself_alone() -> None:
    good = event("span-create", {"id": "a", "traceId": TRACE}, "good")
    bad = [
        event("span-create", {"id": "a"}, "no trace"),
        event("span-create", {"traceId": TRACE}, "no id"),
        event("span-create", {"id": "a", "traceId": TRACE, "startTime": "yesterday"}, "no time"),
        event("span-create", {"id": "a", "traceId": TRACE, "startTime": "1971-01-01T00:00:00Z"}, "old"),
        event("span-create", "text", "no body"),
        event("dance-create", {}, "no type"),
        event("score-create", {"name": "x", "value": 1}, "no target"),
        event("score-create", {"name": "x", "traceId": TRACE}, "no value"),
        "nothing",
    ]
    found = read(*bad, good, event("sdk-log", {"log": "x"}, "log"))
    assert found.taken == ["good", "log"]
    assert [name for name, _ in found.refused] == [each["id"] if isinstance(each, dict) else "" for each in bad]
    assert all(why for _, why in found.refused)


def test_a_number_beyond_all_bounds_or_a_time_far_ahead_never_fails_the_batch() -> None:
    found = read(
        event("generation-create", {"id": "a", "traceId": TRACE, "promptVersion": 10**30, "metadata": {"n": 10**30}}),
        event("generation-create", {"id": "b", "traceId": TRACE, "startTime": "2250-01-01T00:00:00Z"}, "e2"),
        event("trace-create", {"id": TRACE, "timestamp": "2250-01-01T00:00:00Z"}, "e3"),
    )
    assert found.taken == ["e1"]
    assert [name for name, _ in found.refused] == ["e2", "e3"]
    assert "more than a day ahead" in found.refused[0][1]
    assert encode_any(ForeignBatch(project="p", arrived_ns=NOW, spans=tuple(found.spans)))


def test_scores_of_every_kind_are_ours() -> None:
    number = read_score({"id": "s", "traceId": TRACE, "name": "n", "value": 0.5, "comment": "why"}, NOW, "key_1")
    assert (number.id, number.value, number.target, number.explanation) == ("s", 0.5, "trace", "why")
    assert number.trace_id == TRACE.replace("-", "")
    word = {"traceId": TRACE, "observationId": "a", "name": "n", "value": "warm", "dataType": "CATEGORICAL"}
    said = read_score(word, NOW, "key_1")
    assert (said.value, said.label, said.target, said.span_id) == (None, "warm", "span", span_id_of("a"))
    yes = {"sessionId": "s", "name": "n", "value": 1, "dataType": "BOOLEAN", "source": "ANNOTATION"}
    assert (read_score(yes, NOW, "k").label, read_score(yes, NOW, "k").source) == ("true", "user")
    assert read_score({**yes, "timestamp": "2026-09-21T16:13:20+02:00"}, NOW + 5, "k").at_ns == NOW
    with pytest.raises(InvalidRequest):
        read_score([], NOW, "k")


def test_ids_that_are_ids_stay_and_others_follow_from_what_was_given() -> None:
    assert trace_id_of("AB" * 16) == "ab" * 16
    assert trace_id_of(TRACE) == TRACE.replace("-", "")
    assert span_id_of("ab" * 8) == "ab" * 8
    for other in ("my-trace", "0" * 32, "ü", ""):
        assert len(trace_id_of(other)) == 32
        assert len(span_id_of(other)) == 16
        assert trace_id_of(other) == trace_id_of(other)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "id", "traceId", "name", "startTime", "endTime", "parentObservationId", "level", "statusMessage", "metadata",
    "input", "output", "model", "usage", "usageDetails", "costDetails", "completionStartTime", "tags", "value",
    "timestamp", "sessionId", "promptVersion", "modelParameters", "comment", "dataType",
)  # fmt: skip
KINDS = ("trace-create", "span-create", "span-update", "generation-create", "observation-create", "score-create")


@given(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(FIELDS), ANYTHING), ANYTHING)
def test_whatever_is_sent_is_taken_or_refused_and_can_be_stored(kind: str, fields: dict[str, Any], at: Any) -> None:
    body = {"id": "a", "traceId": TRACE, "name": "n", "value": 1, **fields}
    found = read(event(kind, body, at=at))
    assert len(found.taken) + len(found.refused) == 1
    for span in found.spans:
        msgspec.msgpack.encode(span)
        canonical(span)


@pytest.mark.parametrize(
    "said",
    [{"name": "n" * (9 << 20)}, {"statusMessage": "n" * (9 << 20)}, {"input": "\u4e2d" * (3 << 20)}],
    ids=["name", "status", "bytes"],
)
def test_a_span_is_as_large_as_all_its_texts_are_in_bytes(said: dict[str, Any]) -> None:
    found = read(event("span-create", {"id": "a", "traceId": TRACE, "name": "n", **said}), event("x", {}, "e2"))
    assert found.refused[0][0] == "e1"
    assert "larger than 8388608 bytes" in found.refused[0][1]
    assert read(event("span-create", {"id": "a", "traceId": TRACE, "input": "\u4e2d" * (2 << 20)})).refused == []
