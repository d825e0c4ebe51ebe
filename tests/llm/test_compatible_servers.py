"""Answers and streams of servers that speak OpenAI's dialect in their own ways, as their references show them."""

import json
from typing import Any

import pytest

from trimtab.core.errors import UpstreamFailure, UpstreamRejected
from trimtab.gateway.staying_up.resilience import class_of
from trimtab.llm.dialects import DIALECTS, Head
from trimtab.llm.types import BlockGrow, Failed, Finish, Start, Usage

OPENAI = DIALECTS.get("openai_chat")
Chunk = dict[str, Any]


def event(chunk: Chunk) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def chunk(delta: Chunk | None = None, **more: Any) -> Chunk:
    choice: Chunk = {"index": 0, "finish_reason": None} | ({} if delta is None else {"delta": delta})
    top = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m"}
    return top | {"choices": [choice | more]}


def read(*chunks: Chunk) -> tuple[list[Any], Any]:
    """What another dialect's client gets of a stream, and what the books of a client of the same dialect have."""
    decoder, meter = OPENAI.stream_decoder(), OPENAI.meter(Head(model="m", stream=True))
    deltas: list[Any] = []
    for each in chunks:
        deltas += decoder.feed(event(each))
        meter.feed(event(each))
    deltas += decoder.feed(b"data: [DONE]\n\n") + decoder.close()
    meter.feed(b"data: [DONE]\n\n")
    return deltas, meter


def whole(*chunks: Chunk) -> Any:
    return OPENAI.parse_stream(b"".join(map(event, chunks)) + b"data: [DONE]\n\n")  # type: ignore[attr-defined]


FOUND = {"hate": {"filtered": False, "severity": "safe"}}
AZURE: list[Chunk] = [
    {
        "id": "", "object": "", "created": 0, "model": "", "choices": [],
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FOUND}],
    },
    chunk({"role": "assistant", "content": ""}, content_filter_results={}),
    chunk({"content": "the tide"}, content_filter_results=FOUND),
    chunk({}, finish_reason="stop", content_filter_results={}),
    chunk(None, content_filter_results=FOUND, content_filter_offsets={"check_offset": 44, "end_offset": 198}),
]  # fmt: skip
"""https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-streaming, the asynchronous filter"""


def test_azures_first_chunk_names_nothing_and_what_its_filter_says_later_takes_nothing_back() -> None:
    deltas, meter = read(*AZURE)
    assert [each for each in deltas if isinstance(each, Start)] == [Start(id="c1", model="m", created=7)]
    assert "".join(each.text for each in deltas if isinstance(each, BlockGrow)) == "the tide"
    assert [each.stop for each in deltas if isinstance(each, Finish)] == ["stop"]
    assert (meter.id, meter.model, meter.stop, meter.failed) == ("c1", "m", "stop", None)
    answer = whole(*AZURE)
    assert answer is None or (answer.id, answer.model, answer.created) == ("c1", "m", 7)


def test_azures_filter_that_steps_in_later_ends_the_answer_by_its_name() -> None:
    late = chunk(None, finish_reason="content_filter", content_filter_offsets={"check_offset": 4522})
    deltas, meter = read(*AZURE[:3], late)
    assert [each.stop for each in deltas if isinstance(each, Finish)] == ["content_filter"]
    assert meter.stop == "content_filter"


@pytest.mark.parametrize(
    ("word", "stop"),
    [
        ("model_context_window_exceeded", "length"),
        ("sensitive", "content_filter"),
        ("network_error", "error"),
        ("insufficient_system_resource", "error"),
        ("abort", "error"),
        ("eos", "stop"),
        ("eos_token", "stop"),
        ("something_new", "unknown"),
    ],
)
def test_why_an_answer_ended_is_known_in_other_servers_words(word: str, stop: str) -> None:
    deltas, meter = read(chunk({"content": "x"}), chunk({}, finish_reason=word))
    assert [(each.stop, each.stop_raw) for each in deltas if isinstance(each, Finish)] == [(stop, word)]
    assert meter.stop == stop


USAGES: list[tuple[str, Chunk, Usage]] = [
    ("Moonshot", {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "cached_tokens": 4},
     Usage(input=6, cache_read=4, output=5)),
    ("SGLang", {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "reasoning_tokens": 3},
     Usage(input=10, output=2, reasoning=3)),
    ("Alibaba", {"prompt_tokens": 2000, "completion_tokens": 5, "total_tokens": 2005,
                 "prompt_tokens_details": {"cached_tokens": 0, "cache_creation_input_tokens": 1500,
                                           "cache_type": "ephemeral"}},
     Usage(input=500, cache_write=1500, output=5)),
    ("llama.cpp", {"completion_tokens": 3, "prompt_tokens": 32, "total_tokens": 35,
                   "prompt_tokens_details": {"cached_tokens": 31}}, Usage(input=1, cache_read=31, output=3)),
    ("DeepSeek", {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "prompt_cache_hit_tokens": 8,
                  "prompt_cache_miss_tokens": 2, "completion_tokens_details": {"reasoning_tokens": 4}},
     Usage(input=2, cache_read=8, output=1, reasoning=4)),
]  # fmt: skip


@pytest.mark.parametrize(("told", "meant"), [case[1:] for case in USAGES], ids=[case[0] for case in USAGES])
def test_usage_is_read_by_whatever_name_and_alike_in_whole_answers_and_in_streams(told: Chunk, meant: Usage) -> None:
    body = {"id": "c", "model": "m", "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": told}
    assert OPENAI.parse_response(json.dumps(body).encode()).usage == meant
    assert OPENAI.glance(json.dumps(body).encode()).usage == meant
    last = chunk({}, finish_reason="stop") | {"usage": told}
    deltas, meter = read(chunk({"content": "x"}), last)
    assert [each.usage for each in deltas if isinstance(each, Finish)] == [meant]
    assert meter.usage == meant
    assert whole(chunk({"content": "x"}), last).usage == meant


def test_usage_in_a_choice_is_read_and_the_whole_streams_goes_before_it() -> None:
    """https://platform.moonshot.ai/docs/api/chat"""
    early = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    deltas, meter = read(chunk({"content": "x"}), chunk({}, finish_reason="stop", usage=early))
    assert [each.usage for each in deltas if isinstance(each, Finish)] == [meter.usage] == [Usage(input=10, output=5)]
    assert whole(chunk({"content": "x"}), chunk({}, finish_reason="stop", usage=early)) is None, "its usage was lost"


@pytest.mark.parametrize(
    ("body", "status", "reason", "failure"),
    [
        ({"base_resp": {"status_code": 1008, "status_msg": "no balance"}, "choices": None}, 402, "no_money", "key"),
        ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}, "choices": None}, 429, "", "rate_limited"),
        ({"base_resp": {"status_code": 1004, "status_msg": "login fail"}}, 401, "", "key"),
        ({"base_resp": {"status_code": 1026, "status_msg": "input sensitive"}}, 400, "filtered", "request"),
        ({"base_resp": {"status_code": 1000, "status_msg": "unknown"}}, 502, "", "broken"),
        ({"error": {"code": 429, "message": "Rate limit exceeded"}}, 429, "", "rate_limited"),
        ({"error": {"code": 402, "message": "Insufficient credits"}}, 402, "no_money", "key"),
        ({"error": {"code": 502, "message": "Provider returned error"}}, 502, "", "server"),
        ({"error": {"code": "weird", "message": "no"}}, 502, "", "broken"),
        ({"object": "error", "message": "no", "type": "BadRequestError", "code": 400}, 400, "", "request"),
        ({"choices": []}, 502, "", "broken"),
    ],
)  # fmt: skip
def test_a_failure_with_a_status_of_200_is_what_it_says_it_is(
    body: Chunk, status: int, reason: str, failure: str
) -> None:
    for read_it in (OPENAI.glance, OPENAI.parse_response):
        with pytest.raises(UpstreamFailure) as raised:
            read_it(json.dumps(body).encode())
        told = raised.value.reason if isinstance(raised.value, UpstreamRejected) else ""
        assert (raised.value.status, told, class_of(raised.value)) == (status, reason, failure)


@pytest.mark.parametrize(
    ("wrong", "message", "code"),
    [
        ({"object": "error", "message": "out of memory", "type": "InternalServerError", "code": 500},
         "out of memory", "InternalServerError"),
        ({"id": "c1", "choices": None, "base_resp": {"status_code": 1027, "status_msg": "output sensitive"}},
         "output sensitive", "1027"),
        ({"error": "queue is full", "error_type": "overloaded"}, "queue is full", ""),
    ],
)  # fmt: skip
def test_a_failure_within_a_stream_is_one_in_every_shape(wrong: Chunk, message: str, code: str) -> None:
    deltas, meter = read(chunk({"role": "assistant"}), wrong)
    failed = [each for each in deltas if isinstance(each, Failed)]
    assert [(each.message, each.code) for each in failed] == [(message, code or "upstream_stream_error")]
    assert meter.failed == message


def test_a_base_resp_that_says_all_is_well_changes_nothing() -> None:
    fine = {"base_resp": {"status_code": 0, "status_msg": ""}}
    deltas, meter = read(chunk({"content": "x"}) | fine, chunk({}, finish_reason="stop") | fine)
    assert [each.stop for each in deltas if isinstance(each, Finish)] == ["stop"]
    assert meter.failed is None
