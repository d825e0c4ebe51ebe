"""LangSmith's runs as spans and its feedback as scores: what each says is kept, and read as LangSmith's OTLP is."""

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.server.doors.langsmith_runs import (
    place_of,
    read_changed,
    read_feedback,
    read_run,
    run_id_of,
    score_id_of,
)
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.foreign.check import check_span
from trimtab.telemetry.foreign.spans import ForeignBatch, ForeignSpan
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.mapping.came import merged

NOW = 1_790_000_000_000_000_000
AT = "2026-09-21T14:13:20+00:00"
LATER = "2026-09-21T14:13:22+00:00"
ROOT, CHILD = str(uuid.UUID(int=7, version=4)), str(uuid.UUID(int=8, version=4))
ORDER = f"20260921T141320000000Z{ROOT}.20260921T141321500000Z{CHILD}"


def run(body: Any, *, update: bool = False) -> ForeignSpan:
    return read_run(body, NOW, lambda run_id: run_id, update=update)


def test_a_run_and_its_update_are_one_call() -> None:
    began = run(
        {"id": CHILD, "trace_id": ROOT, "parent_run_id": ROOT, "dotted_order": ORDER, "name": "ask", "run_type": "llm",
         "start_time": AT, "inputs": {"messages": [{"role": "user", "content": "Hi"}]}, "tags": ["beta"],
         "session_name": "old-home",
         "extra": {"metadata": {"ls_provider": "openai", "ls_model_name": "gpt-4o-mini", "session_id": "s", "n": 3},
                   "invocation_params": {"temperature": 0.5, "max_tokens": 9, "stop": "x", "tools": [
                       {"type": "function", "function": {"name": "find"}}]}}}
    )  # fmt: skip
    ended = run(
        {"id": CHILD, "trace_id": ROOT, "dotted_order": ORDER, "end_time": LATER,
         "outputs": {"generations": [[{"text": "Hello", "generation_info": {"finish_reason": "length"}}]],
                     "usage_metadata": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
                                        "total_cost": 0.5}},
         "events": [{"name": "new_token", "time": "2026-09-21T14:13:21+00:00"}]},
        update=True,
    )  # fmt: skip
    span = merged(began, ended)
    said = canonical(span)
    assert (span.trace_id, span.span_id, span.parent_span_id) == (
        ROOT.replace("-", ""),
        run_id_of(CHILD),
        run_id_of(ROOT),
    )
    assert (span.name, span.end_ns - NOW, check_span(span, NOW)) == ("ask", 2 * 10**9, "")
    assert (said.convention, said.kind, said.model, said.provider) == ("langsmith", "llm", "gpt-4o-mini", "openai")
    assert (said.session, said.tags, said.metadata["n"]) == ("s", ("beta",), "3")
    assert (said.metadata["langsmith_run_id"], said.stop, said.stream) == (CHILD, "length", True)
    assert (said.params["temperature"], said.params["max_tokens"]) == (0.5, 9)
    assert [tool.name for tool in said.tools_offered] == ["find"]
    assert said.usage is not None
    assert (said.usage.input, said.usage.output, said.cost_reported) == (10, 5, 5 * 10**11)
    assert [message.role for message in (*said.input_messages, *said.output_messages)] == ["user", "assistant"]


def test_the_first_token_is_when_the_answer_began() -> None:
    tokens = [{"name": "new_token", "time": f"2026-09-21T14:13:2{second}+00:00"} for second in (1, 2)]
    body = {"id": ROOT, "run_type": "llm", "start_time": AT, "end_time": LATER, "events": tokens}
    said = canonical(run(body))
    assert (said.ttft_ns, said.stream) == (10**9, True)


def test_a_dotted_order_alone_tells_where_a_run_stands_and_when_it_began() -> None:
    span = run({"id": CHILD, "dotted_order": ORDER, "name": "find"})
    assert (span.trace_id, span.parent_span_id) == (ROOT.replace("-", ""), run_id_of(ROOT))
    assert span.start_ns == NOW + 1_500_000_000
    assert place_of({"id": ROOT}, ROOT, lambda run_id: run_id).trace == ROOT


def test_a_run_that_says_nothing_of_its_trace_is_where_it_is_known_to_be() -> None:
    known = {ROOT: "f" * 32}
    span = read_run({"id": CHILD, "parent_run_id": ROOT}, NOW, lambda run_id: known.get(run_id, run_id), update=False)
    assert (span.trace_id, span.parent_span_id) == ("f" * 32, run_id_of(ROOT))
    alone = run({"id": ROOT})
    assert (alone.trace_id, alone.parent_span_id, alone.start_ns) == (ROOT.replace("-", ""), "", NOW)


def test_an_update_says_only_what_it_says() -> None:
    span = merged(
        run({"id": ROOT, "name": "top", "run_type": "chain", "start_time": AT, "inputs": {"q": 1}}),
        run({"id": ROOT, "outputs": {"a": 2}}, update=True),
    )
    said = canonical(span)
    assert (span.name, span.start_ns, said.kind, said.input, said.output) == (
        "top",
        NOW,
        "workflow",
        {"q": 1},
        {"a": 2},
    )


@pytest.mark.parametrize(
    ("error", "why", "kind"),
    [
        (
            "ValueError('it broke')Traceback (most recent call last):\n\n  File x\n",
            "ValueError('it broke')",
            "ValueError",
        ),
        ("Traceback (most recent call last):\n  File x\nKeyError: 'a'\n", "KeyError: 'a'", "KeyError"),
        ("it broke", "it broke", ""),
    ],
)
def test_an_error_says_why_and_where(error: str, why: str, kind: str) -> None:
    span = run({"id": ROOT, "run_type": "tool", "name": "find", "start_time": AT, "end_time": LATER, "error": error})
    said = canonical(span)
    assert (said.status, said.error_message, said.error_type) == ("error", why, kind)
    assert (said.tool_name, span.events[0].attributes.get("exception.stacktrace", error)) == ("find", error)


def test_times_come_as_texts_and_as_numbers() -> None:
    milliseconds = NOW // 1_000_000
    for given_at in (AT, "2026-09-21T14:13:20", "2026-09-21T14:13:20Z", milliseconds, milliseconds / 1000):
        assert run({"id": ROOT, "start_time": given_at}).start_ns == NOW


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (None, "no object"),
        ({}, "'id'"),
        ({"id": ROOT, "start_time": "yesterday"}, "no time"),
        ({"id": ROOT, "start_time": 5}, "before 2000"),
        ({"id": ROOT, "start_time": "2030-01-01T00:00:00Z"}, "more than a day ahead"),
        ({"id": ROOT, "inputs": {"text": "x" * (9 << 20)}}, "larger than"),
    ],
)
def test_what_is_no_run_is_refused_with_what_would_be_right(body: Any, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        run(body)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("id", "trace_id", "parent_run_id", "dotted_order", "name", "run_type", "start_time", "end_time", "inputs",
          "outputs", "events", "extra", "error", "tags", "attachments", "prompt_tokens", "session_name")  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), anything), st.booleans())
def test_whatever_is_sent_is_kept_or_refused(body: dict[str, Any], update: bool) -> None:
    try:
        span = run({"id": ROOT, **body}, update=update)
    except InvalidRequest:
        return
    assert check_span(span, NOW) == ""
    assert encode_any(ForeignBatch(project="p", arrived_ns=NOW, spans=(span,)))
    canonical(span)


# --- feedback -------------------------------------------------------------------------------------------------------


def feedback(body: dict[str, Any], trace: str = ROOT) -> Any:
    return read_feedback({"id": CHILD, "key": "helpful", **body}, NOW, "key_1", "p", trace)


@pytest.mark.parametrize(
    ("said", "value", "label", "why"),
    [
        ({"score": 0.75, "comment": "fine"}, 0.75, "", "fine"),
        ({"score": True}, 1.0, "true", ""),
        ({"score": 1, "value": "good"}, 1.0, "good", ""),
        ({"value": 3}, 3.0, "", ""),
        ({"value": {"a": 1}}, None, '{"a":1}', ""),
        ({"comment": "hm"}, None, "comment", "hm"),
        ({"correction": {"a": 1}}, None, "correction", 'Correction: {"a":1}'),
        ({"score": 0, "error": True, "comment": "it broke"}, None, "error", "it broke"),
    ],
)
def test_feedback_is_a_score(said: dict[str, Any], value: float | None, label: str, why: str) -> None:
    score = feedback({"run_id": ROOT, **said})
    assert (score.value, score.label, score.explanation) == (value, label, why)
    assert (score.target, score.trace_id, score.name) == ("trace", ROOT.replace("-", ""), "helpful")
    assert score.id == score_id_of("p", CHILD) != score_id_of("q", CHILD)


def test_feedback_on_a_run_below_the_first_is_of_its_span() -> None:
    score = feedback({"run_id": CHILD, "score": 1, "feedback_source": {"type": "model"}, "created_at": AT})
    assert (score.target, score.span_id, score.source, score.at_ns) == ("span", run_id_of(CHILD), "llm", NOW)


def test_no_application_says_what_people_judged() -> None:
    assert feedback({"score": 1, "feedback_source": {"type": "app"}}).source == "user"
    named = {"type": "api", "metadata": {"evaluator": "review/one"}}
    assert feedback({"score": 1, "feedback_source": named}).evaluator == "other/review/one"


@pytest.mark.parametrize(
    ("said", "trace", "why"),
    [({"score": 1}, "", "neither"), ({}, ROOT, "value or a label"), ({"key": "", "score": 1}, ROOT, "'key'")],
)
def test_feedback_that_judges_nothing_is_refused(said: dict[str, Any], trace: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        feedback(said, trace)


def test_a_change_leaves_what_it_does_not_name() -> None:
    score = feedback({"score": 1, "comment": "fine"})
    changed = read_changed(score, {"score": 0.5}, NOW + 1)
    assert (changed.value, changed.explanation, changed.version, changed.id) == (0.5, "fine", NOW + 1, score.id)
    assert read_changed(score, {"comment": None}, NOW + 1).explanation == ""
    with pytest.raises(InvalidRequest, match="value or a label"):
        read_changed(score, {"score": None}, NOW + 1)
