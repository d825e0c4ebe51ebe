"""Gemini: its documented shapes in the canonical model and at other vendors, and theirs in its own."""

import json
from typing import Any

import pytest
from bodies import ANTHROPIC_REQUEST, OPENAI_REQUEST, dump
from gemini_bodies import ANSWER, REQUEST, STREAM
from hypothesis import given
from hypothesis import strategies as st

from trimtab.core.errors import InvalidRequest, RateLimited, Unsupported, UpstreamFailure
from trimtab.llm import sse
from trimtab.llm.dialects import DIALECTS, Head, Quirks
from trimtab.llm.dialects.gemini.framing import framed, unframed
from trimtab.llm.dialects.gemini.schemas import json_schema
from trimtab.llm.fold import fold
from trimtab.llm.types import Image, Message, Opaque, Reasoning, Text, ToolCall, ToolResult, Usage

OWN = DIALECTS.get("gemini")


def rendered(dialect: str, body: dict[str, Any], by: str = "gemini", model: str = "up") -> dict[str, Any]:
    request = DIALECTS.get(by).parse_request(dump(body))
    return json.loads(DIALECTS.get(dialect).render_request(request, model, Quirks()))


def asking(*parts: Any, **fields: Any) -> dict[str, Any]:
    given_parts = list(parts) or [{"text": "hi"}]
    return {"contents": [{"parts": given_parts}], "model": "m", "stream": False, **fields}


def test_a_documented_call_is_read() -> None:
    request = OWN.parse_request(dump(REQUEST))
    assert request.messages == (
        Message("system", (Text("Answer in one sentence."),)),
        Message("user", (Text("What is the weather in Bergen?"),)),
        Message(
            "assistant",
            (
                Reasoning(text="I should look.", signature="gemini:CiQBjz1rX0il"),
                ToolCall("call_1", "get_weather", '{"city": "Bergen"}'),
            ),
        ),
        Message("tool", (ToolResult("call_1", (Text("Rain, 8 °C"),)),)),
        Message(
            "user",
            (
                Text("And what is this?"),
                Image(data="aGk=", media_type="image/png"),
                Image(url="https://example.org/a.png"),
            ),
        ),
    )
    [tool] = request.tools
    assert tool.parameters == {
        "type": "object",
        "properties": {"city": {"type": ["string", "null"]}},
        "required": ["city"],
    }
    assert (request.max_tokens, request.top_k, request.seed, request.stop) == (300, 40, 7, ("END",))
    assert (request.reasoning_effort, request.model, request.stream) == ("low", "gemini-2.5-flash", True)
    assert request.binding == ()


def test_the_same_call_in_snake_case_is_the_same_call() -> None:
    def snake(value: Any) -> Any:
        if isinstance(value, list):
            return [snake(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(value, dict):
            return value
        found: dict[str, Any] = {}
        for name, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            spelled = "".join(f"_{c.lower()}" if c.isupper() else c for c in str(name))  # pyright: ignore[reportUnknownArgumentType]
            found[spelled] = inner if name in ("args", "properties", "response") else snake(inner)
        return found

    one, other = OWN.parse_request(dump(REQUEST)), OWN.parse_request(dump(snake(REQUEST)))
    for name in ("messages", "tools", "tool_choice", "response_format", "max_tokens", "stop", "reasoning_effort"):
        assert getattr(one, name) == getattr(other, name), name
    assert OWN.peek(dump(snake(REQUEST))).max_tokens == 300


def test_at_home_everything_survives() -> None:
    home = rendered("gemini", REQUEST)
    assert "model" not in home
    assert home["generationConfig"]["presencePenalty"] == 0.5
    assert home["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "LOW", "includeThoughts": True}
    assert home["safetySettings"] == REQUEST["safetySettings"]
    assert home["contents"][1] == REQUEST["contents"][1]


def test_a_chat_call_becomes_a_call_of_gemini() -> None:
    told = rendered("gemini", OPENAI_REQUEST | {"parallel_tool_calls": None}, "openai_chat", "gemini-3-pro")
    schema = OPENAI_REQUEST["tools"][0]["function"]["parameters"]
    call = {"id": "call_abc123", "name": "get_weather", "args": {"city": "Bergen"}}
    assert told == {
        "systemInstruction": {"parts": [{"text": "Answer in one sentence."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "What is the weather in Bergen?"}]},
            {
                "role": "model",
                "parts": [{"functionCall": call, "thoughtSignature": "skip_thought_signature_validator"}],
            },
            {
                "role": "user",
                "parts": [
                    {
                        "functionResponse": {
                            "id": "call_abc123",
                            "name": "get_weather",
                            "response": {"output": "Rain, 8 °C"},
                        }
                    },
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"text": "And what is this?"},
                    {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
                ],
            },
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "get_weather", "description": "Weather now", "parametersJsonSchema": schema}
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}},
        "generationConfig": {
            "maxOutputTokens": 300,
            "temperature": 0.2,
            "topP": 0.9,
            "stopSequences": ["END"],
            "seed": 7,
            "thinkingConfig": {"thinkingLevel": "LOW"},
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "object", "properties": {}, "additionalProperties": False},
        },
    }


def test_an_anthropic_call_with_thinking_is_shown_its_thoughts_and_a_failed_tool_is_an_error() -> None:
    body = ANTHROPIC_REQUEST | {"tool_choice": {"type": "any"}, "output_config": {}}
    told = rendered("gemini", body, "anthropic_messages", "gemini-2.5-pro")
    assert told["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 1024, "includeThoughts": True}
    [response] = [part for part in told["contents"][2]["parts"] if "functionResponse" in part]
    assert response["functionResponse"]["response"] == {"error": "no station"}


def test_one_call_at_a_time_cannot_be_had() -> None:
    with pytest.raises(Unsupported) as caught:
        rendered("gemini", OPENAI_REQUEST, "openai_chat")
    assert caught.value.param == "parallel_tool_calls"


@pytest.mark.parametrize(
    ("model", "effort", "thinking"),
    [
        ("gemini-2.5-flash", "low", {"thinkingBudget": 1024}),
        ("gemini-2.5-flash", "high", {"thinkingBudget": 24576}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-3-pro", "high", {"thinkingLevel": "HIGH"}),
        ("gemini-3-pro", "max", {"thinkingLevel": "HIGH"}),
        ("gemini-3-flash", "xhigh", {"thinkingLevel": "HIGH"}),
        ("gemini-3.1-pro", "minimal", {"thinkingLevel": "LOW"}),
        ("gemini-3.1-pro", "none", {"thinkingLevel": "LOW"}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 1024}),
    ],
)
def test_effort_is_a_budget_for_older_models_and_a_level_for_newer(
    model: str, effort: str, thinking: dict[str, Any]
) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}], "reasoning_effort": effort}
    assert rendered("gemini", body, "openai_chat", model)["generationConfig"] == {"thinkingConfig": thinking}


def test_calls_without_ids_are_numbered_and_answered_by_name_in_their_order() -> None:
    def call(name: str) -> dict[str, Any]:
        return {"functionCall": {"name": name}}

    def answer(name: str, response: Any) -> dict[str, Any]:
        return {"functionResponse": {"name": name, "response": response}}

    contents = [
        {"parts": [{"text": "go"}]},
        {"role": "model", "parts": [call("f"), call("g"), call("f")]},
        {"parts": [answer("f", {"result": "1"}), answer("f", {"a": 2}), answer("g", {"error": "3"}), answer("h", {})]},
    ]
    request = OWN.parse_request(dump({"contents": contents}))
    assert [part.id for part in request.messages[1].parts if isinstance(part, ToolCall)] == [
        "call_0",
        "call_1",
        "call_2",
    ]
    results = [message.parts[0] for message in request.messages[2:]]
    assert results == [
        ToolResult("call_0", (Text("1"),)),
        ToolResult("call_2", (Text('{"a": 2}'),)),
        ToolResult("call_1", (Text("3"),), is_error=True),
        ToolResult("call_of_h", ()),
    ]


BOUND: list[tuple[dict[str, Any], str]] = [
    ({"generationConfig": {"candidateCount": 2}}, "generationConfig.candidateCount"),
    ({"generationConfig": {"responseModalities": ["IMAGE"]}}, "generationConfig.responseModalities"),
    ({"generationConfig": {"responseLogprobs": True}}, "generationConfig.responseLogprobs"),
    ({"tools": [{"codeExecution": {}}]}, "tools[].codeExecution"),
    ({"cachedContent": "cachedContents/1"}, "cachedContent"),
    (
        {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}}},
        "toolConfig.functionCallingConfig.allowedFunctionNames",
    ),
]


@pytest.mark.parametrize(("fields", "param"), BOUND)
def test_what_only_gemini_can_do_is_refused_elsewhere_with_a_way_out(fields: dict[str, Any], param: str) -> None:
    for other in ("openai_chat", "anthropic_messages", "openai_responses"):
        with pytest.raises(Unsupported) as caught:
            rendered(other, asking(**fields))
        assert caught.value.param == param
        assert caught.value.fix
    home = rendered("gemini", asking(**fields))
    assert fields.items() <= home.items()


@pytest.mark.parametrize(
    "part",
    [
        {"inlineData": {"data": "aGk="}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x", "mimeType": "image/png"}},
        {"fileData": {"fileUri": "gs://bucket/a.png"}},
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=x"}},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
    ],
)
def test_parts_only_gemini_understands_go_nowhere_else(part: dict[str, Any]) -> None:
    assert rendered("gemini", asking(part))["contents"][0]["parts"] == [part]
    with pytest.raises(Unsupported, match="only gemini providers understand it"):
        rendered("openai_chat", asking(part))


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({}, "contents", "is missing"),
    ({"contents": []}, "contents", "is empty"),
    ({"contents": [{"role": "king", "parts": []}]}, "contents[0].role", "must be user or model"),
    ({"contents": [{"role": "user"}]}, "contents[0].parts", "is missing"),
    (asking({"functionCall": {}}), "contents[0].parts[0].functionCall.name", "is missing"),
    (asking({"inlineData": {"mimeType": "image/png"}}), "contents[0].parts[0].inlineData.data", "is missing"),
    (asking(tools=[{"functionDeclarations": [{}]}]), "tools[0].functionDeclarations[0].name", "is missing"),
    (
        asking(toolConfig={"functionCallingConfig": {"mode": "X"}}),
        "toolConfig.functionCallingConfig.mode",
        "one of",
    ),
    (asking(generationConfig={"temperature": 3}), "generationConfig.temperature", "between 0 and 2"),
    (asking(generation_config={"max_output_tokens": 0}), "generation_config.max_output_tokens", "between 1 and"),
]


@pytest.mark.parametrize(("body", "param", "words"), WRONG)
def test_a_complaint_names_the_place(body: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        OWN.parse_request(dump(body))
    assert caught.value.param == param
    assert words in caught.value.message


# --- answers ---


def test_a_documented_answer_is_read() -> None:
    answer = OWN.parse_response(dump(ANSWER))
    assert answer.parts == (Reasoning(text="Rain it is.", signature="gemini:CiQBjz1rX0il"), Text("Rain."))
    assert answer.usage == Usage(input=103, cache_read=1024, output=6, reasoning=40, audio_input=3)
    assert answer.usage is not None
    assert answer.usage.total() == ANSWER["usageMetadata"]["totalTokenCount"]
    assert (answer.stop, answer.stop_raw) == ("stop", "STOP")
    glance = OWN.glance(dump(ANSWER))
    assert (glance.usage, glance.id, glance.model) == (answer.usage, answer.id, answer.model)


@pytest.mark.parametrize(
    ("word", "stop"),
    [
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("SOMETHING_NEW", "unknown"),
    ],
)
def test_a_reason_to_finish_is_understood(word: str, stop: str) -> None:
    body = dump({"candidates": [{"content": {"parts": []}, "finishReason": word}]})
    assert (OWN.glance(body).stop, OWN.parse_response(body).stop) == (stop, stop)


def test_a_prompt_that_was_blocked_is_an_answer_without_words() -> None:
    told = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}}
    assert OWN.glance(dump(told)).stop == "content_filter"
    answer = OWN.parse_response(dump(told))
    assert (answer.parts, answer.stop, answer.usage) == ((), "content_filter", Usage(input=4))
    wire = b"data: " + dump(told) + b"\n\n"
    assert fold(OWN.stream_decoder().feed(wire)).stop == "content_filter"
    chat = json.loads(DIALECTS.get("openai_chat").render_response(answer))
    assert chat["choices"][0]["finish_reason"] == "content_filter"


@pytest.mark.parametrize("body", [b"{}", b'{"candidates":[]}', b'{"error":{"code":500,"message":"boom"}}'])
def test_what_is_no_answer_is_a_failure(body: bytes) -> None:
    for read in (OWN.glance, OWN.parse_response):
        with pytest.raises(UpstreamFailure):
            read(body)


def test_a_documented_stream_is_metered_and_read() -> None:
    meter, decoder = OWN.meter(Head(model="m")), OWN.stream_decoder()
    for event in sse.split(STREAM):
        assert not meter.finished
        assert meter.feed(event) is event
        assert meter.semantic
    assert (meter.finished, meter.stop, meter.usage) == (
        True,
        "stop",
        Usage(input=12, cache_read=8, output=4, reasoning=5),
    )
    answer = fold(decoder.feed(STREAM))
    assert (answer.parts, answer.usage, answer.id) == ((Text("Rain."),), meter.usage, "r1")


def test_a_picture_in_an_answer_is_shown_to_googles_clients_only() -> None:
    picture = {"inlineData": {"mimeType": "application/pdf", "data": "aGk="}}
    told = {"candidates": [{"content": {"parts": [{"text": "see"}, picture]}, "finishReason": "STOP"}]}
    answer = OWN.parse_response(dump(told))
    assert isinstance(answer.parts[1], Opaque)
    assert json.loads(OWN.render_response(answer))["candidates"][0]["content"]["parts"] == [{"text": "see"}, picture]
    assert b"aGk=" not in DIALECTS.get("openai_chat").render_response(answer)


def test_an_error_is_googles_and_googles_is_understood() -> None:
    error = RateLimited("Too many.", fix="Wait.", param="model", retry_after_s=2.5)
    told = json.loads(OWN.render_error(error, "req_1"))["error"]
    assert (told["code"], told["message"], told["status"]) == (429, "Too many. Wait.", "RESOURCE_EXHAUSTED")
    reasons = {detail["@type"].rpartition(".")[2]: detail for detail in told["details"]}
    assert reasons["ErrorInfo"]["reason"] == "rate_limited"
    assert reasons["RequestInfo"]["requestId"] == "req_1"
    assert reasons["RetryInfo"]["retryDelay"] == "2.5s"
    read = OWN.parse_error(429, dump({"error": told}), {})
    assert (read.upstream_code, read.retry_after_s, read.code) == ("RESOURCE_EXHAUSTED", 2.5, "rate_limited")


# --- the body and its URL ---


@given(st.text(), st.booleans(), st.dictionaries(st.text(), st.integers() | st.text()), st.booleans())
def test_a_body_and_its_url_go_together_and_apart_again(
    model: str, stream: bool, members: dict[str, Any], spaced: bool
) -> None:
    model = model.encode("utf-8", "replace").decode()
    body = json.dumps(members, indent=1 if spaced else None).encode()
    whole = framed(body, model, stream=stream)
    read = json.loads(whole)
    assert (read["model"], read["stream"]) == (model, stream)
    apart = unframed(whole, model, stream=stream)
    assert apart is not None
    assert json.loads(apart) == members
    assert unframed(whole, model, stream=not stream) is None


def test_a_client_cannot_name_another_model_than_its_url() -> None:
    body = framed(b'{"model":"dear","stream":true,"contents":[]}', "cheap", stream=False)
    head = OWN.peek(body)
    assert (head.model, head.stream) == ("cheap", False)
    assert (
        OWN.parse_request(framed(b'{"model":"dear","contents":[{"parts":[]}]}', "cheap", stream=False)).model == "cheap"
    )


def test_a_schema_of_googles_becomes_a_json_schema() -> None:
    schema = {
        "type": "OBJECT",
        "nullable": True,
        "propertyOrdering": ["a"],
        "properties": {
            "a": {"type": "ARRAY", "items": {"type": "STRING", "enum": ["x"]}, "minItems": "1"},
            "type": {"anyOf": [{"type": "INTEGER", "format": "int32"}, {"type": "NUMBER"}]},
        },
        "required": ["a"],
    }
    assert json_schema(schema) == {
        "type": ["object", "null"],
        "properties": {
            "a": {"type": "array", "items": {"type": "string", "enum": ["x"]}, "minItems": 1},
            "type": {"anyOf": [{"type": "integer", "format": "int32"}, {"type": "number"}]},
        },
        "required": ["a"],
    }
    assert json_schema({"any_of": [{"type": "STRING"}]}) == {"anyOf": [{"type": "string"}]}


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([{"text": {"mimeType": "APPLICATION_JSON", "schema": SCHEMA}}], "json_schema"),
        ({"text": {"mime_type": "application/json", "schema": SCHEMA}}, "json_schema"),
        ([{"text": {"mimeType": "application/json"}}], "json_object"),
        ([{"text": {"mimeType": "text/plain"}}], "text"),
    ],
)
def test_the_newer_way_to_ask_for_json_reaches_every_dialect(given: Any, wanted: str) -> None:
    body = {"contents": [{"parts": [{"text": "Where?"}]}], "generationConfig": {"responseFormat": given}}
    request = DIALECTS.get("gemini").parse_request(json.dumps(body).encode())
    assert request.response_format is not None
    assert request.response_format.kind == wanted
    assert request.response_format.schema == (SCHEMA if wanted == "json_schema" else None)
    told = json.loads(DIALECTS.get("openai_chat").render_request(request, "m", Quirks()))
    assert told["response_format"]["type"] == wanted
    home = json.loads(DIALECTS.get("gemini").render_request(request, "m", Quirks()))["generationConfig"]
    assert "responseFormat" not in home  # said once, in the older way
    assert home["responseMimeType"] == ("text/plain" if wanted == "text" else "application/json")


ELSEWHERE: list[tuple[dict[str, Any], str]] = [
    ({"generationConfig": {"responseFormat": [{"audio": {"mimeType": "audio/wav"}}]}}, "responseFormat"),
    ({"generationConfig": {"responseFormat": [{"text": {}}, {"image": {}}]}}, "responseFormat"),
    ({"generationConfig": {"responseFormat": 7}}, "responseFormat"),
    ({"generationConfig": {"translationConfig": {"targetLanguageCode": "no"}}}, "translationConfig"),
    ({"continuationToken": "AAAA"}, "continuationToken"),
    ({"continuation_token": "AAAA"}, "continuationToken"),
]


@pytest.mark.parametrize(("more", "param"), ELSEWHERE)
def test_what_only_google_can_answer_so_is_refused_elsewhere(more: dict[str, Any], param: str) -> None:
    body = {"contents": [{"parts": [{"text": "Where?"}]}]} | more
    request = DIALECTS.get("gemini").parse_request(json.dumps(body).encode())
    with pytest.raises(Unsupported, match=param):
        DIALECTS.get("openai_chat").render_request(request, "m", Quirks())
    home = json.loads(DIALECTS.get("gemini").render_request(request, "m", Quirks()))
    assert more.items() <= home.items()
