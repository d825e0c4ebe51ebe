"""What a vendor bounds, or knows only a part of, reaches it within its bounds, or is refused with a way out."""

import json
from typing import Any

import httpx
import pytest
from bridge import Bridge
from taking import HI, LOOK, MODELS, RESULT, USED, Serve, asked, rendered, taken

from patience import PATIENCE_S
from trimtab.core.errors import Unsupported
from trimtab.llm.dialects import DIALECTS, Quirks
from trimtab.llm.dialects._limits import most_output
from trimtab.llm.simulated import cohere_chat

OPENAIS = pytest.mark.parametrize("upstream", ["openai_chat", "openai_responses"])


@pytest.mark.parametrize(
    ("upstream", "model", "name", "most"),
    [
        ("openai_chat", "gpt-4o", "max_tokens", 16_384),
        ("openai_chat", "gpt-4.1-mini", "max_tokens", 32_768),
        ("openai_chat", "o3", "max_completion_tokens", 100_000),
        ("openai_responses", "gpt-4o-mini", "max_output_tokens", 16_384),
        ("anthropic_messages", "claude-haiku-4-5", "max_tokens", 64_000),
        ("anthropic_messages", "claude-opus-4-1-20250805", "max_tokens", 32_000),
        ("anthropic_messages", "claude-3-haiku-20240307", "max_tokens", 4096),
        ("anthropic_messages", "claude-opus-4-7", "max_tokens", 128_000),
    ],
)
def test_a_bound_beyond_what_the_model_writes_is_all_that_it_can(
    serve: Serve, upstream: str, model: str, name: str, most: int
) -> None:
    """Claude Code asks for 32,000 tokens of each model, and other agents for what the largest has."""
    front = "openai_chat" if upstream == "anthropic_messages" else "anthropic_messages"
    assert taken(serve, front, upstream, asked(model, max_tokens=200_000))[name] == most
    assert taken(serve, front, upstream, asked(model, max_tokens=300))[name] == 300


@pytest.mark.parametrize(
    ("upstream", "model", "most"),
    [
        ("bedrock_converse", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 64_000),
        ("bedrock_converse", "amazon.nova-lite-v1:0", 10_000),
        ("gemini", "gemini-2.0-flash", 8192),
        ("gemini", "gemini-3-flash", 65_535),
        ("openai_chat", "qwen3", 200_000),
    ],
)
def test_a_bound_is_lowered_for_models_whose_names_say_what_they_write(upstream: str, model: str, most: int) -> None:
    request = DIALECTS.get("openai_responses").parse_request(b'{"model":"m","input":"Hi","max_output_tokens":200000}')
    sent = json.loads(DIALECTS.get(upstream).render_request(request, model, Quirks()))
    bounds = sent.get("inferenceConfig", {}).get("maxTokens"), sent.get("generationConfig", {}).get("maxOutputTokens")
    assert (sent.get("max_tokens") or bounds[0] or bounds[1]) == most


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("ft:gpt-4o-mini-2024-07-18:acme::a1", 16_384),
        ("ft:gpt-4.1-2025-04-14:acme:claude-3-style:a1", 32_768),
        ("ft:gpt-4.1-2025-04-14:acme:o1-like:a1", 32_768),
        ("openai/gpt-4o", 16_384),
        ("gpt-3.5-turbo-16k", None),
        ("gpt-4", None),
        ("gpt-6", None),
        ("gpt-6.1-sol", 128_000),
        ("gpt-5.2-chat-latest", 16_384),
        ("gpt-oss-120b", None),
        ("qwen3-claude-3-distill", None),
        ("anthropic/claude-opus-4.5", 64_000),
        ("claude-sonnet-4@20250514", 64_000),
        ("claude-opus-4-20250514", 32_000),
        ("databricks-claude-3-7-sonnet", 64_000),
        ("claude-fable-5-2", 128_000),
        ("claude-opus-6", None),
        ("publishers/google/models/gemini-2.5-pro", 65_535),
        ("gemini-3.8-flash", 65_535),
        ("gemini-3-pro-image-preview", None),
        ("gemini-4-argon", None),
        ("gemini-31", None),
    ],
)
def test_no_bound_is_lowered_for_a_model_of_which_nobody_knows_what_it_writes(model: str, most: int | None) -> None:
    """A bound that is too low cuts an answer short, and nothing says so."""
    assert most_output(model) == most


def test_a_budget_for_thinking_stays_below_a_lowered_bound(serve: Serve) -> None:
    thinking = {"type": "enabled", "budget_tokens": 60_000}
    said = asked("gpt-4o", max_tokens=64_000, thinking=thinking)
    request = DIALECTS.get("anthropic_messages").parse_request(json.dumps(said).encode())
    sent = json.loads(DIALECTS.get("bedrock_converse").render_request(request, OPUS_4_1, Quirks()))
    assert sent["inferenceConfig"]["maxTokens"] == 32_000
    assert sent["additionalModelRequestFields"]["thinking"]["budget_tokens"] == 16_000


OPUS_4_1 = "us.anthropic.claude-opus-4-1-20250805-v1:0"
MANY = [{"name": f"tool{number}", "input_schema": {"type": "object"}} for number in range(129)]


@OPENAIS
def test_more_tools_than_openai_takes_are_refused_with_a_way_out(serve: Serve, upstream: str) -> None:
    said = asked("gpt-4o-mini", max_tokens=20, tools=MANY)
    answer = httpx.post(
        serve(Bridge("anthropic_messages", upstream)) + "/v1/messages", json=said, timeout=PATIENCE_S
    ).json()
    assert "129 tools cannot be translated: this provider takes at most 128." in answer["error"]["message"]
    assert taken(serve, "anthropic_messages", upstream, said | {"tools": MANY[:128]})["tools"]
    request = DIALECTS.get("anthropic_messages").parse_request(json.dumps(said).encode())
    assert len(json.loads(DIALECTS.get(upstream).render_request(request, "qwen3", Quirks()))["tools"]) == 129


@pytest.mark.parametrize(("upstream", "model", "most"), [("openai_chat", "gpt-4o", 4), ("gemini", "gemini-3-flash", 5)])
def test_more_stops_than_the_vendor_takes_are_refused(upstream: str, model: str, most: int) -> None:
    for number in (most, most + 1):
        said = asked("m", max_tokens=20, stop_sequences=[f"s{each}" for each in range(number)])
        request = DIALECTS.get("anthropic_messages").parse_request(json.dumps(said).encode())
        if number > most:
            with pytest.raises(Unsupported, match=f"at most {most}"):
                DIALECTS.get(upstream).render_request(request, model, Quirks())
        else:
            assert DIALECTS.get(upstream).render_request(request, model, Quirks()).count(b'"s') >= most


@pytest.mark.parametrize("upstream", sorted(set(MODELS) - {"anthropic_messages"}))
def test_a_call_that_only_fills_a_cache_is_refused_where_there_is_no_such_call(upstream: str) -> None:
    """It would be answered at any length."""
    request = DIALECTS.get("anthropic_messages").parse_request(json.dumps(asked("m", max_tokens=0)).encode())
    with pytest.raises(Unsupported, match="only fills a prompt cache"):
        DIALECTS.get(upstream).render_request(request, MODELS[upstream], Quirks())


# --- Bedrock ---

NOVA, HAIKU = "amazon.nova-lite-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"
BOTH = pytest.mark.parametrize("model", [NOVA, HAIKU])


def pdf(name: str) -> dict[str, Any]:
    return {"type": "file", "file": {"filename": name, "file_data": "data:application/pdf;base64,JVBERi0="}}


@BOTH
def test_tools_that_may_not_be_called_are_not_offered_at_bedrock(serve: Serve, model: str) -> None:
    """It has no choice of none, and wants tools where there are calls: those are told in words."""
    said = asked(model, messages=USED, tools=[LOOK], tool_choice="none", parallel_tool_calls=False)
    sent = taken(serve, "openai_chat", "bedrock_converse", said)
    assert "toolConfig" not in sent
    assert "additionalModelRequestFields" not in sent
    assert sent["messages"][1]["content"] == [{"text": "[Called look with {}]"}]


@BOTH
def test_a_conversation_that_begins_with_a_greeting_of_the_assistants_goes_to_bedrock(serve: Serve, model: str) -> None:
    said = asked(model, messages=[{"role": "assistant", "content": "How can I help?"}, HI])
    sent = taken(serve, "openai_chat", "bedrock_converse", said)
    assert [(each["role"], each["content"][0]["text"]) for each in sent["messages"]] == [
        ("user", "Hello."),
        ("assistant", "How can I help?"),
        ("user", "Hello"),
    ]


@BOTH
def test_documents_have_names_of_their_own_and_a_text_beside_them_at_bedrock(serve: Serve, model: str) -> None:
    turns: list[Any] = [
        {"role": "user", "content": [pdf("Report.pdf"), pdf("report.pdf")]},
        {"role": "assistant", "content": "Two reports."},
        {"role": "user", "content": [{"type": "text", "text": "And this?"}, pdf("report.pdf"), pdf("x" * 300)]},
    ]
    sent = taken(serve, "openai_chat", "bedrock_converse", asked(model, messages=turns))
    blocks = [block for message in sent["messages"] for block in message["content"]]
    names = [block["document"]["name"] for block in blocks if "document" in block]
    assert names == ["Report pdf", "report pdf (2)", "report pdf (3)", "x" * 200]
    assert sent["messages"][0]["content"][0] == {"text": "A document:"}
    assert sent["messages"][2]["content"][0] == {"text": "And this?"}
    first = taken(serve, "openai_chat", "bedrock_converse", asked(model, messages=turns[:1]))
    assert first["messages"][0] == sent["messages"][0]


def test_more_documents_than_bedrock_takes_are_refused() -> None:
    said = asked("m", messages=[{"role": "user", "content": [pdf(f"{number}.pdf") for number in range(6)]}])
    with pytest.raises(Unsupported, match="6 documents cannot be translated: this provider takes at most 5"):
        rendered("bedrock_converse", said)


def test_a_stop_of_white_space_is_refused_for_claude_at_bedrock_alone() -> None:
    request = DIALECTS.get("openai_chat").parse_request(json.dumps(asked("m", stop=["\n"])).encode())
    render = DIALECTS.get("bedrock_converse").render_request
    assert json.loads(render(request, NOVA, Quirks()))["inferenceConfig"]["stopSequences"] == ["\n"]
    with pytest.raises(Unsupported, match="white space alone"):
        render(request, HAIKU, Quirks())


# --- Cohere's other limits ---


def cohere(model: str, **fields: Any) -> dict[str, Any]:
    request = DIALECTS.get("anthropic_messages").parse_request(json.dumps(asked("m", max_tokens=9, **fields)).encode())
    body = json.loads(DIALECTS.get("cohere_chat").render_request(request, model, Quirks()))
    cohere_chat.check(body)
    cohere_chat.check_model(body, model)
    return body


def test_what_cohere_bounds_is_bounded() -> None:
    assert cohere("command-a-03-2025", top_k=5000)["k"] == 500
    assert len(cohere("command-a-03-2025", stop_sequences=list("abcde"))["stop_sequences"]) == 5
    with pytest.raises(Unsupported, match="at most 5"):
        cohere("command-a-03-2025", stop_sequences=list("abcdef"))


def test_only_coheres_models_that_think_are_asked_to() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    assert "thinking" not in cohere("command-a-03-2025", thinking=thinking)
    assert cohere("command-a-reasoning-08-2025", thinking=thinking)["thinking"]["token_budget"] == 2000


def test_what_is_said_before_calls_is_coheres_plan() -> None:
    words = {"type": "text", "text": "I look it up."}
    call: dict[str, Any] = {"type": "tool_use", "id": "c1", "name": "look", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "c1", "content": "17"}
    turns: list[Any] = [HI, {"role": "assistant", "content": [words, call]}, {"role": "user", "content": [result]}]
    sent = cohere("command-a-03-2025", messages=turns, tools=[{"name": "look", "input_schema": {"type": "object"}}])
    assert sent["messages"][1]["tool_plan"] == "I look it up."
    assert "content" not in sent["messages"][1]


def formatted(members: dict[str, Any], **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": members, "required": list(members)} | more
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = json.loads(rendered("cohere_chat", asked("m", response_format=format_)))
    cohere_chat.check(body)
    return body["response_format"]["json_schema"]["properties"]


def test_what_may_be_null_is_given_at_cohere() -> None:
    """As OpenAI's clients write what may be left out: Cohere follows no choices."""
    told = formatted(
        {
            "a": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "description": "A name"},
            "b": {"type": ["integer", "null"], "minimum": 1},
            "c": {"allOf": [{"$ref": "#/$defs/of"}]},
            "d": {"type": "array", "items": {"anyOf": [{"type": "null"}, {"type": "number"}]}},
        }
    )
    assert told["a"] == {"type": "string", "description": "A name"}
    assert told["b"] == {"type": "integer", "description": "{minimum: 1}"}
    assert told["c"] == {"$ref": "#/$defs/of"}
    assert told["d"]["items"] == {"type": "number"}


@pytest.mark.parametrize(
    "member",
    [
        {"anyOf": [{"type": "string"}, {"type": "number"}]},
        {"type": ["string", "number"]},
        {"not": {"type": "string"}},
        {"oneOf": []},
    ],
)
def test_a_choice_between_kinds_is_refused_for_cohere_with_a_way_out(member: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match="has a choice") as caught:
        formatted({"a": member})
    assert caught.value.param == "response_format"
    assert "Give each member one type" in (caught.value.fix or "")


def test_cohere_is_not_strict_about_tools_with_choices() -> None:
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}
    function = {"name": "look", "strict": True, "parameters": schema}
    sent = json.loads(rendered("cohere_chat", asked("m", tools=[{"type": "function", "function": function}])))
    assert "strict_tools" not in sent


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"messages": [HI, RESULT]}, "must follow the call"),
        ({"messages": [*USED[:2], HI]}, "must be followed by a tool message"),
        ({"messages": USED[:2]}, "must be followed by a tool message"),
        ({"k": 501}, "k must be"),
        ({"stop_sequences": list("abcdef")}, "at most 5"),
    ],
)
def test_what_cohere_refuses_is_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(cohere_chat.Refused, match=words):
        cohere_chat.check(asked("command-a-03-2025") | more)
