"""OpenAI Responses: its documented shapes in the canonical model and at other vendors, and theirs in its own."""

import json
from typing import Any

import pytest
from bodies import ANTHROPIC_REQUEST, OPENAI_REQUEST, dump
from responses_bodies import ANSWER, REQUEST, STREAM

from trimtab.core.errors import InvalidRequest, RateLimited, Unsupported, UpstreamFailure
from trimtab.llm import sse
from trimtab.llm.dialects import DIALECTS, Head, Quirks
from trimtab.llm.fold import fold
from trimtab.llm.types import Opaque, Reasoning, Text, ToolCall, Usage

OWN = DIALECTS.get("openai_responses")
CHAT = DIALECTS.get("openai_chat")
HI = {"role": "user", "content": "hi"}


def rendered(dialect: str, body: dict[str, Any], by: str = "openai_responses") -> dict[str, Any]:
    request = DIALECTS.get(by).parse_request(dump(body))
    return json.loads(DIALECTS.get(dialect).render_request(request, "up", Quirks()))


def asking(*items: Any, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "input": list(items) or "hi", **fields}


def test_a_documented_call_becomes_a_chat_completion() -> None:
    told = rendered("openai_chat", REQUEST)
    assert told["messages"] == [
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": "What is the weather in Bergen?"},
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {
                    "id": "call_abc123",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city": "Bergen"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_abc123", "content": "Rain, 8 °C"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And what is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
            ],
        },
    ]
    assert told["tools"] == OPENAI_REQUEST["tools"]
    assert told["tool_choice"] == OPENAI_REQUEST["tool_choice"]
    assert told["response_format"] == OPENAI_REQUEST["response_format"]
    assert (told["max_tokens"], told["reasoning_effort"], told["user"]) == (300, "low", "u-1")
    assert not {"store", "truncation", "include", "text", "reasoning", "metadata"} & set(told)


def test_a_chat_call_becomes_a_responses_call_that_is_not_stored() -> None:
    told = rendered("openai_responses", OPENAI_REQUEST | {"stop": None}, "openai_chat")
    assert told["store"] is False
    assert told["input"] == [
        {"role": "developer", "content": "Answer in one sentence."},
        {"role": "user", "content": "What is the weather in Bergen?"},
        {
            "type": "function_call",
            "call_id": "call_abc123",
            "name": "get_weather",
            "arguments": '{"city": "Bergen"}',
        },
        {"type": "function_call_output", "call_id": "call_abc123", "output": "Rain, 8 °C"},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "And what is this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
            ],
        },
    ]
    assert told["tools"] == REQUEST["tools"]
    assert told["text"] == {"format": REQUEST["text"]["format"]}
    assert told["reasoning"] == {"effort": "low"}
    assert not {"seed", "logit_bias", "messages", "stream_options", "metadata"} & set(told)


def test_a_failed_tool_says_so_and_shows_its_pictures() -> None:
    told = rendered("openai_responses", ANTHROPIC_REQUEST | {"stop_sequences": []}, "anthropic_messages")
    outputs = [item for item in told["input"] if item.get("type") == "function_call_output"]
    assert [item["output"] for item in outputs] == ["Error: no station"]


def test_stop_sequences_are_refused_because_there_are_none() -> None:
    with pytest.raises(Unsupported, match="Stop sequences") as caught:
        rendered("openai_responses", OPENAI_REQUEST, "openai_chat")
    assert caught.value.param == "stop"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, "tools"),
        ({"tools": [{"type": "custom", "name": "x"}]}, "tools"),
        ({"tool_choice": {"type": "allowed_tools", "tools": []}}, "tool_choice"),
        ({"previous_response_id": "resp_x"}, "previous_response_id"),
        ({"conversation": "conv_x"}, "conversation"),
        ({"prompt": {"id": "pmpt_x"}}, "prompt"),
        ({"background": True}, "background"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
    ],
)
def test_what_only_openai_can_do_is_refused_elsewhere_with_a_way_out(fields: dict[str, Any], param: str) -> None:
    for other in ("openai_chat", "anthropic_messages", "gemini"):
        with pytest.raises(Unsupported) as caught:
            rendered(other, asking(**fields))
        assert caught.value.param == param
        assert caught.value.fix
    home = rendered("openai_responses", asking(**fields))
    assert fields.items() <= home.items()


@pytest.mark.parametrize(
    "item",
    [
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "item_reference", "id": "msg_1"},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot"}},
        {"role": "user", "content": [{"type": "input_file", "file_id": "f"}]},
        {"role": "user", "content": [{"type": "input_image", "file_id": "f"}]},
        {"role": "assistant", "content": [{"type": "new_kind", "x": 1}]},
    ],
)
def test_items_only_openai_understands_stay_as_they_are_at_home_and_go_nowhere_else(item: dict[str, Any]) -> None:
    body = asking(HI, item, HI)
    home = rendered("openai_responses", body)["input"][1]
    assert {name: value for name, value in home.items() if name != "type"} == {
        name: value for name, value in item.items() if name != "type"
    }
    with pytest.raises(Unsupported, match="only openai_responses providers understand it"):
        rendered("openai_chat", body)


def test_what_was_not_translated_survives_at_home() -> None:
    home = rendered("openai_responses", REQUEST)
    for name in ("text", "reasoning", "include", "truncation", "metadata", "service_tier", "store"):
        assert home[name] == REQUEST[name]
    assert home["input"][2] == {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "I should look."}],
        "encrypted_content": "gAAAAABn",
    }


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"model": "m"}, "input", "is missing"),
        ({"model": "m", "input": []}, "input", "is empty"),
        ({"model": "m", "input": 7}, "input", "must be a list, not a number"),
        (asking({"role": "king", "content": "x"}), "input[0].role", "must be one of"),
        (asking({"content": "x"}), "input[0].type", "is missing"),
        (asking(HI, {"type": "function_call", "name": "f"}), "input[1].call_id", "is missing"),
        (asking(HI, {"type": "function_call_output", "call_id": "c"}), "input[1].output", "is missing"),
        (asking(tools=[{"type": "function"}]), "tools[0].name", "is missing"),
        (asking(tool_choice="maybe"), "tool_choice", "must be one of"),
        (asking(text={"format": {"type": "xml"}}), "text.format.type", "must be one of"),
        (asking(max_output_tokens=0), "max_output_tokens", "must be between 1"),
        (asking(temperature=3), "temperature", "must be between 0 and 2"),
    ],
)
def test_a_complaint_names_the_place(body: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        OWN.parse_request(dump(body))
    assert caught.value.param == param
    assert words in caught.value.message


# --- answers ---


def test_a_documented_answer_is_read() -> None:
    answer = OWN.parse_response(dump(ANSWER))
    assert answer.parts == (Reasoning(signature="openai_responses:gAAAAABn"), Text("Rain."))
    assert answer.usage == Usage(input=93, cache_read=1024, output=6, reasoning=40)
    assert (answer.stop, answer.stop_raw, answer.created) == ("stop", "completed", 1741476542)
    assert OWN.glance(dump(ANSWER)).usage == answer.usage


@pytest.mark.parametrize(
    ("fields", "stop", "raw"),
    [
        (
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            "length",
            "max_output_tokens",
        ),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter", None),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, "unknown", "steered"),
        ({"status": "queued", "output": []}, "unknown", "queued"),
        ({"output": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}]}, "tool_calls", None),
        ({"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]}, "refusal", None),
    ],
)
def test_an_end_is_understood(fields: dict[str, Any], stop: str, raw: str | None) -> None:
    body = dump(ANSWER | fields)
    glance, answer = OWN.glance(body), OWN.parse_response(body)
    assert (glance.stop, answer.stop) == (stop, stop)
    assert raw in (None, glance.stop_raw)


def test_an_answer_that_failed_is_a_failure() -> None:
    body = dump(ANSWER | {"status": "failed", "error": {"code": "server_error", "message": "The model broke."}})
    for read in (OWN.glance, OWN.parse_response):
        with pytest.raises(UpstreamFailure, match="The model broke") as caught:
            read(body)
        assert caught.value.code == "server_error"


def test_a_documented_stream_is_metered_and_read() -> None:
    meter, decoder = OWN.meter(Head(model="m")), OWN.stream_decoder()
    for event in sse.split(STREAM)[:4]:
        assert meter.feed(event) is event
    assert not meter.semantic
    assert (meter.id, meter.model) == ("resp_1", "gpt-5-mini-2025-08-07")
    for event in sse.split(STREAM)[4:]:
        meter.feed(event)
    assert (meter.finished, meter.stop, meter.usage) == (
        True,
        "stop",
        Usage(input=12, cache_read=8, output=4, reasoning=5),
    )
    answer = fold(decoder.feed(STREAM))
    assert answer.parts == (Text("Rain."),)
    assert answer.usage == meter.usage
    assert decoder.close() == []


def event(kind: str, **told: Any) -> bytes:
    return b"data: " + dump({"type": kind, **told}) + b"\n\n"


def test_a_server_that_streams_only_whole_items_is_understood() -> None:
    item = {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    whole = event("response.output_item.done", output_index=0, item=item)
    end = event("response.completed", response=ANSWER | {"output": [item]})
    assert fold(OWN.stream_decoder().feed(whole + end)).parts == (ToolCall("c", "f", '{"a":1}'),)
    assert fold(OWN.stream_decoder().feed(end)).parts == (ToolCall("c", "f", '{"a":1}'),)


def test_an_open_models_own_thoughts_are_read_and_parts_of_a_summary_are_kept_apart() -> None:
    added = event("response.output_item.added", output_index=0, item={"type": "reasoning", "id": "r", "summary": []})
    raw = event("response.reasoning_text.delta", output_index=0, content_index=0, delta="hm")
    end = event("response.completed", response=ANSWER | {"output": [{"type": "reasoning"}]})
    assert fold(OWN.stream_decoder().feed(added + raw + end)).parts == (Reasoning(text="hm"),)
    two = b"".join(
        event("response.reasoning_summary_text.delta", output_index=0, summary_index=at, delta=text)
        for at, text in ((0, "a"), (0, "b"), (1, "c"))
    )
    assert fold(OWN.stream_decoder().feed(added + two + end)).parts == (Reasoning(text="ab\n\nc"),)


def test_a_built_in_tools_item_passes_to_a_client_that_knows_it_and_is_hidden_from_others() -> None:
    item = {"type": "web_search_call", "id": "ws", "status": "completed"}
    wire = event("response.output_item.done", output_index=0, item=item)
    deltas = OWN.stream_decoder().feed(wire + event("response.completed", response=ANSWER | {"output": [item]}))
    [part] = fold(deltas).parts
    assert isinstance(part, Opaque)
    home, away = OWN.stream_encoder(Head(model="m")), CHAT.stream_encoder(Head(model="m"))
    assert b"web_search_call" in b"".join(home.feed(delta) for delta in deltas)
    assert b"web_search" not in b"".join(away.feed(delta) for delta in deltas)


@pytest.mark.parametrize(
    "told",
    [
        event("error", code="server_error", message="gone", param=None, sequence_number=3),
        event("error", error={"code": "server_error", "message": "gone"}),
        event("response.failed", response={"status": "failed", "error": {"code": "server_error", "message": "gone"}}),
    ],
)
def test_every_form_of_failure_inside_a_stream_is_noticed(told: bytes) -> None:
    meter = OWN.meter(Head(model="m"))
    meter.feed(STREAM[: STREAM.index(b"event: response.output_text.done")])
    meter.feed(told)
    assert meter.failed == "gone"
    [failed] = OWN.stream_decoder().feed(told)
    assert (failed.message, failed.code) == ("gone", "server_error")  # type: ignore[union-attr]


def test_words_of_the_model_that_look_like_the_wire_do_not_fool_the_meter() -> None:
    meter = OWN.meter(Head(model="m"))
    meter.feed(STREAM[: STREAM.index(b"event: response.output_text.done")])
    said = event("response.output_text.delta", delta='"response":{"status":"failed"} "error" response.completed')
    assert meter.feed(said) is said
    assert (meter.failed, meter.finished) == (None, False)


def test_an_error_is_openais() -> None:
    error = RateLimited("Too many.", fix="Wait.", param="model")
    told = json.loads(OWN.render_error(error, "req_1"))["error"]
    assert (told["message"], told["type"], told["code"]) == ("Too many. Wait.", "rate_limit_error", "rate_limited")
    event_ = json.loads(sse.data_of(OWN.render_stream_error(error, "req_1")) or b"")
    assert (event_["type"], event_["message"], event_["error"]["message"]) == (
        "error",
        "Too many. Wait.",
        "Too many. Wait.",
    )
