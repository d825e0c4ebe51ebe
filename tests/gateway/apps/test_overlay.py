"""A release over a client's own JSON, in every dialect that clients call in."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from trimtab.core.errors import InvalidRequest, Unsupported
from trimtab.gateway.apps.overlay import Overlay, read_fields
from trimtab.gateway.apps.prompt import Said
from trimtab.llm.dialects import DIALECTS, dialects

FRONTS = dialects("chat", front=True)
SYSTEM = Said(({"role": "system", "content": "Be kind."},))
SHOTS = Said(
    (
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": "4"},
    ),
    ({"role": "user", "content": "In one word."},),
)
SCHEMA = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
LOOK_UP = {
    "type": "function",
    "function": {"name": "look_up", "description": "Finds.", "parameters": {"type": "object"}},
}
CALLS: dict[str, dict[str, Any]] = {
    "openai_chat": {"model": "support", "messages": [{"role": "user", "content": "Hi"}]},
    "openai_responses": {"model": "support", "input": "Hi"},
    "anthropic_messages": {"model": "support", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "model": "support", "stream": False},
}


def lay(
    front: str, call: dict[str, Any], said: Said | None = None, **release: Any
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The body with a release over it, and what gave way."""
    overlay = Overlay(
        "The release r1", release.get("parameters", {}), tuple(release.get("tools", ())), release.get("schema")
    )
    laid = overlay.lay(DIALECTS.get(front), read_fields(msgspec.json.encode(call)), said)
    return msgspec.json.decode(laid.body), laid.overridden


def texts(front: str, body: dict[str, Any]) -> list[tuple[str, str]]:
    """What the conversation says, as any provider would be told."""
    request = DIALECTS.get(front).parse_request(msgspec.json.encode(body))
    return [
        (message.role, "".join(getattr(part, "text", "") for part in message.parts)) for message in request.messages
    ]


def test_there_are_calls_for_every_front() -> None:
    assert set(FRONTS) == CALLS.keys()


@pytest.mark.parametrize("front", FRONTS)
def test_the_prompts_messages_come_before_the_clients_own(front: str) -> None:
    body, _ = lay(front, CALLS[front], SHOTS)
    assert texts(front, body) == [
        ("system", "Be kind."), ("user", "2+2?"), ("assistant", "4"), ("user", "Hi"), ("user", "In one word.")
    ]  # fmt: skip


@pytest.mark.parametrize("front", FRONTS)
def test_parameters_schema_and_tools_are_said_as_the_dialect_says_them(front: str) -> None:
    release = {"parameters": {"temperature": 0.3, "max_tokens": 77, "top_p": 0.9}, "schema": SCHEMA, "tools": [LOOK_UP]}
    body, overridden = lay(front, CALLS[front], SYSTEM, **release)
    request = DIALECTS.get(front).parse_request(msgspec.json.encode(body))
    assert (request.temperature, request.max_tokens, request.top_p) == (0.3, 77, 0.9)
    assert request.response_format is not None
    assert request.response_format.schema == SCHEMA
    assert [tool.name for tool in request.tools] == ["look_up"]
    assert overridden == (("max_tokens",) if front == "anthropic_messages" else ())


@pytest.mark.parametrize("front", FRONTS)
def test_fields_that_we_do_not_know_arrive_as_they_were_sent(front: str) -> None:
    call = CALLS[front] | {"x_own": {"deep": [1, 2.50, None]}, "metadata": {"a": "b"}}
    body, overridden = lay(front, call, SYSTEM, parameters={"temperature": 0.3})
    assert body["x_own"] == call["x_own"]
    assert body["metadata"] == {"a": "b"}
    assert overridden == ()


@pytest.mark.parametrize("front", FRONTS)
def test_the_same_again_is_nothing_that_gave_way(front: str) -> None:
    release = {"parameters": {"temperature": 0.5, "max_tokens": 9}, "schema": SCHEMA, "tools": [LOOK_UP]}
    once, _ = lay(front, CALLS[front], None, **release)
    tools = ("tools.look_up",)  # a tool of a release's name is the release's, whatever it says
    assert lay(front, once, None, **release) == (once, tools)


def test_the_release_wins_and_says_what_gave_way() -> None:
    call: dict[str, Any] = CALLS["openai_chat"] | {
        "temperature": 1, "max_completion_tokens": 500, "response_format": {"type": "text"},
        "tools": [LOOK_UP | {"function": {"name": "look_up", "parameters": {"type": "object", "x": 1}}},
                  {"type": "function", "function": {"name": "own"}}, {"type": "custom", "custom": {"name": "c"}}],
    }  # fmt: skip
    body, overridden = lay(
        "openai_chat", call, parameters={"temperature": 0, "max_tokens": 9}, tools=[LOOK_UP], schema=SCHEMA
    )
    assert sorted(overridden) == ["max_completion_tokens", "response_format", "temperature", "tools.look_up"]
    assert (body["temperature"], body["max_completion_tokens"]) == (0, 9)
    assert "max_tokens" not in body
    assert body["response_format"]["json_schema"]["schema"] == SCHEMA
    assert body["tools"] == [LOOK_UP, *call["tools"][1:]]


def test_objects_of_several_things_are_merged_member_by_member() -> None:
    responses, over = lay(
        "openai_responses",
        CALLS["openai_responses"]
        | {"text": {"verbosity": "low", "format": {"type": "text"}}, "reasoning": {"summary": "auto"}},
        parameters={"reasoning_effort": "low"},
        schema=SCHEMA,
    )
    assert responses["text"]["verbosity"] == "low"
    assert responses["text"]["format"]["schema"] == SCHEMA
    assert responses["reasoning"] == {"summary": "auto", "effort": "low"}
    assert over == ("text.format",)
    gemini, over = lay(
        "gemini",
        CALLS["gemini"]
        | {"generation_config": {"max_output_tokens": 5, "candidateCount": 1, "response_schema": {"type": "STRING"}}},
        parameters={"max_tokens": 9},
        schema=SCHEMA,
    )
    assert "generation_config" not in gemini
    assert gemini["generationConfig"] == {
        "maxOutputTokens": 9, "candidateCount": 1, "responseMimeType": "application/json", "responseJsonSchema": SCHEMA
    }  # fmt: skip
    assert sorted(over) == ["generationConfig.maxOutputTokens", "generationConfig.responseSchema"]


def test_what_stands_above_the_conversation_is_joined() -> None:
    responses, _ = lay("openai_responses", CALLS["openai_responses"] | {"instructions": "Be brief."}, SYSTEM)
    assert responses["instructions"] == "Be kind.\n\nBe brief."
    assert responses["input"] == "Hi"
    cached = {"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}
    anthropic, _ = lay("anthropic_messages", CALLS["anthropic_messages"] | {"system": [cached]}, SYSTEM)
    assert anthropic["system"] == [{"type": "text", "text": "Be kind."}, cached]
    anthropic, _ = lay("anthropic_messages", CALLS["anthropic_messages"] | {"system": "Be brief."}, SYSTEM)
    assert [block["text"] for block in anthropic["system"]] == ["Be kind.", "Be brief."]
    gemini, _ = lay("gemini", CALLS["gemini"] | {"system_instruction": {"parts": [{"text": "Be brief."}]}}, SYSTEM)
    assert gemini["systemInstruction"] == {"parts": [{"text": "Be kind."}, {"text": "Be brief."}]}
    assert "system_instruction" not in gemini


def test_a_call_that_goes_on_with_its_providers_conversation_gets_instructions_only() -> None:
    call = CALLS["openai_responses"] | {"previous_response_id": "resp_theirs"}
    body, _ = lay("openai_responses", call, SHOTS)
    assert body["instructions"] == "Be kind."
    assert [item["content"] for item in body["input"]] == ["Hi", "In one word."]


def test_a_conversation_that_anthropic_shall_hold_is_refused_with_what_its_client_goes_on_by() -> None:
    """A release stands over each call; Anthropic takes the system's words and the tools with the first one only."""
    for thread in ({"type": "create"}, {"type": "continue", "previous_message_id": "msg_1"}):
        with pytest.raises(Unsupported, match="cannot be held by Anthropic") as caught:
            lay("anthropic_messages", CALLS["anthropic_messages"] | {"thread": thread}, SHOTS)
        assert caught.value.param == "thread"
    lay("anthropic_messages", CALLS["anthropic_messages"] | {"thread": None}, SHOTS)


def test_functions_of_a_gemini_client_give_way_one_by_one() -> None:
    tools: list[dict[str, Any]] = [
        {"function_declarations": [{"name": "look_up"}, {"name": "own"}]},
        {"googleSearch": {}},
    ]
    body, over = lay("gemini", CALLS["gemini"] | {"tools": tools}, tools=[LOOK_UP])
    names = [[each["name"] for each in tool.get("functionDeclarations", [])] for tool in body["tools"]]
    assert names == [["look_up"], ["own"], []]
    assert body["tools"][2] == {"googleSearch": {}}
    assert over == ("tools.look_up",)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "name": "look_up", "description": "Finds.", "parameters": {"type": "object"}},
        {"name": "look_up", "description": "Finds.", "input_schema": {"type": "object"}},
        LOOK_UP,
    ],
)
def test_a_tool_may_be_written_as_any_vendor_writes_it(tool: dict[str, Any]) -> None:
    assert lay("openai_chat", CALLS["openai_chat"], tools=[tool])[0]["tools"] == [LOOK_UP]


@pytest.mark.parametrize(
    ("release", "param"),
    [
        ({"parameters": {"messages": []}}, "messages"),
        ({"parameters": {"temperature": 9}}, "temperature"),
        ({"parameters": {"top_k": "many"}}, "top_k"),
        ({"parameters": {"thinking": {"type": "adaptive"}}}, "thinking"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
    ],
)
def test_a_release_that_cannot_be_is_told_when_it_is_made(release: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        lay("openai_chat", CALLS["openai_chat"], **release)
    assert refused.value.param == param


def test_what_a_dialect_cannot_say_is_refused_or_told_as_left_out() -> None:
    with pytest.raises(Unsupported, match=r"The release r1 cannot be called in the dialect openai_responses: Stop seq"):
        lay("openai_responses", CALLS["openai_responses"], parameters={"stop": ["END"]})
    overlay = Overlay("The release r1", {"seed": 7, "logit_bias": {"1": 2}, "temperature": 0.1}, (), None)
    laid = overlay.lay(
        DIALECTS.get("anthropic_messages"), read_fields(msgspec.json.encode(CALLS["anthropic_messages"])), None
    )
    assert laid.left_out == ("logit_bias", "seed")
    assert msgspec.json.decode(laid.body)["temperature"] == 0.1


@pytest.mark.parametrize(
    ("front", "field", "value"),
    [
        ("openai_chat", "messages", "Hi"),
        ("openai_responses", "input", 7),
        ("openai_responses", "instructions", []),
        ("anthropic_messages", "system", 7),
        ("gemini", "systemInstruction", "x"),
        ("gemini", "generationConfig", []),
        ("openai_chat", "tools", {}),
        ("openai_chat", "tools", [7]),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_never_sent_without_the_prompt(
    front: str, field: str, value: Any
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        lay(front, CALLS[front] | {field: value}, SHOTS, parameters={"temperature": 0.1}, tools=[LOOK_UP])
    assert str(refused.value.param).startswith(field)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda of: st.lists(of, max_size=3) | st.dictionaries(st.text(max_size=5), of, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "messages", "input", "contents", "system", "tools", "text", "generationConfig", "instructions", "systemInstruction",
    "output_config", "x",
)  # fmt: skip


@settings(max_examples=60)
@given(st.sampled_from(FRONTS), st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_a_body_is_refused_or_has_the_prompt_in_it(front: str, call: dict[str, Any]) -> None:
    release = {"parameters": {"temperature": 0.1, "max_tokens": 5}, "tools": [LOOK_UP], "schema": SCHEMA}
    try:
        body, _ = lay(front, call, SHOTS, **release)
    except InvalidRequest:
        return
    assert body.get("x") == call.get("x")
    assert b"Be kind." in msgspec.json.encode(body)


def test_a_constant_prompt_is_said_once() -> None:
    overlay = Overlay("The release r1", {}, (), None)
    front = DIALECTS.get("anthropic_messages")
    said = SYSTEM
    first = overlay._spoken_for(front, said)  # pyright: ignore[reportPrivateUsage]
    assert overlay._spoken_for(front, said) is first  # pyright: ignore[reportPrivateUsage]


def test_numbers_travel_as_they_were_written() -> None:
    overlay = Overlay("The release r1", {"temperature": 0.1}, (), None)
    fields = {
        "model": Raw(b'"support"'),
        "messages": Raw(b'[{"role":"user","content":"x","n":1.10}]'),
        "y": Raw(b"1e5"),
    }
    body = overlay.lay(DIALECTS.get("openai_chat"), fields, SYSTEM).body
    assert b'"n":1.10' in body
    assert b'"y":1e5' in body
