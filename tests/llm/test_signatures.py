"""A signed thought comes back to the vendor that signed it, whatever its client speaks, and to nobody else."""

import json
from typing import Any

import pytest
from bodies import as_client
from hypothesis import given
from hypothesis import strategies as st

from trimtab.llm.dialects import DIALECTS, Head, Quirks
from trimtab.llm.dialects._signatures import for_client, from_base64, from_client, holds_foreign, to_base64
from trimtab.llm.types import Message, Reasoning, Request, Response, Text, ToolCall, ToolResult

SIGNED = {
    "anthropic_messages": Reasoning(text="hm", signature="EqQBCg=="),
    "openai_responses": Reasoning(text="hm", signature="openai_responses:gAAAAABn"),
    "gemini": Reasoning(text="hm", signature="gemini:CiQBjz1r"),
}
OWN = {"anthropic_messages": "EqQBCg==", "openai_responses": "gAAAAABn", "gemini": "CiQBjz1r"}
KEEPERS = tuple(SIGNED)
marked = st.sampled_from(["openai_responses:", "gemini:", ""]).flatmap(
    lambda mark: st.text(min_size=1).map(lambda text: mark + text)
)


def handed_back(client: str, answer: Response) -> Request:
    """What a client of a dialect sends after an answer: the answer's content, unchanged, in its history."""
    dialect = DIALECTS.get(client)
    told = json.loads(dialect.render_response(answer))
    result: Any
    if client == "anthropic_messages":
        result = {"type": "tool_result", "tool_use_id": "c", "content": "rain"}
        turns = [("user", "hi"), ("assistant", told["content"]), ("user", [result])]
        messages = [{"role": role, "content": content} for role, content in turns]
        body: dict[str, Any] = {"model": "m", "max_tokens": 9, "messages": messages}
    elif client == "openai_responses":
        result = {"type": "function_call_output", "call_id": "c", "output": "rain"}
        body = {"model": "m", "input": [{"role": "user", "content": "hi"}, *told["output"], result]}
    else:
        result = {"functionResponse": {"id": "c", "name": "f", "response": {"output": "rain"}}}
        contents = [{"role": "user", "parts": [{"text": "hi"}]}, told["candidates"][0]["content"]]
        body = {"contents": [*contents, {"role": "user", "parts": [result]}]}
    return dialect.parse_request(as_client(dialect, json.dumps(body).encode(), "m", stream=False))


@pytest.mark.parametrize("client", KEEPERS)
@pytest.mark.parametrize("signer", KEEPERS)
def test_it_travels_through_every_client_that_keeps_thoughts(client: str, signer: str) -> None:
    parts = (SIGNED[signer], ToolCall("c", "f", "{}"))
    request = handed_back(client, Response(id="r", model="m", parts=parts, stop="tool_calls"))
    assert request.messages[1].parts == parts
    for provider in KEEPERS:
        sent = DIALECTS.get(provider).render_request(request, "m", Quirks()).decode()
        assert (OWN[signer] in sent) == (provider == signer)
        assert ("hm" in sent) == (provider == signer)
        assert "openai_responses:" not in sent
        assert "anthropic_messages:" not in sent


@pytest.mark.parametrize("client", ["openai_responses", "gemini"])
def test_redacted_thoughts_travel_too(client: str) -> None:
    parts = (Reasoning(redacted="EmwKAhgB"), ToolCall("c", "f", "{}"))
    request = handed_back(client, Response(id="r", model="m", parts=parts, stop="tool_calls"))
    assert request.messages[1].parts == parts


@pytest.mark.parametrize("client", ["openai_responses", "gemini"])
def test_a_client_that_moves_to_its_own_vendor_shows_it_no_strange_signature(client: str) -> None:
    """Same dialect on both sides: the bytes pass, but for what the vendor would refuse."""
    dialect = DIALECTS.get(client)
    answer = Response(id="r", model="m", parts=(SIGNED["anthropic_messages"], Text("yes")), stop="stop")
    told = json.loads(dialect.render_response(answer))
    if client == "gemini":
        body: dict[str, Any] = {"contents": [told["candidates"][0]["content"], {"parts": [{"text": "go"}]}]}
    else:
        body = {"model": "m", "input": [*told["output"], {"role": "user", "content": "go"}], "x": [1.50]}
    raw = as_client(dialect, json.dumps(body).encode(), "m", stream=False)
    sent = dialect.forward(raw, Head(model="m"), "m", Quirks())
    assert not holds_foreign(client, sent)
    assert b"yes" in sent
    assert b'"x":[1.5]' in sent or client == "gemini"


@pytest.mark.parametrize("blank", [{}, {"encrypted_content": None}, {"encrypted_content": ""}])
def test_openais_client_that_comes_back_to_openai_shows_it_no_thought_that_nobody_signed(blank: dict[str, Any]) -> None:
    """404 "Item with id 'rs_...' not found": it looks up what bears no encrypted content."""
    dialect = DIALECTS.get("openai_responses")
    parts = (Reasoning(text="hm"), Text("yes"))
    told = json.loads(dialect.render_response(Response(id="resp_" + "0a" * 16, model="m", parts=parts, stop="stop")))
    strange, said = told["output"]
    assert strange["type"] == "reasoning"
    own: dict[str, Any] = {"type": "reasoning", "id": "rs_" + "1b" * 24, "summary": [], **blank}
    nameless: dict[str, Any] = {"type": "reasoning", "summary": [], **blank}
    asked = {"role": "user", "content": f"What is {strange['id']}?"}
    body: dict[str, Any] = {"model": "m", "input": [asked, {**strange, **blank}, said, own, nameless], "x": [1.50]}
    raw = json.dumps(body).encode()
    sent = json.loads(dialect.forward(raw, dialect.peek(raw), "gpt-5", Quirks()))
    assert sent == body | {"model": "gpt-5", "input": [asked, said, own, nameless]}


@pytest.mark.parametrize("signature", ["", None, "gemini:CiQBjz1r", "openai_responses:gAAAAABn", "openai_chat:[]"])
@pytest.mark.parametrize("indent", [None, 1])
def test_anthropics_client_that_comes_back_to_anthropic_shows_it_no_strange_thought(
    signature: str | None, indent: int | None
) -> None:
    """It says "Invalid `signature` in `thinking` block" to it, or "thinking.signature: Field required"."""
    dialect = DIALECTS.get("anthropic_messages")
    strange = {"type": "thinking", "thinking": "hm", "signature": signature}
    own = {"type": "thinking", "thinking": "mine", "signature": "EqQBCg=="}
    said = {"type": "text", "text": 'She said "gemini:", and "signature":"".', "cache_control": {"type": "ephemeral"}}
    messages: list[Any] = [
        {"role": "user", "content": [{"type": "text", "text": "hi", "citations": [1.50]}]},
        {"role": "assistant", "content": [strange, said]},
        {"role": "user", "content": "go on"},
        {"role": "assistant", "content": [strange]},
        {"role": "user", "content": "and on"},
        {"role": "assistant", "content": [own, said]},
        {"role": "user", "content": [said]},
    ]
    wish = {"type": "enabled", "budget_tokens": 1024}
    body = {"model": "fast", "max_tokens": 2000, "messages": messages, "thinking": wish, "x": [1.50]}
    raw = json.dumps(body, indent=indent).encode()
    sent = json.loads(dialect.forward(raw, dialect.peek(raw), "claude-sonnet-4-5", Quirks()))
    messages[1]["content"].remove(strange)
    assert sent == body | {"model": "claude-sonnet-4-5", "messages": messages[:3] + messages[4:]}


@pytest.mark.parametrize("block", ["own", "strange"])
def test_a_tools_result_whose_call_lost_its_thought_is_asked_without_a_budget(block: str) -> None:
    dialect = DIALECTS.get("anthropic_messages")
    thought = {"type": "thinking", "thinking": "hm", "signature": "EqQBCg==" if block == "own" else "gemini:CiQBjz1r"}
    call: dict[str, Any] = {"type": "tool_use", "id": "c", "name": "f", "input": {}}
    messages: list[Any] = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [thought, call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": '"gemini:"'}]},
    ]
    for wish, kept in (({"type": "enabled", "budget_tokens": 1024}, block == "own"), ({"type": "adaptive"}, True)):
        raw = json.dumps({"model": "m", "max_tokens": 2000, "messages": messages, "thinking": wish}).encode()
        sent = json.loads(dialect.forward(raw, dialect.peek(raw), "m", Quirks()))
        assert sent.get("thinking") == (wish if kept else None)
        assert (thought in sent["messages"][1]["content"]) == (block == "own")


@pytest.mark.parametrize("last", ["It is done.", [{"type": "text", "text": "It is done."}]])
def test_a_later_turn_without_a_tool_is_thought_about_again(last: Any) -> None:
    dialect = DIALECTS.get("anthropic_messages")
    messages: list[Any] = [
        {"role": "user", "content": "hi"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "gemini:CiQBjz1r"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "7"}]},
        {"role": "assistant", "content": last},
        {"role": "user", "content": "and now?"},
    ]
    wish = {"type": "enabled", "budget_tokens": 1024}
    raw = json.dumps({"model": "m", "max_tokens": 2000, "messages": messages, "thinking": wish}).encode()
    assert json.loads(dialect.forward(raw, dialect.peek(raw), "m", Quirks()))["thinking"] == wish


NO_CONVERSATIONS: list[Any] = [None, 3, [3], [{"role": "assistant", "content": [3]}], [{"content": [{}]}]]


@pytest.mark.parametrize("messages", NO_CONVERSATIONS)
def test_what_is_no_conversation_is_left_to_its_provider_to_refuse(messages: Any) -> None:
    dialect = DIALECTS.get("anthropic_messages")
    body = {"model": "m", "max_tokens": 9, "messages": messages, "thinking": {"signature": ""}}
    raw = json.dumps(body).encode()
    assert json.loads(dialect.forward(raw, dialect.peek(raw), "m", Quirks())) == body


@given(signature=marked)
def test_every_signature_comes_back_as_it_went(signature: str) -> None:
    for dialect in ("openai_responses", "gemini"):
        wire = for_client(dialect, signature)
        assert wire is not None
        assert from_client(dialect, from_base64(to_base64(wire))) == (signature, None)


def test_a_call_of_another_vendors_model_has_the_mark_that_google_documents_for_it() -> None:
    request = Request(
        model="m",
        messages=(
            Message("user", (Text("hi"),)),
            Message("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}"))),
            Message("tool", (ToolResult("a", (Text("1"),)),)),
            Message("tool", (ToolResult("b", (Text("2"),)),)),
        ),
    )
    contents = json.loads(DIALECTS.get("gemini").render_request(request, "gemini-3-pro", Quirks()))["contents"]
    assert [part.get("thoughtSignature") for part in contents[1]["parts"]] == ["skip_thought_signature_validator", None]
    assert [part["functionResponse"]["name"] for part in contents[2]["parts"]] == ["f", "f"]
