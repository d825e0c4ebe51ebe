"""Same dialect in and out: what is read is right, and nothing else changes."""

import json
from typing import Any

import pytest
from bodies import (
    ANSWER,
    ANTHROPIC_ANSWER,
    ANTHROPIC_REQUEST,
    ANTHROPIC_STREAM,
    OPENAI_ANSWER,
    OPENAI_REQUEST,
    OPENAI_STREAM,
    REQUEST,
    STREAM,
    dump,
    events,
)

from trimtab.core.errors import InvalidRequest, UpstreamFailure
from trimtab.llm.dialects import DIALECTS, Head, Quirks
from trimtab.llm.types import Usage

OPENAI = DIALECTS.get("openai_chat")
ANTHROPIC = DIALECTS.get("anthropic_messages")
BOTH = pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages"])


# --- peek ---


def test_peek_reads_what_routing_needs_of_an_openai_call() -> None:
    assert OPENAI.peek(dump(OPENAI_REQUEST)) == Head(
        model="gpt-5-mini",
        stream=True,
        max_tokens=300,
        user="u-1",
        wants_usage=True,
        metadata={"feature": "weather"},
        tier="auto",
    )


def test_peek_reads_what_routing_needs_of_an_anthropic_call() -> None:
    assert ANTHROPIC.peek(dump(ANTHROPIC_REQUEST)) == Head(
        model="claude-sonnet-4-5",
        stream=True,
        max_tokens=1024,
        user="u-1",
        wants_usage=True,
        metadata={"user_id": "u-1"},
        tier="auto",
    )


def test_a_safety_identifier_is_the_user_where_none_is_named() -> None:
    assert OPENAI.peek(b'{"model":"m","messages":[],"safety_identifier":"s"}').user == "s"


def test_only_string_values_of_metadata_are_kept() -> None:
    assert OPENAI.peek(b'{"model":"m","metadata":{"a":"x","b":1,"c":null}}').metadata == {"a": "x"}


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({"messages": []}, "model", "is missing"),
        ({"model": 7}, "model", "must be a string, not a number"),
        ({"model": ""}, "model", "is empty"),
        ({"model": "m", "stream": "yes"}, "stream", "must be true or false, not a string"),
        ({"model": "m", "max_tokens": 0}, "max_tokens", "must be between 1 and 2147483647"),
        ({"model": "m", "max_tokens": 1.5}, "max_tokens", "must be a whole number"),
        ({"model": "m", "max_completion_tokens": "9"}, "max_completion_tokens", "must be a whole number, not a string"),
        ({"model": "m", "metadata": ["a"]}, "metadata", "must be an object, not a list"),
        (
            {"model": "m", "stream_options": {"include_usage": 1}},
            "stream_options.include_usage",
            "must be true or false, not a number",
        ),
    ],
)
def test_a_wrong_openai_head_is_refused_with_its_place(body: dict[str, Any], param: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        OPENAI.peek(dump(body))
    assert caught.value.param == param
    assert words in caught.value.message


def test_anthropic_demands_a_bound_of_the_answer() -> None:
    with pytest.raises(InvalidRequest, match="`max_tokens` is missing") as caught:
        ANTHROPIC.peek(b'{"model":"m","messages":[]}')
    told = json.loads(ANTHROPIC.render_error(caught.value, "req_1"))
    assert told["type"] == "error"
    assert told["error"]["type"] == "invalid_request_error"
    assert told["request_id"] == "req_1"


# --- forward ---


@BOTH
def test_only_the_model_changes_on_the_way_up(name: str) -> None:
    dialect = DIALECTS.get(name)
    body = dump(REQUEST[name] | {"x_unknown": {"b": [1, 2.50], "a": "ü"}})
    head = dialect.peek(body)
    sent = json.loads(dialect.forward(body, head, "renamed", Quirks()))
    assert sent == json.loads(body) | {"model": "renamed"}
    assert list(sent) == list(json.loads(body))


def test_values_pass_byte_for_byte() -> None:
    body = b'{ "model" : "a", "messages":[ {"role" : "user","content":"\\u00fc \xc3\xbc"} ], "seed":1.50e3 }'
    sent = OPENAI.forward(body, Head(model="a"), "b", Quirks())
    assert sent == b'{"model":"b","messages":[ {"role" : "user","content":"\\u00fc \xc3\xbc"} ],"seed":1.50e3}'


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (None, {"include_usage": True}),
        ({"include_usage": False}, {"include_usage": True}),
        ({"include_obfuscation": False}, {"include_obfuscation": False, "include_usage": True}),
    ],
)
def test_usage_is_asked_for_in_every_openai_stream(options: dict[str, Any] | None, expected: dict[str, Any]) -> None:
    body = dump({"model": "m", "messages": [], "stream": True, "stream_options": options})
    sent = json.loads(OPENAI.forward(body, OPENAI.peek(body), "m", Quirks()))
    assert sent["stream_options"] == expected


def test_usage_is_not_asked_of_a_provider_that_does_not_know_the_option() -> None:
    body = b'{"model":"m","messages":[],"stream":true}'
    assert b"stream_options" not in OPENAI.forward(body, OPENAI.peek(body), "m", Quirks(stream_usage=False))


def test_usage_is_not_asked_for_where_nothing_streams() -> None:
    body = b'{"model":"m","messages":[]}'
    assert OPENAI.forward(body, OPENAI.peek(body), "m", Quirks()) == body


# --- glance ---


def test_openai_usage_is_split_into_exclusive_buckets() -> None:
    glance = OPENAI.glance(dump(OPENAI_ANSWER))
    assert glance.usage == Usage(input=93, cache_read=1024, output=6, reasoning=40, audio_input=3, audio_output=2)
    assert glance.usage is not None
    assert glance.usage.total() == OPENAI_ANSWER["usage"]["total_tokens"]
    assert (glance.id, glance.model) == ("chatcmpl-123", "gpt-5-mini-2025-08-07")
    assert (glance.stop, glance.stop_raw) == ("stop", "stop")


def test_anthropic_usage_is_split_into_exclusive_buckets() -> None:
    glance = ANTHROPIC.glance(dump(ANTHROPIC_ANSWER))
    assert glance.usage == Usage(input=93, cache_read=1024, cache_write=300, cache_write_1h=200, output=6, reasoning=40)
    assert (glance.stop, glance.stop_raw) == ("stop", "end_turn")


def test_openai_cache_writes_are_part_of_its_prompt_tokens() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 1,
        "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 50},
    }
    assert OPENAI.glance(dump(OPENAI_ANSWER | {"usage": usage})).usage == Usage(
        input=20, cache_read=30, cache_write=50, output=1
    )


def test_details_larger_than_their_total_never_make_a_bucket_negative() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": -4,
        "prompt_tokens_details": {"cached_tokens": 99, "cache_write_tokens": 9},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }
    assert OPENAI.glance(dump(OPENAI_ANSWER | {"usage": usage})).usage == Usage(cache_read=10)


def test_deepseek_tells_its_cache_hits_beside_the_total() -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 6}
    assert OPENAI.glance(dump(OPENAI_ANSWER | {"usage": usage})).usage == Usage(input=6, cache_read=4, output=1)


@BOTH
def test_an_answer_with_odd_types_is_read_as_far_as_it_goes(name: str) -> None:
    dialect = DIALECTS.get(name)
    glance = dialect.glance(dump(ANSWER[name] | {"id": 7, "model": None}))
    assert (glance.id, glance.model) == ("", "")
    assert glance.usage == dialect.glance(dump(ANSWER[name])).usage


@BOTH
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"id":"x"'])
def test_what_is_no_answer_is_a_failure_of_the_provider(name: str, body: bytes) -> None:
    for read in (DIALECTS.get(name).glance, DIALECTS.get(name).parse_response):
        with pytest.raises(UpstreamFailure):
            read(body)


@BOTH
def test_a_failure_wrapped_in_a_200_is_a_failure(name: str) -> None:
    body = b'{"error":{"message":"Provider returned error","code":502},"user_id":"u"}'
    for read in (DIALECTS.get(name).glance, DIALECTS.get(name).parse_response):
        with pytest.raises(UpstreamFailure, match="Provider returned error"):
            read(body)


# --- meter ---


def test_a_usage_only_chunk_is_not_sent_to_a_client_that_did_not_ask() -> None:
    meter = OPENAI.meter(Head(model="m", stream=True))
    passed = [meter.feed(event) for event in events(OPENAI_STREAM)]
    assert passed == [*events(OPENAI_STREAM)[:4], b"", b"data: [DONE]\n\n"]
    assert meter.usage == Usage(input=12, cache_read=8, output=4, reasoning=5)


def test_a_usage_only_chunk_is_taken_out_of_the_middle_of_a_block() -> None:
    meter = OPENAI.meter(Head(model="m", stream=True))
    assert meter.feed(OPENAI_STREAM) == b"".join([*events(OPENAI_STREAM)[:4], b"data: [DONE]\n\n"])
    assert meter.finished
    assert meter.usage is not None


def test_a_client_that_asked_gets_the_usage_chunk_and_the_same_bytes() -> None:
    meter = OPENAI.meter(Head(model="m", stream=True, wants_usage=True))
    assert meter.feed(OPENAI_STREAM) is OPENAI_STREAM


def test_usage_on_a_chunk_with_a_choice_is_read_and_passed_on() -> None:
    meter = OPENAI.meter(Head(model="m", stream=True))
    last = (
        b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":3,"completion_tokens":2}}\r\n\r\n'
    )
    assert meter.feed(last) is last
    assert meter.usage == Usage(input=3, output=2)
    assert meter.stop == "stop"


def test_a_chunk_without_choices_and_without_usage_passes() -> None:
    meter = OPENAI.meter(Head(model="m", stream=True))
    azure = b'data: {"choices":[],"id":"","model":"","prompt_filter_results":[{"prompt_index":0}],"usage":null}\n\n'
    assert meter.feed(azure) is azure
    assert meter.usage is None
    assert not meter.semantic


def test_the_meter_knows_the_first_token_from_the_greeting() -> None:
    meter = OPENAI.meter(Head(model="m", stream=True))
    greeting, first, *_ = events(OPENAI_STREAM)
    meter.feed(greeting)
    assert (meter.semantic, meter.id, meter.model) == (False, "chatcmpl-1", "gpt-5-mini")
    meter.feed(first)
    assert meter.semantic


def test_words_of_the_model_that_look_like_the_wire_do_not_fool_the_meter() -> None:
    meter = OPENAI.meter(Head(model="m", stream=True))
    meter.feed(events(OPENAI_STREAM)[1])
    said = 'data: [DONE] "usage":{"prompt_tokens":9} "finish_reason":"length" "error"'
    event = b"data: " + dump({"choices": [{"index": 0, "delta": {"content": said}, "finish_reason": None}]}) + b"\n\n"
    assert meter.feed(event) is event
    assert (meter.finished, meter.usage, meter.stop, meter.failed) == (False, None, "unknown", None)


def test_the_last_usage_counts_when_it_is_told_again_and_again() -> None:
    meter = OPENAI.meter(Head(model="m", stream=True))
    for count in (1, 2, 3):
        choice = {"index": 0, "delta": {"content": "x"}, "finish_reason": None}
        chunk = {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": count}}
        meter.feed(b"data: " + dump(chunk) + b"\n\n")
    assert meter.usage == Usage(input=5, output=3)


def test_an_anthropic_stream_is_metered_to_its_end() -> None:
    meter = ANTHROPIC.meter(Head(model="m", stream=True))
    start, opening, ping, first, *rest = events(ANTHROPIC_STREAM)
    for event in (start, opening, ping):
        assert meter.feed(event) is event
    assert meter.usage == Usage(input=12, cache_read=8, cache_write=30, cache_write_1h=20, output=1)
    assert not meter.semantic
    meter.feed(first)
    assert meter.semantic
    for event in rest:
        assert meter.feed(event) is event
    assert meter.usage == Usage(input=12, cache_read=8, cache_write=30, cache_write_1h=20, output=9)
    assert (meter.id, meter.model, meter.stop, meter.stop_raw) == ("msg_1", "claude-sonnet-4-5", "stop", "end_turn")
    assert meter.finished


def test_cumulative_input_told_late_replaces_what_was_told_first() -> None:
    meter = ANTHROPIC.meter(Head(model="m", stream=True))
    meter.feed(events(ANTHROPIC_STREAM)[0])
    late = {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 50, "output_tokens": 4}}
    meter.feed(b"event: message_delta\ndata: " + dump(late) + b"\n\n")
    assert meter.usage == Usage(input=50, cache_read=8, cache_write=30, cache_write_1h=20, output=4)


@BOTH
@pytest.mark.parametrize("early", [True, False])
def test_an_error_inside_a_stream_is_noticed_and_passed_on(name: str, early: bool) -> None:
    meter = DIALECTS.get(name).meter(Head(model="m", stream=True))
    if not early:
        for event in events(STREAM[name])[:5]:
            meter.feed(event)
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    assert meter.feed(error) is error
    assert meter.failed == "Overloaded"
    assert not meter.finished


@BOTH
def test_a_stream_of_garbage_is_a_failure(name: str) -> None:
    meter = DIALECTS.get(name).meter(Head(model="m", stream=True))
    meter.feed(b"data: <html>\n\n")
    assert meter.failed
