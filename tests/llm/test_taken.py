"""Calls that one vendor takes and another refuses as they stand reach the other written so that it takes them."""

import json
from typing import Any

import httpx
import pytest
from bridge import Bridge
from taking import HI, LOOK, MODELS, PATHS, RESULT, USED, Serve, asked, rendered, taken

from patience import PATIENCE_S
from trimtab.core.errors import Unsupported
from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.dialects._tool_names import fitted
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.simulated import gemini, openai_chat, openai_responses
from trimtab.llm.types import Message, Request, ResponseFormat, Text, Tool


def offering(front: str, model: str, name: str) -> dict[str, Any]:
    """A call with two tools, of which ``name`` was called before and must be again."""
    if front == "openai_responses":
        call = {"type": "function_call", "call_id": "call_1", "name": name, "arguments": "{}"}
        result = {"type": "function_call_output", "call_id": "call_1", "output": "17"}
        offered: list[Any] = [{"type": "function", "name": each, "parameters": {}} for each in (name, "look")]
        choice: dict[str, Any] = {"type": "function", "name": name}
        return {"model": model, "input": [HI, call, result], "tools": offered, "tool_choice": choice}
    called: dict[str, Any] = {"id": "call_1", "type": "function", "function": {"name": name, "arguments": "{}"}}
    turns = [HI, {"role": "assistant", "tool_calls": [called]}, RESULT | {"tool_call_id": "call_1"}]
    tools = [{"type": "function", "function": {"name": each}} for each in (name, "look")]
    choice = {"type": "function", "function": {"name": name}}
    return {"model": model, "messages": turns, "tools": tools, "tool_choice": choice}


def names_in(answer: dict[str, Any]) -> set[str]:
    """Of the tools that an answer of OpenAI's calls."""
    if "choices" in answer:
        return {call["function"]["name"] for call in answer["choices"][0]["message"]["tool_calls"]}
    return {item["name"] for item in answer["output"] if item["type"] == "function_call"}


# --- Anthropic ---


@pytest.mark.parametrize("model", ["claude-opus-4-1", "claude-sonnet-4-5", "claude-opus-4-6"])
@pytest.mark.parametrize(
    ("temperature", "top_p", "kept"), [(0.2, 0.9, "temperature"), (1, 0.9, "top_p"), (0.2, 1, "temperature")]
)
def test_claude_is_sent_one_of_temperature_and_top_p(
    serve: Serve, model: str, temperature: float, top_p: float, kept: str
) -> None:
    sent = taken(serve, "openai_chat", "anthropic_messages", asked(model, temperature=temperature, top_p=top_p))
    assert {"temperature", "top_p"} & set(sent) == {kept}


def test_a_conversation_with_another_vendors_calls_goes_on_at_anthropic(serve: Serve) -> None:
    """Ids with dots and colons, white space beside a call, a tool without a schema, a choice among no tools."""
    for more in ({"tools": [LOOK]}, {"tool_choice": "auto"}):
        sent = taken(serve, "openai_chat", "anthropic_messages", asked("claude-haiku-4-5", messages=USED, **more))
        call, result = sent["messages"][1]["content"][0], sent["messages"][2]["content"][0]
        assert call["type"] == "tool_use"
        assert call["id"] == result["tool_use_id"] != "functions.look:0"


def test_anthropics_own_client_goes_on_after_another_vendors_calls(serve: Serve) -> None:
    call: dict[str, Any] = {"type": "tool_use", "id": "functions.look:0", "name": "look", "input": {"a": 1.50}}
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": "functions.look:0", "content": "17 degrees"}
    turns: list[dict[str, Any]] = [HI, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    tools = [{"name": "look", "input_schema": {"type": "object"}}]
    said = asked("claude-haiku-4-5", max_tokens=100, messages=turns, tools=tools)
    sent = taken(serve, "anthropic_messages", "anthropic_messages", said)
    ids = sent["messages"][1]["content"][0].pop("id"), sent["messages"][2]["content"][0].pop("tool_use_id")
    assert ids[0] == ids[1] != "functions.look:0"
    assert sent["messages"][1]["content"][0] == {"type": "tool_use", "name": "look", "input": {"a": 1.50}}
    assert sent["messages"][0] == HI


def test_ids_that_anthropic_takes_stay(serve: Serve) -> None:
    call: dict[str, Any] = {"type": "tool_use", "id": "toolu_01-x", "name": "look", "input": {}}
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": "toolu_01-x", "content": '{"tool_use_id": "a.b"}'}
    turns: list[dict[str, Any]] = [HI, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    sent = taken(serve, "anthropic_messages", "anthropic_messages", asked("m", max_tokens=9, messages=turns))
    assert sent["messages"] == turns


@pytest.mark.parametrize("upstream", ["anthropic_messages", "bedrock_converse"])
def test_a_begun_answer_ends_in_no_white_space(serve: Serve, upstream: str) -> None:
    system = {"role": "system", "content": " \n"}
    model = "claude-haiku-4-5" if upstream == "anthropic_messages" else "anthropic.claude-haiku-4-5-20251001-v1:0"
    said = asked(model, messages=[system, HI, {"role": "assistant", "content": "It says: "}])
    sent = taken(serve, "openai_chat", upstream, said)
    assert sent["messages"][1]["content"][0]["text"] == "It says:"
    assert "system" not in sent


@pytest.mark.parametrize("upstream", ["anthropic_messages", "bedrock_converse"])
@pytest.mark.parametrize("model", ["claude-sonnet-4-6", "claude-opus-4-7", "claude-sonnet-5"])
def test_an_answer_at_the_end_is_followed_by_a_wish_to_go_on(serve: Serve, upstream: str, model: str) -> None:
    """As agents leave one there, which Claude refuses from 4.6 on; a call without its result is not one."""
    rule = {"role": "system", "content": "Be brief."}
    model = model if upstream == "anthropic_messages" else f"anthropic.{model}"
    said = asked(model, messages=[HI, {"role": "assistant", "content": "One, two"}, rule], reasoning_effort="low")
    sent = taken(serve, "openai_chat", upstream, said)
    assert [message["role"] for message in sent["messages"]] == ["user", "assistant", "user"]
    assert sent["messages"][2]["content"][0]["text"] == "Go on."


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "age": {"type": "integer", "minimum": 0, "description": "In years"},
        "names": {"type": "array", "items": {"type": "object", "properties": {"of": {"type": "string"}}}},
        "minimum": {"type": "string"},
    },
    "required": ["age"],
}


@pytest.mark.parametrize("upstream", ["anthropic_messages", "bedrock_converse"])
def test_a_schema_is_closed_and_its_bounds_told_in_words(serve: Serve, upstream: str) -> None:
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    model = "claude-haiku-4-5" if upstream == "anthropic_messages" else "anthropic.claude-haiku-4-5-20251001-v1:0"
    sent = taken(serve, "openai_chat", upstream, asked(model, response_format=format_))
    told = sent.get("output_config", {}).get("format", {}).get("schema") or json.loads(
        sent["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]
    )
    assert told["additionalProperties"] is False
    assert told["properties"]["names"]["items"]["additionalProperties"] is False
    assert told["properties"]["age"] == {"type": "integer", "description": "In years\n\n{minimum: 0}"}
    assert told["properties"]["minimum"] == {"type": "string"}


@pytest.mark.parametrize("upstream", ["anthropic_messages", "bedrock_converse"])
@pytest.mark.parametrize("schema", [{"type": "object"}, {"type": "object", "properties": {"a": {"type": "object"}}}])
def test_a_schema_that_would_only_leave_an_empty_object_is_refused(upstream: str, schema: dict[str, Any]) -> None:
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    with pytest.raises(Unsupported, match="names no members") as caught:
        rendered(upstream, asked("m", response_format=format_))
    assert caught.value.param == "response_format"


@pytest.mark.parametrize("upstream", ["anthropic_messages", "bedrock_converse"])
def test_a_description_that_is_no_text_and_a_list_of_items_are_no_defect(upstream: str) -> None:
    inner = {"type": "object", "properties": {"b": {"type": "string"}}}
    properties = {"a": {"type": "string", "maxLength": 5, "description": 5}, "of": {"type": "array", "items": [inner]}}
    schema = {"type": "object", "properties": properties}
    said = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    request = DIALECTS.get("openai_chat").parse_request(json.dumps(asked("m", response_format=said)).encode())
    sent = DIALECTS.get(upstream).render_request(request, "anthropic.claude-sonnet-4-5", Quirks()).decode()
    sent = sent.replace("\\", "")
    assert '"description":"{maxLength: 5}"' in sent
    assert sent.count('"additionalProperties":false') == 2


def test_a_stop_of_white_space_is_refused_with_the_reason() -> None:
    with pytest.raises(Unsupported, match="white space alone"):
        rendered("anthropic_messages", asked("m", stop=["\n\n"]))


@pytest.mark.parametrize("model", ["amazon.nova-lite-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"])
def test_a_conversation_with_calls_goes_on_without_tools_at_bedrock(serve: Serve, model: str) -> None:
    """As when a client has it summed up."""
    sent = taken(serve, "openai_chat", "bedrock_converse", asked(model, messages=USED))
    assert sent["messages"][1] == {"role": "assistant", "content": [{"text": "[Called look with {}]"}]}
    assert sent["messages"][2]["content"] == [{"text": "[What the call gave back:]"}, {"text": "17 degrees"}]
    kept = taken(serve, "openai_chat", "bedrock_converse", asked(model, messages=USED, tools=[LOOK]))
    assert "toolUse" in kept["messages"][1]["content"][0]


# --- OpenAI ---

USER = "user_" + "0123456789abcdef" * 4 + "_account__session_" + "0" * 36
LONG = "call_" + "x" * 90
TURNS: list[dict[str, Any]] = [
    HI,
    {"role": "assistant", "content": [{"type": "tool_use", "id": LONG, "name": "look", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": LONG, "content": "17"}]},
]
OPTIONAL = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
OPENAIS = pytest.mark.parametrize("upstream", ["openai_chat", "openai_responses"])
REASONING = ["gpt-5-mini", "o4-mini", "gpt-5.1"]


@pytest.mark.parametrize(
    ("upstream", "model"),
    [
        *((upstream, model) for upstream in ("openai_chat", "openai_responses") for model in REASONING),
        ("openai_responses", "gpt-5.6-sol"),
        ("openai_responses", "gpt-6-astra"),
    ],
)
def test_claude_code_reaches_openais_models_that_reason(serve: Serve, upstream: str, model: str) -> None:
    """A temperature, a budget and an effort, one token to see who is there, long names, tools as MCP has them. The
    newest take tools by Responses alone (`gateway/test_openais_taken.py`)."""
    tools = [
        {"name": "look", "input_schema": {"type": "object"}},
        {"name": "find", "input_schema": OPTIONAL, "strict": True},
    ]
    said = asked(model, max_tokens=1, messages=TURNS, tools=tools, temperature=0.3, metadata={"user_id": USER})
    for effort in ("low", "max"):
        sent = taken(serve, "anthropic_messages", upstream, said | {"output_config": {"effort": effort}})
        assert "temperature" not in sent
        assert len(sent["user"]) <= 64
    bare = taken(serve, "anthropic_messages", upstream, asked(model, max_tokens=1, tool_choice={"type": "auto"}))
    assert "tool_choice" not in bare


@pytest.mark.parametrize("newer", [{}, {"max_completion_tokens": None}])
def test_a_bound_by_its_old_name_is_not_lost_where_the_new_one_says_nothing(newer: dict[str, None]) -> None:
    """It is what limits have reserved."""
    chat = DIALECTS.get("openai_chat")
    body = json.dumps({"model": "m", "messages": [], "max_tokens": 10} | newer).encode()
    head = chat.peek(body)
    sent = json.loads(chat.forward(body, head, "gpt-5", PROVIDER_KINDS.get("openai").quirks))
    assert (head.max_tokens, sent["max_completion_tokens"], "max_tokens" in sent) == (10, 10, False)


def test_a_bound_by_its_old_name_reaches_openais_models_that_reason(serve: Serve) -> None:
    """Most clients still say `max_tokens`, which these refuse; the others get it as it was said."""
    assert taken(serve, "openai_chat", "openai_chat", asked("gpt-5-mini", max_tokens=9))["max_completion_tokens"] == 9
    both = taken(serve, "openai_chat", "openai_chat", asked("o3", max_tokens=9, max_completion_tokens=8))
    assert (both["max_completion_tokens"], "max_tokens" in both) == (8, False)
    assert taken(serve, "openai_chat", "openai_chat", asked("gpt-4o", max_tokens=9))["max_tokens"] == 9
    raw = json.dumps(asked("gpt-5-mini", max_tokens=9)).encode()
    chat = DIALECTS.get("openai_chat")
    together = Quirks(renames={"max_completion_tokens": "max_tokens"})
    assert json.loads(chat.forward(raw, chat.peek(raw), "gpt-5-mini", together))["max_tokens"] == 9


def test_a_model_that_need_not_reason_keeps_its_temperature(serve: Serve) -> None:
    """GPT-5.1 to 5.4 do not reason unasked; 5.5 does."""
    said = asked("gpt-5.2", max_tokens=20, temperature=0.3)
    assert taken(serve, "anthropic_messages", "openai_chat", said)["temperature"] == 0.3
    for model, upstream in (("gpt-5.5", "openai_chat"), ("gpt-5.1-codex", "openai_responses")):
        assert "temperature" not in taken(serve, "anthropic_messages", upstream, said | {"model": model})


@OPENAIS
def test_models_that_do_not_reason_keep_their_temperature_and_get_no_effort(serve: Serve, upstream: str) -> None:
    said = asked("gpt-4o-mini", max_tokens=20, temperature=0.3, output_config={"effort": "high"})
    sent = taken(serve, "anthropic_messages", upstream, said)
    assert (sent["temperature"], sent.get("reasoning_effort"), sent.get("reasoning")) == (0.3, None, None)


@pytest.mark.parametrize(
    ("model", "asked_for", "sent"),
    [
        ("gpt-5", "none", "minimal"),
        ("gpt-5", "xhigh", "high"),
        ("o3", "minimal", "low"),
        ("gpt-5.1", "minimal", "low"),
        ("gpt-5.1", "none", "none"),
        ("gpt-5.2", "max", "xhigh"),
        ("gpt-5.6-terra", "max", "max"),
        ("gpt-6-sol", "none", "none"),
        ("openai/gpt-6-astra", "none", "low"),
        ("gpt-6.1-sol", "minimal", "low"),
        ("gpt-5-pro", "low", "high"),
        ("openai/gpt-5-codex", "none", "low"),
        ("gpt-oss-120b", "max", "max"),
        ("qwen3", "xhigh", "xhigh"),
    ],
)
def test_an_effort_is_the_next_that_the_model_has(model: str, asked_for: str, sent: str) -> None:
    request = Request(
        dialect="gemini", model="m", messages=(Message("user", (Text("Hi"),)),), reasoning_effort=asked_for
    )
    chat = json.loads(DIALECTS.get("openai_chat").render_request(request, model, Quirks()))
    responses = json.loads(DIALECTS.get("openai_responses").render_request(request, model, Quirks()))
    assert (chat["reasoning_effort"], responses["reasoning"]["effort"]) == (sent, sent)


@OPENAIS
def test_json_without_a_schema_is_spoken_of(upstream: str) -> None:
    for text, spoken in (("Two colours", True), ("Two colours as Json", False)):
        request = Request(
            dialect="gemini",
            model="m",
            messages=(Message("user", (Text(text),)),),
            response_format=ResponseFormat(kind="json_object"),
        )
        body = json.loads(DIALECTS.get(upstream).render_request(request, "m", Quirks()))
        said = body.get("messages") or body["input"]
        assert (len(said) == 2) is spoken
        SIMULATED[upstream].check(body)


def test_stops_are_refused_for_models_that_reason() -> None:
    request = Request(dialect="gemini", model="m", messages=(Message("user", (Text("Hi"),)),), stop=("x",))
    with pytest.raises(Unsupported, match="this model reasons"):
        DIALECTS.get("openai_chat").render_request(request, "gpt-5-mini", Quirks())


# --- Gemini ---


@pytest.mark.parametrize(
    ("model", "wish", "config"),
    [
        ("gemini-2.5-flash", {"budget": 31_999}, {"thinkingBudget": 24_576}),
        ("gemini-2.5-flash-lite", {"budget": 100}, {"thinkingBudget": 512}),
        ("gemini-2.5-pro", {"budget": 60_000}, {"thinkingBudget": 32_768}),
        ("gemini-2.5-flash", {"effort": "none"}, {"thinkingBudget": 0}),
        ("gemini-3-flash", {"effort": "max"}, {"thinkingLevel": "HIGH"}),
        ("gemini-3.1-pro", {"effort": "none"}, {"thinkingLevel": "LOW"}),
    ],
)
def test_thinking_is_asked_for_as_the_gemini_model_takes_it(
    model: str, wish: dict[str, Any], config: dict[str, Any]
) -> None:
    messages = (Message("user", (Text("Hi"),)),)
    request = Request(
        dialect="anthropic_messages",
        model="m",
        messages=messages,
        reasoning_effort=wish.get("effort"),
        reasoning_budget=wish.get("budget"),
    )
    body = json.loads(DIALECTS.get("gemini").render_request(request, model, Quirks()))
    assert config.items() <= body["generationConfig"]["thinkingConfig"].items()
    gemini.check(body)
    gemini.check_model(body, model)


@pytest.mark.parametrize(
    ("model", "config", "words"),
    [
        ("gemini-2.5-pro", {"thinkingBudget": 0}, "only works in thinking mode"),
        ("gemini-2.5-flash", {"thinkingBudget": 31_999}, "between 1 and 24576"),
        ("gemini-3-flash", {"thinkingLevel": "XHIGH"}, "Invalid value"),
        ("gemini-3.1-pro", {"thinkingLevel": "MINIMAL"}, "not supported for this model"),
    ],
)
def test_what_gemini_refuses_of_thinking_is_refused(model: str, config: dict[str, Any], words: str) -> None:
    with pytest.raises(gemini.Refused, match=words):
        gemini.check_model({"generationConfig": {"thinkingConfig": config}}, model)


SIMULATED: dict[str, Any] = {"openai_chat": openai_chat, "openai_responses": openai_responses}


# --- Cohere ---


def test_a_schema_reaches_cohere_with_a_required_member_and_its_bounds_in_words(serve: Serve) -> None:
    """As OpenAI's clients send them: closed, and with bounds that Cohere does not take."""
    inner: dict[str, Any] = {
        "type": "object",
        "properties": {"of": {"type": "string", "format": "email"}, "b": {"type": "number"}},
    }
    names = {"type": "array", "items": inner, "minItems": 1}
    schema = SCHEMA | {"additionalProperties": False, "properties": SCHEMA["properties"] | {"names": names}}
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    sent = taken(serve, "openai_chat", "cohere_chat", asked("command-a-03-2025", response_format=format_))
    told = sent["response_format"]["json_schema"]
    assert "additionalProperties" not in told
    assert told["required"] == ["age"]
    assert told["properties"]["age"] == {"type": "integer", "description": "In years\n\n{minimum: 0}"}
    assert told["properties"]["names"]["description"] == "{minItems: 1}"
    assert told["properties"]["names"]["items"]["required"] == ["of"]
    assert told["properties"]["names"]["items"]["properties"]["of"]["description"] == '{format: "email"}'


def test_cohere_is_not_asked_for_a_format_beside_tools() -> None:
    with pytest.raises(Unsupported, match="one or the other") as caught:
        rendered("cohere_chat", asked("m", tools=[LOOK], response_format={"type": "json_object"}))
    assert caught.value.param == "response_format"


@pytest.mark.parametrize(("members", "required", "strict"), [(3, 1, True), (3, 0, None), (201, 1, None), (0, 0, True)])
def test_cohere_is_strict_about_tools_where_it_can_be(members: int, required: int, strict: bool | None) -> None:
    names = [f"m{number}" for number in range(members)]
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in names}}
    function = {"name": "look", "strict": True, "parameters": schema | {"required": names[:required]}}
    sent = json.loads(rendered("cohere_chat", asked("m", tools=[{"type": "function", "function": function}])))
    assert sent.get("strict_tools") is strict


# --- names of tools ---

MCP = "mcp__plugin_chrome-devtools-mcp_chrome-devtools__performance.analyze_insight"


@pytest.mark.parametrize("upstream", sorted(MODELS))
@pytest.mark.parametrize("name", [MCP, "7zip", "a b", "größe", "x" * 65])
def test_a_tool_is_offered_by_a_name_that_the_vendor_takes_and_called_by_the_clients(
    serve: Serve, upstream: str, name: str
) -> None:
    """The call of before and its result, too."""
    front = "openai_chat" if upstream != "openai_chat" else "openai_responses"
    bridge = Bridge(front, upstream)
    answer = httpx.post(serve(bridge) + PATHS[front], json=offering(front, MODELS[upstream], name), timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text
    assert names_in(answer.json()) == {name}


def test_names_that_differ_in_what_is_left_out_stay_apart() -> None:
    names = ("a.b", "a b", "a:b", "x" * 65, "x" * 66)
    request = Request(dialect="gemini", model="m", messages=(), tools=tuple(Tool(name=name) for name in names))
    sent, back = fitted(request, "openai_chat")
    assert [back[tool.name] for tool in sent.tools] == list(names)
    assert all(len(tool.name) <= 64 for tool in sent.tools)
    assert fitted(request, "openai_chat") == (sent, back)


def test_names_that_the_vendor_takes_are_left_alone() -> None:
    request = Request(dialect="openai_chat", model="m", messages=(), tools=(Tool(name="a.b:c"),))
    assert fitted(request, "gemini") == (request, {})
