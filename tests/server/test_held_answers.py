"""What stands in for a held answer reads as an answer of the caller's dialect, whole and as a stream."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from trimtab.core.errors import Conflict
from trimtab.gateway.holds import Holding, HoldQueue, HoldRule, risky, rules_for
from trimtab.llm.dialects import DIALECTS, Head
from trimtab.llm.fold import unfold
from trimtab.llm.types import Response, Text, ToolCall, Usage
from trimtab.review.holds import Held, Hold, State
from trimtab.review.tables import GONE_ANSWER
from trimtab.review.types import Outcome
from trimtab.server.held_answers import EVENTS, JSON, has_several, read, rendered, text, tools

FRONTS = ("openai_chat", "anthropic_messages", "gemini")
ANSWER = Response(
    id="resp-1", model="m", parts=(Text("Yes."), ToolCall("call_1", "close_account", "{}")), stop="tool_calls",
    usage=Usage(input=7, output=3),
)  # fmt: skip


def hold(front: str, state: State, *, stream: bool, said: Outcome | None = None) -> Hold:
    dialect = DIALECTS.get(front)
    if stream:
        encoder = dialect.stream_encoder(Head(model="m", stream=True, wants_usage=True))
        body = b"".join(map(encoder.feed, unfold(ANSWER)))
    else:
        body = dialect.render_response(ANSWER)
    held = Held(
        front=front, model="m", stream=stream, content_type=EVENTS if stream else JSON, body=body, request="req_1",
        trace_id="t", wants_usage=True,
    )  # fmt: skip
    return Hold(
        id="hold_1", project_id="p", item="i", key_id="k", state=state, answer=held, fallback="Call us.", said=said,
        created=1, expires=2, ended=None,
    )  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", FRONTS)
def test_every_state_is_told_in_the_callers_dialect(front: str, stream: bool) -> None:
    corrected = Outcome(decision="correct", correction="No.")
    for state, said, status, words in (
        ("pending", None, 202, "Wait."),
        ("corrected", corrected, 200, "No."),
        ("rejected", Outcome(decision="reject"), 200, "Call us."),
        ("expired", None, 200, "Call us."),
    ):
        given = hold(front, state, stream=stream, said=said)  # type: ignore[arg-type]
        made = rendered(given, "Wait.")
        again = read(replace(given.answer, body=made.body))
        assert again is not None
        assert (made.status, text(again), tools(again), again.stop) == (status, words, [], "stop"), state
        assert made.headers["trimtab-hold-status"] == state
        assert again.usage == ANSWER.usage
        assert ("retry-after" in made.headers) == (state == "pending")
        assert (again.id == "hold_1") == (state == "pending")
    approved = hold(front, "approved", stream=stream)
    assert rendered(approved, "").body == approved.answer.body


def test_what_cannot_be_read_still_gets_its_fallback() -> None:
    given = hold("openai_chat", "expired", stream=False)
    broken = replace(given, answer=replace(given.answer, body=b"<html>"))
    made = rendered(broken, "")
    assert b"Call us." in made.body


@pytest.mark.parametrize("state", ["pending", "approved", "rejected"])
def test_an_answer_whose_key_was_destroyed_is_told_as_gone(state: State) -> None:
    gone = msgspec.json.decode(GONE_ANSWER, type=Held)
    with pytest.raises(Conflict, match="was destroyed") as caught:
        rendered(replace(hold("openai_chat", state, stream=False), answer=gone), "Wait.")
    assert caught.value.code == "held_answer_gone"


def queue(*rules: HoldRule) -> HoldQueue:
    return HoldQueue(project_id="p", queue="q", holding=Holding(rules=rules))


@pytest.mark.parametrize(
    ("rule", "called", "holds"),
    [
        ("support", "support", True),
        ("support", "support@r12", True),
        ("support", "support-2", False),
        ("supp*", "support@r12", True),
        ("*", "anything", True),
        ("support@r12", "support", False),
    ],
)
def test_a_rule_means_an_app_in_every_release(rule: str, called: str, holds: bool) -> None:
    assert bool(rules_for([queue(HoldRule(model=rule))], called)) == holds


@given(st.text(max_size=50), st.text(min_size=1, max_size=10))
def test_words_are_found_in_any_case_and_nothing_demanded_means_all(answer: str, word: str) -> None:
    assert risky(HoldRule(model="m"), answer, [])
    assert risky(HoldRule(model="m", words=(word,)), answer + word.upper(), []) or word.upper().lower() != word.lower()
    assert risky(HoldRule(model="m", tools=("pay",)), answer, ["pay"])
    assert not risky(HoldRule(model="m", tools=("pay",)), answer, ["look"])


@pytest.mark.parametrize("stream", [False, True])
def test_a_second_answer_that_reading_passes_over_is_told(stream: bool) -> None:
    one = hold("openai_chat", "pending", stream=stream).answer
    assert not has_several(one)
    said = b'{"choices": [{"index": 1, "message": {"role": "assistant", "content": "A refund."}}]}'
    two = replace(one, body=one.body + b"\ndata: " + said) if stream else replace(one, body=said)
    assert has_several(two)
    assert has_several(replace(two, stream=False, body=b'{"candidates": [{}, {}]}'))
