"""What a span was asked, out of whatever dialect or tracer it came by."""

from typing import Any

import msgspec
import pytest

from trimtab.core.errors import NotFound
from trimtab.server.span_context import context_of
from trimtab.telemetry.views import MessageView, SpanIO

OPENAI = (
    '{"model":"fast","messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"f"}}],'
    '"temperature":0.10,"logit_bias":{"5":1},"user":"ann","n":2,"stream":true,"stream_options":{}}'
)
ANTHROPIC = (
    '{"model":"fast","max_tokens":64,"system":"Be kind.","service_tier":"auto",'
    '"messages":[{"role":"user","content":"Hi"}]}'
)


def span(**io: Any) -> SpanIO:
    told: dict[str, Any] = {"captured": True, "input": [], "output": [], "tools": [], "params": {}}
    told |= {"trace_id": "t", "span_id": "s", "raw_request": None, "raw_response": None, "truncated": False}
    return SpanIO(**{**told, **io})


def test_a_chat_completion_is_asked_again_as_it_was_but_for_who_asked() -> None:
    found = context_of(span(raw_request=OPENAI, dialect="openai_chat"))
    assert (found.model, found.messages) == ("fast", [{"role": "user", "content": "Hi"}])
    assert found.tools == [{"type": "function", "function": {"name": "f"}}]
    assert found.parameters == {"temperature": 0.1, "logit_bias": {"5": 1}}
    assert found.notes == ["Left out: user, n."]


def test_the_variables_of_an_app_are_told_from_parameters() -> None:
    raw = '{"model":"support","messages":[{"role":"user","content":"Hi"}],"variables":{"who":"Ada"}}'
    found = context_of(span(raw_request=raw, dialect="openai_chat"))
    assert (found.variables, found.parameters) == ({"who": "Ada"}, {})


def test_another_dialect_is_translated_and_what_only_it_knows_is_named() -> None:
    found = context_of(span(raw_request=ANTHROPIC, dialect="anthropic_messages"))
    assert found.messages == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]
    assert found.parameters == {"max_tokens": 64}
    assert "anthropic_messages" in found.notes[0]
    assert "service_tier" in " ".join(found.notes)


def test_what_another_tracer_sent_is_read_from_its_messages() -> None:
    parts = [{"type": "text", "text": "Look"}, {"type": "image", "data": "QUJD", "media_type": "image/png"}]
    call = {"type": "tool_call", "id": "c1", "name": "f", "arguments": "{}"}
    result = {"type": "tool_result", "call_id": "c1", "parts": [{"type": "text", "text": "found"}]}
    asked = [
        MessageView(role="user", parts=parts),
        MessageView(role="assistant", parts=[call]),
        MessageView(role="tool", parts=[result]),
    ]
    tools = [{"name": "f", "description": "Finds", "parameters": {"type": "object"}, "strict": None}]
    found = context_of(span(input=asked, tools=tools, params={"temperature": 0.5, "odd": [1]}, dialect="canonical"))
    assert [message["role"] for message in found.messages] == ["user", "assistant", "tool"]
    assert found.messages[0]["content"][1]["image_url"]["url"] == "data:image/png;base64,QUJD"
    assert found.messages[1]["tool_calls"][0]["function"] == {"name": "f", "arguments": "{}"}
    assert found.tools[0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert found.parameters == {"temperature": 0.5}


def test_parameters_that_cannot_be_read_are_left_out_and_the_messages_kept() -> None:
    asked = [MessageView(role="user", parts=[{"type": "text", "text": "Hi"}])]
    found = context_of(span(input=asked, params={"temperature": "hot"}))
    assert (found.messages, found.parameters) == ([{"role": "user", "content": "Hi"}], {})


@pytest.mark.parametrize(
    "io",
    [
        {"captured": False},
        {},
        {"raw_request": "[1]", "dialect": "openai_chat"},
        {"raw_request": '{"messages": "none"}', "dialect": "openai_chat"},
        {"input": [MessageView(role="user", parts=[{"type": "strange"}])]},
        {"input": [MessageView(role="user", parts=[{"type": "text"}])]},
    ],
)
def test_what_has_nothing_to_ask_again_is_refused_with_a_reason(io: dict[str, Any]) -> None:
    with pytest.raises(NotFound) as refused:
        context_of(span(**io))
    assert refused.value.code == "no_content"
    assert refused.value.fix


def test_a_call_asked_again_reads_the_same() -> None:
    """What is opened, asked and opened again is what it was."""
    first = context_of(span(raw_request=ANTHROPIC, dialect="anthropic_messages"))
    body = {"model": first.model, "messages": first.messages, "tools": first.tools, **first.parameters}
    second = context_of(span(raw_request=msgspec.json.encode(body).decode(), dialect="openai_chat"))
    assert (second.messages, second.parameters, second.notes) == (first.messages, first.parameters, [])
