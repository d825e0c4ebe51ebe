"""What each vendor's documented answers and streams become in the canonical model, and at the other vendor."""

import json
from typing import Any

import pytest
from bodies import ANTHROPIC_ANSWER, OPENAI_ANSWER, dump

from trimtab.llm.dialects import DIALECTS, Head
from trimtab.llm.fold import fold
from trimtab.llm.types import (
    BlockClose,
    BlockGrow,
    BlockOpen,
    Delta,
    Failed,
    Finish,
    Opaque,
    Reasoning,
    Refusal,
    Start,
    Text,
    ToolCall,
    Usage,
)

OPENAI = DIALECTS.get("openai_chat")
ANTHROPIC = DIALECTS.get("anthropic_messages")


# --- answers ---


def test_documented_answers_are_understood() -> None:
    assert OPENAI.parse_response(dump(OPENAI_ANSWER)).parts == (Text("Rain."),)
    assert ANTHROPIC.parse_response(dump(ANTHROPIC_ANSWER)).parts == (
        Reasoning(text="Rain it is.", signature="EqQBCg=="),
        Text("Rain."),
    )


def test_an_anthropic_answer_for_an_openai_client() -> None:
    told = json.loads(OPENAI.render_response(ANTHROPIC.parse_response(dump(ANTHROPIC_ANSWER))))
    assert told["choices"][0]["message"] == {
        "role": "assistant",
        "content": "Rain.",
        "refusal": None,
        "reasoning_content": "Rain it is.",
    }
    assert told["choices"][0]["finish_reason"] == "stop"
    assert told["usage"] == {
        "prompt_tokens": 93 + 300 + 1024,
        "completion_tokens": 46,
        "total_tokens": 93 + 300 + 1024 + 46,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0, "cache_write_tokens": 300},
        "completion_tokens_details": {"reasoning_tokens": 40, "audio_tokens": 0},
    }


def test_an_openai_answer_for_an_anthropic_client() -> None:
    told = json.loads(ANTHROPIC.render_response(OPENAI.parse_response(dump(OPENAI_ANSWER))))
    assert told == {
        "id": "chatcmpl-123",
        "type": "message",
        "role": "assistant",
        "model": "gpt-5-mini-2025-08-07",
        "content": [{"type": "text", "text": "Rain."}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 93,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 1024,
            "output_tokens": 46,
            "output_tokens_details": {"thinking_tokens": 40},
        },
    }


def choice(message: dict[str, Any], finish: str = "stop") -> bytes:
    return dump({"choices": [{"index": 0, "message": message, "finish_reason": finish}]})


def test_a_refusal_in_words_stops_as_a_refusal() -> None:
    response = OPENAI.parse_response(choice({"role": "assistant", "content": None, "refusal": "I will not."}))
    assert (response.parts, response.stop) == ((Refusal("I will not."),), "refusal")
    told = json.loads(ANTHROPIC.render_response(response))
    assert (told["content"], told["stop_reason"]) == ([{"type": "text", "text": "I will not."}], "refusal")
    back = json.loads(OPENAI.render_response(response))["choices"][0]
    assert (back["finish_reason"], back["message"]["content"], back["message"]["refusal"]) == (
        "stop",
        None,
        "I will not.",
    )


def test_a_call_that_was_forced_by_name_stops_for_tools_though_openai_says_stop() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    response = OPENAI.parse_response(choice({"role": "assistant", "content": None, "tool_calls": [call]}))
    assert response.stop == "tool_calls"


def test_compatible_servers_may_leave_out_or_change_what_they_do() -> None:
    call = {"function": {"name": "f", "arguments": {"a": 1}}}
    message = {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "tool_calls": [call]}
    response = OPENAI.parse_response(choice(message | {"reasoning": "hm"}, "tool_calls"))
    assert response.parts == (Reasoning(text="hm"), Text("ab"), ToolCall("call_0", "f", '{"a": 1}'))


def test_blocks_of_server_tools_are_kept_at_home_and_not_shown_elsewhere() -> None:
    block = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}
    body = dump(ANTHROPIC_ANSWER | {"content": [block, {"type": "text", "text": "a"}]})
    response = ANTHROPIC.parse_response(body)
    assert isinstance(response.parts[0], Opaque)
    assert json.loads(ANTHROPIC.render_response(response))["content"][0] == block
    assert json.loads(OPENAI.render_response(response))["choices"][0]["message"]["content"] == "a"


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "stop"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ],
)
def test_every_anthropic_stop_has_an_openai_word(word: str, finish: str) -> None:
    response = ANTHROPIC.parse_response(dump(ANTHROPIC_ANSWER | {"stop_reason": word}))
    assert json.loads(OPENAI.render_response(response))["choices"][0]["finish_reason"] == finish


# --- streams ---


def chunk(delta: dict[str, Any], finish: str | None = None, **fields: Any) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return b"data: " + dump({"id": "c", "model": "m", "created": 5, "choices": choices} | fields) + b"\n\n"


def fragment(index: int, arguments: str, **first: Any) -> dict[str, Any]:
    name = {"name": first.pop("name")} if "name" in first else {}
    return {"tool_calls": [{"index": index, "function": {"arguments": arguments, **name}, **first}]}


def test_tool_calls_that_grow_side_by_side_are_put_in_a_row_for_anthropic() -> None:
    decoder, encoder = OPENAI.stream_decoder(), ANTHROPIC.stream_encoder(Head(model="m", stream=True))
    wire = b"".join(
        [
            chunk({"role": "assistant", "content": None}),
            chunk(fragment(0, "", id="a", type="function", name="f")),
            chunk(fragment(1, "", id="b", type="function", name="g")),
            chunk(fragment(0, '{"x":')),
            chunk(fragment(1, '{"y":')),
            chunk(fragment(0, "1}")),
            chunk(fragment(1, "2}")),
            chunk({}, "tool_calls"),
            b"data: [DONE]\n\n",
        ]
    )
    deltas = decoder.feed(wire)
    assert fold(deltas).parts == (ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", '{"y":2}'))
    told = b"".join(encoder.feed(delta) for delta in deltas)
    kinds = [json.loads(line[6:])["type"] for line in told.split(b"\n") if line.startswith(b"data: ")]
    assert kinds == [
        "message_start",
        *["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"] * 2,
        "message_delta",
        "message_stop",
    ]
    assert fold(ANTHROPIC.stream_decoder().feed(told)).parts == fold(deltas).parts


def test_servers_that_never_count_up_still_make_two_calls() -> None:
    deltas = OPENAI.stream_decoder().feed(
        chunk(fragment(0, "{}", id="a", name="f")) + chunk(fragment(0, "{}", id="b", name="g")) + b"data: [DONE]\n\n"
    )
    assert fold(deltas).parts == (ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}"))


def test_usage_told_at_the_very_end_is_in_the_finish() -> None:
    decoder = OPENAI.stream_decoder()
    assert not [d for d in decoder.feed(chunk({"content": "x"}) + chunk({}, "stop")) if isinstance(d, Finish)]
    last: dict[str, Any] = {"id": "c", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    deltas = decoder.feed(b"data: " + dump(last) + b"\n\ndata: [DONE]\n\n")
    assert deltas[-1] == Finish(stop="stop", stop_raw="stop", usage=Usage(input=3, output=1))


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_are_streamed_as_thoughts(field: str) -> None:
    wire = chunk({field: "hm"}) + chunk({"content": "x"}) + chunk({}, "stop") + b"data: [DONE]\n\n"
    deltas = OPENAI.stream_decoder().feed(wire)
    assert fold(deltas).parts == (Reasoning(text="hm"), Text("x"))
    encoder = OPENAI.stream_encoder(Head(model="m", stream=True))
    assert b'"reasoning_content":"hm"' in b"".join(encoder.feed(delta) for delta in deltas)


@pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages"])
def test_a_stream_that_only_ends_is_a_failure(name: str) -> None:
    dialect = DIALECTS.get(name)
    head = Head(model="m", stream=True)
    encoder, decoder = dialect.stream_encoder(head), dialect.stream_decoder()
    begun: list[Delta] = [Start(id="i", model="m"), BlockOpen(index=0, kind="text"), BlockGrow(index=0, text="x")]
    decoder.feed(b"".join(encoder.feed(delta) for delta in begun))
    assert [type(delta) for delta in decoder.close()] == [Failed]
    assert decoder.close() == []


@pytest.mark.parametrize("name", ["openai_chat", "anthropic_messages"])
def test_an_error_after_a_200_ends_the_stream_and_nothing_follows_it(name: str) -> None:
    dialect = DIALECTS.get(name)
    decoder = dialect.stream_decoder()
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    assert decoder.feed(error) == [Failed(message="Overloaded", code="overloaded_error")]
    assert decoder.feed(chunk({"content": "x"})) == []
    assert decoder.close() == []


@pytest.mark.parametrize("wants", [True, False])
def test_usage_is_told_only_to_a_client_that_asked(wants: bool) -> None:
    encoder = OPENAI.stream_encoder(Head(model="m", stream=True, wants_usage=wants))
    told = encoder.feed(Start(id="i", model="m")) + encoder.feed(Finish(stop="stop", usage=Usage(input=1)))
    assert (b'"prompt_tokens":1' in told) is wants
    assert (b'"usage":null' in told) is wants
    assert told.endswith(b"data: [DONE]\n\n")


def test_a_whole_input_at_the_start_of_a_block_counts_if_no_fragments_come() -> None:
    start: dict[str, Any] = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
    wire = b"".join(
        b"data: " + dump(event) + b"\n\n"
        for event in (
            {"type": "content_block_start", "index": 0, "content_block": start},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_stop"},
        )
    )
    assert fold(ANTHROPIC.stream_decoder().feed(wire)).parts == (ToolCall("t", "f", '{"a":1}'),)


def test_a_server_tools_block_is_whole_when_it_opens() -> None:
    start: dict[str, Any] = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    wire = b"".join(
        b"data: " + dump(event) + b"\n\n"
        for event in (
            {"type": "content_block_start", "index": 0, "content_block": start},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"q":'}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "1}"}},
            {"type": "content_block_stop", "index": 0},
        )
    )
    opened, closed = ANTHROPIC.stream_decoder().feed(wire)
    assert isinstance(opened, BlockOpen)
    assert json.loads(bytes(opened.raw))["input"] == {"q": 1}
    assert closed == BlockClose(index=0)
    assert OPENAI.stream_encoder(Head(model="m")).feed(opened) == b""
