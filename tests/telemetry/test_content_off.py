"""Of a project that keeps no content, foreign spans lose what was said, and nothing that is counted."""

import json
from typing import Any

import msgspec
import pytest
from conversing import SAID, span
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.telemetry.accounting import Case, cases, judge
from trimtab.telemetry.canonical import COUNTED, CanonicalSpan
from trimtab.telemetry.conventions import canonical
from trimtab.telemetry.foreign.spans import ForeignEvent, ForeignLink, ForeignSpan
from trimtab.telemetry.foreign.texts import texts_of
from trimtab.telemetry.otlp.content_off import without_content

ALL = [(convention, case) for convention, found in cases().items() for case in found]


def left(attributes: dict[str, Any]) -> dict[str, Any]:
    kept = without_content(span(attributes)).attributes
    assert kept.pop("trimtab.content") == "off"
    return kept


@pytest.mark.parametrize("how", SAID)
def test_no_way_of_writing_a_conversation_gets_through(how: str) -> None:
    attributes, events = SAID[how]
    before = span(attributes, events=events)
    shown = canonical(before)
    assert shown.input_messages or shown.output_messages or shown.input
    kept = without_content(before)
    raw = msgspec.json.encode(kept).decode()
    for words in ("Be brief.", "Hello?", "Hi."):
        assert words not in raw
    _says_nothing(canonical(kept))


def _says_nothing(found: CanonicalSpan) -> None:
    said = (found.input_messages, found.output_messages, found.input, found.output, found.documents)
    assert (*said, found.tools_offered) == ((), (), None, None, (), ())
    assert "trimtab.content" not in found.metadata
    texts = texts_of(found)
    assert (texts.asked, texts.answered) == ("", "")


@pytest.mark.parametrize(("convention", "case"), ALL, ids=[f"{name}-{case.id}" for name, case in ALL])
def test_every_token_is_counted_as_with_content(convention: str, case: Case) -> None:
    models: list[tuple[str, str]] = []

    def read(each: ForeignSpan) -> CanonicalSpan:
        left = canonical(without_content(each))
        if left.usage is not None and left.kind in COUNTED:
            models.append((canonical(each).model, left.model))
        return left

    found = judge(case, read)
    assert [left for _, left in models] == [told for told, _ in models]  # tokens are priced by it
    assert found.wrong == {}
    assert found.counted == tuple(sorted(case.counted)), convention


def test_labels_counts_and_what_the_application_says_stay() -> None:
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.tool.name": "get weather",
        "llm.invocation_parameters": '{"model":"gpt-4o","temperature":0.2}',
        "langfuse.observation.usage_details": '{"input":3,"output":4}',
        "langfuse.trace.tags": '["beta","two words"]',
        "langfuse.trace.metadata.team": "the red team",
        "mlflow.spanType": '"CHAT_MODEL"',
        "user.id": "ann",
        "shop.basket": "three things, in words",
        "ai.unheard_of": "东京都",
        "http.response.status_code": 200,
        "retrieval.documents.0.document.score": 0.5,
    }
    assert left(said) == said


def test_of_a_providers_answer_stays_what_is_counted_and_of_anything_else_nothing() -> None:
    answer = {
        "id": "chatcmpl-1",
        "model": "gpt-4o",
        "choices": [{"message": {"content": "a secret"}}],
        "usage": {"prompt_tokens": 3, "note": "a secret"},
    }
    kept = left({"openinference.span.kind": "LLM", "output.value": json.dumps(answer)})
    assert json.loads(kept["output.value"]) == {"usage": {"prompt_tokens": 3}, "id": "chatcmpl-1", "model": "gpt-4o"}
    assert kept["gen_ai.response.id"] == "chatcmpl-1"
    order = {"id": "patient-17", "name": "Ada", "dose": 5}
    for name in ("output.value", "gen_ai.tool.call.arguments", "tool.parameters", "mcp.request.argument", "shop.order"):
        assert left({name: json.dumps(order)}) == {}
        assert left({name: order}) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("question", "Who is it?"),
        ("input.value", 42),
        ("ag.data.inputs.name", "Ada"),
        ("embedding.embeddings.0.embedding.vector", [0.1, 0.2]),
        ("tool_response", "sunny"),
        ("logfire.msg", "Ada asked"),
        ("ai.response.text", "sunny"),
        ("gen_ai.agent.description", "She helps."),
        ("ai.unheard_of", "two words"),
        ("db.query.text", "SELECT name FROM patients"),
        ("shop.note", "x" * 501),
        ("gen_ai.evaluation.explanation", "it said sunny"),
        ("shop.order", '\n {"input": "Ada asked"}'),
        ("shop.order", '\ufeff{"input": "Ada asked"}'),
        ("langfuse.trace.metadata.order", ' {"input": "Ada asked"'),
        ("ai.unheard_of", '{"input":"Ada","said":"what-was-cut-o'),
        ("ai.unheard_of", "我的医生说我应该每天服用这种药物三次但是我不想这样做"),
    ],
)
def test_what_was_said_goes_whatever_its_name(name: str, value: Any) -> None:
    assert left({name: value}) == {}


def test_events_and_links_are_looked_through_and_errors_keep_their_own_words() -> None:
    before = span(
        {},
        events=(
            ForeignEvent("gen_ai.user.message", 5, {"content": "a secret", "role": "user", "note": "a secret"}),
            ForeignEvent("exception", 6, {"exception.message": "no such city", "exception.stacktrace": "a secret"}),
        ),
        links=(ForeignLink("a" * 32, "b" * 16, {"input": "a secret", "why": "retry"}),),
        status_code=2,
    )
    kept = without_content(before)
    assert [each.attributes for each in kept.events] == [{"role": "user"}, {"exception.message": "no such city"}]
    assert kept.links[0].attributes == {"why": "retry"}
    assert canonical(kept).error_message == "no such city"


def test_a_convention_that_breaks_costs_nobody_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(span: ForeignSpan) -> CanonicalSpan:
        raise KeyError(span.name)

    monkeypatch.setattr("trimtab.telemetry.conventions.canonical", breaks)
    assert left({"input.value": "Ada asked", "gen_ai.usage.input_tokens": 12}) == {"gen_ai.usage.input_tokens": 12}


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(1 << 63), (1 << 63) - 1), st.floats(), st.text(max_size=9)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=9), inner, max_size=3)),
    max_leaves=6,
)
NAMES = st.one_of(st.text(max_size=12), st.sampled_from(["output.value", "gen_ai.prompt", "metadata", "usage", "a.b"]))


@settings(max_examples=200)
@given(st.dictionaries(NAMES, st.one_of(VALUES, VALUES.map(lambda value: json.dumps(value))), max_size=5))
def test_whatever_comes_it_can_be_kept_and_read_and_is_the_same_a_second_time(attributes: dict[str, Any]) -> None:
    once = without_content(span(attributes))
    assert isinstance(once, ForeignSpan)
    msgspec.msgpack.encode(once)
    _says_nothing(canonical(once))
    again = without_content(once).attributes
    assert msgspec.msgpack.encode(again) == msgspec.msgpack.encode(once.attributes)


def test_a_feature_that_another_of_us_tells_stays() -> None:
    assert left({"trimtab.feature": "order desk"}) == {"trimtab.feature": "order desk"}
