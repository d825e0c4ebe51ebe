"""What each vendor's documented shapes become in the canonical model, and at the other vendor."""

import json
from typing import Any

import pytest
from bodies import ANTHROPIC_REQUEST, OPENAI_REQUEST, dump

from trimtab.core.errors import InvalidRequest, Unsupported
from trimtab.llm.dialects import DIALECTS, Quirks, dialects
from trimtab.llm.types import (
    Image,
    Message,
    Request,
    Response,
    Text,
    ToolCall,
    ToolResult,
)

OPENAI = DIALECTS.get("openai_chat")
ANTHROPIC = DIALECTS.get("anthropic_messages")


def to_anthropic(body: dict[str, Any], **quirks: Any) -> dict[str, Any]:
    return json.loads(ANTHROPIC.render_request(OPENAI.parse_request(dump(body)), "claude", Quirks(**quirks)))


def to_openai(body: dict[str, Any], **quirks: Any) -> dict[str, Any]:
    return json.loads(OPENAI.render_request(ANTHROPIC.parse_request(dump(body)), "gpt", Quirks(**quirks)))


def openai(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages), **fields}


def anthropic(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 100, "messages": list(messages), **fields}


HI = {"role": "user", "content": "hi"}


# --- an OpenAI client, an Anthropic provider ---
CLOSED: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


def test_a_documented_openai_call_becomes_a_messages_call() -> None:
    assert to_anthropic(OPENAI_REQUEST) == {
        "model": "claude",
        "max_tokens": 300,
        "system": [{"type": "text", "text": "Answer in one sentence."}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "What is the weather in Bergen?"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": "call_abc123", "name": "get_weather", "input": {"city": "Bergen"}}
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "call_abc123",
                        "content": [{"type": "text", "text": "Rain, 8 °C"}],
                    },
                    {"type": "text", "text": "And what is this?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                ],
            },
        ],
        "tools": [
            {
                "name": "get_weather",
                "description": "Weather now",
                "input_schema": OPENAI_REQUEST["tools"][0]["function"]["parameters"],
                "strict": True,
            }
        ],
        "tool_choice": {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
        "output_config": {
            "effort": "low",
            "format": {"type": "json_schema", "schema": CLOSED},
        },
        "temperature": 0.2,
        "top_p": 0.9,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u-1"},
        "stream": True,
    }


def test_a_bound_is_given_where_anthropic_demands_one() -> None:
    assert to_anthropic(openai(HI), default_max_tokens=77)["max_tokens"] == 77


def test_system_messages_move_to_the_front() -> None:
    told = to_anthropic(
        openai(
            {"role": "system", "content": "a"}, HI, {"role": "system", "content": "b"}, {"role": "user", "content": "c"}
        )
    )
    assert [block["text"] for block in told["system"]] == ["a", "b"]
    assert told["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "text", "text": "c"}]}
    ]


def test_tool_results_open_the_users_turn() -> None:
    result = {"role": "tool", "tool_call_id": "c", "content": "r"}
    told = to_anthropic(openai(HI, {"role": "assistant", "content": "x"}, {"role": "user", "content": "u"}, result))
    assert [block["type"] for block in told["messages"][2]["content"]] == ["tool_result", "text"]


def test_an_empty_assistant_text_is_left_out() -> None:
    told = to_anthropic(openai(HI, {"role": "assistant", "content": ""}, {"role": "user", "content": "again"}))
    assert [message["role"] for message in told["messages"]] == ["user"]


def test_a_call_with_nothing_but_a_system_prompt_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="needs a message"):
        to_anthropic(openai({"role": "system", "content": "a"}))


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ('{"a": 1.50}', {"a": 1.5}),
        ("", {}),
        ('{"a": 1', {"INVALID_JSON": '{"a": 1'}),
        ("[1]", {"INVALID_JSON": "[1]"}),
        ("null", {"INVALID_JSON": "null"}),
    ],
)
def test_arguments_that_are_no_object_are_shown_to_the_model_as_they_were(arguments: str, value: Any) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    told = to_anthropic(openai(HI, {"role": "assistant", "tool_calls": [call]}))
    assert told["messages"][1]["content"][0]["input"] == value


def test_a_temperature_above_anthropics_range_is_capped() -> None:
    assert to_anthropic(openai(HI, temperature=1.7))["temperature"] == 1.0


def test_thoughts_without_a_signature_are_not_sent_to_anthropic() -> None:
    told = to_anthropic(openai(HI, {"role": "assistant", "content": "x", "reasoning_content": "hm"}))
    assert told["messages"][1]["content"] == [{"type": "text", "text": "x"}]


def test_no_reasoning_at_all_turns_thinking_off() -> None:
    assert to_anthropic(openai(HI, reasoning_effort="none"))["thinking"] == {"type": "disabled"}
    assert to_anthropic(openai(HI, reasoning_effort="minimal"))["output_config"] == {"effort": "low"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"modalities": ["text", "audio"], "audio": {"voice": "x"}}, "modalities"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": [{"type": "custom", "custom": {"name": "c"}}]}, "tools"),
        ({"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}}, "tool_choice"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
)
def test_wishes_anthropic_cannot_grant_are_refused_with_a_way_out(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Unsupported) as caught:
        to_anthropic(openai(HI, **fields))
    assert caught.value.param == param
    assert caught.value.fix


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "x", "format": "ogg"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]},
        {"role": "function", "name": "f", "content": "r"},
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "c", "input": "x"}}]},
    ],
)
def test_parts_only_openai_understands_are_refused_elsewhere_and_kept_at_home(message: dict[str, Any]) -> None:
    body = openai(HI, message)
    with pytest.raises(Unsupported, match="only openai_chat providers understand it"):
        to_anthropic(body)
    home = json.loads(OPENAI.render_request(OPENAI.parse_request(dump(body)), "m", Quirks()))
    assert message.items() <= home["messages"][1].items()


@pytest.mark.parametrize("fields", [{"n": 1}, {"logprobs": False}, {"logit_bias": {"1": 2}}, {"store": True}])
def test_hints_are_dropped_without_a_word(fields: dict[str, Any]) -> None:
    assert to_anthropic(openai(HI, **fields)) == to_anthropic(openai(HI))


# --- an Anthropic client, an OpenAI provider ---


def test_a_documented_anthropic_call_becomes_a_chat_completion() -> None:
    assert to_openai(ANTHROPIC_REQUEST, max_tokens_field="max_completion_tokens") == {
        "model": "gpt",
        "messages": [
            {"role": "system", "content": "Answer in one sentence."},
            {"role": "user", "content": "What is the weather in Bergen?"},
            {
                "role": "assistant",
                "content": "Let me look.",
                "tool_calls": [
                    {
                        "id": "toolu_01A",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city": "Bergen"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "toolu_01A", "content": "Error: no station"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "And what is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                    {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                ],
            },
        ],
        "max_completion_tokens": 1024,
        "temperature": 1.0,
        "stop": ["END"],
        "reasoning_effort": "low",
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "get_weather",
                    "description": "Weather now",
                    "parameters": ANTHROPIC_REQUEST["tools"][0]["input_schema"],
                },
            }
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
        "user": "u-1",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_an_image_a_tool_gave_back_follows_as_the_users() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    content = [{"type": "text", "text": "a plot"}, {"type": "image", "source": source}]
    results = [
        {"type": "tool_result", "tool_use_id": "t1", "content": content},
        {"type": "tool_result", "tool_use_id": "t2", "content": "done"},
    ]
    told = to_openai(anthropic({"role": "user", "content": results}))["messages"]
    assert [message["role"] for message in told] == ["tool", "tool", "user"]
    assert told[0]["content"] == "a plot"
    assert told[2]["content"] == [
        {"type": "text", "text": "An image that tool call t1 gave back:"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
    ]


def test_a_tool_result_without_content_is_an_empty_text() -> None:
    told = to_openai(anthropic({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}))
    assert told["messages"] == [{"role": "tool", "tool_call_id": "t", "content": ""}]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools"),
        ({"mcp_servers": [{"type": "url", "url": "https://example.org"}]}, "mcp_servers"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"thread": {"type": "continue", "previous_message_id": "msg_1"}}, "thread"),
        ({"thread": {"type": "create"}}, "thread"),
        ({"compaction": {"type": "summarize"}}, "compaction"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"billing_policy": {"type": "billing_policy", "bill_to": "user_profile"}}, "billing_policy"),
    ],
)
def test_wishes_openai_cannot_grant_are_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Unsupported) as caught:
        to_openai(anthropic(HI, **fields))
    assert caught.value.param == param


def test_what_asks_for_nothing_special_of_anthropic_crosses() -> None:
    plain = {"inference_geo": "global", "billing_policy": {"bill_to": "self"}, "thread": None, "fallbacks": "default"}
    assert not {"inference_geo", "billing_policy", "thread", "fallbacks"} & set(to_openai(anthropic(HI, **plain)))


@pytest.mark.parametrize(
    "wish",
    [
        {"citations": {"enabled": True}},
        {"context": "from the archive"},
        {"source": {"type": "file", "file_id": "f"}},
        {"source": {"type": "url", "url": "ftp://tide.example/x.pdf"}},
    ],
)
def test_a_document_that_asks_for_more_than_to_be_read_is_refused_elsewhere(wish: dict[str, Any]) -> None:
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "x"}} | wish
    with pytest.raises(Unsupported, match="'document'"):
        to_openai(anthropic({"role": "user", "content": [document]}))


def test_a_system_message_in_the_middle_stays_there() -> None:
    body = anthropic(HI, {"role": "system", "content": "now be brief"}, {"role": "user", "content": "ok"})
    assert [message["role"] for message in to_openai(body)["messages"]] == ["user", "system", "user"]
    home = json.loads(ANTHROPIC.render_request(ANTHROPIC.parse_request(dump(body)), "m", Quirks()))
    assert [message["role"] for message in home["messages"]] == ["user", "system", "user"]
    assert "system" not in home


@pytest.mark.parametrize("thinking", [{"type": "adaptive"}, {"type": "disabled"}])
def test_other_ways_of_thinking_stay_at_home(thinking: dict[str, Any]) -> None:
    """Where nothing is known of the model: OpenAI's and Google's are kept from thinking (`test_claude.py`)."""
    body = anthropic(HI, thinking=thinking)
    assert "reasoning_effort" not in to_openai(body)
    home = json.loads(ANTHROPIC.render_request(ANTHROPIC.parse_request(dump(body)), "m", Quirks()))
    assert home["thinking"] == thinking


def test_the_betas_place_for_the_schema_is_understood() -> None:
    body = anthropic(HI, output_format={"type": "json_schema", "schema": {"type": "object"}})
    assert to_openai(body)["response_format"]["json_schema"]["schema"] == {"type": "object"}


def test_a_provider_without_developers_gets_a_system_message() -> None:
    request = OPENAI.parse_request(dump(openai({"role": "developer", "content": "a"}, HI)))
    told = json.loads(OPENAI.render_request(request, "m", Quirks(developer_role=False)))
    assert told["messages"][0] == {"role": "system", "content": "a"}


# --- places of complaints ---


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"model": "m"}, "messages", "is missing"),
        ({"model": "m", "messages": []}, "messages", "is empty"),
        (openai({"role": "king", "content": "x"}), "messages[0].role", "must be one of"),
        (openai({"content": "x"}), "messages[0].role", "is missing"),
        (openai(HI, {"role": "user", "content": 7}), "messages[1].content", "must be a string or a list of parts"),
        (openai(HI, {"role": "user", "content": [{"text": "x"}]}), "messages[1].content[0].type", "is missing"),
        (
            openai({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}),
            "messages[0].content[0].image_url.url",
            "is missing",
        ),
        (openai({"role": "tool", "content": "x"}), "messages[0].tool_call_id", "is missing"),
        (
            openai({"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {}}]}),
            "messages[0].tool_calls[0].function.name",
            "is missing",
        ),
        (openai(HI, tools=[{"type": "function"}]), "tools[0].function", "is missing"),
        (openai(HI, tool_choice="maybe"), "tool_choice", "must be one of"),
        (openai(HI, temperature=3), "temperature", "must be between 0 and 2"),
        (openai(HI, stop=[1]), "stop[0]", "must be a string, not a number"),
        (openai(HI, response_format={"type": "xml"}), "response_format.type", "must be one of"),
    ],
)
def test_an_openai_complaint_names_the_place(body: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        OPENAI.parse_request(dump(body))
    assert caught.value.param == param
    assert words in caught.value.message
    assert f"`{param}`" in caught.value.message


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"model": "m", "messages": [HI]}, "max_tokens", "is missing"),
        (anthropic({"role": "developer", "content": "x"}), "messages[0].role", "must be user or assistant"),
        (anthropic({"role": "user"}), "messages[0].content", "is missing"),
        (
            anthropic({"role": "user", "content": [{"type": "image", "source": {"type": "base64"}}]}),
            "messages[0].content[0].source.data",
            "is missing",
        ),
        (
            anthropic({"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "x"}]}),
            "messages[0].content[0].input",
            "must be an object, not a string",
        ),
        (anthropic(HI, tools=[{"name": "f"}]), "tools[0].input_schema", "is missing"),
        (anthropic(HI, tool_choice={"type": "some"}), "tool_choice.type", "must be one of"),
        (anthropic(HI, temperature=1.5), "temperature", "must be between 0 and 1"),
        (anthropic(HI, system=5), "system", "must be a string or a list"),
        (anthropic(HI, thinking={"type": "enabled"}), "thinking.budget_tokens", "is missing"),
    ],
)
def test_an_anthropic_complaint_names_the_place(body: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        ANTHROPIC.parse_request(dump(body))
    assert caught.value.param == param
    assert words in caught.value.message


def test_canonical_values_can_be_built_by_hand() -> None:
    """As the gateway's own callers will: a request no dialect has read."""
    request = Request(
        model="m",
        messages=(
            Message("user", (Text("a"), Image(url="https://example.org/a.png"))),
            Message("assistant", (ToolCall("c", "f", "{}"),)),
            Message("tool", (ToolResult("c", (Text("r"),)),)),
        ),
    )
    for dialect in map(DIALECTS.get, dialects(front=True)):
        assert dialect.parse_request(dialect.render_request(request, "m", Quirks())).messages == request.messages
        assert dialect.render_response(Response(id="i", model="m", parts=(Text("x"),), stop="stop"))


def test_a_tool_that_only_its_vendor_can_run_is_named_in_the_refusal() -> None:
    plain = {"name": "get_weather", "input_schema": {"type": "object"}}
    with pytest.raises(Unsupported, match="`tools` of type 'web_search_20250305' cannot be translated") as caught:
        to_openai(anthropic(HI, tools=[plain, {"type": "web_search_20250305", "name": "web_search"}]))
    assert caught.value.param == "tools"
    with pytest.raises(Unsupported, match="`tools` of type 'custom' cannot be translated"):
        to_anthropic(openai(HI, tools=[{"type": "custom", "custom": {"name": "sql"}}]))
