"""What providers bill or refuse beside the answer proper: tokens outside their totals, errors inside an answer."""

import json
from typing import Any

import pytest

from trimtab.core.errors import UpstreamFailure
from trimtab.llm.dialects import DIALECTS, Dialect, Head
from trimtab.llm.dialects.anthropic_messages.usage import usage_of as anthropic_usage
from trimtab.llm.dialects.cohere_chat.response import usage_of as cohere_usage
from trimtab.llm.fold import fold
from trimtab.llm.simulated.anthropic_messages import stream as anthropic_stream
from trimtab.llm.simulated.anthropic_messages import whole as anthropic_whole
from trimtab.llm.simulated.scenario import Scenario
from trimtab.llm.types import Failed, Opaque, Usage

ANTHROPIC = DIALECTS.get("anthropic_messages")
OPENAI = DIALECTS.get("openai_chat")
HEAD = Head(model="m", stream=True, wants_usage=True)
ASKED: dict[str, Any] = {"model": "m", "max_tokens": 20, "messages": [{"role": "user", "content": "hello"}]}


def streamed(dialect: Dialect, events: bytes) -> tuple[Any, Any]:
    """The answer that the decoder makes of it, and the meter that watched it go by."""
    decoder, meter = dialect.stream_decoder(), dialect.meter(HEAD)
    meter.feed(events)
    return fold([*decoder.feed(events), *decoder.close()]), meter


def test_a_compaction_is_counted_beside_the_totals_that_leave_it_out() -> None:
    told = {
        "input_tokens": 23_000,
        "output_tokens": 1_000,
        "iterations": [
            {
                "type": "compaction",
                "input_tokens": 180_000,
                "output_tokens": 3_500,
                "cache_read_input_tokens": 7,
                "cache_creation_input_tokens": 5,
                "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3},
            },
            {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000},
        ],
    }
    assert anthropic_usage(told) == Usage(input=203_000, cache_read=7, cache_write=5, cache_write_1h=3, output=4_500)


def test_what_an_advisor_used_is_counted_and_marked_for_it_has_another_models_rates() -> None:
    entries: list[Any] = [
        {"type": "message", "input_tokens": 412, "output_tokens": 89},
        {"type": "advisor_message", "model": "claude-opus-4-7", "input_tokens": 823, "output_tokens": 1612},
        {"type": "message", "input_tokens": 1348, "output_tokens": 442},
        {"type": "of another year", "input_tokens": 9, "output_tokens": 9},
        "no entry",
    ]
    told = {"input_tokens": 412, "output_tokens": 531, "iterations": entries}
    assert anthropic_usage(told) == Usage(input=412 + 823, output=531 + 1612, estimated=True)
    assert anthropic_usage(told | {"iterations": None}) == Usage(input=412, output=531)
    assert anthropic_usage(told | {"iterations": {"type": "compaction"}}) == Usage(input=412, output=531)


def test_a_simulated_compaction_is_counted_alike_whole_streamed_and_in_passing() -> None:
    scenario = Scenario(compacted=60_000, cached=4)
    body = anthropic_whole(ASKED, "claude-sonnet-4-5", scenario, 1)
    whole = ANTHROPIC.parse_response(body)
    events = b"".join(anthropic_stream(ASKED, "claude-sonnet-4-5", scenario, 1))
    read, meter = streamed(ANTHROPIC, events)
    assert whole.usage == read.usage == meter.usage == ANTHROPIC.glance(body).usage
    assert whole.usage is not None
    assert whole.usage.input > 60_000
    assert not whole.usage.estimated
    for answer in (whole, read):  # the summary itself, which a stream tells after its block has begun
        block = answer.parts[0]
        assert isinstance(block, Opaque)
        assert json.loads(bytes(block.raw)) == {"type": "compaction", "content": "A summary of 60000 tokens."}


def test_a_pause_after_a_compaction_is_a_pause() -> None:
    body = json.loads(anthropic_whole(ASKED, "m", Scenario(), 1)) | {"stop_reason": "compaction"}
    assert ANTHROPIC.parse_response(json.dumps(body).encode()).stop == "pause"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        # more than fits beside what is billed: the cached tokens are billed
        (
            {"billed_units": {"input_tokens": 430, "output_tokens": 5}, "tokens": {"input_tokens": 500}}
            | {"cached_tokens": 400},
            Usage(input=30, cache_read=400, output=5),
        ),
        # room for both: they are not
        (
            {"billed_units": {"input_tokens": 100, "output_tokens": 5}, "tokens": {"input_tokens": 500}}
            | {"cached_tokens": 400},
            Usage(input=100, output=5),
        ),
        (
            {"tokens": {"input_tokens": 500, "output_tokens": 5}, "cached_tokens": 900},
            Usage(cache_read=500, output=5),
        ),
        ({"billed_units": {"output_tokens": 5}, "cached_tokens": 3}, Usage(output=5)),
        ({}, None),
    ],
)
def test_what_cohere_read_from_its_cache_is_in_a_bucket_of_its_own_where_it_is_billed(
    told: dict[str, Any], expected: Usage | None
) -> None:
    assert cohere_usage(told) == expected


def chunk(**more: Any) -> bytes:
    told: dict[str, Any] = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    return b"data: " + json.dumps(told | more).encode() + b"\n\n"


def test_an_error_in_groqs_last_chunk_ends_the_stream_as_an_error() -> None:
    said = chunk(choices=[{"index": 0, "delta": {"content": "Half an"}, "finish_reason": None}], x_groq={"id": "r"})
    wire = said + chunk(x_groq={"id": "r", "error": "over capacity"}) + b"data: [DONE]\n\n"
    decoder, meter = OPENAI.stream_decoder(), OPENAI.meter(HEAD)
    deltas = decoder.feed(wire)
    meter.feed(wire)
    assert deltas[-1] == Failed(message="over capacity", code="upstream_stream_error")
    assert meter.failed == "over capacity"
    quiet = OPENAI.meter(HEAD)
    quiet.feed(said + chunk(x_groq={"id": "r", "error": None}) + b"data: [DONE]\n\n")
    assert (quiet.failed, quiet.finished) == (None, True)


def test_an_error_in_a_choice_is_no_answer() -> None:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": ""},
        "finish_reason": "error",
        "error": {"code": 502, "message": "The provider went away."},
    }
    for body in (
        {"id": "1", "model": "m", "choices": [choice]},
        {"id": 1, "model": "m", "choices": [choice]},  # what only the careful reader takes
    ):
        raw = json.dumps(body).encode()
        for read in (OPENAI.glance, OPENAI.parse_response):
            with pytest.raises(UpstreamFailure, match=r"The provider went away\."):
                read(raw)


def test_a_tier_without_room_may_be_asked_again() -> None:
    body = b'{"error": {"message": "Flex tier capacity exceeded.", "type": "capacity_exceeded"}}'
    assert OPENAI.parse_error(498, body, {}).retryable
    assert not OPENAI.parse_error(422, body, {}).retryable
    assert not DIALECTS.get("cohere_chat").parse_error(498, body, {}).retryable  # there it is an invalid token


@pytest.mark.parametrize(
    ("word", "stop"),
    [("CONTINUATION", "length"), ("ESCALATION", "content_filter"), ("PUP_LIMITED_DISABLED", "content_filter")],
)
def test_this_years_finish_reasons_of_google_are_known(word: str, stop: str) -> None:
    body = {"candidates": [{"content": {"parts": [{"text": "So"}]}, "finishReason": word}]}
    assert DIALECTS.get("gemini").parse_response(json.dumps(body).encode()).stop == stop


def test_what_a_failed_response_says_it_used_is_booked() -> None:
    failed = {
        "id": "resp_1",
        "model": "gpt-5",
        "status": "failed",
        "error": {"code": "server_error", "message": "It broke."},
        "usage": {"input_tokens": 50, "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 12}},
    }
    meter = DIALECTS.get("openai_responses").meter(HEAD)
    for told in (failed, failed | {"usage": None}):
        event = {"type": "response.failed", "sequence_number": 3, "response": told}
        meter.feed(b"event: response.failed\ndata: " + json.dumps(event).encode() + b"\n\n")
        wanted = Usage(input=50, output=8, reasoning=12) if told["usage"] else None
        assert (meter.failed, meter.usage, meter.id) == ("It broke.", wanted, "resp_1")


def test_a_response_with_as_many_messages_as_it_may_have_was_cut() -> None:
    body: dict[str, Any] = {"id": "r", "model": "m", "status": "incomplete", "output": []}
    body["incomplete_details"] = {"reason": "max_messages"}
    assert DIALECTS.get("openai_responses").glance(json.dumps(body).encode()).stop == "length"
