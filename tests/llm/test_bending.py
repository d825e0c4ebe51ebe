"""Bodies bent to what one provider of OpenAI's dialect understands."""

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest
from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.dialects.openai_chat.bending import short_id
from trimtab.llm.fold import fold
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Message, Reasoning, Request, Text, ToolCall, ToolResult

OPENAI = DIALECTS.get("openai_chat")
MISTRAL = PROVIDER_KINDS.get("mistral").quirks


def forwarded(body: dict[str, Any], quirks: Quirks) -> dict[str, Any]:
    raw = json.dumps(body).encode()
    return json.loads(OPENAI.forward(raw, OPENAI.peek(raw), "up", quirks))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=50), st.integers(1, 40))
def test_a_short_id_is_of_its_length_and_always_the_same(told: str, length: int) -> None:
    made = short_id(told, length)
    assert len(made) == length
    assert made.isascii()
    assert made.isalnum()
    assert short_id(told, length) == made
    assert short_id(made, length) == made


def test_a_field_keeps_its_new_name_if_the_caller_gave_both() -> None:
    body: dict[str, Any] = {"model": "m", "messages": [], "max_tokens": 5, "max_completion_tokens": 9}
    assert forwarded(body, MISTRAL)["max_tokens"] == 5
    assert "max_completion_tokens" not in forwarded(body, MISTRAL)


def test_developers_become_system_only_where_they_are_unknown() -> None:
    body = {"model": "m", "messages": [{"role": "developer", "content": 'say "developer"', "x": [1]}]}
    kept = forwarded(body, Quirks())
    assert kept["messages"] == body["messages"]
    bent = forwarded(body, Quirks(developer_role=False))
    assert bent["messages"] == [{"role": "system", "content": 'say "developer"', "x": [1]}]


def test_calls_and_results_stay_together_however_they_travel() -> None:
    call = {"id": "call_long_id", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_long_id", "content": "x"},
        {"role": "assistant", "content": "done", "tool_calls": None},
    ]
    sent = forwarded({"model": "m", "messages": messages}, MISTRAL)["messages"]
    request = Request(
        model="m",
        messages=(
            Message("assistant", (ToolCall("call_long_id", "f", "{}"),)),
            Message("tool", (ToolResult("call_long_id", (Text("x"),)),)),
        ),
    )
    rendered = json.loads(OPENAI.render_request(request, "m", MISTRAL))["messages"]
    ids = {sent[0]["tool_calls"][0]["id"], sent[1]["tool_call_id"]}
    ids |= {rendered[0]["tool_calls"][0]["id"], rendered[1]["tool_call_id"]}
    assert ids == {short_id("call_long_id", 9)}


def test_messages_that_are_none_are_the_callers_to_mend() -> None:
    for messages in ('"x"', '[1, "tool_calls", "developer"]', '[{"tool_calls": "developer"}]', '[{"tool_call_id": 7}]'):
        raw = b'{"model":"m","messages":%b}' % messages.encode()
        with contextlib.suppress(InvalidRequest):
            json.loads(OPENAI.forward(raw, OPENAI.peek(raw), "up", MISTRAL))


def test_mistrals_thoughts_are_read_out_of_its_content() -> None:
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": "The tide turns."},
    ]
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    whole = OPENAI.parse_response(json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode())
    assert whole.parts == (Reasoning(text="Hm."), Text("The tide turns."))
    chunk = {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": "stop"}]}
    deltas = OPENAI.stream_decoder().feed(b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n")
    assert fold(deltas).parts == whole.parts


def said_to_deepseek(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return forwarded({"model": "m", "messages": messages}, PROVIDER_KINDS.get("deepseek").quirks)["messages"]


CALL: dict[str, Any] = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
LOOP: list[dict[str, Any]] = [
    {"role": "user", "content": "go"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "c1", "content": "x"},
    {"role": "assistant", "content": "done", "reasoning_content": "hm"},
]


def test_deepseek_gets_thoughts_with_each_message_where_tools_were_called() -> None:
    """It refuses the conversation otherwise, and most clients drop the field."""
    sent = said_to_deepseek(LOOP)
    assert [message.get("reasoning_content") for message in sent] == [None, "", None, "hm"]
    assert [{**message, "reasoning_content": 0} for message in sent] == [
        {**message, "reasoning_content": 0} for message in LOOP
    ]
    plain: list[dict[str, Any]] = [LOOP[0], {"role": "assistant", "content": "done", "tool_calls": []}]
    assert said_to_deepseek(plain) == plain
    assert forwarded({"model": "m", "messages": LOOP}, Quirks())["messages"] == LOOP


def test_deepseek_gets_the_thoughts_that_a_client_of_another_dialect_returns() -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "go"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "let me call", "signature": "s"},
                {"type": "tool_use", "id": "c1", "name": "f", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "x"}]},
        {"role": "assistant", "content": "done"},
        {"role": "user", "content": "more"},
    ]
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": messages}).encode()
    request = DIALECTS.get("anthropic_messages").parse_request(body)
    sent = json.loads(OPENAI.render_request(request, "m", PROVIDER_KINDS.get("deepseek").quirks))["messages"]
    assert [message.get("reasoning_content") for message in sent] == [None, "let me call", None, "", None]
    others = json.loads(OPENAI.render_request(request, "m", Quirks()))["messages"]
    assert not any("reasoning_content" in message for message in others)
