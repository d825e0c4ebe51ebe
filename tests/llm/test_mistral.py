"""Calls reach Mistral as it takes them; the simulated one refuses what the real one refuses."""

import json
from typing import Any

import pytest

from trimtab.core.errors import UpstreamRejected
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.simulated import mistral

QUIRKS = PROVIDER_KINDS.get("mistral").quirks
CHAT = DIALECTS.get("openai_chat")
SMALL = "mistral-small-latest"
HI: dict[str, Any] = {"role": "user", "content": "Hello"}
CALL: dict[str, Any] = {"id": "c12345678", "type": "function", "function": {"name": "look", "arguments": "{}"}}
CALLED: dict[str, Any] = {"role": "assistant", "content": "", "tool_calls": [CALL]}
RESULT: dict[str, Any] = {"role": "tool", "tool_call_id": "c12345678", "content": "17 degrees"}
LOOK: dict[str, Any] = {"type": "function", "function": {"name": "look"}}


def sent(front: str, said: dict[str, Any], model: str = SMALL) -> dict[str, Any]:
    """What goes out, which the simulated Mistral takes."""
    raw = json.dumps(said).encode()
    dialect = DIALECTS.get(front)
    if dialect is CHAT:
        body = json.loads(CHAT.forward(raw, CHAT.peek(raw), model, QUIRKS))
    else:
        body = json.loads(CHAT.render_request(dialect.parse_request(raw), model, QUIRKS))
    mistral.check(body)
    mistral.check_model(body, model)
    return body


def roles(body: dict[str, Any]) -> list[str]:
    return [message["role"] for message in body["messages"]]


def test_claude_code_goes_on_after_a_tool() -> None:
    """Its results and its reminders stand in one message of the user's; it has tools, and an effort."""
    turns: list[dict[str, Any]] = [
        HI,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": "17"}, {"type": "text", "text": "Remember."},
        ]},
    ]  # fmt: skip
    tools = [{"name": "look", "input_schema": {"type": "object"}}]
    said = {"model": "m", "max_tokens": 9, "messages": turns, "tools": tools, "output_config": {"effort": "medium"}}
    body = sent("anthropic_messages", said)
    assert roles(body) == ["user", "assistant", "tool", "assistant", "user"]
    assert body["messages"][3]["content"]
    assert body["messages"][4]["content"] == "Remember."
    assert body["reasoning_effort"] == "high"
    assert "reasoning_effort" not in sent("anthropic_messages", said, "codestral-latest")


def test_a_picture_that_a_tool_gave_comes_after_a_word_of_the_assistants() -> None:
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    turns: list[dict[str, Any]] = [
        HI,
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [picture]}]},
    ]
    body = sent("anthropic_messages", {"model": "m", "max_tokens": 9, "messages": turns})
    assert roles(body) == ["user", "assistant", "tool", "assistant", "user"]


def test_openais_own_client_goes_on_after_a_tool() -> None:
    rules: dict[str, Any] = {"role": "system", "content": "Late rules"}
    said = {"model": "m", "messages": [HI, CALLED, RESULT, rules, HI, {"role": "assistant", "content": ""}, HI]}
    body = sent("openai_chat", said)
    assert roles(body) == ["system", "user", "assistant", "tool", "assistant", "user", "user"]
    assert body["messages"][0] == rules
    late: dict[str, Any] = {"model": "m", "messages": [rules, HI, {"role": "assistant", "content": "Yes."}, rules, HI]}
    assert roles(sent("openai_chat", late)) == ["system", "system", "user", "assistant", "user"]


def test_an_answer_at_the_end_is_followed_by_a_wish_to_go_on() -> None:
    answer: dict[str, Any] = {"role": "assistant", "content": "One, two"}
    for front in ("openai_chat", "anthropic_messages"):
        body = sent(front, {"model": "m", "max_tokens": 9, "messages": [HI, answer]})
        assert roles(body) == ["user", "assistant", "user"]
    begun = [HI, answer | {"prefix": True}]
    assert sent("openai_chat", {"model": "m", "messages": begun})["messages"] == begun


@pytest.mark.parametrize("messages", [[HI], [HI, CALLED, RESULT], [HI, {"role": "assistant", "content": "A"}, HI]])
def test_turns_that_mistral_takes_stay_as_they_are(messages: list[dict[str, Any]]) -> None:
    assert sent("openai_chat", {"model": "m", "messages": messages})["messages"] == messages


@pytest.mark.parametrize(
    ("model", "effort", "asked"),
    [
        (SMALL, "none", "none"),
        (SMALL, "minimal", "none"),
        (SMALL, "low", "high"),
        (SMALL, "max", "high"),
        ("magistral-small-2509", "medium", "high"),
        ("mistral-small-2506", "medium", None),
        ("codestral-latest", "low", None),
    ],
)
def test_an_effort_is_one_that_the_model_has(model: str, effort: str, asked: str | None) -> None:
    said = {"model": "m", "input": "Hello", "reasoning": {"effort": effort}}
    assert sent("openai_responses", said, model).get("reasoning_effort") == asked


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"stream_options": {}}, "Extra inputs are not permitted"),
        ({"messages": [HI | {"name": "Ada"}]}, "Extra inputs are not permitted"),
        ({"messages": [HI, {"role": "assistant", "content": "A", "reasoning_content": "x"}, HI]}, "reasoning_content"),
        ({"messages": [{"role": "developer", "content": "x"}]}, "developer"),
        ({"messages": [HI, CALLED, RESULT, HI]}, "Unexpected role 'user' after role 'tool'"),
        ({"messages": [HI, RESULT]}, "Unexpected role 'tool' after role 'user'"),
        ({"messages": [HI, {"role": "assistant", "content": "A"}]}, "Expected last role User or Tool"),
        ({"messages": [HI, CALLED, HI]}, "Not the same number of function calls and responses"),
        ({"messages": [HI, {"role": "assistant", "content": ""}, HI]}, "either content or tool_calls"),
        ({"messages": [HI, CALLED, RESULT | {"tool_call_id": "call_1"}]}, "with a length of 9"),
        ({"tools": [LOOK]}, "Field required"),
    ],
)
def test_what_mistral_refuses_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(mistral.Refused) as caught:
        mistral.check({"model": SMALL, "messages": [HI]} | wrong)
    assert words in json.dumps(caught.value.body)
    assert caught.value.status in (400, 422)
    read = CHAT.parse_error(caught.value.status, json.dumps(caught.value.body).encode(), {})
    assert isinstance(read, UpstreamRejected)
    assert words in read.message


def test_efforts_that_a_model_has_not_are_refused() -> None:
    for model, effort in ((SMALL, "medium"), ("codestral-latest", "high")):
        with pytest.raises(mistral.Refused, match="reasoning_effort"):
            mistral.check_model({"reasoning_effort": effort}, model)


@pytest.mark.parametrize(
    ("asked", "told"), [("auto", "auto"), ("standard_only", "standard_only"), ("default", None), ("priority", None)]
)
def test_a_tier_of_openais_that_it_refuses_is_not_sent(asked: str, told: str | None) -> None:
    """https://docs.mistral.ai/inference/priority-tier"""
    body = sent("openai_chat", {"model": "m", "messages": [HI], "service_tier": asked})
    assert body.get("service_tier") == told


def test_its_tier_is_read_within_the_usage() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "service_tier": "priority"}
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    whole = json.dumps({"id": "a", "model": "m", "choices": [choice], "usage": usage}).encode()
    delta = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    chunk = json.dumps({"id": "a", "model": "m", "choices": [delta], "usage": usage})
    stream = f"data: {chunk}\n\ndata: [DONE]\n\n".encode()
    meter = CHAT.meter(CHAT.peek(b'{"model":"m","messages":[],"stream":true}'))
    meter.feed(stream)
    for found in (CHAT.glance(whole).usage, CHAT.parse_response(whole).usage, meter.usage):
        assert found is not None
        assert (found.input, found.output, found.tier) == (9, 2, "priority")
