"""OpenRouter's `reasoning_details` through the clients of every dialect, and thoughts under other providers' names."""

import json
from typing import Any

import pytest

from trimtab.llm.dialects import DIALECTS, Head, Quirks
from trimtab.llm.dialects._signatures import is_marked
from trimtab.llm.fold import fold, unfold
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Message, Reasoning, Request, Response, Text, ToolCall

CHAT = DIALECTS.get("openai_chat")
OPENROUTER = PROVIDER_KINDS.get("openrouter").quirks
SIGNED = [
    {
        "type": "reasoning.text",
        "text": "The tide turns.",
        "signature": "c2ln",
        "format": "anthropic-claude-v1",
        "index": 0,
    },
    {"type": "reasoning.encrypted", "data": "AAAA", "id": "call_1", "format": "google-gemini-v1", "index": 1},
]
CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
WHOLE = {
    "id": "gen-1",
    "model": "google/gemini-3-pro",
    "choices": [
        {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {
                "role": "assistant",
                "content": None,
                "reasoning": "The tide turns.",
                "reasoning_details": SIGNED,
                "tool_calls": [CALL],
            },
        }
    ],
}


def chunk(finish: str | None = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    told = {"id": "gen-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(told).encode() + b"\n\n"


STREAM = (
    chunk(role="assistant", content="")
    + chunk(reasoning="The tide", reasoning_details=[SIGNED[0] | {"text": "The tide", "signature": None}])
    + chunk(reasoning=" turns.", reasoning_details=[{"type": "reasoning.text", "text": " turns.", "index": 0}])
    + chunk(reasoning_details=[{"type": "reasoning.text", "signature": "c2ln", "index": 0}])
    + chunk(tool_calls=[CALL | {"index": 0}])
    + chunk("tool_calls", reasoning_details=[SIGNED[1]])
    + b"data: [DONE]\n\n"
)


def sent(parts: Any, quirks: Quirks) -> dict[str, Any]:
    """The model's message as the provider gets it back."""
    request = Request(model="m", messages=(Message("user", (Text("look"),)), Message("assistant", tuple(parts))))
    return json.loads(CHAT.render_request(request, "m", quirks))["messages"][1]


def test_signed_thoughts_go_back_as_they_came_whole_and_streamed() -> None:
    whole = CHAT.parse_response(json.dumps(WHOLE).encode())
    decoder = CHAT.stream_decoder()
    streamed = fold([*decoder.feed(STREAM), *decoder.close()])
    for answer in (whole, streamed):
        assert next(part.text for part in answer.parts if isinstance(part, Reasoning)) == "The tide turns."
        assert answer.stop == "tool_calls"
        back = sent(answer.parts, OPENROUTER)
        assert back["reasoning_details"] == SIGNED
        assert [call["id"] for call in back["tool_calls"]] == ["call_1"]
        assert "reasoning_details" not in sent(answer.parts, Quirks())  # others do not know it


@pytest.mark.parametrize("front", ["anthropic_messages", "openai_responses", "gemini"])
def test_a_client_of_another_dialect_hands_them_back(front: str) -> None:
    """What a client is given it hands back in its next call; then OpenRouter gets what it had sent."""
    answer = CHAT.parse_response(json.dumps(WHOLE).encode())
    dialect = DIALECTS.get(front)
    told = json.loads(dialect.render_response(Response(id="r", model="m", parts=answer.parts, stop="tool_calls")))
    encoder = dialect.stream_encoder(Head(model="m", stream=True))
    assert b"openai_chat" in b"".join(map(encoder.feed, unfold(answer))) or front == "gemini"  # there in base64
    asked: dict[str, Any]
    match front:
        case "anthropic_messages":
            asked = {
                "max_tokens": 9,
                "messages": [{"role": "user", "content": "look"}, {"role": "assistant", "content": told["content"]}],
            }
        case "openai_responses":
            asked = {"input": [{"role": "user", "content": "look"}, *told["output"]]}
        case _:
            asked = {"contents": [{"role": "user", "parts": [{"text": "look"}]}, told["candidates"][0]["content"]]}
    request = dialect.parse_request(json.dumps({"model": "m"} | asked).encode())
    again = json.loads(CHAT.render_request(request, "m", OPENROUTER))["messages"][1]
    assert again["reasoning_details"] == SIGNED
    for other in ("anthropic_messages", "gemini", "openai_responses", "bedrock_converse", "cohere_chat"):
        if other != front:  # and nobody else is shown them
            assert b"c2ln" not in DIALECTS.get(other).render_request(request, "m", Quirks())


def test_thoughts_that_nobody_signed_need_no_signature() -> None:
    plain = json.loads(json.dumps(WHOLE))
    message = plain["choices"][0]["message"]
    for details in ([{"type": "reasoning.text", "text": "The tide turns."}], [], None, "nonsense", [3]):
        message["reasoning_details"] = details
        (thought, _) = CHAT.parse_response(json.dumps(plain).encode()).parts
        assert thought == Reasoning(text="The tide turns.")


def test_what_is_no_list_of_details_is_not_sent() -> None:
    for handed in ("openai_chat:nonsense", "openai_chat:3", "openai_chat:[1]"):
        assert is_marked(handed)
        assert "reasoning_details" not in sent((Reasoning(signature=handed), ToolCall("c", "f", "{}")), OPENROUTER)


CONVERSATION: list[Any] = [
    {"role": "user", "content": "reasoning"},
    {"role": "assistant", "content": "Yes.", "reasoning_content": "The tide — turns.", "reasoning_details": SIGNED},
    {"role": "assistant", "content": "No.", "reasoning": "It does not."},
    {"role": "user", "content": "So?"},
]


NONE: list[dict[str, str]] = [{}, {}]


@pytest.mark.parametrize(
    ("kind", "thoughts", "details"),
    [
        ("openai", [{"reasoning_content": "The tide — turns."}, {"reasoning": "It does not."}], True),  # not looked for
        ("mistral", NONE, False),
        ("groq", [{"reasoning": "The tide — turns."}, {"reasoning": "It does not."}], False),
        ("openrouter", [{"reasoning_content": "The tide — turns."}, {"reasoning": "It does not."}], True),
        ("deepseek", [{"reasoning_content": "The tide — turns."}, {"reasoning": "It does not."}], True),
    ],
)
def test_a_providers_own_name_for_thoughts_is_used_in_a_conversation(
    kind: str, thoughts: list[dict[str, str]], details: bool
) -> None:
    body = json.dumps({"model": "m", "messages": CONVERSATION, "reasoning_effort": "low"}).encode()
    sent = json.loads(CHAT.forward(body, CHAT.peek(body), "m", PROVIDER_KINDS.get(kind).quirks))
    assert sent["reasoning_effort"] == "low"
    assert [sent["messages"][0], sent["messages"][3]] == [CONVERSATION[0], CONVERSATION[3]]
    for message, wanted in zip(sent["messages"][1:3], thoughts, strict=True):
        assert {name: text for name, text in message.items() if name in ("reasoning", "reasoning_content")} == wanted
    assert ("reasoning_details" in sent["messages"][1]) is details
