"""What providers say that they take for a call, by the usage objects of their documentation."""

from typing import Any

import msgspec
import pytest

from trimtab.llm.charges import DOLLAR, charged_in
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.dialects.anthropic_messages.usage import merged
from trimtab.llm.dialects.anthropic_messages.usage import usage_of as anthropic_usage
from trimtab.llm.dialects.gemini.usage import usage_of as gemini_usage
from trimtab.llm.dialects.openai_passthrough import glance as carried
from trimtab.llm.types import Usage

CHAT = DIALECTS.get("openai_chat")
RESPONSES = DIALECTS.get("openai_responses")
GEMINI = DIALECTS.get("gemini")


@pytest.mark.parametrize(
    ("usage", "picodollars"),
    [
        ({"cost": 0.95, "cost_details": {"upstream_inference_cost": 19}}, 19_950_000_000_000),
        ({"cost": 0.95, "is_byok": True, "cost_details": {"upstream_inference_cost": 19}}, 19_950_000_000_000),
        ({"cost": 0.00014, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.00014}}, 140_000_000),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, None),
        ({"cost": 0.001, "is_byok": True}, None),
        ({"cost": 0.001, "is_byok": None, "cost_details": {"upstream_inference_cost": None}}, 1_000_000_000),
        ({"cost": 0.00014, "cost_details": {"upstream_inference_cost": None}}, 140_000_000),
        ({"cost": 1.1e-07}, 110_000),
        ({"cost": 0}, 0),
        ({"cost_in_usd_ticks": 37756000}, 3_775_600_000),
        ({"cost": {"currency": "USD", "input_cost": 0.0001, "total_cost": 0.0123}}, 12_300_000_000),
        ({"cost": {"total_cost": 0.5}}, DOLLAR // 2),
    ],
)
def test_a_cost_that_is_told_is_read_to_the_last_digit(usage: dict[str, Any], picodollars: int) -> None:
    assert charged_in(usage) == picodollars


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"cost": None},
        {"cost": "0.1"},
        {"cost": True},
        {"cost": -0.1},
        {"cost": 1e300},
        {"cost": float("nan")},
        {"cost": {"currency": "EUR", "total_cost": 1}},
        {"cost": {}},
        {"cost_in_usd_ticks": "7"},
        {"cost": 0.1, "cost_details": {"upstream_inference_cost": "much"}},
    ],
)
def test_what_is_no_amount_is_not_one(usage: dict[str, Any]) -> None:
    assert charged_in(usage) is None


def test_a_whole_answer_a_stream_and_a_translation_tell_the_same() -> None:
    usage: dict[str, Any] = {"prompt_tokens": 10, "completion_tokens": 5, "cost": 0.25}
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    body = msgspec.json.encode({"id": "c", "model": "m", "choices": [choice], "usage": usage})
    chunk: dict[str, Any] = {
        "id": "c",
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}],
    }
    meter = CHAT.meter(CHAT.peek(b'{"model":"m","stream":true}'))
    end: dict[str, Any] = {"id": "c", "choices": [], "usage": usage}
    for each in (chunk, end):
        meter.feed(b"data: " + msgspec.json.encode(each) + b"\n\n")
    expected = Usage(input=10, output=5, charged=DOLLAR // 4)
    assert (CHAT.glance(body).usage, meter.usage, CHAT.parse_response(body).usage) == (expected,) * 3


SEARCHED = [
    {"type": "web_search_call", "id": "1", "status": "completed", "action": {"type": "search", "query": "a"}},
    {"type": "web_search_call", "id": "2", "status": "completed", "action": {"type": "open_page", "url": "b"}},
    {"type": "web_search_call", "id": "3", "status": "completed"},
    {"type": "file_search_call", "id": "4", "status": "completed", "queries": ["c"]},
    {"type": "message", "id": "5", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
]


def test_searches_of_a_response_are_counted_but_no_page_that_was_opened() -> None:
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    answer = {"id": "r", "model": "m", "status": "completed", "output": SEARCHED, "usage": usage}
    body = msgspec.json.encode(answer)
    end = b"data: " + msgspec.json.encode({"type": "response.completed", "response": answer}) + b"\n\n"
    meter = RESPONSES.meter(RESPONSES.peek(b'{"model":"m","stream":true,"input":"x"}'))
    meter.feed(end)
    decoder = RESPONSES.stream_decoder()
    finish = decoder.feed(end)[-1]
    expected = Usage(input=10, output=5, searches=2, file_searches=1)
    assert RESPONSES.glance(body).usage == expected
    assert meter.usage == expected
    assert RESPONSES.parse_response(body).usage == expected
    assert getattr(finish, "usage", None) == expected


def test_perplexity_counts_its_searches_itself() -> None:
    usage = {
        "input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "cost": {"currency": "USD", "total_cost": 0.006},
        "tool_calls_details": {"search_web": {"invocation": 2}},
    }  # fmt: skip
    answer = {"id": "r", "model": "m", "status": "completed", "output": SEARCHED[-1:], "usage": usage}
    found = RESPONSES.glance(msgspec.json.encode(answer)).usage
    assert found == Usage(input=10, output=5, searches=2, charged=6_000_000_000)


def test_anthropic_counts_its_searches_in_the_usage_also_of_a_stream() -> None:
    told = {"input_tokens": 10, "output_tokens": 5, "server_tool_use": {"web_search_requests": 3}}
    assert anthropic_usage(told) == Usage(input=10, output=5, searches=3)
    began = merged({}, {"input_tokens": 10, "output_tokens": 1, "server_tool_use": {"web_search_requests": 0}})
    assert anthropic_usage(merged(began, told)) == Usage(input=10, output=5, searches=3)


@pytest.mark.parametrize(
    ("model", "searches"), [("gemini-3-flash-preview", 2), ("models/gemini-3.5-flash", 2), ("gemini-2.5-flash", 1)]
)
def test_google_charges_for_each_query_or_once_for_a_prompt_by_the_model(model: str, searches: int) -> None:
    asked = {"webSearchQueries": ["", "one", "two", "one"]}
    candidate = {
        "content": {"role": "model", "parts": [{"text": "Hi"}]}, "finishReason": "STOP", "groundingMetadata": asked
    }  # fmt: skip
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 5}
    answer = {"responseId": "r", "modelVersion": model, "candidates": [candidate], "usageMetadata": usage}
    body = msgspec.json.encode(answer)
    meter = GEMINI.meter(GEMINI.peek(b'{"model":"m","stream":true,"contents":[]}'))
    plain = {"modelVersion": model, "candidates": [{"content": {"parts": [{"text": "H"}]}, "groundingMetadata": asked}]}
    end = {"modelVersion": model, "candidates": [{"finishReason": "STOP"}], "usageMetadata": usage}
    decoder = GEMINI.stream_decoder()
    last: list[Any] = []
    for chunk in ({"modelVersion": model, "candidates": [{"content": {"parts": [{"text": "H"}]}}]}, plain, end):
        block = b"data: " + msgspec.json.encode(chunk) + b"\n\n"
        meter.feed(block)
        last = decoder.feed(block)
    expected = Usage(input=10, output=5, searches=searches)
    assert GEMINI.glance(body).usage == expected
    assert GEMINI.parse_response(body).usage == expected
    assert meter.usage == expected
    assert last[-1].usage == expected


def test_sound_and_pictures_from_a_cache_are_told_apart() -> None:
    found = gemini_usage(
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 60,
            "candidatesTokenCount": 5,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}, {"modality": "AUDIO", "tokenCount": 50}],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}, {"modality": "IMAGE", "tokenCount": 20}],
        }
    )
    assert found == Usage(input=40, cache_read=60, output=5, audio_input=10, cache_audio=40, cache_image=20)
    details = {
        "text_tokens": 50,
        "image_tokens": 194,
        "cached_tokens": 100,
        "cached_tokens_details": {"image_tokens": 80},
    }
    usage = {
        "input_tokens": 244,
        "output_tokens": 10,
        "input_tokens_details": details,
        "cost_in_usd_ticks": 200_000_000,
    }
    drawn = carried(msgspec.json.encode({"data": [{"b64_json": "x"}], "usage": usage})).usage
    assert drawn == Usage(
        input=144, cache_read=100, output=10, image_input=114, image_output=10, cache_image=80, charged=DOLLAR // 50
    )
    url = msgspec.json.encode({"data": [{"url": "x"}], "usage": {"cost_in_usd_ticks": 200_000_000}})
    assert carried(url).usage == Usage(images=1, charged=DOLLAR // 50)
